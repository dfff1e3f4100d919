"""Which pieces of a formula the data support: many cases, or few of which each follows from the others.

The cases must also have more values of each size than are needed to determine any polynomial in it.

Among thousands of families of terms there is always one that fits a handful of cases by accident. A piece that would
be such an accident is left open: what it says about other cases is worth nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.formulas.case_counts import Data
from lielaws.formulas.cases import Form
from lielaws.formulas.formula_terms import Polynomial
from lielaws.formulas.regimes import Model, Piece

_MARGIN = 3  # times the length of a piece is what its cases have to save
_FEWEST = 5
_INTERPOLATED = 3


@dataclass(frozen=True, slots=True)
class Narrow:
    """A form of which a piece has seen few values: so few that they determine the polynomial, or one more.

    piece : its number
    known : the values
    coefficients : how many belong to powers of the form
    weak : whether no value has tested how the polynomial depends on the form
    text : the form in the sizes of the family, where it is shown
    """

    piece: int
    form: Form
    known: frozenset[int]
    coefficients: int
    weak: bool
    text: str = ""


def narrow_forms(model: Model, data: Data) -> list[Narrow]:
    """Where k coefficients belong to powers of some form, and the cases have at most k + 1 values of it.

    Through k values there is always such a polynomial, so that nothing has tested it. One more is a weak test, and none
    for a piece of a formula that does not vanish with the form: three points on a line are an accident too often.
    """
    owner = model.assigned(data.cases)
    found = []
    for number, piece in enumerate(model.pieces):
        for form in dict.fromkeys(form for term in piece.polynomial.terms for form, _ in term.outer):
            unknowns, has_constant = _coefficients_of(form, piece.polynomial)
            known = frozenset(np.unique(data.cases.form(form)[owner == number]).tolist())
            if len(known) <= unknowns + 1:
                spare = has_constant and len(model.pieces) > 1
                found.append(Narrow(number, form, known, unknowns, len(known) <= unknowns + spare))
    return found


def _coefficients_of(form: Form, polynomial: Polynomial) -> tuple[int, bool]:
    """How many terms differ in the power of a form only, at most, and whether one of these does not have it."""
    groups: dict[object, set[int]] = {}
    for term in polynomial.terms:
        rest = tuple(entry for entry in term.outer if entry[0] != form)
        powers = groups.setdefault((rest, term.frame, term.local), set())
        powers.add(next((power for other, power in term.outer if other == form), 0))
    involved = [powers for powers in groups.values() if powers != {0}]
    return max(map(len, involved)), any(0 in powers for powers in involved)


def supported(data: Data, model: Model) -> tuple[Polynomial, ...]:
    """The polynomials of the pieces that the data support."""
    owner = model.assigned(data.cases)
    if len(model.pieces) == 1:
        return (model.pieces[0].polynomial,)
    kept: dict[Polynomial, None] = {}
    interpolated = {
        model.pieces[each.piece].polynomial
        for each in narrow_forms(model, data)
        if each.coefficients >= _INTERPOLATED and len(each.known) <= each.coefficients
    }
    for number, piece in enumerate(model.pieces):
        if piece.polynomial in interpolated:
            continue
        if piece.polynomial in kept or _is_supported(data, piece, np.flatnonzero(owner == number), tuple(kept)):
            kept[piece.polynomial] = None
    return tuple(kept)


def _is_supported(data: Data, piece: Piece, rows: IntArray, earlier: tuple[Polynomial, ...]) -> bool:
    new = np.zeros(len(data), dtype=bool)
    new[rows] = True
    for polynomial in earlier:
        new &= ~polynomial.agrees(data.cases, data.counts)
    bits = piece.polynomial.bits + sum(condition.bits for condition in piece.conditions)
    if new.sum() * data.row_bits >= _MARGIN * bits:
        return True
    return int(new.sum()) >= _FEWEST and all(_follows(data, rows, number) for number in np.flatnonzero(new).tolist())


def _follows(data: Data, rows: IntArray, number: int) -> bool:
    """Whether the simplest formula for the other cases is right for this one."""
    others = np.zeros(len(data), dtype=bool)
    others[rows] = True
    others[number] = False
    found = data.simplest(others, spare=1)
    return bool(found) and bool(found[0].polynomial.agrees(data.cases, data.counts)[number])
