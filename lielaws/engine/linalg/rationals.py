"""Rational numbers of Python, FLINT and sympy, one as another."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import flint


def as_fmpq(number: Fraction | int) -> Any:
    """A number of FLINT."""
    return flint.fmpq(number.numerator, number.denominator)


def as_fraction(number: Any) -> Fraction:
    """A rational number of FLINT, or of sympy."""
    return Fraction(int(number.p), int(number.q))
