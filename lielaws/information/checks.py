"""Checks of numbers that the estimators share."""

from __future__ import annotations

import math
import operator
from typing import Any

from lielaws.errors import InvalidArgumentError


def probability(argument: str, value: Any) -> float:
    """Strictly between 0 and 1."""
    number = _number(argument, value, "a probability strictly between 0 and 1 is needed, such as 0.95")
    if not 0 < number < 1:
        raise InvalidArgumentError(argument, value, "a probability strictly between 0 and 1 is needed, such as 0.95")
    return number


def not_negative(argument: str, value: Any, what: str) -> float:
    number = _number(argument, value, f"{what}, a finite number >= 0, is needed")
    if not 0 <= number < math.inf:
        raise InvalidArgumentError(argument, value, f"{what}, a finite number >= 0, is needed")
    return number


def integer(argument: str, value: Any, least: int, most: int) -> int:
    remedy = f"an integer from {least} to {most} is needed"
    try:
        number = operator.index(value)
    except TypeError:
        raise InvalidArgumentError(argument, value, remedy) from None
    if isinstance(value, bool) or not least <= number <= most:
        raise InvalidArgumentError(argument, value, remedy)
    return number


def _number(argument: str, value: Any, remedy: str) -> float:
    if isinstance(value, bool | str):
        raise InvalidArgumentError(argument, value, remedy)
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidArgumentError(argument, value, remedy) from None
