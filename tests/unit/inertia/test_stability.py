"""The estimate of the largest curvature, and what it says about a step."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.linalg import qr

from lielaws.errors import InvalidArgumentError
from lielaws.inertia import largest_curvature, simulate
from tests.unit.inertia.losses import Quadratic, quartic, quartic_gradient


@pytest.mark.parametrize(
    ("eigenvalues", "largest"),
    [
        ([1, 4, 9], 9),
        ([1, -50, 7], 7),
        ([-1, -50, -7], -1),
        ([0, 0], 0),
        ([5], 5),
        ([3, 2.99, 2.98, 2.97], 3),
        ([0, -3], 0),
    ],
)
def test_largest_curvature_of_quadratic_losses(eigenvalues, largest):
    rng = np.random.default_rng(0)
    frame = qr(rng.normal(size=(len(eigenvalues), len(eigenvalues))))[0]
    A = frame @ np.diag(np.array(eigenvalues, dtype=float)) @ frame.T
    found = largest_curvature(lambda x: A @ x, rng.normal(size=len(eigenvalues)))
    assert found == pytest.approx(largest, rel=0.01, abs=0.01)
    assert found < largest + 1e-4 * (1 + abs(largest))


def test_curvature_of_a_mapping_and_of_one_number():
    assert largest_curvature(lambda p: {"a": 3 * p["a"], "b": p["b"]}, {"a": [1.0, 2.0], "b": 1.0}) == pytest.approx(
        3, rel=1e-3
    )
    assert largest_curvature(lambda x: 2 * x, 1.5) == pytest.approx(2, rel=1e-6)
    assert math.isnan(largest_curvature(lambda x: np.where(x == 1.0, 1.0, np.nan), [1.0]))


@pytest.mark.parametrize(
    ("gradient", "theta", "error"),
    [
        (None, [1.0], "gradient = None"),
        (lambda x: x[:1], [1.0, 2.0], "shape"),
        (lambda x: x * np.nan, [1.0], "not finite"),
        (lambda x: x, [], "theta"),
    ],
)
def test_bad_input(gradient, theta, error):
    with pytest.raises(InvalidArgumentError, match=error):
        largest_curvature(gradient, theta)


@pytest.mark.parametrize("friction", [0.0, 0.5])
@pytest.mark.parametrize(
    ("product", "verdict"), [(0.5, "stable"), (1.7, "stable"), (1.95, "edge"), (1.999, "edge"), (2.05, "unstable")]
)
def test_a_step_near_the_bound_is_flagged(product, verdict, friction):
    """h sqrt(lambda) against 2, which friction in the middle of a step does not move."""
    problem = Quadratic(np.diag([1.0, 25.0, 4.0]))
    run = simulate(problem.loss, problem.gradient, [1.0, 1e-3, 1.0], step=product / 5, n_steps=3000, friction=friction)
    assert run.stability.verdict == verdict
    assert run.stability.ratio == pytest.approx(product / 2, rel=1e-3)
    assert run.stability.largest_step == pytest.approx(0.4, rel=1e-3)
    assert (run.band > 1e3 or run.stopped is not None) == (verdict == "unstable")
    assert verdict in str(run)
    assert "estimate" in str(run)


def test_curvature_that_is_met_on_the_way_counts():
    """The start lies in a flat region; the curvature 1 + 3 x^2 grows along the path."""
    run = simulate(quartic, quartic_gradient, [0.0], [4.0], step=0.5, n_steps=200)
    assert run.stability.time > 0
    assert run.stability.curvature > 5
    assert run.stability.verdict in {"edge", "unstable"}


def test_a_saddle_is_no_danger_and_no_curvature_is_unknown():
    run = simulate(lambda x: -float(x @ x) / 2, lambda x: -x, [1.0], step=0.1, n_steps=10)
    assert run.stability.verdict == "stable"
    assert run.stability.largest_step == math.inf
    jumping = simulate(
        lambda x: 0.0,
        lambda x: np.where(np.abs(x - 1) < 1e-9, 0.0, np.nan),
        [1.0],
        step=0.1,
        n_steps=1,
        check_gradient=False,
    )
    assert jumping.stability.verdict == "unknown"
    assert "unknown" in str(jumping)
