"""Real numbers enclosed by midpoints and radii in float64, vectorized on BLAS; and jets over them.

A value is an array of shape (2, jets, samples, *shape): midpoints, then radii. Every result contains the true value for
all numbers that its operands contain. u = 2^-53 is the rounding error of one operation; the radius of a product of
matrices with n terms is |A| (r_B + (n + 4) u |B|) + r_A (|B| + r_B), rounding in the radius itself included by a factor
(Rump, Acta Numerica 2010, section 9; valid for any order of summation, with or without fused operations). Values of
functions come from FLINT's `arb`, entry by entry, but for roots. Samples at which something is undefined are marked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

import flint
import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import BoolArray, FloatArray, IntArray
from lielaws.engine.arithmetic.base import IndexMap, Shape
from lielaws.engine.arithmetic.jets import JetArithmetic
from lielaws.engine.linalg import as_fmpq

U = 2.0**-53
# Above any error by underflow, below any number that matters.
TINY = 2.0**-1000


def exact(mid: npt.ArrayLike) -> FloatArray:
    """Numbers without error."""
    array = np.asarray(mid, dtype=np.float64)
    return np.stack([array, np.zeros_like(array)])


def of_arb(values: Any, shape: Shape) -> FloatArray:
    """Enclosures of a sequence of `arb`; what is not finite has an infinite radius."""
    return _enclosed(map(_floats, values), shape)


def of_fractions(numbers: Iterable[Fraction], shape: Shape) -> FloatArray:
    return _enclosed(map(_rounded, numbers), shape)


def _enclosed(pairs: Iterable[tuple[float, float]], shape: Shape) -> FloatArray:
    """An array of midpoints and radii."""
    return np.array(list(pairs), dtype=np.float64).reshape(-1, 2).T.reshape(2, *shape)


def _floats(value: Any) -> tuple[float, float]:
    if not value.is_finite():
        return 0.0, np.inf
    mid = float(value.mid())
    # The midpoint may have more bits than a float, and the radius is rounded once.
    return mid, float(value.rad()) * (1 + 4 * U) + 2 * U * abs(mid) + TINY


class Enclosures(JetArithmetic):
    lead = 3
    axis = 1

    def __init__(self) -> None:
        self._known: dict[str, dict[tuple[float, float], tuple[float, float]]] = {}

    def zeros(self, shape: Shape) -> FloatArray:
        return np.zeros(shape)

    exact = staticmethod(exact)

    def named(self, name: str) -> FloatArray:
        """The value of a named constant, for all samples."""
        return of_arb([NUMBERS[name]()], (1, 1))

    def constant(self, constant: Any, shape: Shape) -> FloatArray:
        numbers = [Fraction(number, constant.denominator) for number in constant.numerators]
        return of_fractions(numbers, (1, 1, *shape))

    def plus(self, a: FloatArray, b: FloatArray) -> FloatArray:
        mid = a[0] + b[0]
        return np.stack([mid, (a[1] + b[1] + U * np.abs(mid)) * (1 + 4 * U)])

    def times(self, a: FloatArray, b: FloatArray) -> FloatArray:
        mid = a[0] * b[0]
        rad = np.abs(a[0]) * b[1] + a[1] * (np.abs(b[0]) + b[1]) + U * np.abs(mid)
        return np.stack([mid, rad * (1 + 8 * U) + TINY])

    def matrix_product(self, a: FloatArray, b: FloatArray) -> FloatArray:
        n = a.shape[-1]
        size = np.abs(b[0])
        rad = np.matmul(np.abs(a[0]), b[1] + (n + 4) * U * size) + np.matmul(a[1], size + b[1])
        return np.stack([np.matmul(a[0], b[0]), rad * (1 + (6 * n + 20) * U) + TINY])

    def scale(self, factor: Fraction, a: FloatArray) -> FloatArray:
        number, error = _rounded(factor)
        mid = number * a[0]
        if not error and abs(number) in (0.5, 1.0, 2.0):
            return np.stack([mid, abs(number) * a[1]])
        rad = (abs(number) + error) * a[1] + error * np.abs(a[0]) + U * np.abs(mid)
        return np.stack([mid, rad * (1 + 8 * U) + TINY])

    def grouped(self, terms: FloatArray, starts: IntArray) -> FloatArray:
        count = terms.shape[1]
        size, rad = (np.add.reduceat(x, starts, axis=0) for x in (np.abs(terms[0]), terms[1]))
        return _summed(np.add.reduceat(terms[0], starts, axis=0), size, rad, count)

    def sum(self, a: FloatArray, axes: tuple[int, ...]) -> FloatArray:
        where = tuple(axis + self.lead - 1 for axis in axes)
        count = int(np.prod([a.shape[axis + 1] for axis in where], dtype=np.int64))
        return _summed(a[0].sum(axis=where), np.abs(a[0]).sum(axis=where), a[1].sum(axis=where), count)

    def scatter(self, a: FloatArray, index: IndexMap, shape: Shape) -> FloatArray:
        total, size = super().scatter(a, index, shape), super().scatter(np.abs(a[:1]), index, shape)
        return _summed(total[0], size[0], total[1], max(1, len(index.values)))

    def inverse(self, a: FloatArray) -> FloatArray:
        gap = (np.abs(a[0]) - a[1]) * (1 - 4 * U)
        a, gap = self._without(~(gap > 0), a, gap)
        size = np.abs(a[0])
        mid = 1.0 / a[0]
        return np.stack([mid, (a[1] / (size * gap) + U * np.abs(mid)) * (1 + 16 * U) + TINY])

    def value(self, kind: str, a: FloatArray) -> FloatArray:
        return self._root(a) if kind == "sqrt" else self._each(kind, a)

    def _root(self, a: FloatArray) -> FloatArray:
        """The root of zero has no derivative, so that it counts as undefined."""
        least = (a[0] - a[1]) * (1 - 4 * U)
        a, least = self._without(~((least > 0) & (a[0] < np.inf)), a, least)
        # sqrt(m) - sqrt(m - r) = r / (sqrt(m) + sqrt(m - r)), and float64 rounds roots correctly.
        mid = np.sqrt(a[0])
        return np.stack([mid, (a[1] / (mid + np.sqrt(least)) + U * mid) * (1 + 16 * U) + TINY])

    def _without(self, wrong: BoolArray, a: FloatArray, bound: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Marks what is wrong, and puts numbers there that do no harm, with an infinite radius."""
        if not wrong.any():
            return a, bound
        self.mark(wrong[None])
        return np.stack([np.where(wrong, 1.0, a[0]), np.where(wrong, np.inf, a[1])]), np.where(wrong, 1.0, bound)

    def _each(self, kind: str, a: FloatArray) -> FloatArray:
        function, known = FUNCTIONS[kind], self._known.setdefault(kind, {})
        pairs = list(zip(*a.reshape(2, -1).tolist(), strict=True))
        for mid, rad in set(pairs) - known.keys():
            finite = rad < np.inf and abs(mid) < np.inf
            known[mid, rad] = _floats(function(flint.arb(mid, rad)) if finite else flint.arb.nan())
        values = _enclosed([known[pair] for pair in pairs], a.shape[1:])
        wrong = ~np.isfinite(values[1])
        if wrong.any():
            self.mark(wrong[None])
        return values

    def piecewise(self, a: FloatArray, below: Fraction, above: Fraction) -> FloatArray:
        left, right = self.scale(below, a), self.scale(above, a)
        largest = float(max(abs(below), abs(above))) * (1 + 4 * U) * (np.abs(a[0]) + a[1]) * (1 + 4 * U)
        either = np.stack([np.zeros_like(a[0]), largest])
        return np.where(a[0] > a[1], right, np.where(-a[0] > a[1], left, either))


FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "exp": lambda x: x.exp(),
    "log": lambda x: x.log(),
    "sqrt": lambda x: x.sqrt() if x > 0 else flint.arb.nan(),
    "gauss": lambda x: (flint.arb.pi() / 2).sqrt() * (x / flint.arb(2).sqrt()).erf(),
    "cos": lambda x: x.cos(),
    "sin": lambda x: x.sin(),
}
"""the real functions; the root of zero has no derivative, so that it counts as undefined"""

NUMBERS: Mapping[str, Callable[[], Any]] = {
    "sqrt_two": lambda: flint.arb(2).sqrt(),
    "sqrt_two_over_pi": lambda: (2 / flint.arb.pi()).sqrt(),  # noqa: PLW0108  at the precision of the call
    "e": lambda: flint.arb(1).exp(),
}
"""the true values of named constants"""


def _rounded(number: Fraction) -> tuple[float, float]:
    """A float and a bound on its distance from the number."""
    try:
        near = float(number)
    except OverflowError:
        return 0.0, np.inf
    return near, 0.0 if Fraction(near) == number else 2 * U * abs(near) + TINY


def _summed(mid: FloatArray, size: FloatArray, rad: FloatArray, count: int) -> FloatArray:
    """A sum of `count` terms, with the sums of their sizes and radii."""
    return np.stack([mid, (rad + count * U * size) * (1 + (2 * count + 8) * U)])


def as_arb(number: Fraction | int) -> Any:
    return flint.arb(as_fmpq(number))
