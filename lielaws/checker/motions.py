"""Flows, read by the checker: what they make of the gradient of the potential, on states with time and velocities.

A state is the time coordinate (if the flow has one), then all parameters, then all velocities (if it has them). The
member with drift factor c is c times the drift plus the force, which is the gradient times the inverse metric. The time
coordinate stands for exp(rate t), with a rate other than 0, or for t.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from lielaws.checker import reading
from lielaws.checker.tape import Ring, power
from lielaws.errors import CertificateError

_LARGEST_DEGREE = 24
_KEYS = {
    "gradient": set(),
    "weight_decay": {"rate"},
    "heavy_ball": {"friction"},
    "nesterov": set(),
    "metric": {"default", "tensors"},
}
_OPTIONAL = {"heavy_ball": {"metric"}}


@dataclass(frozen=True)
class Inverse:
    """The inverse metric at one parameter: numerator / denominator, polynomials with the constant coefficient first."""

    numerator: tuple[Fraction, ...] = (Fraction(1),)
    denominator: tuple[Fraction, ...] = (Fraction(1),)

    @property
    def is_constant(self) -> bool:
        return len(self.numerator) == len(self.denominator) == 1

    @property
    def is_linear(self) -> bool:
        return len(self.numerator) == 2 and not self.numerator[0] and len(self.denominator) == 1

    def value(self, x: Any, ring: Ring) -> Any:
        above = _polynomial(self.numerator, x, ring)
        if len(self.denominator) == 1:
            return ring.multiply(above, ring.constant(1 / self.denominator[0]))
        return ring.multiply(above, ring.inverse(_polynomial(self.denominator, x, ring)))


def _polynomial(coefficients: Sequence[Fraction], x: Any, ring: Ring) -> Any:
    total: Any = 0
    for exponent, coefficient in enumerate(coefficients):
        if coefficient:
            total = ring.add(total, ring.multiply(ring.constant(coefficient), power(x, exponent, ring)))
    return total


@dataclass(frozen=True)
class Motion:
    """A flow on a network with a given number of parameters.

    rate : of weight decay, or the friction
    inverses : of the metric, one for each parameter; empty for the Euclidean one
    """

    kind: str
    rate: Fraction = Fraction(0)
    inverses: tuple[Inverse, ...] = field(default=(), repr=False)

    @property
    def has_time(self) -> bool:
        return self.kind in ("weight_decay", "heavy_ball", "nesterov")

    @property
    def has_velocities(self) -> bool:
        return self.kind in ("heavy_ball", "nesterov")

    def dimension(self, count: int) -> int:
        """Of the state, for a network with `count` parameters."""
        return self.has_time + count * (1 + self.has_velocities)

    @property
    def degree(self) -> int:
        """At most the degree by which a member, times all denominators of the metric, exceeds the gradient."""
        return (
            4
            + sum(len(i.denominator) for i in self.inverses)
            + max((len(i.numerator) for i in self.inverses), default=0)
        )

    @property
    def log(self) -> float:
        """log2 of a factor by which the coefficients grow at most, over common denominators."""
        total = 4 + 2 * _log([self.rate])
        for inverse in self.inverses:
            total += _log(inverse.numerator) + _log(inverse.denominator) + self.degree * (1 + 2 * _log([self.rate]))
        return total

    def member(self, ring: Ring, state: Sequence[Any], drift: Any, gradient: Sequence[Any]) -> list[Any]:
        """The value of the member at a state, coordinate by coordinate."""
        count = len(gradient)
        theta = state[self.has_time : self.has_time + count]
        if not self.has_velocities:
            moved = [self._pull(ring, k, theta[k], gradient[k]) for k in range(count)]
            if not self.has_time:
                return moved
            decay = ring.multiply(drift, ring.constant(-self.rate))
            return [
                self._clock(ring, state[0], drift),
                *(ring.add(a, ring.multiply(decay, x)) for a, x in zip(moved, theta, strict=True)),
            ]
        velocity = state[1 + count :]
        # Nesterov's drift is taken times t, which changes neither its laws nor their number.
        along = ring.multiply(drift, state[0]) if self.kind == "nesterov" else drift
        brake = Fraction(-3) if self.kind == "nesterov" else -self.rate
        slowed = ring.multiply(drift, ring.constant(brake))
        forces = [self._push(ring, k, theta[k], velocity[k], gradient[k]) for k in range(count)]
        return [
            along if self.kind == "nesterov" else self._clock(ring, state[0], drift),
            *(ring.multiply(along, v) for v in velocity),
            *(ring.add(ring.multiply(slowed, v), force) for v, force in zip(velocity, forces, strict=True)),
        ]

    def _clock(self, ring: Ring, time: Any, drift: Any) -> Any:
        return ring.multiply(ring.multiply(drift, ring.constant(self.rate)), time) if self.rate else drift

    def _pull(self, ring: Ring, k: int, theta: Any, gradient: Any) -> Any:
        return ring.multiply(self.inverses[k].value(theta, ring), gradient) if self.inverses else gradient

    def _push(self, ring: Ring, k: int, theta: Any, velocity: Any, gradient: Any) -> Any:
        """friction M(theta + v / friction)^{-1} grad; its limit without friction, or M^{-1} grad if M is constant."""
        if not self.inverses:
            return gradient
        inverse = self.inverses[k]
        if not self.rate:
            factor = inverse.value(theta if inverse.is_constant else velocity, ring)
        else:
            place = ring.add(theta, ring.multiply(velocity, ring.constant(1 / self.rate)))
            factor = ring.multiply(ring.constant(self.rate), inverse.value(place, ring))
        return ring.multiply(factor, gradient)


def _log(numbers: Sequence[Fraction]) -> float:
    below = math.lcm(*(number.denominator for number in numbers))
    return math.log2(1 + below + sum(abs(number) * below for number in numbers))


def read_motion(value: Any, parameters: Mapping[str, int]) -> Motion:
    """The flow of a certificate, for parameter tensors of given sizes. Raises CertificateError."""
    kind = reading.choice(reading.table(value, "setting.flow").get("kind"), "setting.flow", _KEYS)
    reading.table(value, "setting.flow", {"kind"} | _KEYS[kind], _OPTIONAL.get(kind, ()))
    if kind == "metric":
        return Motion(kind, inverses=_inverses(value, parameters))
    if kind == "weight_decay":
        return Motion(kind, _rate(value["rate"], "setting.flow.rate"))
    if kind != "heavy_ball":
        return Motion(kind)
    friction = _rate(value["friction"], "setting.flow.friction")
    if "metric" not in value:
        return Motion(kind, friction)
    metric = reading.table(value["metric"], "setting.flow.metric", {"kind", "default", "tensors"})
    reading.choice(metric["kind"], "setting.flow.metric", ["metric"])
    inverses = _inverses(metric, parameters)
    if not friction and not (all(i.is_constant for i in inverses) or all(i.is_linear for i in inverses)):
        raise CertificateError("setting.flow", "this metric without friction", "momentum in it has no limit there")
    return Motion(kind, friction, inverses)


def _rate(value: Any, where: str) -> Fraction:
    rate = reading.rational(value, where)
    if rate < 0:
        raise CertificateError(where, value, "it must not be negative")
    return rate


def _inverses(metric: Any, parameters: Mapping[str, int]) -> tuple[Inverse, ...]:
    where = "setting.flow.tensors"
    tensors = reading.table(metric["tensors"], where, (), parameters)
    found: list[Inverse] = []
    for name, size in parameters.items():
        found += _entries(tensors.get(name, metric["default"]), f"{where}.{name}", size)
    return tuple(found)


def _entries(value: Any, where: str, size: int) -> list[Inverse]:
    if "weights" in reading.table(value, where):
        reading.table(value, where, {"weights"})
        weights = [reading.rational(entry, where) for entry in reading.items(value["weights"], where, size)]
        if any(weight <= 0 for weight in weights):
            raise CertificateError(where, value["weights"], "a metric is positive")
        return [Inverse((weight,)) for weight in weights]
    reading.table(value, where, {"numerator", "denominator"})
    above, below = (_coefficients(value[key], f"{where}.{key}") for key in ("numerator", "denominator"))
    return [Inverse(above, below)] * size


def _coefficients(value: Any, where: str) -> tuple[Fraction, ...]:
    found = tuple(reading.rational(entry, where) for entry in reading.items(value, where))
    if not 1 <= len(found) <= _LARGEST_DEGREE + 1 or not found[-1]:
        raise CertificateError(where, value, f"coefficients up to degree {_LARGEST_DEGREE}, the last not 0, are needed")
    return found
