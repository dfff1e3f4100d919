"""What the data leave open: other conditions and other formulas that fit them as well, and cases that would decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from lielaws.formulas.case_counts import Data
from lielaws.formulas.cases import Cases, Form
from lielaws.formulas.conditions import Condition, all_hold
from lielaws.formulas.consensus import Mask
from lielaws.formulas.explain import total_bits
from lielaws.formulas.regimes import Model, Piece
from lielaws.formulas.support import narrow_forms

_MORE_COST = 3
_MOST_OF_A_KIND = 12
_BOUNDS_EACH = 3
_SPARE = 6


@dataclass(frozen=True)
class Alternative:
    """Another formula that fits all the data.

    kind : "condition" or "formula"; or "few values", for a formula that no other value of one of its forms has tested
    model : the other formula
    condition : the one that replaces another, if that is the difference
    instead : the condition that it replaces
    witness : the number of a case of the universe where the values differ; None if they are the same everywhere in it
    values : of the formula and of the other one there
    simple : whether it is about as simple as the formula
    spare : further cases of the universe that would do instead of the witness
    form : the one that has few values
    """

    kind: str
    model: Model
    condition: Condition | None
    instead: Condition | None
    witness: int | None
    values: tuple[Fraction | None, Fraction | None]
    simple: bool
    spare: tuple[int, ...] = ()
    form: Form | None = None


def untested(model: Model, data: Data, universe: Cases) -> list[Alternative]:
    """For each form of which a piece has seen few values, cases with further ones."""
    beyond = model.assigned(universe)
    found = []
    for narrow in narrow_forms(model, data):
        unseen = ~np.isin(universe.form(narrow.form), list(narrow.known))
        fresh = np.flatnonzero((beyond == narrow.piece) & unseen).tolist()
        if fresh:
            rest = tuple(fresh[1 :: max(1, len(fresh) // _SPARE)])
            found.append(
                Alternative("few values", model, None, None, fresh[0], (None, None), narrow.weak, rest, narrow.form)
            )
    return found


def alternatives(model: Model, others: Sequence[Model], data: Data, universe: Cases, single: bool) -> list[Alternative]:
    """Other formulas that fit, the simplest of each kind first; of those with the same values, one is enough.

    single : whether each piece stands for itself, so that its polynomial may be replaced alone
    """
    mine = model.values(universe)
    conditions = _compared(mine, universe, _other_conditions(model, data))
    formulas = _compared(mine, universe, _other_formulas(model, others, data, single))
    return [*conditions[:_MOST_OF_A_KIND], *formulas[:_MOST_OF_A_KIND]]


_Draft = tuple[str, Model, Condition | None, Condition | None, bool]


def _compared(mine: list[Fraction | None], universe: Cases, drafts: Iterator[_Draft]) -> list[Alternative]:
    found: dict[tuple[Fraction | None, ...], Alternative] = {}
    same: list[Alternative] = []
    for kind, model, condition, instead, simple in drafts:
        values = model.values(universe)
        if any(value is not None and (value < 0 or value.denominator != 1) for value in values):
            # No count is negative or a fraction, so that this is no formula for one.
            continue
        witness = next((i for i, (a, b) in enumerate(zip(mine, values, strict=True)) if a != b), None)
        if witness is None:
            if kind == "condition":
                same.append(Alternative(kind, model, condition, instead, None, (None, None), simple))
        else:
            pair = (mine[witness], values[witness])
            found.setdefault(tuple(values), Alternative(kind, model, condition, instead, witness, pair, simple))
    return [*same[:4], *found.values()]


def _other_conditions(model: Model, data: Data) -> Iterator[_Draft]:
    """Other single conditions in the place of each one, wherever it occurs, by their cost."""
    if not model.complete:
        return
    for condition in dict.fromkeys(condition for piece in model.pieces for condition in piece.conditions):
        needed, wrong = _bounded(model, data, condition)
        for other in _separating(data, needed, wrong, condition):
            changed = Model(
                tuple(Piece(_replaced(piece, condition, other), piece.polynomial) for piece in model.pieces)
            )
            if changed.agrees(data.cases, data.counts).all():
                yield "condition", changed, other, condition, other.cost <= condition.cost + 1


def _replaced(piece: Piece, condition: Condition, other: Condition) -> tuple[Condition, ...]:
    return tuple(other if each == condition else each for each in piece.conditions)


def _bounded(model: Model, data: Data, condition: Condition) -> tuple[Mask, Mask]:
    """The cases for which a condition has to hold, and those for which it must not."""
    needed, wrong = np.zeros(len(data), dtype=bool), np.zeros(len(data), dtype=bool)
    reached = np.ones(len(data), dtype=bool)
    for number, piece in enumerate(model.pieces):
        if condition in piece.conditions:
            kept = tuple(each for each in piece.conditions if each != condition)
            considered = reached & all_hold(kept, data.cases)
            wrong |= considered & ~piece.polynomial.agrees(data.cases, data.counts)
            rest = Model(model.pieces[number + 1 :])
            needed |= considered & ~rest.agrees(data.cases, data.counts)
        reached &= ~all_hold(piece.conditions, data.cases)
    return needed, wrong


def _separating(data: Data, needed: Mask, wrong: Mask, condition: Condition) -> list[Condition]:
    if not wrong.any() or not needed.any():
        return []
    found = []
    for other, least, most in data.pool.separators(needed, wrong):
        bounds = sorted(range(max(least, other.bound - 4), min(most, other.bound + 4) + 1), key=abs)
        found += [Condition(other.statistic, bound) for bound in bounds[:_BOUNDS_EACH]]
    found = [other for other in found if other != condition and other.cost <= condition.cost + _MORE_COST]
    return sorted(found, key=lambda other: other.cost)[: 4 * _MOST_OF_A_KIND]


def _other_formulas(model: Model, others: Sequence[Model], data: Data, single: bool) -> Iterator[_Draft]:
    """Other results of the search, and other polynomials for single pieces, if they are about as short."""
    best = total_bits(model, data)
    for other in others:
        if other != model and other.complete >= model.complete:
            simple = total_bits(other, data) <= best + max(2, best // 8)
            if total_bits(other, data) <= best + max(8, best // 3):
                yield "formula", other, None, None, simple
    owner = model.assigned(data.cases)
    for number, piece in enumerate(model.pieces):
        rows = owner == number
        if single and piece.polynomial.terms and rows.sum() > 2:
            for fitted in data.simplest(rows):
                if fitted.polynomial.bits <= piece.polynomial.bits + 4:
                    changed = Piece(piece.conditions, fitted.polynomial)
                    pieces = (*model.pieces[:number], changed, *model.pieces[number + 1 :])
                    yield "formula", Model(pieces), None, None, fitted.polynomial.bits <= piece.polynomial.bits + 2
