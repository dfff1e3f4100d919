"""The families of vector fields for which laws are proved, each larger than the one of the question.

An identity that holds for a larger family holds for its part. In the order of cost:

* gates of any value, functions and roots with free values;
* the same for the network rewritten by local rules that identify equal functions (`values.rules`);
* true square roots, gates of any value: with random signs where all are conjugate, else with all choices of signs,
  output by output, of the few roots that it needs. The identity is linear in the cotangent, so unit cotangents suffice;
* the same with gates of 0 and 1, all choices of those that an output needs, where more is than affine in the gates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.engine.arithmetic.modular import BadPrimeError
from lielaws.engine.flows.fields import VectorFields
from lielaws.engine.flows.heights import FieldBounds
from lielaws.engine.laws.branch_family import BranchFamily, Samples, branch_families


@dataclass(frozen=True)
class FreeFamily:
    """Gates of any value, free functions; or the patterns of one region.

    original : the family of the network as it was written, if this one is of another
    """

    fields: VectorFields
    original: VectorFields | None = None

    @property
    def bounds(self) -> FieldBounds:
        return self.fields.bounds

    def sample(self, rng: np.random.Generator, count: int, prime: int, numbers: IntArray | None = None) -> Samples:
        """Random points with random vector fields there; fewer than asked for where some have no values.

        numbers : of the patterns of a region
        """
        point = self.fields.draw_points(rng, count, prime)
        choice = self.fields.choose(rng, count, point, free_gates=True, numbers=numbers)
        arithmetic = point.arithmetic
        values = self.fields.evaluate(point.vector, choice, arithmetic)[0]
        good = arithmetic.defined(count)
        return point.vector[0][good], values[good]

    def proof(self, rng: np.random.Generator, prime: int) -> Samples:
        """Samples of which an identity that fails is zero at all with the probability of one evaluation only."""
        region = self.fields.region
        count = 1 if region is None else region.count
        points, values = self.sample(rng, count, prime, None if region is None else np.arange(count))
        # Each pattern counts: where one has no value, all are to be drawn again.
        if len(points) < count:
            raise BadPrimeError("no value at some point")
        return points, values


Family = FreeFamily | BranchFamily


def families(fields: VectorFields) -> Iterator[Family]:
    """The families in the order in which they are tried."""
    yield FreeFamily(fields)
    if fields.region is not None or (fields.rational and fields.generic):
        return
    if fields.rewritten is not fields:
        yield FreeFamily(fields.rewritten, fields)
    for some in dict.fromkeys([fields.rewritten, fields]):
        yield from branch_families(some, None if some is fields else fields)
