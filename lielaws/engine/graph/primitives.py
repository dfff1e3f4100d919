"""The primitives: for each its constructor, its derivative rule, and how an arithmetic evaluates it.

A derivative rule takes the node and the cotangent of its value and returns the cotangents of its inputs, as nodes.
The set is closed under these rules, so reverse mode turns a graph into a graph.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from string import ascii_lowercase
from typing import Any

import numpy as np

from lielaws.engine.arithmetic.base import IndexMap
from lielaws.engine.graph.contraction import ContractionPlan, parse_subscripts, plan_contraction
from lielaws.engine.graph.node import Node, Shape

Cotangents = tuple[Node | None, ...]


@dataclass(frozen=True, slots=True)
class Primitive:
    """`evaluate(arithmetic, node, *values)` and `pullback(node, cotangent)`."""

    evaluate: Callable[..., Any]
    pullback: Callable[[Node, Node], Cotangents]


# Arithmetic


def add(left: Node, right: Node) -> Node:
    if left.shape != right.shape:
        raise ValueError(f"shapes {left.shape} and {right.shape} differ")
    if left.serial > right.serial:
        left, right = right, left
    return left.graph.node("add", (left, right), None, left.shape)


def scale(factor: Fraction | int, a: Node) -> Node:
    """A rational multiple; nested multiples are merged so that equal functions stay equal nodes."""
    factor = Fraction(factor)
    if a.op == "scale":
        factor, a = factor * a.static, a.inputs[0]
    return a if factor == 1 else a.graph.node("scale", (a,), factor, a.shape)


def contract(subscripts: str, left: Node, right: Node) -> Node:
    """An einsum of two operands in which each index of an operand reaches the output or the other operand."""
    shape = plan_contraction(subscripts, left.shape, right.shape).shape
    left_indices, right_indices, output = parse_subscripts(subscripts)
    if left_indices == right_indices == output and left.serial > right.serial:
        left, right = right, left
    return left.graph.node("contract", (left, right), subscripts, shape)


def multiply(left: Node, right: Node) -> Node:
    """The elementwise product of arrays of one shape."""
    indices = ascii_lowercase[: len(left.shape)]
    return contract(f"{indices},{indices}->{indices}", left, right)


def power(a: Node, exponent: int) -> Node:
    """a ** exponent for an integer exponent of at least 1."""
    if exponent < 1:
        raise ValueError(f"exponent {exponent} below 1")
    if a.op == "power":
        a, exponent = a.inputs[0], exponent * a.static
    return a if exponent == 1 else a.graph.node("power", (a,), exponent, a.shape)


def reciprocal(a: Node) -> Node:
    return a.graph.node("reciprocal", (a,), None, a.shape)


# Moving entries around. Each has its transpose in the set.


def reshape(a: Node, shape: Shape) -> Node:
    if math.prod(shape) != a.size:
        raise ValueError(f"{a.size} entries do not fill shape {shape}")
    if a.op == "reshape":
        a = a.inputs[0]
    return a if a.shape == shape else a.graph.node("reshape", (a,), None, shape)


def permute(a: Node, axes: tuple[int, ...]) -> Node:
    """Axis k of the result is axis axes[k] of `a`."""
    if a.op == "permute":
        axes, a = tuple(a.static[axis] for axis in axes), a.inputs[0]
    if axes == tuple(range(len(axes))):
        return a
    return a.graph.node("permute", (a,), axes, tuple(a.shape[axis] for axis in axes))


def broadcast(a: Node, shape: Shape, axes: tuple[int, ...]) -> Node:
    """Repeat `a` along new axes, which stand at the positions `axes` of the result."""
    if not axes:
        return a
    return a.graph.node("broadcast", (a,), axes, shape)


def sum_axes(a: Node, axes: tuple[int, ...]) -> Node:
    """The sum over the given axes, which must not be negative."""
    if not axes:
        return a
    shape = tuple(size for axis, size in enumerate(a.shape) if axis not in axes)
    return a.graph.node("sum", (a,), tuple(sorted(axes)), shape)


def gather(a: Node, index: IndexMap, shape: Shape) -> Node:
    """Entry k of the result (flattened) is entry index[k] of `a` (flattened)."""
    return a.graph.node("gather", (a,), index, shape)


def scatter(a: Node, index: IndexMap, shape: Shape) -> Node:
    """Entry k of `a` (flattened) is added to entry index[k] of the result (flattened), which starts from zero."""
    return a.graph.node("scatter", (a,), index, shape)


# Piecewise linear functions: traced as they are, and replaced by gates before they are differentiated.


def piecewise(a: Node, below: Fraction, above: Fraction) -> Node:
    """below * a where a < 0, above * a elsewhere."""
    if below == above:
        return scale(above, a)
    return a.graph.node("piecewise", (a,), (below, above), a.shape)


def _plan(node: Node) -> ContractionPlan:
    return plan_contraction(node.static, node.inputs[0].shape, node.inputs[1].shape)


def _contract_pullback(node: Node, w: Node) -> Cotangents:
    left, right, output = parse_subscripts(node.static)
    a, b = node.inputs
    return contract(f"{output},{right}->{left}", w, b), contract(f"{output},{left}->{right}", w, a)


def _no_pullback(node: Node, w: Node) -> Cotangents:
    raise AssertionError("gates are lowered before differentiation")


PRIMITIVES = {
    "constant": Primitive(lambda ring, node: ring.constant(node.static, node.shape), lambda node, w: ()),
    "add": Primitive(lambda ring, node, a, b: ring.add(a, b), lambda node, w: (w, w)),
    "scale": Primitive(lambda ring, node, a: ring.scale(node.static, a), lambda node, w: (scale(node.static, w),)),
    "contract": Primitive(lambda ring, node, a, b: ring.contract(_plan(node), a, b), _contract_pullback),
    "power": Primitive(
        lambda ring, node, a: ring.power(a, node.static),
        lambda node, w: (multiply(w, scale(node.static, power(node.inputs[0], node.static - 1))),),
    ),
    "reciprocal": Primitive(
        lambda ring, node, a: ring.reciprocal(a), lambda node, w: (scale(-1, multiply(w, power(node, 2))),)
    ),
    "reshape": Primitive(
        lambda ring, node, a: ring.reshape(a, node.shape), lambda node, w: (reshape(w, node.inputs[0].shape),)
    ),
    "permute": Primitive(
        lambda ring, node, a: ring.permute(a, node.static),
        lambda node, w: (permute(w, tuple(np.argsort(node.static).tolist())),),
    ),
    "broadcast": Primitive(
        lambda ring, node, a: ring.broadcast(a, node.shape, node.static), lambda node, w: (sum_axes(w, node.static),)
    ),
    "sum": Primitive(
        lambda ring, node, a: ring.sum(a, node.static),
        lambda node, w: (broadcast(w, node.inputs[0].shape, node.static),),
    ),
    "gather": Primitive(
        lambda ring, node, a: ring.gather(a, node.static, node.shape),
        lambda node, w: (scatter(w, node.static, node.inputs[0].shape),),
    ),
    "scatter": Primitive(
        lambda ring, node, a: ring.scatter(a, node.static, node.shape),
        lambda node, w: (gather(w, node.static, node.inputs[0].shape),),
    ),
    "piecewise": Primitive(lambda ring, node, a: ring.piecewise(a, *node.static), _no_pullback),
}
"""how each is evaluated in an arithmetic, and its derivative rule for the cotangent w of its value"""
