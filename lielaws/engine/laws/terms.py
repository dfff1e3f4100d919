"""Many sparse polynomials of small degree at once, as arrays.

Each term is a row of coordinates, repeated for powers and padded to one length; the padding coordinate stands for 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import IntArray
from lielaws.engine.laws.polynomial import Polynomial

_CHUNK_ENTRIES = 4 * 10**6


@dataclass(frozen=True)
class TermTable:
    """Polynomials as a table of terms.

    factors : (terms, degree), coordinates in [0, dimension], `dimension` being the padding
    coefficients : (terms,) integers, as objects where they exceed 63 bits
    owners : (terms,) the polynomial of each term, ascending, every polynomial with at least one term
    """

    dimension: int
    factors: IntArray
    coefficients: npt.NDArray[np.int64] | npt.NDArray[np.object_]
    owners: IntArray

    @classmethod
    def of(cls, polynomials: Sequence[Polynomial], dimension: int) -> TermTable:
        degree = max((polynomial.degree for polynomial in polynomials), default=1)
        terms = [term for polynomial in polynomials for term in polynomial.terms]
        factors = [(*monomial, *(dimension,) * (degree - len(monomial))) for monomial, _ in terms]
        values = np.array([coefficient for _, coefficient in terms], dtype=object)
        if all(abs(coefficient) < 2**62 for _, coefficient in terms):
            values = values.astype(np.int64)
        lengths = np.array([len(polynomial.terms) for polynomial in polynomials], dtype=np.int64)
        owners = np.repeat(np.arange(len(polynomials)), lengths)
        return cls(dimension, np.array(factors, dtype=np.int64).reshape(-1, degree), values, owners)

    @property
    def count(self) -> int:
        return int(self.owners[-1]) + 1 if len(self.owners) else 0

    @cached_property
    def _bounds(self) -> IntArray:
        """Where the terms of each polynomial start, and where the last ones end."""
        return np.searchsorted(self.owners, np.arange(self.count + 1))

    def select(self, chosen: IntArray) -> TermTable:
        """The table of some of the polynomials, in the given ascending order."""
        first, last = self._bounds[chosen], self._bounds[chosen + 1]
        lengths = last - first
        owners = np.repeat(np.arange(len(chosen)), lengths)
        terms = np.arange(len(owners)) + np.repeat(first - (np.cumsum(lengths) - lengths), lengths)
        return TermTable(self.dimension, self.factors[terms], self.coefficients[terms], owners)

    def derivatives(self, states: IntArray, fields: IntArray, p: int) -> IntArray:
        """<grad h, X> modulo p for every polynomial h: states and fields (samples, dimension) -> (samples, count)."""
        samples = len(states)
        padded = np.concatenate([states, np.ones((samples, 1), dtype=np.int64)], axis=1)
        directions = np.concatenate([fields, np.zeros((samples, 1), dtype=np.int64)], axis=1)
        coefficients = self._coefficients(states.dtype, p)
        result = np.zeros((samples, self.count), dtype=states.dtype)
        step = max(1, _CHUNK_ENTRIES // samples)
        for terms in (slice(first, first + step) for first in range(0, len(self.owners), step)):
            total = np.zeros((samples, len(self.owners[terms])), dtype=states.dtype)
            for column, others in _split(self.factors[terms]):
                total += _times(directions[:, column], padded, others, p)
            total = total % p * coefficients[terms] % p
            owners = self.owners[terms]
            starts = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
            result[:, owners[starts]] += np.add.reduceat(total, starts, axis=1) % p
        return result % p

    def gradients(self, point: npt.NDArray[Any], p: int | None = None) -> npt.NDArray[Any]:
        """The gradients at one point of residues modulo p, or of floats or Fractions, shape (count, dimension)."""
        values = np.append(point, 1)
        coefficients = self._coefficients(values.dtype, p)
        # The last column is that of the padding. Residues below 2^31: up to 2^32 of them may be added up at one place.
        result = np.zeros((self.count, self.dimension + 1), dtype=values.dtype)
        for column, others in _split(self.factors):
            np.add.at(result, (self.owners, column), _times(coefficients[None], values[None], others, p)[0])
        return result[:, :-1] if p is None else result[:, :-1] % p

    def _coefficients(self, dtype: np.dtype[Any], p: int | None) -> npt.NDArray[Any]:
        """As objects for primes beyond words, where int64 would overflow before or after."""
        exact = self.coefficients.astype(object) if dtype.kind == "O" else self.coefficients
        return (exact if p is None else exact % p).astype(dtype)


def _split(factors: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
    """Each factor of the terms, with the others: (terms,) and (terms, degree - 1)."""
    return ((factors[:, place], np.delete(factors, place, axis=1)) for place in range(factors.shape[1]))


def _times(product: npt.NDArray[Any], values: npt.NDArray[Any], factors: IntArray, p: int | None) -> npt.NDArray[Any]:
    """Numbers (samples, terms), each times the values (samples, dimension + 1) of the factors of its term modulo p."""
    for column in factors.T:
        product = product * values[:, column]
        product = product if p is None else product % p
    return product
