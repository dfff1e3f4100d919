"""Patterns of a region: those that data show at one point, recomputed in Fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lielaws import mlp
from lielaws.engine.flows.regions import realizable_patterns
from lielaws.errors import UnsupportedError


@pytest.mark.parametrize("seed", range(5))
def test_patterns_are_those_of_the_point(seed):
    potential = mlp([2, 3, 2]).potential
    region = realizable_patterns(potential, np.random.default_rng(seed))
    (weights,) = region.points["W1"]
    (gates,) = region.values.values()
    for x, gate in zip(region.samples["x"], gates, strict=True):
        argument = weights.astype(object) @ np.array([Fraction(entry) for entry in x], dtype=object)
        assert [int(entry > 0) for entry in argument] == gate.tolist()
        assert all(argument)
    # Three lines through the origin of a plane, in general position, leave six sectors.
    directions = {Fraction(int(a), int(b)) for a, b in weights}
    assert region.count == 2 * len(directions)


def test_functions_are_refused():
    with pytest.raises(UnsupportedError, match="realizable"):
        realizable_patterns(mlp([2, 2, 2, 1], "tanh").potential, np.random.default_rng(0))
