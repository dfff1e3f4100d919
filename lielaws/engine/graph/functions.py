"""Primitives beyond rational functions: exponentials, logarithms, Gaussian integrals, the circle, square roots.

Each is determined by its derivative rule; an arithmetic supplies its value at a base point. All other activations are
composed of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from lielaws.engine.graph.node import Node
from lielaws.engine.graph.primitives import PRIMITIVES, Cotangents, Primitive, multiply, power, reciprocal, scale


def exp(a: Node, axis: int | None = None, *, bounded: bool = False) -> Node:
    """The exponential. Where only ratios matter, floats may be kept in range.

    axis : only ratios of the values along this axis matter, as in softmax: in floats the largest is scaled to 1
    bounded : only E / (1 + E) matters, as in sigmoids: in floats the argument is cut off where that is 0 or 1
    """
    static = ("shifted", axis) if axis is not None else ("bounded",) if bounded else None
    return a.graph.node("exp", (a,), static, a.shape)


def log(a: Node) -> Node:
    return _function("log", a)


def gauss(a: Node) -> Node:
    """The integral of exp(-t^2 / 2) from 0 to a; its second input is exp(-a^2 / 2)."""
    return _function("gauss", a, exp(scale(Fraction(-1, 2), power(a, 2))))


def cos(a: Node) -> Node:
    return _function("cos", a)


def sin(a: Node) -> Node:
    return _function("sin", a)


def sqrt(a: Node) -> Node:
    return _function("sqrt", a)


def _function(op: str, *inputs: Node) -> Node:
    return inputs[0].graph.node(op, inputs, None, inputs[0].shape)


_RULES: Mapping[str, Callable[[Node, Node], Node]] = {
    "exp": lambda node, w: multiply(w, node),
    "log": lambda node, w: multiply(w, reciprocal(node.inputs[0])),
    "gauss": lambda node, w: multiply(w, node.inputs[1]),
    "cos": lambda node, w: scale(-1, multiply(w, sin(node.inputs[0]))),
    "sin": lambda node, w: multiply(w, cos(node.inputs[0])),
    "sqrt": lambda node, w: multiply(w, scale(Fraction(1, 2), reciprocal(node))),
}
"""the cotangent of the argument for the cotangent w of the value"""

FUNCTIONS = tuple(_RULES)


def _evaluate(arithmetic: Any, node: Node, *values: Any) -> Any:
    return getattr(arithmetic, node.op)(*values, node)


def _pullback(node: Node, cotangent: Node) -> Cotangents:
    return _RULES[node.op](node, cotangent), *[None] * (len(node.inputs) - 1)


PRIMITIVES.update(dict.fromkeys(FUNCTIONS, Primitive(_evaluate, _pullback)))
