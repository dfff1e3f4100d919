"""Networks are run without overflow where only ratios of exponentials matter."""

from __future__ import annotations

import numpy as np
import pytest

import lielaws

NETWORKS = {
    "attention": lambda: lielaws.attention(3, 2),
    "causal": lambda: lielaws.attention(3, 2, causal=True),
    "experts": lambda: lielaws.moe(2, 2, 3),
    "two experts": lambda: lielaws.moe(2, 2, 3, top_k=2),
    "swiglu": lambda: lielaws.glu(2, 3),
    "tanh": lambda: lielaws.mlp([2, 3, 2], "tanh"),
    "sigmoid": lambda: lielaws.mlp([2, 3, 2], "sigmoid"),
    "gelu": lambda: lielaws.mlp([2, 3, 2], "gelu_tanh"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_huge_weights(name):
    network, rng = NETWORKS[name](), np.random.default_rng(0)
    params = {key: 40 * rng.normal(size=shape) for key, shape in network.parameters.items()}
    x = rng.normal(size=(6, *next(iter(network.data.values()))))
    output = network.forward(params, x)
    assert np.isfinite(output).all()
    gradient = network.pullback(params, x, np.ones_like(output))
    assert all(np.isfinite(value).all() for value in gradient.values())


def test_softmax_of_large_logits_is_that_of_differences():
    def net(p, x, ops):
        return ops.softmax(p.s * x)

    network = lielaws.architecture(net, {"s": ()}, {"x": (3,)})
    x = np.array([[1000.0, 999.0, -1000.0], [0.0, 1.0, 2.0]])
    expected = np.exp(x - x.max(axis=1, keepdims=True))
    assert network.forward({"s": 1.0}, x) == pytest.approx(expected / expected.sum(axis=1, keepdims=True), abs=1e-15)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_those_of_forward(name):
    network, rng = NETWORKS[name](), np.random.default_rng(1)
    params = {key: rng.normal(size=shape) for key, shape in network.parameters.items()}
    x = rng.normal(size=(4, *next(iter(network.data.values()))))
    w = rng.normal(size=(4, *network.output_shape))
    gradient = network.pullback(params, x, w)
    key = next(iter(params))
    direction = rng.normal(size=params[key].shape)
    ahead, behind = (
        (network.forward(params | {key: params[key] + sign * 1e-6 * direction}, x) * w).sum() for sign in (1, -1)
    )
    assert (ahead - behind) / 2e-6 == pytest.approx((gradient[key] * direction).sum(), rel=1e-6, abs=1e-6)


def test_equal_exponentials_written_differently_are_one():
    """sigmoid(-u) has exp(u) inside; the count must see that it is the exponential beside it."""

    def net(p, x, ops):
        u = p.b @ x
        return p.a * (ops.sigmoid(-u) * (1 + ops.exp(u)) - 1) + p.c * ops.exp(u)

    network = lielaws.architecture(net, {"a": (), "b": (2,), "c": ()}, {"x": (2,)})
    report = lielaws.discover_laws(network)
    assert report.contains("a")
    assert lielaws.verify(report.certificate).reasons == ()
