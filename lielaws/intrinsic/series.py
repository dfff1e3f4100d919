"""Truncated power series modulo a prime: the last axis of an array holds the coefficients of 1, t, t^2, ...

With one coefficient they are residues.
"""

from __future__ import annotations

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.engine.laws.terms import TermTable


def multiply(a: IntArray, b: IntArray, p: int) -> IntArray:
    """a b modulo t^N, under numpy's broadcasting of all axes but the last."""
    order = a.shape[-1]
    total = np.zeros((*np.broadcast_shapes(a.shape[:-1], b.shape[:-1]), order), dtype=np.int64)
    for power in range(order):
        # Residues are below 2^31: each product is below 2^62, and so is the sum with a residue.
        total[..., power:] = (total[..., power:] + a[..., power, None] * b[..., : order - power] % p) % p
    return total


class SeriesRing:
    """Series along the last axis, for :class:`lielaws.intrinsic.calculus.Calculus`."""

    def __init__(self, p: int, order: int) -> None:
        self._p, self._order = p, order

    def coefficients(self, table: TermTable) -> IntArray:
        residues = np.asarray(table.coefficients % self._p, dtype=np.int64)
        return np.asarray(residues[:, None] * np.eye(1, self._order, dtype=np.int64))

    def multiply(self, a: IntArray, b: IntArray) -> IntArray:
        return multiply(a, b, self._p)

    def add(self, a: IntArray, b: IntArray) -> IntArray:
        return np.asarray((a + b) % self._p)

    def scale(self, a: IntArray, weights: IntArray) -> IntArray:
        return np.asarray(a * weights[:, None] % self._p)

    def reduce(self, a: IntArray) -> IntArray:
        return np.asarray(a % self._p)


def inverse(a: IntArray, p: int) -> IntArray:
    """1 / a for one series with a nonzero constant term."""
    leading = pow(int(a[0]), -1, p)
    result = np.zeros_like(a)
    result[0] = leading
    for power in range(1, len(a)):
        convolution = sum(int(a[k]) * int(result[power - k]) for k in range(1, power + 1))
        result[power] = -convolution * leading % p
    return result


def matmul(a: IntArray, b: IntArray, p: int) -> IntArray:
    """(R, K, N) times (K, C, N)."""
    total = np.zeros((a.shape[0], b.shape[1], a.shape[-1]), dtype=np.int64)
    for k in range(a.shape[1]):
        total = (total + multiply(a[:, k, None], b[None, k], p)) % p
    return total


def series_rank(matrix: IntArray, p: int) -> int:
    """At least so large is the rank over the field of Laurent series; shape (rows, columns, N).

    Elimination with pivots of least valuation loses no precision: what a quotient does not know is a multiple of
    t^(N - v), and it multiplies entries that are multiples of t^v. Only what vanishes modulo t^N is missed.
    """
    rest = matrix % p
    order, found = rest.shape[-1], 0
    while rest.size:
        valuations = np.where(rest.any(axis=2), (rest != 0).argmax(axis=2), order)
        row, column = np.unravel_index(int(valuations.argmin()), valuations.shape)
        valuation = int(valuations[row, column])
        if valuation == order:
            return found
        found += 1
        pivot = rest[row]
        unit = _shifted(pivot[column], valuation)
        quotients = multiply(_shifted(rest[:, column], valuation), inverse(unit, p), p)
        rest = (rest - multiply(quotients[:, None], pivot[None], p)) % p
        rest = np.delete(np.delete(rest, row, axis=0), column, axis=1)
    return found


def _shifted(a: IntArray, valuation: int) -> IntArray:
    """a / t^valuation, with zeros where nothing is known."""
    result = np.zeros_like(a)
    result[..., : a.shape[-1] - valuation] = a[..., valuation:]
    return result
