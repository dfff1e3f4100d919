"""Which sources each entry of a graph depends on, as bit masks."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np

from lielaws.numbers.base import HasIndices, Shape, StructuralArithmetic
from lielaws.numbers.polynomials import ObjectArray, each, objects

ZERO = -1
"""the mask of an entry that is zero whatever the sources are"""


def _join(a: int, b: int) -> int:
    return b if a == ZERO else a if b == ZERO else a | b


def _meet(a: int, b: int) -> int:
    return ZERO if ZERO in (a, b) else a | b


class Dependence(StructuralArithmetic):
    """Masks as Python integers; `of_function(kind, node, masks)` gives those of the values of functions, where `masks`
    are those of the arguments.

    roots : the masks of the arguments of each sqrt node, by its serial
    """

    lead = 0

    def __init__(self, of_function: Callable[[str, Any, list[int]], list[int]]) -> None:
        self._of_function = of_function
        self.roots: dict[int, list[int]] = {}

    def constant(self, constant: Any, shape: Shape) -> ObjectArray:
        return objects([0 if number else ZERO for number in constant.numerators], shape)

    def add(self, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        return each(_join, a, b)

    def scale(self, factor: Fraction, a: ObjectArray) -> ObjectArray:
        return a if factor else objects([ZERO] * a.size, a.shape)

    def contract(self, plan: Any, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        return plan.apply(a, b, self.lead, self._multiply, self._matmul)  # type: ignore[no-any-return]

    def _multiply(self, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        return each(_meet, a, b)

    def _matmul(self, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        terms = [self._multiply(a[..., :, k : k + 1], b[..., k : k + 1, :]) for k in range(a.shape[-1])]
        return reduce(self.add, terms)

    def power(self, a: ObjectArray, exponent: int) -> ObjectArray:
        return a

    def reciprocal(self, a: ObjectArray) -> ObjectArray:
        return each(_defined, a)

    def piecewise(self, a: ObjectArray, below: Fraction, above: Fraction) -> ObjectArray:
        return a

    def sqrt(self, a: ObjectArray, node: Any) -> ObjectArray:
        self.roots[node.serial] = a.ravel().tolist()
        return a

    def exp(self, a: ObjectArray, node: Any) -> ObjectArray:
        return objects(self._of_function("exp", node, a.ravel().tolist()), node.shape)

    def log(self, a: ObjectArray, node: Any) -> ObjectArray:
        return objects(self._of_function("log", node, a.ravel().tolist()), node.shape)

    def gauss(self, a: ObjectArray, density: ObjectArray, node: Any) -> ObjectArray:
        return objects(self._of_function("gauss", node, a.ravel().tolist()), node.shape)

    def cos(self, a: ObjectArray, node: Any) -> ObjectArray:
        return objects(self._of_function("angle", node, a.ravel().tolist()), node.shape)

    sin = cos

    def sum(self, a: ObjectArray, axes: tuple[int, ...]) -> ObjectArray:
        kept = tuple(axis for axis in range(a.ndim) if axis not in axes)
        shape = tuple(a.shape[axis] for axis in kept)
        rows = a.transpose(kept + axes).reshape(int(np.prod(shape, dtype=np.int64)), -1).tolist()
        return objects([reduce(_join, row, ZERO) for row in rows], shape)

    def scatter(self, a: ObjectArray, index: HasIndices, shape: Shape) -> ObjectArray:
        entries = [ZERO] * int(np.prod(shape, dtype=np.int64))
        for target, entry in zip(index.values.tolist(), a.ravel(), strict=True):
            entries[target] = _join(entries[target], entry)
        return objects(entries, shape)


def _defined(mask: int) -> int:
    return 0 if mask == ZERO else mask
