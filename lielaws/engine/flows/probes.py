"""How members of the family are drawn. The bounds hold for any choice, so this is a matter of cost alone."""

from __future__ import annotations

import numpy as np

from lielaws.engine.arithmetic.modular import IntArray
from lielaws.engine.graph.node import Node
from lielaws.engine.potential.potentials import Potential
from lielaws.engine.values.sampling import DrawLeaf, uniform


def dense_probes(potential: Potential, free_gates: bool = False) -> DrawLeaf:
    """Uniform residues for data, cotangents and affine gates; patterns of 0 and 1 for the other gates.

    free_gates : uniform residues for all gates. The members then span more than the family if the output is not affine
        in the gates: a law of them is a law, but their rank is no bound.

    Each pattern has its own share of open gates, so that deep networks are not closed by a single layer.
    """
    patterns = set() if free_gates else {gate.leaf.static for gate in potential.gates if not gate.affine}

    def draw(node: Node, rng: np.random.Generator, count: int, prime: int) -> IntArray:
        if node.static not in patterns:
            return uniform(node, rng, count, prime)
        shape = (1, count, *node.shape)
        share = rng.random(count).reshape((1, count) + (1,) * len(node.shape))
        return (rng.random(shape) < share).astype(np.int64)

    return draw
