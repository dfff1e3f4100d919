"""Values of nodes at random points under several activation patterns at once, to find relations between them.

All patterns are tried at the same states, so that what does not depend on data can be compared from one to the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lielaws.engine.arithmetic.modular import BadPrimeError
from lielaws.engine.graph.node import Leaf, Node
from lielaws.engine.linalg import rational_reconstruction
from lielaws.engine.values.basepoints import GateValues, PatternSampler, Request
from lielaws.engine.values.drawing import Drawing
from lielaws.engine.values.draws import Draw, StuckError
from lielaws.engine.values.plan import Plan, equal_groups
from lielaws.engine.values.sources import SAMPLE
from lielaws.errors import ExactnessError

IntArray = npt.NDArray[np.int64]

PRIMES = (2147260631, 2146303871)
"""both 3 modulo 4, and all primes up to 61 are squares modulo both, so that roots of small numbers exist"""

SPARE = 12
_ATTEMPTS = 16
_PROBES = 3
_SMALL = 1000


class UndefinedPatternError(Exception):
    """Under some activation patterns a function has no value at any data, as the logarithm of a closed gate.

    still : where roots do not depend on data under a pattern, but do in general: they exist at half of the states only
    """

    def __init__(self, *numbers: int, still: bool = False) -> None:
        super().__init__(f"patterns {numbers}")
        self.numbers, self.still = numbers, still


@dataclass(frozen=True, slots=True)
class Pattern:
    """An activation pattern, or arbitrary gates, with the plan of the functions resolved so far.

    gates : fixed gates, (1, 1, *shape); empty for arbitrary ones
    number : which of the patterns of gates it is
    partial : whether there are others with the same gates, for other signs of roots, that were left out
    conditional : whether states are chosen so that roots without data exist under it
    """

    plan: Plan = field(default_factory=Plan)
    gates: GateValues = field(default_factory=dict)
    number: int = -1
    partial: bool = False
    conditional: bool = False

    def with_plan(self, plan: Plan) -> Pattern:
        return replace(self, plan=plan)


@dataclass(frozen=True)
class Points:
    """Base points of one pattern: one sample for each state, or all at one state."""

    sampler: PatternSampler
    prime: int
    state: Draw
    sample: Draw

    @property
    def count(self) -> int:
        return self.sample.count

    @cached_property
    def _run(self) -> tuple[list[IntArray], Drawing]:
        return self.sampler.run(self.state, self.sample, self.prime)

    @property
    def drawing(self) -> Drawing:
        return self._run[1]

    @cached_property
    def values(self) -> IntArray:
        """The entries of all outputs, (samples, entries)."""
        entries: IntArray = flattened(self._run[0], self.sampler.outputs, self.count)[0]
        return entries


def trials(
    nodes: Sequence[Node],
    patterns: Sequence[Pattern],
    prime: int,
    count: int,
    *,
    samples: int = 1,
    states: int | None = None,
    seed: int = 0,
    state: Draw | None = None,
) -> Iterator[list[Points]]:
    """For each pattern in turn, independent samples at the same states.

    count : of states with one sample each
    samples : how many samples at each state
    states : 1 for a single state with `count` samples
    state : the states, if they are known

    Raises UndefinedPatternError for patterns at which some function is nowhere defined; ExactnessError for the first.
    """
    rng = np.random.default_rng((prime, count, seed))
    first = PatternSampler(nodes, patterns[0].plan, patterns[0].gates)
    if state is None:
        also = [PatternSampler(nodes, one.plan, one.gates) for one in patterns[1:] if one.conditional]
        state, points = _first([first, *also], rng, count, prime, samples, states or count)
    else:
        points = _at(state, first, rng, count, prime, samples)
    yield points
    if len(patterns) > 1:
        yield from _Others(nodes, patterns, prime, state, rng, count, samples).points()


def _first(
    samplers: Sequence[PatternSampler], rng: np.random.Generator, count: int, prime: int, samples: int, states: int
) -> tuple[Draw, list[Points]]:
    """States at which all roots exist, and samples there of the first of some patterns."""
    first = samplers[0]
    for _ in range(_ATTEMPTS):
        try:
            state = first.draw_state(rng, states, prime)
            for _ in range(_ATTEMPTS * len(samplers)):
                try:
                    for other in samplers[1:]:
                        _points(other, state, rng, count, prime)
                    return state, [_points(first, state, rng, count, prime) for _ in range(samples)]
                except StuckError as stuck:
                    # Other states for those at which a root does not exist.
                    chosen = stuck.samples if states > 1 else np.zeros(1, dtype=np.int64)
                    state.replace(chosen, first.draw_state(rng, len(chosen), prime))
        except BadPrimeError:
            continue
    raise ExactnessError("a denominator of the architecture vanishes at every point that was tried")


def _at(
    state: Draw, sampler: PatternSampler, rng: np.random.Generator, count: int, prime: int, samples: int
) -> list[Points]:
    try:
        return [_points(sampler, state, rng, count, prime) for _ in range(samples)]
    except BadPrimeError as error:
        raise ExactnessError(str(error)) from None


@dataclass(frozen=True)
class _Others:
    """The trials of all patterns but the first, those with equal plans drawn together."""

    nodes: Sequence[Node]
    patterns: Sequence[Pattern]
    prime: int
    state: Draw
    rng: np.random.Generator
    count: int
    samples: int

    def points(self) -> Iterator[list[Points]]:
        found: dict[int, list[Points]] = {}
        for group in equal_groups([pattern.plan for pattern in self.patterns[1:]]):
            found |= self._of_group([number + 1 for number in group])
        for number in range(1, len(self.patterns)):
            yield found[number]

    def _of_group(self, numbers: list[int]) -> dict[int, list[Points]]:
        self._check(numbers)
        if len(numbers) > 1:
            try:
                return self._together(numbers)
            except (BadPrimeError, ExactnessError):
                pass
        found = {}
        for number in numbers:
            sampler = PatternSampler(self.nodes, self.patterns[number].plan, self.patterns[number].gates)
            try:
                found[number] = [
                    _points(sampler, self.state, self.rng, self.count, self.prime) for _ in range(self.samples)
                ]
            except (BadPrimeError, ExactnessError):
                raise UndefinedPatternError(number) from None
        return found

    def _together(self, numbers: list[int]) -> dict[int, list[Points]]:
        sampler, state = self._joint(numbers), self._states(len(numbers))
        given = self._gates(numbers, self.count)
        request = Request(self.rng, self.prime, state, self.count * len(numbers), given=given)
        parts = [sampler.draw_members(request)[0] for _ in range(self.samples)]
        found = {}
        for k, number in enumerate(numbers):
            own = PatternSampler(self.nodes, self.patterns[number].plan, self.patterns[number].gates)
            chosen = np.arange(k * self.count, (k + 1) * self.count)
            found[number] = [Points(own, self.prime, self.state, part.select(chosen)) for part in parts]
        return found

    def _check(self, numbers: list[int]) -> None:
        """Raises UndefinedPatternError where an argument of a root is zero, or has no data, which in general it has.

        The square of a number has a root at all states.
        """
        sources = self._joint(numbers).sources
        arguments = [node.inputs[0] for node in sources.square_roots]
        if not arguments:
            return
        of_data = np.array([sources.in_scope(mask, SAMPLE) for _, masks in sources.roots for mask in masks])
        sampler = PatternSampler(arguments, self.patterns[numbers[0]].plan, held=self._held(numbers))
        state, count = self.state.select(np.zeros(1, dtype=np.int64)), _PROBES * len(numbers)
        try:
            sample = sampler.draw_sample(
                Request(self.rng, self.prime, state, count, given=self._gates(numbers, _PROBES))
            )
        except (BadPrimeError, ExactnessError):
            return
        values = flattened(sampler.run(state, sample, self.prime)[0], arguments, count)[0]
        parts = values.reshape(len(numbers), _PROBES, -1)
        still = np.all(parts == parts[:, :1], axis=1) & ~_is_square(parts[:, 0], self.prime)
        for bad, reason in ((~parts.any(axis=1), False), (still & of_data, True)):
            found = [
                number
                for number, undefined in zip(numbers, bad.any(axis=1).tolist(), strict=True)
                if undefined and not (reason and self.patterns[number].conditional)
            ]
            if found:
                raise UndefinedPatternError(*found, still=reason)

    def _held(self, numbers: list[int]) -> frozenset[Leaf]:
        return frozenset(self.patterns[numbers[0]].gates)

    def _joint(self, numbers: list[int]) -> PatternSampler:
        return PatternSampler(self.nodes, self.patterns[numbers[0]].plan, held=self._held(numbers))

    def _states(self, times: int) -> Draw:
        return self.state if self.state.count == 1 else self.state.select(np.tile(np.arange(self.count), times))

    def _gates(self, numbers: list[int], count: int) -> dict[Leaf, IntArray]:
        """The gates of all the patterns, each for that many samples."""
        return {
            leaf: np.repeat(np.concatenate([self.patterns[number].gates[leaf] for number in numbers], axis=1), count, 1)
            for leaf in self._held(numbers)
        }


def _is_square(values: IntArray, prime: int) -> npt.NDArray[np.bool_]:
    """Which residues are those of squares of small rational numbers."""
    lifted = [rational_reconstruction(int(value), prime) for value in values.ravel()]
    found = [
        number is not None
        and number >= 0
        and max(number.numerator, number.denominator) < _SMALL
        and all(math.isqrt(part) ** 2 == part for part in (number.numerator, number.denominator))
        for number in lifted
    ]
    return np.array(found, dtype=bool).reshape(values.shape)


def _points(sampler: PatternSampler, state: Draw, rng: np.random.Generator, count: int, prime: int) -> Points:
    request = Request(rng, prime, state, count)
    points = Points(sampler, prime, state, sampler.draw_sample(request))
    points.drawing.check_roots()
    vanished = np.broadcast_to(points.drawing.vanished, (count,))
    if vanished.all():
        raise BadPrimeError("a denominator vanishes identically")
    if not vanished.any():
        return points
    return Points(sampler, prime, state, sampler.draw_members(request)[0])


def flattened(values: Sequence[IntArray], nodes: Sequence[Node], count: int) -> IntArray:
    """(jets, samples, entries)"""
    jets = max((value.shape[0] for value in values), default=1)
    result = [np.zeros((jets, count, 0), dtype=np.int64)]
    for value, node in zip(values, nodes, strict=True):
        flat = np.zeros((jets, count, node.size), dtype=np.int64)
        flat[: value.shape[0]] = value.reshape(*value.shape[:2], -1)
        result.append(flat)
    return np.concatenate(result, axis=2)
