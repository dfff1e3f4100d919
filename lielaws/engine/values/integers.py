"""Rational numbers as products of primes, as far as these are small."""

from __future__ import annotations

import math
from fractions import Fraction

_LARGEST_PRIME = 1000
"""above, numbers take too long to factor; below, roots of numbers with a common prime factor are not related"""


def square_part(number: Fraction) -> tuple[Fraction, int]:
    """s and t with number = s^2 t and t a product of distinct primes; 12 is 2^2 * 3, 2 / 3 is (1 / 3)^2 * 6."""
    root, rest = Fraction(1, number.denominator), 1
    for prime, exponent in prime_powers(Fraction(number.numerator * number.denominator)):
        root *= Fraction(prime) ** (exponent // 2)
        rest *= prime ** (exponent % 2)
    return root, rest


def prime_powers(number: Fraction) -> list[tuple[int, int]]:
    """A positive number as a product of powers of primes, or of factors without small ones."""
    found = []
    for part, sign in ((number.numerator, 1), (number.denominator, -1)):
        rest, prime = part, 2
        while rest > 1 and prime <= _LARGEST_PRIME:
            exponent = 0
            while rest % prime == 0:
                rest, exponent = rest // prime, exponent + 1
            found += [(prime, sign * exponent)] if exponent else []
            # What has no smaller factor is a prime.
            prime = rest if prime * prime > rest > prime else prime + 1
        root = math.isqrt(rest)
        if rest > 1:
            found.append((root, 2 * sign) if root * root == rest else (rest, sign))
    return found
