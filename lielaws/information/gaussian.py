"""Mutual information of jointly Gaussian variables, from covariances, without their bias in small samples."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, ndtri

from lielaws.arraytypes import FloatArray

SHARE = 0.8
"""Of the samples in a subsample: half of them would be too few for covariances of many coordinates."""

# Of the standard deviation that is left of a column of unit variance, given the others, in float64.
_SINGULAR = 1e-9


def log_determinant(rows: FloatArray) -> tuple[float, float]:
    """An unbiased estimate of log det of the covariance, and the smallest residual standard deviation of a column.

    For n Gaussian samples the scatter matrix A is Wishart, and E log det A = log det C + sum over i = 1..d of
    psi((n - i) / 2) + d log 2 (Anderson, An Introduction to Multivariate Statistical Analysis, theorem 7.5.3). Needs
    n > d.
    """
    from scipy.linalg import qr

    count, width = rows.shape
    if not width:
        return 0.0, 1.0
    diagonal = np.abs(np.diag(qr(rows - rows.mean(axis=0), mode="r")[0])[:width])
    if not diagonal.all():
        return -np.inf, 0.0
    bias = float(digamma((count - np.arange(1, width + 1)) / 2).sum()) + width * np.log(2)
    return float(2 * np.log(diagonal).sum()) - bias, float(diagonal.min() / np.sqrt(count))


def information(x: FloatArray, z: FloatArray) -> float:
    """(log det C_x + log det C_z - log det C_xz) / 2, unbiased for Gaussian samples."""
    joint = np.concatenate([x, z], axis=1)
    return (log_determinant(x)[0] + log_determinant(z)[0] - log_determinant(joint)[0]) / 2


def conditional(x: FloatArray, y: FloatArray, z: FloatArray) -> float:
    """I(X; Y | Z) = (log det C_xz + log det C_yz - log det C_xyz - log det C_z) / 2."""
    parts = [np.concatenate(part, axis=1) for part in ((x, z), (y, z), (x, y, z), (z,))]
    left, right, joint, inner = (log_determinant(part)[0] for part in parts)
    return (left + right - joint - inner) / 2


def singular(rows: FloatArray) -> bool:
    """Whether a column is a linear function of those before it, up to rounding."""
    return not log_determinant(rows)[1] > _SINGULAR


def most_capacity(z: FloatArray, noise: float, confidence: float) -> float:
    """An upper confidence limit for log det(1 + C / noise^2) / 2: what Z + N says about Z is largest for Gaussian Z.

    The estimate from n samples of d columns is too low by at most about d (d + 1) / 4n, and has a standard deviation of
    at most about sqrt(d / 2n), both as for log det C / 2.
    """
    from scipy.linalg import svd

    count, width = z.shape
    scaled = (z - z.mean(axis=0)) / (np.sqrt(count - 1) * noise)
    value = float(np.log1p(svd(scaled, compute_uv=False) ** 2).sum() / 2)
    deviation = float(np.sqrt(width / (2 * count)))
    return float(value + width * (width + 1) / (4 * count) + ndtri(confidence) * deviation)


def kurtosis_excess(rows: FloatArray) -> float:
    """Mardia's kurtosis in its standard deviations under normality (Biometrika 57, 519, 1970)."""
    from scipy.linalg import qr

    count, width = rows.shape
    basis = qr(rows - rows.mean(axis=0), mode="economic")[0] * np.sqrt(count)
    fourth = float(np.mean(np.sum(basis**2, axis=1) ** 2))
    expected = width * (width + 2) * (count - 1) / (count + 1)
    return float((fourth - expected) / np.sqrt(8 * width * (width + 2) / count))
