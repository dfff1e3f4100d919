"""float64 values with a leading axis of samples: the network as a user would run it. Nothing exact rests on it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.engine.arithmetic.base import Shape, StructuralArithmetic

# Its exponential squared is finite, and 1 / (1 + its exponential) is 0 in float64 for all purposes.
_LARGEST_EXPONENT = 300.0


class Floats(StructuralArithmetic):
    """Arithmetic of float64 arrays of shape (samples, *shape)."""

    lead = 1

    def constant(self, constant: Any, shape: Shape) -> FloatArray:
        values = [number / constant.denominator for number in constant.numerators]
        return np.array(values, dtype=np.float64).reshape((1, *shape))

    def add(self, a: FloatArray, b: FloatArray) -> FloatArray:
        return a + b

    def scale(self, factor: Fraction, a: FloatArray) -> FloatArray:
        return a * float(factor)

    def contract(self, plan: Any, a: FloatArray, b: FloatArray) -> FloatArray:
        return plan.apply(a, b, self.lead, np.multiply, np.matmul)  # type: ignore[no-any-return]

    def power(self, a: FloatArray, exponent: int) -> FloatArray:
        return a**exponent

    def reciprocal(self, a: FloatArray) -> FloatArray:
        return 1.0 / a

    def piecewise(self, a: FloatArray, below: Fraction, above: Fraction) -> FloatArray:
        return np.where(a < 0, float(below), float(above)) * a

    def exp(self, a: FloatArray, node: Any) -> FloatArray:
        match node.static:
            case ("shifted", axis):
                largest: FloatArray = a.max(axis=axis + self.lead, keepdims=True)
                return np.exp(a - largest)
            case ("bounded",):
                return np.exp(np.clip(a, -_LARGEST_EXPONENT, _LARGEST_EXPONENT))
        return np.exp(a)

    def log(self, a: FloatArray, node: Any) -> FloatArray:
        return np.log(a)

    def sqrt(self, a: FloatArray, node: Any) -> FloatArray:
        return np.sqrt(a)

    def gauss(self, a: FloatArray, density: FloatArray, node: Any) -> FloatArray:
        from scipy.special import ndtr

        return np.asarray(np.sqrt(2.0 * np.pi) * (ndtr(a) - 0.5))

    def cos(self, a: FloatArray, node: Any) -> FloatArray:
        return np.cos(a)

    def sin(self, a: FloatArray, node: Any) -> FloatArray:
        return np.sin(a)
