"""An echelon form modulo a prime below 2^23 that begins with many sparse rows.

A row with one column that is not known yet tells that column by the others: such rows are peeled off, as long as there
are any, and no entries are filled in. So are k rows that wait for the same k columns. When there are none, the column
that most rows wait for is put aside. In the end all columns are known in terms of those put aside, the core; the other
rows, and all that are added later, are brought to the core, where elimination is dense. The core is small where rows
are many and short: of random ones with three entries, two for each column, it has one column in fifty.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import flint
import numpy as np
from scipy import sparse

from lielaws.arraytypes import BoolArray, FloatArray, IntArray
from lielaws.engine.linalg import dense
from lielaws.engine.linalg.centred import CentredEchelon

LONGEST_ROW = 512
"""sums of so many products of centred residues below 2^23 are exact in float64"""
# One column put aside at a time would take minutes where there are many; a few together are hardly too many.
_OPEN_FOR_ONE = 1024
# Of columns that rows tell together: pieces of a matrix of small rank.
_LARGEST_BLOCK = 32
# A row counts so much more than one that waits for one column more: near to what was measured to be best.
_PREFERENCE = 4.0
_CHUNK = 512


@dataclass(frozen=True, slots=True)
class Stage:
    """Rows (blocks, k) that tell as many columns (blocks, k) by those of earlier stages and of the core."""

    rows: IntArray
    columns: IntArray


@dataclass(frozen=True, slots=True)
class Peeling:
    """In which order rows tell columns; core : the columns that none tells, ascending."""

    stages: tuple[Stage, ...]
    core: IntArray

    @property
    def rows(self) -> IntArray:
        return _joined([stage.rows for stage in self.stages])

    @property
    def columns(self) -> IntArray:
        return _joined([stage.columns for stage in self.stages])


def _joined(parts: list[IntArray]) -> IntArray:
    return np.concatenate([np.zeros(0, dtype=np.int64), *(part.ravel() for part in parts)])


def peel(matrix: sparse.csr_array, p: int) -> Peeling:
    """An order for a matrix modulo p without stored zeros."""
    stages = tuple(_Peeler(matrix, p).stages())
    told = _joined([stage.columns for stage in stages])
    return Peeling(stages, np.setdiff1d(np.arange(matrix.shape[1]), told))


class _Peeler:
    """What is known on the way: how many open columns each row waits for, and sums that say which these are."""

    def __init__(self, matrix: sparse.csr_array, p: int) -> None:
        self._matrix, self._by_column, self._p = matrix, matrix.tocsc(), p
        count, dimension = matrix.shape
        self._waits = np.diff(matrix.indptr).astype(np.int64)
        self._open = np.ones(dimension, dtype=bool)
        owners = np.repeat(np.arange(count), self._waits)
        # The sum of the open columns of a row is that column once it is the only one.
        self._sums = np.zeros(count, dtype=np.int64)
        np.add.at(self._sums, owners, matrix.indices)
        # Rows with equal sums of random keys wait for the same columns.
        self._keys = np.random.default_rng(0).integers(1 << 63, size=dimension)
        self._marks = np.zeros(count, dtype=np.int64)
        np.add.at(self._marks, owners, self._keys[matrix.indices])
        self._seen: set[tuple[int, int]] = set()

    def stages(self) -> Iterator[Stage]:
        while self._open.any():
            stage = self._singles() or self._blocks()
            if stage is None:
                self._close(self._most_wanted())
            else:
                self._waits[stage.rows.ravel()] = 0
                yield stage
                self._close(stage.columns.ravel())

    def _singles(self) -> Stage | None:
        """All rows that wait for one column; of several for the same, the first."""
        ready = np.flatnonzero(self._waits == 1)
        columns, first = np.unique(self._sums[ready], return_index=True)
        return Stage(ready[first, None], columns[:, None]) if len(ready) else None

    def _blocks(self) -> Stage | None:
        """Rows that wait for the same columns, as many as these, and tell them; all blocks have one size."""
        rows = np.flatnonzero((self._waits > 1) & (self._waits <= _LARGEST_BLOCK))
        rows = rows[np.lexsort((self._marks[rows], self._waits[rows]))]
        waits, marks = self._waits[rows], self._marks[rows]
        begins = np.flatnonzero(np.r_[True, marks[1:] != marks[:-1]]) if len(rows) else rows
        counts = np.diff(np.r_[begins, len(rows)])
        found: list[tuple[IntArray, IntArray]] = []
        taken: set[int] = set()
        for begin in begins[counts >= waits[begins]].tolist():
            size, key = int(waits[begin]), (int(marks[begin]), int(counts[np.searchsorted(begins, begin)]))
            if key in self._seen or (found and size != len(found[0][1])):
                continue
            block = self._block(rows[begin : begin + key[1]], size)
            if block is None:
                self._seen.add(key)
            elif taken.isdisjoint(block[1].tolist()):
                found.append(block)
                taken.update(block[1].tolist())
        return Stage(*map(np.array, zip(*found, strict=True))) if found else None

    def _block(self, rows: IntArray, size: int) -> tuple[IntArray, IntArray] | None:
        """Those of some rows that tell all columns that they wait for; None if they leave some open."""
        columns = self._waited(rows[0])
        values = self._matrix[rows[: 2 * size]][:, columns].toarray()
        chosen = dense.independent_rows(values, self._p)
        same = all(np.array_equal(self._waited(row), columns) for row in rows[chosen])
        return (rows[chosen], columns) if same and len(chosen) == size else None

    def _waited(self, row: int) -> IntArray:
        columns = self._matrix.indices[self._matrix.indptr[row] : self._matrix.indptr[row + 1]]
        return np.sort(columns[self._open[columns]])

    def _close(self, columns: IntArray) -> None:
        """Columns that are known, or put aside."""
        self._open[columns] = False
        places, lengths = _spans(self._by_column.indptr, columns)
        rows = self._by_column.indices[places]
        np.subtract.at(self._waits, rows, 1)
        np.subtract.at(self._sums, rows, np.repeat(columns, lengths))
        np.subtract.at(self._marks, rows, np.repeat(self._keys[columns], lengths))

    def _most_wanted(self) -> IntArray:
        """Some columns that are in most of the rows that wait, those that wait for few first; if no row waits, all."""
        waiting = np.flatnonzero(self._waits > 0)
        if not len(waiting):
            return np.flatnonzero(self._open)
        places, lengths = _spans(self._matrix.indptr, waiting)
        more = self._waits[waiting] - self._waits[waiting].min()
        weights = np.repeat(_PREFERENCE ** -more.astype(np.float64), lengths)
        wanted = np.bincount(self._matrix.indices[places], weights, minlength=len(self._open)) * self._open
        count = 1 + np.count_nonzero(self._open) // _OPEN_FOR_ONE
        best = np.argsort(-wanted, kind="stable")[:count]
        return best[wanted[best] > 0]


def _spans(starts: IntArray, chosen: IntArray) -> tuple[IntArray, IntArray]:
    """The places of the entries of some rows of a sparse matrix, one after the other, and how many each has."""
    lengths = (starts[chosen + 1] - starts[chosen]).astype(np.int64)
    return runs(starts[chosen], lengths), lengths


def runs(starts: IntArray, lengths: IntArray) -> IntArray:
    """The numbers start, start + 1, .. of each of some runs, one after the other."""
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()))


class SparseEchelon:
    """The span of sparse rows, and of all that are added later.

    rows : residues modulo p, without stored zeros and with at most `LONGEST_ROW` in a row
    kept : which of them are independent of each other, as many as their rank
    """

    def __init__(self, rows: sparse.csr_array, p: int, peeling: Peeling | None = None) -> None:
        self.dimension, self.p = rows.shape[1], p
        self._peeling = peel(rows, p) if peeling is None else peeling
        # It refuses larger primes, for which nothing here would be exact.
        self._core = CentredEchelon(len(self._peeling.core), p)
        centred = rows.astype(np.float64)
        centred.data -= p * (centred.data > p // 2)
        self._known = self._solved(centred)
        others = np.setdiff1d(np.arange(rows.shape[0]), self._peeling.rows)
        found = [self._peeling.rows]
        for start in range(0, len(others), _CHUNK):
            if self._core.rank == self._core.dimension:
                break
            some = others[start : start + _CHUNK]
            part = centred[some]
            rest = part[:, self._peeling.core].toarray() - part[:, self._peeling.columns] @ self._known
            found.append(some[self._core.extend(self._residues(rest))])
        self.kept = np.concatenate(found)

    def _solved(self, rows: sparse.csr_array) -> FloatArray:
        """The rows of the pivots in reduced form: their entries on the core, centred."""
        peeling, p = self._peeling, self.p
        ordered = rows[peeling.rows]
        known: FloatArray = ordered[:, peeling.core].toarray()
        place = ordered[:, peeling.columns]
        start = 0
        for stage in peeling.stages:
            count, size = stage.rows.shape
            some = slice(start, start + count * size)
            earlier = place[some]
            # What is not known yet has no part in the sum.
            rest = self._residues(known[some] - earlier[:, :start] @ known[:start])
            rest -= p * (rest > p // 2)
            blocks = earlier[:, some].tocoo()
            values = np.zeros((count, size, size), dtype=np.int64)
            values[blocks.row // size, blocks.row % size, blocks.col % size] = blocks.data
            inverses = np.array([_inverse(block, p) for block in values], dtype=np.float64)
            told = self._residues(inverses @ rest.reshape(count, size, -1).astype(np.float64))
            known[some] = (told - p * (told > p // 2)).reshape(count * size, -1)
            start += count * size
        return known

    def _residues(self, a: FloatArray) -> IntArray:
        return np.asarray(a.astype(np.int64) % self.p)

    @property
    def rank(self) -> int:
        return len(self._peeling.rows) + self._core.rank

    @property
    def pivots(self) -> IntArray:
        """Columns on which the rows have full rank, ascending."""
        return np.sort(np.concatenate([self._peeling.columns, self._peeling.core[self._core.pivots]]))

    def extend(self, rows: IntArray) -> IntArray:
        """Add rows; returns the indices of those that are not in the span of all before them."""
        return self._core.extend(self._on_core(rows))

    def contains(self, rows: IntArray) -> BoolArray:
        """For each row, whether it is in the span."""
        return self._core.contains(self._on_core(rows))

    def complement(self) -> IntArray:
        """A basis of all vectors that are orthogonal to the span, as rows of residues."""
        peeling, p, core = self._peeling, self.p, self._core.complement()
        found = np.zeros((len(core), self.dimension), dtype=np.int64)
        found[:, peeling.core] = core
        centred = core - p * (core > p // 2).astype(np.float64)
        for start in range(0, len(peeling.core), LONGEST_ROW):
            some = slice(start, start + LONGEST_ROW)
            found[:, peeling.columns] -= (centred[:, some] @ self._known[:, some].T).astype(np.int64)
        return found % p

    def _on_core(self, rows: IntArray) -> IntArray:
        """Rows modulo those of the pivots."""
        peeling, p = self._peeling, self.p
        rest = rows[:, peeling.core].astype(np.int64)
        factors = rows[:, peeling.columns].astype(np.float64)
        factors -= p * (factors > p // 2)
        for start in range(0, len(peeling.rows), LONGEST_ROW):
            some = slice(start, start + LONGEST_ROW)
            rest = (rest - (factors[:, some] @ self._known[some]).astype(np.int64)) % p
        return rest


def _inverse(block: IntArray, p: int) -> IntArray:
    """The inverse of a small square matrix, centred."""
    found = flint.nmod_mat(len(block), len(block), (block % p).ravel().tolist(), p).inv()
    numbers = np.array([int(x) for x in found.entries()], dtype=np.int64).reshape(block.shape)
    return numbers - p * (numbers > p // 2)
