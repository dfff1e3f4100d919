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
