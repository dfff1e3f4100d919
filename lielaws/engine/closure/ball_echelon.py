"""A span of rows of `arb` that grows: what is in it is proved to be independent."""

from __future__ import annotations

import flint
import numpy as np

from lielaws.arraytypes import IntArray, ObjectArray

# Rows below this size are zero up to rounding; others are of the size of numbers near one.
_SMALL = 2.0**-20


class BallEchelon:
    """Rows of `arb` in reduced form: a pivot counts only if its ball excludes zero.

    imprecise : whether a row was taken for dependent whose balls are too wide to tell
    """

    def __init__(self) -> None:
        self._rows: list[ObjectArray] = []
        self._pivots: list[int] = []
        self.imprecise = False

    @property
    def rank(self) -> int:
        return len(self._rows)

    @property
    def columns(self) -> IntArray:
        return np.sort(np.array(self._pivots, dtype=np.int64))

    def add(self, row: ObjectArray) -> bool:
        """Whether the row is proved to be independent of those before."""
        largest = max(float(x.abs_upper()) for x in row)
        for known, pivot in zip(self._rows, self._pivots, strict=True):
            factor = row[pivot]
            if not factor.is_zero():
                row = row - known * factor
                row[pivot] = flint.arb(0)
        sizes = [float(x.abs_lower()) for x in row]
        pivot = int(np.argmax(sizes))
        if sizes[pivot] > 0:
            self._rows.append(row / row[pivot])
            self._pivots.append(pivot)
            return True
        # What remains of a dependent row is rounding: with half of the bits lost, more are needed to tell.
        self.imprecise |= max(float(x.abs_upper()) for x in row) > 2.0 ** (-flint.ctx.prec // 2) * max(largest, _SMALL)
        return False
