"""Which formula explains the most cases, where some cases follow another one: exact voting of small samples.

A sample of cases that lie together, in a half-space or around a case, often lies in one regime. What fits a few more
cases than it has coefficients is a candidate, and the cases that it fits are its votes. All arithmetic is modulo a
prime that leaves room for sums of products in a word; candidates are solved again over the rationals afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import IntArray

MODULUS = 67_108_859
_EXTRA = 3
_BATCH = 120
_MOST_VOTED = 12

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Ballot:
    """The equations of a family of terms, and where to take samples from.

    matrix : (n, f) residues modulo MODULUS
    values : (n,) residues
    regions : (m, n) sets of cases that may lie in one regime
    """

    matrix: IntArray
    values: IntArray
    regions: Mask

    def masks(self, rng: np.random.Generator, batch: int = _BATCH) -> list[Mask]:
        """The sets of cases that one combination of the terms fits: large ones, and such that differ from these."""
        count = self.matrix.shape[1]
        size = count + _EXTRA
        usable = self.regions[self.regions.sum(axis=1) >= size]
        if not len(usable):
            return []
        region = usable[rng.integers(len(usable), size=batch)]
        keys = np.where(region, rng.random(region.shape), 2.0)
        samples = np.argpartition(keys, size - 1, axis=1)[:, :size]
        systems = np.concatenate([self.matrix[samples], self.values[samples][..., None]], axis=2)
        solutions, consistent = eliminate(systems)
        predicted = solutions[consistent] @ self.matrix.T % MODULUS
        fitting = np.unique(predicted == self.values, axis=0) if len(predicted) else np.zeros((0, 0), dtype=bool)
        return diverse(fitting)


def diverse(masks: Mask) -> list[Mask]:
    """In turn the largest set, and the one that adds most to those chosen before."""
    chosen: list[int] = []
    covered = np.zeros(masks.shape[1], dtype=bool)
    sizes = masks.sum(axis=1)
    for step in range(min(_MOST_VOTED, len(masks))):
        merit = (masks & ~covered).sum(axis=1) if step % 2 else sizes.copy()
        merit[chosen] = -1
        best = int(merit.argmax())
        chosen.append(best)
        covered |= masks[best]
    return [masks[i] for i in chosen]


def eliminate(systems: IntArray) -> tuple[IntArray, Mask]:
    """One solution of each of many systems modulo MODULUS, with zeros where it is free, and which are consistent.

    systems : (batch, equations, unknowns + 1) residues; overwritten
    """
    batch, equations, width = systems.shape
    every = np.arange(batch)
    used = np.zeros((batch, equations), dtype=bool)
    solutions = np.zeros((batch, width - 1), dtype=np.int64)
    pivots = np.zeros((batch, width - 1), dtype=np.int64)
    has = np.zeros((batch, width - 1), dtype=bool)
    for column in range(width - 1):
        candidates = (systems[:, :, column] != 0) & ~used
        has[:, column] = candidates.any(axis=1)
        row = candidates.argmax(axis=1)
        pivots[:, column] = row
        found = has[:, column]
        lead = systems[every, row] * _inverse(systems[every, row, column])[:, None] % MODULUS
        lead[~found] = 0
        factor = systems[:, :, column].copy()
        factor[every, row] = 0
        systems -= factor[:, :, None] * lead[:, None, :] % MODULUS
        systems %= MODULUS
        systems[every[found], row[found]] = lead[found]
        used[every[found], row[found]] = True
    consistent = ~((systems[:, :, -1] != 0) & ~used).any(axis=1)
    solutions = np.where(has, systems[every[:, None], pivots, -1], 0)
    return solutions, consistent


def _inverse(values: IntArray) -> IntArray:
    result = np.ones_like(values)
    base, exponent = values.copy(), MODULUS - 2
    while exponent:
        if exponent & 1:
            result = result * base % MODULUS
        base = base * base % MODULUS
        exponent >>= 1
    return result
