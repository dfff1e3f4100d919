"""The primitives: for each its constructor, its derivative rule, and how an arithmetic evaluates it.

A derivative rule takes the node and the cotangent of its value and returns the cotangents of its inputs, as nodes.
The set is closed under these rules, so reverse mode turns a graph into a graph.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.engine.arithmetic.base import IndexMap
from lielaws.engine.graph.contraction import parse_subscripts, plan_contraction
from lielaws.engine.graph.node import Node, Shape

Cotangents = tuple[Node | None, ...]


@dataclass(frozen=True, slots=True)
class Primitive:
    """`evaluate(arithmetic, node, *values)` and `pullback(node, cotangent)`."""

    evaluate: Callable[..., Any]
    pullback: Callable[[Node, Node], Cotangents]


PRIMITIVES: dict[str, Primitive] = {}


def primitive(name: str, evaluate: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a primitive by its derivative rule."""

    def register(pullback: Callable[[Node, Node], Cotangents]) -> Callable[[Node, Node], Cotangents]:
        PRIMITIVES[name] = Primitive(evaluate, pullback)
        return pullback

    return register


def _no_inputs(node: Node, cotangent: Node) -> Cotangents:
    return ()


primitive("constant", lambda arithmetic, node: arithmetic.constant(node.static, node.shape))(_no_inputs)


# Arithmetic


def add(left: Node, right: Node) -> Node:
    if left.shape != right.shape:
        raise ValueError(f"shapes {left.shape} and {right.shape} differ")
    if left.serial > right.serial:
        left, right = right, left
    return left.graph.node("add", (left, right), None, left.shape)


@primitive("add", lambda arithmetic, node, left, right: arithmetic.add(left, right))
def _add_pullback(node: Node, cotangent: Node) -> Cotangents:
    return cotangent, cotangent


def scale(factor: Fraction | int, a: Node) -> Node:
    """A rational multiple; nested multiples are merged so that equal functions stay equal nodes."""
    factor = Fraction(factor)
    if a.op == "scale":
        factor, a = factor * a.static, a.inputs[0]
    return a if factor == 1 else a.graph.node("scale", (a,), factor, a.shape)


@primitive("scale", lambda arithmetic, node, a: arithmetic.scale(node.static, a))
def _scale_pullback(node: Node, cotangent: Node) -> Cotangents:
    return (scale(node.static, cotangent),)


def contract(subscripts: str, left: Node, right: Node) -> Node:
    """An einsum of two operands in which each index of an operand reaches the output or the other operand."""
    shape = plan_contraction(subscripts, left.shape, right.shape).shape
    left_indices, right_indices, output = parse_subscripts(subscripts)
    if left_indices == right_indices == output and left.serial > right.serial:
        left, right = right, left
    return left.graph.node("contract", (left, right), subscripts, shape)


def _evaluate_contract(arithmetic: Any, node: Node, left: Any, right: Any) -> Any:
    plan = plan_contraction(node.static, node.inputs[0].shape, node.inputs[1].shape)
    return arithmetic.contract(plan, left, right)


@primitive("contract", _evaluate_contract)
def _contract_pullback(node: Node, cotangent: Node) -> Cotangents:
    left, right, output = parse_subscripts(node.static)
    a, b = node.inputs
    return contract(f"{output},{right}->{left}", cotangent, b), contract(f"{output},{left}->{right}", cotangent, a)


_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def multiply(left: Node, right: Node) -> Node:
    """The elementwise product of arrays of one shape."""
    indices = _LETTERS[: len(left.shape)]
    return contract(f"{indices},{indices}->{indices}", left, right)


def power(a: Node, exponent: int) -> Node:
    """a ** exponent for an integer exponent of at least 1."""
    if exponent < 1:
        raise ValueError(f"exponent {exponent} below 1")
    if a.op == "power":
        a, exponent = a.inputs[0], exponent * a.static
    return a if exponent == 1 else a.graph.node("power", (a,), exponent, a.shape)


@primitive("power", lambda arithmetic, node, a: arithmetic.power(a, node.static))
def _power_pullback(node: Node, cotangent: Node) -> Cotangents:
    derivative = scale(node.static, power(node.inputs[0], node.static - 1))
    return (multiply(cotangent, derivative),)


