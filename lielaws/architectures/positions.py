"""Positions of tokens: rotations of heads, and sines and cosines that are added to the input."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.engine.graph.operations import Operations
from lielaws.engine.graph.trace import Array, as_rational
from lielaws.errors import InvalidArgumentError

Frequencies = tuple[Fraction, ...]

_BASE_EXPONENT = 4  # 10000 = 10^4, the usual base of sinusoidal positions


def checked_frequencies(argument: str, values: Any, count: int, what: str) -> Frequencies:
    """Rational numbers, `count` of them; floats are read as the decimal that they print."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InvalidArgumentError(argument, values, f"{count} numbers are needed, {what}")
    given = list(values)
    numbers = tuple(None if isinstance(value, bool) else as_rational(value) for value in given)
    checked = tuple(number for number in numbers if number is not None)
    if len(checked) < len(numbers):
        raise InvalidArgumentError(argument, given, "rational numbers are needed, such as [1, 0.1]")
    if len(checked) != count:
        raise InvalidArgumentError(argument, given, f"{count} numbers are needed, {what}")
    return checked


def checked_positions(positions: Any, frequencies: Any, d_model: int) -> Frequencies | None:
    """The frequencies of sinusoidal positions; None for no positions."""
    if positions is None:
        if frequencies is not None:
            raise InvalidArgumentError("frequencies", frequencies, "only positions='sinusoidal' have frequencies")
        return None
    if positions != "sinusoidal":
        raise InvalidArgumentError("positions", positions, "'sinusoidal' or none is needed")
    if frequencies is None:
        return _usual_frequencies(d_model)
    return checked_frequencies("frequencies", frequencies, (d_model + 1) // 2, "one for each pair of coordinates")


def positioned(ops: Operations, a: Array, frequencies: Frequencies | None) -> Array:
    """Add sin(m f_j) to coordinate 2 j and cos(m f_j) to 2 j + 1 of token m, for (..., tokens, d_model)."""
    if frequencies is None:
        return a
    tokens, d_model = a.shape[-2:]
    angles = _angles(ops, frequencies, tokens)
    joined = ops.stack([ops.sin(angles), ops.cos(angles)], axis=-1)
    return a + joined.reshape(tokens, 2 * len(frequencies))[:, :d_model]


def rotate(ops: Operations, a: Array, frequencies: Sequence[Fraction]) -> Array:
    """Rotate coordinates (2 j, 2 j + 1) of token m by the angle m f_j. `a` has shape (..., tokens, 2 pairs)."""
    angles = _angles(ops, frequencies, a.shape[-2])
    cos, sin = ops.cos(angles), ops.sin(angles)
    even, odd = a[..., 0::2], a[..., 1::2]
    return ops.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1).reshape(a.shape)


def _angles(ops: Operations, frequencies: Sequence[Fraction], tokens: int) -> Array:
    """(tokens, frequencies)"""
    return ops.array(np.array([[m * f for f in frequencies] for m in range(tokens)], dtype=object))


def _usual_frequencies(d_model: int) -> Frequencies:
    """10000^(-2 j / d_model) for each pair of coordinates, where all of them are rational."""
    pairs = range((d_model + 1) // 2)
    if any(2 * _BASE_EXPONENT * j % d_model for j in pairs):
        remedy = f"10000^(-2 j / {d_model}) is irrational; give rational `frequencies`, or take 1, 2, 4 or 8"
        raise InvalidArgumentError("d_model", d_model, remedy)
    return tuple(Fraction(1, 10 ** (2 * _BASE_EXPONENT * j // d_model)) for j in pairs)
