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


class ComplexFloats(Floats):
    """Floats in which roots and logarithms of negative numbers have values, so that zero times them is zero."""

    def piecewise(self, a, below, above):
        return np.where(a.real < 0, float(below), float(above)) * a

    def log(self, a, node):
        return np.log(a.astype(np.complex128))

    def sqrt(self, a, node):
        return np.sqrt(a.astype(np.complex128))

    def reciprocal(self, a):
        """A gate is written relu(p) / p. Where p is rounded to zero it does not matter which value it has."""
        return np.where(a == 0, 0, 1 / a)


def float_values(output, seed=0, count=40, spread=1.0, arithmetic=None):
    """The output at random points."""
    leaves = [node for node in ancestors([output]) if node.op == "leaf"]
    values = {}
    for leaf in leaves:
        if leaf.static.role == "constant":
            values[leaf.static] = constant_array(leaf.static.name, leaf.shape)[None]
        else:
            rng = np.random.default_rng([seed, *leaf.static.name.encode()])
            values[leaf.static] = spread * rng.normal(size=(count, *leaf.shape))
    if isinstance(arithmetic, ComplexFloats):
        values = {leaf: value.astype(np.complex128) for leaf, value in values.items()}
    with np.errstate(all="ignore"):
        (result,) = Program.of([output]).run(arithmetic or Floats(), values)
    return np.broadcast_to(result, (count, *output.shape))
