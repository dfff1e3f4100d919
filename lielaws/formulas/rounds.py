"""Formula, fresh cases, better formula: until fresh cases agree with it."""

from __future__ import annotations

from itertools import zip_longest

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.formulas.case_counts import Data
from lielaws.formulas.cases import Cases
from lielaws.formulas.conditions import all_hold
from lielaws.formulas.conjecture_record import HeldBack
from lielaws.formulas.counting import Counter, case_of
from lielaws.formulas.explain import polynomials_of, rearranged
from lielaws.formulas.finding import Found
from lielaws.formulas.formula_terms import Polynomial
from lielaws.formulas.inquiry import Case, Computed, Inquiry
from lielaws.formulas.regimes import Model
from lielaws.formulas.rows import Rows
from lielaws.formulas.separate import regimes
from lielaws.formulas.universe import extremes, neighbours
from lielaws.progress import Progress

_ROUNDS = 8
_OPEN_ROUNDS = 2
_REGIME_ROUNDS = 16
_CLEAN_ROUNDS = 2
_TRIES = 6
_RIVALS = 6
_FEWEST_EACH = 4
_NOTHING = Found(Model(), (), HeldBack(0, 0))

Key = tuple[object, ...]


def inquire(
    rows: Rows, counter: Counter | None, wanted: int, rng: np.random.Generator, progress: Progress | None
) -> Inquiry:
    """Search, compute fresh cases, at least `wanted` ones, and search again as long as they refute the formula."""
    cases = rows.shape.cases([row.sizes for row in rows.rows])
    counts = np.array([row.count for row in rows.rows], dtype=object)
    inquiry = Inquiry(rows.shape, cases, counts, len(counts), rng, cases, _NOTHING, Model())
    inquiry.search()
    if counter is None or not wanted:
        return inquiry
    for step in range(_ROUNDS):
        if progress is not None:
            progress("formula", step, _ROUNDS)
        if not inquiry.model.complete:
            _settle(inquiry, counter, wanted)
        deciding = _deciding(inquiry)
        computed = _computed(inquiry, counter, inquiry.universe, deciding, wanted, set())
        decided = bool(computed)
        computed += _further(inquiry, counter, wanted, computed)
        wrong = [each for each in computed if each.refutes]
        is_open = not inquiry.model.complete and any(each.value is None for each in computed)
        inquiry.add(computed)
        if wrong or (is_open and step < _OPEN_ROUNDS):
            inquiry.refuted += [(inquiry.model, each.case, each.count) for each in wrong[:1]]
            inquiry.search()
            continue
        inquiry.fresh += [each for each in computed if each.value is not None]
        settled = not _deciding(inquiry) or (deciding and not decided)
        if settled and not (inquiry.narrow() and inquiry.search_afresh()):
            return inquiry
    inquiry.unchecked = not inquiry.fresh
    return inquiry


def _deciding(inquiry: Inquiry) -> list[int]:
    """Cases of the universe that decide between formulas that are about equally simple, the important ones first."""
    found = [
        each
        for each in inquiry.alternatives()
        if each.witness is not None and (each.simple or each.kind == "few values")
    ]
    first = [each.witness for each in found if each.witness is not None]
    return list(dict.fromkeys((*first, *(number for each in found for number in each.spare))))


def _settle(inquiry: Inquiry, counter: Counter, wanted: int) -> None:
    """Correct the regime of a formula that leaves cases open, until cases next to these agree with it."""
    polynomials, clean = polynomials_of(inquiry.found.model.pieces), 0
    for _ in range(_REGIME_ROUNDS if polynomials else 0):
        left_open = np.flatnonzero(~inquiry.model.covers(inquiry.cases))
        if not len(left_open):
            return
        near = neighbours(inquiry.shape, inquiry.cases, left_open, inquiry.rng)
        numbers = np.flatnonzero(inquiry.model.covers(near)).tolist()
        computed = _computed(inquiry, counter, near, numbers, 2 * wanted, set())
        inquiry.add(computed)
        wrong = [each for each in computed if each.refutes]
        inquiry.refuted += [(inquiry.model, each.case, each.count) for each in wrong[:1]]
        data = Data(inquiry.cases, inquiry.counts, inquiry.rng)
        clean = 0 if wrong else clean + 1
        if not wrong and clean < _CLEAN_ROUNDS:
            continue
        if not wrong:
            doubtful = _doubtful(inquiry, data, polynomials[0])
            computed = _computed(inquiry, counter, inquiry.universe, doubtful, 2 * wanted, set())
            if not computed:
                return
            inquiry.add(computed)
            wrong = [each for each in computed if each.refutes]
            inquiry.refuted += [(inquiry.model, each.case, each.count) for each in wrong[:1]]
            data = Data(inquiry.cases, inquiry.counts, inquiry.rng)
        model = rearranged(data, polynomials)
        if not wrong and model == inquiry.found.model:
            return
        clean = 0
        inquiry.adopt(Found(model, (), HeldBack(0, 0)))


