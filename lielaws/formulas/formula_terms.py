"""Terms of formulas: monomials in forms, and sums of monomials over the layers of a chain; and their combinations."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import lcm
from operator import mul

import numpy as np

from lielaws.arraytypes import IntArray, ObjectArray
from lielaws.formulas.cases import Cases, Form

Powers = tuple[tuple[Form, int], ...]


@dataclass(frozen=True, slots=True)
class Term:
    """A product of powers of forms, times a sum over the layers of a frame of such a product.

    outer : forms in the columns of a case
    frame : over which layers the sum runs, or None for no sum
    local : forms in the local columns of the frame; empty sums the constant 1, that is, counts the layers
    """

    outer: Powers = ()
    frame: str | None = None
    local: Powers = ()

    @property
    def degree(self) -> int:
        return sum(power for _, power in (*self.outer, *self.local))

    @property
    def bits(self) -> int:
        """The length of a description."""
        return 2 + sum(2 * power + form.cost for form, power in (*self.outer, *self.local)) + (self.frame is not None)

    def values(self, cases: Cases) -> ObjectArray:
        """(n,) exact integers"""
        key = self
        if key not in cases.cache:
            total = _product(self.outer, cases, None, len(cases))
            if self.frame is not None:
                owner = cases.frame(self.frame)[1]
                sums = np.zeros(len(cases), dtype=object)
                np.add.at(sums, owner, _product(self.local, cases, self.frame, len(owner)))
                total = total * sums
            cases.cache[key] = total
        found: ObjectArray = cases.cache[key]
        return found


def _product(powers: Powers, cases: Cases, frame: str | None, length: int) -> ObjectArray:
    factors = [cases.form(form, frame).astype(object) ** power for form, power in powers]
    ones = np.array([1] * length, dtype=object)
    product: ObjectArray = reduce(mul, factors, ones)
    return product


def matrix(terms: tuple[Term, ...], cases: Cases) -> ObjectArray:
    """(n, terms) exact integers"""
    if not terms:
        return np.zeros((len(cases), 0), dtype=object)
    return np.stack([term.values(cases) for term in terms], axis=1)


@dataclass(frozen=True, slots=True)
class Polynomial:
    """A combination of terms with rational coefficients, none of them zero."""

    terms: tuple[Term, ...]
    coefficients: tuple[Fraction, ...]

    @property
    def denominator(self) -> int:
        return lcm(1, *(value.denominator for value in self.coefficients))

    @property
    def bits(self) -> int:
        """The length of a description: the simplest formula is the one with the shortest."""
        return 1 + sum(
            term.bits + abs(value.numerator).bit_length() + _denominator_bits(value.denominator)
            for term, value in zip(self.terms, self.coefficients, strict=True)
        )

    @property
    def unclipped(self) -> Polynomial:
        """Without the terms that have a positive part."""
        pairs = zip(self.terms, self.coefficients, strict=True)
        kept = [(term, value) for term, value in pairs if not any(f.clipped for f, _ in (*term.outer, *term.local))]
        return Polynomial(tuple(term for term, _ in kept), tuple(value for _, value in kept))

    def numerators(self, cases: Cases) -> ObjectArray:
        """(n,) the values times the denominator"""
        total, denominator = np.array([0] * len(cases), dtype=object), self.denominator
        for term, value in zip(self.terms, self.coefficients, strict=True):
            total = total + int(value * denominator) * term.values(cases)
        return total

    def values(self, cases: Cases) -> list[Fraction]:
        denominator = self.denominator
        return [Fraction(int(value), denominator) for value in self.numerators(cases)]

    def agrees(self, cases: Cases, counts: ObjectArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """(n,) where the value is the count"""
        equal = self.numerators(cases) == counts * self.denominator
        return np.asarray(equal, dtype=bool)

    def __add__(self, other: Polynomial) -> Polynomial:
        table: dict[Term, Fraction] = {}
        for terms, values in ((self.terms, self.coefficients), (other.terms, other.coefficients)):
            for term, value in zip(terms, values, strict=True):
                table[term] = table.get(term, Fraction(0)) + value
        kept = {term: value for term, value in table.items() if value}
        return Polynomial(tuple(kept), tuple(kept.values()))


def _denominator_bits(denominator: int) -> int:
    """Halves are natural, as in r (r + 1) / 2; other fractions are rare in counts."""
    return denominator if denominator <= 2 else 2 + 2 * denominator.bit_length()


def residues(values: ObjectArray, modulus: int) -> IntArray:
    return np.asarray(values % modulus, dtype=np.int64)
