"""Tracing: arrays that look like numpy's and record what is done to them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.engine.arithmetic.base import IndexMap
from lielaws.engine.graph import primitives
from lielaws.engine.graph.node import Graph, Node, Shape
from lielaws.engine.linalg import as_fraction
from lielaws.errors import InvalidArgumentError, UnsupportedError


class Array:
    """A traced array: `+ - * / ** @`, indexing, `.T`, `.shape`, `.reshape`, `.sum`, `.mean`, with numpy's broadcasting.

    Only integer exponents are exact powers. Comparisons and branches on values are not traced: an architecture is
    one fixed computation.
    """

    __slots__ = ("node",)
    __array_ufunc__ = None  # numpy operands defer to the methods below

    def __init__(self, node: Node) -> None:
        self.node = node

    @property
    def shape(self) -> Shape:
        return self.node.shape

    @property
    def ndim(self) -> int:
        return len(self.node.shape)

    @property
    def size(self) -> int:
        return self.node.size

    @property
    def T(self) -> Array:
        return self.transpose()

    def transpose(self, *axes: int) -> Array:
        order = axes or tuple(range(self.ndim))[::-1]
        if sorted(order) != list(range(self.ndim)):
            raise InvalidArgumentError("axes", axes, f"a permutation of the {self.ndim} axes is needed")
        return Array(primitives.permute(self.node, tuple(order)))

    def reshape(self, *shape: int | Sequence[int]) -> Array:
        target: Any = shape[0] if len(shape) == 1 else shape
        try:
            resolved = np.empty(self.shape, dtype=np.bool_).reshape(target).shape
        except (ValueError, TypeError):
            remedy = f"it must hold the {self.size} entries of {self.shape}"
            raise InvalidArgumentError("shape", target, remedy) from None
        return Array(primitives.reshape(self.node, resolved))

    def sum(self, axis: int | Sequence[int] | None = None) -> Array:
        return Array(primitives.sum_axes(self.node, normalize_axes(axis, self.ndim)))

    def mean(self, axis: int | Sequence[int] | None = None) -> Array:
        count = math.prod(self.shape[a] for a in normalize_axes(axis, self.ndim))
        return self.sum(axis) * Fraction(1, count)

    def __getitem__(self, key: Any) -> Array:
        if isinstance(key, Array) or (isinstance(key, tuple) and any(isinstance(k, Array) for k in key)):
            raise UnsupportedError("index", key, "an index must be fixed integers or slices, not traced values")
        try:
            index = np.arange(self.size).reshape(self.shape)[key]
        except (IndexError, TypeError, ValueError):
            raise InvalidArgumentError("index", key, f"it does not fit an array of shape {self.shape}") from None
        shape = np.shape(index)
        if shape == self.shape and np.array_equal(np.ravel(index), np.arange(self.size)):
            return self
        return Array(primitives.gather(self.node, IndexMap.of(np.ravel(index)), shape))

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an array of shape () has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Array]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        remedy = "a traced array has no truth value; an architecture cannot branch on data"
        raise UnsupportedError("condition", self, remedy)

    def __neg__(self) -> Array:
        return Array(primitives.scale(-1, self.node))

    def __add__(self, other: Any) -> Array:
        return binary(self, other, primitives.add)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Array:
        return self + (-lift(other, self.node.graph))

    def __rsub__(self, other: Any) -> Array:
        return lift(other, self.node.graph) + (-self)

    def __mul__(self, other: Any) -> Array:
        if (factor := as_rational(other)) is not None:
            return Array(primitives.scale(factor, self.node))
        return binary(self, other, primitives.multiply)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Array:
        if (divisor := as_rational(other)) is not None:
            if divisor == 0:
                raise InvalidArgumentError("divisor", other, "division by zero")
            return self * (1 / divisor)
        return self * lift(other, self.node.graph) ** -1

    def __rtruediv__(self, other: Any) -> Array:
        return lift(other, self.node.graph) * self**-1

    def __pow__(self, exponent: Any) -> Array:
        rational = as_rational(exponent)
        if rational is None or rational.denominator != 1:
            raise UnsupportedError("exponent", exponent, "only integer powers are supported so far")
        count = int(rational)
        if count == 0:
            return Array(self.node.graph.constant([1] * self.size, self.shape))
        raised = primitives.power(self.node, abs(count))
        return Array(raised if count > 0 else primitives.reciprocal(raised))

    def __matmul__(self, other: Any) -> Array:
        return matmul(self, lift(other, self.node.graph))

    def __rmatmul__(self, other: Any) -> Array:
        return matmul(lift(other, self.node.graph), self)

    def __repr__(self) -> str:
        return f"traced array of shape {self.shape}"


def as_rational(value: Any) -> Fraction | None:
    """The exact value of a number, floats read as the decimal that they print; None if it is no number."""
    if isinstance(value, int | np.integer | np.bool_):
        return Fraction(int(value))
    if isinstance(value, Fraction):
        return value
    if isinstance(value, float | np.floating):
        if not math.isfinite(value):
            raise InvalidArgumentError("number", value, "it must be finite")
        return Fraction(repr(float(value)))
    if getattr(value, "is_Rational", False):
        return as_fraction(value)
    return None


def lift(value: Any, graph: Graph) -> Array:
    """A number or an array of numbers as a traced constant."""
    if isinstance(value, Array):
        return value
    if (number := as_rational(value)) is not None:
        return Array(graph.constant([number], ()))
    array: Any
    try:
        array = np.asarray(value)
        entries = [entry for entry in map(as_rational, array.ravel().tolist()) if entry is not None]
    except (TypeError, ValueError):
        array = None
    if array is None or len(entries) < array.size:
        raise InvalidArgumentError("operand", value, "a traced array, a number or an array of numbers is needed")
    return Array(graph.constant(entries, array.shape))


def normalize_axes(axis: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    axes = tuple(axis) if isinstance(axis, Sequence) else (axis,)
    if any(not -ndim <= a < ndim for a in axes) or len({a % ndim for a in axes}) != len(axes):
        raise InvalidArgumentError("axis", axis, f"distinct axes of an array with {ndim} are needed")
    return tuple(sorted(a % ndim for a in axes))


def broadcast_to(a: Array, shape: Shape) -> Array:
    """numpy's broadcasting: missing axes on the left, and axes of length 1, are repeated."""
    if a.shape == shape:
        return a
    kept = [axis for axis in range(-a.ndim, 0) if a.shape[axis] == shape[axis]]
    squeezed = a.reshape(tuple(a.shape[axis] for axis in kept))
    positions = {axis % len(shape) for axis in kept}
    new = tuple(axis for axis in range(len(shape)) if axis not in positions)
    return Array(primitives.broadcast(squeezed.node, shape, new))


