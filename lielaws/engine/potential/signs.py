"""The signs that the entries of nodes can have at real points, as far as their operations tell."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from lielaws.arraytypes import ObjectArray
from lielaws.engine.arithmetic.polynomials import objects
from lielaws.engine.arithmetic.signmasks import ANY, POSITIVE, ZERO, SignMasks
from lielaws.engine.graph.constants import FROZEN
from lielaws.engine.graph.functions import FUNCTIONS
from lielaws.engine.graph.node import Leaf, Node, ancestors
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


def regular_between_patterns(output: Node, own: Collection[Leaf]) -> bool:
    """Whether patterns change without coming near a singularity: no argument of a root, logarithm or division that may
    vanish depends on gates, or on the tensors by which gates change.

    Of rational networks a power of the denominators clears the divisions.
    """
    nodes = ancestors([output])
    irregular = ("sqrt", "log", "reciprocal") if any(node.op in FUNCTIONS for node in nodes) else ("sqrt", "log")
    moved: set[Node] = set()
    for node in nodes:
        leaf = node.op == "leaf" and (node.static.role == "gate" or node.static in own)
        if leaf or any(source in moved for source in node.inputs):
            moved.add(node)
    found = [node for node in nodes if node.op in irregular and node.inputs[0] in moved]
    masks = sign_masks([node.inputs[0] for node in found])
    return all(
        not mask & ZERO and (node.op == "reciprocal" or mask == POSITIVE)
        for node, array in zip(found, masks, strict=True)
        for mask in array.ravel().tolist()
    )
