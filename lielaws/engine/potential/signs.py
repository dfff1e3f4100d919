"""The signs that the entries of nodes can have at real points, as far as their operations tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lielaws.engine.arithmetic.polynomials import ObjectArray, objects
from lielaws.engine.arithmetic.signmasks import ANY, POSITIVE, ZERO, SignMasks
from lielaws.engine.graph.constants import FROZEN
from lielaws.engine.graph.node import Node, ancestors
from lielaws.engine.graph.program import Program


def sign_masks(nodes: Sequence[Node]) -> list[ObjectArray]:
    """For each entry of each node what it can be, of positive, negative and zero: see `arithmetic.signmasks`."""
    leaves = {node.static: _leaf_masks(node) for node in ancestors(nodes) if node.op == "leaf"}
    return Program.of(nodes).run(SignMasks(), leaves)


def _leaf_masks(leaf: Node) -> Any:
    if leaf.static.role == "gate":
        mask = POSITIVE | ZERO
    else:
        # All named constants are positive numbers.
        named = leaf.static.role == "constant" and not leaf.static.name.startswith(FROZEN)
        mask = POSITIVE if named else ANY
    return objects([mask] * leaf.size, leaf.shape)


def regular_under_gates(output: Node) -> bool:
    """Whether no root, logarithm or division can be irregular in one activation pattern: each argument that depends on
    gates has one sign and does not vanish."""
    gated = _gated(output)
    arguments = [node.inputs[0] for node in gated if node.op in ("sqrt", "log", "reciprocal")]
    arguments = [argument for argument in arguments if argument in gated]
    return not any(ZERO & mask for masks in sign_masks(arguments) for mask in masks.ravel().tolist())


def _gated(output: Node) -> set[Node]:
    """The nodes below an output that depend on gates."""
    found: set[Node] = set()
    for node in ancestors([output]):
        leaf = node.op == "leaf" and node.static.role == "gate"
        if leaf or any(source in found for source in node.inputs):
            found.add(node)
    return found
