"""Exact products and inverses of int64 arrays modulo an odd prime below 2^31.

Entries lie in [0, p) on the way in and on the way out; nothing checks it, since this is the innermost loop. For larger
primes they are integers of Python in arrays of objects, and products are numpy's own.

Products come in three kinds, chosen by `product_kernel` from the shape of one matrix of the stack:

* direct: up to four terms fit in an unsigned 64-bit sum, so one integer product and one reduction do;
* integer: one operand is split in limbs of 16 bits. numpy multiplies stacks of integer matrices without a call per
  matrix and without conversion, which is best while the matrices are small;
* float: BLAS on float64 with one operand split so finely that every sum stays exact. Ten to thirty times as fast on
  large matrices, but it converts every entry a few times.

Longer sums are cut. The thresholds were measured; both sides of each are tested.
"""

from __future__ import annotations

import functools
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import IntArray

Kernel = Literal["direct", "integer", "float"]

_PRIME_BITS = 31
_MANTISSA_BITS = 53
_DIRECT_TERMS = 4
_INTEGER_LIMB = 16
_LOW = (1 << _INTEGER_LIMB) - 1
_MOST_TERMS = 1 << 14
_SMALLEST_FLOAT_MATRIX = 1 << 8
_SMALLEST_FLOAT_WORK = 1 << 13
_WORD_BITS = 64
_SMALLEST_DIVISION = 2048
_SMALLEST_PAIRING = 16


