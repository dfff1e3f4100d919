"""The functions that a network may use beside the operators of traced arrays.

A network written as `def net(p, x, ops)` gets an instance of :class:`Operations` as `ops`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import reduce
from itertools import accumulate
from string import ascii_letters
from typing import Any

import numpy as np

from lielaws.engine.arithmetic.base import IndexMap
from lielaws.engine.graph import functions, primitives
from lielaws.engine.graph.constants import FROZEN, check_constant
from lielaws.engine.graph.node import Graph, Shape
from lielaws.engine.graph.trace import Array, as_rational, broadcast_to, lift, matmul, normalize_axes
from lielaws.errors import InvalidArgumentError

# Each part is added to an array as large as the result, so that many are joined in groups first.
_JOINED_AT_ONCE = 16


class Operations:
    """All functions on traced arrays; shapes follow numpy."""

    __slots__ = ("graph", "scope")

    def __init__(self, graph: Graph, scope: str = "") -> None:
        self.graph, self.scope = graph, scope

    def within(self, scope: str) -> Operations:
        """The operations of a block: the names of its frozen tensors begin with `scope`, as those of its parameters."""
        return type(self)(self.graph, self.scope + scope)

    # Activations

    def relu(self, a: Any) -> Array:
        """max(a, 0), elementwise."""
        return self.piecewise(a, 0, 1)

    def leaky_relu(self, a: Any, slope: Any = Fraction(1, 100)) -> Array:
        """a where a >= 0, slope * a elsewhere."""
        return self.piecewise(a, slope, 1)

    def abs(self, a: Any) -> Array:
        return self.piecewise(a, -1, 1)

    def piecewise(self, a: Any, below: Any, above: Any) -> Array:
        """below * a where a < 0, above * a elsewhere; both slopes are numbers."""
        slopes = [as_rational(slope) for slope in (below, above)]
        if slopes[0] is None or slopes[1] is None:
            raise InvalidArgumentError("slope", (below, above), "a number is needed")
        return Array(primitives.piecewise(self.array(a).node, slopes[0], slopes[1]))

    def maximum(self, a: Any, b: Any) -> Array:
        """The larger of two arrays, elementwise."""
        first, second = self.array(a), self.array(b)
        return second + self.relu(first - second)

    def minimum(self, a: Any, b: Any) -> Array:
        """The smaller of two arrays, elementwise."""
        first, second = self.array(a), self.array(b)
        return second - self.relu(second - first)

    def identity(self, a: Any) -> Array:
        return self.array(a)

    def square(self, a: Any) -> Array:
        return self.array(a) ** 2

    def power(self, a: Any, exponent: int) -> Array:
        """a ** exponent for an integer exponent."""
        return self.array(a) ** exponent

    def reciprocal(self, a: Any) -> Array:
        return self.array(a) ** -1

    # Functions

    def exp(self, a: Any) -> Array:
        return Array(functions.exp(self.array(a).node))

    def relative_exp(self, a: Any, axis: int = -1) -> Array:
        """The exponential, for use in ratios along an axis only: no ratio overflows when the network is run."""
        array = self.array(a)
        (position,) = normalize_axes(axis, array.ndim)
        return Array(functions.exp(array.node, position))

    def _bounded_exp(self, a: Array) -> Array:
        return Array(functions.exp(a.node, bounded=True))

    def log(self, a: Any) -> Array:
        """The natural logarithm."""
        return Array(functions.log(self.array(a).node))

    def sqrt(self, a: Any) -> Array:
        return Array(functions.sqrt(self.array(a).node))

    def rsqrt(self, a: Any) -> Array:
        """1 / sqrt(a)"""
        return self.sqrt(a) ** -1

    def sin(self, a: Any) -> Array:
        return Array(functions.sin(self.array(a).node))

    def cos(self, a: Any) -> Array:
        return Array(functions.cos(self.array(a).node))

    def sigmoid(self, a: Any) -> Array:
        """1 / (1 + exp(-a))"""
        return (1 + self._bounded_exp(-self.array(a))) ** -1

    def tanh(self, a: Any) -> Array:
        return 1 - 2 * (1 + self._bounded_exp(2 * self.array(a))) ** -1

    def softplus(self, a: Any) -> Array:
        """log(1 + exp(a))"""
        return self.log(1 + self.exp(a))

    def silu(self, a: Any) -> Array:
        """a * sigmoid(a)"""
        return self.array(a) * self.sigmoid(a)

    def mish(self, a: Any) -> Array:
        """a * tanh(softplus(a))"""
        return self.array(a) * self.tanh(self.softplus(a))

    def erf(self, a: Any) -> Array:
        """2 / sqrt(pi) times the integral of exp(-t^2) from 0 to a."""
        scaled = self.array(a) * self.named_constant("sqrt_two")
        return Array(functions.gauss(scaled.node)) * self.named_constant("sqrt_two_over_pi")

    def normal_cdf(self, a: Any) -> Array:
        """The distribution function of the standard normal law."""
        half, root = Fraction(1, 2), self.named_constant("sqrt_two_over_pi")
        return half + half * root * Array(functions.gauss(self.array(a).node))

    def gelu(self, a: Any) -> Array:
        """a times the distribution function of the standard normal law."""
        return self.array(a) * self.normal_cdf(a)

    def gelu_tanh(self, a: Any) -> Array:
        """The approximation of GELU by tanh."""
        array = self.array(a)
        inner = self.named_constant("sqrt_two_over_pi") * (array + Fraction(44715, 10**6) * array**3)
        return Fraction(1, 2) * array * (1 + self.tanh(inner))

    def softmax(self, a: Any, axis: int = -1) -> Array:
        """exp(a) / sum(exp(a)) along an axis."""
        array = self.array(a)
        (position,) = normalize_axes(axis, array.ndim)
        powers = self.relative_exp(array, position)
        shape = (*array.shape[:position], 1, *array.shape[position + 1 :])
        return powers * (powers.sum(position) ** -1).reshape(shape)

    # Linear algebra

    def matmul(self, a: Any, b: Any) -> Array:
        return matmul(self.array(a), self.array(b))

    def dot(self, a: Any, b: Any) -> Array:
        """The sum of the products of the entries of two arrays of one shape."""
        return (self.array(a) * self.array(b)).sum()

    def outer(self, a: Any, b: Any) -> Array:
        """Products of all entries of two vectors, shape (len(a), len(b))."""
        return self.einsum("i,j->ij", a, b)

    def sum(self, a: Any, axis: int | Sequence[int] | None = None) -> Array:
        return self.array(a).sum(axis)

    def mean(self, a: Any, axis: int | Sequence[int] | None = None) -> Array:
        return self.array(a).mean(axis)

    def transpose(self, a: Any, *axes: int) -> Array:
        return self.array(a).transpose(*axes)

    def einsum(self, subscripts: str, *operands: Any) -> Array:
        """Einstein summation with an explicit output, such as "ij,jk->ik"; any number of operands."""
        inputs, _, output = subscripts.replace(" ", "").partition("->")
        terms = inputs.split(",")
        arrays = [self.array(operand) for operand in operands]
        _check_einsum(subscripts, terms, output, arrays)
        pairs = [_diagonal(term, array) for term, array in zip(terms, arrays, strict=True)]
        while len(pairs) > 1:
            (left, a), (right, b), *rest = pairs
            needed = set(output).union(*(term for term, _ in rest))
            pairs = [_contract_pair(left, a, right, b, needed), *rest]
        term, array = _drop(*pairs[0], set(output))
        return array.transpose(*(term.index(index) for index in output)) if output else array

    # Putting arrays together

    def concatenate(self, arrays: Sequence[Any], axis: int = 0) -> Array:
        """Join arrays along an axis that they have."""
        parts = [self.array(a) for a in arrays]
        if not parts:
            raise InvalidArgumentError("arrays", arrays, "at least one array is needed")
        if len(parts) > _JOINED_AT_ONCE:
            groups = [parts[k : k + _JOINED_AT_ONCE] for k in range(0, len(parts), _JOINED_AT_ONCE)]
            return self.concatenate([self.concatenate(group, axis) for group in groups], axis)
        starts = accumulate((part.size for part in parts), initial=0)
        numbers = [start + np.arange(p.size).reshape(p.shape) for start, p in zip(starts, parts, strict=False)]
        try:
            joined = np.concatenate(numbers, axis=axis)
        except ValueError:
            shapes = [part.shape for part in parts]
            raise InvalidArgumentError("arrays", shapes, f"their shapes must agree except along axis {axis}") from None
        place = np.argsort(joined.ravel())
        pieces = (
            Array(primitives.scatter(part.node, IndexMap.of(place[number.ravel()]), joined.shape))
            for number, part in zip(numbers, parts, strict=True)
        )
        return reduce(operator.add, pieces)

    def stack(self, arrays: Sequence[Any], axis: int = 0) -> Array:
        """Join arrays of one shape along a new axis."""
        parts = [self.array(a) for a in arrays]
        if not parts or any(part.shape != parts[0].shape for part in parts):
            raise InvalidArgumentError("arrays", [part.shape for part in parts], "arrays of one shape are needed")
        place = axis % (parts[0].ndim + 1)
        shape = parts[0].shape
        return self.concatenate([part.reshape((*shape[:place], 1, *shape[place:])) for part in parts], axis=place)

    def broadcast_to(self, a: Any, shape: Shape) -> Array:
        return broadcast_to(self.array(a), tuple(shape))

    def patches(self, a: Any, kernel: int, stride: int = 1) -> Array:
        """Sliding windows over all axes after the first.

        Shape (channels, n, ...) becomes (channels, positions, ..., kernel, ...): a cross-correlation without padding is
        a contraction with it.
        """
        array = self.array(a)
        numbers = np.arange(array.size).reshape(array.shape)
        axes = tuple(range(1, array.ndim))
        if not axes or min(array.shape[1:]) < kernel:
            raise InvalidArgumentError("kernel", kernel, f"it is larger than the input of shape {array.shape}")
        windows = np.lib.stride_tricks.sliding_window_view(numbers, (kernel,) * len(axes), axis=axes)
        return array.reshape(-1)[windows[(slice(None), *(slice(None, None, stride) for _ in axes))]]

    # Constants

    def array(self, value: Any) -> Array:
        """A number or an array of numbers as a constant; floats are read as the decimal that they print."""
        return lift(value, self.graph)

    def eye(self, n: int) -> Array:
        return self.array(np.eye(n, dtype=np.int64))

    def zeros(self, shape: Shape) -> Array:
        return self.array(np.zeros(shape, dtype=np.int64))

    def ones(self, shape: Shape) -> Array:
        return self.array(np.ones(shape, dtype=np.int64))

    def named_constant(self, name: str) -> Array:
        """A number by name: "sqrt_two", "sqrt_two_over_pi", "e", or "epsilon", which stands for any positive number."""
        check_constant(name)
        return Array(self.graph.leaf("constant", name, ()))

    def frozen(self, name: str, shape: Shape, *, positive: bool = False) -> Array:
        """A tensor that is not trained: generic, with one value in all samples.

        To run the network, its value is looked up among the parameters by its name; without one it is fixed random.
        positive : whether its entries are, as those of a variance
        """
        full = self.scope + name
        return Array(self.graph.leaf("constant", FROZEN + (f"|{full}|" if positive else full), tuple(shape)))

    def table(self) -> dict[str, Callable[..., Any]]:
        """The functions by name, for networks that are written as expressions in a file."""
        names = [
            name for name in dir(self) if not name.startswith("_") and name not in ("graph", "scope", "within", "table")
        ]
        return {name: getattr(self, name) for name in names}


def _check_einsum(subscripts: str, terms: list[str], output: str, arrays: list[Array]) -> None:
    known, wanted = set("".join(terms)), set(output)
    if "->" not in subscripts or not wanted <= known <= set(ascii_letters) or len(wanted) < len(output):
        raise InvalidArgumentError("subscripts", subscripts, 'a form like "ij,jk->ik" is needed')
    if len(terms) != len(arrays) or any(len(term) != a.ndim for term, a in zip(terms, arrays, strict=True)):
        raise InvalidArgumentError("subscripts", subscripts, f"they do not fit shapes {[a.shape for a in arrays]}")
    sizes: dict[str, int] = {}
    for index, size in zip("".join(terms), (n for a in arrays for n in a.shape), strict=True):
        if sizes.setdefault(index, size) != size:
            raise InvalidArgumentError("subscripts", subscripts, f"index {index} is {sizes[index]} and {size} long")


def _diagonal(term: str, array: Array) -> tuple[str, Array]:
    """Merge repeated indices of one operand into its diagonal."""
    kept = "".join(dict.fromkeys(term))
    if kept == term:
        return term, array
    numbers = np.arange(array.size).reshape(array.shape)
    return kept, array.reshape(-1)[np.einsum(f"{term}->{kept}", numbers)]


def _drop(term: str, array: Array, needed: set[str]) -> tuple[str, Array]:
    """Sum over the indices that nobody else needs."""
    summed = tuple(axis for axis, index in enumerate(term) if index not in needed)
    array = Array(primitives.sum_axes(array.node, normalize_axes(summed, array.ndim))) if summed else array
    return "".join(index for index in term if index in needed), array


def _contract_pair(left: str, a: Array, right: str, b: Array, needed: set[str]) -> tuple[str, Array]:
    left, a = _drop(left, a, needed | set(right))
    right, b = _drop(right, b, needed | set(left))
    output = "".join(index for index in dict.fromkeys(left + right) if index in needed)
    return output, Array(primitives.contract(f"{left},{right}->{output}", a.node, b.node))
