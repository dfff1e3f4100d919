"""Upper bounds on degrees and on numbers of terms, read off a graph without expanding anything."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.engine.arithmetic.base import Shape
from lielaws.engine.arithmetic.floats import Floats

Degrees = FloatArray
"""one for each group"""


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


class TermCount(Floats):
    """At least the number of terms of each entry when it is expanded: run it with every leaf equal to one."""

    def constant(self, constant: Any, shape: Shape) -> FloatArray:
        return np.asarray(super().constant(constant, shape) != 0, dtype=np.float64)

    def scale(self, factor: Fraction, a: FloatArray) -> FloatArray:
        return a if factor else np.zeros_like(a)
