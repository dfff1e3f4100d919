"""Ranks and eigenvalues of float matrices, decided in exact arithmetic on the rationals that floats are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray, IntArray
from lielaws.engine.linalg import as_fmpq, random_prime, rank
from lielaws.errors import SizeError

_MANTISSA = 53
_PRIME_BITS = 30
# Entries times primes for which rank deficiency is proved; beyond it, it is only overwhelmingly probable.
_MOST_WORK = 2 * 10**8
_ERROR_BITS = 100
_LARGEST_SPECTRUM = 160


@dataclass(frozen=True, slots=True)
class Rank:
    """A rank, and whether it is proved; if not, the true one is larger with probability below 2^-100.

    The rank is never too large.
    """

    value: int
    proved: bool = True


def exact_rank(matrix: FloatArray, rng: np.random.Generator | None = None) -> Rank:
    """The rank of a matrix of floats, taken as the rationals that they are.

    A rank modulo a prime can only be too small. If it is smaller than r, the prime divides all minors of size r; so
    once the product of the primes exceeds Hadamard's bound of all minors, the largest rank seen is the rank.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    kept = matrix[np.any(matrix != 0, axis=1)]
    kept = kept[:, np.any(kept != 0, axis=0)] if kept.size else kept
    if not kept.size:
        return Rank(0)
    mantissas, exponents = _integers(kept)
    full = min(kept.shape)
    needed = min(_hadamard_bits(mantissas, exponents), _hadamard_bits(mantissas.T, exponents.T))
    primes_for_proof = int(needed // _PRIME_BITS) + 1
    # Of the 5 * 10^7 primes from 2^30 to 2^31 at most needed/30 divide a given minor.
    chance = 25.5 - math.log2(primes_for_proof)
    enough = math.ceil(_ERROR_BITS / chance) if chance > 1 else primes_for_proof
    proves = primes_for_proof * kept.size <= _MOST_WORK
    seen: set[int] = set()
    best = 0
    while best < full and len(seen) < (primes_for_proof if proves else enough):
        p = random_prime(rng)
        if p not in seen:
            seen.add(p)
            best = max(best, rank(_residues(mantissas, exponents, p), p))
    return Rank(best, best == full or proves)


def tolerant_rank(matrix: FloatArray, tolerance: float) -> Rank:
    """How many singular values exceed a tolerance, counted exactly.

    Raises SizeError for a matrix with more than 160 rows and columns.
    """
    import flint

    rows = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    size = len(rows)
    if size > _LARGEST_SPECTRUM:
        text = f"{tolerance} for a matrix of shape {matrix.shape}"
        remedy = f"at most {_LARGEST_SPECTRUM} rows or columns are supported; None counts the exact rank of larger ones"
        raise SizeError("rank_tolerance", text, remedy)
    if not matrix.any():
        return Rank(0)
    mantissas, exponents = _integers(rows)
    low = int(exponents.min())
    entries = [m << (e - low) for m, e in zip(mantissas.ravel().tolist(), exponents.ravel().tolist(), strict=True)]
    whole = flint.fmpz_mat(size, rows.shape[1], entries)
    bound = Fraction(tolerance) ** 2 / Fraction(4) ** low
    shifted = bound.denominator * (whole * whole.transpose())
    for k in range(size):
        shifted[k, k] -= bound.numerator
    return Rank(_positive_roots(shifted.charpoly()))


def eigenvalues_above(matrix: list[list[Fraction]], bound: Fraction) -> int:
    """How many eigenvalues of a symmetric matrix exceed a bound, exactly, with multiplicity."""
    import flint

    size = len(matrix)
    shifted = [as_fmpq(e - bound if i == j else e) for i, row in enumerate(matrix) for j, e in enumerate(row)]
    return _positive_roots(flint.fmpq_mat(size, size, shifted).charpoly())


def _positive_roots(polynomial: Any) -> int:
    """With multiplicity, by Descartes' rule of signs: it is exact where all roots are real, as eigenvalues here are."""
    signs = [c > 0 for c in polynomial.coeffs() if c != 0]
    return sum(int(one != two) for one, two in pairwise(signs))


def _integers(matrix: FloatArray) -> tuple[IntArray, IntArray]:
    """Odd-or-zero mantissas and exponents: entry = mantissa * 2^exponent, with zero exponents for zeros."""
    fractions, exponents = np.frexp(matrix)
    mantissas = np.ldexp(fractions, _MANTISSA).astype(np.int64)
    trailing = np.where(mantissas != 0, _trailing_zeros(mantissas), 0)
    shifted = np.where(mantissas != 0, exponents - _MANTISSA + trailing, 0)
    return mantissas >> trailing, shifted.astype(np.int64)


def _trailing_zeros(values: IntArray) -> IntArray:
    lowest = (values & -values).astype(np.float64)
    return np.asarray(np.frexp(np.where(lowest > 0, lowest, 1.0))[1] - 1, dtype=np.int64)


def _hadamard_bits(mantissas: IntArray, exponents: IntArray) -> float:
    """log2 of a bound of all minors, after each row was scaled by a power of two to integers without common one."""
    lowest = np.where(mantissas != 0, exponents, np.iinfo(np.int64).max).min(axis=1, keepdims=True)
    bits = np.where(mantissas != 0, np.log2(np.maximum(np.abs(mantissas), 1)) + (exponents - lowest), 0.0)
    norms = bits.max(axis=1) + 0.5 * np.log2(np.maximum((mantissas != 0).sum(axis=1), 1))
    return float(norms.sum()) + len(mantissas) * 1e-6


def _residues(mantissas: IntArray, exponents: IntArray, p: int) -> IntArray:
    """The entries modulo p; each is a product of an integer and a power of two, also a negative one."""
    low, high = int(exponents.min()), int(exponents.max())
    powers = np.array([pow(2, k, p) for k in range(low, high + 1)], dtype=np.int64)
    return np.asarray(mantissas % p * powers[exponents - low] % p, dtype=np.int64)