def residues(rng: np.random.Generator, p: int, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Uniform residues: int64 below 2^31, Python integers as objects for larger primes.

    Larger primes serve proofs, where few values are needed and an error must be much rarer.
    """
    if fits_words(p):
        return rng.integers(0, p, shape, dtype=np.int64)
    if p < 1 << _WORD_BITS:
        return rng.integers(0, p, shape, dtype=np.uint64).astype(object)
    # Sixty-four bits more than the prime has make the remainder uniform for all that matters.
    number = 1 + -(-p.bit_length() // _WORD_BITS)
    words = rng.integers(0, 1 << _WORD_BITS, (number, *shape), dtype=np.uint64).astype(object)
    return np.asarray(functools.reduce(lambda high, low: high << _WORD_BITS | low, words) % p)


def fits_words(p: int) -> bool:
    """Whether products of residues fit in int64."""
    return p < 1 << _PRIME_BITS


def matmul(a: IntArray, b: IntArray, p: int) -> IntArray:
    """a @ b modulo p for stacks (..., M, K) and (..., K, N), under numpy's broadcasting of the leading axes."""
    if not fits_words(p):
        return np.asarray(np.matmul(a.astype(object), b.astype(object)) % p)
    rows, terms = a.shape[-2:]
    if terms > _MOST_TERMS:
        first = matmul(a[..., :_MOST_TERMS], b[..., :_MOST_TERMS, :], p)
        return (first + matmul(a[..., _MOST_TERMS:], b[..., _MOST_TERMS:, :], p)) % p
    columns = b.shape[-1]
    kernel = product_kernel(rows, terms, columns, max(a.size * columns, b.size * rows))
    if kernel == "direct":
        return direct_product(a, b, p)
    return integer_product(a, b, p) if kernel == "integer" else float_product(a, b, p)


def product_kernel(rows: int, terms: int, columns: int, work: int) -> Kernel:
    """The fastest kernel for a stack of products (rows, terms) @ (terms, columns).

    work : products of entries in the whole stack
    """
    if terms <= _DIRECT_TERMS:
        return "direct"
    large = rows * terms * columns >= _SMALLEST_FLOAT_MATRIX and work >= _SMALLEST_FLOAT_WORK
    return "float" if large else "integer"


def direct_product(a: IntArray, b: IntArray, p: int) -> IntArray:
    """The product of matrices with at most four inner terms."""
    # Entries are at most 2^31 - 2, so four products sum to less than 4 * 2^62 = 2^64.
    return reduce((a.view(np.uint64) @ b.view(np.uint64)).view(np.int64), p)


def integer_product(a: IntArray, b: IntArray, p: int) -> IntArray:
    """The product by numpy's own int64 matmul, of matrices with at most 2^15 inner terms."""
    # Entries < 2^31, limbs < 2^16: sums stay below 2^62, and the carry, shifted, below 2^47.
    total = reduce(a @ (b >> _INTEGER_LIMB), p)
    total <<= _INTEGER_LIMB
    total += a @ (b & _LOW)
    return reduce(total, p)


def float_product(a: IntArray, b: IntArray, p: int) -> IntArray:
    """The product by float64 BLAS, the smaller operand split in limbs, of matrices with at most 2^14 inner terms."""
    bits = limb_bits(a.shape[-1], p)
    split_left = a.size <= b.size
    whole = (b if split_left else a).astype(np.float64)
    total: IntArray = np.zeros((), dtype=np.int64)
    divided = a if split_left else b
    # The base-2^bits digits of residues, the highest first.
    for shift in range((p.bit_length() - 1) // bits * bits, -1, -bits):
        limb = (divided >> shift & ((1 << bits) - 1)).astype(np.float64)
        # terms * p * 2^bits <= 2^53: in any order of summation, each partial sum is an integer that float64 holds.
        part = (limb @ whole if split_left else whole @ limb).astype(np.int64)
        # total < 2^31 and bits <= 16: below 2^47 + 2^53.
        part += total << bits
        total = reduce(part, p)
    return total


def limb_bits(terms: int, p: int = 2**31 - 1) -> int:
    """The widest limb for which sums of that many products of a residue and a limb are exact in float64."""
    spare = _MANTISSA_BITS - p.bit_length() - max(terms - 1, 0).bit_length()
    # Limbs of equal width: two of 16 bits, three of 11, four of 8; of primes below 2^23 one of 23, or two of 12.
    return next(width for width in ((23, 12) if p < 1 << 23 else (16, 11, 8)) if width <= spare)


def reduce(x: IntArray, p: int) -> IntArray:
    """The residues of an array of integers in [0, 2^64), given as the bits of an int64 array."""
    if x.dtype == object:
        return x % p
    u = x.view(np.uint64)
    if x.size < _SMALLEST_DIVISION:
        return (u % np.uint64(p)).view(np.int64)
    # numpy divides by a constant with a multiplication, but has no such path for remainders: 0.7 against 2 ns an entry.
    quotient = u // np.uint64(p)
    quotient *= np.uint64(p)
    np.subtract(u, quotient, out=quotient)
    return quotient.view(np.int64)


def power(a: IntArray, exponent: int, p: int) -> IntArray:
    """a ** exponent modulo p, elementwise, for an exponent of at least 0."""
    result = np.ones_like(a)
    while exponent:
        if exponent & 1:
            result = reduce(result * a, p)
        exponent >>= 1
        a = reduce(a * a, p)
    return result


def inverse(a: IntArray, p: int) -> IntArray:
    """The inverse of each entry; ZeroDivisionError if one is zero."""
    if not a.all():
        raise ZeroDivisionError("zero has no inverse")
    return _inverse(a.ravel(), p).reshape(a.shape)


def _inverse(a: IntArray, p: int) -> IntArray:
    if a.size < _SMALLEST_PAIRING:
        return np.array([pow(x, -1, p) for x in a.tolist()], dtype=a.dtype)
    # One inverse serves two entries, 1/x = y/(xy): three products an entry in all, where a power takes about fifty.
    half, odd = divmod(a.size, 2)
    left, right = a[:half], a[half : 2 * half]
    both = _inverse(reduce(left * right, p), p)
    rest = [_inverse(a[-1:], p)] if odd else []
    return np.concatenate([reduce(both * right, p), reduce(both * left, p), *rest])
