"""Samples of one variable: checked, one row for each, and what kind of distribution they show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import FloatArray, IntArray
from lielaws.errors import InvalidArgumentError
from lielaws.training.framework_tensors import as_float64

# From so many samples for each distinct value on, a variable counts as discrete; below so few ties as continuous.
_SAMPLES_PER_VALUE = 5
_FEW_TIES = 0.01


@dataclass(frozen=True, eq=False)
class Sample:
    """n samples of one variable.

    rows : (n, d), without the columns that are constant; categories are coded as integers, d = 1
    categorical : whether the values are names, whose distances mean nothing
    """

    argument: str
    rows: FloatArray
    categorical: bool

    @classmethod
    def of(cls, argument: str, values: Any) -> Sample:
        """Raises InvalidArgumentError for what is no array of n >= 2 finite numbers, or names, along its first axis."""
        names = _names(values)
        if names is not None:
            array = np.unique(_two_axes(argument, names), axis=0, return_inverse=True)[1].reshape(-1, 1)
            rows = array.astype(np.float64)
        else:
            rows = _two_axes(argument, as_float64(argument, values, "samples along the first axis"))
            _check_finite(argument, rows)
        varies = rows.max(axis=0) > rows.min(axis=0)
        return cls(argument, np.ascontiguousarray(rows[:, varies]), names is not None)

    @property
    def count(self) -> int:
        return len(self.rows)

    @property
    def width(self) -> int:
        """How many columns vary."""
        return int(self.rows.shape[1])

    @property
    def constant(self) -> bool:
        return not self.width

    @cached_property
    def codes(self) -> IntArray:
        """For each sample the number of its value, shape (n,)."""
        if self.constant:
            return np.zeros(self.count, dtype=np.int64)
        return np.unique(self.rows, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)

    @cached_property
    def distinct(self) -> int:
        return int(self.codes.max()) + 1

    @cached_property
    def ties(self) -> float:
        """The share of samples whose value occurs more than once."""
        counts = np.bincount(self.codes)
        return float(counts[counts > 1].sum() / self.count)

    @property
    def discrete(self) -> bool:
        return self.categorical or self.distinct * _SAMPLES_PER_VALUE <= self.count

    @property
    def continuous(self) -> bool:
        """Hardly a value twice; neither this nor discrete is a mixture, such as a ReLU feature with many zeros."""
        return not self.discrete and self.ties <= _FEW_TIES

    @cached_property
    def standardized(self) -> FloatArray:
        """Each column with mean 0 and standard deviation 1, which leaves mutual information as it is."""
        # Divided first: the squares of columns beyond 1e154 would overflow.
        scaled = self.rows / np.abs(self.rows).max(axis=0, initial=0.0)
        centred = scaled - scaled.mean(axis=0)
        return np.asarray(centred / np.maximum(centred.std(axis=0), np.finfo(float).tiny))

    def noisy(self, noise: float, rng: np.random.Generator) -> Sample:
        """With independent Gaussian noise of that standard deviation in every column."""
        return Sample(self.argument, self.rows + noise * rng.normal(size=self.rows.shape), False)


def _names(values: Any) -> npt.NDArray[np.str_] | None:
    """The values as text, if they are names or truth values and not numbers."""
    if hasattr(values, "detach"):
        return None
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError):
        return None
    if array.dtype.kind in "USb":
        return array.astype(np.str_)
    if array.dtype.kind == "O" and array.size and all(isinstance(value, str) for value in array.ravel()):
        return array.astype(np.str_)
    return None


def _two_axes(argument: str, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if array.ndim == 0:
        raise InvalidArgumentError(
            argument, array.tolist(), "an array with one sample for each entry of its first axis"
        )
    if array.size == 0:
        raise InvalidArgumentError(argument, f"array of shape {array.shape}", "it is empty; at least two samples")
    if len(array) < 2:
        raise InvalidArgumentError(argument, f"array of shape {array.shape}", "one sample; at least two are needed")
    return array.reshape(len(array), -1)


def _check_finite(argument: str, rows: FloatArray) -> None:
    wrong = np.argwhere(~np.isfinite(rows))
    if len(wrong):
        row, column = wrong[0].tolist()
        text = f"{rows[row, column]} in sample {row}, column {column}"
        raise InvalidArgumentError(
            argument, text, "finite numbers are needed; leave such samples out, in x and z alike"
        )


def check_pair(*samples: Sample) -> None:
    """All have as many samples."""
    first = samples[0]
    for other in samples[1:]:
        if other.count != first.count:
            text = f"{other.count} samples"
            raise InvalidArgumentError(
                other.argument, text, f"as many as in {first.argument} are needed: {first.count}"
            )


def by_class(x: Sample, z: Sample) -> tuple[Sample, Sample]:
    """The variable that is used as a class, and the other one."""
    first = x.categorical or (x.discrete and not z.categorical)
    return (x, z) if first else (z, x)
