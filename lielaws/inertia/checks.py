"""Checks of what callers give: each returns the value as the code works with it, or raises one clear error."""

from __future__ import annotations

import math
from fractions import Fraction
from numbers import Integral, Real
from typing import Any

import numpy as np

from lielaws.errors import InvalidArgumentError


def finite(name: str, value: Any) -> float:
    """A finite real number as float; text and truth values are no numbers."""
    number = _number(name, value)
    if not math.isfinite(number):
        raise InvalidArgumentError(name, value, "a finite number is needed")
    return number


def nonnegative(name: str, value: Any) -> float:
    number = finite(name, value)
    if number < 0:
        raise InvalidArgumentError(name, value, "must not be negative")
    return number


def positive(name: str, value: Any) -> float:
    number = finite(name, value)
    if number <= 0:
        raise InvalidArgumentError(name, value, "must be positive")
    return number


def count(name: str, value: Any, least: int = 1) -> int:
    """An integer that is at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise InvalidArgumentError(name, value, f"an integer of at least {least} is needed")
    return int(value)


def flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise InvalidArgumentError(name, value, "True or False is needed")
    return bool(value)


def generator(seed: Any) -> np.random.Generator:
    """A numpy Generator from one, or from a seed."""
    if isinstance(seed, np.random.Generator):
        return seed
    return np.random.default_rng(count("seed", seed, least=0))


def _number(name: str, value: Any) -> float:
    remedy = "a real number is needed"
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool | np.bool_) or not (isinstance(value, Real | Fraction) or _is_sympy_number(value)):
        raise InvalidArgumentError(name, value, remedy)
    try:
        return float(value)
    except (OverflowError, TypeError, ValueError) as problem:
        raise InvalidArgumentError(name, value, remedy) from problem


def _is_sympy_number(value: Any) -> bool:
    return getattr(value, "is_number", False) is True and getattr(value, "is_extended_real", False) is True
