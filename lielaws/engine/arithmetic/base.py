"""What all array arithmetics share: moving entries around, below their own leading axes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import IntArray

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class IndexMap:
    """A flat integer index array that compares and hashes by content."""

    values: IntArray = field(compare=False)
    key: bytes

    @classmethod
    def of(cls, values: npt.ArrayLike) -> IndexMap:
        array = np.ascontiguousarray(values, dtype=np.int64)
        array.setflags(write=False)
        return cls(array, array.tobytes())


@lru_cache(maxsize=1024)
def _scatter_plan(index: IndexMap) -> tuple[IntArray, IntArray, IntArray]:
    """The entries in the order of their targets, where those of each target start, and the targets."""
    order = np.argsort(index.values, kind="stable")
    ordered = index.values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else ordered
    return order, starts, ordered[starts]


class StructuralArithmetic:
    """Arrays with `lead` leading axes (jets, samples), followed by the shape of the node."""

    lead: ClassVar[int]

    def finish_sum(self, a: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Bring a sum of valid values back into range."""
        return a

    def reshape(self, a: npt.NDArray[Any], shape: Shape) -> npt.NDArray[Any]:
        return a.reshape(a.shape[: self.lead] + shape)

    def permute(self, a: npt.NDArray[Any], axes: tuple[int, ...]) -> npt.NDArray[Any]:
        lead = self.lead
        return a.transpose(tuple(range(lead)) + tuple(axis + lead for axis in axes))

    def broadcast(self, a: npt.NDArray[Any], shape: Shape, axes: tuple[int, ...]) -> npt.NDArray[Any]:
        lead = self.lead
        expanded = np.expand_dims(a, tuple(axis + lead for axis in axes))
        return np.broadcast_to(expanded, a.shape[:lead] + shape)

    def sum(self, a: npt.NDArray[Any], axes: tuple[int, ...]) -> npt.NDArray[Any]:
        total = a.sum(axis=tuple(axis + self.lead for axis in axes))
        return self.finish_sum(np.asarray(total, dtype=a.dtype))

    def gather(self, a: npt.NDArray[Any], index: IndexMap, shape: Shape) -> npt.NDArray[Any]:
        lead = a.shape[: self.lead]
        return a.reshape((*lead, -1)).take(index.values, axis=-1).reshape(lead + shape)

    def scatter(self, a: npt.NDArray[Any], index: IndexMap, shape: Shape) -> npt.NDArray[Any]:
        lead = a.shape[: self.lead]
        flat = a.reshape((*lead, -1))
        result = np.zeros((*lead, int(np.prod(shape, dtype=np.int64))), dtype=a.dtype)
        order, starts, targets = _scatter_plan(index)
        if len(targets) == len(order):
            result[..., index.values] = flat
        else:
            result[..., targets] = self.finish_sum(np.add.reduceat(flat[..., order], starts, axis=-1))
        return result.reshape(lead + shape)
