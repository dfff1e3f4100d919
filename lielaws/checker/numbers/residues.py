"""Arrays of residues modulo a prime: of int64 below 2^31, of Python's integers above. Functions have free values.

What an identity needs of a function is how it is differentiated, not what it is. So at a random point each function has
a pseudo-random value that depends on nothing but its argument: equal numbers have equal values, and a secret key makes
these unpredictable. What vanishes for free values vanishes for the true ones. A few relations hold by construction:
exp(0) = 1, exp(-a) = 1 / exp(a), cos and sin are a point on the circle, odd and even functions are odd and even.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from hashlib import blake2b
from typing import Any

import flint
import numpy as np

from lielaws.checker import reading
from lielaws.checker.numbers.jets import added
from lielaws.checker.reading import Shape
from lielaws.errors import CertificateError

_INT64_LIMIT = 2**31
"""products of two residues below it fit into an int64; larger primes need integers of Python"""
PRIME_BITS = 60
"""primes drawn here lie between 2^60 and 2^61, so that one evaluation errs with a probability below 2^-20 even for
degrees of 2^40; larger ones would be slower, smaller ones need more rounds"""
_READ = (2**20, 2**62)
"""smaller primes divide something by chance; larger ones do not fit FLINT's matrices of machine words"""


def random_prime(bits: int = PRIME_BITS) -> int:
    """A proven prime that nobody could foresee, 7 mod 8, between 2^bits and twice that: two is a square modulo it."""
    while True:
        candidate = (1 << bits) + (secrets.randbits(bits) & ~7) + 7
        if flint.fmpz(candidate).is_prime():
            return candidate


def read_prime(value: Any, where: str) -> int:
    """A prime in a file, for matrices: FLINT ends the process if a modulus is composite."""
    prime = reading.integer(value, where, *_READ)
    if not flint.fmpz(prime).is_prime():
        raise CertificateError(where, prime, "it is not a prime")
    return prime


def small_rational(residue: int, prime: int) -> Fraction | None:
    """The rational number with this residue, by Euclid's algorithm; None unless it is far smaller than most."""
    limit = 1 << prime.bit_length() // 6
    remainders = [(prime, 0), (residue, 1)]
    while remainders[-1][0] > limit:
        (a, s), (b, t) = remainders[-2:]
        remainders.append((a % b, s - a // b * t))
    numerator, denominator = remainders[-1]
    return Fraction(numerator, denominator) if abs(denominator) <= limit else None


def rational_root(value: Fraction) -> Fraction | None:
    """The rational root of a rational number, if it has one."""
    if value < 0:
        return None
    root = Fraction(math.isqrt(value.numerator), math.isqrt(value.denominator))
    return root if root * root == value else None


class Residues:
    """The ring of arrays modulo a proven prime. Division by what is not invertible raises ZeroDivisionError."""

    fast, slow = 4, 60
    """how much longer a product of small or large residues takes than one of float64 numbers"""

    def __init__(self, prime: int) -> None:
        self.prime = prime
        self.dtype: type = np.int64 if prime < _INT64_LIMIT else object
        self.weight = self.fast if prime < _INT64_LIMIT else self.slow
        self._key = secrets.token_bytes(32)
        self._known: dict[tuple[str, int], int] = {}

    def array(self, values: Iterable[int], shape: Sequence[int]) -> Any:
        return np.array([value % self.prime for value in values], dtype=self.dtype).reshape(shape)

    def residue(self, value: Fraction) -> int:
        """Raises ZeroDivisionError if the prime divides the denominator."""
        if value.denominator % self.prime == 0:
            raise ZeroDivisionError
        return value.numerator * pow(value.denominator, -1, self.prime) % self.prime

    def constant(self, numerators: Sequence[int], denominator: int, shape: Shape) -> Any:
        factor = self.residue(Fraction(1, denominator))
        return self.array((value * factor for value in numerators), (1, *shape))

    def random(self, shape: Shape) -> Any:
        return self.array((secrets.randbelow(self.prime) for _ in range(math.prod(shape))), shape)

    def many(self, shape: Shape) -> Any:
        """The same for large arrays, by a generator with a secret seed."""
        if self.prime >= _READ[1]:
            return self.random(shape)
        generator = np.random.default_rng(secrets.randbits(256))
        return generator.integers(0, self.prime, shape, dtype=np.int64).astype(self.dtype)

    def integers(self, a: Any, unit: int = 1) -> Any:
        """Residues as they stand in a file."""
        return a.astype(self.dtype)

    def move(self, function: Callable[..., Any], *arrays: Any) -> Any:
        return function(*arrays)

    def add(self, a: Any, b: Any) -> Any:
        return (a + b) % self.prime

    def multiply(self, a: Any, b: Any) -> Any:
        return a * b % self.prime

    def scale(self, factor: Fraction, a: Any) -> Any:
        return a * self.residue(factor) % self.prime

    def einsum(self, subscripts: str, a: Any, b: Any, summed: int) -> Any:
        if self.dtype is object or summed > 2**15:
            a, b = (x.astype(object, copy=False) for x in (a, b))
            return (np.einsum(subscripts, a, b) % self.prime).astype(self.dtype, copy=False)
        # Halves of 16 bits: sums of up to 2^15 products stay below 2^62.
        high = np.einsum(subscripts, a >> 16, b) % self.prime
        return ((high << 16) + np.einsum(subscripts, a & 0xFFFF, b)) % self.prime

    def scatter(self, a: Any, index: Any, shape: Shape) -> Any:
        return added(a, index, shape) % self.prime

    def inverse(self, a: Any) -> Any:
        try:
            return self._each(lambda x: pow(x, -1, self.prime), a)
        except ValueError:
            raise ZeroDivisionError from None

    def _each(self, function: Callable[[int], int], a: Any) -> Any:
        return np.array([function(int(x)) for x in a.ravel()], dtype=self.dtype).reshape(a.shape)

    def function(self, kind: str, a: Any, step: int) -> Any:
        """The value of a function, entry by entry; `step` matters to other rings only."""
        return self._each(lambda x: self.free_value(kind, x), a)

    def free_value(self, kind: str, a: int) -> int:
        p, negative, size = self.prime, a > self.prime // 2, min(a, self.prime - a)
        match kind:
            case "exp":
                value = self.hashed("exp", size) if a else 1
                return pow(value, -1, p) if negative else value
            case "gauss" | "cos" | "sin":
                value = self.hashed("gauss" if kind == "gauss" else "angle", size) if a else 0
                odd = -value % p if negative else value
                if kind == "gauss":
                    return odd
                return (1 - odd * odd if kind == "cos" else 2 * odd) * pow(1 + odd * odd, -1, p) % p
        if a == 1:
            return 0 if kind == "log" else 1
        return self.hashed(kind, a)

    def hashed(self, kind: str, a: int) -> int:
        """A pseudo-random residue other than zero, the same for the same argument."""
        found = self._known.get((kind, a))
        if found is None:
            # 2^128 times more values than residues, so that all are equally likely.
            digest = blake2b(f"{kind} {a}".encode(), key=self._key, digest_size=48).digest()
            found = self._known[kind, a] = 1 + int.from_bytes(digest) % (self.prime - 1)
        return found

    def root(self, a: int) -> int | None:
        """A square root, for primes that are 3 mod 4."""
        value = pow(a, (self.prime + 1) // 4, self.prime)
        return value if value * value % self.prime == a else None
