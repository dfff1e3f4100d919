"""Real numbers with rigorous error bounds: signs at real points, decided and never guessed."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import flint
import numpy as np

from lielaws.engine.arithmetic.base import HasIndices, Shape, StructuralArithmetic
from lielaws.engine.arithmetic.polynomials import ObjectArray, each, objects
from lielaws.engine.linalg import as_fmpq


class Balls(StructuralArithmetic):
    """Object arrays of FLINT's `arb`, of shape (samples, *shape). What is undefined is a number that is not finite."""

    lead = 1

    def constant(self, constant: Any, shape: Shape) -> ObjectArray:
        values = [ball(Fraction(number, constant.denominator)) for number in constant.numerators]
        return objects(values, (1, *shape))

    def finish_sum(self, a: ObjectArray) -> ObjectArray:
        return a

    def add(self, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        return np.asarray(a + b, dtype=object)

    def scale(self, factor: Fraction, a: ObjectArray) -> ObjectArray:
        return np.asarray(a * ball(factor), dtype=object)

    def contract(self, plan: Any, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        return plan.apply(a, b, self.lead, np.multiply, np.matmul)  # type: ignore[no-any-return]

    def power(self, a: ObjectArray, exponent: int) -> ObjectArray:
        return each(lambda x: x**exponent, a)

    def reciprocal(self, a: ObjectArray) -> ObjectArray:
        return each(lambda x: 1 / x, a)

    def sum(self, a: ObjectArray, axes: tuple[int, ...]) -> ObjectArray:
        total = a.sum(axis=tuple(axis + self.lead for axis in axes))
        return np.asarray(total, dtype=object)

    def scatter(self, a: ObjectArray, index: HasIndices, shape: Shape) -> ObjectArray:
        size = int(np.prod(shape, dtype=np.int64))
        result = objects([flint.arb(0)] * (a.shape[0] * size), (a.shape[0], size))
        flat = a.reshape(a.shape[0], -1)
        for position, target in enumerate(index.values.tolist()):
            result[:, target] = result[:, target] + flat[:, position]
        return result.reshape(a.shape[0], *shape)

    def exp(self, a: ObjectArray, node: Any) -> ObjectArray:
        return each(lambda x: x.exp(), a)

    def log(self, a: ObjectArray, node: Any) -> ObjectArray:
        return each(lambda x: x.log(), a)

    def sqrt(self, a: ObjectArray, node: Any) -> ObjectArray:
        return each(lambda x: x.sqrt(), a)

    def gauss(self, a: ObjectArray, density: ObjectArray, node: Any) -> ObjectArray:
        half = (flint.arb.pi() / 2).sqrt()
        return each(lambda x: half * (x / flint.arb(2).sqrt()).erf(), a)

    def cos(self, a: ObjectArray, node: Any) -> ObjectArray:
        return each(lambda x: x.cos(), a)

    def sin(self, a: ObjectArray, node: Any) -> ObjectArray:
        return each(lambda x: x.sin(), a)


def ball(number: Fraction | int) -> Any:
    """A rational number."""
    return flint.arb(as_fmpq(number))


def sign(value: Any) -> int:
    """1 or -1; 0 for what is not known to be positive or negative."""
    return 1 if value > 0 else -1 if value < 0 else 0
