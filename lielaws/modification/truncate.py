"""Truncation to low rank whose result has that rank exactly, as a matrix of floats."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.checks import count
from lielaws.errors import InvalidArgumentError
from lielaws.modification.chain import LOW_RANK, Modification
from lielaws.modification.model_sources import as_model
from lielaws.modification.tensor_values import as_matrix, chosen_names

_MANTISSA = 53


def truncate(model: Any, rank: int | Mapping[str, int], *, tensors: Any = None) -> Modification:
    """Replace matrices by ones of low rank that are nearly the nearest.

    Parameters
    ----------
    model : a Model, or what :func:`as_model` makes one of
    rank : at least 1, the same for all tensors, or a mapping of tensor to rank. A tensor whose shape allows no more
        stays. Tensors with more than two axes are read as matrices (first axis, all others)
    tensors : which, with one rank for all; by default all with two axes or more

    The singular vectors are those of scipy's ARPACK; the factors are then rounded to about 24 binary digits, so that
    their product is exact in floats and has rank at most `rank` for certain. `errors` in the settings is the Frobenius
    distance from the tensor before.
    """
    start = as_model(model)
    if isinstance(rank, Mapping):
        names = chosen_names("rank", list(rank), start.shapes, ())
        wanted = {name: count(f"rank['{name}']", rank[name]) for name in names}
    else:
        names = chosen_names("tensors", tensors, start.shapes, start.matrices)
        wanted = dict.fromkeys(names, count("rank", rank))
    params, errors = {}, {}
    for name, target in wanted.items():
        value = start.params[name]
        if value.ndim < 2:
            raise InvalidArgumentError("tensors", name, f"it has shape {value.shape}; two axes or more are needed")
        matrix = as_matrix(value)
        params[name] = low_rank(matrix, target).reshape(value.shape)
        errors[name] = float(np.sqrt(np.sum((params[name] - value) ** 2)))
    settings: dict[str, Any] = {"rank": rank if not isinstance(rank, Mapping) else dict(wanted)}
    settings |= {"tensors": list(names), "errors": errors}
    return Modification(start, start.with_params(params), LOW_RANK, settings)


def low_rank(matrix: FloatArray, rank: int) -> FloatArray:
    """A matrix of floats with at most that rank, exactly, close to the nearest one."""
    if rank >= min(matrix.shape) or not matrix.any():
        return matrix
    from scipy.sparse.linalg import svds

    scale = 2.0 ** math.frexp(float(np.abs(matrix).max()))[1]
    # A fixed start makes the result the same every time.
    start = np.random.default_rng(0).normal(size=min(matrix.shape))
    left, values, right = svds(matrix / scale, k=rank, v0=start)
    roots = np.sqrt(values)
    factors = (left * roots, roots[:, None] * right)
    # Sums of `rank` products of integers below 2^digits stay below 2^53, so that they are exact in any order.
    digits = (_MANTISSA - math.ceil(math.log2(rank + 1))) // 2
    integers, exponent = [], 0
    for factor in factors:
        size = math.frexp(float(np.abs(factor).max()))[1]
        integers.append(np.rint(np.ldexp(factor, digits - 1 - size)))
        exponent += size - digits + 1
    return np.asarray(np.ldexp(integers[0] @ integers[1], exponent) * scale)
