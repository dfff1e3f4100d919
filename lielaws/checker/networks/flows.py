"""Flows, read by the checker: what they make of the gradient of the potential, on states with time and velocities.

A state is the time coordinate (if the flow has one), then all parameters, then all velocities (if it has them); here a
list of arrays, one for each of these tensors. The vector field with drift factor c is c times the drift plus the force,
which is the gradient times the inverse metric. The time coordinate stands for exp(rate t), with a rate other than 0, or
for t.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache, partial
from typing import Any

import numpy as np

from lielaws.checker import reading
from lielaws.checker.numbers.jets import Jets
from lielaws.checker.reading import Shape
from lielaws.errors import CertificateError

_LARGEST_DEGREE = 24
"""of the polynomials of a metric; those of the literature have degree 1, and brackets of higher ones take long"""
_KINDS: dict[str, tuple[set[str], set[str], str]] = {
    "gradient": (set(), set(), "gradient flow"),
    "weight_decay": ({"rate"}, set(), "gradient flow with weight decay {}"),
    "heavy_ball": ({"friction"}, {"metric"}, "the heavy ball with friction {}"),
    "nesterov": (set(), set(), "Nesterov's flow"),
    "metric": ({"default", "tensors"}, set(), "gradient flow in a metric"),
}
"""keys that are needed, keys that are possible, and the name"""
Polynomial = tuple[tuple[Fraction, ...], ...]
"""coefficients, the constant one first; each is one number, or one for each entry of a tensor"""
_UNIT: Polynomial = ((Fraction(1),),)


@dataclass(frozen=True)
class Inverse:
    """The inverse metric on one tensor: numerator / denominator at each entry."""

    numerator: Polynomial
    denominator: Polynomial = _UNIT

    @property
    def is_constant(self) -> bool:
        return len(self.numerator) == len(self.denominator) == 1

    @property
    def is_linear(self) -> bool:
        return len(self.numerator) == 2 and not any(self.numerator[0]) and len(self.denominator) == 1

    def value(self, ring: Jets, x: Any, shape: Shape) -> Any:
        above = _polynomial(ring, self.numerator, x, shape)
        if self.denominator == _UNIT:
            return above
        return ring.multiply(above, ring.inverse(_polynomial(ring, self.denominator, x, shape)))


def _polynomial(ring: Jets, coefficients: Polynomial, x: Any, shape: Shape) -> Any:
    total: Any = None
    for numbers in reversed(coefficients):
        total = ring.multiply(total, x)
        if any(numbers):
            below = math.lcm(*(number.denominator for number in numbers))
            own = (1,) * len(shape) if len(numbers) == 1 else shape
            total = ring.add(total, ring.constant([int(number * below) for number in numbers], below, own))
    return total


@dataclass(frozen=True)
class Flow:
    """A flow on networks with parameters of given shapes.

    rate : of weight decay, or the friction
    inverses : of the metric, one for each tensor; empty for the Euclidean one
    """

    kind: str
    shapes: tuple[Shape, ...]
    rate: Fraction = Fraction(0)
    inverses: tuple[Inverse, ...] = field(default=(), repr=False)

    @property
    def name(self) -> str:
        metric = " in a metric" if self.inverses and self.kind != "metric" else ""
        return _KINDS[self.kind][-1].format(self.rate) + metric

    @property
    def has_time(self) -> bool:
        return self.kind in ("weight_decay", "heavy_ball", "nesterov")

    @property
    def has_velocities(self) -> bool:
        return self.kind in ("heavy_ball", "nesterov")

    @property
    def state_shapes(self) -> list[Shape]:
        """The shapes of the arrays that make a state."""
        return [()] * self.has_time + list(self.shapes) * (1 + self.has_velocities)

    @property
    def dimension(self) -> int:
        return sum(map(math.prod, self.state_shapes))

    def parameters(self, state: Sequence[Any]) -> list[Any]:
        return list(state)[self.has_time : self.has_time + len(self.shapes)]

    @property
    def degree(self) -> int:
        """At most the degree by which a field, times all denominators of the metric, exceeds the gradient."""
        sizes = list(map(math.prod, self.shapes))
        below = sum(n * len(i.denominator) for n, i in zip(sizes, self.inverses, strict=False))
        return 4 + below + max((len(i.numerator) for i in self.inverses), default=0)

    @property
    def log(self) -> float:
        """log2 of a factor by which the coefficients grow at most, over common denominators."""
        rate = 2 * _log(self.rate)
        total = 4 + rate
        for size, inverse in zip(map(math.prod, self.shapes), self.inverses, strict=False):
            coefficients = [*inverse.numerator, *inverse.denominator]
            total += sum(size / len(numbers) * _log(number) for numbers in coefficients for number in numbers)
            total += size * self.degree * (1 + rate)
        return total

    def field(self, ring: Jets, state: Sequence[Any], drift: Any, gradient: list[Any]) -> list[Any]:
        """The value of a vector field at a state, array by array."""
        theta, velocity = self.parameters(state), state[self.has_time + len(self.shapes) :]
        forces = [self._force(ring, k, state, gradient[k]) for k in range(len(self.shapes))]
        if not self.has_time:
            return forces
        # Nesterov's drift is taken times t, which changes neither its laws nor their number.
        nesterov = self.kind == "nesterov"
        along = ring.multiply(drift, state[0]) if nesterov else drift
        clock = along if nesterov or not self.rate else ring.scale(self.rate, ring.multiply(drift, state[0]))
        slowed = ring.scale(Fraction(-3) if nesterov else -self.rate, drift)
        moved = [_times(ring, along, v, shape) for v, shape in zip(velocity, self.shapes, strict=False)]
        triples = zip(velocity if self.has_velocities else theta, forces, self.shapes, strict=True)
        return [clock, *moved, *(ring.add(_times(ring, slowed, x, shape), force) for x, force, shape in triples)]

    def _force(self, ring: Jets, k: int, state: Sequence[Any], gradient: Any) -> Any:
        """M(theta)^{-1} grad, and with velocities friction M(theta + v / friction)^{-1} grad.

        Without friction that is its limit, or M^{-1} grad if M is constant.
        """
        if not self.inverses:
            return gradient
        inverse, place, factor = self.inverses[k], state[self.has_time + k], Fraction(1)
        if self.has_velocities:
            velocity = state[self.has_time + len(self.shapes) + k]
            if self.rate:
                place, factor = ring.add(place, ring.scale(1 / self.rate, velocity)), self.rate
            elif not inverse.is_constant:
                place = velocity
        return ring.multiply(ring.scale(factor, inverse.value(ring, place, self.shapes[k])), gradient)


def cut(rows: Any, shapes: Iterable[Shape]) -> list[Any]:
    """The arrays (count, *shape) whose entries stand one after the other in rows (count, all entries)."""
    found, start = [], 0
    for shape in shapes:
        stop = start + math.prod(shape)
        found.append(rows[:, start:stop].reshape(len(rows), *shape))
        start = stop
    return found


def joined(ring: Jets, arrays: Iterable[Any], shapes: Iterable[Shape], samples: int) -> Any:
    """The rows (samples, all entries) of arrays without nilpotents."""

    def row(array: Any, shape: Shape) -> Any:
        own = ring.constant([0] * math.prod(shape), 1, shape) if array is None else array
        return ring.move(lambda x: np.broadcast_to(x, (samples, *shape)).reshape(samples, -1), own)

    return ring.ring.move(lambda *rows: np.concatenate(rows, axis=1), *map(row, arrays, shapes))


def _times(ring: Jets, factor: Any, a: Any, shape: Shape) -> Any:
    """One number for each sample times an array."""
    return ring.multiply(ring.move(lambda x: x.reshape(len(x), *[1] * len(shape)), factor), a)


def _log(number: Fraction) -> float:
    return math.log2(1 + number.denominator + abs(number.numerator))


def read_flow(value: Any, parameters: Mapping[str, Shape]) -> Flow:
    """The flow of a certificate, for parameter tensors of given shapes. Raises CertificateError."""
    where, shapes = "setting.flow", tuple(parameters.values())
    kind = reading.choice(reading.table(value, where).get("kind"), where, _KINDS)
    needed, optional, _ = _KINDS[kind]
    reading.table(value, where, {"kind"} | needed, optional)
    rate = Fraction(0)
    for key in {"rate", "friction"} & needed:
        rate = reading.rational(value[key], f"{where}.{key}")
        if rate < 0:
            raise CertificateError(f"{where}.{key}", value[key], "it must not be negative")
    if kind != "metric" and "metric" not in value:
        return Flow(kind, shapes, rate)
    inverses = _inverses(value if kind == "metric" else value["metric"], where, parameters)
    is_simple = all(i.is_constant for i in inverses) or all(i.is_linear for i in inverses)
    if kind == "heavy_ball" and not rate and not is_simple:
        raise CertificateError(where, "this metric without friction", "momentum in it has no limit there")
    return Flow(kind, shapes, rate, inverses)


def _inverses(metric: Any, where: str, parameters: Mapping[str, Shape]) -> tuple[Inverse, ...]:
    reading.table(metric, f"{where}.metric", {"kind", "default", "tensors"})
    reading.choice(metric["kind"], f"{where}.metric", ["metric"])
    tensors = reading.table(metric["tensors"], f"{where}.tensors", (), parameters)
    default = cache(partial(_inverse, metric["default"], f"{where}.default"))
    return tuple(
        _inverse(tensors[name], f"{where}.tensors.{name}", shape) if name in tensors else default(shape)
        for name, shape in parameters.items()
    )


def _inverse(value: Any, where: str, shape: Shape) -> Inverse:
    if "weights" not in reading.table(value, where):
        reading.table(value, where, {"numerator", "denominator"})
        return Inverse(*(_coefficients(value[key], f"{where}.{key}") for key in ("numerator", "denominator")))
    reading.table(value, where, {"weights"})
    weights = reading.rationals(value["weights"], where, shape)
    if any(weight <= 0 for weight in weights):
        raise CertificateError(where, value["weights"], "a metric is positive")
    return Inverse((tuple(weights),))


def _coefficients(value: Any, where: str) -> Polynomial:
    found = tuple((reading.rational(entry, where),) for entry in reading.items(value, where))
    if not 1 <= len(found) <= _LARGEST_DEGREE + 1 or not any(found[-1]):
        raise CertificateError(where, value, f"coefficients up to degree {_LARGEST_DEGREE}, the last not 0, are needed")
    return found
