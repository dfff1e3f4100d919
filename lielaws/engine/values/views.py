"""Nodes seen through data movement: which entries of which node stand where, whatever moved them there.

A view is a node with a flat array of numbers of its entries. Reshaping, permuting, broadcasting, gathering, and
scattering where every entry was hit, do not change what is seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from lielaws.engine.arithmetic.base import IndexMap
from lielaws.engine.graph.contraction import parse_subscripts
from lielaws.engine.graph.node import Node, Shape
from lielaws.engine.graph.primitives import gather, reshape

IntArray = npt.NDArray[np.int64]
MOVES = ("reshape", "permute", "broadcast", "gather")


def whole(node: Node) -> IntArray:
    """The view of all entries."""
    return np.arange(node.size)


def place(base: Node, index: IntArray, shape: Shape) -> Node:
    """A view as a node of the given shape; one node for all ways of moving the same entries."""
    if base.op == "constant":
        numbers = np.array(base.static.numerators, dtype=object)[index]
        return base.graph.constant([Fraction(int(number), base.static.denominator) for number in numbers], shape)
    if np.array_equal(index, whole(base)):
        return reshape(base, shape)
    return gather(base, IndexMap.of(index), shape)


def look_through(node: Node, index: IntArray) -> tuple[Node, IntArray]:
    """The view of the node whose entries were moved here."""
    while True:
        step = scatter_sources(node) if node.op == "scatter" else sources(node) if node.op in MOVES else None
        if step is None or bool((step[index] < 0).any()):
            return node, index
        node, index = node.inputs[0], step[index]


def sources(node: Node) -> IntArray:
    """Which entry of its input each entry of a movement is."""
    if node.op == "gather":
        return np.asarray(node.static.values)
    below = whole(node.inputs[0]).reshape(node.inputs[0].shape)
    if node.op == "permute":
        return below.transpose(node.static).ravel()
    if node.op == "broadcast":
        return np.broadcast_to(np.expand_dims(below, node.static), node.shape).ravel()
    return below.ravel()


def scatter_sources(node: Node) -> IntArray | None:
    """Which entry of the input each entry of a scatter is, -1 for zeros; None if entries are added up."""
    targets = node.static.values
    if len(np.unique(targets)) < len(targets):
        return None
    sources = np.full(node.size, -1)
    sources[targets] = np.arange(len(targets))
    return sources


def parts_of_concatenation(node: Node) -> list[Node] | None:
    """The scatters that together fill an array, each entry once; None if the node is no such sum."""
    parts, stack = [], [node]
    while stack:
        part = stack.pop()
        if part.op == "add":
            stack.extend(part.inputs)
        elif part.op == "scatter":
            parts.append(part)
        else:
            return None
    targets = np.concatenate([part.static.values for part in parts])
    filled = len(targets) == node.size and np.array_equal(np.sort(targets), whole(node))
    return parts if filled else None


def products(node: Node, index: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
    """The views of both factors of a contraction, for each product that is added up for the entries of a view."""
    left, right, output = parse_subscripts(node.static)
    a, b = node.inputs
    sizes = dict(zip(left + right, a.shape + b.shape, strict=True))
    places = dict(zip(output, _coordinates(index, node.shape), strict=True))
    summed = [letter for letter in left if letter not in output]
    for numbers in np.ndindex(*(sizes[letter] for letter in summed)):
        places |= {letter: np.full(len(index), number) for letter, number in zip(summed, numbers, strict=True)}
        yield _flat([places[k] for k in left], a, len(index)), _flat([places[k] for k in right], b, len(index))


def summands(node: Node, index: IntArray) -> Iterator[IntArray]:
    """The views of the input of a sum that are added up for the entries of a view."""
    (below,) = node.inputs
    kept = [axis for axis in range(len(below.shape)) if axis not in node.static]
    places = dict(zip(kept, _coordinates(index, node.shape), strict=True))
    for numbers in np.ndindex(*(below.shape[axis] for axis in node.static)):
        places |= {axis: np.full(len(index), number) for axis, number in zip(node.static, numbers, strict=True)}
        yield _flat([places[axis] for axis in range(len(below.shape))], below, len(index))


def _coordinates(index: IntArray, shape: Shape) -> tuple[IntArray, ...]:
    return tuple(np.unravel_index(index, shape)) if shape else ()


def _flat(places: list[IntArray], node: Node, count: int) -> IntArray:
    return np.ravel_multi_index(tuple(places), node.shape) if places else np.zeros(count, dtype=np.int64)
