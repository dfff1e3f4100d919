"""Irrational constants: free residues, the same wherever they occur, in exact arithmetic; numbers in floats."""

from __future__ import annotations

import math

from lielaws.errors import InvalidArgumentError, nearest

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
