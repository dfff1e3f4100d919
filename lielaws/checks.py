"""Validators of arguments: each returns the value as the code works with it, or raises one clear error.

`needed` and `bound` replace the remedies where the caller can say more, as when it accepts a mapping by name as well.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from numbers import Complex, Real
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.errors import InvalidArgumentError, LieLawsError, nearest


def finite(argument: str, value: Any, needed: str = "a real number is needed") -> float:
    """A finite real number, or an array or tensor of shape () that holds one; texts and truth values are no numbers."""
    number = _real(argument, value, needed)
    if not math.isfinite(number):
        raise InvalidArgumentError(argument, value, "a finite number is needed")
    return number


def nonnegative(
    argument: str, value: Any, needed: str = "a real number is needed", bound: str = "must not be negative"
) -> float:
    number = finite(argument, value, needed)
    if number < 0:
        raise InvalidArgumentError(argument, value, bound)
    return number


def positive(
    argument: str, value: Any, needed: str = "a real number is needed", bound: str = "must be positive"
) -> float:
    number = finite(argument, value, needed)
    if number <= 0:
        raise InvalidArgumentError(argument, value, bound)
    return number


def share(argument: str, value: Any) -> float:
    number = finite(argument, value)
    if not 0 <= number <= 1:
        raise InvalidArgumentError(argument, value, "a number from 0 to 1 is needed")
    return number


def probability(argument: str, value: Any) -> float:
    """Strictly between 0 and 1."""
    needed = "a probability strictly between 0 and 1 is needed, such as 0.95"
    number = _real(argument, value, needed)
    if not 0 < number < 1:
        raise InvalidArgumentError(argument, value, needed)
    return number


def integer(
    argument: str, value: Any, least: float = -math.inf, most: float = math.inf, needed: str | None = None
) -> int:
    """An integer from `least` to `most`; truth values and floats are none, whatever their value."""
    with suppress(TypeError):
        if not isinstance(value, bool) and least <= (number := operator.index(value)) <= most:
            return number
    raise InvalidArgumentError(argument, value, needed or f"an integer from {least} to {most} is needed")


def count(argument: str, value: Any, least: int = 1) -> int:
    """An integer that is at least `least`."""
    return integer(argument, value, least, needed=f"an integer of at least {least} is needed")


def positive_int(argument: str, value: Any) -> int:
    """A size."""
    return integer(argument, value, 1, needed="a positive integer is needed")


def positive_ints(**values: Any) -> Iterator[int]:
    """Sizes, each with the name of its argument."""
    return (positive_int(argument, value) for argument, value in values.items())


def flag(argument: str, value: Any, needed: str = "True or False is needed") -> bool:
    if not isinstance(value, bool | np.bool_):
        raise InvalidArgumentError(argument, value, needed)
    return bool(value)


def generator(seed: Any) -> np.random.Generator:
    """A numpy Generator from one, or from a seed."""
    if isinstance(seed, np.random.Generator):
        return seed
    return np.random.default_rng(count("seed", seed, least=0))


def choice(argument: str, value: Any, known: Iterable[str]) -> str:
    """One of some words."""
    words = tuple(known)
    if not isinstance(value, str) or value not in words:
        raise InvalidArgumentError(argument, value, nearest(str(value), words))
    return value


def tensor(argument: str, values: Any, name: str, shape: tuple[int, ...]) -> FloatArray:
    """The array of one parameter, in float64 and of its shape, from a mapping of names to arrays."""
    if not isinstance(values, Mapping):
        raise InvalidArgumentError(argument, values, "a mapping of parameter names to arrays is needed")
    if name not in values:
        raise InvalidArgumentError(argument, sorted(values), f"parameter '{name}' of shape {shape} is missing")
    try:
        array = np.asarray(values[name], dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidArgumentError(f"{argument}['{name}']", values[name], "an array of numbers is needed") from None
    if array.shape != shape:
        found = f"array of shape {array.shape}"
        raise InvalidArgumentError(f"{argument}['{name}']", found, f"shape {shape} is needed")
    return array


def called(argument: str, value: Any, remedy: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function of the caller's returns.

    Raises InvalidArgumentError if it fails, with what went wrong in the place of {} in the remedy.
    """
    try:
        return function(*arguments)
    except LieLawsError:
        raise
    except Exception as error:
        raise InvalidArgumentError(argument, value, remedy.format(f"{type(error).__name__}: {error}")) from error


def _real(argument: str, value: Any, needed: str) -> float:
    number = value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
    complex_only = isinstance(number, Complex) and not isinstance(number, Real)
    try:
        if isinstance(number, bool | np.bool_ | str | bytes) or complex_only or np.ndim(number) > 0:
            raise TypeError
        return float(number)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise InvalidArgumentError(argument, value, needed) from None
