"""Laws that are sums of powers of single parameters, read off the brackets of large sparse networks.

The gradients of all laws at a point span the complement of the brackets there (Frobenius), and that of sum c_j
theta_j^e has the entries e c_j theta_j^(e - 1). So the vectors c are those that are in the complement, each entry
divided by theta_j^(e - 1), at all points; a few random ones tell. What comes out are candidates: `verify` decides. All
laws of networks whose functions phi are monomials are of this form, with e = 2: in the coordinates theta_j^2 / 2 the
vector fields are functions times constant vectors (arXiv 2307.00144, section 2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.linalg import combine, dense, integer_row, lift_rows, modular, random_prime
from lielaws.engine.linalg.centred import LARGEST_PRIME
from lielaws.errors import ExactnessError

ComplementAt = Callable[[int], tuple[IntArray, IntArray]]
"""a random point modulo a prime, with no entry zero, and what spans the complement of the brackets there, as rows"""

# Rational numbers of so many bits are far more than exponents bring about.
_MOST_PRIMES = 8
# Complements of more dimensions take long to intersect.
_LARGEST_COMPLEMENT = 1000
# Each point but the last makes the intersection smaller, by half mostly.
_MOST_POINTS = 16
# Combinations of columns beyond the number of vectors, with which no relation is taken for one by chance.
_SPARE_COLUMNS = 16


def power_sums(
    complement_at: ComplementAt,
    wanted: int,
    max_degree: int,
    holds: Callable[[list[Polynomial]], bool],
    rng: np.random.Generator,
) -> Iterator[list[Polynomial]]:
    """Candidates of each degree, in turn. Raises ExactnessError if there are too many, or their numbers too large.

    wanted : the dimension of the complements
    holds : whether a sample contradicts none of some candidates; those of too few primes are no laws
    """
    if wanted > _LARGEST_COMPLEMENT:
        raise ExactnessError(f"a complement of dimension {wanted} is too large")
    spaces = [_Complements(complement_at, LARGEST_PRIME, rng)]
    for degree in range(1, max_degree + 1):
        yield _candidates(degree, spaces, holds, rng)


class _Complements:
    """The complements of the brackets at points modulo one prime, as many as are asked for."""

    def __init__(self, complement_at: ComplementAt, prime: int, rng: np.random.Generator) -> None:
        self.complement_at, self.prime, self._rng = complement_at, prime, rng
        self._known: list[tuple[IntArray, IntArray]] = []

    def constant(self, degree: int) -> IntArray:
        """The vectors c of a degree, in reduced form."""
        found = self._divided(0, degree)
        for k in range(1, _MOST_POINTS):
            smaller = self._common(found, self._divided(k, degree))
            if len(smaller) == len(found):
                break
            found = smaller
        # What one more point leaves as it is, all do.
        return dense.rref(found, self.prime)[0] if len(found) else found

    def _divided(self, number: int, degree: int) -> IntArray:
        if number == len(self._known):
            self._known.append(self.complement_at(self.prime))
        point, span = self._known[number]
        p = self.prime
        return span if degree == 1 else span * modular.inverse(modular.power(point, degree - 1, p), p) % p

    def _common(self, first: IntArray, second: IntArray) -> IntArray:
        """The intersection of two spans, found on random combinations of the columns."""
        if not len(first) or not len(second):
            return first[:0]
        both = np.concatenate([first, second])
        mixed = modular.residues(self._rng, self.prime, (both.shape[1], len(both) + _SPARE_COLUMNS))
        relations = dense.nullspace(modular.matmul(both, mixed, self.prime).T.copy(), self.prime)
        combinations = relations[:, : len(first)]
        return modular.matmul(combinations, first, self.prime) if len(combinations) else first[:0]


def _candidates(
    degree: int, spaces: list[_Complements], holds: Callable[[list[Polynomial]], bool], rng: np.random.Generator
) -> list[Polynomial]:
    """Lifted from more and more primes, until they hold."""
    residues: Any = spaces[0].constant(degree)
    modulus = spaces[0].prime
    for used in range(1, _MOST_PRIMES + 1):
        if not len(residues):
            return []
        if (lifted := lift_rows(residues, modulus)) is not None:
            rows = map(integer_row, lifted)
            found = [Polynomial.of({(j,) * degree: c for j, c in enumerate(row) if c}).primitive() for row in rows]
            if holds(found):
                return found
        if used == len(spaces):
            prime = random_prime(rng, LARGEST_PRIME, LARGEST_PRIME // 2)
            spaces.append(_Complements(spaces[0].complement_at, prime, rng))
        again, prime = spaces[used].constant(degree), spaces[used].prime
        if again.shape == residues.shape and modulus % prime:
            residues, modulus = combine([residues, again], [modulus, prime])
    raise ExactnessError(f"{_MOST_PRIMES} primes do not tell the coefficients")
