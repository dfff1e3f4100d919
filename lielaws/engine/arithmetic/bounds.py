"""Upper bounds on degrees and on the size of coefficients, read off a graph without expanding anything.

Each reciprocal counts as a variable of its own; `engine.laws.verify` says how that is undone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.engine.arithmetic.floats import FloatArray, Floats

Shape = tuple[int, ...]
Degrees = npt.NDArray[np.float64]


class DegreeBound:
    """The degree of each node in each of several groups of variables; infinite below a reciprocal that depends on one.

    A value is a vector with one degree a group, valid for every entry of the node.
    """

    def __init__(self, groups: int) -> None:
        self.groups = groups

    def constant(self, constant: Any, shape: Shape) -> Degrees:
        return np.zeros(self.groups)

    def add(self, a: Degrees, b: Degrees) -> Degrees:
        return np.maximum(a, b)

    def scale(self, factor: Fraction, a: Degrees) -> Degrees:
        return a

    def contract(self, plan: Any, a: Degrees, b: Degrees) -> Degrees:
        return a + b

    def power(self, a: Degrees, exponent: int) -> Degrees:
        return a * exponent

    def reciprocal(self, a: Degrees) -> Degrees:
        return np.where(a > 0, np.inf, 0.0)

    def _function(self, a: Degrees, *_: Any) -> Degrees:
        return np.where(a > 0, np.inf, 0.0)

    exp = log = sqrt = gauss = cos = sin = _function

    def _unchanged(self, a: Degrees, *_: Any) -> Degrees:
        return a

    reshape = permute = broadcast = sum = gather = scatter = _unchanged


@dataclass(frozen=True, slots=True)
class Complexity:
    """Valid for every entry of a node, a polynomial in the leaves and the reciprocals: total degree, denominator."""

    degree: int
    denominator: int


class ComplexityBound:
    """Arithmetic of :class:`Complexity`; `function_degree(kind, node)` gives degrees in generators."""

    def __init__(self, function_degree: Callable[[str, Any], int] | None = None) -> None:
        self._function_degree = function_degree

    def constant(self, constant: Any, shape: Shape) -> Complexity:
        return Complexity(0, constant.denominator)

    def add(self, a: Complexity, b: Complexity) -> Complexity:
        return Complexity(max(a.degree, b.degree), math.lcm(a.denominator, b.denominator))

    def scale(self, factor: Fraction, a: Complexity) -> Complexity:
        return Complexity(a.degree, a.denominator * factor.denominator)

    def contract(self, plan: Any, a: Complexity, b: Complexity) -> Complexity:
        return Complexity(a.degree + b.degree, a.denominator * b.denominator)

    def power(self, a: Complexity, exponent: int) -> Complexity:
        return Complexity(a.degree * exponent, a.denominator**exponent)

    def reciprocal(self, a: Complexity) -> Complexity:
        return Complexity(1, 1)

    def exp(self, a: Complexity, node: Any) -> Complexity:
        return self._function("exp", node)

    def log(self, a: Complexity, node: Any) -> Complexity:
        return self._function("log", node)

    def gauss(self, a: Complexity, density: Complexity, node: Any) -> Complexity:
        return self._function("gauss", node)

    def cos(self, a: Complexity, node: Any) -> Complexity:
        return self._function("angle", node)

    sin = cos

    def sqrt(self, a: Complexity, node: Any) -> Complexity:
        return Complexity(1, 1)

    def _function(self, kind: str, node: Any) -> Complexity:
        assert self._function_degree is not None
        return Complexity(self._function_degree(kind, node), 1)

    def _unchanged(self, a: Complexity, *_: Any) -> Complexity:
        return a

    reshape = permute = broadcast = sum = gather = scatter = _unchanged


class NormBound(Floats):
    """The sum of the absolute values of the coefficients: run it with every leaf equal to one.

    Rounding is far below the slack that the caller adds; an overflow shows as infinity.
    """

    def constant(self, constant: Any, shape: Shape) -> FloatArray:
        return np.abs(super().constant(constant, shape))

    def scale(self, factor: Fraction, a: FloatArray) -> FloatArray:
        return super().scale(abs(factor), a)

    def _one(self, a: FloatArray, *_: Any) -> FloatArray:
        return np.ones_like(a)

    reciprocal = exp = log = sqrt = gauss = cos = sin = _one  # type: ignore[assignment]
