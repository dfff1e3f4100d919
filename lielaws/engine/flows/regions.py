"""Activation patterns that really occur near a point, computed exactly.

At a small integer point theta0, enclosures prove the signs of the arguments of all activations for some data, but of
arguments that vanish identically under the pattern. So each pattern persists for parameters and data nearby, and the
generic rank of the family with these patterns is an upper bound for the region of theta0. A law of these patterns is a
law of the region if no other pattern occurs there.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from lielaws.arraytypes import BoolArray, IntArray
from lielaws.engine.potential.patterns import DENOMINATOR, Patterns, PatternSearch, signed
from lielaws.engine.potential.potentials import Potential
from lielaws.errors import UnsupportedError

_DATA = 4000
# Data are drawn again until so many times no new pattern was shown, but not where there are hundreds of them: most of
# these are rare then. Fewer rounds miss the thin cones of ten planes in space, which others who look will find.
_QUIET_ROUNDS = 12
_MOST_ROUNDS = 60
_MANY_PATTERNS = 400
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
    point = {
        name: DENOMINATOR * signed(rng, 1, _LARGEST_WEIGHT, leaf.shape) for name, leaf in traced.parameters.items()
    }
    at_point = {leaf.static: point[name][None, None] for name, leaf in traced.parameters.items()}
    search = PatternSearch(potential.gates)
    found: dict[bytes, tuple[BoolArray, dict[str, IntArray]]] = {}
    quiet = 0
    for _ in range(_MOST_ROUNDS):
        data = {name: _on_grids(rng, leaf.shape) for name, leaf in traced.data.items()}
        numerators = at_point | {leaf.static: data[name][None] for name, leaf in traced.data.items()}
        opened, shown = search.distinct_settled(numerators, _DATA)
        before = len(found)
        for k in shown.tolist():
            found.setdefault(opened[k].tobytes(), (opened[k], {name: array[k] for name, array in data.items()}))
        quiet = 0 if len(found) > before else quiet + 1
        if quiet == _QUIET_ROUNDS or len(found) > _MANY_PATTERNS or not found:
            break
    if not found:
        remedy = "no data were found that show an activation pattern with certainty"
        raise UnsupportedError("gates", "realizable", remedy)
    patterns = np.array([pattern for pattern, _ in found.values()])
    points = {name: array[None] for name, array in point.items()}
    samples = {name: np.array([witness[name] for _, witness in found.values()]) for name in traced.data}
    return Patterns(search.split(patterns), len(found), points, samples)


def _on_grids(rng: np.random.Generator, shape: tuple[int, ...]) -> IntArray:
    """Numerators of data on all grids."""
    count = _DATA // len(_GRIDS)
    parts = [rng.integers(-steps, steps + 1, (count, *shape)) * int(DENOMINATOR * step) for step, steps in _GRIDS]
    return np.concatenate(parts)
