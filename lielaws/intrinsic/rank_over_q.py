"""The ranks at a rational point, over Q: no prime and no rounding is involved."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import flint
import numpy as np

from lielaws.arraytypes import IntArray, ObjectArray
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.terms import TermTable
from lielaws.engine.linalg import EXPLORATION_PRIME, integer_row, random_prime, rank
from lielaws.intrinsic.curve import ranks_along
from lielaws.intrinsic.phi_derivatives import Functions, PolynomialFunctions, common_denominator, jacobian
from lielaws.intrinsic.ranks import Ranks


def ranks_at(
    functions: Functions, laws: Sequence[Polynomial], point: Sequence[Fraction], rng: np.random.Generator
) -> Ranks:
    """The ranks at a point.

    Where the last one exceeds `joint`, it may be larger still; whether it does is exact.
    """
    dimension = len(point)
    phi = functions.jacobian(point)
    h = law_gradients(laws, point)
    phi_rank, law_rank = _rank(phi), _rank(h)
    # Gradients of laws are orthogonal to those of phi, so the sum of the two spans is direct.
    joint = phi_rank + law_rank
    ranks = Ranks(dimension, phi_rank, law_rank, joint, joint)
    if joint == dimension:
        return ranks
    if isinstance(functions, PolynomialFunctions):
        metric = _metric_rank_modulo(functions.table, laws, point, rng)
        if metric > joint:
            return replace(ranks, metric=metric)
    hidden = _nullspace(np.concatenate([phi, h]), dimension)
    changes = _metric_changes(*_without_denominators(phi, functions.along(point, hidden)))
    return replace(ranks, metric=joint + _rank_of(changes))


def _metric_rank_modulo(
    table: TermTable, laws: Sequence[Polynomial], point: Sequence[Fraction], rng: np.random.Generator
) -> int:
    """At most rank [d phi; d h; d M], from residues: much faster than products of the large integers of a kernel."""
    start, prime = residues_of(point, rng)
    return ranks_along(table, laws, start[:, None], prime, rng).metric


def residues_of(point: Sequence[Fraction], rng: np.random.Generator) -> tuple[IntArray, int]:
    """The point (D,) modulo a random prime that divides no denominator."""
    while True:
        prime = random_prime(rng)
        if all(value.denominator % prime for value in point):
            residues = [value.numerator * pow(value.denominator, -1, prime) % prime for value in point]
            return np.array(residues, dtype=np.int64), prime


def law_gradients(laws: Sequence[Polynomial], point: Sequence[Fraction]) -> ObjectArray:
    """d h up to a nonzero factor, shape (len(laws), D)."""
    if not laws:
        return np.zeros((0, len(point)), dtype=object)
    return jacobian(TermTable.of(laws, len(point)), *common_denominator(point))


def _without_denominators(phi: ObjectArray, moved: Sequence[ObjectArray]) -> tuple[ObjectArray, list[ObjectArray]]:
    """Integer multiples of the rows: the same for a row of d phi and for its derivatives."""
    scales = [
        math.lcm(*(int(entry.denominator) for matrix in (phi, *moved) for entry in matrix[row]))
        for row in range(len(phi))
    ]
    factors = np.array(scales, dtype=object)[:, None]
    return phi * factors, [matrix * factors for matrix in moved]


def _metric_changes(phi: ObjectArray, moved: Sequence[ObjectArray]) -> list[Any]:
    """d M along each direction, where it is not zero: J' J^T + J J'^T."""
    transposed = _matrix(phi.T)
    halves = [_matrix(matrix) * transposed for matrix in moved]
    changes = [half + half.transpose() for half in halves]
    return [change for change in changes if not change.is_zero()]


def _rank_of(changes: Sequence[Any]) -> int:
    """At least one if there are any, as none of them is zero; the rank is modulo a prime."""
    rows = [(_entries(change)[np.triu_indices(change.nrows())] % EXPLORATION_PRIME).tolist() for change in changes]
    return max(1, rank(np.array(rows, dtype=np.int64), EXPLORATION_PRIME)) if rows else 0


def _entries(matrix: Any) -> ObjectArray:
    entries = np.empty(matrix.nrows() * matrix.ncols(), dtype=object)
    entries[:] = matrix.entries()
    return entries.reshape(matrix.nrows(), matrix.ncols())


def _matrix(rows: ObjectArray) -> Any:
    return flint.fmpz_mat([[int(entry) for entry in row] for row in rows])


def _integers(rows: ObjectArray) -> Any:
    return flint.fmpz_mat([integer_row(row.tolist()) for row in rows])


def _rank(rows: ObjectArray) -> int:
    return int(_integers(rows).rank()) if rows.size else 0


def _nullspace(rows: ObjectArray, dimension: int) -> ObjectArray:
    """An integer basis of { c : rows @ c = 0 }, one vector a row."""
    if not len(rows):
        return np.array([[int(i == j) for j in range(dimension)] for i in range(dimension)], dtype=object)
    basis, nullity = _integers(rows).nullspace()
    columns = np.array([[int(entry) for entry in row] for row in basis.tolist()], dtype=object)
    vectors = columns[:, :nullity].T
    return np.array([integer_row(vector.tolist()) for vector in vectors], dtype=object).reshape(nullity, dimension)
