"""The state space of a flow: named tensors laid out one after the other in one vector, and what they stand for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np

from lielaws.engine.graph.node import Leaf

Shape = tuple[int, ...]

TIME = "t"


@dataclass(frozen=True, slots=True)
class Clock:
    """How time enters the state, as a coordinate in which the flow is polynomial.

    rate : the coordinate stands for exp(rate t); with rate 0 for t itself
    by_degree, by_velocity, lowest, highest : which powers of the coordinate can stand with a monomial of a law. The
        flow is invariant under a grading, so that laws are sums of homogeneous ones: of weight w, a monomial of degree
        d with n velocities has the power w + by_degree d + by_velocity n, and with degrees up to d the weights lie
        between lowest d and highest d
    """

    rate: Fraction
    by_degree: int = 0
    by_velocity: int = 0
    lowest: int = 0
    highest: int = 0

    def weights(self, degree: int) -> Sequence[int]:
        """Simplest first."""
        return sorted(range(self.lowest * degree, self.highest * degree + 1), key=lambda weight: (abs(weight), -weight))

    def value(self, t: float) -> float:
        """The coordinate at a time. Infinite where the exponential overflows."""
        if not self.rate:
            return t
        try:
            return math.exp(float(self.rate) * t)
        except OverflowError:
            return math.inf

    def text(self, power: int) -> str:
        """A power of the coordinate as a person writes it; empty for 1."""
        if not power:
            return ""
        if not self.rate:
            return TIME if power == 1 else f"{TIME}^{power}"
        exponent = power * self.rate
        size = "" if abs(exponent.numerator) == 1 else f"{abs(exponent.numerator)} "
        below = "" if exponent.denominator == 1 else f"/{exponent.denominator}"
        return f"exp({'-' if exponent < 0 else ''}{size}{TIME}{below})"


@dataclass(frozen=True)
class StateSpace:
    """Named tensors in the order of the state vector, each flattened in C order.

    clock : what the first coordinate, called t, stands for, if time belongs to the state
    velocities : the name of each velocity tensor, with the parameter tensor whose velocity it is
    euclidean : whether gradients are taken in the Euclidean metric, so that a quadratic law is a linear symmetry
    """

    shapes: Mapping[str, Shape]
    clock: Clock | None = None
    velocities: Mapping[str, str] = field(default_factory=dict)
    euclidean: bool = True

    @cached_property
    def offsets(self) -> dict[str, int]:
        return dict(zip(self.shapes, accumulate(map(math.prod, self.shapes.values()), initial=0), strict=False))

    @cached_property
    def dimension(self) -> int:
        return sum(map(math.prod, self.shapes.values()))

    @property
    def start(self) -> int:
        """The first coordinate that is not time."""
        return 0 if self.clock is None else 1

    @cached_property
    def tensors(self) -> dict[str, Shape]:
        """Parameters and velocities, without time."""
        return {name: shape for name, shape in self.shapes.items() if self.clock is None or name != TIME}

    @cached_property
    def parameters(self) -> dict[str, Shape]:
        return {name: shape for name, shape in self.tensors.items() if name not in self.velocities}

    @cached_property
    def is_velocity(self) -> np.ndarray:
        """For each coordinate, and for the padding after the last one, whether it is that of a velocity."""
        flags = np.zeros(self.dimension + 1, dtype=np.int64)
        for name in self.velocities:
            flags[self.indices(name)] = 1
        return flags

    def split(self, vector: Any) -> dict[str, Any]:
        """The tensors of state vectors (.., dimension), by name, each (.., *shape)."""
        return {
            name: vector[..., start : start + math.prod(shape)].reshape((*vector.shape[:-1], *shape))
            for (name, start), shape in zip(self.offsets.items(), self.shapes.values(), strict=True)
        }

    def values(self, vector: Any) -> dict[Leaf, Any]:
        """The same, by the leaf that stands for a tensor."""
        return {Leaf("parameter", name): tensor for name, tensor in self.split(vector).items()}

    def entry(self, coordinate: int) -> tuple[str, tuple[int, ...]]:
        """The tensor and the index of one coordinate."""
        name = next(name for name, start in reversed(self.offsets.items()) if start <= coordinate)
        index = np.unravel_index(coordinate - self.offsets[name], self.shapes[name])
        return name, tuple(int(k) for k in index)

    def indices(self, name: str) -> np.ndarray:
        """The coordinates of one tensor, in its shape."""
        shape = self.shapes[name]
        return self.offsets[name] + np.arange(math.prod(shape)).reshape(shape)
