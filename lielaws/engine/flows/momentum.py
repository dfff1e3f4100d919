"""Second-order flows: heavy ball and Nesterov, in the Euclidean or in another metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lielaws.engine.flows.dynamics import Dynamics, Flow, check_rate, gradients, moving_time, shapes_of
from lielaws.engine.flows.entry_metrics import EntryMetric
from lielaws.engine.flows.metric import MetricFlow
from lielaws.engine.flows.state import TIME, Clock, Shape, StateSpace
from lielaws.engine.graph.trace import Array
from lielaws.engine.potential.potentials import Potential
from lielaws.errors import InvalidArgumentError, UnsupportedError


@dataclass(frozen=True, slots=True)
class HeavyBall(Flow):
    """theta'' + friction theta' = -grad L(theta). State (t, theta, v) of dimension 2 D + 1.

    Parameters
    ----------
    friction : at least 0, per unit of time; a float is read as the decimal that it prints
    metric : a MirrorFlow or MetricFlow for momentum in its metric M, theta'' + friction theta' =
        -friction M(theta + v / friction)^{-1} grad L, for the entropic one -(friction theta + v) * grad L
        (arXiv 2405.12888); Euclidean by default. A metric that depends on theta has a limit without friction only where
        M^{-1} is linear; a constant one gives M^{-1} grad L

    Members are d_t + v d_theta - friction v d_v and (0, 0, grad f_z), as the loss may be rescaled at will.
    """

    timed = second_order = True
    friction: Any = 0
    metric: MetricFlow | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "friction", check_rate("friction", self.friction, "the friction"))
        if self.metric is not None and not isinstance(self.metric, MetricFlow):
            raise InvalidArgumentError("metric", self.metric, "a flow such as MirrorFlow('entropic') is needed")

    @property
    def clock(self) -> Clock:
        # Without friction, t has weight 1 and v has -1.
        return Clock(self.friction, highest=1) if self.friction else Clock(Fraction(0), by_velocity=1, lowest=-1)

    def check(self, parameters: Mapping[str, Shape]) -> None:
        """Refuse metrics without a limit as well."""
        Flow.check(self, parameters)
        if self.metric is not None:
            self.metric.check(parameters)
            kinds = [(m.is_constant, m.is_linear) for m in map(self.metric.metric_of, parameters)]
            if not self.friction and not any(map(all, zip(*kinds, strict=True))):
                remedy = "momentum in this metric has no limit without friction; choose a positive friction"
                raise UnsupportedError("friction", 0, remedy)

    def dynamics(self, potential: Potential) -> Dynamics:
        return _second_order(potential, self.clock, self.friction, self.metric)

    def describe(self) -> dict[str, Any]:
        plain: dict[str, Any] = {"kind": "heavy_ball", "friction": str(self.friction)}
        return plain if self.metric is None else plain | {"metric": self.metric.describe()}

    def __str__(self) -> str:
        text = f"heavy ball with friction {self.friction}"
        return text if self.metric is None else f"{text} in the {self.metric.text}"


@dataclass(frozen=True, slots=True)
class Nesterov(Flow):
    """theta'' + (3/t) theta' = -grad L(theta), the limit of Nesterov's method. State (t, theta, v), dimension 2 D + 1.

    The drift is written times t, which changes neither laws nor count: t d_t + t v d_theta - 3 v d_v.
    """

    timed = second_order = True

    @property
    def clock(self) -> Clock:
        # t has weight 1 and v has -1; t^3 v, of weight 2, is what the drift alone keeps.
        return Clock(Fraction(0), by_velocity=1, lowest=-1, highest=2)

    def dynamics(self, potential: Potential) -> Dynamics:
        return _second_order(potential, self.clock, Fraction(3), times_time=True)

    def describe(self) -> dict[str, Any]:
        return {"kind": "nesterov"}

    def __str__(self) -> str:
        return "Nesterov's flow, friction 3/t"


def _second_order(
    potential: Potential,
    clock: Clock,
    friction: Fraction,
    metric: MetricFlow | None = None,
    *,
    times_time: bool = False,
) -> Dynamics:
    """The family of theta'' = -friction v - M^{-1} grad f; the drift times t, but for the friction, if `times_time`."""
    graph, parameters = potential.traced.graph, potential.traced.parameters
    time, drift, along = moving_time(potential, clock)
    moving = drift * time if times_time else drift
    velocities = {name: Array(graph.leaf("parameter", f"d{name}", leaf.shape)) for name, leaf in parameters.items()}
    slopes = {TIME: moving.node if times_time else along}
    slopes |= {name: (moving * velocity).node for name, velocity in velocities.items()}
    for name, slope in gradients(potential).items():
        v, force = velocities[name], Array(slope)
        if metric is not None:
            force = force * _scaled_inverse(metric.metric_of(name), friction, Array(parameters[name]), v)
        slopes[f"d{name}"] = (drift * v * -friction + force).node if friction else force.node
    return StateSpace(shapes_of(slopes), clock, {f"d{name}": name for name in parameters}, metric is None), slopes


def _scaled_inverse(metric: EntryMetric, friction: Fraction, theta: Array, v: Array) -> Array:
    """friction M(theta + v / friction)^{-1}; without friction its limit, or M^{-1} where that is constant."""
    if not friction:
        return metric.inverse(theta) if metric.is_constant else v * metric.numerator[1]
    if metric.is_linear:
        return (theta * friction + v) * metric.numerator[1]
    return metric.inverse(theta + v * (1 / friction)) * friction
