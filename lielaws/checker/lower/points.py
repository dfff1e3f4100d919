"""Random points modulo primes that nobody could foresee, at which identities of vector fields are evaluated."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from lielaws.checker.networks.flows import joined
from lielaws.checker.networks.gates import Gates
from lielaws.checker.networks.network import Network
from lielaws.checker.networks.program import Leaves, Values
from lielaws.checker.numbers.jets import Jets
from lielaws.checker.numbers.residues import Residues
from lielaws.errors import CertificateError

Found = TypeVar("Found")
ATTEMPTS = 8
"""points at which a denominator vanishes are drawn again; that all of these are bad has a probability below 2^-100"""


@dataclass(frozen=True)
class Point:
    """Random values of everything but the cotangent.

    state : one array for each tensor of the state, with one sample
    gate_values : one value for each gate, (samples, gates)
    """

    network: Network
    gates: Gates
    ring: Residues
    leaves: Leaves
    state: list[Any]
    gate_values: Any

    @classmethod
    def draw(cls, network: Network, gates: Gates, ring: Residues) -> Point:
        state = [ring.random((1, *shape)) for shape in network.flow.state_shapes]
        shapes = {leaf: shape for leaf, shape in network.program.leaves.items() if leaf[0] != "parameter"}
        leaves = {leaf: ring.random((1, *shape)) for leaf, shape in shapes.items()}
        for name, shape in network.true_constants.items():
            # Identities over Q hold for both roots of two, and for any value of what is transcendental.
            value = ring.root(2) if name == "sqrt_two" else int(ring.random((1,))[0])
            assert value is not None, "two is a square modulo primes that are 7 mod 8"
            leaves["constant", name] = np.full((1, *shape), value, dtype=ring.dtype)
        return cls(network, gates, ring, leaves, state, gates.random(ring)[None])

    @property
    def coordinates(self) -> list[int]:
        return [int(x) for block in self.state for x in block.ravel()]

    def values(self) -> Values:
        return self.network.values(
            Jets(self.ring), self.state, self.leaves, lambda j, _: self.gates.of_piece(self.ring, self.gate_values, j)
        )

    def fields(self, values: Values, cotangent: Any, drift: Any) -> Any:
        """Vector fields for some cotangents (samples, *shape) and drift factors (samples,), as (samples, dimension)."""
        jets = Jets(self.ring)
        blocks = self.network.field(jets, self.state, values, cotangent, drift)
        return joined(jets, blocks, self.network.flow.state_shapes, len(cotangent))


def cotangents(network: Network) -> Any:
    """A basis of what cotangents may be, as integers (count, *shape of the output)."""
    size, row = math.prod(network.output_shape), network.row
    kept = [k for k in range(size) if not row or k % row < row - 1]
    return _allowed(network, np.eye(size, dtype=object)[kept].reshape(len(kept), *network.output_shape))


def random_cotangent(network: Network, ring: Residues) -> Any:
    """A random one, with one sample."""
    return _allowed(network, ring.random((1, *network.output_shape))) % ring.prime


def _allowed(network: Network, values: Any) -> Any:
    """With cross-entropy the entries of the last axis sum to zero: the last of them follows from the others."""
    if network.row:
        values[..., -1] = -values[..., :-1].sum(axis=-1)
    return values


def attempted(evaluate: Callable[[], Found]) -> Found:
    """What is found at random points, at the first of them where no denominator vanishes."""
    for _ in range(ATTEMPTS):
        with suppress(ZeroDivisionError):
            return evaluate()
    raise CertificateError("architecture", "a denominator", "it vanished at every point that was tried")
