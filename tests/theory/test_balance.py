"""Laws through thousands of steps of SGD: predicted from the start to rounding, while they drift visibly.

For plain SGD, h(theta - eta g) - h(theta) = eta^2 q(g) for a homogeneous quadratic law h = q and the gradient g of any
loss on any minibatch: gradients are orthogonal to those of laws (arXiv 2307.00144, section 2), the rest is expansion.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

import lielaws
from lielaws.training import LawBalance

STEPS = 5000
SETTINGS = {"momentum": 0.9, "weight_decay": 5e-4}


@cache
def _report(*widths):
    return lielaws.discover_laws(lielaws.mlp(widths))


def _schedule(step):
    """Linear warm-up, then a cosine."""
    return 0.05 * min(1.0, (step + 1) / 200) * (1 + math.cos(math.pi * step / STEPS)) / 2


def _relu_gradient(params, x, y):
    """Cross-entropy of a two-layer ReLU network, in the type of its parameters throughout."""
    hidden = x @ params["W1"].T
    active = np.maximum(hidden, 0)
    scores = active @ params["W2"].T
    scores = scores - scores.max(axis=1, keepdims=True)
    weights = np.exp(scores)
    slope = (weights / weights.sum(axis=1, keepdims=True) - y) / np.asarray(len(x), dtype=x.dtype)
    back = (slope @ params["W2"]) * (hidden > 0)
    return {"W1": back.T @ x, "W2": slope.T @ active}


def _library_gradient(network):
    """The same through the network itself."""

    def gradient(params, x, y):
        scores = network.forward(params, x)
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        return network.pullback(params, x, (weights / weights.sum(axis=1, keepdims=True) - y) / len(x))

    return gradient


def _train(widths, x, y, dtype, gradient, steps=STEPS):
    """SGD with momentum, decay and a schedule, all in `dtype`: the summary, the last parameters and their accuracy."""
    rng = np.random.default_rng(1)
    x, y = x.astype(dtype), y.astype(dtype)
    params = {
        f"W{k + 1}": (rng.normal(size=(out, into)) * math.sqrt(2 / into)).astype(dtype)
        for k, (into, out) in enumerate(pairwise(widths))
    }
    balance = LawBalance(_report(*widths), **SETTINGS)
    mu, decay, buffer = dtype(0.9), dtype(5e-4), None
    for step in range(steps):
        rows = rng.integers(0, len(x), 32)
        grads = {name: np.asarray(g, dtype=dtype) for name, g in gradient(params, x[rows], y[rows]).items()}
        balance.step(params, grads, lr=_schedule(step))
        pushed = {name: grads[name] + decay * params[name] for name in params}
        buffer = pushed if buffer is None else {name: mu * buffer[name] + pushed[name] for name in params}
        params = {name: params[name] - dtype(_schedule(step)) * buffer[name] for name in params}
    summary = balance.finish(params)
    assert {value.dtype for value in params.values()} == {np.dtype(dtype)}
    accuracy = np.mean((np.maximum(x @ params["W1"].T, 0) @ params["W2"].T).argmax(axis=1) == y.argmax(axis=1))
    return summary, params, accuracy


def _assert_balanced(summary, params, tolerance, steps=STEPS):
    assert (summary.steps, summary.alarms, summary.tolerance) == (steps, 0, tolerance)
    # Relative to the sum of squares at the end, computed here.
    squares = (params["W1"].astype(float) ** 2).sum(axis=1) + (params["W2"].astype(float) ** 2).sum(axis=0)
    order = [int(law.name.split("[")[1].split(",")[0]) for law in summary.laws]
    residual = np.abs(summary.end - summary.predicted) / squares[order]
    drift = np.abs(summary.drift) / squares[order]
    assert sorted(order) == list(range(len(squares)))
    assert residual.max() < tolerance
    assert summary.largest_from_start.max() < tolerance
    assert np.median(drift) > 100 * tolerance
    assert np.median(drift) > 1000 * np.median(residual)


def _digits():
    datasets = pytest.importorskip("sklearn.datasets")
    data = datasets.load_digits()
    return data.data / 16, np.eye(10)[data.target]


def _clusters(n_in, n_classes):
    """Gaussian clusters, overlapping."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(n_classes, n_in))
    labels = rng.integers(0, n_classes, 1000)
    return centers[labels] + rng.normal(size=(1000, n_in)), np.eye(n_classes)[labels]


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-9), (np.float32, 1e-4)])
def test_five_thousand_steps_on_digits(dtype, tolerance):
    x, y = _digits()
    summary, params, accuracy = _train([64, 16, 10], x, y, dtype, _relu_gradient)
    _assert_balanced(summary, params, tolerance)
    assert accuracy > 0.97


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-9), (np.float32, 1e-4)])
def test_five_thousand_steps_on_clusters(dtype, tolerance):
    x, y = _clusters(20, 5)
    summary, params, accuracy = _train([20, 12, 5], x, y, dtype, _relu_gradient)
    _assert_balanced(summary, params, tolerance)
    assert accuracy > 0.9


@pytest.mark.parametrize("steps", [500, pytest.param(STEPS, marks=pytest.mark.slow)])
def test_the_network_of_the_library_on_digits(steps):
    """Gradients by `pullback` instead of the formulas above; a short run, and the long one among the slow tests."""
    x, y = _digits()
    network = lielaws.mlp([64, 16, 10])
    summary, params, _ = _train([64, 16, 10], x, y, np.float64, _library_gradient(network), steps)
    _assert_balanced(summary, params, 1e-9, steps)


def test_plain_sgd_moves_a_quadratic_law_by_the_squared_rate_times_the_law_of_the_gradient():
    """Summed over a run: the drift is sum eta^2 q(g), to rounding, whatever the batches."""
    x, y = _clusters(6, 3)
    rng = np.random.default_rng(4)
    report = lielaws.discover_laws("linear:6-4-3")
    params = {"W1": rng.normal(size=(4, 6)), "W2": rng.normal(size=(3, 4))}
    start, total = report.evaluate([params])[0], 0.0
    for step in range(300):
        rows, lr = rng.integers(0, len(x), 8), 0.02 / (1 + step / 100)
        slope = (x[rows] @ params["W1"].T @ params["W2"].T - y[rows]) / 8
        grads = {"W1": (slope @ params["W2"]).T @ x[rows], "W2": slope.T @ (x[rows] @ params["W1"].T)}
        total = total + lr**2 * report.evaluate([grads])[0]
        params = {name: params[name] - lr * grads[name] for name in params}
    drift = report.evaluate([params])[0] - start
    assert np.abs(drift).max() > 0.05
    np.testing.assert_allclose(total, drift, atol=1e-12)
