"""Arithmetic of object arrays, entry by entry, and that of exact polynomials and rational functions over Q."""

from __future__ import annotations

import math
import operator
from abc import abstractmethod
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import partial, reduce
from typing import Any

import numpy as np

from lielaws.arraytypes import ObjectArray
from lielaws.engine.arithmetic.base import IndexMap, Shape, StructuralArithmetic


class EntryArithmetic(StructuralArithmetic):
    """Arithmetic of object arrays, entry by entry."""

    lead = 0

    @abstractmethod
    def total(self, entries: Iterable[Any]) -> Any:
        """The sum of some entries; of none, zero."""

    def add(self, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        return each(lambda *entries: self.total(entries), a, b)

    def sum(self, a: ObjectArray, axes: tuple[int, ...]) -> ObjectArray:
        kept = tuple(axis for axis in range(a.ndim) if axis not in axes)
        shape = tuple(a.shape[axis] for axis in kept)
        rows = a.transpose(kept + axes).reshape(math.prod(shape), -1)
        return objects([self.total(row) for row in rows], shape)

    def scatter(self, a: ObjectArray, index: IndexMap, shape: Shape) -> ObjectArray:
        entries: list[list[Any]] = [[] for _ in range(math.prod(shape))]
        for target, entry in zip(index.values.tolist(), a.ravel(), strict=True):
            entries[target].append(entry)
        return objects([self.total(parts) for parts in entries], shape)

    def contracted(self, plan: Any, a: ObjectArray, b: ObjectArray, times: Callable[[Any, Any], Any]) -> ObjectArray:
        """A contraction, by the product of two entries."""

        def matmul(x: ObjectArray, y: ObjectArray) -> ObjectArray:
            terms = (each(times, x[..., k : k + 1], y[..., k : k + 1, :]) for k in range(x.shape[-1]))
            return reduce(self.add, terms)

        return plan.apply(a, b, self.lead, partial(each, times), matmul)  # type: ignore[no-any-return]


class Exact(EntryArithmetic):
    """Arithmetic of object arrays over any ring whose elements know `+ * **`.

    Parameters
    ----------
    number : turns a Fraction into an element
    invert : the inverse of an element; None where the ring has no inverses
    """

    def __init__(self, number: Callable[[Fraction], Any], invert: Callable[[Any], Any] | None = None) -> None:
        self._number = number
        self._invert = invert
        self._zero = number(Fraction(0))

    def constant(self, constant: Any, shape: Shape) -> ObjectArray:
        values = [self._number(Fraction(number, constant.denominator)) for number in constant.numerators]
        return objects(values, shape)

    def scale(self, factor: Fraction, a: ObjectArray) -> ObjectArray:
        number = self._number(factor)
        return each(lambda entry: entry * number, a)

    def contract(self, plan: Any, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        return plan.apply(a, b, self.lead, partial(each, operator.mul), np.matmul)  # type: ignore[no-any-return]

    def power(self, a: ObjectArray, exponent: int) -> ObjectArray:
        return each(lambda entry: entry**exponent, a)

    def reciprocal(self, a: ObjectArray) -> ObjectArray:
        if self._invert is None:
            raise ArithmeticError("this ring has no inverses")
        return each(self._invert, a)

    def total(self, entries: Iterable[Any]) -> Any:
        found = list(entries)
        return reduce(operator.add, found) if found else self._zero


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
