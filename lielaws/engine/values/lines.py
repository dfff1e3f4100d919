"""Lines through the sources of square roots, on which their arguments are polynomials that are cheap to evaluate."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.engine.arithmetic.modular import BadPrimeError
from lielaws.engine.graph.node import Leaf
from lielaws.engine.linalg import modular
from lielaws.engine.values.draws import Draw

IntArray = npt.NDArray[np.int64]

_CANDIDATES = 2**18
_ROUNDS = 64


@dataclass(frozen=True, slots=True)
class Line:
    """A line through some entries of a leaf, one for each of some samples."""

    leaf: Leaf
    flat: IntArray
    samples: IntArray
    entries: list[int]
    base: IntArray
    direction: IntArray
    prime: int

    @classmethod
    def of(
        cls, draw: Draw, rng: np.random.Generator, prime: int, leaf: Leaf, entries: list[int], samples: IntArray
    ) -> Line:
        flat = draw.leaves[leaf].reshape(1, draw.count, -1)
        base = flat[0, samples[:, None], entries]
        return cls(leaf, flat, samples, entries, base, modular.residues(rng, prime, base.shape), prime)

    def move(self, t: Any) -> None:
        """Put the samples at parameter t, one number or one for each sample."""
        steps = np.broadcast_to(np.asarray(t, dtype=self.base.dtype), (len(self.samples),))[:, None]
        self.flat[0, self.samples[:, None], self.entries] = (self.base + steps * self.direction) % self.prime

    def put(self, leaves: dict[Leaf, IntArray], k: int, places: IntArray) -> None:
        """Put copies of the k-th of the samples at some places, in other leaves."""
        copies = np.array(leaves[self.leaf], order="C")
        flat = copies.reshape(len(places), -1)
        flat[:, self.entries] = (self.base[k] + places[:, None] * self.direction[k]) % self.prime
        leaves[self.leaf] = copies


def interpolated(points: list[IntArray], p: int) -> list[IntArray] | None:
    """The coefficients of polynomials with these values at 0, 1, .., from the constant one on.

    None if the degree is not below the number of points minus one.
    """
    divided = list(points)
    for step in range(1, len(divided)):
        inverse = pow(step, -1, p)
        divided[step:] = [
            (after - before) * inverse % p for before, after in zip(divided[step - 1 :], divided[step:], strict=False)
        ]
    if np.any(divided[-1]):
        return None
    coefficients = [divided[-2]]
    for t in range(len(divided) - 3, -1, -1):
        # Newton's form, multiplied out: previous * (x - t) + divided[t].
        shifted = [
            -t * coefficients[0] % p,
            *((a - t * b) % p for a, b in pairwise(coefficients)),
        ]
        coefficients = [*shifted, coefficients[-1]]
        coefficients[0] = (coefficients[0] + divided[t]) % p
    return coefficients


def residue_places(coefficients: list[IntArray], wanted: int, rng: np.random.Generator, p: int) -> IntArray:
    """Some t at which all polynomials are nonzero squares modulo p: about as many as wanted, if that can be had.

    coefficients : by power, of all polynomials
    """
    entries = len(coefficients[0])
    for _ in range(_ROUNDS):
        places = modular.residues(rng, p, (min(2**entries * wanted, _CANDIDATES),))
        for entry in range(entries):
            value = np.zeros_like(places)
            for coefficient in reversed(coefficients):
                value = (value * places + coefficient[entry]) % p
            # Each root halves what is left to be tried for the next one.
            places = places[modular.power(value, (p - 1) // 2, p) == 1]
            if not len(places):
                break
        if len(places):
            return places
    raise BadPrimeError("no base point was found at which all square roots exist")
