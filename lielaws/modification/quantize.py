"""Uniform quantization whose error is at most half a step, for certain."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.checks import choice, count
from lielaws.errors import InvalidArgumentError
from lielaws.modification.chain import QUANTIZE, Modification
from lielaws.modification.model_sources import as_model
from lielaws.modification.tensor_values import as_matrix, chosen_names

_MANTISSA = 53
_SMALLEST_STEP = 2.0**-960
_FEWEST_DIGITS = 8


def quantize(
    model: Any, bits: int, *, scheme: str = "symmetric", per: str = "tensor", tensors: Iterable[str] | None = None
) -> Modification:
    """Round weights to the nearest of 2^bits equally spaced numbers.

    Parameters
    ----------
    model : a Model, or what :func:`as_model` makes one of
    bits : 1 to 32; from 2 on for the symmetric scheme
    scheme : "symmetric": multiples of the step from -(2^(bits-1) - 1) to 2^(bits-1) - 1, the step from the largest
        magnitude; "affine": 2^bits neighbouring multiples of the step, which is (largest - smallest) / (2^bits - 1)
    per : one step for each "tensor", or for each "row" along its first axis
    tensors : which; by default all with two axes or more

    Each weight moves by at most half a step, exactly; ties go up. The step is rounded up to so few digits that every
    multiple is a float: the quantized tensor is exactly a step times integers, and has the rank of the integers.
    """
    start = as_model(model)
    chosen = choice("scheme", scheme, ("symmetric", "affine"))
    if count("bits", bits, least=2 if chosen == "symmetric" else 1) > 32:
        raise InvalidArgumentError("bits", bits, "at most 32 bits are supported")
    by_row = choice("per", per, ("tensor", "row")) == "row"
    names = chosen_names("tensors", tensors, start.shapes, start.matrices)
    params, steps = {}, {}
    for name in names:
        value = start.params[name]
        rows = as_matrix(value) if by_row and value.ndim else value.reshape(1, -1)
        pairs = [_rounded(name, row, bits, chosen) for row in rows]
        params[name] = np.array([row for row, _ in pairs]).reshape(value.shape)
        sizes = [step for _, step in pairs]
        steps[name] = sizes if by_row and value.ndim else sizes[0]
    settings = {"bits": int(bits), "scheme": chosen, "per": per, "tensors": list(names), "step": steps}
    return Modification(start, start.with_params(params), QUANTIZE, settings)


def _rounded(name: str, values: FloatArray, bits: int, scheme: str) -> tuple[FloatArray, float]:
    """The nearest multiples of the step, and the step; 0 if the values are kept."""
    if not values.size:
        return values, 0.0
    low, high = float(values.min()), float(values.max())
    width = 2 * max(-low, high) if scheme == "symmetric" else high - low
    levels = 2**bits - 2 if scheme == "symmetric" else 2**bits - 1
    if not width:
        # All are zero, or all are equal: one level holds them.
        return values, 0.0
    if not _SMALLEST_STEP < width / levels < math.inf:
        raise InvalidArgumentError(f"params['{name}']", width, "entries of this size cannot be quantized; scale them")
    code_bits = max(bits, int(max(-low, high) / (width / levels) + 2).bit_length())
    if code_bits > _MANTISSA - 1 - _FEWEST_DIGITS:
        raise InvalidArgumentError(
            f"params['{name}']", low, "its range is too narrow for its distance from 0; centre it"
        )
    step = _short(width / levels, _MANTISSA - 1 - code_bits)
    codes = np.floor(values / step + 0.5)
    # Division rounds; the middle between two multiples is a float, and settles which one is nearest.
    codes += np.where(values >= (codes + 0.5) * step, 1.0, np.where(values < (codes - 0.5) * step, -1.0, 0.0))
    return codes * step, step


def _short(step: float, digits: int) -> float:
    """The step rounded up to so many binary digits: its multiples by integers of 53 - digits bits are floats."""
    mantissa, exponent = math.frexp(step * (1 + 2.0**-50))
    return math.ldexp(math.ceil(math.ldexp(mantissa, digits)), exponent - digits)
