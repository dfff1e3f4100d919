"""The linear system of an ansatz: which combinations of the candidates are constant along every member.

One row for each random pair of a state and a member, modulo a prime; its nullspace block by block, lifted to Q. What
comes out are candidates still: `engine.laws.verify` decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import zip_longest
from typing import Any

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.engine.arithmetic.modular import BadPrimeError, retried
from lielaws.engine.laws.ansatz import Labels, blocks
from lielaws.engine.laws.polynomial import Monomial, Polynomial
from lielaws.engine.laws.proof_families import Family
from lielaws.engine.laws.terms import TermTable
from lielaws.engine.linalg import combine, dense, integer_row, lift_rows, short_basis

_SPARE_ROWS = 8
_MOST_ENTRIES = 3 * 10**7
_MOST_ROWS_SHORTENED = 150
_MOST_ENTRIES_SHORTENED = 150_000
_ATTEMPTS = 16


@dataclass(slots=True)
class Samples:
    """Random points and the values of random vector fields there, for one prime; more are drawn as they are needed.

    prime : zero for the fixed one of the family
    source : what draws many at once, given their number and the prime; the family itself by default
    """

    family: Family
    rng: np.random.Generator
    prime: int = 0
    source: Callable[[int, int], tuple[IntArray, IntArray]] | None = None
    points: IntArray = field(init=False)
    values: IntArray = field(init=False)

    def __post_init__(self) -> None:
        self.prime = self.prime or self.family.fields.prime()
        self.points = self.values = np.zeros((0, self.family.fields.space.dimension), dtype=np.int64)

    def take(self, count: int) -> tuple[IntArray, IntArray]:
        """Points and values of vector fields, each (count, dimension)."""
        if self.source is not None:
            if len(self.points) < count:
                self.points, self.values = self.source(count, self.prime)
            return self.points[:count], self.values[:count]
        fields = self.family.fields
        most = max(1, _MOST_ENTRIES // max(fields.space.dimension, fields.program.widest))
        message = "a denominator of the architecture vanishes at nearly every point that was tried"
        while (missing := count - len(self.points)) > 0:
            points, values = retried(partial(self._draw, min(missing, most)), message)
            self.points = np.concatenate([self.points, points])
            self.values = np.concatenate([self.values, values])
        return self.points[:count], self.values[:count]

    def _draw(self, count: int) -> tuple[IntArray, IntArray]:
        points, values = self.family.sample(self.rng, count, self.prime)
        if not len(points):
            raise BadPrimeError("no point has a value")
        return points, values


def candidate_laws(table: TermTable, labels: Labels, samples: Samples, attempt: int = 1) -> list[Polynomial]:
    """Polynomials in the span of the table that no sample contradicts, in a short integer basis.

    attempt : multiplies the number of sample rows and of primes, for when the first result was refuted
    """
    found: list[Polynomial] = []
    for group, matrix in _matrices(table, labels, samples, attempt):
        basis = dense.nullspace(matrix, samples.prime)
        if len(basis):
            part = table.select(group)
            independent = _independent(part, samples.prime)
            if len(independent) < part.count:
                part = part.select(independent)
                basis = dense.nullspace(np.ascontiguousarray(matrix[:, independent]), samples.prime)
            found += _polynomials(part, _lift(basis, part, samples, len(matrix), attempt**2))
    return found


def _matrices(table: TermTable, labels: Labels, samples: Samples, rows: int) -> Iterator[tuple[IntArray, IntArray]]:
    """For each block its candidates and its matrix, evaluating many blocks at once."""
    batch: list[IntArray] = []
    total, groups = 0, blocks(table, labels)
    for group, following in zip_longest(groups, groups[1:]):
        batch.append(group)
        total += len(group)
        # The next group, the largest one so far, needs the most rows.
        if following is None or (total + len(following)) * (len(following) + _SPARE_ROWS) * rows > _MOST_ENTRIES:
            chosen, heights = np.sort(np.concatenate(batch)), [rows * (len(some) + _SPARE_ROWS) for some in batch]
            derivatives = table.select(chosen).derivatives(*samples.take(max(heights)), samples.prime)
            for some, height in zip(batch, heights, strict=True):
                yield some, np.ascontiguousarray(derivatives[:height, np.searchsorted(chosen, some)])
            batch, total = [], 0


def _independent(table: TermTable, p: int) -> IntArray:
    """Candidates that are no combination of earlier ones."""
    if table.count == len(table.owners):
        _, first = np.unique(table.factors, axis=0, return_index=True)
        return np.sort(first)
    _, column = np.unique(table.factors, axis=0, return_inverse=True)
    matrix = np.zeros((table.count, int(column.max()) + 1), dtype=np.int64)
    np.add.at(matrix, (table.owners, column.ravel()), np.asarray(table.coefficients % p, dtype=np.int64))
    return dense.independent_rows(matrix % p, p)


def _lift(basis: IntArray, part: TermTable, samples: Samples, height: int, primes: int) -> list[list[Fraction]]:
    """The basis over Q, from at least the given number of primes and as many more as it takes."""
    residues: Any = basis
    modulus = samples.prime
    for used in range(1, primes + _ATTEMPTS):
        lifted = lift_rows(residues, modulus) if used >= primes else None
        if lifted is not None:
            return lifted
        other = Samples(samples.family, samples.rng, samples.family.fields.prime(samples.rng))
        again = dense.nullspace(part.derivatives(*other.take(height), other.prime), other.prime)
        if again.shape == basis.shape and modulus % other.prime:
            residues, modulus = combine([residues, again], [modulus, other.prime])
    return []


def _polynomials(part: TermTable, rows: list[list[Fraction]]) -> list[Polynomial]:
    """The combinations as polynomials, in a short basis of all with integer coefficients."""
    expanded = [_combination(part, integer_row(row)) for row in rows]
    monomials = list(dict.fromkeys(monomial for terms in expanded for monomial in terms))
    short = _shorten([[terms.get(monomial, 0) for monomial in monomials] for terms in expanded])
    return [Polynomial.of(dict(zip(monomials, row, strict=True))).primitive() for row in short]


def _combination(part: TermTable, row: list[int]) -> dict[Monomial, int]:
    terms: dict[Monomial, int] = {}
    for term in np.flatnonzero(np.array(row, dtype=object)[part.owners]).tolist():
        monomial = tuple(sorted(factor for factor in part.factors[term].tolist() if factor < part.dimension))
        terms[monomial] = terms.get(monomial, 0) + row[int(part.owners[term])] * int(part.coefficients[term])
    return terms


def _shorten(matrix: list[list[int]]) -> list[list[int]]:
    """A short basis of the same space. Equal columns, as of all weights of a unit, are counted once."""
    columns = list(zip(*matrix, strict=True))
    distinct = list(dict.fromkeys(columns))
    if len(matrix) < 2 or len(matrix) > _MOST_ROWS_SHORTENED or len(matrix) * len(distinct) > _MOST_ENTRIES_SHORTENED:
        return matrix
    place = {column: position for position, column in enumerate(distinct)}
    short = short_basis([list(row) for row in zip(*distinct, strict=True)])
    return [[row[place[column]] for column in columns] for row in short]
