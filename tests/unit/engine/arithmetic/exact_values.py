"""Exact rational values with a leading axis of samples: a network in Fractions, as a reference."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.arraytypes import ObjectArray
from lielaws.engine.arithmetic.base import Shape, StructuralArithmetic
from lielaws.engine.arithmetic.polynomials import objects


class Rationals(StructuralArithmetic):
    """Object arrays of integers and fractions, of shape (samples, *shape)."""

    lead = 1

    def constant(self, constant: Any, shape: Shape) -> ObjectArray:
        values = [_reduced(Fraction(number, constant.denominator)) for number in constant.numerators]
        return objects(values, (1, *shape))

    def add(self, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        return np.asarray(a + b)

    def scale(self, factor: Fraction, a: ObjectArray) -> ObjectArray:
        return np.asarray(a * _reduced(factor))

    def contract(self, plan: Any, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        return plan.apply(a, b, self.lead, np.multiply, np.matmul)  # type: ignore[no-any-return]

    def power(self, a: ObjectArray, exponent: int) -> ObjectArray:
        return np.asarray(a**exponent)

    def reciprocal(self, a: ObjectArray) -> ObjectArray:
        return np.asarray(Fraction(1) / a)

    def piecewise(self, a: ObjectArray, below: Fraction, above: Fraction) -> ObjectArray:
        return np.asarray(np.where(a < 0, a * _reduced(below), a * _reduced(above)))


def _reduced(value: Fraction) -> Fraction | int:
    return value.numerator if value.denominator == 1 else value
