"""Which signs each entry of a graph can have at real points, as far as its operations tell."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np

from lielaws.numbers.base import HasIndices, Shape, StructuralArithmetic
from lielaws.numbers.polynomials import ObjectArray, each, objects

ZERO, POSITIVE, NEGATIVE = 0, 1, 2
ANY = POSITIVE | NEGATIVE

_OPPOSITE = (ZERO, NEGATIVE, POSITIVE, ANY)


class SignMasks(StructuralArithmetic):
    """Object arrays of masks: the signs other than zero that an entry can have."""

    lead = 0

    def constant(self, constant: Any, shape: Shape) -> ObjectArray:
        return objects([_of_number(number) for number in constant.numerators], shape)

    def add(self, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        return each(lambda x, y: x | y, a, b)

    def scale(self, factor: Fraction, a: ObjectArray) -> ObjectArray:
        sign = _of_number(factor)
        return each(lambda x: _product(sign, x), a)

    def contract(self, plan: Any, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        # The product of an array with itself is made of squares.
        same = a is b and plan.left_axes == plan.right_axes
        product = _square if same else _product
        return plan.apply(  # type: ignore[no-any-return]
            a, b, self.lead, lambda x, y: each(product, x, y), lambda x, y: _matmul(product, x, y)
        )

    def power(self, a: ObjectArray, exponent: int) -> ObjectArray:
        return each(lambda x: _square(x, x), a) if exponent % 2 == 0 else a

    def reciprocal(self, a: ObjectArray) -> ObjectArray:
        return a

    def piecewise(self, a: ObjectArray, below: Fraction, above: Fraction) -> ObjectArray:
        left, right = _OPPOSITE[_of_number(below)], _of_number(above)
        return each(lambda x: (right if x & POSITIVE else ZERO) | (left if x & NEGATIVE else ZERO), a)

    def _positive(self, a: ObjectArray, *_: Any) -> ObjectArray:
        return objects([POSITIVE] * a.size, a.shape)

    def _unknown(self, a: ObjectArray, *_: Any) -> ObjectArray:
        return objects([ANY] * a.size, a.shape)

    exp = sqrt = _positive
    log = cos = sin = _unknown

    def gauss(self, a: ObjectArray, density: ObjectArray, node: Any) -> ObjectArray:
        return a

    def sum(self, a: ObjectArray, axes: tuple[int, ...]) -> ObjectArray:
        kept = tuple(axis for axis in range(a.ndim) if axis not in axes)
        shape = tuple(a.shape[axis] for axis in kept)
        rows = a.transpose(kept + axes).reshape(int(np.prod(shape, dtype=np.int64)), -1).tolist()
        return objects([reduce(lambda x, y: x | y, row, ZERO) for row in rows], shape)

    def scatter(self, a: ObjectArray, index: HasIndices, shape: Shape) -> ObjectArray:
        entries = [ZERO] * int(np.prod(shape, dtype=np.int64))
        for target, entry in zip(index.values.tolist(), a.ravel(), strict=True):
            entries[target] |= entry
        return objects(entries, shape)


def _of_number(number: Fraction | int) -> int:
    return POSITIVE if number > 0 else NEGATIVE if number < 0 else ZERO


def _product(x: int, y: int) -> int:
    return (y if x & POSITIVE else ZERO) | (_OPPOSITE[y] if x & NEGATIVE else ZERO)


def _square(x: int, _: int) -> int:
    return POSITIVE if x else ZERO


def _matmul(product: Callable[[int, int], int], a: ObjectArray, b: ObjectArray) -> ObjectArray:
    terms = [each(product, a[..., :, k : k + 1], b[..., k : k + 1, :]) for k in range(a.shape[-1])]
    return reduce(lambda x, y: each(lambda s, t: s | t, x, y), terms)
