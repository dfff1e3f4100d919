"""Pivots that cost nothing: the only entry of its column, or the only entry of its row.

The only entry of a column is a pivot, and eliminating with it touches nothing but its own row, which leaves. That may
make further columns singletons. Rows go the same way, and neither peel creates work for the other: taking out a row
because of a column empties that column alone among those with a single row left.

Each round takes the whole front of singletons at once, in time proportional to the entries of the lines it takes out.
A front of a few lines is followed one line at a time instead, as a round costs more than a line: a chain of a million
rows would need a million rounds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

IntArray = npt.NDArray[np.int64]

_NARROW_FRONT = 32


def peel(matrix: csr_array) -> tuple[csr_array, int]:
    """The part of a matrix without stored zeros that no singleton eliminates, and the rank of the rest."""
    rows = _singleton_lines(matrix)
    matrix = matrix[~rows]
    columns = _singleton_lines(matrix.T.tocsr())
    return matrix[:, ~columns], int(rows.sum()) + int(columns.sum())


def _singleton_lines(matrix: csr_array) -> npt.NDArray[np.bool_]:
    """The rows that leave because they have the only entry of a column, in some order."""
    return _Peel(matrix).run()


class _Peel:
    """For each column, how many rows are left in it and the sum of their indices: for one row, its index."""

    def __init__(self, matrix: csr_array) -> None:
        n_rows, n_columns = matrix.shape
        self.starts: IntArray = matrix.indptr.astype(np.int64)
        self.columns: IntArray = matrix.indices.astype(np.int64)
        self.count: IntArray = np.bincount(self.columns, minlength=n_columns).astype(np.int64, copy=False)
        self.total: IntArray = np.zeros(n_columns, dtype=np.int64)
        np.add.at(self.total, self.columns, np.repeat(np.arange(n_rows), np.diff(self.starts)))
        self.gone = np.zeros(n_rows, dtype=bool)

    def run(self) -> npt.NDArray[np.bool_]:
        front = np.flatnonzero(self.count == 1)
        while len(front):
            front = self._round(front) if len(front) > _NARROW_FRONT else self._follow(front)
            front = front[self.count[front] == 1]
        return self.gone

    def _round(self, front: IntArray) -> IntArray:
        rows = np.unique(self.total[front])
        self.gone[rows] = True
        lengths = self.starts[rows + 1] - self.starts[rows]
        ends = np.cumsum(lengths)
        # The ranges starts[row] .. starts[row + 1], one after the other.
        entries = np.arange(ends[-1]) + np.repeat(self.starts[rows] - ends + lengths, lengths)
        touched: IntArray = self.columns[entries]
        np.subtract.at(self.count, touched, 1)
        np.subtract.at(self.total, touched, np.repeat(rows, lengths))
        return touched

    def _follow(self, front: IntArray) -> IntArray:
        """Line by line until the front is exhausted or wide again."""
        # Single entries are reached twice as fast through a view of the memory as through the array.
        count, total, starts = self.count.data, self.total.data, self.starts.data
        stack = front.tolist()
        while stack and len(stack) <= _NARROW_FRONT:
            column = stack.pop()
            if count[column] != 1:
                continue
            row = total[column]
            self.gone[row] = True
            for other in self.columns[starts[row] : starts[row + 1]].tolist():
                count[other] -= 1
                total[other] -= row
                if count[other] == 1:
                    stack.append(other)
        return np.array(stack, dtype=np.int64)
