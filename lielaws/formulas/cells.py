"""Formulas with positive parts, such as max(0, r - n - m), as pieces with a condition for each."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from lielaws.formulas.cases import HIDDEN, Cases, Form
from lielaws.formulas.conditions import Condition, Statistic
from lielaws.formulas.formula_terms import Polynomial, Powers, Term
from lielaws.formulas.regimes import Model, Piece, in_order

_MOST_BORDERS = 3


def in_pieces(model: Model, universe: Cases) -> Model:
    """The same function, where positive parts of forms in the sizes are replaced by cases.

    Those inside sums over layers stay, after a case in which none of them matters.

    universe : cases that show which of the pieces occur
    """
    pieces = [cell for piece in model.pieces for cell in _cells(piece)]
    return in_order(pieces, universe)


def _cells(piece: Piece) -> list[Piece]:
    borders = list(dict.fromkeys(border for term in piece.polynomial.terms for border in _borders(term)))
    if len(borders) > _MOST_BORDERS:
        return [piece]
    cells = []
    # Cells within all borders come first, so that each condition needs to be stated on one side only.
    for beyond in sorted(product((False, True), repeat=len(borders)), key=sum):
        sides = dict(zip(borders, beyond, strict=True))
        within = tuple(_within(*border) for border, outside in sides.items() if not outside)
        cells.append(Piece((*piece.conditions, *within), _restricted(piece.polynomial, sides)))
    return cells


_Border = tuple[Form, bool]
"""a positive part, and whether it stands inside a sum over the hidden layers"""


def _borders(term: Term) -> list[_Border]:
    outer = [(form, False) for form, _ in term.outer if form.clipped]
    return outer + [(form, True) for form, _ in term.local if form.clipped and term.frame == HIDDEN]


def _within(form: Form, layered: bool) -> Condition:
    return Condition(Statistic(Form(form.coefficients), layered), -form.constant)


def _restricted(polynomial: Polynomial, beyond: dict[_Border, bool]) -> Polynomial:
    """The polynomial where some positive parts are zero, and the others, outside of sums, are the forms themselves."""
    total = Polynomial((), ())
    for term, value in zip(polynomial.terms, polynomial.coefficients, strict=True):
        if all(beyond[border] for border in _borders(term)):
            outer: Powers = tuple((replace(form, clipped=False), power) for form, power in term.outer)
            total = total + Polynomial((Term(outer, term.frame, term.local),), (value,))
    return total
