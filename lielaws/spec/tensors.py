"""Parameter tensors as symbolic arrays. Entries are made when needed: a row of a large one costs little."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lielaws.errors import InvalidArgumentError
from lielaws.spec.symbolic import Budget, Entries, Shape, SymbolicArray, as_entries, filled, index_text

Axis = int | range


class Tensor(SymbolicArray):
    """A part of the tensor of some name.

    axes : the index, or the range of indices, along each axis of the tensor
    order : the axes with a range, in the order of the axes of this array
    """

    __slots__ = ("axes", "name", "order")

    def __init__(self, name: str, axes: Sequence[Axis], order: Sequence[int], budget: Budget) -> None:
        self.name, self.axes, self.order, self.budget = name, tuple(axes), tuple(order), budget

    @property
    def entries(self) -> Entries:
        """The expressions, made anew."""
        import sympy

        if not self.axes:
            return as_entries(sympy.Symbol(self.name))
        self.budget.spend(math.prod(self.shape))
        base = sympy.IndexedBase(self.name)
        places = itertools.product(*(self._along(axis) for axis in range(len(self.axes))))
        kept = sorted(self.order)
        made = filled([base[place] for place in places], tuple(len(self._along(axis)) for axis in kept))
        return made.transpose([kept.index(axis) for axis in self.order])

    @property
    def shape(self) -> Shape:
        """As in numpy."""
        return tuple(len(self._along(axis)) for axis in self.order)

    @property
    def T(self) -> SymbolicArray:
        """All axes reversed."""
        return Tensor(self.name, self.axes, self.order[::-1], self.budget)

    def __getitem__(self, key: Any) -> SymbolicArray:
        items = key if isinstance(key, tuple) else (key,)
        if None in items:
            return super().__getitem__(key)
        axes, order = list(self.axes), list(self.order)
        try:
            for axis, item in zip(self.order, _complete(items, len(self.order)), strict=True):
                axes[axis] = self._along(axis)[item]
                if isinstance(item, int):
                    order.remove(axis)
        except (IndexError, ValueError):
            raise InvalidArgumentError("index", index_text(key), f"it does not fit shape {self.shape}") from None
        return Tensor(self.name, axes, order, self.budget)

    def _along(self, axis: int) -> range:
        along = self.axes[axis]
        return range(along, along + 1) if isinstance(along, int) else along


class TensorEntries(Mapping[str, SymbolicArray]):
    """The tensors of some shapes by name."""

    def __init__(self, shapes: Mapping[str, Shape], budget: Budget) -> None:
        self._shapes, self._budget = shapes, budget

    def __getitem__(self, name: str) -> SymbolicArray:
        shape = self._shapes[name]
        return Tensor(name, [range(length) for length in shape], range(len(shape)), self._budget)

    def __contains__(self, name: object) -> bool:
        return name in self._shapes

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)


def _complete(items: tuple[Any, ...], count: int) -> tuple[Any, ...]:
    """One item for each of so many axes, with slices of everything filled in. Raises ValueError for too many."""
    given = len(items) - items.count(...)
    if given > count or items.count(...) > 1:
        raise ValueError
    place = items.index(...) if ... in items else len(items)
    return (*items[:place], *[slice(None)] * (count - given), *items[place + 1 :])
