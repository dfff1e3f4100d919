"""Metrics that are linear in z, such as that of z = W^T W, which is 4 z if W has one column.

Whether every entry of d phi d phi^T is a combination of 1 and phi is a linear system over Q for the coefficients of
polynomials. Only phi of degree two or less can have such a metric.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import flint
import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import FloatArray
from lielaws.engine.linalg import as_fmpq, as_fraction
from lielaws.intrinsic.phi_derivatives import Terms

_MOST_FUNCTIONS = 30
_MOST_TERMS = 400
_MOST_SHOWN = 12


@dataclass(frozen=True)
class LinearPart:
    """coefficients : of 1 and z for each entry of M, (size, size, 1 + size)"""

    coefficients: npt.NDArray[np.object_]

    @property
    def places(self) -> npt.NDArray[np.int64]:
        return np.arange(len(self.coefficients))

    def matrix(self, z: FloatArray, values: FloatArray) -> FloatArray:
        numbers = self.coefficients.astype(np.float64)
        return np.asarray(numbers @ np.concatenate([[1.0], z]))

    @property
    def block(self) -> str:
        return "phi"

    @property
    def formula(self) -> str:
        size = len(self.coefficients)
        if size == 1:
            return f"M(z) = {self._entry(0, 0)}"
        entries = [f"M_{i + 1},{j + 1} = {self._entry(i, j)}" for i, j in _upper(size)]
        more = f", and so on for {len(entries) - _MOST_SHOWN} more" if len(entries) > _MOST_SHOWN else ""
        return f"M(z) is linear: {', '.join(entries[:_MOST_SHOWN])}{more}"

    def _entry(self, i: int, j: int) -> str:
        size = len(self.coefficients)
        names = ["", *([f"z_{k + 1}" for k in range(size)] if size > 1 else ["z"])]
        terms = [
            f"{value} {name}".strip() if value != 1 or not name else name
            for value, name in zip(self.coefficients[i, j].tolist(), names, strict=True)
            if value
        ]
        return " + ".join(terms).replace("+ -", "- ") or "0"

    def latex(self) -> str:
        return r"\text{" + self.formula.replace("_", r"\_").replace("^", r"\^{}") + "}"


def linear_part(functions: Sequence[Terms]) -> LinearPart | None:
    """None if the metric is not linear, or too large to be tried."""
    size = len(functions)
    if size > _MOST_FUNCTIONS or sum(map(len, functions)) > _MOST_TERMS or max(map(_degree, functions)) > 2:
        return None
    one: Terms = {(): Fraction(1)}
    basis = [one, *functions]
    slopes = [dict(_gradient(terms)) for terms in functions]
    upper = _upper(size)
    solved = _combinations(basis, [_inner(slopes[i], slopes[j]) for i, j in upper])
    if solved is None:
        return None
    coefficients = np.zeros((size, size, len(basis)), dtype=object)
    for (i, j), row in zip(upper, solved, strict=True):
        coefficients[i, j] = coefficients[j, i] = row
    return LinearPart(coefficients)


def _upper(size: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(size) for j in range(i, size)]


def _degree(terms: Terms) -> int:
    return max(map(len, terms))


def _gradient(terms: Terms) -> Iterator[tuple[int, Terms]]:
    for coordinate in {k for monomial in terms for k in monomial}:
        slope: Terms = {}
        for monomial, value in terms.items():
            if coordinate in monomial:
                place = monomial.index(coordinate)
                rest = monomial[:place] + monomial[place + 1 :]
                slope[rest] = slope.get(rest, Fraction(0)) + value * monomial.count(coordinate)
        yield coordinate, slope


def _inner(one: dict[int, Terms], other: dict[int, Terms]) -> Terms:
    total: Terms = {}
    for coordinate in one.keys() & other.keys():
        for left, a in one[coordinate].items():
            for right, b in other[coordinate].items():
                monomial = tuple(sorted(left + right))
                total[monomial] = total.get(monomial, Fraction(0)) + a * b
    return {monomial: value for monomial, value in total.items() if value}


def _combinations(basis: Sequence[Terms], wanted: Sequence[Terms]) -> list[npt.NDArray[np.object_]] | None:
    """For each polynomial its coefficients in the basis; None if one of them is no combination."""
    monomials = {monomial for terms in basis for monomial in terms}
    if any(monomial not in monomials for terms in wanted for monomial in terms):
        return None
    rows = [[as_fmpq(terms.get(m, Fraction(0))) for terms in (*basis, *wanted)] for m in sorted(monomials)]
    reduced, rank = flint.fmpq_mat(rows).rref()
    entries = reduced.tolist()
    pivots = [next(k for k, entry in enumerate(row) if entry != 0) for row in entries[:rank]]
    if any(pivot >= len(basis) for pivot in pivots):
        return None
    solved = []
    for column in range(len(basis), len(basis) + len(wanted)):
        values = np.array([Fraction(0)] * len(basis), dtype=object)
        for row, pivot in enumerate(pivots):
            entry = entries[row][column]
            values[pivot] = as_fraction(entry)
        solved.append(values)
    return solved
