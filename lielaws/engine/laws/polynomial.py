"""A sparse polynomial with integer coefficients in the coordinates of the state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from lielaws.engine.linalg import integer_row

Monomial = tuple[int, ...]
"""coordinates in ascending order, repeated for powers; () is the constant 1"""


@dataclass(frozen=True)
class Polynomial:
    """Terms in the order of their monomials (degree first), without zero coefficients."""

    terms: tuple[tuple[Monomial, int], ...]

    @classmethod
    def of(cls, terms: Mapping[Monomial, int]) -> Polynomial:
        kept = [(monomial, int(coefficient)) for monomial, coefficient in terms.items() if coefficient]
        return cls(tuple(sorted(kept, key=lambda term: (len(term[0]), term[0]))))

    @cached_property
    def degree(self) -> int:
        return max((len(monomial) for monomial, _ in self.terms), default=0)

    @cached_property
    def coordinates(self) -> frozenset[int]:
        return frozenset(coordinate for monomial, _ in self.terms for coordinate in monomial)

    def primitive(self) -> Polynomial:
        """The multiple without common factor whose first coefficient is positive."""
        row = integer_row([coefficient for _, coefficient in self.terms])
        return Polynomial(tuple(zip((monomial for monomial, _ in self.terms), row, strict=True)))

    @property
    def simplicity(self) -> tuple[int, int, int, tuple[tuple[Monomial, int], ...]]:
        """The order in which laws are preferred: degree, number of terms, coefficients, then position."""
        return self.degree, len(self.terms), sum(abs(c) for _, c in self.terms), self.terms
