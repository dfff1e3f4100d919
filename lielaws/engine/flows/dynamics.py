"""What a flow makes of the potentials: a member of its family as nodes of the same graph.

A flow is one class with a method `dynamics`. Time and velocities are leaves beside the parameters, and the drift, which
is the same for all potentials, has a free factor: the loss may be rescaled by any number, so drift and force are
members of the family each for itself (arXiv 2405.12888).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from lielaws.engine.flows.state import TIME, Clock, Shape, StateSpace
from lielaws.engine.graph.differentiate import pullback
from lielaws.engine.graph.node import Node
from lielaws.engine.graph.trace import Array, as_rational
from lielaws.engine.potential.potentials import Potential
from lielaws.errors import InvalidArgumentError

Dynamics = tuple[StateSpace, dict[str, Node]]
_LONGEST_NUMBER = 100


class Flow(ABC):
    """Turns potentials into vector fields on a state space."""

    timed: ClassVar[bool] = False
    """whether time belongs to the state"""
    second_order: ClassVar[bool] = False
    """whether velocities do"""

    def check(self, parameters: Mapping[str, Shape]) -> None:
        """Raises InvalidArgumentError if the flow does not fit an architecture with these parameters."""
        taken = {TIME} if self.timed else set[str]()
        taken |= {f"d{name}" for name in parameters} if self.second_order else set()
        if clash := sorted(taken & set(parameters)):
            remedy = "the flow uses this name for time or for a velocity; rename the parameter"
            raise InvalidArgumentError("arch", f"parameter '{clash[0]}'", remedy)

    @abstractmethod
    def dynamics(self, potential: Potential) -> Dynamics:
        """The state space, and the component of a random member of the family for each of its tensors."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """The flow as plain values, for specs and certificates."""


def gradients(potential: Potential) -> dict[str, Node]:
    """The gradient of the potential by parameter tensor."""
    leaves = potential.traced.parameters
    return dict(zip(leaves, gradient(potential.output, potential.cotangent, list(leaves.values())), strict=True))


def gradient(output: Node, cotangent: Node, leaves: Sequence[Node]) -> list[Node]:
    """The gradient of <cotangent, output> by leaf: zeros where the output does not depend on it."""
    slopes = zip(leaves, pullback(output, cotangent, leaves), strict=True)
    return [leaf.graph.constant([0] * leaf.size, leaf.shape) if slope is None else slope for leaf, slope in slopes]


def shapes_of(slopes: Mapping[str, Node]) -> dict[str, Shape]:
    """The tensors of the state, each of the shape of its component."""
    return {name: slope.shape for name, slope in slopes.items()}


def moving_time(potential: Potential, clock: Clock) -> tuple[Array, Array, Node]:
    """The coordinate of time, the factor of the drift, and the derivative of the coordinate along the drift."""
    graph = potential.traced.graph
    time, drift = Array(graph.leaf("parameter", TIME, ())), Array(graph.leaf("flow", "drift", ()))
    return time, drift, (drift * time * clock.rate if clock.rate else drift).node


def exact_number(value: Any) -> Fraction | None:
    """A number, or the text of one such as "1/10"; floats are read as the decimal that they print. None otherwise."""
    if isinstance(value, bool | np.bool_):
        return None
    try:
        if isinstance(value, str):
            return Fraction(value.strip()) if len(value) < _LONGEST_NUMBER else None
        return as_rational(value)
    except (ValueError, ZeroDivisionError):
        return None


def check_rate(name: str, value: Any, what: str) -> Fraction:
    """A rate as an exact number. Raises InvalidArgumentError unless it is at least 0."""
    number = exact_number(value)
    if number is None:
        raise InvalidArgumentError(name, value, f"{what} is a number of at least 0, such as 0.1 or '1/10'")
    if number < 0:
        raise InvalidArgumentError(name, value, f"{what} must not be negative")
    return number
