"""Random base points of a graph under one plan: values of its leaves, and of the functions there.

Sources are the entries of leaves and the generators of functions. Those of a state (parameters, constants) are drawn
once, those of a sample (data, cotangents, gates) for each member.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.engine.arithmetic.modular import BadPrimeError, Bases
from lielaws.engine.graph.functions import ROOT, TRANSCENDENTAL
from lielaws.engine.graph.node import Leaf, Node
from lielaws.engine.graph.program import Program
from lielaws.engine.linalg import modular
from lielaws.engine.values.drawing import Drawing
from lielaws.engine.values.draws import Draw, FreeValues
from lielaws.engine.values.plan import Plan
from lielaws.engine.values.roots import DrawLeaf, Task, complete
from lielaws.engine.values.sources import SAMPLE, STATE, STATE_ROLES, Sources

IntArray = npt.NDArray[np.int64]
GateValues = Mapping[Leaf, IntArray]

_MOST_REDRAWN = 60


def uniform(node: Node, rng: np.random.Generator, count: int, prime: int) -> IntArray:
    return modular.residues(rng, prime, (1, count, *node.shape))


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for in a drawing of samples.

    state : for each sample its own, or one for all
    given : values of leaves that are taken as they are, (1, count, *shape)
    """

    rng: np.random.Generator
    prime: int
    state: Draw
    count: int
    draw_leaf: DrawLeaf = uniform
    given: GateValues = field(default_factory=dict)

    def select(self, chosen: IntArray, gates: GateValues | None = None) -> Request:
        """Some of the samples, with these values of gates."""
        state = self.state if self.state.count == 1 else self.state.select(chosen)
        given = {leaf: array[:, chosen] for leaf, array in self.given.items()} | dict(gates or {})
        return replace(self, state=state, count=len(chosen), given=given)


@dataclass(frozen=True)
class PatternSampler:
    """Draws base points for some outputs under one plan.

    gates : values of the gates that the plan is for, (1, 1, *shape); it holds for any values of the others
    held : gates that are given for each sample, and are not drawn again
    """

    outputs: Sequence[Node]
    plan: Plan
    gates: GateValues = field(default_factory=dict)
    held: frozenset[Leaf] = frozenset()

    @cached_property
    def sources(self) -> Sources:
        return Sources(self.outputs, self.plan, self.gates, self.held)

    @cached_property
    def program(self) -> Program:
        return Program.of(self.outputs)

    def draw_state(
        self, rng: np.random.Generator, count: int, prime: int, leaves: Mapping[Leaf, IntArray] | None = None
    ) -> Draw:
        """States; given values of leaves are kept unless a root asks for others."""
        if not self.plan.admits(prime):
            raise BadPrimeError(f"{self.plan.nonsquares} have no square roots modulo {prime}")
        known = dict(leaves or {})
        for node in self.sources.leaves:
            if node.static.role in STATE_ROLES and node.static not in known:
                known[node.static] = uniform(node, rng, count, prime)
        draw = Draw(known, FreeValues.draw(self.plan, STATE, rng, count, prime), count)
        # What belongs to the state may contain data times zero.
        rest = [node for node in self.sources.leaves if node.static.role not in STATE_ROLES]
        zeros = {node.static: np.zeros((1, 1, *node.shape), dtype=np.int64) for node in rest}
        nothing = Draw(zeros, FreeValues.draw(self.plan, SAMPLE, rng, 1, prime), 1)
        return complete(Task(draw, nothing, STATE, rng, prime, uniform), self.sources, self.plan)

    def draw_sample(self, request: Request) -> Draw:
        """Samples at which all roots exist."""
        count, prime = request.count, request.prime
        fixed = {leaf: np.repeat(gate, count, axis=1) for leaf, gate in self.gates.items()} | dict(request.given)
        leaves = {
            node.static: fixed[node.static]
            if node.static in fixed
            else request.draw_leaf(node, request.rng, count, prime)
            for node in self.sources.leaves
            if node.static.role not in STATE_ROLES
        }
        draw = Draw(fixed | leaves, FreeValues.draw(self.plan, SAMPLE, request.rng, count, prime), count)
        task = Task(draw, request.state, SAMPLE, request.rng, prime, request.draw_leaf)
        return complete(task, self.sources, self.plan)

    def draw_members(self, request: Request) -> tuple[Draw, Bases]:
        """Samples without a zero denominator, and the base values of functions there.

        Patterns of 0 and 1 can close a whole layer, whose norm is then zero; such samples alone are drawn again.
        """
        sample = self.draw_sample(request)
        if not self._needs_bases:
            return sample, {}
        for _ in range(_MOST_REDRAWN):
            drawing = self.run(request.state, sample, request.prime)[1]
            drawing.check_roots()
            bad = np.flatnonzero(np.broadcast_to(drawing.vanished, (request.count,)))
            if not len(bad):
                return sample, drawing.drawn
            sample.replace(bad, self.draw_sample(request.select(bad)))
        raise BadPrimeError("a denominator vanishes at the chosen point")

    @cached_property
    def _needs_bases(self) -> bool:
        """Whether there are functions, or denominators that may vanish."""
        return any(step.node.op in ("reciprocal", ROOT, *TRANSCENDENTAL) for step in self.program.steps)

    def run(self, state: Draw, sample: Draw, prime: int) -> tuple[list[Any], Drawing]:
        """The outputs at the base points, and the arithmetic with the base values of all functions."""
        drawing = Drawing(prime, self.plan, state, sample)
        return self.program.run(drawing, drawing.leaves), drawing
