"""Formula, fresh cases, better formula: until fresh cases agree with it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lielaws.formulas.cases import Cases, IntArray
from lielaws.formulas.conditions import all_hold
from lielaws.formulas.counting import Counter, case_of
from lielaws.formulas.data import Data
from lielaws.formulas.explain import polynomials_of, rearranged
from lielaws.formulas.finding import Found
from lielaws.formulas.inquiry import Case, Computed, Inquiry
from lielaws.formulas.model import Model
from lielaws.formulas.result import HeldBack
from lielaws.formulas.rows import Rows
from lielaws.formulas.separate import regimes
from lielaws.formulas.terms import Polynomial
from lielaws.formulas.universe import extremes, neighbours

_ROUNDS = 8
_OPEN_ROUNDS = 2
_REGIME_ROUNDS = 12
_TRIES = 6
_WIDER = 4
_FEWEST_EACH = 4
_NOTHING = Found(Model(), (), HeldBack(0, 0))

Progress = Callable[[str, int, int], None]
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
        computed = _compute(inquiry, counter, wanted)
        wrong = [each for each in computed if each.refutes]
        is_open = not inquiry.model.complete and any(each.value is None for each in computed)
        inquiry.add(computed)
        if wrong or (is_open and step < _OPEN_ROUNDS):
            inquiry.refuted += [(inquiry.model, each.case, each.count) for each in wrong[:1]]
            inquiry.search()
            continue
        inquiry.fresh += [each for each in computed if each.value is not None]
        undecided = [found for found in inquiry.alternatives() if found.simple and found.witness is not None]
        if not computed or not undecided or not inquiry.model.complete:
            return inquiry
    inquiry.unchecked = not inquiry.fresh
    return inquiry


def _settle(inquiry: Inquiry, counter: Counter, wanted: int) -> None:
    """Correct the regime of a formula that leaves cases open, until cases next to these agree with it."""
    polynomials = polynomials_of(inquiry.found.model.pieces)
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
        if not wrong:
            beyond = _beyond(inquiry, data, polynomials[0])
            computed = _computed(inquiry, counter, inquiry.universe, beyond, wanted, set())
            if not computed:
                return
            inquiry.add(computed)
            data = Data(inquiry.cases, inquiry.counts, inquiry.rng)
        model = rearranged(data, polynomials)
        if not wrong and model == inquiry.found.model:
            return
        inquiry.adopt(Found(model, (), HeldBack(0, 0)))


def _beyond(inquiry: Inquiry, data: Data, polynomial: Polynomial) -> list[int]:
    """Cases of the universe that are open, but lie in another regime that fits as well."""
    agrees = polynomial.agrees(inquiry.cases, inquiry.counts)
    found = np.zeros(len(inquiry.universe), dtype=bool)
    if not agrees.all():
        for regime in regimes(data.pool, agrees, ~agrees, data.row_bits, _WIDER):
            found |= all_hold(regime.conditions, inquiry.universe)
    return np.flatnonzero(found & ~inquiry.model.covers(inquiry.universe)).tolist()


def _compute(inquiry: Inquiry, counter: Counter, wanted: int) -> list[Computed]:
    """Fresh cases: those that decide between formulas, extreme ones, and larger ones from all pieces."""
    deciding = [found.witness for found in inquiry.alternatives() if found.witness is not None]
    far = extremes(inquiry.shape, inquiry.cases, inquiry.rng)
    plans = [(inquiry.universe, list(dict.fromkeys(deciding)), wanted), (far, list(range(len(far))), wanted)]
    plans += [(inquiry.universe, numbers, most) for numbers, most in _larger(inquiry, wanted)]
    known: set[Key] = set()
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