def _doubtful(inquiry: Inquiry, data: Data, polynomial: Polynomial) -> list[int]:
    """Cases of the universe in which the regime of a polynomial differs from other regimes that fit as well."""
    agrees = polynomial.agrees(inquiry.cases, inquiry.counts)
    if agrees.all():
        return []
    mine = inquiry.found.model.assigned(inquiry.universe) == 0
    differences = []
    for regime in regimes(data.pool, agrees, ~agrees, data.row_bits, _RIVALS):
        theirs = all_hold(regime.conditions, inquiry.universe)
        differences += [np.flatnonzero(mine & ~theirs).tolist(), np.flatnonzero(theirs & ~mine).tolist()]
    # One of each in turn, the small ones first.
    turns = zip_longest(*differences)
    return list(dict.fromkeys(number for turn in turns for number in turn if number is not None))


def _further(inquiry: Inquiry, counter: Counter, wanted: int, computed: list[Computed]) -> list[Computed]:
    """Extreme cases, and larger ones from all pieces."""
    far = extremes(inquiry.shape, inquiry.cases, inquiry.rng)
    plans = [(far, list(range(len(far))), wanted)]
    plans += [(inquiry.universe, numbers, most) for numbers, most in _larger(inquiry, wanted)]
    known = {_key(each.case) for each in computed}
    return [each for cases, numbers, most in plans for each in _computed(inquiry, counter, cases, numbers, most, known)]


def _computed(
    inquiry: Inquiry, counter: Counter, cases: Cases, numbers: list[int], most: int, known: set[Key]
) -> list[Computed]:
    """The counts of at most so many of the cases that are not known yet, as far as there are such architectures."""
    known |= {_key(case_of(inquiry.cases, inquiry.shape, number)) for number in range(len(inquiry.counts))}
    values = inquiry.model.values(cases)
    found: list[Computed] = []
    for number in numbers[: _TRIES * most]:
        row, widths = case_of(cases, inquiry.shape, number)
        if len(found) == most or _key((row, widths)) in known:
            continue
        known.add(_key((row, widths)))
        count = counter.count(row, widths)
        if count is not None:
            value = values[number]
            # A value that is no integer is no count, so that any count refutes it.
            whole = None if value is None else value.numerator if value.denominator == 1 else -1
            found.append(Computed(row, widths, whole, count))
    return found


def _larger(inquiry: Inquiry, wanted: int) -> list[tuple[list[int], int]]:
    """Cases with a size that is larger than in all the data: for each piece some, in random order, with how many."""
    found, data = inquiry.universe, inquiry.cases
    larger = np.zeros(len(found), dtype=bool)
    for name in inquiry.shape.columns:
        larger |= found.column(name) > data.column(name)[: inquiry.given].max()
    if found.chains is not None and data.chains is not None:
        given = data.chains[: inquiry.given]
        widest, longest = max(max(widths) for widths in given), max(len(widths) for widths in given)
        larger |= np.array([max(widths) > widest or len(widths) > longest for widths in found.chains])
    owner = inquiry.model.assigned(found)
    pieces = [np.flatnonzero(larger & (owner == number)) for number in sorted(set(owner.tolist()))]
    pieces = [numbers for numbers in pieces if len(numbers)]
    share = max(_FEWEST_EACH, -(-wanted // max(1, len(pieces))))
    return [(_mixed(numbers, inquiry.rng), share) for numbers in pieces]


def _mixed(numbers: IntArray, rng: np.random.Generator) -> list[int]:
    """In random order; every other one is among the smallest quarter, which is affordable in any case."""
    small, all_of_them = rng.permutation(numbers[: max(20, len(numbers) // 4)]), rng.permutation(numbers)
    pairs = zip(all_of_them.tolist(), small.tolist(), strict=False)
    return list(dict.fromkeys(number for pair in pairs for number in pair))


def _key(case: Case) -> Key:
    row, widths = case
    return (*sorted(row.items()), widths)
