"""Gradient flow, without and with weight decay."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lielaws.engine.flows.dynamics import Dynamics, Flow, check_rate, gradients, moving_time, shapes_of
from lielaws.engine.flows.state import TIME, Clock, StateSpace
from lielaws.engine.graph.trace import Array
from lielaws.engine.potential.potentials import Potential


@dataclass(frozen=True, slots=True)
class GradientFlow(Flow):
    """theta' = -grad L(theta). Setting of arXiv 2307.00144."""

    def dynamics(self, potential: Potential) -> Dynamics:
        """The family span{ grad f_z } on the space of parameters."""
        slopes = gradients(potential)
        return StateSpace(shapes_of(slopes)), slopes

    def describe(self) -> dict[str, str]:
        return {"kind": "gradient"}

    def __str__(self) -> str:
        return "gradient flow"


@dataclass(frozen=True, slots=True)
class WeightDecay(Flow):
    """theta' = -grad L(theta) - rate theta. State (t, theta) of dimension D + 1.

    Parameters
    ----------
    rate : at least 0, per unit of time; a float is read as the decimal that it prints

    Members are d_t - rate theta d_theta and (0, grad f_z). A law has the form H(exp(rate t) theta) with H a law that
    stays one under theta -> s theta (arXiv 2506.06194, Thm 2.1, for homogeneous H).
    """

    timed = True
    rate: Any = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", check_rate("rate", self.rate, "the rate of weight decay"))

    @property
    def clock(self) -> Clock:
        # Along the drift alone, exp(rate t) theta is constant: a factor exp(rate t) for each factor theta.
        return Clock(self.rate, by_degree=1) if self.rate else Clock(Fraction(0))

    def dynamics(self, potential: Potential) -> Dynamics:
        _, drift, along = moving_time(potential, self.clock)
        slopes = {TIME: along}
        for name, slope in gradients(potential).items():
            decay = drift * Array(potential.traced.parameters[name]) * -self.rate
            slopes[name] = (decay + Array(slope)).node if self.rate else slope
        return StateSpace(shapes_of(slopes), self.clock), slopes

    def describe(self) -> dict[str, str]:
        return {"kind": "weight_decay", "rate": str(self.rate)}

    def __str__(self) -> str:
        return f"gradient flow with weight decay {self.rate}"
