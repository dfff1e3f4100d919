"""A traced network as plain values, as certificates have it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

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
        return static.values.tolist()
    if isinstance(static, Fraction):
        return str(static)
    if isinstance(static, tuple):
        return [str(entry) if isinstance(entry, Fraction) else entry for entry in static]
    return static
