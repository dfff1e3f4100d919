"""Tensors of any framework as one float64 vector, without importing the framework."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray, IntArray
from lielaws.engine.flows.state import Shape
from lielaws.errors import InvalidArgumentError, nearest

TOLERANCES = {"float64": 1e-9, "float32": 1e-4, "float16": 0.4, "bfloat16": 3.0}
"""Of the law predicted from the start, by the type of the parameters, relative to the sum of squares. One step has a
hundredth of it. Half precision rounds away small updates: only single steps can be checked there, and coarsely."""

_FAILURES = (TypeError, ValueError, RuntimeError, AttributeError, OverflowError, IndexError, KeyError)


@dataclass(frozen=True)
class Layout:
    """Where the entries of named tensors stand in one vector, each tensor flattened in C order."""

    shapes: Mapping[str, Shape]

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(self.shapes)

    @cached_property
    def sizes(self) -> IntArray:
        return np.array([int(np.prod(shape, dtype=np.int64)) for shape in self.shapes.values()], dtype=np.int64)

    @cached_property
    def offsets(self) -> dict[str, int]:
        return dict(zip(self.shapes, (np.cumsum(self.sizes) - self.sizes).tolist(), strict=True))

    @cached_property
    def parts(self) -> tuple[slice, ...]:
        """The entries of each tensor."""
        ends = np.cumsum(self.sizes).tolist()
        return tuple(slice(start, end) for start, end in zip([0, *ends], ends, strict=False))

    def read(
        self, argument: str, tensors: Any, when: str, absent: frozenset[str] = frozenset()
    ) -> tuple[FloatArray, str]:
        """The vector, a copy, and the coarsest type of the tensors.

        absent : tensors that may be missing or None, and count as zero

        Raises InvalidArgumentError that names the tensor, for whatever is no array of finite numbers of its shape.
        """
        if not isinstance(tensors, Mapping):
            raise InvalidArgumentError(argument, tensors, f"{when}: a mapping of names to arrays is needed")
        parts, types = [], set()
        for name, shape in self.shapes.items():
            value = tensors.get(name)
            if value is None:
                if name not in absent:
                    raise _missing(argument, name, shape, tensors, when)
                parts.append(np.zeros(shape).ravel())
                continue
            types.add(type_name(value))
            parts.append(_checked(f"{argument}['{name}']", value, shape, when))
        return np.concatenate(parts), coarsest(types)


def coarsest(types: set[str]) -> str:
    return max(types & set(TOLERANCES), key=TOLERANCES.__getitem__, default="float64")


def type_name(value: Any) -> str:
    """float32 of arrays and tensors alike; what is no array counts as float64."""
    dtype = getattr(value, "dtype", None)
    return str(getattr(dtype, "name", dtype)).rpartition(".")[2]


def as_float64(argument: str, value: Any, when: str) -> FloatArray:
    """The numbers of an array, a tensor (detached, from any device) or nested lists. They may share memory."""
    try:
        array = np.asarray(_on_host(value))
        if array.dtype.kind not in "fiuOV" or isinstance(value, np.ma.MaskedArray):
            raise TypeError(f"entries of type {array.dtype.name}")
        return np.asarray(array, dtype=np.float64)
    except _FAILURES as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise InvalidArgumentError(
            argument, _described(value), f"{when}: an array of numbers is needed ({reason})"
        ) from error


def _on_host(value: Any) -> Any:
    """The value in a form that numpy reads: PyTorch refuses it for gradients, other devices and bfloat16."""
    if hasattr(value, "detach"):
        value = value.detach()
        value = value.cpu() if hasattr(value, "cpu") else value
        if type_name(value) in {"bfloat16", "float16"} and hasattr(value, "float"):
            value = value.float()
        return value.numpy() if hasattr(value, "numpy") else value
    if hasattr(value, "__cuda_array_interface__") and hasattr(value, "get"):
        return value.get()
    return value


def _described(value: Any) -> object:
    shape = getattr(value, "shape", None)
    return value if shape is None else f"{type(value).__name__} of shape {tuple(shape)}"


def _checked(argument: str, value: Any, shape: Shape, when: str) -> FloatArray:
    array = as_float64(argument, value, when)
    if array.shape != tuple(shape):
        hint = ", transposed" if len(shape) > 1 and array.shape == tuple(shape)[::-1] else ""
        text = f"array of shape {array.shape}"
        raise InvalidArgumentError(argument, text, f"{when}: shape {tuple(shape)} is needed{hint}")
    finite = np.isfinite(array)
    if not finite.all():
        index = tuple(int(k[0]) for k in np.nonzero(np.atleast_1d(~finite)))
        text = f"{np.atleast_1d(array)[index]} at {list(index)}"
        remedy = f"{when}: not a finite number; this call changed nothing, all that was recorded before is kept"
        raise InvalidArgumentError(argument, text, remedy)
    return array.ravel()


def _missing(argument: str, name: str, shape: Shape, tensors: Mapping[str, Any], when: str) -> InvalidArgumentError:
    if argument == "grads":
        remedy = (
            "the gradient is missing, and laws involve this tensor; if it is not trained, name it in `frozen`, and "
            "leave out the laws that join it with trained ones"
        )
        return InvalidArgumentError("grads['" + name + "']", None, f"{when}: {remedy}")
    if name in tensors:
        return InvalidArgumentError(f"{argument}['{name}']", None, f"{when}: an array of shape {shape} is needed")
    known = [str(key) for key in tensors]
    hint = f" ({name}: {nearest(name, known)})" if known else ""
    return InvalidArgumentError(argument, known, f"{when}: tensor '{name}' of shape {shape} is missing{hint}")
