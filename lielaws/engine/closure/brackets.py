"""Left-normed brackets at a point, by nested dual numbers: nothing is expanded symbolically."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.engine.arithmetic.jets import JetArithmetic, Values
from lielaws.engine.flows.fields import Choice, Point, VectorFields

# About 160 MB of int64 in the largest array of an evaluation.
_CHUNK_ENTRIES = 2 * 10**7


def left_normed(fields: VectorFields, words: Sequence[Choice], vector: Values, arithmetic: JetArithmetic) -> Values:
    """The brackets [X_k, [.., [X_2, X_1]]] at a point, for several choices of the X_i at once.

    Parameters
    ----------
    words : X_1, ..., X_k; each holds one vector field for each bracket
    vector : the point as (.., jets, 1 or samples, dimension), in the arithmetic

    With [X, Y] = DY.X - DX.Y, evaluated as in forward mode: the new nilpotent e carries a direction, and the half
    of the result that belongs to e is the derivative along it.
    """
    *inner, outer = words
    direction = fields.evaluate(vector, outer, arithmetic)
    if not inner:
        return direction
    moved = left_normed(fields, inner, arithmetic.joined(vector, direction), arithmetic)
    value, derivative = arithmetic.halves(moved)
    back = fields.evaluate(arithmetic.joined(vector, value), outer, arithmetic)
    return arithmetic.minus(derivative, arithmetic.halves(back)[1])


def chunks(fields: VectorFields, words: Sequence[Choice], arrays: int = 1) -> Iterator[list[Choice]]:
    """Brackets in parts that are evaluated at once, by an arithmetic whose values take the room of so many arrays."""
    evaluations: int = arrays * 3 ** (len(words) - 1)
    size = max(1, _CHUNK_ENTRIES // (evaluations * fields.space.dimension))
    for start in range(0, words[0].count, size):
        yield [word.select(slice(start, start + size)) for word in words]


def brackets_at(fields: VectorFields, words: Sequence[Choice], point: Point) -> IntArray:
    """Brackets at one point modulo its prime, shape (count, dimension).

    Those for which a denominator vanishes are zero, which is no loss: every subset of brackets gives a true bound.
    """
    rows = []
    for some in chunks(fields, words):
        arithmetic = point.arithmetic
        found = left_normed(fields, some, point.vector, arithmetic)[0]
        if arithmetic.undefined is not None:
            found[np.broadcast_to(arithmetic.undefined, len(found))] = 0
        rows.append(found)
    return np.concatenate(rows)
