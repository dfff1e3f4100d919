"""Elementwise activations by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from lielaws.engine.graph.operations import Operations
from lielaws.engine.graph.trace import Array, as_rational
from lielaws.errors import InvalidArgumentError, nearest

Activation = Callable[[Operations, Array], Array]

ACTIVATIONS: dict[str, Activation] = {
    "linear": lambda ops, a: a,
    "relu": lambda ops, a: ops.relu(a),
    "leaky_relu": lambda ops, a: ops.leaky_relu(a),
    "abs": lambda ops, a: ops.abs(a),
    "square": lambda ops, a: a**2,
    "cube": lambda ops, a: a**3,
    "relu2": lambda ops, a: ops.relu(a) ** 2,
    "exp": lambda ops, a: ops.exp(a),
    "sin": lambda ops, a: ops.sin(a),
    "cos": lambda ops, a: ops.cos(a),
    "sigmoid": lambda ops, a: ops.sigmoid(a),
    "tanh": lambda ops, a: ops.tanh(a),
    "softplus": lambda ops, a: ops.softplus(a),
    "silu": lambda ops, a: ops.silu(a),
    "mish": lambda ops, a: ops.mish(a),
    "erf": lambda ops, a: ops.erf(a),
    "gelu": lambda ops, a: ops.gelu(a),
    "gelu_tanh": lambda ops, a: ops.gelu_tanh(a),
}
_POWER = re.compile(r"power([1-9][0-9]?)")


def find_activation(name: Any, slope: Any = None) -> Activation:
    """The activation of that name: one of ACTIVATIONS, or `power<k>` for k from 1 to 99.

    slope : slope of the negative part, for "leaky_relu" only
    """
    if not isinstance(name, str):
        raise InvalidArgumentError("activation", name, "a name is needed: " + ", ".join(ACTIVATIONS))
    if slope is not None:
        return _leaky(name, slope)
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    if match := _POWER.fullmatch(name):
        exponent = int(match.group(1))
        return lambda ops, a: a**exponent
    raise InvalidArgumentError("activation", name, nearest(name, [*ACTIVATIONS, "power3"]))


def _leaky(name: str, slope: Any) -> Activation:
    number = as_rational(slope) if not isinstance(slope, bool) else None
    if name != "leaky_relu" or number is None:
        raise InvalidArgumentError("slope", slope, "a number is needed, and only activation 'leaky_relu' has a slope")
    exact: Fraction = number
    return lambda ops, a: ops.leaky_relu(a, exact)
