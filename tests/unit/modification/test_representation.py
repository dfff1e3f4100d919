"""Info against numbers that are known, or computed in another way."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lielaws.errors import LieLawsError
from lielaws.modification.data import Data
from lielaws.modification.representation import Reading, empirical, noisy


def mixture_information(points: np.ndarray, noise: float) -> float:
    """I(X; Z + N) for X uniform on points of a line, by quadrature of the density of the mixture."""
    grid = np.linspace(points.min() - 12 * noise, points.max() + 12 * noise, 40_001)
    density = np.exp(-((grid[:, None] - points) ** 2) / (2 * noise**2)).mean(axis=1) / math.sqrt(2 * math.pi) / noise
    terms = np.where(density > 0, -density * np.log(np.where(density > 0, density, 1.0)), 0.0)
    return float(terms.sum() * (grid[1] - grid[0])) - 0.5 * math.log(2 * math.pi * math.e * noise**2)


@pytest.mark.parametrize("noise", [0.01, 0.1, 0.3, 1.0, 5.0])
def test_the_bounds_of_noisy_information_hold(noise: float) -> None:
    rng = np.random.default_rng(0)
    for size in (2, 5, 40):
        points = rng.normal(size=size)
        data = Data(np.arange(size)[:, None].astype(float))
        found = noisy(data, points[:, None], noise)
        true = mixture_information(points, noise)
        assert found.low <= true + 1e-6
        assert true <= found.high + 1e-6
        assert found.high <= math.log(size) + 1e-6


def test_far_and_near_points() -> None:
    data = Data(np.arange(2.0)[:, None])
    far = noisy(data, np.array([[0.0], [100.0]]), 1.0)
    assert (far.low, far.high) == pytest.approx((math.log(2), math.log(2)), abs=1e-6)
    same = noisy(data, np.array([[3.0], [3.0]]), 1.0)
    assert (same.low, same.high) == pytest.approx((0.0, 0.0), abs=1e-9)


def test_blocks_of_many_samples_agree(monkeypatch) -> None:
    rng = np.random.default_rng(1)
    data, z = Data(rng.normal(size=(50, 2))), rng.normal(size=(50, 3))
    whole = noisy(data, z, 0.7)
    monkeypatch.setattr("lielaws.modification.representation._BLOCK", 100)
    parts = noisy(data, z, 0.7)
    assert (parts.low, parts.high) == pytest.approx((whole.low, whole.high), rel=1e-12)


def test_counted_information() -> None:
    x = np.arange(8.0)[:, None]
    z = np.array([0, 0, 0, 0, 1, 1, 2, 3.0])[:, None]
    found = empirical(Data(x), z, 1e-9)
    assert found.low == found.high == pytest.approx(1.75 * math.log(2))
    assert found.counts == (1, 1, 2, 4)
    # Rounding does not tell representations apart.
    assert empirical(Data(x), z + 1e-14 * np.arange(8)[:, None], 1e-9).counts == found.counts
    # Equal inputs have one representation, whatever rounding made of it.
    equal = empirical(Data(np.zeros((8, 1))), z, 1e-9)
    assert equal.low == 0


def test_too_many_samples_for_all_pairs(monkeypatch) -> None:
    monkeypatch.setattr("lielaws.modification.representation._MOST_PAIRED", 3)
    with pytest.raises(LieLawsError, match="all pairs"):
        noisy(Data(np.zeros((4, 1))), np.zeros((4, 1)), 1.0)


def test_readings_are_checked() -> None:
    for options in ({"method": "x"}, {"confidence": 1.0}, {"resolution": 0.0}, {"resamples": 0}, {"noise": -1.0}):
        with pytest.raises(LieLawsError):
            Reading(**options)
