"""Parameter tensors as symbolic arrays. Entries are made when needed: a row of a large one costs little."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.spec.symbolic import Budget, Entries, Shape, SymbolicArray, as_entries, filled


class Tensor(SymbolicArray):
    """Entries of the tensor of some name; see :meth:`whole`.

    places : for each axis of the tensor, the indices of the entries along it
    """

    __slots__ = ("name", "places")

    def __init__(self, name: str, places: Iterable[npt.ArrayLike], budget: Budget) -> None:
        self.name, self.places, self.budget = name, tuple(map(np.asarray, places)), budget

    @classmethod
    def whole(cls, name: str, shape: Shape, budget: Budget) -> Tensor:
        """The tensor itself. Its places are views of one index for each row and column, and take no memory."""
        return cls(name, np.meshgrid(*map(np.arange, shape), indexing="ij", copy=False), budget)

    @property
    def entries(self) -> Entries:
        """The expressions, made anew."""
        import sympy

        if not self.places:
            return as_entries(sympy.Symbol(self.name))
        self.budget.spend(math.prod(self.shape))
        base = sympy.IndexedBase(self.name)
        indices = zip(*(place.ravel().tolist() for place in self.places), strict=True)
        return filled([base[index] for index in indices], self.shape)

    @property
    def shape(self) -> Shape:
        """As in numpy."""
        return self.places[0].shape if self.places else ()

    @property
    def T(self) -> SymbolicArray:
        """All axes reversed."""
        return Tensor(self.name, [place.T for place in self.places], self.budget)

    def selected(self, key: Any) -> SymbolicArray:
        """The entries at a key that numpy accepts."""
        if not self.places:
            return super().selected(key)
        return Tensor(self.name, [place[key] for place in self.places], self.budget)