def reciprocal(a: Node) -> Node:
    return a.graph.node("reciprocal", (a,), None, a.shape)


@primitive("reciprocal", lambda arithmetic, node, a: arithmetic.reciprocal(a))
def _reciprocal_pullback(node: Node, cotangent: Node) -> Cotangents:
    return (scale(-1, multiply(cotangent, power(node, 2))),)


# Moving entries around. Each has its transpose in the set.


def reshape(a: Node, shape: Shape) -> Node:
    if math.prod(shape) != a.size:
        raise ValueError(f"{a.size} entries do not fill shape {shape}")
    if a.op == "reshape":
        a = a.inputs[0]
    return a if a.shape == shape else a.graph.node("reshape", (a,), None, shape)


@primitive("reshape", lambda arithmetic, node, a: arithmetic.reshape(a, node.shape))
def _reshape_pullback(node: Node, cotangent: Node) -> Cotangents:
    return (reshape(cotangent, node.inputs[0].shape),)


def permute(a: Node, axes: tuple[int, ...]) -> Node:
    """Axis k of the result is axis axes[k] of `a`."""
    if a.op == "permute":
        axes, a = tuple(a.static[axis] for axis in axes), a.inputs[0]
    if axes == tuple(range(len(axes))):
        return a
    return a.graph.node("permute", (a,), axes, tuple(a.shape[axis] for axis in axes))


@primitive("permute", lambda arithmetic, node, a: arithmetic.permute(a, node.static))
def _permute_pullback(node: Node, cotangent: Node) -> Cotangents:
    return (permute(cotangent, tuple(int(axis) for axis in np.argsort(node.static))),)


def broadcast(a: Node, shape: Shape, axes: tuple[int, ...]) -> Node:
    """Repeat `a` along new axes, which stand at the positions `axes` of the result."""
    if not axes:
        return a
    return a.graph.node("broadcast", (a,), axes, shape)


@primitive("broadcast", lambda arithmetic, node, a: arithmetic.broadcast(a, node.shape, node.static))
def _broadcast_pullback(node: Node, cotangent: Node) -> Cotangents:
    return (sum_axes(cotangent, node.static),)


def sum_axes(a: Node, axes: tuple[int, ...]) -> Node:
    """The sum over the given axes, which must not be negative."""
    if not axes:
        return a
    shape = tuple(size for axis, size in enumerate(a.shape) if axis not in axes)
    return a.graph.node("sum", (a,), tuple(sorted(axes)), shape)


@primitive("sum", lambda arithmetic, node, a: arithmetic.sum(a, node.static))
def _sum_pullback(node: Node, cotangent: Node) -> Cotangents:
    return (broadcast(cotangent, node.inputs[0].shape, node.static),)


def gather(a: Node, index: IndexMap, shape: Shape) -> Node:
    """Entry k of the result (flattened) is entry index[k] of `a` (flattened)."""
    return a.graph.node("gather", (a,), index, shape)


@primitive("gather", lambda arithmetic, node, a: arithmetic.gather(a, node.static, node.shape))
def _gather_pullback(node: Node, cotangent: Node) -> Cotangents:
    return (scatter(cotangent, node.static, node.inputs[0].shape),)


def scatter(a: Node, index: IndexMap, shape: Shape) -> Node:
    """Entry k of `a` (flattened) is added to entry index[k] of the result (flattened), which starts from zero."""
    return a.graph.node("scatter", (a,), index, shape)


@primitive("scatter", lambda arithmetic, node, a: arithmetic.scatter(a, node.static, node.shape))
def _scatter_pullback(node: Node, cotangent: Node) -> Cotangents:
    return (gather(cotangent, node.static, node.inputs[0].shape),)


# Piecewise linear functions: traced as they are, and replaced by gates before they are differentiated.


def piecewise(a: Node, below: Fraction, above: Fraction) -> Node:
    """below * a where a < 0, above * a elsewhere."""
    if below == above:
        return scale(above, a)
    return a.graph.node("piecewise", (a,), (below, above), a.shape)


@primitive("piecewise", lambda arithmetic, node, a: arithmetic.piecewise(a, *node.static))
def _piecewise_pullback(node: Node, cotangent: Node) -> Cotangents:
    raise AssertionError("gates are lowered before differentiation")
