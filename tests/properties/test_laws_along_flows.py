"""A law stays constant along real training in float64; a perturbed law does not."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from lielaws import architecture, conv, discover_laws, from_phi, linear, mlp, residual, sequential
from tests.strategies import architectures, gradient_flow, random_params

X = sp.symbols("x1:5")


def _net(p, x, ops):
    return p.C @ ops.relu(p.A @ x) + p.B @ x


EVERY_FAMILY = [
    linear([2, 3, 2]),
    linear([2, 2, 3, 2]),
    mlp([3, 4, 3]),
    mlp([2, 3, 3, 2], bias=True, output_bias=True),
    mlp([2, 3, 2], "leaky_relu"),
    mlp([2, 3, 2], "square"),
    mlp([2, 3, 2], "cube"),
    mlp([2, 3, 2], "relu2"),
    conv([1, 2, 2], kernel=2, size=5),
    conv([2, 2, 1], kernel=2, size=4, dim=2, activation="linear"),
    residual(mlp([2, 3, 2])),
    sequential(residual(mlp([2, 3, 2])), linear([2, 2, 1])),
    from_phi(X, [sp.prod(X)]),
    from_phi(X[:2], [X[0] / X[1]]),
    architecture(_net, {"A": (3, 2), "B": (2, 2), "C": (2, 3)}, {"x": (2,)}),
]


def _drift(report, points) -> np.ndarray:
    values = report.evaluate(points)
    return np.abs(values - values[0]).max(axis=0)


@pytest.mark.parametrize("arch", EVERY_FAMILY, ids=lambda arch: arch.name[:40])
def test_laws_of_every_family_are_constant(arch):
    rng = np.random.default_rng(1)
    report = discover_laws(arch)
    assert report.laws
    params = random_params(arch, rng)
    if arch.name == "phi(x1/x2)":
        params = {name: np.abs(value) + 1 for name, value in params.items()}
    points = gradient_flow(arch, params, rng)
    assert _drift(report, points).max() < 1e-8
    moved = max(np.abs(points[-1][name] - params[name]).max() for name in params)
    assert moved > 1e-3
    for law in report.laws[:3]:
        name = law.support[0]
        perturbed = [law.evaluate(point) + 0.1 * np.sum(point[name] ** 3) for point in points]
        assert np.ptp(perturbed) > 1e-6
        assert [law.evaluate(point) for point in points] == pytest.approx(
            [law.evaluate(params)] * len(points), abs=1e-8
        )


def test_relu_laws_hold_across_kinks():
    rng = np.random.default_rng(3)
    arch = mlp([2, 4, 2], bias=True)
    points = gradient_flow(arch, random_params(arch, rng), rng, time=2.0, frozen=False)
    x = np.random.default_rng(0).normal(size=(50, 2))
    patterns = [arch.gates(point, x)["gate0"] for point in (points[0], points[-1])]
    assert not np.array_equal(*patterns)
    assert _drift(discover_laws(arch), points).max() < 1e-5


@given(arch=architectures, seed=st.integers(0, 2**32))
def test_laws_of_random_architectures_are_constant(arch, seed):
    rng = np.random.default_rng(seed)
    report = discover_laws(arch, seed=seed)
    assert len(report.laws) <= report.n_laws <= report.n_symmetries
    if report.laws:
        points = gradient_flow(arch, random_params(arch, rng, 0.4), rng, time=0.5)
        assert _drift(report, points).max() < 1e-8


@given(arch=architectures, seed=st.integers(0, 2**32))
def test_gradient_of_a_law_is_its_derivative(arch, seed):
    rng = np.random.default_rng(seed)
    params, direction = random_params(arch, rng), random_params(arch, rng)
    for law in discover_laws(arch).laws[:2]:
        slope = sum(np.sum(law.gradient(params)[name] * direction[name]) for name in params)
        step = 1e-5
        ahead, behind = (
            law.evaluate({name: params[name] + sign * step * direction[name] for name in params}) for sign in (1, -1)
        )
        assert (ahead - behind) / (2 * step) == pytest.approx(slope, abs=1e-6, rel=1e-6)
