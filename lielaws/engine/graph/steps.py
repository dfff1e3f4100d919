"""A traced network as plain values, as certificates have it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.engine.arithmetic.base import IndexMap
from lielaws.engine.graph.network import Traced
from lielaws.engine.graph.node import Constant, Leaf, Node, ancestors


def graph_spec(name: str, traced: Traced) -> dict[str, Any]:
    """Steps [op, inputs, static, shape], inputs by number; leaves name a parameter or data."""
    order = ancestors([traced.output])
    number = {node.serial: k for k, node in enumerate(order)}
    return {
        "name": name,
        "parameters": {key: list(leaf.shape) for key, leaf in traced.parameters.items()},
        "data": {key: list(leaf.shape) for key, leaf in traced.data.items()},
        "steps": [
            [node.op, [number[source.serial] for source in node.inputs], _plain(node), list(node.shape)]
            for node in order
        ],
    }


def _index(values: IntArray, shape: tuple[int, ...]) -> Any:
    """The places of the entries of an array of some shape; [first, strides] where that says them all, as of windows."""
    if not values.size:
        return values.tolist()
    array, first = values.reshape(shape), int(values[0])
    strides = [int(array.take(1, axis).ravel()[0]) - first if n > 1 else 0 for axis, n in enumerate(shape)]
    affine = np.full(shape, first)
    for axis, (n, stride) in enumerate(zip(shape, strides, strict=True)):
        affine += stride * np.arange(n).reshape([-1 if k == axis else 1 for k in range(len(shape))])
    return [first, strides] if np.array_equal(affine, array) else values.tolist()


def _plain(node: Node) -> Any:
    static = node.static
    if node.op == "exp":
        # How floats are kept in range is no part of the function.
        return None
    if isinstance(static, Leaf):
        return [static.role, static.name]
    if isinstance(static, Constant):
        return [list(static.numerators), static.denominator]
    if isinstance(static, IndexMap):
        return _index(static.values, node.shape if node.op == "gather" else node.inputs[0].shape)
    if isinstance(static, Fraction):
        return str(static)
    if isinstance(static, tuple):
        return [str(entry) if isinstance(entry, Fraction) else entry for entry in static]
    return static
