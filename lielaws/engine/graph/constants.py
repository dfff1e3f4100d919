"""Irrational constants: free residues, the same wherever they occur, in exact arithmetic; numbers in floats."""

from __future__ import annotations

import math
import zlib

import numpy as np
import numpy.typing as npt

from lielaws.errors import InvalidArgumentError, nearest

FROZEN = "frozen "

CONSTANTS = {
    "sqrt_two": math.sqrt(2.0),
    "sqrt_two_over_pi": math.sqrt(2.0 / math.pi),
    "epsilon": 1e-5,
}


def constant_value(name: str) -> float:
    """The value of a named constant in float64."""
    if name not in CONSTANTS:
        raise InvalidArgumentError("constant", name, nearest(name, CONSTANTS))
    return CONSTANTS[name]


def constant_array(name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """The value of a constant leaf: that of a named constant, or fixed normal numbers for a frozen tensor."""
    if not name.startswith(FROZEN):
        return np.full(shape, constant_value(name))
    # The seed depends on the name alone, so that every run of the network has the same frozen tensor.
    return np.random.default_rng(zlib.crc32(name.encode())).normal(size=shape)