def binary(left: Array, right: Any, operation: Callable[[Node, Node], Node]) -> Array:
    """An elementwise operation under numpy's broadcasting."""
    other = lift(right, left.node.graph)
    try:
        shape = np.broadcast_shapes(left.shape, other.shape)
    except ValueError:
        raise InvalidArgumentError("shapes", (left.shape, other.shape), "they cannot be broadcast together") from None
    return Array(operation(broadcast_to(left, shape).node, broadcast_to(other, shape).node))


def matmul(left: Array, right: Array) -> Array:
    """numpy's matrix product, stacks included; a lone matrix or vector meets each of a stack."""
    if left.ndim == 0 or right.ndim == 0:
        raise InvalidArgumentError("operand of @", (left.shape, right.shape), "scalars are multiplied with *")
    a, b = left.shape[-1], right.shape[-2 if right.ndim > 1 else 0]
    if a != b:
        raise InvalidArgumentError("shapes", (left.shape, right.shape), f"inner sizes {a} and {b} of @ differ")
    if right.ndim > 2 and left.ndim > 2:
        try:
            common = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
        except ValueError:
            remedy = "the stacks of @ cannot be broadcast"
            raise InvalidArgumentError("shapes", (left.shape, right.shape), remedy) from None
        left, right = (broadcast_to(side, common + side.shape[-2:]) for side in (left, right))
    stack = "".join(chr(ord("a") + k) for k in range(max(left.ndim, right.ndim) - 2))
    left_indices = (stack if left.ndim > 2 else "") + ("xy" if left.ndim > 1 else "y")
    right_indices = (stack if right.ndim > 2 else "") + ("yz" if right.ndim > 1 else "y")
    output = stack + ("x" if left.ndim > 1 else "") + ("z" if right.ndim > 1 else "")
    return Array(primitives.contract(f"{left_indices},{right_indices}->{output}", left.node, right.node))
