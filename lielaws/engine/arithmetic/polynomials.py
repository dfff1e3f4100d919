"""Exact polynomials and rational functions over Q as entries of object arrays, for expansion and display."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.engine.arithmetic.base import HasIndices, Shape, StructuralArithmetic

ObjectArray = npt.NDArray[np.object_]


class Exact(StructuralArithmetic):
    """Arithmetic of object arrays over any ring whose elements know `+ * **`.

    Parameters
    ----------
    number : turns a Fraction into an element
    invert : the inverse of an element; None where the ring has no inverses
    """

    lead = 0

    def __init__(self, number: Callable[[Fraction], Any], invert: Callable[[Any], Any] | None = None) -> None:
        self._number = number
        self._invert = invert
        self._zero = number(Fraction(0))

    def constant(self, constant: Any, shape: Shape) -> ObjectArray:
        values = [self._number(Fraction(number, constant.denominator)) for number in constant.numerators]
        return objects(values, shape)

    def add(self, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        return each(operator.add, a, b)

    def scale(self, factor: Fraction, a: ObjectArray) -> ObjectArray:
        number = self._number(factor)
        return each(lambda entry: entry * number, a)

    def contract(self, plan: Any, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        return plan.apply(a, b, self.lead, self._multiply, np.matmul)  # type: ignore[no-any-return]

    def _multiply(self, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        return each(operator.mul, a, b)

    def power(self, a: ObjectArray, exponent: int) -> ObjectArray:
        return each(lambda entry: entry**exponent, a)

    def reciprocal(self, a: ObjectArray) -> ObjectArray:
        if self._invert is None:
            raise ArithmeticError("this ring has no inverses")
        return each(self._invert, a)

    def sum(self, a: ObjectArray, axes: tuple[int, ...]) -> ObjectArray:
        kept = tuple(axis for axis in range(a.ndim) if axis not in axes)
        shape = tuple(a.shape[axis] for axis in kept)
        rows = a.transpose(kept + axes).reshape(int(np.prod(shape, dtype=np.int64)), -1)
        return objects([sum(row, start=self._zero) for row in rows], shape)

    def scatter(self, a: ObjectArray, index: HasIndices, shape: Shape) -> ObjectArray:
        entries = [self._zero] * int(np.prod(shape, dtype=np.int64))
        for target, entry in zip(index.values.tolist(), a.ravel(), strict=True):
            entries[target] = entries[target] + entry
        return objects(entries, shape)


def each(function: Callable[..., Any], *arrays: ObjectArray) -> ObjectArray:
    """A function of the entries of arrays that broadcast together.

    numpy's own operators would take polynomials for sequences of their terms.
    """
    operands = np.broadcast_arrays(*arrays) if len(arrays) > 1 else arrays
    shape = operands[0].shape
    return objects([function(*entries) for entries in zip(*(a.ravel() for a in operands), strict=True)], shape)


def objects(values: list[Any], shape: Shape) -> ObjectArray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array.reshape(shape)
