"""Ranks along a formal curve, such as a training run with a random loss, as a power series in time modulo a prime.

The curve theta(t) solves theta' = grad f_w(t)(theta) with f_w = sum w_a phi_a and random polynomials w_a(t). Runs with
all such controls fill a neighbourhood in the orbit of the starting point (Sussmann), so the ranks over the field of
Laurent series in t are those at a generic point of the orbit, if the series is long enough. With one coefficient and a
random point they are ranks at that point modulo the prime.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.terms import TermTable
from lielaws.engine.linalg import modular, rank
from lielaws.intrinsic.calculus import Calculus
from lielaws.intrinsic.ranks import Ranks
from lielaws.intrinsic.series import SeriesRing, matmul, series_rank

_SPARE_ROWS = 6


def run_from(table: TermTable, start: IntArray, order: int, p: int, rng: np.random.Generator) -> IntArray:
    """A training run from `start` (D,) with a random loss, (D, order); p must exceed `order`."""
    controls = modular.residues(rng, p, (table.count, order))
    curve = np.zeros((len(start), order), dtype=np.int64)
    curve[:, 0] = start
    for power in range(1, order):
        slopes = calculus(table, curve[:, :power], p).jacobian()
        velocity = matmul(controls[None, :, :power], slopes, p)[0]
        curve[:, power] = velocity[:, power - 1] * pow(power, -1, p) % p
    return curve


def ranks_along(
    table: TermTable, laws: Sequence[Polynomial], curve: IntArray, p: int, rng: np.random.Generator
) -> Ranks:
    """The ranks over the field of Laurent series. Each is certainly at least as large; see :func:`series_rank`."""
    dimension = table.dimension
    phi = calculus(table, curve, p)
    slopes = _mixed(phi.jacobian(), dimension + _SPARE_ROWS, p, rng)
    h = _law_slopes(laws, curve, p)
    joint_rows = np.concatenate([slopes, h])
    joint = _rank(joint_rows, p)
    metric = joint
    if joint < dimension:
        weights = modular.residues(rng, p, (dimension - joint + _SPARE_ROWS, 2, table.count))
        metric = _rank(np.concatenate([joint_rows, *(phi.metric_slope(f, g)[None] for f, g in weights)]), p)
    return Ranks(dimension, _rank(slopes, p), _rank(h, p), joint, metric)


def calculus(table: TermTable, curve: IntArray, p: int) -> Calculus:
    """The polynomials of a table along a curve (D, N)."""
    one = np.eye(1, curve.shape[1], dtype=np.int64)
    return Calculus(table, np.concatenate([curve, one]), SeriesRing(p, curve.shape[1]))


def _rank(rows: IntArray, p: int) -> int:
    return rank(rows[:, :, 0], p) if rows.shape[2] == 1 else series_rank(rows, p)


def _law_slopes(laws: Sequence[Polynomial], curve: IntArray, p: int) -> IntArray:
    if not laws:
        return np.zeros((0, *curve.shape), dtype=np.int64)
    return calculus(TermTable.of(laws, len(curve)), curve, p).jacobian()


def _mixed(rows: IntArray, count: int, p: int, rng: np.random.Generator) -> IntArray:
    """Random combinations, if there are more rows than needed."""
    if len(rows) <= count:
        return rows
    weights = modular.residues(rng, p, (count, len(rows)))
    flat = modular.matmul(weights, rows.reshape(len(rows), -1), p)
    return flat.reshape(count, *rows.shape[1:])
