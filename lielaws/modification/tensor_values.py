"""Tensors, numbers and names of tensors as callers give them to the modifications and the certificate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.checks import choice
from lielaws.errors import InvalidArgumentError
from lielaws.inertia.flat_parameters import as_array


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


def chosen_names(name: str, value: Any, known: Mapping[str, Any], default: Iterable[str]) -> tuple[str, ...]:
    """Names of tensors: the default if None was given, else those that were, each of them known."""
    if value is None:
        return tuple(default)
    names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else None
    if names is None:
        raise InvalidArgumentError(name, value, "names of parameters are needed")
    for entry in names:
        choice(name, entry, known)
    return tuple(dict.fromkeys(names))
