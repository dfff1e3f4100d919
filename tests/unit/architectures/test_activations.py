"""Each row of the table of activations, against the function itself in numpy and scipy."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy.special import erf, expit, log1p

from lielaws import mlp
from lielaws.architectures.activations import ACTIVATIONS, Activation, find_activation
from lielaws.errors import InvalidArgumentError
from lielaws.spec.families import families

VALUES: dict[str, Callable[[Any], Any]] = {
    "linear": lambda u: u,
    "relu": lambda u: np.maximum(u, 0),
    "leaky_relu": lambda u: np.where(u > 0, u, u / 100),
    "abs": np.abs,
    "square": lambda u: u**2,
    "cube": lambda u: u**3,
    "relu2": lambda u: np.maximum(u, 0) ** 2,
    "exp": np.exp,
    "sin": np.sin,
    "cos": np.cos,
    "sigmoid": expit,
    "tanh": np.tanh,
    "softplus": lambda u: log1p(np.exp(u)),
    "silu": lambda u: u * expit(u),
    "mish": lambda u: u * np.tanh(log1p(np.exp(u))),
    "erf": erf,
    "gelu": lambda u: u * (1 + erf(u / np.sqrt(2))) / 2,
    "gelu_tanh": lambda u: u * (1 + np.tanh(np.sqrt(2 / np.pi) * (u + 0.044715 * u**3))) / 2,
}
POINTS = np.linspace(-4, 4, 801)
ROWS = pytest.mark.parametrize("row", ACTIVATIONS.values(), ids=lambda row: row.name)


def test_the_table_is_complete() -> None:
    assert set(VALUES) == set(ACTIVATIONS) == {name for name in families() if name in ACTIVATIONS}
    assert all(name == row.name for name, row in ACTIVATIONS.items())


@ROWS
def test_function(row: Activation) -> None:
    network = mlp([1, 1, 1], row.name)
    found = network.forward({"W1": np.ones((1, 1)), "W2": np.ones((1, 1))}, POINTS[:, None])
    np.testing.assert_allclose(found[:, 0], VALUES[row.name](POINTS), rtol=1e-12, atol=1e-12)
    if row.floats is not None:
        np.testing.assert_allclose(row.floats(POINTS), VALUES[row.name](POINTS), rtol=1e-12, atol=1e-12)


@ROWS
def test_degree(row: Activation) -> None:
    values, twice = VALUES[row.name](POINTS), VALUES[row.name](2 * POINTS)
    degrees = [d for d in range(5) if np.allclose(twice, 2**d * values)]
    assert degrees == ([] if row.degree is None else [row.degree])


@ROWS
def test_convex(row: Activation) -> None:
    assert row.convex == bool((np.diff(VALUES[row.name](POINTS), 2) > -1e-9).all())


@ROWS
def test_lipschitz(row: Activation) -> None:
    steepest = np.abs(np.diff(VALUES[row.name](100 * POINTS)) / np.diff(100 * POINTS)).max() if row.lipschitz else 0
    near = np.abs(np.diff(VALUES[row.name](POINTS)) / np.diff(POINTS)).max()
    if row.lipschitz is not None:
        assert steepest <= row.lipschitz * (1 + 1e-9)
        assert near == pytest.approx(row.lipschitz, rel=0.05)


def test_powers_and_slopes() -> None:
    assert find_activation("power7").degree == 7
    assert find_activation("power4").convex
    assert not find_activation("power3").convex
    steep = find_activation("leaky_relu", Fraction(-3))
    assert (steep.lipschitz, steep.convex, steep.degree) == (3.0, True, 1)
    for name, slope in (("power0", None), ("power100", None), ("tanh", 1), ("leaky_relu", True), (3, None)):
        with pytest.raises(InvalidArgumentError):
            find_activation(name, slope)
