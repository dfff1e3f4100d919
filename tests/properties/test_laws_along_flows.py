"""A law stays constant along real training in float64; a perturbed law does not."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from lielaws import (
    architecture,
    attention,
    conv,
    discover_laws,
    freeze,
    from_phi,
    glu,
    input_convex,
    linear,
    lora_mlp,
    low_rank,
    mlp,
    moe,
    residual,
    sequential,
    share,
    transformer_block,
    weight_norm,
)
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


MODERN = {
    "attention": lambda: attention(3, 2),
    "heads": lambda: attention(2, 2, heads=2, kv_heads=1),
    "causal": lambda: attention(2, 2, causal=True, bias=True),
    "linear attention": lambda: attention(3, 2, softmax=False),
    "rotary": lambda: attention(3, 4, rotary=[1, 2]),
    "equal frequencies": lambda: attention(2, 4, rotary=[1, 1]),
    "sinusoidal": lambda: attention(2, 2, positions="sinusoidal"),
    "tied": lambda: attention(3, 2, tied_qk=True),
    "cross": lambda: attention(2, 2, cross=2),
    "swiglu": lambda: glu(3, 4),
    "bilinear": lambda: glu(2, 3, activation="linear"),
    "reglu": lambda: glu(2, 3, activation="relu"),
    "experts": lambda: moe(2, 2, 3),
    "two experts": lambda: moe(2, 1, 3, top_k=2),
    "normalized sigmoid": lambda: moe(2, 1, 2, gate="normalized_sigmoid"),
    "layer norm": lambda: mlp([2, 3, 2], "tanh", norm="layer"),
    "layer norm, epsilon 0": lambda: mlp([2, 3, 2], "linear", norm="layer", epsilon=False),
    "rms norm": lambda: mlp([2, 3, 2], "linear", norm="rms", affine=False, epsilon=False),
    "batch norm": lambda: mlp([2, 2, 2], "linear", norm="batch", epsilon=False),
    "weight norm": lambda: weight_norm([2, 3, 2]),
    "adapter": lambda: low_rank(3, 3, 2),
    "adapters": lambda: lora_mlp([2, 3, 2], 1),
    "convex": lambda: input_convex(2, 3),
    "exp with bias": lambda: mlp([2, 2, 2], "exp", bias=True),
    "block": lambda: transformer_block(4, 2, 2, 3),
    "shared": lambda: share(linear([2, 2, 2, 2]), {"W3": "W2"}),
    "frozen": lambda: freeze(mlp([2, 3, 3, 2]), ["W2"]),
}


@pytest.mark.parametrize("name", MODERN)
def test_laws_of_modern_blocks_are_constant(name):
    rng = np.random.default_rng(4)
    report = discover_laws(MODERN[name]())
    params = random_params(report.architecture, rng)
    points = gradient_flow(report.architecture, params, rng, time=0.5)
    assert report.laws
    assert _drift(report, points).max() < 1e-8
    assert max(np.abs(points[-1][key] - params[key]).max() for key in params) > 1e-3


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
