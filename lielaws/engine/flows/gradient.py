"""Gradient flow: the state is theta, the members are the gradients of the potentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lielaws.engine.flows.dynamics import Dynamics, gradients
from lielaws.engine.flows.state import Shape, StateSpace
from lielaws.engine.potential.potentials import Potential


@dataclass(frozen=True, slots=True)
class GradientFlow:
    """theta' = -grad L(theta). Setting of arXiv 2307.00144."""

    def check(self, parameters: Mapping[str, Shape]) -> None:
        """Every architecture will do."""

    def dynamics(self, potential: Potential) -> Dynamics:
        """The family span{ grad f_z } on the space of parameters."""
        slopes = gradients(potential)
        return StateSpace({name: slope.shape for name, slope in slopes.items()}), slopes

    def describe(self) -> dict[str, str]:
        """The flow as plain values, for specs and certificates."""
        return {"kind": "gradient"}

    def __str__(self) -> str:
        return "gradient flow"
