"""Laws that are made one by one, when somebody asks for one, and evaluated all at once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

from lielaws.arraytypes import FloatArray, IntArray
from lielaws.engine.flows.state import StateSpace
from lielaws.engine.laws.law import Law
from lielaws.engine.laws.presentation import LawGroup


class LazyLaws(Sequence[Law]):
    """Independent laws of a large network; slices are lazy as well."""

    space: StateSpace

    @overload
    def __getitem__(self, index: int) -> Law: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Law]: ...
    def __getitem__(self, index: int | slice) -> Law | Sequence[Law]:
        chosen = range(len(self))[index]
        return _Some(self, chosen) if isinstance(chosen, range) else self.law(chosen)

    @property
    @abstractmethod
    def groups(self) -> tuple[LawGroup, ...]:
        """As a person writes them."""

    @abstractmethod
    def law(self, number: int) -> Law:
        """One of them."""

    @abstractmethod
    def evaluate(self, params: Mapping[str, Any]) -> FloatArray:
        """The values of all laws at parameters, in the order of the laws."""

    @abstractmethod
    def changes(self, point: IntArray, field: IntArray, prime: int) -> IntArray:
        """<grad h, X> modulo a prime for all laws, from a point and a vector there."""

    @abstractmethod
    def combines(self, gradient: IntArray, point: IntArray, prime: int) -> bool:
        """Whether a vector is a combination of the gradients of the laws at a point modulo a prime."""


@dataclass(frozen=True, eq=False)
class _Some(Sequence[Law]):
    laws: LazyLaws
    numbers: range

    def __len__(self) -> int:
        return len(self.numbers)

    def evaluate(self, params: Mapping[str, Any]) -> FloatArray:
        return self.laws.evaluate(params)[self.numbers.start : self.numbers.stop : self.numbers.step]

    @overload
    def __getitem__(self, index: int) -> Law: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Law]: ...
    def __getitem__(self, index: int | slice) -> Law | Sequence[Law]:
        chosen = self.numbers[index]
        return _Some(self.laws, chosen) if isinstance(chosen, range) else self.laws[chosen]
