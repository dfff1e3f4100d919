"""Gates whose arguments are proportional: no data tell them apart, so they are one gate.

Proportions are found from values at random points, with arbitrary numbers for the gates in the arguments. Where
arguments have powers of gates, two that differ so may still agree for gates that are 0 or 1, and these are tried, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.engine.arithmetic.bounds import DegreeBound
from lielaws.engine.arithmetic.modular import BadPrimeError
from lielaws.engine.graph.node import Leaf, Node, ancestors
from lielaws.engine.graph.program import Program
from lielaws.engine.linalg import rational_reconstruction
from lielaws.engine.values.basepoints import PatternSampler, Request
from lielaws.engine.values.generators import plan_functions
from lielaws.engine.values.plan import Plan
from lielaws.engine.values.trial import Pattern, trials
from lielaws.errors import UnsupportedError

IntArray = npt.NDArray[np.int64]

_PRIMES = (2**31 - 1, 2**31 - 61)
_SAMPLES = 24
_ATTEMPTS = 8
_ENUMERATED = 11
_MOST_PATTERNS = 2048


@dataclass(frozen=True, slots=True)
class Twin:
    """An argument entry that is a multiple of an earlier one."""

    piece: int
    entry: int
    reversed: bool


def find_twins(arguments: Sequence[Node], leaves: Sequence[Node]) -> dict[tuple[int, int], Twin]:
    """Entries that are a rational multiple of an earlier one, by (argument, entry).

    A proportion that holds at all points modulo one prime and is no small rational is refused, never ignored: a free
    gate too many would prove too few laws.
    """
    values = [_Values(arguments, prime) for prime in _PRIMES]
    twins = _proportional(*(one.anywhere() for one in values))
    if not _has_powers(arguments, leaves):
        return twins
    patterns = _patterns(arguments, leaves)
    among_patterns = _proportional(*(one.at(patterns) for one in values))
    exact = 2 ** sum(leaf.size for leaf in _inside(arguments, leaves)) <= 2**_ENUMERATED
    for key, twin in among_patterns.items():
        if key not in twins and not exact:
            raise UnsupportedError(
                "activation", f"arguments {key} and {(twin.piece, twin.entry)}", "they agree for too many gates to tell"
            )
    return twins | among_patterns


def _inside(arguments: Sequence[Node], leaves: Sequence[Node]) -> list[Node]:
    """The gates that arguments contain."""
    found = {node.serial for node in ancestors(arguments)}
    return [leaf for leaf in leaves if leaf.serial in found]


def _has_powers(arguments: Sequence[Node], leaves: Sequence[Node]) -> bool:
    """Whether some argument may not be of degree one in the gates of each leaf."""
    inside = _inside(arguments, leaves)
    if not inside:
        return False
    unit = {leaf.static: row for leaf, row in zip(inside, np.eye(len(inside)), strict=True)}
    program = Program.of(arguments)
    zero = np.zeros(len(inside))
    degrees = program.run(DegreeBound(len(inside)), {leaf: unit.get(leaf, zero) for leaf, _ in program.leaves})
    largest = max(float(degree.max()) for degree in degrees)
    return 1 < largest < np.inf


def _patterns(arguments: Sequence[Node], leaves: Sequence[Node]) -> dict[Leaf, IntArray]:
    """All patterns of these gates if they are few, else random ones."""
    inside = _inside(arguments, leaves)
    size = sum(leaf.size for leaf in inside)
    if size <= _ENUMERATED:
        rows = np.array(list(product((0, 1), repeat=size)), dtype=np.int64)
    else:
        rng = np.random.default_rng(size)
        rows = (rng.random((_MOST_PATTERNS, size)) < rng.random((_MOST_PATTERNS, 1))).astype(np.int64)
    parts = np.split(rows, np.cumsum([leaf.size for leaf in inside])[:-1], axis=1)
    return {leaf.static: part.reshape(1, len(rows), *leaf.shape) for leaf, part in zip(inside, parts, strict=True)}


@dataclass(frozen=True)
class _Values:
    """The values of the arguments at random points modulo a prime: one array (samples, entries) for each."""

    arguments: Sequence[Node]
    prime: int

    @cached_property
    def _plan(self) -> Plan:
        return plan_functions(self.arguments)

    def anywhere(self) -> list[IntArray]:
        """At random points, with any numbers for gates."""
        ((points,),) = trials(self.arguments, [Pattern(self._plan)], self.prime, _SAMPLES)
        cuts = np.cumsum([node.size for node in self.arguments])[:-1]
        return np.split(points.values, cuts, axis=1)

    def at(self, gates: dict[Leaf, IntArray]) -> list[IntArray]:
        """At random points with these gates."""
        count = next(iter(gates.values())).shape[1]
        sampler, rng = PatternSampler(self.arguments, self._plan), np.random.default_rng(0)
        for _ in range(_ATTEMPTS):
            try:
                state = sampler.draw_state(rng, count, self.prime)
                sample = sampler.draw_sample(Request(rng, self.prime, state, count, given=gates))
                values, _drawing = sampler.run(state, sample, self.prime)
            except BadPrimeError:
                continue
            return [
                np.broadcast_to(value[0].reshape(value.shape[1], -1), (count, node.size))
                for value, node in zip(values, self.arguments, strict=True)
            ]
        raise UnsupportedError("architecture", "a denominator", "it vanishes at every point that was tried")


def _proportional(first: list[IntArray], second: list[IntArray]) -> dict[tuple[int, int], Twin]:
    seen: dict[bytes, tuple[int, int]] = {}
    twins: dict[tuple[int, int], Twin] = {}
    for k, values in enumerate(first):
        for entry in range(values.shape[1]):
            column = values[:, entry]
            places = np.flatnonzero(column)
            if not len(places):
                continue
            direction = (column * pow(int(column[places[0]]), -1, _PRIMES[0]) % _PRIMES[0]).tobytes()
            if direction not in seen:
                seen[direction] = (k, entry)
                continue
            ratio = _ratio(first, second, (k, entry), seen[direction], int(places[0]))
            twins[(k, entry)] = Twin(*seen[direction], ratio < 0)
    return twins


def _ratio(first: Any, second: Any, one: tuple[int, int], other: tuple[int, int], place: int) -> Fraction:
    residues = []
    for values, prime in zip((first, second), _PRIMES, strict=True):
        numerator, denominator = (int(values[k][place, entry]) for k, entry in (one, other))
        residues.append(numerator * pow(denominator, -1, prime) % prime if denominator else 0)
    p, q = _PRIMES
    combined = (residues[0] + p * ((residues[1] - residues[0]) * pow(p, -1, q) % q)) % (p * q)
    ratio = rational_reconstruction(combined, p * q)
    if ratio is None or ratio == 0:
        raise UnsupportedError(
            "activation", f"arguments {one} and {other}", "they are proportional by an unusual factor"
        )
    return ratio
