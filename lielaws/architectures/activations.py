"""The table of elementwise activations: one row says all that the library knows of one of them.

Networks apply the row's function, specs name it, and the modifications read its degree and its Lipschitz constant. A
new activation is one row here and its values in tests/unit/architectures/test_activations.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.engine.graph.operations import Operations
from lielaws.engine.graph.trace import Array, as_rational
from lielaws.errors import InvalidArgumentError, nearest


@dataclass(frozen=True, slots=True)
class Activation:
    """An elementwise function s; called as `act(ops, a)`.

    name : in specs and as the keyword `activation`
    function : of (ops, a), over the primitives
    degree : d if s(c u) = c^d s(u) for all c > 0; None if there is no such d
    convex : whether s is convex
    lipschitz : the best constant L of |s(u) - s(v)| <= L |u - v|, and
    floats : s on arrays of floats; both None where no bound is needed or none exists
    """

    name: str
    function: Callable[[Operations, Array], Array]
    degree: int | None = None
    convex: bool = False
    lipschitz: float | None = None
    floats: Callable[[FloatArray], FloatArray] | None = None

    def __call__(self, ops: Operations, a: Array) -> Array:
        return self.function(ops, a)


def leaky_relu(slope: Fraction = Fraction(1, 100)) -> Activation:
    """u where u >= 0, slope * u elsewhere."""
    below = float(slope)
    return Activation(
        "leaky_relu",
        lambda ops, a: ops.leaky_relu(a, slope),
        degree=1,
        convex=slope <= 1,
        lipschitz=max(1.0, abs(below)),
        floats=lambda a: np.where(a >= 0, a, below * a),
    )


def power(exponent: int, name: str | None = None) -> Activation:
    """u^exponent."""
    convex = exponent == 1 or exponent % 2 == 0
    return Activation(name or f"power{exponent}", lambda ops, a: a**exponent, degree=exponent, convex=convex)


def _sigmoid(a: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-np.clip(a, -700, 700))))  # exp overflows above 709


_ROWS = (
    Activation("linear", lambda ops, a: a, degree=1, convex=True, lipschitz=1.0, floats=lambda a: a),
    Activation("relu", Operations.relu, degree=1, convex=True, lipschitz=1.0, floats=lambda a: np.maximum(a, 0.0)),
    leaky_relu(),
    Activation("abs", Operations.abs, degree=1, convex=True, lipschitz=1.0, floats=np.abs),
    power(2, "square"),
    power(3, "cube"),
    Activation("relu2", lambda ops, a: ops.relu(a) ** 2, degree=2, convex=True),
    Activation("exp", Operations.exp, convex=True),
    Activation("sin", Operations.sin, lipschitz=1.0, floats=np.sin),
    Activation("cos", Operations.cos, lipschitz=1.0, floats=np.cos),
    Activation("sigmoid", Operations.sigmoid, lipschitz=0.25, floats=_sigmoid),
    Activation("tanh", Operations.tanh, lipschitz=1.0, floats=np.tanh),
    Activation("softplus", Operations.softplus, convex=True, lipschitz=1.0, floats=lambda a: np.logaddexp(a, 0.0)),
    Activation("silu", Operations.silu),
    Activation("mish", Operations.mish),
    Activation("erf", Operations.erf),
    Activation("gelu", Operations.gelu),
    Activation("gelu_tanh", Operations.gelu_tanh),
)
ACTIVATIONS = {row.name: row for row in _ROWS}
_POWER = re.compile(r"power([1-9][0-9]?)")


def find_activation(name: Any, slope: Any = None) -> Activation:
    """The activation of that name: one of ACTIVATIONS, or `power<k>` for k from 1 to 99.

    slope : slope of the negative part, for "leaky_relu" only
    """
    if not isinstance(name, str):
        raise InvalidArgumentError("activation", name, "a name is needed: " + ", ".join(ACTIVATIONS))
    if slope is not None:
        number = None if isinstance(slope, bool) else as_rational(slope)
        if name != "leaky_relu" or number is None:
            remedy = "a number is needed, and only activation 'leaky_relu' has a slope"
            raise InvalidArgumentError("slope", slope, remedy)
        return leaky_relu(number)
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    if match := _POWER.fullmatch(name):
        return power(int(match.group(1)))
    raise InvalidArgumentError("activation", name, nearest(name, [*ACTIVATIONS, "power3"]))
