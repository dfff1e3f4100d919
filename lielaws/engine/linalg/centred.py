"""An echelon form modulo a prime below 2^23, on float64 arrays with centred entries.

Entries lie between -p / 2 and p / 2. A sum of 2^9 products of theirs stays below 2^9 2^44 = 2^53, so that float64 holds
it whatever the order of summation: one product of matrices by BLAS and one reduction update many rows by up to 512
pivots at once. Rows are kept in panels, each in reduced form on its own pivots; new rows are reduced by one panel after
the other. Columns of pivots are dropped on the way, so that a full rank of n takes n^3 / 3 products of entries,
a third of those of a product of matrices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lielaws.arraytypes import BoolArray, FloatArray, IntArray

LARGEST_PRIME = 8388593
"""the largest prime below 2^23"""
_PANEL = 512
# Rows that are reduced together: some megabytes of a few thousand columns.
_BLOCK = 256
# Columns beyond the number of rows, on some of which rows are independent that are independent at all.
_SPARE = 32
# Fewer rows are reduced one by one: calls of BLAS on them cost more than they save.
_FEW = 8
_NO_ROWS = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class _Panel:
    """Rows in reduced form on the columns that were free when they came.

    pivots : positions of their pivots among these; kept : those of the other columns; tail : their entries there
    columns : what the pivots are in the matrix
    """

    pivots: IntArray
    kept: IntArray
    tail: FloatArray
    columns: IntArray


class CentredEchelon:
    """The span of the rows seen so far.

    dimension : length of the rows
    p : odd prime below 2^23; rows have entries in [0, p)
    """

    def __init__(self, dimension: int, p: int) -> None:
        if p > LARGEST_PRIME:
            raise ValueError(f"{p} is too large a prime: products would be rounded")
        self.dimension, self.p = dimension, p
        self._panels: list[_Panel] = []
        self._free = np.arange(dimension)

    @property
    def rank(self) -> int:
        return self.dimension - len(self._free)

    @property
    def pivots(self) -> IntArray:
        """Columns on which the rows have full rank, ascending."""
        return np.setdiff1d(np.arange(self.dimension), self._free)

    def extend(self, rows: IntArray) -> IntArray:
        """Add rows; returns the indices of those that are not in the span of all before them."""
        found = [_NO_ROWS]
        for start in range(0, len(rows), _PANEL):
            if not len(self._free):
                break
            rest = self._remainder(rows[start : start + _PANEL])
            pivots, independent = self._reduce(rest)
            if len(independent):
                self._add(rest[independent], pivots)
                found.append(start + independent)
        return np.concatenate(found)

    def contains(self, rows: IntArray) -> BoolArray:
        """For each row, whether it is in the span."""
        return np.logical_not(self._remainder(rows).any(axis=1))

    def complement(self) -> IntArray:
        """A basis of all vectors that are orthogonal to the span, as rows of residues."""
        found = np.eye(len(self._free))
        for panel in reversed(self._panels):
            # On the columns that were free before this panel: its pivots follow from the others.
            wider = np.zeros((len(found), len(panel.pivots) + len(panel.kept)))
            wider[:, panel.kept] = found
            for start in range(0, len(panel.kept), _PANEL):
                part = slice(start, start + _PANEL)
                wider[:, panel.pivots] -= found[:, part] @ panel.tail[:, part].T
                self._centre(wider)
            found = wider
        return found.astype(np.int64) % self.p

    def _add(self, rows: FloatArray, pivots: IntArray) -> None:
        """A panel of rows in reduced form on the free columns; a small one joins the one before."""
        kept = np.delete(np.arange(len(self._free)), pivots)
        columns, tail = self._free[pivots], rows.take(kept, axis=1)
        self._free = self._free[kept]
        if self._panels and len(self._panels[-1].pivots) + len(pivots) <= _PANEL:
            before = self._panels.pop()
            cleared = before.tail.take(kept, axis=1)
            self._subtract(cleared, before.tail[:, pivots], tail)
            pivots, kept = np.concatenate([before.pivots, before.kept[pivots]]), before.kept[kept]
            columns, tail = np.concatenate([before.columns, columns]), np.concatenate([cleared, tail])
        self._panels.append(_Panel(pivots, kept, tail, columns))

    def _remainder(self, rows: IntArray) -> FloatArray:
        """The rows modulo the span, on the free columns."""
        rest = rows.astype(np.float64)
        self._centre(rest)
        for panel in self._panels:
            factors, rest = rest.take(panel.pivots, axis=1), rest.take(panel.kept, axis=1)
            self._subtract(rest, factors, panel.tail)
        return rest

    def _centre(self, a: FloatArray) -> None:
        multiples = a * (1 / self.p)
        np.rint(multiples, out=multiples)
        multiples *= self.p
        a -= multiples

    def _subtract(self, rows: FloatArray, factors: FloatArray, panel: FloatArray) -> None:
        """A product, and a reduction while its rows are in the cache."""
        for start in range(0, len(rows), _BLOCK):
            part = rows[start : start + _BLOCK]
            part -= factors[start : start + _BLOCK] @ panel
            self._centre(part)

    def _reduce(self, rows: FloatArray) -> tuple[IntArray, IntArray]:
        """Bring rows to reduced form in place: the pivot of each row that is not zero then, and these rows.

        Wide ones first on some of their columns, which takes a small matrix that remembers how rows were combined.
        """
        count, width = rows.shape
        few = count + _SPARE
        if width < 2 * few:
            return self._reduce_halves(rows, width)
        # Columns that are spread, as neighbours are often alike.
        chosen = np.linspace(0, width - 1, few).astype(np.int64)
        small = np.hstack([rows.take(chosen, axis=1), np.eye(count)])
        pivots, found = self._reduce_halves(small, few)
        pivots = chosen[pivots]
        rows[:] = self._product(small[:, few:], rows)
        rest = np.delete(np.arange(count), found)
        if not rows[rest].any():
            return pivots, found
        others = rows[rest]
        more, new = self._reduce_halves(others, width)
        rows[rest] = others
        top = rows[found]
        self._subtract(top, top[:, more], others[new])
        rows[found] = top
        order = np.argsort(np.concatenate([found, rest[new]]))
        return np.concatenate([pivots, more])[order], np.concatenate([found, rest[new]])[order]

    def _product(self, a: FloatArray, b: FloatArray) -> FloatArray:
        result = a @ b
        for start in range(0, len(result), _BLOCK):
            self._centre(result[start : start + _BLOCK])
        return result

    def _reduce_halves(self, rows: FloatArray, width: int) -> tuple[IntArray, IntArray]:
        """With pivots in the first columns, so many as the width."""
        if len(rows) <= _FEW:
            return self._reduce_one_by_one(rows, width)
        half = len(rows) // 2
        first, second = rows[:half], rows[half:]
        pivots, found = self._reduce_halves(first, width)
        if len(found):
            self._subtract(second, second[:, pivots], first[found])
        more, others = self._reduce_halves(second, width)
        if len(others) and len(found):
            top = first[found]
            self._subtract(top, top[:, more], second[others])
            first[found] = top
        return np.concatenate([pivots, more]), np.concatenate([found, half + others])

    def _reduce_one_by_one(self, rows: FloatArray, width: int) -> tuple[IntArray, IntArray]:
        pivots: list[int] = []
        found: list[int] = []
        for k in range(len(rows)):
            pivot = int((rows[k, :width] != 0).argmax())
            if not rows[k, pivot]:
                continue
            inverse = pow(int(rows[k, pivot]), -1, self.p)
            rows[k] *= inverse if inverse <= self.p // 2 else inverse - self.p
            self._centre(rows[k])
            factors = rows[:, pivot].copy()
            factors[k] = 0
            self._subtract(rows, factors[:, None], rows[k : k + 1].copy())
            pivots.append(pivot)
            found.append(k)
        return np.array(pivots, dtype=np.int64), np.array(found, dtype=np.int64)
