"""Jets over any ring of arrays: dual numbers, nested as deep as brackets need.

An element is an array of the ring, which is constant; None, which is zero; or a pair (a, b) that stands for a + e b
with e * e = 0, where a and b have one nilpotent less. The outermost pair belongs to the newest nilpotent.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np


class Jets:
    """The ring of jets. Every operation takes and gives elements as described above."""

    def __init__(self, ring: Any) -> None:
        self.ring = ring

    def constant(self, numerators: Any, denominator: int, shape: tuple[int, ...]) -> Any:
        return self.ring.constant(numerators, denominator, shape)

    def linear(self, function: Callable[[Any], Any], a: Any) -> Any:
        """A linear operation on arrays, such as a sum, applied to each coefficient."""
        if a is None:
            return None
        return (self.linear(function, a[0]), self.linear(function, a[1])) if type(a) is tuple else function(a)

    def move(self, function: Callable[[Any], Any], a: Any) -> Any:
        """The same for what only moves entries."""
        return self.linear(lambda x: self.ring.move(function, x), a)

    def scale(self, factor: Fraction, a: Any) -> Any:
        if factor == 1:
            return a
        return self.linear(lambda x: self.ring.scale(factor, x), a) if factor else None

    def add(self, a: Any, b: Any) -> Any:
        if a is None or b is None:
            return b if a is None else a
        if type(a) is tuple:
            return (self.add(a[0], b[0]), self.add(a[1], b[1])) if type(b) is tuple else (self.add(a[0], b), a[1])
        return (self.add(a, b[0]), b[1]) if type(b) is tuple else self.ring.add(a, b)

    def multiply(self, a: Any, b: Any) -> Any:
        return self._bilinear(self.ring.multiply, a, b)

    def contract(self, plan: Any, a: Any, b: Any) -> Any:
        """Einstein summation of two arrays, beside the axis of the samples."""
        subscripts = "{},{}->{}".format(*(f"...{term}" for term in plan.terms))
        return self._bilinear(lambda x, y: self.ring.einsum(subscripts, x, y, plan.summed), a, b)

    def gather(self, a: Any, index: Any) -> Any:
        return self.move(lambda x: x.reshape(len(x), -1)[:, index], a)

    def scatter(self, a: Any, index: Any, shape: tuple[int, ...]) -> Any:
        return self.linear(lambda x: self.ring.scatter(x, index, shape), a)

    def _bilinear(self, product: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
        if a is None or b is None:
            return None
        if type(a) is tuple:
            if type(b) is not tuple:
                return self._bilinear(product, a[0], b), self._bilinear(product, a[1], b)
            crossed = self.add(self._bilinear(product, a[0], b[1]), self._bilinear(product, a[1], b[0]))
            return self._bilinear(product, a[0], b[0]), crossed
        if type(b) is tuple:
            return self._bilinear(product, a, b[0]), self._bilinear(product, a, b[1])
        return product(a, b)

    def power(self, a: Any, exponent: int) -> Any:
        """For exponents of at least 1, by repeated squaring."""
        result = a
        for bit in f"{exponent:b}"[1:]:
            result = self.multiply(result, result)
            result = self.multiply(result, a) if bit == "1" else result
        return result

    def inverse(self, a: Any) -> Any:
        if a is None:
            raise ZeroDivisionError
        if type(a) is not tuple:
            return self.ring.inverse(a)
        first = self.inverse(a[0])
        return first, self.scale(Fraction(-1), self.multiply(a[1], self.multiply(first, first)))

    def function(self, kind: str, a: Any, density: Any, step: int) -> Any:
        """A function by its value at the base point and its derivative rule.

        density : exp(-a^2 / 2), which is the derivative of "gauss"
        step : the number of the step that it is the value of
        """
        if type(a) is not tuple:
            return self.ring.function(kind, a, step)
        inner_density = density[0] if type(density) is tuple else density
        value = self.function(kind, a[0], inner_density, step)
        return value, self.multiply(a[1], self.slope(kind, a[0], inner_density, value, step))

    def slope(self, kind: str, a: Any, density: Any, value: Any, step: int) -> Any:
        """The derivative of a function at `a`, where it has a known value."""
        match kind:
            case "exp":
                return value
            case "log":
                return self.inverse(a)
            case "sqrt":
                return self.scale(Fraction(1, 2), self.inverse(value))
            case "gauss":
                return density
            case "cos":
                return self.scale(Fraction(-1), self.function("sin", a, None, step))
        return self.function("cos", a, None, step)


def added(x: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Each entry of the samples of an array, (samples, *shape of index), added at its place in zeros."""
    order = np.argsort(index, axis=None, kind="stable")
    places, starts = np.unique(index.ravel()[order], return_index=True)
    result = np.zeros((len(x), math.prod(shape)), dtype=x.dtype)
    result[:, places] = np.add.reduceat(x.reshape(len(x), -1)[:, order], starts, axis=1)
    return result.reshape(len(x), *shape)


def spread(a: Any, samples: int) -> Any:
    """The entries of each sample in a row, where there may be one sample for all."""
    return np.broadcast_to(a, (samples, *a.shape[1:])).reshape(samples, -1)


def moved(state: list[Any], direction: list[Any]) -> list[Any]:
    """state + e * direction with a new nilpotent e."""
    return [s if type(s) is not tuple and v is None else (s, v) for s, v in zip(state, direction, strict=True)]


def parts(state: list[Any]) -> tuple[list[Any], list[Any]]:
    """What is left when the newest nilpotent is zero, and its coefficients."""
    pairs = [a if type(a) is tuple else (a, None) for a in state]
    return [a for a, _ in pairs], [b for _, b in pairs]
