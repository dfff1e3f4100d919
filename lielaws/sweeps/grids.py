"""Grids of values that are counted and indexed without being written out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Grid(Protocol):
    """A finite sequence; its size may exceed what `len` can return."""

    @property
    def size(self) -> int:
        """How many values there are."""
        ...

    def at(self, number: int) -> Any:
        """The value with this number, 0 <= number < size."""
        ...


@dataclass(frozen=True, slots=True)
class Values:
    """The values of a list or of a range."""

    values: Sequence[Any]

    @property
    def size(self) -> int:
        return len(self.values)

    def at(self, number: int) -> Any:
        return self.values[number]


@dataclass(frozen=True, slots=True)
class Product:
    """All tuples with one value of each grid; the last one changes fastest."""

    factors: tuple[Grid, ...]

    @property
    def size(self) -> int:
        return math.prod(factor.size for factor in self.factors)

    def at(self, number: int) -> tuple[Any, ...]:
        found = []
        for factor in reversed(self.factors):
            number, digit = divmod(number, factor.size)
            found.append(factor.at(digit))
        return tuple(reversed(found))


@dataclass(frozen=True, slots=True)
class Chain:
    """The values of one grid after those of another."""

    parts: tuple[Grid, ...]

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    def at(self, number: int) -> Any:
        for part in self.parts:
            if number < part.size:
                return part.at(number)
            number -= part.size
        raise IndexError(number)


@dataclass(frozen=True, slots=True)
class Mapped:
    """A function of the values of a grid."""

    function: Callable[[Any], Any]
    base: Grid

    @property
    def size(self) -> int:
        return self.base.size

    def at(self, number: int) -> Any:
        return self.function(self.base.at(number))


def every(grid: Grid) -> Iterator[Any]:
    """The values of a grid in order."""
    return (grid.at(number) for number in range(grid.size))
