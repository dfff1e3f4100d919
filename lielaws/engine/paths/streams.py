"""Which units feed which through which parameters, read from the graph of a network, array by array.

A unit is an entry of the data, or of a piecewise linear function. Between units a network whose hidden units are all
gated is linear in the parameters: each entry of an argument is a sum of units, of parameters times units, and of
parameters. That is read here as sparse matrices of units and as index arrays of the size of activations; tensors of
parameters are never unfolded.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from string import ascii_lowercase
from typing import Any

import numpy as np
from scipy import sparse

from lielaws.arraytypes import IntArray
from lielaws.engine.graph.contraction import parse_subscripts
from lielaws.engine.graph.functions import FUNCTIONS
from lielaws.engine.graph.network import Traced
from lielaws.engine.graph.node import Node, ancestors, depending_on
from lielaws.engine.graph.primitives import add, scale


class NotGatedError(Exception):
    """The network is of another kind; the text says where."""


@dataclass(frozen=True, eq=False)
class Plain:
    """Sums of units with coefficients other than 0.

    units : (entries, all units), 1 where an entry has a unit
    """

    units: Any

    def moved(self, source: IntArray) -> Plain:
        """The entries in other places, -1 for none."""
        nothing = sparse.csr_array((1, self.units.shape[1]), dtype=np.int64)
        return Plain(sparse.vstack([self.units, nothing], format="csr")[source])


@dataclass(frozen=True, eq=False)
class Block:
    """A tensor of parameters times units, an einsum; or a bias.

    The axes of an einsum are of four kinds: `a` of parameters and result, `b` of all, `k` that are summed, and `g` of
    units and result, as positions of a convolution. A cell (a, b) of results has the parameters (a, b, k), each of
    which is met once in each group (b, g).

    axes : of the tensor, as letters
    head_axes, tail_axes : those of them that tell the cell of the results, and of the units
    rows : units of (k, b, g), in that order
    result : for each entry of the result its cell (a, b) and its group (b, g)
    sizes : of a, b, k and g
    """

    leaf: Node
    axes: str
    head_axes: str
    tail_axes: str
    rows: Any
    result: tuple[IntArray, IntArray]
    sizes: tuple[int, int, int, int]

    @property
    def is_bias(self) -> bool:
        return self.rows is None

    @cached_property
    def reach(self) -> Any:
        """How often each unit occurs in a group, (groups, units)."""
        _, b, k, g = self.sizes
        groups = np.tile(np.arange(b * g), k)
        return sparse.csr_array((np.ones(k * b * g, dtype=np.int64), (groups, np.arange(k * b * g)))) @ self.rows

    def shape_of(self, axes: str) -> tuple[int, ...]:
        """The shape of a tensor that varies along some axes only, to be broadcast against the parameters."""
        return tuple(n if x in axes else 1 for x, n in zip(self.axes, self.leaf.shape, strict=True))


@dataclass(frozen=True, eq=False)
class Weighted:
    """Sums of results of blocks, and of units.

    parts : blocks, with the number of their result at each entry, -1 for none
    skip : units that come without a parameter
    """

    parts: tuple[tuple[Block, IntArray], ...]
    skip: Plain

    def moved(self, source: IntArray) -> Weighted:
        parts = tuple((block, np.append(place, -1)[source]) for block, place in self.parts)
        return Weighted(parts, self.skip.moved(source))


@dataclass(frozen=True, eq=False)
class Layer:
    """An argument of a piecewise linear function, whose entries become units from `start` on; or the output."""

    argument: Weighted
    start: int
    size: int


@dataclass(frozen=True, eq=False)
class Streams:
    """layers : in the order of evaluation, the output at last; inputs, units : how many of the data, and of all"""

    layers: tuple[Layer, ...]
    inputs: int
    units: int
    output: Node

    @property
    def blocks(self) -> list[Block]:
        return [block for layer in self.layers for block, _ in layer.argument.parts]


def read_streams(traced: Traced) -> Streams:
    """Raises NotGatedError for networks of another kind."""
    return _Reader(traced).read()


@dataclass
class _Reader:
    traced: Traced
    values: dict[Node, Plain | Weighted] = field(default_factory=dict)
    layers: list[Layer] = field(default_factory=list)

    def read(self) -> Streams:
        output, nodes = self.traced.output, ancestors([self.traced.output])
        self._maxima = _maxima(nodes)
        hidden = {piece: total for total, (piece, _, _) in self._maxima.items()}
        self._check_parameters(nodes)
        self._start = inputs = sum(node.size for node in self.traced.data.values())
        self._units = inputs + sum(node.size for node in nodes if node.op == "piecewise" and node not in hidden)
        starts = np.cumsum([0, *(node.size for node in self.traced.data.values())]).tolist()
        self._data = dict(zip(self.traced.data.values(), starts, strict=False))
        for node in nodes:
            if node not in hidden and (value := self._value(node)) is not None:
                self.values[node] = value
        self.layers.append(Layer(self._weighted(output), self._start, output.size))
        return Streams(tuple(self.layers), inputs, self._units, output)

    def _check_parameters(self, nodes: Sequence[Node]) -> None:
        """Each tensor is used once, as paths may have it twice else; without gates none meets another."""
        uses = Counter(source for node in nodes for source in node.inputs)
        for name, leaf in self.traced.parameters.items():
            if uses[leaf] != 1:
                raise NotGatedError(f"'{name}' is used {uses[leaf]} times")
        varies = depending_on([self.traced.output], self._parameters).issuperset
        products = [node for node in nodes if node.op == "contract" and varies(node.inputs)]
        if products and all(node.op not in FUNCTIONS and node.op != "piecewise" for node in nodes):
            raise NotGatedError("it multiplies parameters without a gate between them")

    # Values

    def _value(self, node: Node) -> Plain | Weighted | None:
        """None for tensors of parameters, and nodes that only serve a maximum."""
        match node.op:
            case "leaf" if node in self._data:
                return self._identity(self._data[node], node.size)
            case "leaf" if node in self._parameters:
                return None
            case "leaf":
                raise NotGatedError(f"it has the constant '{node.static.name}'")
            case "constant" if not any(node.static.numerators):
                return self._nothing(node.size)
            case "add":
                return self._sum(node)
            case "scale":
                return self._of(node, 0) if node.static else None
            case "reshape":
                return self._of(node, 0)
            case "permute" | "broadcast" | "gather" | "scatter":
                return self._of(node, 0).moved(_source(node))
            case "sum":
                return self._added_up(node)
            case "contract":
                return self._contracted(node)
            case "piecewise":
                return self._gated(node)
        raise NotGatedError(f"it has the operation '{node.op}'")

    def _identity(self, start: int, size: int) -> Plain:
        ones, numbers = np.ones(size, dtype=np.int64), np.arange(size)
        return Plain(sparse.csr_array((ones, (numbers, start + numbers)), shape=(size, self._units)))

    def _of(self, node: Node, place: int) -> Plain | Weighted:
        source = node.inputs[place]
        return self._bias(source) if source in self._parameters else self._known(source)

    def _known(self, node: Node) -> Plain | Weighted:
        if node not in self.values:
            raise NotGatedError("a tensor of parameters, or part of a maximum, is used in another way")
        return self.values[node]

    @cached_property
    def _parameters(self) -> frozenset[Node]:
        return frozenset(self.traced.parameters.values())

    def _bias(self, leaf: Node) -> Weighted:
        """A tensor of parameters that is added."""
        numbers, axes = np.arange(leaf.size), ascii_lowercase[: len(leaf.shape)]
        block = Block(leaf, axes, axes, "", None, (numbers, np.zeros_like(numbers)), (leaf.size, 1, 1, 1))
        return Weighted(((block, numbers),), self._nothing(leaf.size))

    def _weighted(self, node: Node) -> Weighted:
        value = self._bias(node) if node in self._parameters else self._known(node)
        return value if isinstance(value, Weighted) else Weighted((), value)

    def _sum(self, node: Node) -> Plain | Weighted:
        if node in self._maxima:
            _, *sources = self._maxima[node]
            first, second = (self.values.get(source) for source in sources)
            if isinstance(first, Plain) and isinstance(second, Plain):
                return self._disjoint(first.units + second.units, "a maximum")
            raise NotGatedError("a maximum has arguments with parameters")
        first, second = self._of(node, 0), self._of(node, 1)
        if isinstance(first, Plain) and isinstance(second, Plain):
            return self._disjoint(first.units + second.units, "a sum")
        first, second = (v if isinstance(v, Weighted) else Weighted((), v) for v in (first, second))
        return Weighted(first.parts + second.parts, self._disjoint(first.skip.units + second.skip.units, "a sum"))

    def _added_up(self, node: Node) -> Plain:
        value = self._of(node, 0)
        if not isinstance(value, Plain):
            raise NotGatedError("entries that depend on parameters are added up before they are gated")
        shape = node.inputs[0].shape
        target = np.expand_dims(np.arange(node.size).reshape(node.shape), node.static)
        target = np.broadcast_to(target, shape).ravel()
        ones = np.ones(target.size, dtype=np.int64)
        return self._disjoint(sparse.csr_array((ones, (target, np.arange(target.size)))) @ value.units, "a sum")

    def _disjoint(self, units: Any, what: str) -> Plain:
        if units.nnz and units.data.max() > 1:
            raise NotGatedError(f"{what} has one unit twice")
        return Plain(units)

    def _gated(self, node: Node) -> Plain:
        argument, start = self._weighted(node.inputs[0]), self._start
        if not argument.parts:
            raise NotGatedError("a piecewise linear function has no parameters of its own")
        self.layers.append(Layer(argument, start, node.size))
        self._start += node.size
        return self._identity(start, node.size)

    def _contracted(self, node: Node) -> Weighted:
        left, right, output = parse_subscripts(node.static)
        (p, u), (weights, units) = node.inputs, (left, right)
        if _tensor(u) in self._parameters:
            p, u, weights, units = u, p, right, left
        leaf, value = _tensor(p), self.values.get(u)
        if leaf not in self._parameters or not isinstance(value, Plain):
            raise NotGatedError("it multiplies what is not a tensor of parameters and gated units")
        if p.op == "permute":
            weights = "".join(weights[p.static.index(axis)] for axis in range(len(weights)))
        size = dict(zip(weights + units, leaf.shape + u.shape, strict=True))
        kinds = [
            [x for x in output if x in weights and x not in units],
            [x for x in output if x in weights and x in units],
            [x for x in weights if x in units and x not in output],
            [x for x in output if x in units and x not in weights],
        ]
        a, b, k, g = ("".join(kind) for kind in kinds)
        count = [math.prod(size[x] for x in kind) for kind in kinds]
        order = np.arange(u.size).reshape(u.shape).transpose([units.index(x) for x in k + b + g]).ravel()
        numbers = np.arange(node.size).reshape([size[x] for x in a + b + g])
        # From the order a, b, g to that of the result.
        numbers = numbers.transpose([(a + b + g).index(x) for x in output]).ravel()
        rest, position = np.divmod(numbers, count[3])
        result = (rest, rest % count[1] * count[3] + position)
        block = Block(leaf, weights, a + b, k + b, value.units[order], result, (count[0], count[1], count[2], count[3]))
        return Weighted(((block, np.arange(node.size)),), self._nothing(node.size))

    def _nothing(self, size: int) -> Plain:
        return Plain(sparse.csr_array((size, self._units), dtype=np.int64))


def _tensor(node: Node) -> Node:
    return node.inputs[0] if node.op == "permute" else node


def _source(node: Node) -> IntArray:
    """For each entry of a node that moves entries, the number of that of its input; -1 for zero."""
    old, numbers = node.inputs[0], np.arange(node.inputs[0].size)
    match node.op:
        case "permute":
            return numbers.reshape(old.shape).transpose(node.static).ravel()
        case "broadcast":
            return np.broadcast_to(np.expand_dims(numbers.reshape(old.shape), node.static), node.shape).ravel()
        case "gather":
            return np.asarray(node.static.values)
    targets = node.static.values
    if len(np.unique(targets)) < len(targets):
        raise NotGatedError("entries are added up in a scatter")
    source = np.full(node.size, -1)
    source[targets] = numbers
    return source


def _maxima(nodes: Sequence[Node]) -> dict[Node, tuple[Node, Node, Node]]:
    """Sums that are a maximum b + relu(a - b): the relu, a, and b."""
    found = {}
    for node in nodes:
        for piece, b in (node.inputs, node.inputs[::-1]) if node.op == "add" else ():
            if piece.op == "piecewise" and piece.static == (0, 1) and piece.inputs[0].op == "add":
                difference = piece.inputs[0]
                for a in difference.inputs:
                    if add(a, scale(-1, b)) is difference:
                        found[node] = (piece, a, b)
    return found
