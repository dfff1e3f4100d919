"""An echelon form that grows: old rows are never eliminated again.

The span is kept as a reduced row echelon form without its unit columns: pivot columns, free columns, and the entries
at the free ones (the tail). New rows are reduced by one product with the tail, what remains is brought to reduced form
by FLINT, and one more product clears the new pivot columns in the tail. Filling a space of dimension D costs D^3 / 3
products of entries, as much as one elimination of the whole matrix, however the rows are cut into chunks of a hundred
or more.
"""

from __future__ import annotations

import numpy as np

from lielaws.arraytypes import BoolArray, IntArray
from lielaws.engine.linalg import dense, modular

_CHUNK = 512
_NOTHING = np.zeros(0, dtype=np.int64)


class Echelon:
    """The span of the rows seen so far.

    dimension : length of the rows
    p : odd prime below 2^31; rows have entries in [0, p)
    """

    __slots__ = ("_free", "_pivots", "_tail", "dimension", "p")

    def __init__(self, dimension: int, p: int) -> None:
        self.dimension = dimension
        self.p = p
        self._pivots = _NOTHING
        self._free = np.arange(dimension)
        self._tail = np.zeros((0, dimension), dtype=np.int64)

    @property
    def rank(self) -> int:
        return len(self._pivots)

    @property
    def pivots(self) -> IntArray:
        """Columns on which the rows have full rank, ascending."""
        return np.sort(self._pivots)

    def extend(self, rows: IntArray) -> IntArray:
        """Add rows; returns the indices of those that are not in the span of all before them."""
        if len(rows) <= _CHUNK:
            return self._extend(rows)
        starts = range(0, len(rows), _CHUNK)
        return np.concatenate([start + self._extend(rows[start : start + _CHUNK]) for start in starts])

    def contains(self, rows: IntArray) -> BoolArray:
        """For each row, whether it is in the span."""
        return np.logical_not(self._remainder(rows).any(axis=1))

    def _extend(self, rows: IntArray) -> IntArray:
        rest = self._remainder(rows)
        reduced, local = dense.rref(rest, self.p)
        if not len(local):
            return _NOTHING
        self._absorb(reduced, local)
        if len(local) == len(rows):
            return np.arange(len(rows))
        # rest = rest[:, local] @ reduced, so these columns have the same relations between rows as all of them.
        return dense.independent_rows(rest[:, local], self.p)

    def _remainder(self, rows: IntArray) -> IntArray:
        """The rows modulo the span, on the free columns."""
        if not self.rank:
            return rows
        rest = rows[:, self._free]
        rest -= modular.matmul(rows[:, self._pivots], self._tail, self.p)
        # Differences lie in (-p, p).
        rest += (rest < 0) * self.p
        return rest

    def _absorb(self, reduced: IntArray, local: IntArray) -> None:
        """Add rows in reduced form on the free columns, with pivots at the local positions."""
        kept = np.ones(len(self._free), dtype=bool)
        kept[local] = False
        new = reduced[:, kept]
        if self.rank:
            old = self._tail[:, kept]
            old -= modular.matmul(self._tail[:, local], new, self.p)
            old += (old < 0) * self.p
            new = np.concatenate([old, new])
        self._tail = new
        self._pivots = np.concatenate([self._pivots, self._free[local]])
        self._free = self._free[kept]


def rank(matrix: IntArray, p: int) -> int:
    # Long columns and short rows: once the short rows are all spanned, what follows costs nothing.
    rows = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    echelon = Echelon(rows.shape[1], p)
    echelon.extend(rows)
    return echelon.rank
