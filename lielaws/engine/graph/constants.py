"""Constants of networks by name: true numbers, and generic ones, which stand for all but special values."""

from __future__ import annotations

import math
import zlib

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.engine.graph.node import Leaf
from lielaws.errors import InvalidArgumentError, nearest

FROZEN = "frozen "

NUMBERS = {
    "sqrt_two": math.sqrt(2.0),
    "sqrt_two_over_pi": math.sqrt(2.0 / math.pi),
    "e": math.e,
}
"""irrational numbers: exact arithmetic knows their algebraic relations, enclosures their values"""

GENERIC = {"epsilon": 1e-5}
"""positive numbers that stand for any, with the value that `forward` uses"""

_VALUES = NUMBERS | GENERIC


def check_constant(name: str) -> None:
    """Raises InvalidArgumentError for a name that is not known."""
    if name not in _VALUES:
        remedy = f"{nearest(str(name), _VALUES)}; a generic constant of your own is ops.frozen(name, ())"
        raise InvalidArgumentError("constant", name, remedy)


def is_generic(leaf: Leaf) -> bool:
    """Whether a leaf is a constant that stands for any number."""
    return leaf.role == "constant" and leaf.name not in NUMBERS


def is_positive(leaf: Leaf) -> bool:
    """Whether a leaf stands for a positive number, as all named constants do; frozen tensors have any sign."""
    return leaf.role == "constant" and not leaf.name.startswith(FROZEN)


def constant_array(name: str, shape: tuple[int, ...]) -> FloatArray:
    """The value of a constant leaf in float64: that of a number, or fixed normal numbers for a frozen tensor."""
    if not name.startswith(FROZEN):
        check_constant(name)
        return np.full(shape, _VALUES[name])
    # The seed depends on the name alone, so that every run of the network has the same frozen tensor.
    drawn = np.random.default_rng(zlib.crc32(name.encode())).normal(size=shape)
    return np.abs(drawn) if name.endswith("|") else drawn


def frozen_name(constant: str) -> str:
    """What a frozen tensor is called outside; empty for other constants."""
    return constant.removeprefix(FROZEN).strip("|") if constant.startswith(FROZEN) else ""
