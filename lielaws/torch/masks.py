"""Entries that constant masks cut off before a softmax."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lielaws.architectures.family import Array, Operations
from lielaws.arraytypes import BoolArray
from lielaws.errors import UnsupportedError

# Programs write the least number of a type, or minus infinity.
_CUT_OFF = -1e30


@dataclass(frozen=True)
class Masked:
    """An array some of whose entries are cut off: only a softmax can take it."""

    array: Array
    kept: BoolArray


def chosen(ops: Operations, mask: Any, a: Any, b: Any) -> Array | Masked:
    """The entries of a where a constant mask is true, those of b elsewhere; very low numbers cut entries off."""
    if isinstance(mask, Array):
        raise UnsupportedError("mask", "a mask that varies", "masks are constant here")
    kept = np.asarray(mask, dtype=bool)
    low = [not isinstance(x, Array) and bool(np.all(np.asarray(x) <= _CUT_OFF)) for x in (a, b)]
    if low[0]:
        return chosen(ops, ~kept, b, a)
    if kept.all() and not isinstance(a, Masked):
        return ops.array(a) + ops.zeros(kept.shape)
    if low[1]:
        array = ops.array(a)
        return Masked(
            array + ops.zeros(kept.shape), np.broadcast_to(kept, np.broadcast_shapes(kept.shape, array.shape))
        )
    ones = kept.astype(np.int64)
    return ops.array(a) * ops.array(ones) + ops.array(b) * ops.array(1 - ones)


def added(ops: Operations, a: Any, b: Any) -> Array | Masked | None:
    """The sum with a constant some of whose entries are very low; None if there is none."""
    for array, constant in ((a, b), (b, a)):
        if isinstance(constant, np.ndarray) and (constant <= _CUT_OFF).any():
            kept = constant > _CUT_OFF
            shifted = ops.array(array) + np.where(kept, constant, 0)
            return Masked(shifted, np.broadcast_to(kept, shifted.shape))
    return None


def softmax(ops: Operations, a: Array | Masked, axis: int = -1) -> Array:
    """Over the entries that are not cut off."""
    if not isinstance(a, Masked):
        return ops.softmax(a, axis)
    if not a.kept.any(axis=axis).all():
        raise UnsupportedError("mask", "a row without entries", "a softmax over nothing is not supported")
    powers = ops.relative_exp(a.array, axis) * ops.array(a.kept.astype(np.int64))
    place = axis % powers.ndim
    total = powers.sum(place)
    return powers * (total**-1).reshape(*total.shape[:place], 1, *total.shape[place:])
