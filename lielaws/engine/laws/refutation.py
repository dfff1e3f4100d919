"""Real values against laws: a function that changes along a real vector field of the network as it was written is none.

What rests on a proof with free values is true without this. It tells which candidates certainly fail where no proof was
found, and guards the rules by which networks are rewritten before laws are proved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import islice

import numpy as np

from lielaws.arraytypes import BoolArray, FloatArray, IntArray
from lielaws.engine.arithmetic.enclosures import Enclosures, of_fractions
from lielaws.engine.flows.fields import VectorFields
from lielaws.engine.flows.reals import RealFields, real_points
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.terms import TermTable
from lielaws.engine.potential.patterns import DENOMINATOR

Gradients = Callable[[IntArray], FloatArray]
"""numerators of a point (dimension,) -> the gradients there in enclosures, (2, count, dimension)"""

# Points, and vector fields at each: a law that fails on one of 2^k branches is met if k is small.
_POINTS = 3
_SAMPLES = 48


def changing(gradients: Gradients, fields: VectorFields, rng: np.random.Generator) -> BoolArray:
    """Which functions certainly change along some vector field, by values with rigorous enclosures."""
    changes = []
    for vector in islice(real_points(fields, rng), _POINTS):
        reals = RealFields(fields, vector, rng, thorough=True)
        rows, good = reals.sample(max(_SAMPLES, reals.turns))
        slopes = gradients(vector)
        with np.errstate(invalid="ignore", over="ignore"):
            products = Enclosures().matrix_product(slopes, rows.transpose(0, 2, 1))
            changes.append(((np.abs(products[0]) > products[1]) & good).any(axis=1))
    return np.asarray(np.logical_or.reduce(changes))


def polynomial_gradients(laws: Sequence[Polynomial]) -> Gradients:
    """The gradients of polynomials with integer coefficients."""

    def gradients(vector: IntArray) -> FloatArray:
        point = np.array([Fraction(number, DENOMINATOR) for number in vector.tolist()], dtype=object)
        found = TermTable.of(laws, len(point)).gradients(point)
        return of_fractions(found.ravel(), found.shape)

    return gradients
