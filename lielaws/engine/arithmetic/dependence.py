"""Which sources each entry of a graph depends on, as bit masks."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from lielaws.engine.arithmetic.base import Shape
from lielaws.engine.arithmetic.masks import Masks
from lielaws.engine.arithmetic.polynomials import ObjectArray, each, objects

ZERO = -1
"""the mask of an entry that is zero whatever the sources are"""


class Dependence(Masks):
    """Masks as Python integers; `of_function(kind, node, masks)` gives those of the values of functions, where `masks`
    are those of the arguments.

    roots : the masks of the arguments of each sqrt node, by its serial
    """

    zero = ZERO

    def __init__(self, of_function: Callable[[str, Any, list[int]], list[int]]) -> None:
        self._of_function = of_function
        self.roots: dict[int, list[int]] = {}

    @staticmethod
    def join(a: int, b: int) -> int:
        return b if a == ZERO else a if b == ZERO else a | b

    @staticmethod
    def meet(a: int, b: int) -> int:
        return ZERO if ZERO in (a, b) else a | b

    def constant(self, constant: Any, shape: Shape) -> ObjectArray:
        return objects([0 if number else ZERO for number in constant.numerators], shape)

    def scale(self, factor: Fraction, a: ObjectArray) -> ObjectArray:
        return a if factor else objects([ZERO] * a.size, a.shape)

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


def _defined(mask: int) -> int:
    return 0 if mask == ZERO else mask
