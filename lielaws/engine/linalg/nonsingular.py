"""Proofs that a square matrix of enclosed reals is not singular, and float factorizations that propose what to prove.

The only module in which floats and linear algebra meet: what is decided is decided by verified bounds.
"""

from __future__ import annotations

import numpy as np

from lielaws.arraytypes import BoolArray, FloatArray, IntArray

_U = 2.0**-53
_TINY = 2.0**-1000
# Rows whose part outside the span of the others is smaller than this, relative to their length, look dependent.
_TOLERANCE = 1e-9
# Rows with more relative noise than this are too uncertain to look dependent.
_NOISE = 1e-12
# What floats leave of a dependent row; a true direction may be as small as a tolerance, and is looked at precisely.
_ROUNDING = 1e-13
# What is smaller, radius included, is zero for every proposal.
_ZERO = 1e-100


def is_nonsingular(mid: FloatArray, rad: FloatArray) -> bool:
    """Whether no matrix within the radii of the midpoints is singular. "No" means that this was not proved.

    With an approximate inverse R, |I - R A| < 1 in the maximum norm for all A suffices (Rump, Acta Numerica 2010, Thm
    10.2). Rows and columns are scaled by powers of two first, which changes nothing but exponents.
    """
    n = len(mid)
    if n == 0:
        return True
    if not (np.isfinite(mid).all() and np.isfinite(rad).all()):
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        mid, rad = _scaled(mid, rad)
    if not (np.isfinite(mid).all() and np.isfinite(rad).all()):
        return False
    try:
        inverse = np.linalg.inv(mid)  # noqa: TID251  any matrix may be proposed
    except np.linalg.LinAlgError:  # noqa: TID251
        return False
    ones = np.ones(n)
    size = np.abs(inverse)
    residual = np.abs(inverse @ mid - np.eye(n)).sum(axis=1) * (1 + (n + 4) * _U)
    spread = size @ ((rad @ ones + (n + 4) * _U * (np.abs(mid) @ ones)) * (1 + (2 * n + 8) * _U))
    alpha = (residual + spread + 4 * _U) * (1 + (6 * n + 20) * _U)
    alpha += n**2 * _TINY * (1 + size.max() + np.abs(mid).max())
    return bool(np.all(alpha < 1))


def _scaled(mid: FloatArray, rad: FloatArray) -> tuple[FloatArray, FloatArray]:
    for axis in (1, 0):
        exponents = np.frexp(np.maximum(np.abs(mid).max(axis=axis, keepdims=True), 2.0**-900))[1]
        # What underflows is added to the radius.
        mid, rad = np.ldexp(mid, -exponents), np.ldexp(rad, -exponents) + _TINY
    return mid, rad


class Span:
    """The span of real rows, as far as floats tell: a proposal."""

    def __init__(self, dimension: int) -> None:
        self._basis = np.zeros((0, dimension))

    @property
    def rank(self) -> int:
        return len(self._basis)

    def _rest(self, rows: FloatArray) -> FloatArray:
        """What of the rows, scaled to length one, is outside the span."""
        rest = _unit_rows(rows)
        for _ in range(2):
            # Twice is enough for orthogonality to rounding (Kahan and Parlett).
            rest = rest - (rest @ self._basis.T) @ self._basis
        return rest

    def looks_dependent(self, rows: FloatArray, rad: FloatArray) -> BoolArray:
        """Which rows with these radii are in the span, as far as floats tell."""
        length, radius, rest = (np.linalg.norm(x, axis=1) for x in (rows, rad, self._rest(rows)))  # noqa: TID251
        size = np.where(length > 0, length, 1.0)
        near = (rest < _ROUNDING + 4 * radius / size) & (radius < _NOISE * size)
        return np.asarray(near | (np.maximum(length, radius) < _ZERO))

    def extend(self, rows: FloatArray, most: int | None = None) -> IntArray:
        """Add rows; returns which of them, at most `most`, look independent of each other and of those before."""
        from scipy.linalg import qr

        if not len(rows):
            return np.zeros(0, dtype=np.int64)
        rest = self._rest(rows)
        q, r, order = qr(rest.T, mode="economic", pivoting=True)
        count = int((np.abs(np.diag(r)) > _TOLERANCE).sum())
        count = count if most is None else min(count, most)
        self._basis = np.concatenate([self._basis, q[:, :count].T])
        return np.asarray(np.sort(order[:count]), dtype=np.int64)


def _unit_rows(rows: FloatArray) -> FloatArray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)  # noqa: TID251
    return np.asarray(rows / np.where(length > 0, length, 1.0))


def pivot_columns(rows: FloatArray) -> IntArray:
    """Columns that with these rows make a well-conditioned square block, as far as floats tell."""
    count, dimension = rows.shape
    if count in (0, dimension):
        return np.arange(count)
    from scipy.linalg import qr

    _, order = qr(_unit_rows(rows), mode="r", pivoting=True)[-2:]
    return np.asarray(np.sort(order[:count]), dtype=np.int64)
