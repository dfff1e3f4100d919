"""Quotients of polynomials over Q in many variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MOST_TERMS = 4000


class TooManyTermsError(Exception):
    """Polynomials are too large."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A quotient of polynomials over Q."""

    above: Any
    below: Any

    def __add__(self, other: Ratio) -> Ratio:
        if self.below == other.below:
            return _checked(self.above + other.above, self.below)
        return _checked(self.above * other.below + other.above * self.below, self.below * other.below)

    def __mul__(self, other: Ratio) -> Ratio:
        return _checked(self.above * other.above, self.below * other.below)

    def __pow__(self, exponent: int) -> Ratio:
        return _checked(self.above**exponent, self.below**exponent)

    def inverse(self) -> Ratio:
        if self.above == 0:
            raise ZeroDivisionError
        return Ratio(self.below, self.above)

    def reduced(self, number: int, square: Ratio, symbol: Ratio) -> Ratio:
        """With the square of a symbol replaced."""
        above, below = (_split(part, number, square, symbol) for part in (self.above, self.below))
        return above * below.inverse()


def _split(polynomial: Any, number: int, square: Ratio, symbol: Ratio) -> Ratio:
    context = polynomial.context()
    parts: dict[int, dict[Any, Any]] = {}
    for powers, coefficient in polynomial.to_dict().items():
        rest = tuple(0 if k == number else power for k, power in enumerate(powers))
        parts.setdefault(int(powers[number]), {})[rest] = coefficient
    one = context.constant(1)
    total = Ratio(context.constant(0), one)
    for exponent, terms in parts.items():
        total += Ratio(context.from_dict(terms), one) * square ** (exponent // 2) * symbol ** (exponent % 2)
    return total


def _checked(above: Any, below: Any) -> Ratio:
    if len(above) > MOST_TERMS or len(below) > MOST_TERMS:
        raise TooManyTermsError
    if above == 0:
        return Ratio(above, below.context().constant(1))
    if below.total_degree() > 0:
        common = above.gcd(below)
        if common.total_degree() > 0:
            above, below = divmod(above, common)[0], divmod(below, common)[0]
    return Ratio(above, below)
