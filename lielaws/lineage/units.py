"""Hidden units and their orders: which axes of which tensors belong to the same units, as the laws join them.

A law such as |W1[k,:]|^2 - |W2[:,k]|^2 says that the rows of W1 and the columns of W2 belong to unit k. Networks that
are initialized independently have exchangeable units: every order of the units of one, beside those of the other, is
equally likely. That is what an order found by chance is judged against.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lielaws.arraytypes import FloatArray, IntArray
from lielaws.engine.laws.law import Law
from lielaws.lineage.followed import Followed

Axis = tuple[str, int]


@dataclass(frozen=True, eq=False)
class Layer:
    """Units of one kind.

    axes : (tensor, axis) pairs along which they are numbered
    size : how many
    laws : numbers of the laws that involve them
    """

    axes: tuple[Axis, ...]
    size: int
    laws: IntArray


@dataclass(frozen=True, eq=False)
class Units:
    """All layers of units that some law joins across two tensors."""

    followed: Followed
    layers: tuple[Layer, ...]

    @classmethod
    def of(cls, followed: Followed) -> Units:
        parent: dict[Axis, Axis] = {}

        def root(axis: Axis) -> Axis:
            while parent.setdefault(axis, axis) != axis:
                axis = parent[axis]
            return axis

        by_law = [_axes(law) for law in followed.laws]
        for axes in by_law:
            for axis in axes[1:]:
                parent[root(axis)] = root(axes[0])
        members: dict[Axis, list[Axis]] = {}
        for axis in parent:
            members.setdefault(root(axis), []).append(axis)
        layers = []
        for axes in members.values():
            lengths = {followed.forms.layout.shapes[name][axis] for name, axis in axes}
            if len({name for name, _ in axes}) < 2 or len(lengths) != 1 or min(lengths) < 2:
                continue
            laws = [k for k, found in enumerate(by_law) if set(found) & set(axes)]
            layers.append(Layer(tuple(axes), lengths.pop(), np.array(laws, dtype=np.int64)))
        return cls(followed, tuple(layers))

    @cached_property
    def laws(self) -> IntArray:
        """Numbers of the laws that involve units."""
        found = [layer.laws for layer in self.layers]
        return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)

    @cached_property
    def orders(self) -> float:
        """How many orders of all units there are."""
        return float(np.exp(min(700.0, sum(math.lgamma(layer.size + 1) for layer in self.layers))))

    def reordered(self, vector: FloatArray, orders: Sequence[IntArray]) -> FloatArray:
        """The model with the units of each layer in that order."""
        layout = self.followed.forms.layout
        result = vector.copy()
        for name, part in zip(layout.names, layout.parts, strict=True):
            tensor = result[part].reshape(layout.shapes[name])
            for layer, order in zip(self.layers, orders, strict=True):
                for owner, axis in layer.axes:
                    if owner == name:
                        tensor = np.take(tensor, order, axis=axis)
            result[part] = tensor.ravel()
        return result

    def shuffled_values(self, vector: FloatArray, count: int, rng: np.random.Generator) -> Iterator[FloatArray]:
        """The laws of the model with its units in random orders, in pieces of shape (models, laws)."""
        piece = max(1, min(256, 2**22 // max(1, len(vector))))
        for start in range(0, count, piece):
            models = [
                self.reordered(vector, [rng.permutation(layer.size) for layer in self.layers])
                for _ in range(min(piece, count - start))
            ]
            yield self.followed.values(np.stack(models))


def _axes(law: Law) -> list[Axis]:
    """The axes along which the atoms of the law have an index, if each has one."""
    sides = [side for atom in law.atoms for side in atom.factors]
    if any(len(atom.factors) not in (1, 2) for atom in law.atoms) or any(len(side.axes) != 1 for side in sides):
        return []
    return list(dict.fromkeys((side.tensor, side.axes[0]) for side in sides))
