"""Jets over any arithmetic of numbers: the truncated algebra of nilpotents e1..ek with e_i^2 = 0.

A value has an axis of jets, which runs over the subsets of the nilpotents as bit masks: 2^k coefficients, or just one
for values without infinitesimal part. The second half of the axis belongs to the newest nilpotent: a0 + e a1 has
f(a0 + e a1) = f(a0) + e f'(a0) a1, so a function needs values at the base point alone, and its derivative rule does the
rest.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import BoolArray, IntArray
from lielaws.engine.arithmetic.base import StructuralArithmetic

Values = npt.NDArray[Any]


@lru_cache(maxsize=32)
def subset_pairs(masks: int) -> tuple[IntArray, IntArray, IntArray]:
    """All pairs of disjoint subsets (left, right), ordered by their union, and where each union starts."""
    pairs = [(left | right, left, right) for left in range(masks) for right in range(masks) if not left & right]
    table = np.array(sorted(pairs), dtype=np.int64)
    return table[:, 1], table[:, 2], np.flatnonzero(np.r_[True, table[1:, 0] != table[:-1, 0]])


class JetArithmetic(StructuralArithmetic):
    """Arrays of shape (.., jets, samples, *shape); arrays of one sample stand for all.

    axis : the axis of jets, followed by that of samples; what comes before belongs to the numbers themselves
    undefined : the samples at which a denominator has vanished, or a function has no value, so far; None for none
    """

    axis: ClassVar[int]
    undefined: BoolArray | None = None

    # What an arithmetic of numbers provides, for arrays with equally many jets; sums and products where those of the
    # entries do not serve.

    def plus(self, a: Values, b: Values) -> Values:
        return np.asarray(a + b)

    def times(self, a: Values, b: Values) -> Values:
        """The elementwise product of coefficients."""
        return np.asarray(a * b)

    def matrix_product(self, a: Values, b: Values) -> Values:
        """The product of stacks of matrices of coefficients."""
        return np.asarray(np.matmul(a, b))

    def grouped(self, terms: Values, starts: IntArray) -> Values:
        """The sums of consecutive coefficients along the axis of jets."""
        return np.asarray(np.add.reduceat(terms, starts, axis=self.axis))

    @abstractmethod
    def scale(self, factor: Fraction, a: Values) -> Values: ...

    @abstractmethod
    def inverse(self, a: Values) -> Values:
        """1 / a for values without infinitesimal part."""

    @abstractmethod
    def value(self, kind: str, a: Values) -> Values:
        """A function, by its name, at values without infinitesimal part."""

    def circle(self, a: Values) -> tuple[Values, Values]:
        """Cosine and sine of values without infinitesimal part."""
        return self.value("cos", a), self.value("sin", a)

    @abstractmethod
    def zeros(self, shape: tuple[int, ...]) -> Values: ...

    # Jets

    def jets(self, a: Values) -> int:
        return int(a.shape[self.axis])

    def part(self, a: Values, chosen: Any) -> Values:
        """The coefficients that are chosen along the axis of jets."""
        return a[(slice(None),) * self.axis + (chosen,)]

    def mark(self, undefined: BoolArray) -> None:
        """Mark samples, given for each entry of values without infinitesimal part."""
        axis = self.axis + 1
        found = np.asarray(undefined.any(axis=tuple(k for k in range(undefined.ndim) if k != axis)))
        self.undefined = found if self.undefined is None else self.undefined | found

    def defined(self, count: int) -> BoolArray:
        """Which of the samples have values, so far."""
        return np.ones(count, dtype=np.bool_) if self.undefined is None else np.broadcast_to(~self.undefined, count)

    def joined(self, value: Values, change: Values) -> Values:
        """value + e change for the newest nilpotent e."""
        shape = np.broadcast_shapes(value.shape, change.shape)
        return np.concatenate([np.broadcast_to(value, shape), np.broadcast_to(change, shape)], axis=self.axis)

    def halves(self, a: Values) -> tuple[Values, Values]:
        """What does not have the newest nilpotent, and the coefficient of it."""
        half = self.jets(a) // 2
        return self.part(a, slice(None, half)), self.part(a, slice(half, None))

    def minus(self, a: Values, b: Values) -> Values:
        return self.plus(a, self.scale(Fraction(-1), b))

    def add(self, a: Values, b: Values) -> Values:
        if self.jets(a) == self.jets(b):
            return self.plus(a, b)
        if self.jets(a) < self.jets(b):
            a, b = b, a
        # A value without infinitesimal part meets only the coefficient of the empty subset.
        first = self.plus(self.part(a, slice(0, 1)), b)
        rest = self.part(a, slice(1, None))
        shape = (*rest.shape[: self.axis + 1], *first.shape[self.axis + 1 :])
        return np.concatenate([first, np.broadcast_to(rest, shape)], axis=self.axis)

    def _bilinear(self, product: Callable[[Values, Values], Values], a: Values, b: Values) -> Values:
        masks = min(self.jets(a), self.jets(b))
        if masks == 1:
            return product(a, b)
        left, right, starts = subset_pairs(masks)
        return self.grouped(product(self.part(a, left), self.part(b, right)), starts)

    def multiply(self, a: Values, b: Values) -> Values:
        return self._bilinear(self.times, a, b)

    def contract(self, plan: Any, a: Values, b: Values) -> Values:
        product = lambda x, y: self._bilinear(self.matrix_product, x, y)  # noqa: E731
        return plan.apply(a, b, self.lead, self.multiply, product)  # type: ignore[no-any-return]

    def power(self, a: Values, exponent: int) -> Values:
        result: Values | None = None
        while exponent:
            if exponent & 1:
                result = a if result is None else self.multiply(result, a)
            exponent >>= 1
            if exponent:
                a = self.multiply(a, a)
        assert result is not None
        return result

    # Functions, by their derivative rules

    def _lift(self, a: Values, base: Values, slope: Callable[[Values, Values], Values]) -> Values:
        """f(a) for the function with value `base` at the base point; slope(value, argument) is its derivative."""
        if self.jets(a) == 1:
            return base
        first, change = self.halves(a)
        value = self._lift(first, base, slope)
        return self.joined(value, self.multiply(slope(value, first), change))

    def _base(self, a: Values) -> Values:
        return self.part(a, slice(0, 1))

    def reciprocal(self, a: Values) -> Values:
        base = self.inverse(self._base(a))
        return self._lift(a, base, lambda value, _: self.scale(Fraction(-1), self.multiply(value, value)))

    def exp(self, a: Values, node: Any) -> Values:
        return self._lift(a, self.value("exp", self._base(a)), lambda value, _: value)

    def log(self, a: Values, node: Any) -> Values:
        return self._lift(a, self.value("log", self._base(a)), lambda _, argument: self.reciprocal(argument))

    def sqrt(self, a: Values, node: Any) -> Values:
        base = self.value("sqrt", self._base(a))
        return self._lift(a, base, lambda value, _: self.reciprocal(self.scale(Fraction(2), value)))

    def gauss(self, a: Values, density: Values, node: Any) -> Values:
        """The density has as many jets as the argument, unless both have one."""
        base = self.value("gauss", self._base(a))
        return self._lift(a, base, lambda value, _: self.part(density, slice(None, self.jets(value))))

    def cos(self, a: Values, node: Any) -> Values:
        return self._circle(a, *self.circle(self._base(a)))[0]

    def sin(self, a: Values, node: Any) -> Values:
        return self._circle(a, *self.circle(self._base(a)))[1]

    def _circle(self, a: Values, cos: Values, sin: Values) -> tuple[Values, Values]:
        if self.jets(a) == 1:
            return cos, sin
        first, change = self.halves(a)
        c, s = self._circle(first, cos, sin)
        slope = self.scale(Fraction(-1), self.multiply(s, change))
        return self.joined(c, slope), self.joined(s, self.multiply(c, change))
