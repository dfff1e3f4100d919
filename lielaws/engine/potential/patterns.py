"""The activation patterns for which functions of gated arguments are resolved.

exp(relu(u)) is 1 where the gate is closed and exp(u) where it is open, so the relations between functions depend on the
pattern. Any choice of patterns gives an upper bound on the number of laws, and a few dozen span what all of them do
unless a network is very deep.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from lielaws.engine.arithmetic.floats import FloatArray, Floats
from lielaws.engine.graph.constants import constant_array
from lielaws.engine.graph.node import Leaf, Node, ancestors
from lielaws.engine.graph.program import Program
from lielaws.engine.potential.gates import Gate
from lielaws.engine.values.plan import GatePatterns

_MOST_PATTERNS = 32
_FEWEST_PATTERNS = 10


def choose_patterns(leaves: Sequence[Node], gates: Sequence[Gate], seed: int = 0) -> GatePatterns:
    """All patterns of some gates if they are few, else the open one, patterns of real data, and random ones."""
    rng = np.random.default_rng(seed)
    size = sum(leaf.size for leaf in leaves)
    most = max(_FEWEST_PATTERNS, _MOST_PATTERNS // _positions(leaves, gates))
    complete = 2**size <= _MOST_PATTERNS
    if complete:
        rows = np.array(list(product((1, 0), repeat=size)), dtype=np.int64)
    else:
        real = _real(leaves, gates, rng)[: most // 2]
        rows = np.concatenate([np.ones((1, size), dtype=np.int64), real, _random(size, rng)])
        _, first = np.unique(rows, axis=0, return_index=True)
        rows = rows[np.sort(first)[:most]]
    cuts = np.cumsum([leaf.size for leaf in leaves])[:-1]
    parts = np.split(rows, cuts, axis=1)
    values = {leaf.static: part.reshape(len(rows), *leaf.shape) for leaf, part in zip(leaves, parts, strict=True)}
    fixed = {leaf.serial for leaf in leaves}
    known = tuple(
        (gate.lowered, gate.value)
        for gate in gates
        if all(node.serial in fixed for node in gate_leaves([gate.lowered, gate.value]))
    )
    return GatePatterns(values, len(rows), complete, known)


def _positions(leaves: Sequence[Node], gates: Sequence[Gate]) -> int:
    """At how many positions, as of tokens, all units are seen, each in a pattern of its own.

    Without data a pattern has a base point at few states only, so that more patterns are needed.
    """
    data = any(node.op == "leaf" and node.static.role == "data" for node in ancestors([gate.lowered for gate in gates]))
    return min(leaf.size // leaf.shape[-1] if leaf.shape else 1 for leaf in leaves) if data else 1


def _real(leaves: Sequence[Node], gates: Sequence[Gate], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Patterns that occur at random parameters and data; rounding does no harm, as any pattern may be chosen."""
    values: dict[Leaf, FloatArray] = {}
    for node in ancestors([gate.argument for gate in gates]):
        if node.op == "leaf" and node.static.role == "constant":
            values[node.static] = constant_array(node.static.name, node.shape)[None]
        elif node.op == "leaf":
            values[node.static] = rng.normal(size=(_MOST_PATTERNS // 2, *node.shape))
    argument = {gate.leaf.serial: gate.argument for gate in gates}
    with np.errstate(all="ignore"):
        computed = Program.of([argument[leaf.serial] for leaf in leaves]).run(Floats(), values)
    shape = (_MOST_PATTERNS // 2, -1)
    flat = [
        np.broadcast_to(a, (shape[0], *leaf.shape)).reshape(shape) for a, leaf in zip(computed, leaves, strict=True)
    ]
    return (np.concatenate(flat, axis=1) >= 0).astype(np.int64)


def gate_leaves(nodes: Sequence[Node]) -> list[Node]:
    """The leaves of gates below some nodes."""
    return [node for node in ancestors(nodes) if node.op == "leaf" and node.static.role == "gate"]


def _random(size: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Each pattern has its own share of open gates, so that deep networks are not closed by a single layer."""
    share = rng.random((4 * _MOST_PATTERNS, 1))
    return (rng.random((len(share), size)) < share).astype(np.int64)
