"""What a search asks of a family whose brackets are sparse: their complement, and vector fields in plenty."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.engine.arithmetic.modular import BadPrimeError, retried
from lielaws.engine.closure.growth import ModularGrowth, grow_at
from lielaws.engine.closure.sparse_rows import sparse_rows
from lielaws.engine.flows.fields import Point, VectorFields
from lielaws.engine.linalg import modular

# Vector fields at so many points tell laws from what is constant at one.
_POINTS = 8
_NO_POINT = "no point was met at which the gradients of single entries have values"


@dataclass(frozen=True, eq=False)
class SparseFamily:
    """A family that is known to be sparse from its growth.

    growth : with the ranks that brackets have at a generic point
    """

    fields: VectorFields
    growth: ModularGrowth
    rng: np.random.Generator

    def complement_at(self, prime: int) -> tuple[IntArray, IntArray]:
        """A random point modulo a prime, with no entry zero, and what spans the complement of the brackets there."""

        def attempt() -> tuple[IntArray, IntArray]:
            point = self._point(prime)
            grown = grow_at(self.fields, self.rng, point, guess=self.growth)
            return point.vector[0, 0], grown.complement(self.fields)

        return retried(attempt, _NO_POINT)

    def sample(self, count: int, prime: int) -> tuple[IntArray, IntArray]:
        """Points and values of vector fields, each (count, dimension): combinations of all rows at a few points."""
        shares = np.diff(np.linspace(0, count, _POINTS + 1).astype(int))
        parts = [retried(partial(self._at_one_point, int(share), prime), _NO_POINT) for share in shares]
        points, values = zip(*parts, strict=True)
        return np.concatenate(points), np.concatenate(values)

    def _at_one_point(self, count: int, prime: int) -> tuple[IntArray, IntArray]:
        point = self._point(prime)
        found = sparse_rows(self.fields, point, self.rng)
        if found is None:
            raise BadPrimeError
        # Sums of up to 2^17 products of residues below 2^23 fit into an int64.
        factors = modular.residues(self.rng, prime, (found.rows.shape[0], count))
        values = (found.rows.T @ factors).T % prime
        return np.broadcast_to(point.vector[0, 0], values.shape), values

    def _point(self, prime: int) -> Point:
        point = self.fields.draw_points(self.rng, 1, prime)
        if not point.vector.all():
            raise BadPrimeError
        return point
