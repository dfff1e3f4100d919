"""Parameters as users hold them, one array or a mapping of name to array, as one vector in float64.

Arrays are whatever numpy can read, and PyTorch tensors on any device: those are recognized by what they can do, so
that torch is never imported.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.errors import InvalidArgumentError

# What half precisions round to; numpy has no bfloat16.
_ROUNDING = {"bfloat16": 2.0**-8, "float16": 2.0**-11, "float32": 2.0**-24}


def as_array(name: str, value: Any) -> FloatArray:
    """A real array in float64; may share memory with the input. NaN and infinity pass."""
    if value is None:
        raise InvalidArgumentError(name, value, "an array is needed; leave out what has no gradient, or give zeros")
    if hasattr(value, "detach"):
        value = value.detach().cpu().double()
    try:
        found = np.asarray(value)
        if found.dtype.kind not in "fiu":
            if found.dtype.kind != "O":
                raise TypeError(found.dtype)
            found = found.astype(np.float64)
        return np.asarray(found, dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RuntimeError) as problem:
        remedy = "an array of real numbers is needed; several tensors go into a mapping of name to tensor"
        raise InvalidArgumentError(name, value, remedy) from problem


def rounding(value: Any) -> float:
    """The unit roundoff of the numbers in an array, a tensor or a mapping of them: that of the coarsest."""
    if isinstance(value, Mapping):
        return max((rounding(entry) for entry in value.values()), default=2.0**-53)
    kind = str(getattr(value, "dtype", "float64")).rpartition(".")[2]
    return _ROUNDING.get(kind, 2.0**-53)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the entries of a user's parameters lie in one vector.

    names : of the tensors; None for one array without name
    shapes : of the tensors, in the same order
    """

    names: tuple[str, ...] | None
    shapes: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, name: str, value: Any) -> Layout:
        """The layout of parameters; raises InvalidArgumentError if they are empty or no arrays."""
        if isinstance(value, Mapping):
            if not value:
                raise InvalidArgumentError(name, value, "at least one array is needed")
            shapes = tuple(as_array(f"{name}[{key!r}]", entry).shape for key, entry in value.items())
            layout = cls(tuple(value), shapes)
        else:
            layout = cls(None, (as_array(name, value).shape,))
        if not layout.size:
            raise InvalidArgumentError(name, value, "at least one number is needed")
        return layout

    @property
    def size(self) -> int:
        """Number of entries in all."""
        return sum(math.prod(shape) for shape in self.shapes)

    def flatten(self, name: str, value: Any, runs: int | None = None) -> FloatArray:
        """The entries as a new vector, (size,), or (runs, size) if every array has a leading axis of that length."""
        lead = () if runs is None else (runs,)
        if self.names is None:
            if isinstance(value, Mapping):
                raise InvalidArgumentError(name, list(value), "one array is needed, as for the parameters")
            return self._checked(name, value, lead + self.shapes[0]).reshape(*lead, -1).copy()
        if not isinstance(value, Mapping):
            raise InvalidArgumentError(
                name, value, f"a mapping is needed, with an array for each of {_listed(self.names)}"
            )
        unequal = set(value) ^ set(self.names)
        if unequal:
            remedy = f"the names must be those of the parameters: {_listed(self.names)}"
            raise InvalidArgumentError(name, _listed(sorted(map(str, unequal))), remedy)
        parts = [
            self._checked(f"{name}[{key!r}]", value[key], lead + shape).reshape(*lead, -1)
            for key, shape in zip(self.names, self.shapes, strict=True)
        ]
        return np.concatenate(parts, axis=-1)

    def shaped(self, flat: FloatArray) -> Any:
        """Views of a vector (size,) or of vectors (runs, size) in the form of the parameters."""
        lead = flat.shape[:-1]
        if self.names is None:
            return flat.reshape(lead + self.shapes[0])
        arrays, start = {}, 0
        for key, shape in zip(self.names, self.shapes, strict=True):
            stop = start + math.prod(shape)
            arrays[key] = flat[..., start:stop].reshape(lead + shape)
            start = stop
        return arrays

    def _checked(self, name: str, value: Any, shape: tuple[int, ...]) -> FloatArray:
        found = as_array(name, value)
        if found.shape != shape:
            raise InvalidArgumentError(name, f"an array of shape {found.shape}", f"the shape {shape} is needed")
        return found


def scalar(name: str, value: Any) -> float:
    """A real number as float, from a number or an array or tensor with one entry; NaN and infinity pass."""
    found = as_array(name, value)
    if found.size != 1:
        raise InvalidArgumentError(name, f"an array of shape {found.shape}", "one number is needed")
    return float(found.reshape(()))


def _listed(names: Any) -> str:
    return ", ".join(map(str, names))
