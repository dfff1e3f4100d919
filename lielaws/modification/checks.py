"""Checks of what callers give to the modifications and the certificate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.errors import InvalidArgumentError, LieLawsError, nearest
from lielaws.inertia.arrays import as_array
from lielaws.inertia.checks import finite

FloatArray = npt.NDArray[np.float64]


def finite_array(name: str, value: Any) -> FloatArray:
    """A real array in float64 without NaN and infinity; may share memory with the input."""
    if isinstance(value, np.ma.MaskedArray):
        raise InvalidArgumentError(name, "a masked array", "fill the masked entries, or leave them out")
    array = as_array(name, value)
    if not np.isfinite(array).all():
        where = tuple(int(k[0]) for k in np.nonzero(np.atleast_1d(~np.isfinite(array))))
        text = f"{np.atleast_1d(array)[where]} at {list(where)}"
        raise InvalidArgumentError(name, text, "finite numbers are needed; look where NaN or infinity came from")
    return array


def as_matrix(tensor: FloatArray) -> FloatArray:
    """A tensor as a matrix, (first axis, all others together)."""
    return tensor.reshape(len(tensor), math.prod(tensor.shape[1:]))


def exact_number(value: Any) -> Fraction:
    """A number as the rational that it is. Raises TypeError or ValueError for what is none."""
    return Fraction(value if isinstance(value, int | Fraction) else float(value))


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


def share(name: str, value: Any) -> float:
    """A number from 0 to 1."""
    number = finite(name, value)
    if not 0 <= number <= 1:
        raise InvalidArgumentError(name, value, "a number from 0 to 1 is needed")
    return number


def choice(name: str, value: Any, known: Iterable[str]) -> str:
    """One of some words."""
    words = tuple(known)
    if not isinstance(value, str) or value not in words:
        raise InvalidArgumentError(name, value, nearest(str(value), words))
    return value


def chosen_names(name: str, value: Any, known: Mapping[str, Any], default: Iterable[str]) -> tuple[str, ...]:
    """Names of tensors: the default if None was given, else those that were, each of them known."""
    if value is None:
        return tuple(default)
    names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else None
    if names is None:
        raise InvalidArgumentError(name, value, "names of parameters are needed")
    for entry in names:
        if not isinstance(entry, str) or entry not in known:
            raise InvalidArgumentError(name, entry, nearest(str(entry), known))
    return tuple(dict.fromkeys(names))
