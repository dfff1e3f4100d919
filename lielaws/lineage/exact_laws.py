"""Laws at floating-point parameters, without rounding: floats are rationals with a power of two below.

Values and bounds are sums of integers; they become floats at the end, rounded to the nearest one or upwards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.engine.laws.law import Law

_MANTISSA = 53


@dataclass(frozen=True, slots=True)
class Dyadic:
    """Numbers integer_i * 2^exponent, exactly."""

    integers: tuple[int, ...]
    exponent: int

    @classmethod
    def of(cls, *vectors: FloatArray) -> tuple[Dyadic, ...]:
        """Vectors of floats, over one common power of two."""
        parts = [np.frexp(vector) for vector in vectors]
        exponents = [np.where(mantissas == 0, 0, powers - _MANTISSA) for mantissas, powers in parts]
        lowest = min((int(powers.min(initial=0)) for powers in exponents), default=0)
        return tuple(
            cls(
                tuple(
                    int(mantissa) << (power - lowest)
                    for mantissa, power in zip((2.0**_MANTISSA * mantissas).tolist(), powers.tolist(), strict=True)
                ),
                lowest,
            )
            for (mantissas, _), powers in zip(parts, exponents, strict=True)
        )

    def times(self, other: Dyadic) -> Dyadic:
        """Number by number."""
        products = (a * b for a, b in zip(self.integers, other.integers, strict=True))
        return Dyadic(tuple(products), self.exponent + other.exponent)

    def with_errors(self, errors: FloatArray) -> tuple[Dyadic, Dyadic]:
        """These numbers and the errors, over one power of two."""
        (other,) = Dyadic.of(errors)
        lowest = min(self.exponent, other.exponent)
        return self.over(lowest), other.over(lowest)

    def over(self, exponent: int) -> Dyadic:
        """The same numbers over a smaller power of two."""
        return Dyadic(tuple(number << (self.exponent - exponent) for number in self.integers), exponent)

    def sum(self, terms: dict[int, int]) -> Fraction:
        """Of sums of products of so many of the numbers each: degree -> integer."""
        total = Fraction(0)
        for degree, value in terms.items():
            total += _scaled(value, self.exponent * degree)
        return total


def _scaled(value: int, power: int) -> Fraction:
    return Fraction(value << power) if power >= 0 else Fraction(value, 1 << -power)


def values(laws: Sequence[Law], numbers: Dyadic) -> list[Fraction]:
    """The laws at the state with these coordinates."""
    integers, found = numbers.integers, []
    for law in laws:
        sums: dict[int, int] = {}
        for monomial, coefficient in law.polynomial.terms:
            product = coefficient
            for coordinate in monomial:
                product *= integers[coordinate]
            sums[len(monomial)] = sums.get(len(monomial), 0) + product
        found.append(numbers.sum(sums))
    return found


def reaches(laws: Sequence[Law], numbers: Dyadic, errors: Dyadic) -> list[Fraction]:
    """How far each law can move if each coordinate w moves by at most e: sum of |c| (prod (|w| + e) - prod |w|).

    For a quadratic law sum a_ij w_i w_j this is sum |a_ij| (|w_i| e_j + |w_j| e_i + e_i e_j). `errors` are over the
    same power of two.
    """
    found = []
    for law in laws:
        sums: dict[int, int] = {}
        for monomial, coefficient in law.polynomial.terms:
            still = moved = abs(coefficient)
            for coordinate in monomial:
                size = abs(numbers.integers[coordinate])
                still *= size
                moved *= size + errors.integers[coordinate]
            sums[len(monomial)] = sums.get(len(monomial), 0) + moved - still
        found.append(numbers.sum(sums))
    return found


def scales(laws: Sequence[Law], numbers: Dyadic) -> list[Fraction]:
    """For each law the sum of |c| (|x|^d + |y|^d + ...) / d over its terms c x y ... of degree d.

    For a quadratic law these are sums of squares. A linear term c x counts as c x y with y = 1.
    """
    found = []
    for law in laws:
        sums: dict[int, int] = {}
        ones = 0
        for monomial, coefficient in law.polynomial.terms:
            degree, size = max(2, len(monomial)), abs(coefficient)
            powers = sum(abs(numbers.integers[coordinate]) ** degree for coordinate in monomial)
            sums[degree] = sums.get(degree, 0) + size * powers
            ones += size * (len(monomial) == 1)
        total = Fraction(ones, 2)
        for degree, value in sums.items():
            total += numbers.sum({degree: value}) / degree
        found.append(total)
    return found


def upwards(value: Fraction) -> float:
    """The smallest float that is not below."""
    try:
        number = float(value)
    except OverflowError:
        return math.inf
    return number if math.isinf(number) or Fraction(number) >= value else math.nextafter(number, math.inf)


def nearest(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
