"""Upper bounds of spectral norms that are proved, rounding included."""

from __future__ import annotations

import math

import numpy as np

from lielaws.arraytypes import FloatArray

_UNIT = 2.0**-53
_SQUARINGS = 8
# Of the few scalar operations around each product; relative, and far on the safe side.
_SCALAR = 1e-14


def spectral_bound(matrix: FloatArray) -> float:
    """An upper bound of the largest singular value, within about one percent of it.

    |A|^2 = |A^T A|, again and again, and |G| <= |G|_F at the end; the rounding of each product is added, at most
    gamma_n |A|_F |A|_F in the Frobenius norm (Higham, Accuracy and Stability of Numerical Algorithms, eq. 3.13). Never
    more than sqrt(|A|_1 |A|_inf).
    """
    magnitudes = np.abs(matrix)
    largest = float(magnitudes.max(initial=0.0))
    if not largest:
        return 0.0
    # A power of two, so that scaling is exact but for entries far too small to matter, which are rounded up below.
    scale = 2.0 ** math.frexp(largest)[1]
    scaled = matrix / scale
    ones, rows = float(np.abs(scaled).sum(axis=0).max()), float(np.abs(scaled).sum(axis=1).max())
    simple = math.sqrt(ones * rows) * (1 + max(matrix.shape) * _UNIT * 2 + _SCALAR)
    if matrix.shape[0] < matrix.shape[1]:
        scaled = scaled.T
    tiny = math.sqrt(matrix.size) * 1e-300
    return float((min(simple, _by_squaring(scaled, _SQUARINGS)) + tiny) * scale * (1 + _SCALAR))


def lengths(rows: FloatArray) -> FloatArray:
    """Euclidean norms of the rows, (rows,), without overflow of the squares."""
    largest = np.abs(rows).max(axis=1, initial=0.0)
    # A power of two is exact; zeros and infinities stay.
    scale = np.ldexp(1.0, np.where(np.isfinite(largest) & (largest > 0), np.frexp(largest)[1], 0) - 1)
    scaled = rows / scale[:, None]
    return np.asarray(np.sqrt((scaled**2).sum(axis=1)) * scale)


def _by_squaring(matrix: FloatArray, times: int) -> float:
    frobenius = math.sqrt(float(np.sum(matrix**2))) * (1 + matrix.size * _UNIT + _SCALAR)
    if not times or not frobenius:
        return frobenius
    # Keeps every power of two exact, and the entries from running out of range.
    scale = 2.0 ** math.frexp(frobenius)[1]
    scaled, norm = matrix / scale, frobenius / scale
    terms = len(matrix) + 2
    lost = terms * _UNIT / (1 - terms * _UNIT) * norm**2 + len(matrix.T) * 1e-300
    return scale * math.sqrt(_by_squaring(scaled.T @ scaled, times - 1) + lost) * (1 + _SCALAR)
