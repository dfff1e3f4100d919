"""Residues modulo a prime, and jets over them.

A value is an int64 array of shape (jets, samples, *shape). Arrays of one sample stand for all samples. Values of
functions beyond field operations come from `values.free`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from typing import Any, Protocol, TypeVar

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.engine.arithmetic.base import Shape
from lielaws.engine.arithmetic.jets import JetArithmetic
from lielaws.engine.linalg import modular
from lielaws.errors import ExactnessError

T = TypeVar("T")

# Points at which a denominator vanishes have probability degree / prime; more than a few mean that it always does.
_ATTEMPTS = 16


class BadPrimeError(Exception):
    """The prime divides a denominator of the architecture, or a value that is to be inverted; draw again."""


def retried(attempt: Callable[[], T], message: str) -> T:
    """What an attempt at random points modulo random primes returns, made anew after each BadPrimeError.

    Raises ExactnessError with the message if none succeeds.
    """
    for _ in range(_ATTEMPTS):
        with suppress(BadPrimeError):
            return attempt()
    raise ExactnessError(message)


class Functions(Protocol):
    """Values of functions at a base point modulo a prime."""

    def value(self, kind: str, a: IntArray) -> IntArray: ...
    def circle(self, a: IntArray) -> tuple[IntArray, IntArray]: ...


class Modular(JetArithmetic):
    """Arithmetic in F_p[e1..ek] / (e_i^2), vectorized over samples. Primes from 2^31 on are slow: objects."""

    lead = 2
    axis = 0

    def __init__(self, prime: int, functions: Functions | None = None) -> None:
        self.prime = prime
        self._functions = functions
        self._dtype: Any = np.int64 if modular.fits_words(prime) else object
        self._constants: dict[tuple[Any, Shape], IntArray] = {}

    def constant(self, constant: Any, shape: Shape) -> IntArray:
        known = self._constants.get((constant, shape))
        if known is None:
            inverse = self._inverse_of_integer(constant.denominator)
            residues = [number % self.prime * inverse % self.prime for number in constant.numerators]
            known = np.array(residues, dtype=self._dtype).reshape((1, 1, *shape))
            self._constants[(constant, shape)] = known
        return known

    def residue(self, number: Fraction) -> int:
        return number.numerator % self.prime * self._inverse_of_integer(number.denominator) % self.prime

    def _inverse_of_integer(self, number: int) -> int:
        if number % self.prime == 0:
            raise BadPrimeError(f"{self.prime} divides {number}")
        return pow(number, -1, self.prime)

    def finish_sum(self, a: IntArray) -> IntArray:
        return a % self.prime

    def plus(self, a: IntArray, b: IntArray) -> IntArray:
        return (a + b) % self.prime

    def minus(self, a: IntArray, b: IntArray) -> IntArray:
        return (a - b) % self.prime

    def times(self, a: IntArray, b: IntArray) -> IntArray:
        return a * b % self.prime

    def matrix_product(self, a: IntArray, b: IntArray) -> IntArray:
        return modular.matmul(a, b, self.prime)

    def grouped(self, terms: IntArray, starts: IntArray) -> IntArray:
        # At most 2^k terms below 2^31 are added for a coefficient: no overflow for k up to 32.
        return np.add.reduceat(terms, starts, axis=0) % self.prime

    def scale(self, factor: Fraction, a: IntArray) -> IntArray:
        return a * self.residue(factor) % self.prime

    def zeros(self, shape: tuple[int, ...]) -> IntArray:
        return np.zeros(shape, dtype=self._dtype)

    def inverse(self, a: IntArray) -> IntArray:
        zero = a == 0
        if zero.any():
            if a.shape[1] == 1:
                raise BadPrimeError("a denominator vanishes at the chosen point")
            self.mark(zero)
            a = np.where(zero, 1, a)
        return modular.inverse(a, self.prime)

    def value(self, kind: str, a: IntArray) -> IntArray:
        assert self._functions is not None
        return self._functions.value(kind, a)

    def circle(self, a: IntArray) -> tuple[IntArray, IntArray]:
        assert self._functions is not None
        return self._functions.circle(a)
