"""The result of an inquiry, put together for whoever asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp

from lielaws.formulas.ambiguity import Alternative
from lielaws.formulas.cases import Cases
from lielaws.formulas.conjecture_record import Ambiguity, Conjecture, FormulaPiece, FreshCheck, Proposal
from lielaws.formulas.counting import case_of
from lielaws.formulas.formula_text import condition_text, conjunction_text, form_text, polynomial_text, sizes_text
from lielaws.formulas.inquiry import Case, Inquiry
from lielaws.formulas.regimes import Model
from lielaws.formulas.rows import Rows
from lielaws.formulas.sizes import Shape
from lielaws.formulas.written_formulas import Writer

_MOST_PROPOSALS = 6
_MOST_OPEN = 3


def summarize(rows: Rows, inquiry: Inquiry, no_fresh: str | None) -> Conjecture:
    """The formula with all that is known of it.

    no_fresh : why no fresh cases were computed, if so
    """
    model, shape, cases = inquiry.model, inquiry.shape, inquiry.cases
    writer = Writer(shape)
    pieces = tuple(
        FormulaPiece(writer.conjunction(piece.conditions), writer.polynomial(piece.polynomial))
        for piece in model.pieces
    )
    fixed = {name: int(cases.column(name)[0]) for name in shape.columns if len(np.unique(cases.column(name))) == 1}
    found = inquiry.alternatives()
    found = [each for each in found if each.simple or each.kind != "few values"]
    ambiguities = [_ambiguity(alternative, inquiry) for alternative in found]
    structural = _constants(rows, inquiry, fixed) + _equal_sizes(inquiry)
    owner = model.assigned(cases)
    uncovered = np.flatnonzero(owner < 0)
    simple = any(a.simple and not a.same for a in ambiguities)
    return Conjecture(
        family=rows.family,
        variables=tuple(name for name in _variables(shape) if name not in fixed),
        formula=_formula(pieces, model),
        pieces=pieces,
        regime=_regime(model, shape),
        complete=model.complete,
        determined=model.complete and not simple and not any(a.simple for a in structural) and not inquiry.unchecked,
        rows=len(inquiry.counts),
        fits=int(model.agrees(cases, inquiry.counts).sum()),
        unknowns=sum(len(p.terms) for p in dict.fromkeys(piece.polynomial for piece in model.pieces)),
        held_back=inquiry.found.held_back,
        fresh=tuple(FreshCheck(_outward(each.case, shape), each.value, each.count) for each in inquiry.fresh),
        ambiguities=(*ambiguities, *structural),
        proposals=_proposals(inquiry, found, structural),
        deviating=tuple(
            (_outward(case_of(cases, shape, i), shape), int(inquiry.counts[i])) for i in uncovered.tolist()
        ),
        refuted=tuple((_one_line(m, shape), _outward(case, shape), count) for m, case, count in inquiry.refuted),
        notes=_notes(rows, inquiry, no_fresh),
        fixed=fixed,
        piece_texts=tuple(
            (conjunction_text(p.conditions, shape), polynomial_text(p.polynomial, shape), int((owner == number).sum()))
            for number, p in enumerate(model.pieces)
        ),
        model=model,
        shape=shape,
        found=inquiry.found.model,
        narrow=tuple(replace(each, text=form_text(each.form, shape)) for each in inquiry.narrow()),
        where=rows.where,
    )


def _variables(shape: Shape) -> tuple[str, ...]:
    return (*shape.columns, *([shape.chain] if shape.varying and shape.chain else []))


def _formula(pieces: tuple[FormulaPiece, ...], model: Model) -> Any:
    if not pieces:
        return None
    if len(pieces) == 1 and model.complete:
        return pieces[0].expr
    return sp.Piecewise(*((piece.expr, piece.condition) for piece in pieces))


def _outward(case: Case, shape: Shape) -> Any:
    return shape.outward(*case)


def _regime(model: Model, shape: Shape) -> str:
    stated = [conjunction_text(piece.conditions, shape) for piece in model.pieces if piece.conditions]
    if model.complete:
        return "all sizes" if not stated else "; ".join([*stated, "otherwise"])
    return "; or ".join(stated)


def _one_line(model: Model, shape: Shape) -> str:
    parts: list[str] = []
    for piece in model.pieces:
        when = conjunction_text(piece.conditions, shape)
        parts.append(
            polynomial_text(piece.polynomial, shape) + (f" if {when}" if when else " otherwise" if parts else "")
        )
    return "; ".join(parts)


def _ambiguity(found: Alternative, inquiry: Inquiry) -> Ambiguity:
    shape = inquiry.shape
    if found.kind == "condition" and found.condition is not None and found.instead is not None:
        what = f"{condition_text(found.condition, shape)} in the place of {condition_text(found.instead, shape)}"
    elif found.kind == "few values" and found.form is not None and found.witness is not None:
        name = form_text(found.form, shape)
        sizes = _outward(case_of(inquiry.universe, shape, found.witness), shape)
        text = f"{name} has too few values to test how the count depends on it; {sizes_text(sizes)} would"
        return Ambiguity(found.kind, text, False, found.simple, sizes)
    else:
        what = _one_line(found.model, shape)
    if found.witness is None:
        return Ambiguity(found.kind, f"{what}: the same values, as the pieces agree there", True, found.simple)
    sizes = _outward(case_of(inquiry.universe, shape, found.witness), shape)
    mine, theirs = ("open" if value is None else str(value) for value in found.values)
    text = f"{what} fits as well; {sizes_text(sizes)} would decide ({mine} or {theirs})"
    return Ambiguity(found.kind, text, False, found.simple, sizes)


def _constants(rows: Rows, inquiry: Inquiry, fixed: dict[str, int]) -> list[Ambiguity]:
    """Sizes that never change. Options of a known family, such as a stride, belong to the question."""
    found = []
    for name, value in fixed.items():
        row, widths = case_of(inquiry.cases, inquiry.shape, 0)
        sizes = inquiry.shape.outward(row | {name: value + 1}, widths)
        text = f"{name} is {value} in all rows: how the count depends on it is open"
        found.append(Ambiguity("constant size", text, False, _is_size(rows, name), sizes))
    return found


def _is_size(rows: Rows, name: str) -> bool:
    if name in rows.shape.entries or rows.family is None:
        return True
    from lielaws.spec.families import families

    family = families().get(rows.family)
    return family is None or (isinstance(family.sizes_argument, tuple) and name in family.sizes_argument)


def _equal_sizes(inquiry: Inquiry) -> list[Ambiguity]:
    shape, cases = inquiry.shape, inquiry.cases
    found = []
    for number, first in enumerate(shape.columns):
        for second in shape.columns[number + 1 :]:
            column = cases.column(first)
            if len(np.unique(column)) > 1 and bool((column == cases.column(second)).all()):
                row, widths = case_of(cases, shape, 0)
                sizes = shape.outward(row | {second: row[second] + 1}, widths)
                text = f"{first} and {second} are equal in all rows: which of them matters is open"
                found.append(Ambiguity("equal sizes", text, False, True, sizes))
    return found


def _proposals(inquiry: Inquiry, found: list[Alternative], structural: list[Ambiguity]) -> tuple[Proposal, ...]:
    shape, universe = inquiry.shape, inquiry.universe
    proposals: dict[str, Proposal] = {}

    def propose(sizes: Any, reason: str) -> None:
        proposals.setdefault(sizes_text(sizes), Proposal(sizes, reason))

    for alternative in sorted(found, key=lambda a: not a.simple):
        if alternative.kind == "few values" and alternative.form is not None and alternative.witness is not None:
            name = form_text(alternative.form, shape)
            sizes = _outward(case_of(universe, shape, alternative.witness), shape)
            propose(sizes, f"a further value of {name}")
        elif alternative.witness is not None:
            mine, theirs = ("open" if value is None else str(value) for value in alternative.values)
            other = (
                condition_text(alternative.condition, shape)
                if alternative.condition is not None
                else _one_line(alternative.model, shape)
            )
            propose(_outward(case_of(universe, shape, alternative.witness), shape), f"{mine}, or {theirs} with {other}")
    for ambiguity in structural:
        if ambiguity.simple:
            propose(ambiguity.decided_by, ambiguity.text)
    if not inquiry.model.complete:
        for sizes in _open_cases(inquiry, universe):
            propose(sizes, "the formula is open here")
    return tuple(proposals.values())[:_MOST_PROPOSALS]


def _open_cases(inquiry: Inquiry, universe: Cases) -> list[Any]:
    known = {
        sizes_text(_outward(case_of(inquiry.cases, inquiry.shape, i), inquiry.shape))
        for i in range(len(inquiry.counts))
    }
    found = []
    for number in np.flatnonzero(~inquiry.model.covers(universe)):
        sizes = _outward(case_of(universe, inquiry.shape, int(number)), inquiry.shape)
        if sizes_text(sizes) not in known:
            found.append(sizes)
        if len(found) == _MOST_OPEN:
            break
    return found


def _notes(rows: Rows, inquiry: Inquiry, no_fresh: str | None) -> tuple[str, ...]:
    notes = list(rows.notes)
    added = len(inquiry.counts) - inquiry.given
    for regime in inquiry.simple_regimes():
        piece = regime.pieces[0]
        count = int((regime.assigned(inquiry.cases) == 0).sum())
        when = conjunction_text(piece.conditions, inquiry.shape)
        notes.append(f"{polynomial_text(piece.polynomial, inquiry.shape)} holds wherever {when} ({count} cases)")
    if added:
        notes.append(f"{added} of the cases were computed in addition to the results")
    if no_fresh is not None:
        notes.append(f"no fresh cases were computed: {no_fresh}")
    elif not inquiry.fresh:
        notes.append("no fresh case could be computed")
    if inquiry.unchecked:
        notes.append("fresh cases refuted every formula; the last one was not checked again")
    return tuple(notes)
