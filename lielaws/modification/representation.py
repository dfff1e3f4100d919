"""Info = I(X; Z) - I(Z; Y | X) of a representation Z = f(X), read in one of three ways.

Z is a function of X, so that I(Z; Y | X) = 0, and Info = I(X; Z). For continuous X and injective f that is infinite.
What can be said instead:

* "empirical": X uniform on the data. Then I(X; Z) = H(Z), a count of equal representations. Nothing is estimated, and
  nothing is said of other inputs.
* "noisy": X uniform on the data, and I(X; Z + N) with Gaussian noise N of a given size. Between two bounds that are
  proved (Kolchinsky and Tracey, Entropy 19 (2017) 361, eqs. 10 and 11, with the Bhattacharyya distance |d|^2/8s^2 and
  the Kullback-Leibler divergence |d|^2/2s^2 of Gaussians at distance d).
* "auto", "ksg", "mixed", "gaussian", "discrete", "channel": estimators for the distribution that the data are drawn
  from, with confidence intervals, of :mod:`lielaws.information`, which refuses what is infinite.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.checks import choice, count, positive
from lielaws.errors import InvalidArgumentError, LieLawsError, SizeError, UnsupportedError
from lielaws.modification.clause_rows import Status
from lielaws.modification.data import Data

ESTIMATORS = ("auto", "ksg", "mixed", "gaussian", "discrete", "channel")
METHODS = ("empirical", "noisy", *ESTIMATORS)
_ROUNDING = 1e-10
_RESOLUTION = 1e-9
# Where the representation is rounded between two grid points: not where round numbers lie.
_OFFSET = 0.381966
_COARSE = 2.0**52
_BLOCK = 2**22
# Squares of more noise units than this are beyond float64.
_FARTHEST = 1e150
_MOST_PAIRED = 20_000


@dataclass(frozen=True, slots=True)
class Info:
    """What is known of one Info, in nats.

    low, high : it lies between them: proved, or with the confidence of the estimate
    status : "proved" or "estimated"
    counts : for the empirical reading, the sizes of the classes of equal representations
    refused : why there is no number, or None
    warnings : where the estimator is known to fail
    """

    low: float
    high: float
    status: Status = "proved"
    counts: tuple[int, ...] = ()
    refused: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """How Info is read.

    method : one of METHODS
    resolution : for "empirical": representations closer than about this are equal; absolute, by default 1e-9 of the
        largest entry of the first representation
    noise : standard deviation of each coordinate of the noise, for "noisy" and the estimators
    confidence, resamples, seed : for the estimators
    """

    method: str = "empirical"
    resolution: float | None = None
    noise: float | None = None
    confidence: float = 0.95
    resamples: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        choice("information", self.method, METHODS)
        if self.resolution is not None:
            object.__setattr__(self, "resolution", positive("resolution", self.resolution))
        if self.noise is not None:
            object.__setattr__(self, "noise", positive("noise", self.noise))
            if self.method == "empirical":
                raise InvalidArgumentError("noise", self.noise, "information='empirical' has none; 'noisy' does")
        elif self.method == "noisy":
            raise InvalidArgumentError("noise", None, "the standard deviation of the noise is needed")
        object.__setattr__(self, "confidence", positive("confidence", self.confidence))
        if self.confidence >= 1:
            raise InvalidArgumentError("confidence", self.confidence, "a number between 0 and 1 is needed")
        if self.resamples is not None:
            count("resamples", self.resamples)
        count("seed", self.seed, least=0)

    def info(self, data: Data, z: FloatArray, first: FloatArray) -> Info:
        """Info of the representation z of the data, (samples, ...); `first` is that of the first model."""
        rows = z.reshape(len(z), -1)
        if self.method == "empirical":
            largest = float(np.abs(first).max(initial=0.0))
            return empirical(data, rows, self.resolution or _RESOLUTION * (largest or 1.0))
        if self.method == "noisy":
            assert self.noise is not None
            return noisy(data, rows, self.noise)
        return self._estimated(data, rows)

    def _estimated(self, data: Data, z: FloatArray) -> Info:
        try:
            from lielaws.information import mutual_information
        except ImportError as error:
            remedy = "lielaws.information cannot be imported; 'empirical' and 'noisy' need no estimator"
            raise UnsupportedError("information", self.method, f"{remedy} ({error})") from error
        options: dict[str, Any] = {"confidence": self.confidence, "seed": self.seed, "noise": self.noise}
        if self.resamples is not None:
            options["resamples"] = self.resamples
        try:
            found = mutual_information(data.rows, z, method=self.method, deterministic=True, **options)
        except LieLawsError as error:
            return Info(math.nan, math.nan, "estimated", refused=str(error))
        return Info(found.low, found.high, "estimated", (), found.refused, tuple(found.warnings))


def empirical(data: Data, z: FloatArray, resolution: float) -> Info:
    """H(Z) for X uniform on the data, Z rounded to a grid of the resolution."""
    first = _first_of_group(data)
    weights = np.bincount(data.groups)
    cells = _cells(z[first], resolution)
    _, inverse = np.unique(cells, axis=0, return_inverse=True)
    counts = np.sort(np.bincount(np.asarray(inverse).reshape(-1), weights=weights).astype(np.int64))
    shares = counts / counts.sum()
    entropy = max(0.0, math.fsum((-shares * np.log(shares)).tolist()))
    return Info(entropy, entropy, counts=tuple(counts.tolist()))


def _cells(z: FloatArray, resolution: float) -> FloatArray:
    """The cell of the grid that each row lies in; numbers whose neighbouring floats are further apart are their own."""
    with np.errstate(over="ignore"):
        ratio = z / resolution + _OFFSET
    coarse = np.abs(ratio) >= _COARSE
    if not coarse.any():
        return np.asarray(np.floor(ratio))
    return np.concatenate([np.where(coarse, 0.0, np.floor(ratio)), np.where(coarse, z, 0.0)], axis=1)


def noisy(data: Data, z: FloatArray, noise: float) -> Info:
    """Bounds of I(X; Z + N) for X uniform on the data, N Gaussian with that standard deviation in each coordinate."""
    if data.size > _MOST_PAIRED:
        remedy = f"the bounds compare all pairs; at most {_MOST_PAIRED:,} samples are supported, give some of them"
        raise SizeError("data", f"{data.size:,} samples", remedy)
    first = _first_of_group(data)
    weights = np.bincount(data.groups) / data.size
    with np.errstate(over="ignore", invalid="ignore"):
        points = (z[first] - z[first].mean(axis=0)) / noise
    if not (np.abs(points) <= _FARTHEST).all():
        reason = "the representation is too large beside the noise for float64; give noise of its own size"
        return Info(math.nan, math.nan, refused=reason)
    squares = (points**2).sum(axis=1)
    low, high = [], []
    step = max(1, _BLOCK // len(points))
    for start in range(0, len(points), step):
        part = slice(start, start + step)
        distances = np.maximum(squares[part, None] + squares[None] - 2 * points[part] @ points.T, 0.0)
        low.append(-np.log(np.exp(-distances / 8) @ weights))
        high.append(-np.log(np.exp(-distances / 2) @ weights))
    # Distances are off by rounding relative to the squares; the bounds are Lipschitz in them.
    slack = _ROUNDING + 8 * np.finfo(float).eps * z.shape[1] * float(squares.max())
    lower = max(0.0, float(np.concatenate(low) @ weights - slack))
    return Info(lower, float(np.concatenate(high) @ weights + slack))


def _first_of_group(data: Data) -> Any:
    """One sample of each class of equal inputs: equal inputs have one representation, whatever rounding does."""
    return np.unique(data.groups, return_index=True)[1]
