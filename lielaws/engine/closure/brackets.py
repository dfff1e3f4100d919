"""Left-normed brackets at a point, by nested dual numbers: nothing is expanded symbolically."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lielaws.engine.arithmetic.modular import Modular
from lielaws.engine.flows.fields import IntArray, Members, State, VectorFields

_CHUNK_ENTRIES = 2 * 10**7


def left_normed(fields: VectorFields, words: Sequence[Members], state: IntArray, arithmetic: Modular) -> IntArray:
    """The brackets [X_k, [.., [X_2, X_1]]] at a state, for several choices of the X_i at once.

    Parameters
    ----------
    words : X_1, ..., X_k; each holds one member for each bracket
    state : (jets, 1 or samples, dimension)

    With [X, Y] = DY.X - DX.Y, evaluated as in forward mode: the new nilpotent e carries a direction, and the half
    of the result that belongs to e is the derivative along it.
    """
    *inner, outer = words
    direction = fields.evaluate(state, outer, arithmetic)
    if not inner:
        return direction
    base = np.broadcast_to(state, direction.shape)
    moved = left_normed(fields, inner, np.concatenate([base, direction]), arithmetic)
    half = direction.shape[0]
    value, derivative = moved[:half], moved[half:]
    back = fields.evaluate(np.concatenate([base, value]), outer, arithmetic)[half:]
    return (derivative - back) % arithmetic.prime


def brackets_at(fields: VectorFields, words: Sequence[Members], state: State) -> IntArray:
    """Brackets at one state, shape (count, dimension), in chunks that bound the memory."""
    arithmetic = Modular(state.prime)
    count, depth = words[0].count, len(words)
    chunk = max(1, _CHUNK_ENTRIES // (3 ** max(depth - 1, 0) * fields.space.dimension))
    rows = [
        left_normed(fields, [word.select(slice(start, start + chunk)) for word in words], state.vector, arithmetic)[0]
        for start in range(0, count, chunk)
    ]
    return np.concatenate(rows)
