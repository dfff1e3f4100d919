"""Values of networks: in floats, and modulo a prime with free values of functions, equal where arguments are equal."""

from __future__ import annotations

import numpy as np

from lielaws.engine.arithmetic.floats import Floats
from lielaws.engine.arithmetic.modular import Modular
from lielaws.engine.graph.constants import constant_array
from lielaws.engine.graph.node import ancestors
from lielaws.engine.graph.program import Program
from lielaws.engine.potential.gates import lower_gates
from lielaws.engine.values.free import FreeFunctions

PRIME = 2**31 - 1


def free_values(output, seed=0, fixed=None):
    """The output at random residues, with gates of any value; some leaves may have a fixed one."""
    lowered = lower_gates(output).output
    leaves = [node for node in ancestors([lowered]) if node.op == "leaf"]
    values = {
        leaf.static: np.random.default_rng([seed, *leaf.static.name.encode()]).integers(
            1, PRIME, size=(1, 1, *leaf.shape)
        )
        for leaf in leaves
    }
    for leaf in leaves:
        if leaf.static.name in (fixed or {}):
            values[leaf.static] = np.full((1, 1, *leaf.shape), fixed[leaf.static.name])
    functions = FreeFunctions.draw(np.random.default_rng(seed), PRIME)
    return Program.of([lowered]).run(Modular(PRIME, functions), values)[0]


def float_values(output, seed=0, count=40, spread=1.0):
    """The output at random points."""
    leaves = [node for node in ancestors([output]) if node.op == "leaf"]
    values = {}
    for leaf in leaves:
        if leaf.static.role == "constant":
            values[leaf.static] = constant_array(leaf.static.name, leaf.shape)[None]
        else:
            rng = np.random.default_rng([seed, *leaf.static.name.encode()])
            values[leaf.static] = spread * rng.normal(size=(count, *leaf.shape))
    with np.errstate(all="ignore"):
        (result,) = Program.of([output]).run(Floats(), values)
    return np.broadcast_to(result, (count, *output.shape))
