"""Real numbers enclosed by FLINT's `arb` at any precision, and jets over them: slow, where float64 does not suffice.

A value is an object array of shape (jets, samples, *shape). The precision is that of `flint.ctx`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import flint
import numpy as np

from lielaws.arraytypes import FloatArray, ObjectArray
from lielaws.engine.arithmetic.base import IndexMap, Shape
from lielaws.engine.arithmetic.enclosures import FUNCTIONS, NUMBERS, as_arb
from lielaws.engine.arithmetic.jets import JetArithmetic
from lielaws.engine.arithmetic.polynomials import each, objects


class Balls(JetArithmetic):
    lead = 2
    axis = 0

    def zeros(self, shape: Shape) -> ObjectArray:
        return objects([flint.arb(0)] * int(np.prod(shape, dtype=np.int64)), shape)

    def exact(self, numbers: FloatArray) -> ObjectArray:
        """Numbers without error."""
        return objects([flint.arb(number) for number in numbers.ravel().tolist()], numbers.shape)

    def named(self, name: str) -> ObjectArray:
        """The value of a named constant, for all samples."""
        return objects([NUMBERS[name]()], (1, 1))

    def constant(self, constant: Any, shape: Shape) -> ObjectArray:
        values = [as_arb(Fraction(number, constant.denominator)) for number in constant.numerators]
        return objects(values, (1, 1, *shape))

    def scale(self, factor: Fraction, a: ObjectArray) -> ObjectArray:
        return np.asarray(a * as_arb(factor), dtype=object)

    def scatter(self, a: ObjectArray, index: IndexMap, shape: Shape) -> ObjectArray:
        size = int(np.prod(shape, dtype=np.int64))
        result = self.zeros((*a.shape[:2], size))
        flat = a.reshape((*a.shape[:2], -1))
        for position, target in enumerate(index.values.tolist()):
            result[..., target] = result[..., target] + flat[..., position]
        return result.reshape((*a.shape[:2], *shape))

    def inverse(self, a: ObjectArray) -> ObjectArray:
        return self._checked(each(lambda x: 1 / x, a))

    def value(self, kind: str, a: ObjectArray) -> ObjectArray:
        return self._checked(each(FUNCTIONS[kind], a))

    def piecewise(self, a: ObjectArray, below: Fraction, above: Fraction) -> ObjectArray:
        left, right = as_arb(below), as_arb(above)
        return each(lambda x: x * right if x > 0 else x * left if x < 0 else (x * left).union(x * right), a)

    def _checked(self, a: ObjectArray) -> ObjectArray:
        wrong = np.array([not x.is_finite() for x in a.ravel()], dtype=np.bool_).reshape(a.shape)
        if wrong.any():
            self.mark(wrong)
        return a
