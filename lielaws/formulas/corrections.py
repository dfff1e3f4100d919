"""What to add to a dominating formula beyond a border: a quadratic polynomial in the distance from it.

Beyond r = n + m, the count r (r + 1) / 2 loses u (u + 1) / 2 with u = max(0, r - n - m). Such corrections have few
coefficients, so that few cases beyond the border determine them, and several borders need no case for each combination.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lielaws.arraytypes import IntArray, ObjectArray
from lielaws.formulas.case_counts import Data
from lielaws.formulas.cases import HIDDEN, Form, plain
from lielaws.formulas.consensus import Mask
from lielaws.formulas.formula_terms import Polynomial, Powers, Term, matrix
from lielaws.formulas.rational_systems import solve

_OFFSETS = (0, 1, -1, 2, -2)
_MOST_BORDERS = 250
_LARGEST_DEVIATION = 2**62
_MOST_SOLVED = 25
_FEWEST_ROWS = 4


@dataclass(frozen=True, slots=True)
class _Border:
    """Cases are beyond it where a statistic exceeds a bound, by as much as the clipped form says."""

    form: Form
    layered: bool
    cost: int

    def beyond(self, data: Data) -> tuple[IntArray, Mask]:
        """(n,) how far each case is beyond, and where this happens in exactly one layer."""
        if not self.layered:
            distance = data.cases.form(self.form)
            return distance, distance > 0
        local, owner = data.cases.form(self.form, HIDDEN), data.cases.frame(HIDDEN)[1]
        distance, layers = np.zeros(len(data), dtype=np.int64), np.zeros(len(data), dtype=np.int64)
        np.add.at(distance, owner, local)
        np.add.at(layers, owner, local > 0)
        return distance, layers == 1

    def terms(self, outer: Powers) -> tuple[Term, ...]:
        if self.layered:
            return tuple(Term(outer, HIDDEN, ((self.form, power),)) for power in (1, 2))
        return tuple(Term((*outer, (self.form, power))) for power in (1, 2))


def corrected(data: Data, polynomial: Polynomial, rows: Mask) -> list[Polynomial]:
    """The polynomial with corrections beyond one border that make it fit more of these cases, the best first."""
    agrees = polynomial.agrees(data.cases, data.counts)
    fitting, deviating = rows & agrees, rows & ~agrees
    if deviating.sum() < _FEWEST_ROWS or fitting.sum() < _FEWEST_ROWS:
        return []
    deviation = data.counts * polynomial.denominator - polynomial.numerators(data.cases)
    if max(map(abs, deviation)) >= _LARGEST_DEVIATION:
        return []
    small = deviation.astype(np.int64)
    factors = [(outer, np.maximum(1, Term(outer).values(data.cases).astype(np.int64))) for outer in _factors(data)]
    scored = []
    for border in _borders(data, fitting, deviating):
        distance, once = border.beyond(data)
        for outer, factor in factors:
            support = _usual(distance, small, factor, rows & once)
            if support is not None:
                gain = int((support & deviating).sum()) - int((rows & once & agrees & ~support).sum())
                scored.append((gain, -border.cost - 3 * len(outer), border, outer, support))
    scored.sort(key=lambda entry: entry[:2], reverse=True)
    found: dict[Polynomial, int] = {}
    for gain, _, border, outer, support in scored[:_MOST_SOLVED]:
        better = _solved(data, polynomial, border.terms(outer), deviation, support) if gain > 0 else None
        if better is not None:
            gained = int((better.agrees(data.cases, data.counts) & rows).sum()) - int(fitting.sum())
            if gained >= _FEWEST_ROWS:
                found[better] = gained
    return sorted(found, key=lambda better: (-found[better], better.bits))


def _borders(data: Data, fitting: Mask, deviating: Mask) -> list[_Border]:
    """Borders beyond which many cases deviate and few fit."""
    known = data.pool
    linear = [
        i
        for i, statistic in enumerate(known.statistics)
        if len(statistic.form.names) > 1 and all(isinstance(name, str) for name in statistic.form.names)
    ]
    values = known.values[:, linear]
    scored = []
    for bound in _OFFSETS:
        caught = (values[deviating] > bound).mean(axis=0)
        spoilt = (values[fitting] > bound).mean(axis=0)
        for position in np.flatnonzero((caught > 0.25) & (spoilt < 0.4)):
            statistic = known.statistics[linear[position]]
            cost = int(known.costs[linear[position]]) + abs(bound)
            merit = float(caught[position] - spoilt[position]) - 0.06 * cost
            scored.append((merit, statistic, bound, cost))
    scored.sort(key=lambda entry: -entry[0])
    return [
        _Border(Form(statistic.form.coefficients, -bound, clipped=True), statistic.layered, cost)
        for _, statistic, bound, cost in scored[:_MOST_BORDERS]
    ]


def _factors(data: Data) -> list[Powers]:
    names = [name for name in data.varying if name in data.cases.names]
    return [(), *(((plain(name), 1),) for name in names)]


def _usual(distance: IntArray, deviation: IntArray, factor: IntArray, considered: Mask) -> Mask | None:
    """Those of the considered cases whose deviation, divided by the factor, is the usual one at their distance."""
    index = np.flatnonzero(considered & (deviation % factor == 0))
    if len(index) < _FEWEST_ROWS:
        return None
    pairs = np.stack([distance[index], deviation[index] // factor[index]])
    distinct, inverse, counts = np.unique(pairs, axis=1, return_inverse=True, return_counts=True)
    # Sorted by distance, then by how often: the last one of each distance is the usual one.
    order = np.lexsort((counts, distinct[0]))
    last = np.append(distinct[0][order][1:] != distinct[0][order][:-1], True)
    if last.sum() < 2:
        return None
    usual = np.zeros(len(counts), dtype=bool)
    usual[order[last]] = True
    support = np.zeros(len(distance), dtype=bool)
    support[index[usual[inverse.reshape(-1)]]] = True
    return support


def _solved(
    data: Data, polynomial: Polynomial, terms: tuple[Term, ...], deviation: ObjectArray, support: Mask
) -> Polynomial | None:
    rows = np.flatnonzero(support)
    for chosen in (terms[:1], terms[1:], terms):
        solution = solve(matrix(chosen, data.cases)[rows], deviation[rows])
        if solution is not None and any(solution.values):
            pairs = zip(solution.kept, solution.values, strict=True)
            kept = [(chosen[i], value / polynomial.denominator) for i, value in pairs if value]
            return polynomial + Polynomial(tuple(term for term, _ in kept), tuple(value for _, value in kept))
    return None
