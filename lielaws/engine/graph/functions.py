"""Primitives beyond rational functions: exponentials, logarithms, Gaussian integrals, the circle, square roots.

Each is determined by its derivative rule; an arithmetic supplies its value at a base point. All other activations are
composed of these.
"""

from __future__ import annotations

from fractions import Fraction

from lielaws.engine.graph.node import Node
from lielaws.engine.graph.primitives import Cotangents, multiply, power, primitive, reciprocal, scale

FUNCTIONS = ("exp", "log", "gauss", "cos", "sin", "sqrt")


def exp(a: Node, axis: int | None = None, *, bounded: bool = False) -> Node:
    """The exponential. Where only ratios matter, floats may be kept in range.

    axis : only ratios of the values along this axis matter, as in softmax: in floats the largest is scaled to 1
    bounded : only E / (1 + E) matters, as in sigmoids: in floats the argument is cut off where that is 0 or 1
    """
    static = ("shifted", axis) if axis is not None else ("bounded",) if bounded else None
    return a.graph.node("exp", (a,), static, a.shape)


@primitive("exp", lambda arithmetic, node, a: arithmetic.exp(a, node))
def _exp_pullback(node: Node, cotangent: Node) -> Cotangents:
    return (multiply(cotangent, node),)


def log(a: Node) -> Node:
    return a.graph.node("log", (a,), None, a.shape)


@primitive("log", lambda arithmetic, node, a: arithmetic.log(a, node))
def _log_pullback(node: Node, cotangent: Node) -> Cotangents:
    return (multiply(cotangent, reciprocal(node.inputs[0])),)


def gauss(a: Node) -> Node:
    """The integral of exp(-t^2 / 2) from 0 to a; its second input is exp(-a^2 / 2)."""
    density = exp(scale(Fraction(-1, 2), power(a, 2)))
    return a.graph.node("gauss", (a, density), None, a.shape)


@primitive("gauss", lambda arithmetic, node, a, density: arithmetic.gauss(a, density, node))
def _gauss_pullback(node: Node, cotangent: Node) -> Cotangents:
    return multiply(cotangent, node.inputs[1]), None


def cos(a: Node) -> Node:
    return a.graph.node("cos", (a,), None, a.shape)


def sin(a: Node) -> Node:
    return a.graph.node("sin", (a,), None, a.shape)


@primitive("cos", lambda arithmetic, node, a: arithmetic.cos(a, node))
def _cos_pullback(node: Node, cotangent: Node) -> Cotangents:
    return (scale(-1, multiply(cotangent, sin(node.inputs[0]))),)


@primitive("sin", lambda arithmetic, node, a: arithmetic.sin(a, node))
def _sin_pullback(node: Node, cotangent: Node) -> Cotangents:
    return (multiply(cotangent, cos(node.inputs[0])),)


def sqrt(a: Node) -> Node:
    return a.graph.node("sqrt", (a,), None, a.shape)


@primitive("sqrt", lambda arithmetic, node, a: arithmetic.sqrt(a, node))
def _sqrt_pullback(node: Node, cotangent: Node) -> Cotangents:
    return (multiply(cotangent, scale(Fraction(1, 2), reciprocal(node))),)
