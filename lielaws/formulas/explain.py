"""The search for a formula with cases: the simplest that explains all counts, or one that leaves few of them open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from lielaws.formulas.case_counts import Data
from lielaws.formulas.conditions import all_hold
from lielaws.formulas.consensus import Mask
from lielaws.formulas.corrections import corrected
from lielaws.formulas.formula_terms import Polynomial
from lielaws.formulas.regimes import Model, Piece, in_order
from lielaws.formulas.separate import open_bits, regimes
from lielaws.formulas.support import supported

_DEPTH = 2
_FEWEST_ROWS = 8
_FEWEST_NEW = 4
_WIDTHS = (3, 1, 1)
_REGIMES = (2, 1, 1)
_MOST_CORRECTIONS = 3
_SLACK = 12
_INCOMPLETE = 8
_MOST_REARRANGED = 3
_MOST_SHORTENED = 3

Pieces = tuple[Piece, ...]


def explain(data: Data, hints: Sequence[Polynomial] = ()) -> list[Model]:
    """Formulas that are right on all cases that they cover, those with the shortest description first.

    hints : polynomials that explained many cases of similar data
    """
    search = _Search(data, tuple(hints))
    drafts = search.pieces(np.ones(len(data), dtype=bool), (), _DEPTH)
    found = [in_order(pieces, data.cases) for pieces in drafts]
    found += [rearranged(data, polynomials_of(draft)) for draft in drafts[:2]]
    found = [model for model in dict.fromkeys(found) if model.pieces]
    found.sort(key=lambda model: total_bits(model, data))
    shortened = dict.fromkeys((*(_shortened(data, model) for model in found[:_MOST_SHORTENED]), *found))
    believed = dict.fromkeys(_believed(data, model) for model in shortened)
    return sorted((model for model in believed if model.pieces), key=lambda model: total_bits(model, data))


def _believed(data: Data, model: Model) -> Model:
    """Without pieces that may be an accident; what remains gets the best regimes for it alone."""
    while len(kept := supported(data, model)) < len(polynomials_of(model.pieces)):
        model = rearranged(data, kept)
    return model


def _shortened(data: Data, model: Model) -> Model:
    """With the simplest polynomial for the cases of each piece: that of another piece, or one for these cases alone."""
    owner = model.assigned(data.cases)
    pieces = list(model.pieces)
    known = sorted(polynomials_of(model.pieces), key=lambda each: -int(each.agrees(data.cases, data.counts).sum()))
    for number, piece in enumerate(pieces):
        agreeing = [each for each in known if each.agrees(data.cases, data.counts)[owner == number].all()]
        if agreeing[:1] not in ([], [piece.polynomial]):
            pieces[number] = Piece(piece.conditions, agreeing[0])
            continue
        for fitted in data.simplest(owner == number)[:1]:
            if fitted.polynomial.bits < piece.polynomial.bits:
                pieces[number] = Piece(piece.conditions, fitted.polynomial)
    return Model(tuple(pieces))


def total_bits(model: Model, data: Data) -> int:
    """The length of the formula, and of the counts that it does not explain."""
    return _bits(data, model.pieces, np.ones(len(data), dtype=bool))


def _bits(data: Data, pieces: Pieces, rows: Mask) -> int:
    model = Model(pieces)
    left_out = rows & ~model.covers(data.cases)
    deviating = left_out.copy()
    for piece in pieces:
        deviating &= ~piece.polynomial.agrees(data.cases, data.counts)
    deviants = int(deviating.sum())
    incomplete = _INCOMPLETE if left_out.any() else 0
    return model.bits + data.row_bits * deviants + open_bits(int(left_out.sum()), deviants) + incomplete


def polynomials_of(pieces: Pieces) -> tuple[Polynomial, ...]:
    return tuple(dict.fromkeys(piece.polynomial for piece in pieces))


@dataclass(frozen=True)
class _Search:
    data: Data
    hints: tuple[Polynomial, ...]

    def agrees(self, polynomial: Polynomial) -> Mask:
        return polynomial.agrees(self.data.cases, self.data.counts)

    def pieces(self, rows: Mask, known: tuple[Polynomial, ...], depth: int, budget: int = 10**9) -> list[Pieces]:
        """Lists of pieces that are right on these cases wherever they hold; the last resort is to leave all open.

        known : polynomials of earlier pieces
        budget : bits; what takes more is of no use
        """
        data = self.data
        for polynomial in known:
            if self.agrees(polynomial)[rows].all():
                return [(Piece((), polynomial),)]
        whole: list[Pieces] = [(Piece((), fitted.polynomial),) for fitted in data.simplest(rows)[:2]]
        count = int(rows.sum())
        if whole and 4 * whole[0][0].polynomial.bits <= count * data.row_bits:
            return whole
        found: list[Pieces] = [*whole, ()]
        width = _WIDTHS[_DEPTH - depth]
        if depth and count >= _FEWEST_ROWS:
            bases, unexplained = {polynomial.unclipped for polynomial in known}, rows.copy()
            for polynomial in known:
                unexplained &= ~self.agrees(polynomial)
            for polynomial in self.candidates(rows, width, depth):
                budget = min(budget, *(_bits(data, pieces, rows) + _SLACK for pieces in found))
                # A polynomial that agrees with an earlier one wherever it is right is that one in disguise.
                explained = int((unexplained & self.agrees(polynomial)).sum())
                new = explained >= _FEWEST_NEW and polynomial.unclipped not in bases
                if new and polynomial.bits < budget:
                    found += self.around(rows, polynomial, known, depth, budget - polynomial.bits)
        found.sort(key=lambda pieces: _bits(data, pieces, rows))
        return found[:width]

    def candidates(self, rows: Mask, width: int, depth: int) -> list[Polynomial]:
        """Formulas that fit many of the cases, also with corrections beyond borders; the most promising first."""

        def price(polynomial: Polynomial) -> int:
            return polynomial.bits + self.data.row_bits * int((rows & ~self.agrees(polynomial)).sum())

        dominating = [fitted.polynomial for fitted in self.data.dominating(rows, quick=depth < _DEPTH)]
        first = list(dict.fromkeys((*dominating[:width], *sorted(self.hints, key=price)[:1])))
        found = dict.fromkeys(first)
        for polynomial in first:
            better = polynomial
            for _ in range(_MOST_CORRECTIONS):
                improved = corrected(self.data, better, rows)
                if not improved:
                    break
                better = improved[0]
                found[better] = None
        return sorted(found, key=price)[: width + 1]

    def around(
        self, rows: Mask, polynomial: Polynomial, known: tuple[Polynomial, ...], depth: int, budget: int
    ) -> list[Pieces]:
        """Formulas of which this polynomial is one piece."""
        data, agrees = self.data, self.agrees(polynomial)
        fitting, deviating = rows & agrees, rows & ~agrees
        if not fitting.any():
            return []
        if not deviating.any():
            return [(Piece((), polynomial),)]
        found: list[Pieces] = []
        seen = (*known, polynomial)
        for rest in self.pieces(deviating, seen, depth - 1, budget):
            if Model(rest).complete:
                found += self.joined(rows, polynomial, deviating, rest)
        for regime in regimes(data.pool, fitting, deviating, data.row_bits, _REGIMES[_DEPTH - depth]):
            if regime.bits < budget:
                first = Piece(regime.conditions, polynomial)
                left = rows & ~all_hold(regime.conditions, data.cases)
                found += [(first, *rest) for rest in self.pieces(left, seen, depth - 1, budget - regime.bits)]
        return found

    def joined(self, rows: Mask, polynomial: Polynomial, deviating: Mask, rest: Pieces) -> list[Pieces]:
        """The polynomial and what explains all deviating cases, with the conditions between them.

        At a border both may be right; what has to be kept apart are the cases for which one of them is wrong.
        """
        data = self.data
        wrong = rows & ~Model(rest).agrees(data.cases, data.counts)
        separating = data.pool.separators(wrong, deviating)[:2]
        if separating or len(rest) > 1:
            return [(Piece((condition,), polynomial), *rest) for condition, _, _ in separating]
        found = regimes(data.pool, deviating, wrong, data.row_bits, 2)
        otherwise = Piece((), polynomial)
        return [(Piece(regime.conditions, rest[0].polynomial), otherwise) for regime in found if not regime.lost]


def rearranged(data: Data, polynomials: Sequence[Polynomial]) -> Model:
    """The best formula of these polynomials, in any order, each in the best regime that is left to it."""
    best = Model()
    if len(polynomials) > _MOST_REARRANGED:
        return best
    for order in permutations(polynomials):
        model = Model(_in_regimes(data, order))
        if total_bits(model, data) < total_bits(best, data):
            best = model
    return _shortened(data, in_order(best.pieces, data.cases))


def _in_regimes(data: Data, order: Sequence[Polynomial]) -> Pieces:
    left = np.ones(len(data), dtype=bool)
    pieces: list[Piece] = []
    for polynomial in order:
        agrees = polynomial.agrees(data.cases, data.counts)
        if not (left & agrees).any():
            break
        if not (left & ~agrees).any():
            pieces.append(Piece((), polynomial))
            break
        best = regimes(data.pool, left & agrees, left & ~agrees, data.row_bits, 1)
        if not best:
            break
        pieces.append(Piece(best[0].conditions, polynomial))
        left &= ~all_hold(best[0].conditions, data.cases)
    if left.any() and pieces and pieces[-1].conditions:
        agreeing = [each for each in order if each.agrees(data.cases, data.counts)[left].all()]
        pieces += [Piece((), polynomial) for polynomial in agreeing[:1]]
    return tuple(pieces)
