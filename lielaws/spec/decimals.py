"""Numbers as they are written, read exactly: 0.1 is 1/10."""

from __future__ import annotations

import re
from fractions import Fraction

_MOST_DIGITS = 300
_LARGEST_EXPONENT = 300
_DECIMAL = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?")


def exact_decimal(text: str) -> Fraction:
    """The value of an integer or a decimal such as `3`, `-0.1`, `2.5e-3`.

    Raises ValueError for anything else, and for numbers of more than 300 digits, before they are computed.
    """
    if len(text) > 2 * _MOST_DIGITS:
        raise ValueError(f"numbers may have at most {_MOST_DIGITS} digits")
    match = _DECIMAL.fullmatch(text)
    if match is None or not (match[2] or match[3]):
        raise ValueError("a number such as 3, 0.1 or 2.5e-3 is needed")
    exponent = match[4] or "0"
    if len(match[2] + (match[3] or "")) > _MOST_DIGITS:
        raise ValueError(f"numbers may have at most {_MOST_DIGITS} digits")
    if len(exponent) > 5 or abs(int(exponent)) > _LARGEST_EXPONENT:
        raise ValueError(f"the exponent of ten may be at most {_LARGEST_EXPONENT}")
    return Fraction(text)


def exact_rational(text: str) -> Fraction:
    """The value of a decimal or of a quotient of two, such as `1/10`. Raises ValueError."""
    numerator, slash, denominator = text.partition("/")
    value = exact_decimal(numerator.strip())
    if not slash:
        return value
    divisor = exact_decimal(denominator.strip())
    if divisor == 0:
        raise ValueError("division by zero")
    return value / divisor
