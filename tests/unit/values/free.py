"""Values of networks: in floats, and modulo a prime with free values of functions, equal where arguments are equal."""

from __future__ import annotations

import hashlib

import numpy as np

from lielaws.engine.arithmetic.floats import Floats
from lielaws.engine.arithmetic.modular import Modular
from lielaws.engine.graph.constants import constant_array
from lielaws.engine.graph.node import ancestors
from lielaws.engine.graph.program import Program
from lielaws.engine.potential.gates import lower_gates

PRIME = 2**31 - 1


class Free(Modular):
    """Values of one jet: exp(-a) = 1 / exp(a), exp(0) = 1, log(1) = 0, odd and even functions, nothing else."""

    def _drawn(self, kind, a):
        key = [hashlib.sha256(f"{kind} {number}".encode()).digest() for number in a.ravel().tolist()]
        numbers = [int.from_bytes(digest[:8], "little") % (self.prime - 1) + 1 for digest in key]
        return np.array(numbers, dtype=np.int64).reshape(a.shape)

    def _signed(self, kind, a):
        """A value for a and -a, and which of both it is."""
        negative = 2 * a > self.prime
        return self._drawn(kind, np.where(negative, self.prime - a, a)), negative

    def exp(self, a, node):
        value, negative = self._signed("exp", a)
        return np.where(a == 0, 1, np.where(negative, self.reciprocal(value), value))

    def log(self, a, node):
        return np.where(a == 1, 0, self._drawn("log", a))

    def sqrt(self, a, node):
        return self._drawn("sqrt", a)

    def gauss(self, a, density, node):
        value, negative = self._signed("gauss", a)
        return np.where(a == 0, 0, np.where(negative, -value, value)) % self.prime

    def _circle(self, a, node):
        value, negative = self._signed("circle", a)
        t = np.where(a == 0, 0, np.where(negative, self.prime - value, value))
        below = self.reciprocal((1 + t * t) % self.prime)
        return (1 - t * t) % self.prime * below % self.prime, 2 * t * below % self.prime


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
    return Program.of([lowered]).run(Free(PRIME), values)[0]


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
