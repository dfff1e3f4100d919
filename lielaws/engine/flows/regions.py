"""Activation patterns that really occur near a point, computed exactly.

At a small integer point theta0, patterns of integer data are computed without rounding. As no argument is zero, each
pattern persists for parameters and data nearby, so the generic rank of the family with these patterns is an upper bound
for the region of theta0. A law of these patterns is a law of the region if no other pattern occurs there.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.engine.arithmetic.rationals import Rationals
from lielaws.engine.graph.node import Leaf
from lielaws.engine.graph.program import Program
from lielaws.engine.potential.patterns import Patterns
from lielaws.engine.potential.potentials import Potential
from lielaws.errors import UnsupportedError

IntArray = npt.NDArray[np.int64]

_DATA = 4000
# Fine and coarse grids: kinks may lie close together, or far out.
_GRIDS = ((Fraction(1, 32), 40), (Fraction(1, 8), 40), (Fraction(1), 20), (Fraction(1), 300))
_LARGEST_WEIGHT = 9


def realizable_patterns(potential: Potential, rng: np.random.Generator) -> Patterns:
    """The patterns that random integer data show at a random integer point.

    Raises UnsupportedError for networks whose signs cannot be computed exactly.
    """
    traced = potential.traced
    if not potential.is_rational or potential.constants:
        remedy = "signs are computed exactly for polynomial and rational networks only; use gates='free'"
        raise UnsupportedError("gates", "realizable", remedy)
    point = {name: _nonzero(rng, leaf.shape, _LARGEST_WEIGHT) for name, leaf in traced.parameters.items()}
    values: dict[Leaf, Any] = {
        leaf.static: point[name].astype(object)[None] for name, leaf in traced.parameters.items()
    }
    for leaf in traced.data.values():
        parts = [
            rng.integers(-steps, steps + 1, (_DATA // len(_GRIDS), *leaf.shape)).astype(object) * step
            for step, steps in _GRIDS
        ]
        values[leaf.static] = np.concatenate(parts)
    arguments = Program.of([gate.argument for gate in potential.gates]).run(Rationals(), values)
    flat = [
        np.broadcast_to(a.reshape(a.shape[0], -1), (_DATA, gate.leaf.size))
        for a, gate in zip(arguments, potential.gates, strict=True)
    ]
    joined = np.concatenate(flat, axis=1) if flat else np.zeros((_DATA, 0), dtype=object)
    smooth = np.all(joined != 0, axis=1)
    distinct, first = np.unique((joined[smooth] > 0).astype(np.int64), axis=0, return_index=True)
    shown = np.flatnonzero(smooth)[first]
    cuts = np.cumsum([gate.leaf.size for gate in potential.gates])[:-1]
    pieces = np.split(distinct, cuts, axis=1) if flat else []
    shaped = {
        gate.leaf.static: piece.reshape(len(distinct), *gate.leaf.shape)
        for gate, piece in zip(potential.gates, pieces, strict=True)
    }
    samples = {name: values[leaf.static][shown] for name, leaf in traced.data.items()}
    return Patterns(shaped, len(distinct), {name: array[None] for name, array in point.items()}, samples)


def _nonzero(rng: np.random.Generator, shape: tuple[int, ...], largest: int) -> IntArray:
    return np.asarray(rng.integers(1, largest + 1, shape) * rng.choice([-1, 1], shape), dtype=np.int64)
