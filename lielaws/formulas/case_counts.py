"""Counts over many cases, with all that the search asks of them: which families fit, which formula dominates."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

import numpy as np

from lielaws.arraytypes import IntArray, ObjectArray
from lielaws.formulas.bases import Basis, ballots, bases
from lielaws.formulas.cases import Cases
from lielaws.formulas.conditions import Pool, pool
from lielaws.formulas.consensus import MODULUS, Ballot, Mask, diverse
from lielaws.formulas.formula_terms import Polynomial, Term, matrix
from lielaws.formulas.rational_systems import augmented, consistent, solve

_MOST_VOTED_TERMS = 36
_DOMINATING = 6
_MOST_MASKS = 24
_TERM_BITS = 4
_MOST_QUICK_TERMS = 10
_MORE_TERMS = 3
_FEWEST_PAIRS = 6


def needed_rows(unknowns: int) -> int:
    """How many cases a formula with so many unknown coefficients must explain to be believed."""
    return unknowns + 2 + unknowns // 4


@dataclass(frozen=True)
class Fitted:
    """The simplest polynomial on some cases, and how many unknown coefficients its family had."""

    polynomial: Polynomial
    unknowns: int


@dataclass
class Data:
    """The counts, (n,) integers, of the cases. Sizes that never change are no variables of the formula."""

    cases: Cases
    counts: ObjectArray
    rng: np.random.Generator
    _fitted: dict[tuple[bytes, int | None], list[Fitted]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.counts)

    @cached_property
    def varying(self) -> tuple[str, ...]:
        # Of two sizes that are equal throughout, the data know only one.
        distinct: dict[bytes, str] = {}
        for name in self.cases.scalars:
            column = self.cases.column(name)
            if len(np.unique(column)) > 1:
                distinct.setdefault(column.tobytes(), name)
        return tuple(distinct.values())

    @cached_property
    def row_bits(self) -> int:
        """What it costs to write down one count instead of explaining it."""
        return 1 + int(max(self.counts, default=0)).bit_length()

    @cached_property
    def pool(self) -> Pool:
        return pool(self.cases, self.varying, self.symmetric)

    @cached_property
    def symmetric(self) -> bool:
        """Whether chains that are read backwards have the same counts, in many pairs of them and without exception."""
        if self.cases.chains is None:
            return False
        others = [name for name in self.cases.names if name not in self.cases.widths]
        rest = list(zip(*(self.cases.column(name).tolist() for name in others), strict=True)) or [()] * len(self)
        known = {
            (chain, outer): count for chain, outer, count in zip(self.cases.chains, rest, self.counts, strict=True)
        }
        pairs = [
            (count, known.get((chain[::-1], outer))) for (chain, outer), count in known.items() if chain != chain[::-1]
        ]
        equal = [one == other for one, other in pairs if other is not None]
        return len(equal) >= 2 * _FEWEST_PAIRS and all(equal)

    @cached_property
    def bases(self) -> list[Basis]:
        most = max((f for f in range(1, len(self) + 1) if needed_rows(f) <= len(self)), default=1)
        return bases(self.cases, self.varying, most)

    @cached_property
    def _positions(self) -> dict[Term, int]:
        return {term: i for i, term in enumerate(dict.fromkeys(term for basis in self.bases for term in basis))}

    @cached_property
    def _exact(self) -> ObjectArray:
        return matrix(tuple(self._positions), self.cases)

    @cached_property
    def _reduced(self) -> IntArray:
        return augmented(self._exact, self.counts)

    @cached_property
    def _columns(self) -> list[IntArray]:
        return [np.array([self._positions[term] for term in basis], dtype=np.int64) for basis in self.bases]

    def simplest(self, rows: Mask, spare: int | None = None) -> list[Fitted]:
        """All polynomials of about the smallest number of unknowns that fit these cases exactly, the simplest first.

        spare : how many more cases each explains than it has unknowns; by default as many as make it credible
        """
        key = (np.packbits(rows).tobytes(), spare)
        if key not in self._fitted:
            self._fitted[key] = self._simplest(np.flatnonzero(rows), spare)
        return self._fitted[key]

    def _simplest(self, rows: IntArray, spare: int | None) -> list[Fitted]:
        found: dict[tuple[Fraction, ...], Fitted] = {}
        limit = 10**6
        reduced = self._reduced[rows]
        for basis, columns in zip(self.bases, self._columns, strict=True):
            if len(basis) > limit:
                break
            local = reduced[:, [*columns, -1]]
            kept = consistent(local)
            if kept is None:
                continue
            if len(rows) < (needed_rows(len(kept)) if spare is None else len(kept) + spare):
                continue
            solution = solve(self._exact[np.ix_(rows, columns)], self.counts[rows], local)
            if solution is None:
                continue
            limit = min(limit, len(kept) + _MORE_TERMS)
            pairs = [(basis[i], value) for i, value in zip(solution.kept, solution.values, strict=True) if value]
            polynomial = Polynomial(tuple(term for term, _ in pairs), tuple(value for _, value in pairs))
            signature = tuple(polynomial.values(self.probes))
            if signature not in found or polynomial.bits < found[signature].polynomial.bits:
                unknowns = found[signature].unknowns if signature in found else len(kept)
                found[signature] = Fitted(polynomial, unknowns)
        return sorted(found.values(), key=lambda fitted: fitted.polynomial.bits)

    @cached_property
    def probes(self) -> Cases:
        """A few large cases at which different formulas differ."""
        rng = np.random.default_rng(0)
        columns = {name: rng.integers(10**3, 10**5, size=4) for name in self.cases.columns}
        chains = None
        if self.cases.chains is not None:
            length = len(self.cases.chains[0])
            lengths = (3, 4, 5, 7) if self.cases.varying else (length,) * 4
            chains = tuple(tuple(int(w) for w in rng.integers(10**3, 10**5, size=size)) for size in lengths)
            if not self.cases.varying:
                entries = zip(self.cases.widths, zip(*chains, strict=True), strict=True)
                columns |= {name: np.array(values, dtype=np.int64) for name, values in entries}
        return Cases(self.cases.names, columns, chains, self.cases.varying, self.cases.widths)

    def dominating(self, rows: Mask, *, quick: bool = False) -> list[Fitted]:
        """Polynomials that fit many of these cases, those first that save most.

        quick : look in small families only
        """
        index = np.flatnonzero(rows)
        regions = self._regions(index)
        prices: dict[bytes, tuple[int, Mask]] = {}
        for basis in self._ballots:
            if len(basis) + 3 > len(index) or (quick and len(basis) > _MOST_QUICK_TERMS):
                break
            ballot = Ballot(*self._modular(basis, index), regions)
            for mask in ballot.masks(self.rng):
                full = np.zeros(len(self), dtype=bool)
                full[index[mask]] = True
                price = _TERM_BITS * len(basis) - self.row_bits * int(mask.sum())
                prices.setdefault(full.tobytes(), (price, full))
        ordered = [mask for _, mask in sorted(prices.values(), key=lambda entry: entry[0])]
        most = _MOST_MASKS // (1 + 2 * quick)
        found: dict[Polynomial, Fitted] = {}
        for mask in [*ordered[:most], *(diverse(np.array(ordered)) if ordered else [])]:
            for fitted in self.simplest(mask)[:1]:
                found.setdefault(fitted.polynomial, fitted)

        def price_of(fitted: Fitted) -> int:
            explained = rows & fitted.polynomial.agrees(self.cases, self.counts)
            return fitted.polynomial.bits - self.row_bits * int(explained.sum())

        return self._diverse(sorted(found.values(), key=price_of), rows)

    def _diverse(self, ordered: list[Fitted], rows: Mask) -> list[Fitted]:
        """In turn the next one in order, and the one that saves most on what the chosen ones do not explain."""
        left, rest = rows.copy(), list(ordered)
        chosen: list[Fitted] = []
        while rest and len(chosen) < _DOMINATING:
            best = rest[0]
            if len(chosen) % 2:
                agrees = {each: each.polynomial.agrees(self.cases, self.counts) for each in rest}
                best = min(
                    rest, key=lambda each: each.polynomial.bits - self.row_bits * int((left & agrees[each]).sum())
                )
            rest.remove(best)
            chosen.append(best)
            left &= ~best.polynomial.agrees(self.cases, self.counts)
        return chosen

    @cached_property
    def _ballots(self) -> list[Basis]:
        return ballots(self.cases, self.varying, _MOST_VOTED_TERMS)

    def _modular(self, basis: Basis, rows: IntArray) -> tuple[IntArray, IntArray]:
        exact = matrix(basis, self.cases)[rows]
        return np.asarray(exact % MODULUS, dtype=np.int64), np.asarray(self.counts[rows] % MODULUS, dtype=np.int64)

    def _regions(self, rows: IntArray) -> Mask:
        """Sets of cases that may lie in one regime: all, half-spaces, their intersections, and neighbourhoods."""
        simple = self.pool.values[rows][:, self.pool.costs <= 3]
        found = [np.ones(len(rows), dtype=bool)]
        for _ in range(40 if simple.shape[1] else 0):
            column = simple[:, self.rng.integers(simple.shape[1])]
            found.append(column <= column[self.rng.integers(len(rows))])
        for _ in range(40):
            i, j = self.rng.integers(len(found), size=2)
            found.append(found[i] & found[j])
        places = np.array([self.cases.column(name)[rows] for name in self.varying], dtype=np.int64)
        for _ in range(30 if len(places) else 0):
            distance = abs(places - places[:, [self.rng.integers(len(rows))]]).sum(axis=0)
            found.append(distance <= np.partition(distance, min(30, len(rows) - 1))[min(30, len(rows) - 1)])
        return np.array(found)
