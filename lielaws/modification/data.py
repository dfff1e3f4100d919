"""The data that a certificate is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.errors import InvalidArgumentError
from lielaws.modification.tensor_values import finite_array

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Data:
    """Inputs and targets.

    x : array with a leading axis of samples, or a mapping of such arrays for networks with several inputs
    y : targets with the same leading axis: integer labels (samples,), or numbers (samples, ...); None if only the
        inputs matter

    Raises InvalidArgumentError for data that are empty, not finite, or of different lengths.
    """

    x: Any
    y: Any = None

    def __post_init__(self) -> None:
        inputs = self.x if isinstance(self.x, Mapping) else {"": self.x}
        if not inputs:
            raise InvalidArgumentError("x", self.x, "data are empty; at least one sample is needed")
        arrays = {name: _samples("x" + (f"['{name}']" if name else ""), value) for name, value in inputs.items()}
        object.__setattr__(self, "x", arrays if isinstance(self.x, Mapping) else arrays[""])
        if self.y is not None:
            object.__setattr__(self, "y", _samples("y", self.y))
            arrays["y"] = self.y
        lengths = {name or "x": len(value) for name, value in arrays.items()}
        if len(set(lengths.values())) != 1:
            raise InvalidArgumentError("data", lengths, "all must have the same number of samples")

    @classmethod
    def of(cls, value: Any) -> Data:
        """From Data, a pair (x, y), or a mapping with x and y."""
        if isinstance(value, Data):
            return value
        if isinstance(value, tuple | list) and len(value) == 2:
            return cls(value[0], value[1])
        if isinstance(value, Mapping) and "x" in value:
            return cls(value["x"], value.get("y"))
        raise InvalidArgumentError("data", value, "a pair (x, y) or Data(x, y) is needed")

    @property
    def size(self) -> int:
        """Number of samples."""
        first = next(iter(self.x.values())) if isinstance(self.x, Mapping) else self.x
        return len(first)

    @cached_property
    def rows(self) -> npt.NDArray[np.float64]:
        """The inputs of each sample as one vector, (samples, numbers)."""
        arrays = list(self.x.values()) if isinstance(self.x, Mapping) else [self.x]
        return np.concatenate([np.asarray(a, dtype=np.float64).reshape(self.size, -1) for a in arrays], axis=1)

    @cached_property
    def groups(self) -> npt.NDArray[np.int64]:
        """Number of the class of equal inputs that each sample belongs to, (samples,)."""
        _, inverse = np.unique(self.rows, axis=0, return_inverse=True)
        return np.asarray(inverse, dtype=np.int64).reshape(-1)

    def take(self, index: npt.NDArray[np.int64]) -> Data:
        """Some of the samples."""
        x = {name: value[index] for name, value in self.x.items()} if isinstance(self.x, Mapping) else self.x[index]
        return Data(x, None if self.y is None else self.y[index])

    def labels(self, classes: int) -> Labels:
        """Targets as labels from 0 to classes - 1. Raises InvalidArgumentError if they are something else."""
        if self.y is None or self.y.ndim != 1 or not (self.y == np.rint(self.y)).all():
            text = "nothing" if self.y is None else f"array of shape {self.y.shape}"
            raise InvalidArgumentError("y", text, "integer labels of shape (samples,) are needed")
        labels: Labels = self.y.astype(np.int64)
        if labels.min() < 0 or labels.max() >= classes:
            wrong = int(labels.min() if labels.min() < 0 else labels.max())
            raise InvalidArgumentError("y", wrong, f"labels from 0 to {classes - 1} are needed: as many as outputs")
        return labels


def _samples(name: str, value: Any) -> npt.NDArray[Any]:
    """An array of finite numbers with a leading axis; integers stay integers."""
    if value is None:
        raise InvalidArgumentError(name, None, "an array (samples, ...) is needed")
    found = finite_array(name, value)
    if not found.ndim or not found.size:
        text = f"array of shape {found.shape}"
        raise InvalidArgumentError(name, text, "data are empty; at least one sample is needed, along the first axis")
    whole = "int" in str(value.dtype) if hasattr(value, "detach") else np.asarray(value).dtype.kind in "iu"
    copy: npt.NDArray[Any] = found.astype(np.int64) if whole else found.copy()
    copy.setflags(write=False)
    return copy
