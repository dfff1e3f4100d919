"""How members of the family are drawn. The bounds hold for any choice, so this is a matter of cost alone."""

from __future__ import annotations

import numpy as np

from lielaws.flows.fields import Members
from lielaws.graph.node import Leaf
from lielaws.graph.potential import Potential
from lielaws.numbers.modular import IntArray


def dense_probes(
    potential: Potential, rng: np.random.Generator, count: int, prime: int, free_gates: bool = False
) -> Members:
    """Uniform residues for data, cotangents and affine gates; patterns of 0 and 1 for the other gates.

    free_gates : uniform residues for all gates. The members then span more than the family if the output is not affine
        in the gates: a law of them is a law, but their rank is no bound.

    Each pattern has its own share of open gates, so that deep networks are not closed by a single layer.
    """
    values: dict[Leaf, IntArray] = {}
    for node in (*potential.traced.data.values(), potential.cotangent):
        values[node.static] = rng.integers(0, prime, (1, count, *node.shape), dtype=np.int64)
    share = rng.random(count)
    for gate in potential.gates:
        shape = (1, count, *gate.leaf.shape)
        if gate.affine or free_gates:
            values[gate.leaf.static] = rng.integers(0, prime, shape, dtype=np.int64)
        else:
            threshold = share.reshape((1, count) + (1,) * len(gate.leaf.shape))
            values[gate.leaf.static] = (rng.random(shape) < threshold).astype(np.int64)
    return Members(values, count)
