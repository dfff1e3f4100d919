"""What each entry of a graph can be at real points, positive, negative or zero, as far as its operations tell."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import reduce
from typing import Any

from lielaws.arraytypes import ObjectArray
from lielaws.engine.arithmetic.base import Shape
from lielaws.engine.arithmetic.polynomials import EntryArithmetic, each, objects

POSITIVE, NEGATIVE, ZERO = 1, 2, 4
ANY = POSITIVE | NEGATIVE | ZERO

_OPPOSITE = {mask: (mask & ZERO) | (mask & POSITIVE) << 1 | (mask & NEGATIVE) >> 1 for mask in range(8)}


class SignMasks(EntryArithmetic):
    """Object arrays of masks: what an entry can be, of positive, negative and zero."""

    def total(self, entries: Iterable[int]) -> int:
        return reduce(_sum, entries, ZERO)

    @staticmethod
    def meet(a: int, b: int) -> int:
        signs = (b if a & POSITIVE else 0) | (_OPPOSITE[b] if a & NEGATIVE else 0)
        return (signs & ~ZERO) | ((a | b) & ZERO)

    def constant(self, constant: Any, shape: Shape) -> ObjectArray:
        return objects([_of_number(number) for number in constant.numerators], shape)

    def scale(self, factor: Fraction, a: ObjectArray) -> ObjectArray:
        sign = _of_number(factor)
        return each(lambda x: self.meet(sign, x), a)

    def contract(self, plan: Any, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        # The product of an array with itself is made of squares.
        return self.contracted(plan, a, b, _square if a is b and plan.pairs_alike else self.meet)

    def power(self, a: ObjectArray, exponent: int) -> ObjectArray:
        return each(lambda x: _square(x, x), a) if exponent % 2 == 0 else a

    def piecewise(self, a: ObjectArray, below: Fraction, above: Fraction) -> ObjectArray:
        left, right = _OPPOSITE[_of_number(below)], _of_number(above)
        return each(lambda x: (right if x & POSITIVE else 0) | (left if x & NEGATIVE else 0) | (x & ZERO), a)

    def _positive(self, a: ObjectArray, *_: Any) -> ObjectArray:
        return objects([POSITIVE] * a.size, a.shape)

    def reciprocal(self, a: ObjectArray) -> ObjectArray:
        return each(lambda x: x & ~ZERO or ANY, a)

    def _unknown(self, a: ObjectArray, *_: Any) -> ObjectArray:
        return objects([ANY] * a.size, a.shape)

    exp = sqrt = _positive
    log = cos = sin = _unknown

    def gauss(self, a: ObjectArray, density: ObjectArray, node: Any) -> ObjectArray:
        return a


def _sum(a: int, b: int) -> int:
    signs = (a | b) & ~ZERO
    vanishes = signs == POSITIVE | NEGATIVE or (a & ZERO and b & ZERO)
    return signs | (ZERO if vanishes else 0)


def _of_number(number: Fraction | int) -> int:
    return POSITIVE if number > 0 else NEGATIVE if number < 0 else ZERO


def _square(x: int, _: int) -> int:
    return (POSITIVE if x & ~ZERO else 0) | (x & ZERO)
