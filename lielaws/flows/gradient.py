"""Gradient flow: the state is theta, the members are the gradients of the potentials."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lielaws.flows.exact import Expansion, FieldBounds, bound_fields
from lielaws.flows.fields import IntArray, Members, VectorFields
from lielaws.flows.probes import dense_probes
from lielaws.flows.state import StateSpace
from lielaws.graph.differentiate import pullback
from lielaws.graph.node import Leaf, Node
from lielaws.graph.potential import Potential
from lielaws.graph.program import Program
from lielaws.numbers.modular import Modular

ProbeStrategy = Callable[[Potential, np.random.Generator, int, int, bool], Members]

_LARGEST_EXPANSION = 4000


@dataclass(frozen=True, slots=True)
class GradientFlow:
    """theta' = -grad L(theta). Setting of arXiv 2307.00144."""

    def fields(self, potential: Potential) -> VectorFields:
        """The family span{ grad f_z } on the space of parameters."""
        return GradientFields(potential)

    def describe(self) -> dict[str, str]:
        """The flow as plain values, for specs and certificates."""
        return {"kind": "gradient"}

    def __str__(self) -> str:
        return "gradient flow"


@dataclass(frozen=True)
class GradientFields:
    """The gradients of all potentials of an architecture."""

    potential: Potential
    probes: ProbeStrategy = dense_probes

    @cached_property
    def space(self) -> StateSpace:
        return StateSpace({name: leaf.shape for name, leaf in self.potential.traced.parameters.items()})

    @property
    def generic(self) -> bool:
        return all(gate.affine for gate in self.potential.gates)

    @cached_property
    def slopes(self) -> Sequence[Node | None]:
        """The gradient as nodes, one for each parameter tensor; None where the output does not depend on it."""
        leaves = list(self.potential.traced.parameters.values())
        return pullback(self.potential.output, self.potential.cotangent, leaves)

    @cached_property
    def program(self) -> Program:
        return Program.of([slope for slope in self.slopes if slope is not None])

    @cached_property
    def bounds(self) -> FieldBounds:
        return bound_fields([slope for slope in self.slopes if slope is not None])

    def expansion(self, law_terms: int) -> Expansion | None:
        if self.bounds.expanded_terms * law_terms > _LARGEST_EXPANSION * self.space.dimension:
            return None
        return self._expansion

    @cached_property
    def _expansion(self) -> Expansion:
        parameters = self.potential.traced.parameters
        starts = {
            leaf.static: start for leaf, start in zip(parameters.values(), self.space.offsets.values(), strict=True)
        }
        components = [
            (start, slope)
            for start, slope in zip(self.space.offsets.values(), self.slopes, strict=True)
            if slope is not None
        ]
        gates = [gate.leaf for gate in self.potential.gates]
        leaves = [*parameters.values(), *self.potential.traced.data.values(), self.potential.cotangent, *gates]
        return Expansion(components, starts, leaves, {gate.static for gate in gates})

    def draw(self, rng: np.random.Generator, count: int, prime: int, *, free_gates: bool = False) -> Members:
        return self.probes(self.potential, rng, count, prime, free_gates)

    def evaluate(self, state: IntArray, members: Members, arithmetic: Modular) -> IntArray:
        jets, samples = state.shape[0], max(state.shape[1], members.count)
        computed = iter(self.program.run(arithmetic, dict(members.values) | self._parameters(state)))
        result = np.zeros((jets, samples, self.space.dimension), dtype=np.int64)
        for start, slope in zip(self.space.offsets.values(), self.slopes, strict=True):
            if slope is not None:
                value = next(computed)
                # A gradient that is constant in theta has no infinitesimal part: its jets axis has length one.
                flat = value.reshape(*value.shape[:2], -1)
                result[: flat.shape[0], :, start : start + flat.shape[2]] = flat
        return result

    def _parameters(self, state: IntArray) -> dict[Leaf, IntArray]:
        return {
            leaf.static: state[:, :, start : start + leaf.size].reshape(*state.shape[:2], *leaf.shape)
            for leaf, start in zip(self.potential.traced.parameters.values(), self.space.offsets.values(), strict=True)
        }
