"""Residues modulo a prime, and dual numbers over them, nested as deep as brackets need.

An element is an integer, which is constant, or a pair (a, b) that stands for a + e b with e * e = 0, where a and b are
elements with one nilpotent less. The outermost pair belongs to the newest nilpotent.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import flint

from lielaws.errors import CertificateError

PRIME_BITS = 60
"""primes drawn here lie between 2^60 and 2^61"""


def random_prime(bits: int = PRIME_BITS) -> int:
    """A proven prime that nobody could foresee, between 2^bits and twice that."""
    while True:
        candidate = (1 << bits) + secrets.randbits(bits)
        if flint.fmpz(candidate).is_prime():
            return candidate


class Jets:
    """The ring of jets modulo a prime. Division by what is not invertible raises ZeroDivisionError."""

    add: Callable[[Any, Any], Any]
    multiply: Callable[[Any, Any], Any]

    def __init__(self, prime: int) -> None:
        self.prime = prime
        self._constants: dict[Fraction, int] = {}
        self.add, self.multiply = _operations(prime)

    def constant(self, value: Fraction) -> int:
        if value not in self._constants:
            if value.denominator % self.prime == 0:
                raise CertificateError("prime", self.prime, f"it divides the denominator of {value}")
            self._constants[value] = value.numerator * pow(value.denominator, -1, self.prime) % self.prime
        return self._constants[value]

    def inverse(self, a: Any) -> Any:
        if type(a) is int:
            if a == 0:
                raise ZeroDivisionError
            return pow(a, -1, self.prime)
        first = self.inverse(a[0])
        return first, self.multiply(self.multiply(-1 % self.prime, a[1]), self.multiply(first, first))

    def random(self) -> int:
        return secrets.randbelow(self.prime)


def _operations(prime: int) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    # Closures over the prime: these two take nearly all the time of a check.
    def add(a: Any, b: Any) -> Any:
        if type(a) is int:
            if type(b) is int:
                return (a + b) % prime
            return (add(a, b[0]), b[1]) if a else b
        if type(b) is int:
            return (add(a[0], b), a[1]) if b else a
        return add(a[0], b[0]), add(a[1], b[1])

    def multiply(a: Any, b: Any) -> Any:
        if type(a) is int:
            if type(b) is int:
                return a * b % prime
            return (multiply(a, b[0]), multiply(a, b[1])) if a else 0
        if type(b) is int:
            return (multiply(a[0], b), multiply(a[1], b)) if b else 0
        return multiply(a[0], b[0]), add(multiply(a[0], b[1]), multiply(a[1], b[0]))

    return add, multiply


def moved(state: list[Any], direction: list[Any]) -> list[Any]:
    """state + e * direction with a new nilpotent e."""
    return [s if type(s) is int and v == 0 else (s, v) for s, v in zip(state, direction, strict=True)]


def value_part(state: list[Any]) -> list[Any]:
    """What is left when the newest nilpotent is zero."""
    return [a if type(a) is int else a[0] for a in state]


def slope_part(state: list[Any]) -> list[Any]:
    """The coefficient of the newest nilpotent."""
    return [0 if type(a) is int else a[1] for a in state]
