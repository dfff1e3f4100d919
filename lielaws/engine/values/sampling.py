"""Random base points of a graph, each sample under the plan of its activation pattern.

Gates on which arguments of functions depend are drawn from the patterns that the plan knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lielaws.engine.arithmetic.modular import BadPrimeError, Bases
from lielaws.engine.graph.functions import ROOT
from lielaws.engine.graph.node import Leaf, Node, ancestors
from lielaws.engine.graph.program import Program
from lielaws.engine.linalg import modular
from lielaws.engine.values.basepoints import GateValues, PatternSampler, Request, uniform
from lielaws.engine.values.draws import Draw, StuckError
from lielaws.engine.values.merging import Piece, merged
from lielaws.engine.values.plan import PATTERN, PatternPlans, Plan
from lielaws.engine.values.roots import DrawLeaf
from lielaws.engine.values.sources import STATE_ROLES
from lielaws.errors import ExactnessError, UnsupportedError

__all__ = ["STATE_ROLES", "Draw", "DrawLeaf", "Request", "Sampler", "uniform"]

IntArray = npt.NDArray[np.int64]


_MOST_STATES = 60
_MOST_PATTERNED_STATES = 16
_MOST_SIGN_CHOICES = 64


@dataclass(frozen=True)
class Sampler:
    """Draws base points for some outputs, each sample under the plan of its activation pattern.

    Gates with values other than 0 and 1 stand for all numbers, and have the plan that holds for those.
    """

    outputs: Sequence[Node]
    plan: Plan

    @cached_property
    def _free(self) -> PatternSampler:
        return PatternSampler(self.outputs, self.plan)

    @cached_property
    def _patterned(self) -> PatternPlans | None:
        """The patterns, if the outputs have functions or gates that depend on them."""
        nodes = ancestors(self.outputs)
        patterns = self.plan.patterns
        known = set() if patterns is None else patterns.gates.values.keys()
        inside = any(node.op == ROOT or (node.op == "leaf" and node.static in known) for node in nodes)
        return patterns if inside else None

    @cached_property
    def _samplers(self) -> dict[int, PatternSampler]:
        """By the number of a group of patterns, or by minus that of a choice of signs."""
        return {}

    @property
    def sign_choices(self) -> int:
        """How many choices of signs of roots there are in the larger family; the identity of a law has to hold in all.

        The root of a square is one of two polynomials, so that a point with one sign says nothing about the other.
        """
        return 1 << len(self.plan.loose)

    def _in_larger_family(self, request: Request, first: int) -> tuple[Draw, Bases]:
        if self.sign_choices > _MOST_SIGN_CHOICES:
            raise ExactnessError("too many roots of squares may have both signs to go through all choices")
        pieces = []
        for choice in range(self.sign_choices):
            chosen = np.flatnonzero((first + np.arange(request.count)) % self.sign_choices == choice)
            if len(chosen):
                pieces.append((chosen, *self._signed(choice).draw_members(request.select(chosen))))
        return merged(pieces, request.count) if len(pieces) > 1 else pieces[0][1:]

    def _signed(self, choice: int) -> PatternSampler:
        """The sampler of the larger family for one choice of signs."""
        negated = [root for k, root in enumerate(self.plan.loose) if choice >> k & 1]
        if not negated:
            return self._free
        if -choice not in self._samplers:
            self._samplers[-choice] = PatternSampler(self.outputs, self.plan.with_signs(negated))
        return self._samplers[-choice]

    @property
    def program(self) -> Program:
        return self._free.program

    def draw_state(
        self, rng: np.random.Generator, count: int, prime: int, leaves: Mapping[Leaf, IntArray] | None = None
    ) -> Draw:
        """States; given values of leaves are kept unless a root asks for others."""
        state = self._free.draw_state(rng, count, prime, leaves)
        for _ in range(_MOST_STATES if self.plan.conditional else 0):
            try:
                self._free.draw_sample(Request(rng, prime, state, count))
                break
            except StuckError as stuck:
                state.replace(stuck.samples, self._free.draw_state(rng, len(stuck.samples), prime))
        return state

    def draw_of_many(
        self, rng: np.random.Generator, count: int, prime: int, leaves: Mapping[Leaf, IntArray] | None = None
    ) -> Draw:
        """A state like those, one of several at which many activation patterns have samples.

        Where roots do not depend on data, a pattern has samples at few states.
        """
        state = self.draw_state(rng, count, prime, leaves)
        patterns = self._patterned
        if patterns is None or count > 1:
            return state
        best = self._with_closed(state, patterns, rng, prime)
        for _ in range(_MOST_PATTERNED_STATES):
            if 2 * len(best.closed) <= patterns.count:
                break
            others = {leaf: modular.residues(rng, prime, array.shape) for leaf, array in (leaves or {}).items()}
            other = self._with_closed(self.draw_state(rng, count, prime, others), patterns, rng, prime)
            best = min(best, other, key=lambda draw: len(draw.closed))
        return best

    def _with_closed(self, state: Draw, patterns: PatternPlans, rng: np.random.Generator, prime: int) -> Draw:
        """A state, with the patterns that have no samples there."""
        request, numbers = Request(rng, prime, state, patterns.count), np.arange(patterns.count)
        for group, members in enumerate(patterns.groups):
            state.closed.update(self._tried(patterns, group, np.array(members), numbers, request, []))
        return state

    def draw_members(self, request: Request, *, free: bool = False, first: int = 0) -> tuple[Draw, Bases]:
        """Samples without a zero denominator, and the base values of functions there.

        free : whether the samples are of the larger family in which gates are any numbers and roots of squares have any
            sign, instead of those of the activation patterns. In it the choices of signs follow each other
        first : the number of the first sample in that order
        """
        patterns = self._patterned
        if patterns is None:
            return self._free.draw_members(request)
        known = patterns.gates.values
        asked = {leaf: array for leaf, array in request.given.items() if leaf in known}
        if asked:
            return self._by_pattern(patterns, _matching(known, asked, request.count), request)
        if free:
            return self._in_larger_family(request, first)
        return self._by_pattern(patterns, request.rng.integers(0, patterns.count, request.count), request)

    def _by_pattern(self, patterns: PatternPlans, numbers: IntArray, request: Request) -> tuple[Draw, Bases]:
        """The samples of each plan together; where a pattern has none at a state, others take its place."""
        group_of = np.zeros(patterns.count, dtype=np.int64)
        for group, members in enumerate(patterns.groups):
            group_of[list(members)] = group
        pieces: list[Piece] = []
        waiting = np.arange(len(numbers))
        # At one state what has failed is remembered, also for later draws.
        shared = request.state.count == 1
        closed = [request.state.closed] * len(numbers) if shared else [set[int]() for _ in numbers]
        while len(waiting):
            for k in waiting.tolist():
                numbers[k] = _usable(int(numbers[k]), closed[k], patterns, request)
            failed: list[int] = []
            for group in np.unique(group_of[numbers[waiting]]).tolist():
                chosen = waiting[group_of[numbers[waiting]] == group]
                failed += self._tried(patterns, group, chosen, numbers, request, pieces)
            for k in failed:
                closed[k].add(int(numbers[k]))
            waiting = np.array(failed, dtype=np.int64)
        return merged(pieces, len(numbers))

    def _tried(
        self,
        patterns: PatternPlans,
        group: int,
        chosen: IntArray,
        numbers: IntArray,
        request: Request,
        pieces: list[Piece],
    ) -> list[int]:
        """The chosen samples whose pattern has none at the state; the others are added to the pieces."""
        try:
            pieces.append((chosen, *self._members(patterns, group, chosen, numbers[chosen], request)))
            return []
        except (BadPrimeError, ExactnessError):
            if request.state.count == 1:
                parts = [chosen[numbers[chosen] == number] for number in np.unique(numbers[chosen])]
            else:
                parts = np.array_split(chosen, min(2, len(chosen)))
            if len(parts) == 1:
                return [int(k) for k in chosen]
            return [k for part in parts for k in self._tried(patterns, group, part, numbers, request, pieces)]

    def _members(
        self, patterns: PatternPlans, group: int, chosen: IntArray, numbers: IntArray, request: Request
    ) -> tuple[Draw, Bases]:
        known = patterns.gates
        if group not in self._samplers:
            members = patterns.groups[group]
            plan = patterns.plans[members[0]]
            if len(members) == 1:
                self._samplers[group] = PatternSampler(self.outputs, plan, known.choose(list(members)))
            else:
                self._samplers[group] = PatternSampler(self.outputs, plan, held=frozenset(known.values))
        sampler = self._samplers[group]
        return sampler.draw_members(request.select(chosen, known.choose(numbers)))


def _usable(number: int, closed: set[int], patterns: PatternPlans, request: Request) -> int:
    """The number of a pattern, or another one if it is closed."""
    if number not in closed:
        return number
    others = [k for k in range(patterns.count) if k not in closed]
    prescribed = not request.given.keys().isdisjoint(patterns.gates.values)
    if not others or prescribed:
        raise BadPrimeError("no activation pattern has a base point at this state")
    return int(request.rng.choice(others))


def _matching(known: GateValues, asked: GateValues, count: int) -> IntArray:
    """The numbers of the given patterns among the known ones."""
    if PATTERN in asked:
        return np.array(asked[PATTERN].reshape(count))
    rows = np.concatenate([known[leaf].reshape(len(known[leaf]), -1) for leaf in asked], axis=1)
    wanted = np.concatenate([array.reshape(count, -1) for array in asked.values()], axis=1)
    number = {row.tobytes(): k for k, row in reversed(list(enumerate(np.ascontiguousarray(rows))))}
    found = [number.get(row.tobytes()) for row in np.ascontiguousarray(wanted)]
    if {*asked, PATTERN} != {*known} or any(k is None for k in found):
        raise UnsupportedError(
            "gates", "an activation pattern", "the relations between functions were not resolved for it"
        )
    return np.array(found, dtype=np.int64)
