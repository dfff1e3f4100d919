"""A formula with cases: a list of regimes and polynomials, of which the first regime that holds decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from lielaws.arraytypes import IntArray, ObjectArray
from lielaws.formulas.cases import Cases
from lielaws.formulas.conditions import Conjunction, all_hold
from lielaws.formulas.consensus import Mask
from lielaws.formulas.formula_terms import Polynomial

_REUSE = 2


@dataclass(frozen=True, slots=True)
class Piece:
    """A polynomial, and the regime in which it holds unless an earlier one does; without conditions, everywhere."""

    conditions: Conjunction
    polynomial: Polynomial


@dataclass(frozen=True, slots=True)
class Model:
    """Pieces in order. Complete if the last one has no conditions; else some cases are left open."""

    pieces: tuple[Piece, ...] = ()

    @property
    def complete(self) -> bool:
        return bool(self.pieces) and not self.pieces[-1].conditions

    @property
    def bits(self) -> int:
        """The length of a description; a polynomial that occurs again costs little."""
        distinct = dict.fromkeys(piece.polynomial for piece in self.pieces)
        repeated = len(self.pieces) - len(distinct)
        conditions = sum(condition.bits for piece in self.pieces for condition in piece.conditions)
        return sum(polynomial.bits for polynomial in distinct) + _REUSE * repeated + conditions

    def assigned(self, cases: Cases) -> IntArray:
        """(n,) the number of the piece of each case, and -1 where none holds"""
        owner = np.full(len(cases), -1, dtype=np.int64)
        for number, piece in enumerate(self.pieces):
            owner[(owner < 0) & all_hold(piece.conditions, cases)] = number
        return owner

    def values(self, cases: Cases) -> list[Fraction | None]:
        """The value for each case; None where the formula is open."""
        owner = self.assigned(cases)
        by_piece = [piece.polynomial.values(cases) for piece in self.pieces]
        return [None if number < 0 else by_piece[number][case] for case, number in enumerate(owner)]

    def covers(self, cases: Cases) -> Mask:
        return self.assigned(cases) >= 0

    def agrees(self, cases: Cases, counts: ObjectArray) -> Mask:
        """(n,) where the formula holds and has the right value"""
        owner = self.assigned(cases)
        result = np.zeros(len(cases), dtype=bool)
        for number, piece in enumerate(self.pieces):
            result |= (owner == number) & piece.polynomial.agrees(cases, counts)
        return result

    def same(self, other: Model, cases: Cases) -> Mask:
        """(n,) where both have the same value, or both are open"""
        pairs = zip(self.values(cases), other.values(cases), strict=True)
        return np.array([mine == theirs for mine, theirs in pairs], dtype=bool)


def in_order(pieces: Sequence[Piece], cases: Cases) -> Model:
    """Without pieces that decide no case; where the last resort is one of these, the piece before takes its place."""
    model = Model(tuple(pieces))
    used = set(model.assigned(cases).tolist())
    kept = [piece for number, piece in enumerate(pieces) if number in used]
    if model.complete and kept and kept[-1].conditions:
        kept[-1] = Piece((), kept[-1].polynomial)
    return Model(tuple(kept))
