"""Gaussian elimination on float64 BLAS, written without FLINT so that each can check the other.

Recursion on the columns: find the pivots of the left half together with the inverse of its pivot block, subtract what
they explain from the right half, and go on there with the rows that are left. All heavy work is in products modulo p,
whose exactness is argued in `modular`. The pivot columns found are those of the reduced row echelon form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lielaws.engine.linalg.modular import matmul, reduce

IntArray = npt.NDArray[np.int64]

_NARROW = 8


@dataclass(frozen=True, slots=True)
class Pivots:
    """Rows and columns that meet in an invertible block as large as the rank, in order of elimination.

    inverse : of matrix[rows][:, columns]
    """

    rows: IntArray
    columns: IntArray
    inverse: IntArray


def rank(matrix: IntArray, p: int) -> int:
    return len(find_pivots(matrix, p).rows)


def find_pivots(matrix: IntArray, p: int) -> Pivots:
    """The pivots of a matrix with entries in [0, p), p an odd prime below 2^31."""
    width = matrix.shape[1]
    if width <= _NARROW or not len(matrix):
        return _find_narrow(matrix, p)
    half = width // 2
    left, right = matrix[:, :half], matrix[:, half:]
    first = find_pivots(left, p)
    others = np.delete(np.arange(len(matrix)), first.rows)
    # What the first pivots explain: right[others] = factors @ right[first.rows] + rest.
    factors = matmul(left[np.ix_(others, first.columns)], first.inverse, p)
    rest = (right[others] - matmul(factors, right[first.rows], p)) % p
    second = find_pivots(rest, p)
    corner = right[np.ix_(first.rows, second.columns)]
    return Pivots(
        np.concatenate([first.rows, others[second.rows]]),
        np.concatenate([first.columns, half + second.columns]),
        _join(first.inverse, corner, factors[second.rows], second.inverse, p),
    )


def _join(inverse: IntArray, corner: IntArray, factors: IntArray, last: IntArray, p: int) -> IntArray:
    """The inverse of [[A, B], [C, D]] from A^-1, B, C A^-1 and the inverse of D - C A^-1 B."""
    upper = matmul(matmul(inverse, corner, p), last, p)
    return np.block([[(inverse + matmul(upper, factors, p)) % p, -upper % p], [-matmul(last, factors, p) % p, last]])


def _find_narrow(matrix: IntArray, p: int) -> Pivots:
    """Column by column, keeping what the rows were combined with: left of the bar M, right of it the combinations."""
    rest = matrix.copy()
    rows: list[int] = []
    columns: list[int] = []
    for column in range(matrix.shape[1]):
        below = rest[:, column].copy()
        below[rows] = 0
        if not below.any():
            continue
        row = int(below.argmax())
        scale = pow(int(below[row]), -1, p)
        below[row] = 0
        # Entries below 2^31: each product is below 2^62.
        factors = reduce(below * scale, p)
        rest = (rest - reduce(factors[:, None] * rest[row], p)) % p
        rows.append(row)
        columns.append(column)
    chosen = np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64)
    return Pivots(*chosen, _small_inverse(matrix[np.ix_(*chosen)], p))


def _small_inverse(block: IntArray, p: int) -> IntArray:
    """Gauss and Jordan on a block whose leading minors are invertible, so that no rows need to be swapped."""
    size = len(block)
    work = np.concatenate([block, np.eye(size, dtype=np.int64)], axis=1)
    for i in range(size):
        work[i] = work[i] * pow(int(work[i, i]), -1, p) % p
        factors = work[:, i].copy()
        factors[i] = 0
        work = (work - factors[:, None] * work[i] % p) % p
    return work[:, size:]
