"""Reverse mode, from graph to graph."""

from __future__ import annotations

from collections.abc import Sequence

from lielaws.engine.graph.node import Node, depending_on
from lielaws.engine.graph.primitives import PRIMITIVES, add


def pullback(output: Node, cotangent: Node, wanted: Sequence[Node]) -> list[Node | None]:
    """The gradients of <cotangent, output> with respect to the wanted nodes; None where it does not depend on one."""
    if output.shape != cotangent.shape:
        raise ValueError(f"cotangent of shape {cotangent.shape} for an output of shape {output.shape}")
    # No other cotangent is of use.
    needed = depending_on([output], wanted)
    cotangents: dict[int, Node] = {output.serial: cotangent}
    for node in sorted(needed, key=lambda node: -node.serial):
        share_of = cotangents.get(node.serial)
        if share_of is None or not node.inputs:
            continue
        for source, share in zip(node.inputs, PRIMITIVES[node.op].pullback(node, share_of), strict=True):
            if share is None or source not in needed:
                continue
            known = cotangents.get(source.serial)
            cotangents[source.serial] = share if known is None else add(known, share)
    return [cotangents.get(node.serial) if node in needed else None for node in wanted]
