"""Many brackets at a point, in parts that fit in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.engine.flows.fields import Choice, Point, VectorFields

# About 160 MB of int64 in the largest array of an evaluation.
_CHUNK_ENTRIES = 2 * 10**7


def chunks(fields: VectorFields, words: Sequence[Choice], arrays: int = 1) -> Iterator[list[Choice]]:
    """Brackets in parts that are evaluated at once, by an arithmetic whose values take the room of so many arrays."""
    evaluations: int = arrays * 3 ** (len(words) - 1)
    size = max(1, _CHUNK_ENTRIES // (evaluations * max(fields.space.dimension, fields.program.widest)))
    for start in range(0, words[0].count, size):
        yield [word.select(slice(start, start + size)) for word in words]


def brackets_at(fields: VectorFields, words: Sequence[Choice], point: Point) -> IntArray:
    """Brackets at one point modulo its prime, shape (count, dimension).

    Those for which a denominator vanishes are zero, which is no loss: every subset of brackets gives a true bound.
    """
    rows = []
    for some in chunks(fields, words):
        arithmetic = point.arithmetic
        found = fields.bracket(point.vector, some, arithmetic)[0]
        if arithmetic.undefined is not None:
            found[np.broadcast_to(arithmetic.undefined, len(found))] = 0
        rows.append(found)
    return np.concatenate(rows)
