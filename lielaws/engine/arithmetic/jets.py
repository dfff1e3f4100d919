"""Functions of jets: the base values are given, and the derivative rules do the rest.

A jet a0 + e a1 over the jets of one nilpotent less has f(a0 + e a1) = f(a0) + e f'(a0) a1, as e^2 = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]


class Ring(Protocol):
    """What the rules need of the arithmetic of residues."""

    prime: int

    def multiply(self, a: IntArray, b: IntArray) -> IntArray: ...
    def reciprocal(self, a: IntArray) -> IntArray: ...


def _lift(ring: Ring, a: IntArray, base: IntArray, slope: Callable[[IntArray, IntArray], IntArray]) -> IntArray:
    """f(a) for the function with value `base` at the base point; slope(value, argument) is its derivative."""
    if a.shape[0] == 1:
        return base
    half = a.shape[0] // 2
    value = _lift(ring, a[:half], base, slope)
    change = ring.multiply(slope(value, a[:half]), a[half:])
    return np.concatenate([np.broadcast_to(value, change.shape), change])


def exp(ring: Ring, a: IntArray, base: IntArray) -> IntArray:
    return _lift(ring, a, base, lambda value, _: value)


def log(ring: Ring, a: IntArray, base: IntArray) -> IntArray:
    return _lift(ring, a, base, lambda _, argument: ring.reciprocal(argument))


def sqrt(ring: Ring, a: IntArray, base: IntArray) -> IntArray:
    return _lift(ring, a, base, lambda value, _: ring.reciprocal(2 * value % ring.prime))


def gauss(ring: Ring, a: IntArray, density: IntArray, base: IntArray) -> IntArray:
    """The density has as many jets as the argument, unless both have one."""
    return _lift(ring, a, base, lambda value, _: density[: value.shape[0]])


def circle(ring: Ring, a: IntArray, cos: IntArray, sin: IntArray) -> tuple[IntArray, IntArray]:
    """cos(a) and sin(a)."""
    if a.shape[0] == 1:
        return cos, sin
    half = a.shape[0] // 2
    c, s = circle(ring, a[:half], cos, sin)
    dc, ds = -ring.multiply(s, a[half:]) % ring.prime, ring.multiply(c, a[half:])
    return np.concatenate([np.broadcast_to(c, dc.shape), dc]), np.concatenate([np.broadcast_to(s, ds.shape), ds])
