"""Rigorous real arithmetic on arrays: midpoints and radii in float64, and balls of flint.arb where those are too wide.

Every operation encloses its exact result for all numbers in the balls that it is given. With u = 2^-53, a float64
operation errs by at most u times its result, and by 2^-1075 where it underflows; radii are inflated by more than the
rounding in their own computation. What overflows becomes infinite or NaN, of which nothing can be proved.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any

import flint
import numpy as np

from lielaws.checker.numbers.jets import added
from lielaws.checker.reading import Shape

U = 2.0**-53
TINY = 2.0**-1060
"""a thousand times what underflow can lose in one operation, and nothing beside any number that is not tiny itself"""
PRECISIONS = (128, 256, 512)
"""bits of flint.arb, one after the other, where floats do not decide; what 512 bits leave open is taken as open"""


class Ball:
    """All numbers within `rad` of `mid`, entry by entry. Squares of the same object are tight."""

    __slots__ = ("mid", "rad")

    def __init__(self, mid: Any, rad: Any) -> None:
        self.mid, self.rad = mid, rad

    def __getitem__(self, key: Any) -> Ball:
        return Ball(self.mid[key], self.rad[key])

    @property
    def shape(self) -> Shape:
        return tuple(self.mid.shape)


class Balls:
    """The ring of arrays of float64 balls.

    clear : for each sample whether all values so far are defined: no divisor may be zero, and no argument of a root or
        a logarithm anything but positive; or one entry for all samples together
    """

    weight = 4.0
    bits = 80
    """of functions and rational numbers: rounding is far below that of float64, and they take no longer than with 53"""

    def __init__(self, samples: int = 1) -> None:
        self.clear = np.ones(samples, dtype=bool)

    def entered(self) -> Any:
        """Overflow and NaN are noticed where something is to be proved."""
        return np.errstate(all="ignore")

    def constant(self, numerators: Sequence[int], denominator: int, shape: Shape) -> Any:
        return self.exact([Fraction(value, denominator) for value in numerators], (1, *shape))

    def scale(self, factor: Fraction, a: Any) -> Any:
        return self.multiply(self.exact([factor], ()), a)

    def inverse(self, a: Any) -> Any:
        positive, negative = self.signs(a)
        return self._inverse(self._defined(a, positive | negative))

    def function(self, kind: str, a: Any, step: int) -> Any:
        """A function entry by entry; `step` matters to other rings only."""
        allowed = self.signs(a)[0] if kind in ("log", "sqrt") else np.ones(a.shape, dtype=bool)
        return self._function(kind, self._defined(a, allowed))

    def _defined(self, a: Any, allowed: Any) -> Any:
        """The allowed entries, if they are finite, with ones in place of the others."""
        allowed = allowed & self._finite(a)
        clear = allowed.reshape(len(allowed), -1).all(axis=1)
        self.clear = self.clear & (clear if len(clear) == len(self.clear) else clear.all())
        return self._or_one(a, allowed)

    def exact(self, values: Sequence[Fraction], shape: Sequence[int]) -> Any:
        """Enclosures of rational numbers."""
        with flint.ctx.workprec(self.bits):
            return self._of([flint.arb(flint.fmpq(value.numerator, value.denominator)) for value in values], shape)

    def named(self, name: str, shape: Shape) -> Any:
        with flint.ctx.workprec(self.bits):
            return self._of([TRUE_CONSTANTS[name]()] * math.prod(shape), (1, *shape))

    def _function(self, kind: str, a: Any) -> Any:
        with flint.ctx.workprec(self.bits):
            return self._of([_value(kind, x) for x in self._entries(a)], a.shape)

    def integers(self, a: Any, unit: int = 1) -> Ball:
        """Multiples of 1 / unit, a power of two, by integers below 2^53."""
        return Ball(a / float(unit), np.zeros(a.shape))

    def move(self, function: Callable[..., Any], *arrays: Ball) -> Ball:
        return Ball(function(*(a.mid for a in arrays)), function(*(a.rad for a in arrays)))

    def _of(self, values: Sequence[Any], shape: Sequence[int]) -> Any:
        """From balls of flint.arb."""
        return narrowed(np.array(values, dtype=object).reshape(shape))

    def _entries(self, a: Any) -> Iterable[Any]:
        """Back to balls of flint.arb."""
        return map(flint.arb, a.mid.ravel().tolist(), a.rad.ravel().tolist())

    def signs(self, a: Ball) -> tuple[Any, Any]:
        """Where all numbers of a ball are certainly positive, and where they are certainly negative."""
        return a.mid > a.rad, -a.mid > a.rad

    def _finite(self, a: Ball) -> Any:
        return np.isfinite(a.mid) & np.isfinite(a.rad)

    def _or_one(self, a: Ball, allowed: Any) -> Ball:
        return Ball(np.where(allowed, a.mid, 1.0), np.where(allowed, a.rad, 0.0))

    def add(self, a: Ball, b: Ball) -> Ball:
        mid = a.mid + b.mid
        return Ball(mid, (a.rad + b.rad + U * abs(mid)) * (1 + 8 * U) + TINY)

    def multiply(self, a: Ball, b: Ball) -> Ball:
        if a is b:
            return self._square(a)
        mid, size = a.mid * b.mid, abs(b.mid)
        rad = abs(a.mid) * b.rad + a.rad * (size + b.rad) + U * abs(mid)
        return Ball(mid, rad * (1 + 16 * U) + TINY)

    def _square(self, a: Ball) -> Ball:
        size = abs(a.mid)
        high, low = (size + a.rad) ** 2, np.maximum(size - a.rad, 0.0) ** 2
        # Both are off by a relative error below 8 u, and half their sum by as much again.
        return Ball((high + low) / 2, ((high - low) / 2 + 32 * U * high) * (1 + 16 * U) + TINY)

    def einsum(self, subscripts: str, a: Ball, b: Ball, summed: int) -> Ball:
        n, size = summed, abs(b.mid)
        rad = np.einsum(subscripts, abs(a.mid), b.rad + (n + 4) * U * size + TINY)
        rad = rad + np.einsum(subscripts, a.rad, size + b.rad)
        return Ball(np.einsum(subscripts, a.mid, b.mid), rad * (1 + (6 * n + 20) * U) + n * TINY)

    def scatter(self, a: Ball, index: Any, shape: Shape) -> Ball:
        n = int(np.bincount(index.ravel()).max())
        rad = added(a.rad + n * U * abs(a.mid), index, shape)
        return Ball(added(a.mid, index, shape), rad * (1 + (4 * n + 20) * U) + n * TINY)

    def _inverse(self, a: Ball) -> Ball:
        mid, room = 1 / a.mid, abs(a.mid) - a.rad
        # |1 / x - 1 / m| <= r / (|m| (|m| - r)) for |x - m| <= r.
        return Ball(mid, (a.rad / room * abs(mid) + 2 * U * abs(mid)) * (1 + 32 * U) + TINY * (1 + abs(mid)))


def narrowed(a: Any) -> Ball:
    """Float64 balls around balls of flint.arb."""
    values = np.array([_narrow(x) for x in a.flat], dtype=np.float64).reshape(*a.shape, 2)
    return Ball(values[..., 0], values[..., 1])


def _narrow(value: Any) -> tuple[float, float]:
    mid, rad = float(value.mid()), float(value.rad())
    if value.is_exact() and value == mid:
        return mid, 0.0
    # The midpoint is rounded to the nearest float64, and the radius once more.
    return mid, rad * (1 + 4 * U) + 2 * U * abs(mid) + TINY


TRUE_CONSTANTS: dict[str, Callable[[], Any]] = {
    "sqrt_two": lambda: flint.arb(2).sqrt(),
    # Computed at the precision of the moment.
    "sqrt_two_over_pi": lambda: (2 / flint.arb.pi()).sqrt(),  # noqa: PLW0108
    "e": flint.arb.const_e,
}


def _value(kind: str, x: Any) -> Any:
    if kind == "gauss":
        # The integral of exp(-t^2 / 2) from 0 to x.
        return (flint.arb.pi() / 2).sqrt() * (x / flint.arb(2).sqrt()).erf()
    return getattr(x, kind)()


class PreciseBalls(Balls):
    """The same with object arrays of flint.arb, at a precision that `entered` sets for a while."""

    weight = 25.0

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits

    def entered(self) -> Any:
        return flint.ctx.workprec(self.bits)

    def integers(self, a: Any, unit: int = 1) -> Any:
        return self.exact([Fraction(int(n), unit) for n in a.ravel()], a.shape)

    def move(self, function: Callable[..., Any], *arrays: Any) -> Any:
        return function(*arrays)

    def _of(self, values: Sequence[Any], shape: Sequence[int]) -> Any:
        return np.array(values, dtype=object).reshape(shape)

    def _entries(self, a: Any) -> Iterable[Any]:
        return list(a.flat)

    def signs(self, a: Any) -> tuple[Any, Any]:
        return self._each(lambda x: x > 0, a), self._each(lambda x: x < 0, a)

    def _finite(self, a: Any) -> Any:
        return self._each(lambda x: x.is_finite(), a)

    @staticmethod
    def _each(condition: Callable[[Any], bool], a: Any) -> Any:
        return np.array([condition(x) for x in a.flat], dtype=bool).reshape(a.shape)

    def _or_one(self, a: Any, allowed: Any) -> Any:
        return np.where(allowed, a, np.array(flint.arb(1), dtype=object))

    def add(self, a: Any, b: Any) -> Any:
        return a + b

    def multiply(self, a: Any, b: Any) -> Any:
        return a * b

    def einsum(self, subscripts: str, a: Any, b: Any, summed: int) -> Any:
        return np.einsum(subscripts, a, b)

    def scatter(self, a: Any, index: Any, shape: Shape) -> Any:
        return added(a, index, shape) + flint.arb(0)

    def _inverse(self, a: Any) -> Any:
        return 1 / a


def is_nonsingular(a: Ball) -> bool:
    """Whether every matrix in a square ball is proved to be invertible (Rump: |I - R A| < 1 for some R).

    R is an approximate inverse in float64, of which nothing is assumed.
    """
    n = len(a.mid)
    if n == 0:
        return True
    mid, rad = _scaled(a.mid, a.rad)
    if not (np.isfinite(mid).all() and np.isfinite(rad).all()):
        return False
    try:
        inverse = np.linalg.inv(mid)  # noqa: TID251  the guess of a proof
    except np.linalg.LinAlgError:  # noqa: TID251
        return False
    size, ones = abs(inverse), np.ones(n)
    residual = abs(inverse @ mid - np.eye(n)).sum(axis=1) * (1 + 4 * U)
    spread = size @ (rad @ ones + (n + 4) * U * (abs(mid) @ ones))
    alpha = (residual + spread + 4 * U) * (1 + (6 * n + 20) * U)
    alpha = alpha + n * n * 2.0**-1000 * (1 + size.max() + abs(mid).max())
    # A NaN anywhere is no proof.
    return bool((alpha < 1).all())


def _scaled(mid: Any, rad: Any) -> tuple[Any, Any]:
    """Rows and columns times powers of two, so that the largest entries are about 1."""
    for axis in (1, 0):
        largest = abs(mid).max(axis=axis, keepdims=True)
        shift = -np.frexp(np.where(np.isfinite(largest) & (largest > 0), largest, 1.0))[1]
        mid, rad = np.ldexp(mid, shift), np.ldexp(rad, shift) * (1 + 4 * U) + TINY
    return mid, rad


def is_nonsingular_precisely(a: Any) -> bool:
    """The same for a square object array of flint.arb, by its determinant."""
    determinant = flint.arb_mat(len(a), len(a), list(a.flat)).det()
    return bool(all(x.is_finite() for x in a.flat) and determinant.is_finite() and not determinant.contains(0))
