"""Rational numbers: those of Python, FLINT and sympy, one as another, and what several are multiples of."""

from __future__ import annotations

import math
from collections.abc import Collection
from fractions import Fraction
from typing import Any

import flint


def as_fmpq(number: Fraction | int) -> Any:
    """A number of FLINT."""
    return flint.fmpq(number.numerator, number.denominator)


def as_fraction(number: Any) -> Fraction:
    """A rational number of FLINT, or of sympy."""
    return Fraction(int(number.p), int(number.q))


def common_divisor(numbers: Collection[Fraction]) -> Fraction:
    """The largest number of which all are integer multiples."""
    return Fraction(math.gcd(*(x.numerator for x in numbers)), math.lcm(*(x.denominator for x in numbers)))
