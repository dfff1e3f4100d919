"""Exact linear algebra for a handful of unknowns: consistent or not, unique or not, and the rational solution."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import flint
import numpy as np

from lielaws.arraytypes import IntArray, ObjectArray
from lielaws.engine.linalg import as_fraction, dense
from lielaws.engine.linalg.primes import EXPLORATION_PRIME


@dataclass(frozen=True, slots=True)
class Solution:
    """The only solution in the unknowns that are kept; the others depend on earlier ones in all equations."""

    kept: tuple[int, ...]
    values: tuple[Fraction, ...]


def solve(matrix: ObjectArray, values: ObjectArray, reduced: IntArray | None = None) -> Solution | None:
    """The rational solution x of matrix @ x = values in the first independent unknowns; None if there is none.

    Parameters
    ----------
    matrix : (n, f) integers
    values : (n,) integers
    reduced : (n, f + 1) both modulo the prime of exploration, if they are known already

    A solution that is returned fulfils all equations exactly, and is the only one in the unknowns that are kept, since
    ranks modulo a prime are never too large. Where the prime is unlucky, a solution may be missed.
    """
    if reduced is None:
        reduced = augmented(matrix, values)
    kept = consistent(reduced)
    if kept is None:
        return None
    rows = dense.independent_rows(reduced[:, list(kept)], EXPLORATION_PRIME).tolist() if kept else []
    square = flint.fmpz_mat(len(kept), len(kept), [int(matrix[row, column]) for row in rows for column in kept])
    found = square.solve(flint.fmpz_mat(len(kept), 1, [int(values[row]) for row in rows]))
    solution = tuple(as_fraction(found[i, 0]) for i in range(len(kept)))
    return Solution(kept, solution) if _fulfils(matrix[:, list(kept)], values, solution) else None


def augmented(matrix: ObjectArray, values: ObjectArray) -> IntArray:
    """(n, f + 1) the equations modulo the prime of exploration"""
    both = np.concatenate([matrix, values[:, None]], axis=1)
    return np.asarray(both % EXPLORATION_PRIME, dtype=np.int64)


def consistent(reduced: IntArray) -> tuple[int, ...] | None:
    """The first independent unknowns of a system that has a solution modulo the prime; None if it has none."""
    count = reduced.shape[1] - 1
    # A few equations refute most systems, at a fraction of the price of all of them.
    few = count + 4
    if len(reduced) > 2 * few:
        pivots = dense.rref(reduced[:: len(reduced) // few], EXPLORATION_PRIME)[1]
        if len(pivots) and pivots[-1] == count:
            return None
    pivots = dense.rref(reduced, EXPLORATION_PRIME)[1]
    return None if len(pivots) and pivots[-1] == count else tuple(int(pivot) for pivot in pivots)


def _fulfils(matrix: ObjectArray, values: ObjectArray, solution: tuple[Fraction, ...]) -> bool:
    common = lcm(1, *(value.denominator for value in solution))
    scaled = np.array([int(value * common) for value in solution], dtype=object)
    left = matrix @ scaled if len(scaled) else np.zeros(len(values), dtype=object)
    return bool(np.all(left == values * common))
