"""The laws of networks in which every hidden unit is gated, and their number: a theorem for any size.

Such a network is a sum over paths from an input or a bias to an output, of a product of parameters, of gates and of an
entry of the data. A path is told by the units that it passes, so that the coefficient of each such product of gates and
data, an integer combination of potentials, is one monomial: its gradient is a vector field of the family. At the point
where all parameters are one these gradients are the rows of the matrix A of exponents. With A c = 0 the sum of c_e
theta_e^2 is a law, as it is one of each monomial; so the dimension of the kernel of A is the number of laws, and no
law is missing (SCALE 1: paths; arXiv 2307.00144 counts path-liftings).

A c = 0 says that c_e is the difference p(head) - p(tail) of a function p on the units that is 0 at inputs, biases and
outputs, and constant along paths without parameters. A parameter that several units share gives one difference for all
of them. So units are put together for which p must be equal, in the order of evaluation: each class of them is a law,
the sum of the squares of the parameters that lead to it, minus that of those that lead away from it.

With cross-entropy paths to an output come minus those to output 0. Where the parameters that lead to output 0 are zero,
the gradient of the latter is zero but for these parameters, so that the others have the rank of a network without that
output; and the sum over outputs of the last parameters is a law for each of those that lead to output 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from lielaws.arraytypes import BoolArray, IntArray
from lielaws.engine.graph.network import Traced
from lielaws.engine.paths.hypotheses import check_gates, check_routes
from lielaws.engine.paths.streams import Block, Layer, NotGatedError, Streams, read_streams

# The class of inputs, biases and outputs.
OUTSIDE = 0


@dataclass(frozen=True, eq=False)
class Edges:
    """Between which classes of units the entries of a tensor lead.

    heads, tails : classes, of a shape that broadcasts to that of the tensor
    """

    name: str
    shape: tuple[int, ...]
    heads: IntArray
    tails: IntArray


@dataclass(frozen=True)
class Classes:
    """The classes of units of a network, numbered from 1 on in the order of evaluation.

    count : of classes, without the outside
    edges : in the order of the parameters
    sums : with cross-entropy the tensors that lead to outputs, and their axis of the outputs
    """

    count: int
    edges: tuple[Edges, ...]
    sums: tuple[tuple[str, int], ...] = ()

    statement = "paths: each hidden unit has a gate, so that single paths are vector fields"

    @property
    def ranks(self) -> tuple[int, ...]:
        """Of the brackets by depth: gradients of single paths are in the family itself."""
        rank = sum(math.prod(edges.shape) for edges in self.edges) - self.count - self.n_sums
        return rank, rank

    @property
    def n_sums(self) -> int:
        """How many sums over outputs are laws."""
        shapes = {edges.name: edges.shape for edges in self.edges}
        return sum(math.prod(shapes[name]) // shapes[name][axis] for name, axis in self.sums)


def unit_classes(traced: Traced, loss: str = "any") -> Classes:
    """Raises NotGatedError if the network is of another kind, with the reason."""
    streams = read_streams(traced)
    order = [leaf.static.name for leaf in traced.parameters.values()]
    if sorted(block.leaf.static.name for block in streams.blocks) != sorted(order):
        raise NotGatedError("a tensor of parameters is used twice")
    for layer in streams.layers:
        check_routes(layer)
    for layer in streams.layers[:-1]:
        check_gates(layer)
    labels = _Labels(streams, _live_units(streams))
    for layer in streams.layers:
        labels.add(layer)
    edges = tuple(sorted(labels.edges(), key=lambda edges: order.index(edges.name)))
    sums = [] if loss == "any" else sorted(_sums(streams), key=lambda found: order.index(found[0]))
    return Classes(labels.count, edges, tuple(sums))


def _sums(streams: Streams) -> Iterator[tuple[str, int]]:
    """The tensors that lead to outputs, and their axis along which outputs have different numbers in the last axis."""
    layer, length = streams.layers[-1], streams.output.shape[-1]
    if layer.argument.skip.units.nnz:
        raise NotGatedError("units are outputs")
    for block, place in layer.argument.parts:
        there = np.flatnonzero(place >= 0)
        number = np.full(block.sizes[0] * block.sizes[1], -1)
        number[block.result[0][place[there]]] = there % length
        found = _arranged(number, block, block.head_axes)
        shape = block.shape_of(block.head_axes)
        along = (
            np.arange(length).reshape([-1 if k == axis else 1 for k in range(len(shape))]) for axis in range(len(shape))
        )
        axes = [axis for axis, some in enumerate(along) if shape[axis] == length and (found == some).all()]
        if len(axes) != 1 or (number[block.result[0][place[there]]] != there % length).any():
            raise NotGatedError(f"'{block.leaf.static.name}' has no entries of their own for each output")
        yield block.leaf.static.name, axes[0]


# Units on paths


def _live_units(streams: Streams) -> BoolArray:
    """Units that some path from an input or a bias to an output passes."""
    reached = np.zeros(streams.units, dtype=np.bool_)
    reached[: streams.inputs] = True
    for layer in streams.layers[:-1]:
        found = layer.argument.skip.units @ reached > 0
        for block, place in layer.argument.parts:
            there = place >= 0
            found[there] |= True if block.is_bias else (block.reach @ reached > 0)[block.result[1][place[there]]]
        reached[layer.start : layer.start + layer.size] = found
    needed = np.zeros(streams.units, dtype=np.bool_)
    for layer in reversed(streams.layers):
        heads = _needed_entries(layer, streams, needed)
        needed |= layer.argument.skip.units.T @ heads > 0
        for block, place in layer.argument.parts:
            if not block.is_bias:
                needed |= block.reach.T @ _groups_of(block, place[heads]) > 0
    return reached & needed


def _needed_entries(layer: Layer, streams: Streams, needed: BoolArray) -> BoolArray:
    is_output = layer is streams.layers[-1]
    return np.ones(layer.size, dtype=np.bool_) if is_output else needed[layer.start : layer.start + layer.size]


def _groups_of(block: Block, places: IntArray) -> BoolArray:
    """The groups of some results."""
    found = np.zeros(block.sizes[1] * block.sizes[3], dtype=np.bool_)
    found[block.result[1][places[places >= 0]]] = True
    return found


class _Labels:
    """Puts units together layer by layer: each gets the number of its class, -1 if no path passes it."""

    def __init__(self, streams: Streams, live: BoolArray) -> None:
        self._streams, self._live, self.count = streams, live, 0
        self._labels = np.where(np.arange(streams.units) < streams.inputs, OUTSIDE, -1)
        self._heads: list[tuple[Block, IntArray]] = []
        self._tails: list[tuple[Block, IntArray]] = []

    def add(self, layer: Layer) -> None:
        """Of the entries of a layer those have one class that share parameters, and that of units that are added."""
        is_output = layer is self._streams.layers[-1]
        entries = np.flatnonzero(_needed_entries(layer, self._streams, self._live))
        skip = layer.argument.skip.units[entries].tocoo()
        skip_live = self._live[skip.col]
        # Numbers of nodes: old classes, then entries, then cells of the blocks.
        first = self.count + 1
        pairs = [np.stack([first + skip.row[skip_live], self._labels[skip.col[skip_live]]])]
        if is_output:
            pairs.append(np.stack([first + np.arange(len(entries)), np.full(len(entries), OUTSIDE)]))
        cells, start = [], first + len(entries)
        for block, place in layer.argument.parts:
            there = np.flatnonzero(place[entries] >= 0)
            results = place[entries[there]]
            if not block.is_bias:
                self._read_tails(block, results)
            pairs.append(np.stack([first + there, start + block.result[0][results]]))
            size = block.sizes[0] * block.sizes[1]
            if len(np.unique(block.result[0][results])) < size:
                raise NotGatedError(f"no path has some entries of '{block.leaf.static.name}'")
            cells.append((block, start + np.arange(size)))
            start += size
        joined = np.concatenate(pairs, axis=1)
        graph = sparse.coo_array((np.ones(joined.shape[1]), (joined[0], joined[1])), shape=(start, start))
        components = connected_components(graph, directed=False)[1]
        number = self._numbered(components)
        self._relabel(number)
        if not is_output:
            self._labels[layer.start + entries] = number[first : first + len(entries)]
        self._heads += [(block, number[places]) for block, places in cells]

    def _numbered(self, components: IntArray) -> IntArray:
        """Numbers of classes in the order in which they first occur, so that the outside stays the first."""
        _, place, inverse = np.unique(components, return_index=True, return_inverse=True)
        rank = np.argsort(np.argsort(place))
        self.count = len(place) - 1
        return np.asarray(rank[inverse])

    def _relabel(self, number: IntArray) -> None:
        def renew(labels: IntArray) -> IntArray:
            return np.where(labels >= 0, number[labels], -1)

        self._labels = renew(self._labels)
        self._heads = [(block, renew(labels)) for block, labels in self._heads]
        self._tails = [(block, renew(labels)) for block, labels in self._tails]

    def _read_tails(self, block: Block, results: IntArray) -> None:
        """The class of the units of each cell (k, b), of which there must be one; and that cells are held together."""
        _, b, k, g = block.sizes
        name, groups = block.leaf.static.name, _groups_of(block, results)
        rows = block.rows.tocoo()
        used = self._live[rows.col] & groups[rows.row // g % b * g + rows.row % g]
        if len(results) < block.sizes[0] * groups.sum():
            raise NotGatedError(f"paths pass other positions of some units behind '{name}' than of others")
        cell, label = rows.row[used] // g, self._labels[rows.col[used]]
        tails = np.full(k * b, -1)
        tails[cell] = label
        if (tails < 0).any():
            raise NotGatedError(f"no path has some entries of '{name}'")
        if (tails[cell] != label).any():
            raise NotGatedError(f"units of several classes meet one entry of '{name}'")
        self._tails.append((block, tails))
        if g > 1:
            self._check_held(block, rows.row[used])

    def _check_held(self, block: Block, rows: IntArray) -> None:
        """The groups of one b have one class of heads for each a, as parameters join them that several have."""
        _, b, k, g = block.sizes
        cells, groups = rows // g, rows // g % b * g + rows % g
        graph = sparse.coo_array((np.ones(len(rows)), (cells, k * b + groups)), shape=(k * b + b * g,) * 2)
        components = connected_components(graph, directed=False)[1]
        met = np.unique(groups)
        found = components[k * b + met]
        if len(np.unique(found)) > len(np.unique(met // g)):
            raise NotGatedError(f"positions that share '{block.leaf.static.name}' have no entry of it in common")

    def edges(self) -> list[Edges]:
        tails = dict(self._tails)
        found = []
        for block, heads in self._heads:
            behind = tails.get(block, np.zeros(1, dtype=np.int64))
            found.append(
                Edges(
                    block.leaf.static.name,
                    block.leaf.shape,
                    _arranged(heads, block, block.head_axes),
                    _arranged(behind, block, block.tail_axes),
                )
            )
        return found


def _arranged(labels: IntArray, block: Block, axes: str) -> IntArray:
    """Labels by some axes, in the order of the tensor; of length one along those on which they do not depend."""
    sizes = dict(zip(block.axes, block.leaf.shape, strict=True))
    kept = [x for x in block.axes if x in axes]
    found = labels.reshape([sizes[x] for x in axes]).transpose([axes.index(x) for x in kept])
    found = found.reshape(block.shape_of(axes))
    for axis in range(found.ndim):
        first = found.take([0], axis=axis)
        found = first if (found == first).all() else found
    return found
