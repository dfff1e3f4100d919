"""Vector fields with an activation pattern that data show elsewhere, continued to the point where they are evaluated.

A law for free gates is one analytic function on a connected set of parameters, conserved in all regions of it. So the
vector field of a pattern, shown by data at parameters of one region, may be evaluated at any point to which it
continues analytically. Along the segment between them, with the pattern fixed, enclosures must keep the arguments of
roots, logarithms and divisions away from their singularities. Functions that are analytic everywhere need no check.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lielaws.arraytypes import BoolArray, FloatArray, IntArray
from lielaws.engine.arithmetic.enclosures import Enclosures, U
from lielaws.engine.flows.fields import Choice, VectorFields
from lielaws.engine.graph.node import Leaf, leaves_of
from lielaws.engine.graph.program import Program
from lielaws.engine.potential.patterns import DENOMINATOR, Patterns, constant_value
from lielaws.engine.potential.signs import singular

# Enclosures of long pieces are wide, many pieces take long: what these do not decide is left out.
_PIECES = (32, 256)
# The numbers of patterns that are those of the point itself, and of choices for which these are not certain.
AT_THE_POINT, UNCERTAIN = -1, -2


def needs_continuation(fields: VectorFields) -> bool:
    """Whether patterns that data show elsewhere need to be continued to a point."""
    return fields.region is None and fields.listed is not None and bool(singular(fields.potential.output))


def continued(fields: VectorFields, vector: IntArray, choice: Choice) -> BoolArray:
    """Which vector fields of a choice continue from where their pattern is shown to the point (numerators)."""
    count = choice.count
    patterns = fields.listed
    if patterns is None or choice.patterns is None or not needs_continuation(fields):
        return np.ones(count, dtype=np.bool_)
    result = np.asarray(choice.patterns == AT_THE_POINT)
    for pieces in _PIECES:
        waiting = np.flatnonzero(~result & (choice.patterns >= 0))
        if len(waiting):
            result[waiting] = _checked(fields, patterns, vector, choice.select(waiting), pieces)
    return result


def _checked(fields: VectorFields, patterns: Patterns, vector: IntArray, choice: Choice, pieces: int) -> BoolArray:
    """For each vector field, whether no piece of its segment comes near a singularity."""
    point, count, nodes = fields.space.values(vector), choice.count, singular(fields.potential.output)
    tables = {"parameter": patterns.points, "data": patterns.samples}
    arithmetic, values = Enclosures(), dict[Leaf, Any]()
    for leaf in leaves_of([argument for _, argument in nodes]):
        role, name = leaf.static.role, leaf.static.name
        if role == "constant":
            values[leaf.static] = constant_value(leaf, arithmetic)
            continue
        end = point[leaf.static] if role == "parameter" else choice.values[leaf.static][0]
        # Gates are those of the pattern, and what no gate depends on may stay where it is.
        shown = tables.get(role, {}).get(name)
        begin = end if shown is None else shown[choice.patterns]
        begin, end = (np.broadcast_to(array / DENOMINATOR, (count, *leaf.shape)) for array in (begin, end))
        values[leaf.static] = _segment(begin, end, pieces)
    with np.errstate(all="ignore"):
        computed = Program.of([argument for _, argument in nodes]).run(arithmetic, values)
    good = arithmetic.defined(count * pieces).copy()
    for (operation, _), value in zip(nodes, computed, strict=True):
        mid, rad = value[:, 0].reshape(2, value.shape[2], -1)
        good &= ((np.abs(mid) if operation == "reciprocal" else mid) > rad).all(axis=1)
    return np.asarray(good.reshape(count, pieces).all(axis=1))


def _segment(begin: Any, end: Any, pieces: int) -> FloatArray:
    """Enclosures of the pieces of segments, (2, 1, count * pieces, *shape)."""
    change = (end - begin)[:, None]
    middles = ((np.arange(pieces) + 0.5) / pieces).reshape((1, -1) + (1,) * (change.ndim - 2))
    mid = begin[:, None] + change * middles
    rad = np.abs(change) * (0.5 / pieces) * (1 + 8 * U) + 8 * U * (np.abs(begin[:, None]) + np.abs(change))
    rad = np.broadcast_to(rad, mid.shape)
    return np.stack([mid, rad]).reshape((2, 1, -1, *mid.shape[2:]))
