"""Quadratic losses in exact rational arithmetic: value, gradient, minimum and smoothness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.engine.linalg import as_fmpq, as_fraction
from lielaws.errors import InvalidArgumentError, SizeError
from lielaws.modification.data import Data
from lielaws.modification.exact_matrices import eigenvalues_above
from lielaws.modification.loss_bounds import LowerBound
from lielaws.modification.losses import Measured
from lielaws.modification.model import Model
from lielaws.modification.tensor_values import finite_array

_LARGEST = 200


@dataclass(frozen=True, eq=False)
class QuadraticLoss:
    """L(theta) = theta^T A theta / 2 - b^T theta + c, theta the parameters in their order, each flattened in C order.

    A : symmetric matrix (D, D), D at most 200; b : vector (D,); c : number. Floats are taken as the rationals that
        they are, and everything is computed exactly.

    Raises InvalidArgumentError if A is not symmetric, or if the loss is not bounded below.
    """

    A: Any
    b: Any = None
    c: float = 0.0
    name: str = "quadratic"
    needs_data = False

    def __post_init__(self) -> None:
        matrix = finite_array("A", self.A)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
            raise InvalidArgumentError("A", f"array of shape {matrix.shape}", "a square matrix is needed")
        if len(matrix) > _LARGEST:
            raise SizeError("A", f"matrix of shape {matrix.shape}", f"at most {_LARGEST} parameters are supported")
        if not (matrix == matrix.T).all():
            raise InvalidArgumentError("A", "a matrix that is not symmetric", "give (A + A^T)/2")
        vector = np.zeros(len(matrix)) if self.b is None else finite_array("b", self.b)
        if vector.shape != (len(matrix),):
            raise InvalidArgumentError("b", f"array of shape {vector.shape}", f"shape ({len(matrix)},) is needed")
        for name, value in (("A", matrix), ("b", vector), ("c", finite_array("c", self.c))):
            object.__setattr__(self, name, value)
        if self.c.shape != ():  # type: ignore[attr-defined]
            raise InvalidArgumentError("c", self.c, "a number is needed")
        if eigenvalues_above([[-a for a in row] for row in self._A], Fraction(0)):
            remedy = "it has a negative eigenvalue, so the loss is not bounded below, and no count of steps follows"
            raise InvalidArgumentError("A", f"matrix of shape {matrix.shape}", remedy)
        self._minimum  # noqa: B018  refuses what is not bounded below

    def exactly(self, model: Model) -> list[Fraction]:
        """The parameters as one vector of rationals."""
        if model.dimension != len(self.A):
            raise InvalidArgumentError("loss", self.name, f"it is of {len(self.A)} parameters, not {model.dimension}")
        return [Fraction(entry) for value in model.params.values() for entry in value.ravel().tolist()]

    def slope(self, theta: list[Fraction]) -> list[Fraction]:
        """A theta - b."""
        rows = zip(self._A, self._b, strict=True)
        return [sum((a * t for a, t in zip(row, theta, strict=True) if a), Fraction(0)) - b for row, b in rows]

    def measure(self, model: Model, data: Data | None = None, accuracy: float = 0.0) -> Measured:
        theta = self.exactly(model)
        pairs = zip(theta, self.slope(theta), self._b, strict=True)
        return Measured(sum((t * (s - b) for t, s, b in pairs), Fraction(0)) / 2 + Fraction(float(self.c)))

    def gradient(self, model: Model, data: Data | None = None) -> Mapping[str, FloatArray]:
        """The gradient, rounded once: gradient steps go by it."""
        flat = np.array([float(entry) for entry in self.slope(self.exactly(model))])
        found, start = {}, 0
        for name, value in model.params.items():
            found[name] = flat[start : start + value.size].reshape(value.shape)
            start += value.size
        return found

    def bound(self, model: Model, data: Data | None = None) -> LowerBound:
        return LowerBound(self._minimum, "the minimum of the quadratic, computed exactly")

    def is_smooth(self, constant: Fraction) -> bool:
        """Whether all eigenvalues of A are at most the constant, decided exactly."""
        return not eigenvalues_above(self._A, constant)

    @property
    def smoothness(self) -> Fraction:
        """An upper bound of the largest eigenvalue of A, exact: the largest sum of absolute values in a row."""
        return max(sum((abs(a) for a in row), Fraction(0)) for row in self._A)

    @cached_property
    def _A(self) -> list[list[Fraction]]:
        return [[Fraction(entry) for entry in row] for row in self.A.tolist()]

    @cached_property
    def _b(self) -> list[Fraction]:
        return [Fraction(entry) for entry in self.b.tolist()]

    @cached_property
    def _minimum(self) -> Fraction:
        """c - b^T A^+ b / 2; A has no negative eigenvalue here."""
        import flint

        size = len(self._A)
        joined = [*(entry for row, b in zip(self._A, self._b, strict=True) for entry in (*row, b))]
        reduced, rank = flint.fmpq_mat(size, size + 1, [as_fmpq(entry) for entry in joined]).rref()
        solution = [Fraction(0)] * size
        for row in range(rank):
            pivot = next(column for column in range(size + 1) if reduced[row, column] != 0)
            if pivot == size:
                remedy = "b has a part along which A vanishes, so the loss is not bounded below"
                raise InvalidArgumentError("b", self.b, remedy)
            entry = reduced[row, size]
            solution[pivot] = as_fraction(entry)
        value = sum((b * t for b, t in zip(self._b, solution, strict=True)), Fraction(0))
        return Fraction(float(self.c)) - value / 2
