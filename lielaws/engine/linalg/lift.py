"""Rational numbers of Python, FLINT and sympy; from residues to them, and from rational vectors to short integer ones.

One prime determines fractions up to sqrt(p/2); for larger ones residues modulo several primes are combined first. A
lift is a guess that fits the residues: whoever uses it verifies it over Q.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from fractions import Fraction
from typing import Any

import flint
import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import ObjectArray
from lielaws.errors import InvalidArgumentError

Rows = Sequence[Sequence[int]] | npt.NDArray[Any]


def as_fmpq(number: Fraction | int) -> Any:
    return flint.fmpq(number.numerator, number.denominator)


def as_fraction(number: Any) -> Fraction:
    """A rational number of FLINT, or of sympy."""
    return Fraction(int(number.p), int(number.q))


def common_divisor(numbers: Collection[Fraction]) -> Fraction:
    """The largest number of which all are integer multiples."""
    return Fraction(math.gcd(*(x.numerator for x in numbers)), math.lcm(*(x.denominator for x in numbers)))


def rational_reconstruction(a: int, m: int) -> Fraction | None:
    """The fraction n/d = a modulo m with |n|, d <= sqrt(m/2); None if there is none.

    It is unique for m > 2: of two such fractions in lowest terms, |n d' - n' d| is a multiple of m and at most 2 (m/2),
    where equality needs all four numbers to be equal up to sign, hence 1.
    """
    bound = math.isqrt(m // 2)
    r0, r1, s0, s1 = m, a % m, 0, 1
    while r1 > bound:
        quotient = r0 // r1
        r0, r1, s0, s1 = r1, r0 - quotient * r1, s1, s0 - quotient * s1
    if abs(s1) > bound or math.gcd(r1, s1) != 1:
        return None
    return Fraction(r1, s1)


def lift_rows(rows_mod: Rows, p: int) -> list[list[Fraction]] | None:
    """Every entry lifted; None if one cannot be. The modulus may be a product of primes."""
    rows = [[int(residue) for residue in row] for row in rows_mod]
    # Nullspaces repeat few values, most of them 0, 1 and -1.
    known: dict[int, Fraction] = {}
    for residue in set().union(*rows):
        value = rational_reconstruction(residue, p)
        if value is None:
            return None
        known[residue] = value
    return [[known[residue] for residue in row] for row in rows]


def combine(residues: Sequence[Rows], moduli: Sequence[int]) -> tuple[ObjectArray, int]:
    """Residues modulo the product of pairwise coprime moduli: an array of Python integers, and that product.

    Equally shaped rows for each modulus; an earlier result may be one of them, to add primes one at a time.
    """
    if not moduli or len(residues) != len(moduli):
        remedy = f"must be one for each of the {len(residues)} residues"
        raise InvalidArgumentError("moduli", moduli, remedy)
    total, modulus = _exact(residues[0]), int(moduli[0])
    for rows, m in zip(residues[1:], moduli[1:], strict=True):
        digit = (_exact(rows) - total) * pow(modulus, -1, int(m)) % int(m)
        total = total + modulus * digit
        modulus *= int(m)
    return total, modulus


def _exact(rows: Rows) -> ObjectArray:
    # An array of objects made from a list keeps numpy's integers as they are, and those overflow.
    entries = np.array(rows, dtype=object)
    return np.array([int(entry) for entry in entries.ravel()], dtype=object).reshape(entries.shape)


def integer_row(fractions: Sequence[Fraction | int]) -> list[int]:
    """The multiple with integer entries without common factor, the first nonzero one positive."""
    scale = math.lcm(*(entry.denominator for entry in fractions))
    return _primitive([entry.numerator * (scale // entry.denominator) for entry in fractions])


def _primitive(row: Sequence[int]) -> list[int]:
    content = math.gcd(*row)
    leading = next((entry for entry in row if entry), 1)
    divisor = content if leading > 0 else -content
    return [entry // divisor for entry in row] if divisor else list(row)


def short_basis(rows: Sequence[Sequence[int]]) -> list[list[int]]:
    """An LLL-reduced basis of all integer vectors in the span over Q, the simplest first.

    Each row is without common factor, its first nonzero entry positive; fewest nonzero entries come first, then the
    smallest, then those that start furthest to the left.
    """
    if not rows or not len(rows[0]):
        return []
    basis = flint.fmpz_mat([[int(entry) for entry in row] for row in rows])
    if (rank := basis.rank()) < len(rows):
        basis = _top(basis.hnf(), rank)
    if not rank:
        return []
    short = [_primitive([int(entry) for entry in row]) for row in _saturate(basis).lll().tolist()]
    return sorted(short, key=lambda row: (len(row) - row.count(0), max(map(abs, row)), [-entry for entry in row]))


def _saturate(matrix: flint.fmpz_mat) -> flint.fmpz_mat:
    """A basis of Z^n intersected with the span over Q of independent rows.

    The Hermite form of the transpose is U A^T = (H; 0) with U unimodular and H square, so A = H^T B with B the first
    rows of U^-T. Those are integer and span the same space, and nothing integer is missing, as they are part of a
    basis of Z^n. Solving with H^T finds them.
    """
    square = _top(matrix.transpose().hnf(), matrix.nrows())
    quotient = flint.fmpq_mat(square.transpose()).solve(flint.fmpq_mat(matrix))
    numerator, denominator = quotient.numer_denom()
    if denominator != 1:
        raise ArithmeticError("the Hermite form does not divide the matrix")
    return numerator


def _top(matrix: flint.fmpz_mat, count: int) -> flint.fmpz_mat:
    return flint.fmpz_mat(matrix.tolist()[:count])
