"""Entries that move: where each entry of an array comes from, counted from 1 on; 0 stands for zero."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from lielaws.architectures.family import Array, Operations
from lielaws.arraytypes import IntArray
from lielaws.engine.arithmetic.base import IndexMap
from lielaws.engine.graph import primitives


def numbers_of(shape: Sequence[int]) -> IntArray:
    """The numbers of the entries of an array."""
    return np.arange(1, math.prod(shape) + 1).reshape(tuple(shape))


def moved(parts: Sequence[Array], places: IntArray, ops: Operations) -> Array:
    """The array whose entries are those of the parts, one after the other, at some places."""
    if len(parts) == 1 and (quick := _as_axes(parts[0], places)) is not None:
        return quick
    flat = parts[0].reshape(-1) if len(parts) == 1 else ops.concatenate([part.reshape(-1) for part in parts])
    if places.min(initial=1) > 0:
        return flat[places - 1]
    longer = primitives.scatter(flat.node, IndexMap.of(numbers_of(flat.shape)), (flat.size + 1,))
    return Array(longer)[places]


def _as_axes(a: Array, places: IntArray) -> Array | None:
    """As a reshaping or a permutation of axes, if it is one; theorems know these."""
    if places.size != a.size:
        return None
    if np.array_equal(places.ravel(), numbers_of((a.size,))):
        return a.reshape(places.shape)
    if places.ndim == a.ndim == 2 and np.array_equal(places, numbers_of(a.shape).T):
        return a.T
    return None


def windows(shape: Sequence[int], kernel: Sequence[int], stride: Any, padding: Any, dilation: Any) -> IntArray:
    """The places of sliding windows over the last axes: (.., positions, .., kernel, ..)."""
    rank, lead = len(kernel), len(shape) - len(kernel)
    steps, pads, gaps = (each(value, rank) for value in (stride, padding, dilation))
    numbers = np.pad(numbers_of(shape), [(0, 0)] * lead + [(pad, pad) for pad in pads])
    spans = tuple(gap * (size - 1) + 1 for gap, size in zip(gaps, kernel, strict=True))
    found = np.lib.stride_tricks.sliding_window_view(numbers, spans, axis=tuple(range(lead, lead + rank)))
    chosen = [slice(None)] * lead + [slice(None, None, step) for step in steps] + [slice(None, None, g) for g in gaps]
    return np.ascontiguousarray(found[tuple(chosen)])


def each(value: Any, rank: int) -> list[int]:
    """One number for each axis, of a number or a list."""
    listed = list(value) if isinstance(value, list | tuple) else [value]
    return listed * rank if len(listed) == 1 else listed
