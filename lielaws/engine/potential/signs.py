"""The signs that the entries of nodes can have at real points, as far as their operations tell."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache

from lielaws.arraytypes import ObjectArray
from lielaws.engine.arithmetic.polynomials import objects
from lielaws.engine.arithmetic.signmasks import ANY, POSITIVE, ZERO, SignMasks
from lielaws.engine.graph.constants import is_positive
from lielaws.engine.graph.functions import FUNCTIONS
from lielaws.engine.graph.node import Leaf, Node, ancestors, depending_on, leaves_of
from lielaws.engine.graph.program import Program


def sign_masks(nodes: Sequence[Node]) -> list[ObjectArray]:
    """For each entry of each node what it can be, of positive, negative and zero: see `arithmetic.signmasks`."""
    leaves = {leaf.static: objects([_leaf_mask(leaf.static)] * leaf.size, leaf.shape) for leaf in leaves_of(nodes)}
    return Program.of(nodes).run(SignMasks(), leaves)


def _leaf_mask(leaf: Leaf) -> int:
    if leaf.role == "gate":
        return POSITIVE | ZERO
    return POSITIVE if is_positive(leaf) else ANY


@lru_cache(maxsize=64)
def singular(output: Node) -> tuple[tuple[str, Node], ...]:
    """The operations that may be singular, each with its argument.

    None for rational networks, of which a power of the denominators clears the divisions.
    """
    nodes = ancestors([output])
    if not any(node.op in FUNCTIONS for node in nodes):
        return ()
    found = [node for node in nodes if node.op in ("sqrt", "log", "reciprocal")]
    masks = sign_masks([node.inputs[0] for node in found])
    return tuple(
        (node.op, node.inputs[0])
        for node, array in zip(found, masks, strict=True)
        if any(mask & ZERO or (node.op != "reciprocal" and mask != POSITIVE) for mask in array.ravel().tolist())
    )


def regular_between_patterns(output: Node, own: Collection[Leaf]) -> bool:
    """Whether patterns change without coming near a singularity: no argument of a root, logarithm or division that may
    vanish depends on gates, or on the tensors by which gates change.
    """
    moving = [leaf for leaf in leaves_of([output]) if leaf.static.role == "gate" or leaf.static in own]
    moved = depending_on([output], moving)
    return not any(argument in moved for _, argument in singular(output))
