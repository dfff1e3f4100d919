"""Vector fields with an activation pattern that data show elsewhere, continued to the point where they are evaluated.

A law for free gates is one analytic function on a connected set of parameters, conserved in all regions of it. So the
vector field of a pattern, shown by data at parameters of one region, may be evaluated at any point to which it
continues analytically. Along the segment between them, with the pattern fixed, enclosures must keep the arguments of
roots, logarithms and divisions away from their singularities. Functions that are analytic everywhere need no check.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.engine.arithmetic.enclosures import Enclosures, U, exact
from lielaws.engine.flows.fields import Choice, VectorFields
from lielaws.engine.graph.node import Leaf, Node, leaves_of
from lielaws.engine.graph.program import Program
from lielaws.engine.potential.patterns import DENOMINATOR, Patterns, constant_enclosure
from lielaws.engine.potential.signs import singular

IntArray = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

# Enclosures of long pieces are wide, many pieces take long: what these do not decide is left out.
_PIECES = (32, 256)
# The numbers of patterns that are those of the point itself, and of choices for which these are not certain.
AT_THE_POINT, UNCERTAIN = -1, -2


def needs_continuation(fields: VectorFields) -> bool:
    """Whether patterns that data show elsewhere need to be continued to a point."""
    return not fields.regional and fields.listed is not None and bool(singular(fields.potential.output))


def continued(fields: VectorFields, vector: IntArray, choice: Choice) -> Mask:
    """Which vector fields of a choice continue from where their pattern is shown to the point (numerators)."""
    count = choice.count
    patterns, nodes = fields.listed, singular(fields.potential.output)
    if patterns is None or choice.patterns is None or not needs_continuation(fields):
        return np.ones(count, dtype=np.bool_)
    result = np.asarray(choice.patterns == AT_THE_POINT)
    for pieces in _PIECES:
        waiting = np.flatnonzero(~result & (choice.patterns >= 0))
        if len(waiting):
            result[waiting] = _checked(fields, patterns, nodes, vector, choice.select(waiting), pieces)
    return result


def _checked(
    fields: VectorFields,
    patterns: Patterns,
    nodes: tuple[tuple[str, Node], ...],
    vector: IntArray,
    choice: Choice,
    pieces: int,
) -> Mask:
    assert choice.patterns is not None
    count = choice.count
    point = fields.coordinates(vector)
    middles, half = (np.arange(pieces) + 0.5) / pieces, 0.5 / pieces
    values: dict[Leaf, Any] = {}
    for leaf in leaves_of([argument for _, argument in nodes]):
        name, shape = leaf.static.name, leaf.shape
        if leaf.static.role == "constant":
            values[leaf.static] = constant_enclosure(leaf)
        elif leaf.static.role == "gate":
            gates = np.repeat(choice.values[leaf.static][0], pieces, axis=0)
            values[leaf.static] = exact(gates[None] / DENOMINATOR)
        else:
            if leaf.static.role == "parameter":
                end = np.broadcast_to(point[leaf.static], (count, *shape))
                shown = patterns.points.get(name)
            else:
                end, shown = choice.values[leaf.static][0], patterns.samples.get(name)
            # What no gate depends on may stay where it is.
            begin = end if shown is None else shown[choice.patterns]
            values[leaf.static] = _segment(begin / DENOMINATOR, end / DENOMINATOR, middles, half)
    arithmetic = Enclosures()
    with np.errstate(all="ignore"):
        computed = Program.of([argument for _, argument in nodes]).run(arithmetic, values)
    good = np.ones((count, pieces), dtype=np.bool_)
    for (operation, _), value in zip(nodes, computed, strict=True):
        mid, rad = (
            np.broadcast_to(value[k, 0].reshape(value.shape[2], -1), (count * pieces, value[k, 0, 0].size))
            for k in (0, 1)
        )
        size = np.abs(mid) if operation == "reciprocal" else mid
        good &= (size > rad).all(axis=1).reshape(count, pieces)
    if arithmetic.undefined is not None:
        good &= ~np.broadcast_to(arithmetic.undefined, count * pieces).reshape(count, pieces)
    return np.asarray(good.all(axis=1))


def _segment(begin: Any, end: Any, middles: npt.NDArray[np.float64], half: float) -> npt.NDArray[np.float64]:
    """Enclosures of the pieces of segments, (2, 1, count * pieces, *shape)."""
    change = (end - begin)[:, None]
    steps = middles.reshape((1, -1) + (1,) * (change.ndim - 2))
    mid = begin[:, None] + change * steps
    rad = np.abs(change) * half * (1 + 8 * U) + 8 * U * (np.abs(begin[:, None]) + np.abs(change))
    rad = np.broadcast_to(rad, mid.shape)
    return np.stack([mid, rad]).reshape((2, 1, -1, *mid.shape[2:]))
