"""Real points with given values, proved in ball arithmetic."""

from __future__ import annotations

from fractions import Fraction

import flint
import numpy as np
import pytest

from lielaws.engine.laws.polynomial import Polynomial
from lielaws.intrinsic.real_points import SingularLevelError, may_have_value, rank_is_at_least, real_points

SQUARES = Polynomial.of({(0, 0): 1, (1, 1): 1})
DIFFERENCE = Polynomial.of({(0, 0): 1, (2, 2): -1})


def balls(rows: list[list[float]], radius: float = 0.0) -> np.ndarray:
    return np.array([[flint.arb(entry, radius) for entry in row] for row in rows], dtype=object)


def test_points_have_the_values() -> None:
    values = {SQUARES: Fraction(2), DIFFERENCE: Fraction(-1, 3)}
    points = list(real_points(values, 3, np.random.default_rng(0)))
    assert points
    for point in points:
        x, y, z = point.coordinates
        assert abs(float(x**2 + y**2) - 2) < 1e-14
        assert abs(float(x**2 - z**2) + 1 / 3) < 1e-14
        assert all(float(ball.rad()) < 1e-15 for ball in point.coordinates)
        assert may_have_value(SQUARES, Fraction(2), point)
        assert not may_have_value(SQUARES, Fraction(2) + Fraction(1, 10**20), point)


def test_precision_is_restored() -> None:
    before = flint.ctx.prec
    list(real_points({SQUARES: Fraction(1)}, 2, np.random.default_rng(0)))
    assert flint.ctx.prec == before


def test_impossible_values_have_no_points() -> None:
    assert list(real_points({SQUARES: Fraction(-1)}, 2, np.random.default_rng(0))) == []


def test_singular_values_are_refused() -> None:
    with pytest.raises(SingularLevelError):
        list(real_points({SQUARES: Fraction(0)}, 2, np.random.default_rng(0)))


def test_ranks_of_balls_are_proved() -> None:
    independent = [[1.0, 2.0, 0.0], [0.0, 1.0, 1.0]]
    assert rank_is_at_least(balls(independent), 2)
    assert not rank_is_at_least(balls([[1.0, 2.0], [2.0, 4.0]]), 2)
    assert not rank_is_at_least(balls([[1.0, 2.0], [2.0, 4.1]], 0.1), 2)
    assert rank_is_at_least(balls([[1e-30, 0.0], [0.0, 1e30]]), 2)
    assert not rank_is_at_least(balls(independent), 3)
    assert rank_is_at_least(balls(independent), 0)
