"""Random points modulo primes that nobody could foresee, at which identities of vector fields are evaluated."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from lielaws.checker.lower.bounds import LARGE_PRIME_BITS
from lielaws.checker.networks.flows import joined
from lielaws.checker.networks.gates import Gates
from lielaws.checker.networks.network import Network
from lielaws.checker.networks.program import Leaves, Values
from lielaws.checker.numbers.jets import Jets, parts
from lielaws.checker.numbers.residues import Residues
from lielaws.errors import CertificateError

Found = TypeVar("Found")
ATTEMPTS = 8
"""points at which a denominator vanishes are drawn again; that all of these are bad has a probability below 2^-100"""


@dataclass(frozen=True)
class Point:
    """Random values of everything but the cotangent.

    state : one array for each tensor of the state, with one sample
    gate_values : one value for each gate, (1, gates)
    jets : the arithmetic, with so many samples
    """

    network: Network
    gates: Gates
    jets: Jets
    leaves: Leaves
    state: list[Any]
    gate_values: Any
    samples: int = 1

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
        return cls(network, gates, Jets(ring), leaves, state, gates.random(ring)[None])

    @property
    def ring(self) -> Any:
        return self.jets.ring

    @property
    def coordinates(self) -> list[int]:
        return [int(x) for block in self.state for x in block.ravel()]

    def values(self) -> Values:
        return self.network.values(
            self.jets, self.state, self.leaves, lambda j, _: self.gates.of_piece(self.ring, self.gate_values, j)
        )

    def fields(self, values: Values, cotangent: Any, drift: Any) -> Any:
        """The vector field for a cotangent and a drift factor, with one sample each, in rows of residues.

        A field in F_p[i] has two rows, which both vanish along with it.
        """
        both = parts(self.network.field(self.jets, self.state, values, cotangent, drift))
        shapes, plain = self.network.flow.state_shapes, Jets(self.ring)
        return np.concatenate([joined(plain, blocks, shapes, self.samples) for blocks in both])


def cotangents(network: Network) -> Any:
    """A basis of what cotangents may be, as integers (count, *shape of the output)."""
    size, row = math.prod(network.output_shape), network.row
    kept = [k for k in range(size) if not row or k % row < row - 1]
    return _allowed(network, np.eye(size, dtype=object)[kept].reshape(len(kept), *network.output_shape))


def random_cotangent(network: Network, ring: Residues) -> Any:
    """A random one, with one sample."""
    return _allowed(network, ring.random((1, *network.output_shape))) % ring.prime


def random_sum(units: Any) -> Any:
    """A random sum of cotangents, with one sample."""
    weights = [secrets.randbits(LARGE_PRIME_BITS) for _ in units]
    return np.tensordot(np.array(weights, dtype=object)[None], units, 1)


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
