"""The laws in a file, as polynomials, and whether they are independent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import flint

from lielaws.checker import reading
from lielaws.checker.networks.steps import Budget
from lielaws.checker.numbers.residues import Residues, random_prime, read_prime
from lielaws.errors import CertificateError

_LARGEST_DEGREE = 64
"""of a law; polynomials that are found have degree 8 at most"""
_MOST_WORK = 2 * 10**6
"""factors in all terms; a thousand laws of a thousand squares have as many"""
ERROR_EXPONENT = 100
"""that a law is none has a probability below two to the power of minus this"""


@dataclass(frozen=True)
class Law:
    """A polynomial: (coefficient, exponent by coordinate) for each term."""

    terms: Sequence[tuple[int, Counter[int]]]

    @property
    def degree(self) -> int:
        return max((exponents.total() for _, exponents in self.terms), default=0)

    @property
    def norm(self) -> int:
        return sum(abs(coefficient) for coefficient, _ in self.terms)

    def gradient(self, point: Sequence[int], prime: int) -> dict[int, int]:
        """The components that are not zero at a point modulo a prime, by coordinate."""
        found: dict[int, int] = {}
        for coefficient, exponents in self.terms:
            for coordinate, exponent in exponents.items():
                value = coefficient * exponent % prime
                for other, power in exponents.items():
                    value = value * pow(point[other], power - (other == coordinate), prime) % prime
                found[coordinate] = (found.get(coordinate, 0) + value) % prime
        return {coordinate: value for coordinate, value in found.items() if value}


def read_laws(entries: Any, dimension: int) -> list[Law]:
    laws, work = [], 0
    if len(reading.items(entries, "lower.laws")) > dimension:
        raise CertificateError("lower.laws", f"{len(entries)} laws", f"at most {dimension} are independent")
    for k, terms in enumerate(entries):
        found = []
        for place, term in enumerate(reading.items(terms, f"lower.laws[{k}]")):
            where = f"lower.laws[{k}][{place}]"
            coefficient, coordinates = reading.items(term, where, 2)
            reading.integers(coordinates, where, 0, dimension - 1)
            work += 1 + len(coordinates) ** 2
            if len(coordinates) > _LARGEST_DEGREE or work > _MOST_WORK:
                raise CertificateError(where, len(coordinates), "the laws are too large for this checker")
            found.append((reading.integer(coefficient, where), Counter(coordinates)))
        laws.append(Law(found))
    return laws


def check_methods(entries: Any, needed: bool) -> None:
    """What the file says about its own verification must make sense; nothing here relies on it."""
    if needed and not reading.items(entries, "lower.verification"):
        raise CertificateError("lower.verification", entries, "how the laws were verified is missing")
    for k, entry in enumerate(reading.items(entries, "lower.verification")):
        where = f"lower.verification[{k}]"
        method = reading.choice(reading.table(entry, where).get("method"), where, ("expansion", "evaluation"))
        reading.table(entry, where, {"method"} if method == "expansion" else {"method", "rounds", "error_log2"})
        if method == "evaluation":
            reading.integer(entry["rounds"], f"{where}.rounds", 1, 10**6)
            reading.integer(entry["error_log2"], f"{where}.error_log2", -(10**9), -ERROR_EXPONENT)


def check_independence(stated: Any, laws: Sequence[Law], dimension: int, budget: Budget) -> Iterator[str]:
    """What fails of their independence, at the point of the file and at one of our own."""
    reading.table(stated, "lower.independence", {"prime", "point"})
    prime = read_prime(stated["prime"], "lower.independence.prime")
    point = reading.integers(stated["point"], "lower.independence.point", 0, prime - 1, dimension)
    budget.charge(10 * len(laws) ** 2 * dimension, "lower.laws", f"{len(laws)} laws")
    gradients = [law.gradient(point, prime) for law in laws]
    if vanishing := [k for k, gradient in enumerate(gradients) if not gradient]:
        yield f"lower.independence: the gradient of law {vanishing[0]} vanishes at the point"
    elif (rank := _rank(gradients, dimension, prime)) != len(laws):
        yield f"lower.independence: the gradients of {len(laws)} laws have rank {rank} at the point"
    own = Residues(random_prime())
    state = own.random((dimension,)).tolist()
    rank = _rank([law.gradient(state, own.prime) for law in laws], dimension, own.prime)
    if rank != len(laws):
        yield f"lower.laws: they depend on each other: {len(laws)} laws, of which {rank} are independent"


def _rank(gradients: Sequence[dict[int, int]], dimension: int, prime: int) -> int:
    matrix = flint.nmod_mat(len(gradients), dimension, prime)
    for row, gradient in enumerate(gradients):
        for coordinate, value in gradient.items():
            matrix[row, coordinate] = value
    return int(matrix.rank())
