"""The family of a flow on its state space: members drawn and evaluated, bounded and expanded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lielaws.engine.arithmetic.modular import Modular
from lielaws.engine.flows.dynamics import Dynamics, Flow
from lielaws.engine.flows.exact import Expansion, FieldBounds, bound_fields
from lielaws.engine.flows.fields import IntArray, Members, State
from lielaws.engine.flows.patterns import Patterns
from lielaws.engine.flows.probes import dense_probes
from lielaws.engine.flows.state import StateSpace
from lielaws.engine.graph.node import Leaf, Node
from lielaws.engine.graph.program import Program
from lielaws.engine.linalg import EXPLORATION_PRIME, modular, random_prime
from lielaws.engine.potential.potentials import Potential
from lielaws.engine.values.draws import FreeValues
from lielaws.engine.values.plan import GatePatterns
from lielaws.engine.values.sampling import Draw, DrawLeaf, Request, Sampler
from lielaws.errors import UnsupportedError

ProbeStrategy = Callable[[Potential, bool], DrawLeaf]

_LARGEST_EXPANSION = 4000


def flow_fields(flow: Flow, potential: Potential, patterns: Patterns | None = None) -> FlowFields:
    """The family of a flow, for all gates or for some patterns of them."""
    return FlowFields(potential, flow.dynamics(potential), patterns)


@dataclass(frozen=True)
class FlowFields:
    """All members of a family: what a flow makes of all potentials of an architecture.

    patterns : the activation patterns of the region that it is restricted to
    resolved : those under which members are drawn one after the other, as functions of gates are resolved for them
    """

    potential: Potential
    dynamics: Dynamics
    patterns: Patterns | None = None
    probes: ProbeStrategy = dense_probes
    resolved: GatePatterns | None = None

    @property
    def space(self) -> StateSpace:
        return self.dynamics.space

    @property
    def generic(self) -> bool:
        return self._listed is None and all(gate.affine for gate in self.potential.gates)

    @property
    def proof_rows(self) -> int:
        return self._sampler.sign_choices if self._listed is None else self._listed.count

    @property
    def _listed(self) -> Patterns | GatePatterns | None:
        return self.resolved if self.patterns is None else self.patterns

    @property
    def slopes(self) -> Sequence[Node | None]:
        """The components of a member as nodes, one for each tensor of the state; None for zero."""
        return self.dynamics.slopes

    @property
    def leaves(self) -> Sequence[Node]:
        """The leaf of each tensor of the state."""
        return self.dynamics.leaves

    @cached_property
    def outside(self) -> tuple[Node, ...]:
        """All other leaves: data, cotangent, gates, constants, and the factor of the drift."""
        potential, drift = self.potential, self.dynamics.drift
        gates = [gate.leaf for gate in potential.gates]
        return (
            *potential.traced.data.values(),
            potential.free_cotangent,
            *gates,
            *potential.constants,
            *(() if drift is None else (drift,)),
        )

    def spread(self, labels: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """Labels of the entries of the parameters as labels of the state; velocities have those of their parameters."""
        result = np.zeros(self.space.dimension, dtype=np.uint64)
        start = 0
        for name in self.space.parameters:
            size = self.space.indices(name).size
            for tensor, parameter in ((name, name), *self.space.velocities.items()):
                if parameter == name:
                    result[self.space.indices(tensor).ravel()] = labels[start : start + size]
            start += size
        return result

    @cached_property
    def program(self) -> Program:
        return Program.of([slope for slope in self.slopes if slope is not None])

    @cached_property
    def bounds(self) -> FieldBounds:
        return bound_fields([slope for slope in self.slopes if slope is not None], self.potential.plan)

    def expansion(self, law_terms: int) -> Expansion | None:
        if (
            self.patterns is not None
            or self.bounds.expanded_terms * law_terms > _LARGEST_EXPANSION * self.space.dimension
        ):
            return None
        return self._expansion

    @cached_property
    def _expansion(self) -> Expansion:
        starts = {leaf.static: start for leaf, start in zip(self.leaves, self.space.offsets.values(), strict=True)}
        components = [
            (start, slope)
            for start, slope in zip(self.space.offsets.values(), self.slopes, strict=True)
            if slope is not None
        ]
        gates = {gate.leaf.static for gate in self.potential.gates}
        return Expansion(components, starts, [*self.leaves, *self.outside], gates)

    @cached_property
    def _sampler(self) -> Sampler:
        # Leaves are listed too: a member has values of all of them, needed or not.
        present = [slope for slope in self.slopes if slope is not None]
        return Sampler([*present, *self.leaves, *self.outside], self.potential.plan)

    @cached_property
    def proved_free(self) -> bool:
        """Whether laws are proved for gates of any value alone, as not all activation patterns are resolved."""
        known = self.potential.plan.patterns
        partly = known is not None and not known.gates.complete
        return self._listed is None and partly and self._sampler.sign_choices == 1

    def prime(self, rng: np.random.Generator | None = None, bits: int = 31) -> int:
        if rng is None:
            if self.potential.plan.admits(EXPLORATION_PRIME):
                return EXPLORATION_PRIME
            rng = np.random.default_rng(0)
        squares = self.potential.plan.nonsquares
        return random_prime(rng, 2**bits, 2 ** (bits - 1), with_roots=True, squares=squares)

    def draw_state(self, rng: np.random.Generator, count: int, prime: int, *, of_many: bool = False) -> State:
        vector = modular.residues(rng, prime, (1, count, self.space.dimension))
        sampler = self._sampler
        draw = (sampler.draw_of_many if of_many else sampler.draw_state)(rng, count, prime, self._coordinates(vector))
        return State(prime, self._vector(draw), draw)

    def state_at(self, point: IntArray, prime: int) -> State:
        vector = point.reshape(1, 1, -1)
        if not self.potential.is_rational:
            raise UnsupportedError("at", "a given point", "architectures must be polynomial or rational for that")
        free = FreeValues.draw(self.potential.plan, 1, np.random.default_rng(0), 1, prime)
        return State(prime, vector, Draw(self._coordinates(vector), free, 1))

    def _vector(self, draw: Draw) -> IntArray:
        parts = [draw.leaves[leaf.static] for leaf in self.leaves]
        return np.concatenate([part.reshape(1, draw.count, -1) for part in parts], axis=2)

    @cached_property
    def by_patterns(self) -> FlowFields | None:
        """The same family with activation patterns one by one, if functions of gates are resolved for all of them."""
        known = self.potential.plan.patterns
        if self._listed is not None or known is None or not known.gates.complete:
            return None
        return replace(self, resolved=known.gates)

    def draw(
        self, rng: np.random.Generator, count: int, state: State, *, free_gates: bool = False, first: int = 0
    ) -> Members:
        given: dict[Leaf, IntArray] = {}
        if self._listed is not None:
            known = self._listed.count
            numbers = np.arange(first, first + count) % known if free_gates else rng.integers(0, known, count)
            given = self._listed.choose(numbers)
        draw_leaf = self.probes(self.potential, free_gates)
        request = Request(rng, state.prime, state.draw, count, draw_leaf, given)
        sample, bases = self._sampler.draw_members(request, free=free_gates, first=first)
        return Members({**self._constants(state), **sample.leaves}, count, bases)

    @staticmethod
    def _constants(state: State) -> dict[Leaf, IntArray]:
        return {leaf: value for leaf, value in state.draw.leaves.items() if leaf.role == "constant"}

    def evaluate(self, state: IntArray, members: Members, arithmetic: Modular) -> IntArray:
        jets, samples = state.shape[0], max(state.shape[1], members.count)
        values = dict(members.values) | self._coordinates(state)
        computed = iter(self.program.run(arithmetic.with_bases(members.bases), values))
        result = np.zeros((jets, samples, self.space.dimension), dtype=state.dtype)
        for start, slope in zip(self.space.offsets.values(), self.slopes, strict=True):
            if slope is not None:
                value = next(computed)
                # A gradient that is constant in theta has no infinitesimal part: its jets axis has length one.
                flat = value.reshape(*value.shape[:2], -1)
                result[: flat.shape[0], :, start : start + flat.shape[2]] = flat
        return result

    def _coordinates(self, state: IntArray) -> dict[Leaf, IntArray]:
        return {
            leaf.static: state[:, :, start : start + leaf.size].reshape(*state.shape[:2], *leaf.shape)
            for leaf, start in zip(self.leaves, self.space.offsets.values(), strict=True)
        }
