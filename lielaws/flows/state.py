"""The state space of a flow: named tensors laid out one after the other in one vector."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

Shape = tuple[int, ...]


@dataclass(frozen=True)
class StateSpace:
    """Named tensors in the order of the state vector, each flattened in C order."""

    shapes: Mapping[str, Shape]

    @cached_property
    def offsets(self) -> dict[str, int]:
        offsets, total = {}, 0
        for name, shape in self.shapes.items():
            offsets[name] = total
            total += math.prod(shape)
        return offsets

    @cached_property
    def dimension(self) -> int:
        return sum(math.prod(shape) for shape in self.shapes.values())

    @cached_property
    def _names(self) -> tuple[list[str], np.ndarray]:
        return list(self.shapes), np.array([self.offsets[name] for name in self.shapes])

    def coordinate(self, name: str, index: tuple[int, ...] = ()) -> int:
        """The position of one entry in the state vector."""
        shape = self.shapes[name]
        return self.offsets[name] + (int(np.ravel_multi_index(index, shape)) if shape else 0)

    def entry(self, coordinate: int) -> tuple[str, tuple[int, ...]]:
        """The tensor and the index of one coordinate."""
        names, offsets = self._names
        name = names[int(np.searchsorted(offsets, coordinate, side="right")) - 1]
        shape = self.shapes[name]
        position = coordinate - self.offsets[name]
        return name, tuple(int(k) for k in np.unravel_index(position, shape)) if shape else ()

    def indices(self, name: str) -> np.ndarray:
        """The coordinates of one tensor, in its shape."""
        shape = self.shapes[name]
        return np.arange(self.offsets[name], self.offsets[name] + math.prod(shape)).reshape(shape)
