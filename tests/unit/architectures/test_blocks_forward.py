"""Each block as a user runs it: against networks written in numpy, and its gradient against differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.special import erf

from lielaws.architectures.base import Architecture, architecture
from lielaws.architectures.composition import residual, sequential
from lielaws.architectures.convolution import conv
from lielaws.architectures.gated import glu, moe
from lielaws.architectures.low_rank import lora_mlp, low_rank
from lielaws.architectures.mlp import input_convex, linear, mlp
from lielaws.architectures.normalization import weight_norm
from lielaws.architectures.tying import freeze, share, tied_autoencoder

Params = dict[str, Any]
Reference = Callable[[Params, Any], Any]

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "linear": lambda u: u,
    "relu": lambda u: np.maximum(u, 0),
    "sigmoid": lambda u: 1 / (1 + np.exp(-u)),
    "silu": lambda u: u / (1 + np.exp(-u)),
    "gelu": lambda u: u * (1 + erf(u / np.sqrt(2))) / 2,
    "gelu_tanh": lambda u: u * (1 + np.tanh(np.sqrt(2 / np.pi) * (u + 0.044715 * u**3))) / 2,
    "softplus": lambda u: np.log1p(np.exp(u)),
    "mish": lambda u: u * np.tanh(np.log1p(np.exp(u))),
    "tanh": np.tanh,
    "exp": np.exp,
    "sin": np.sin,
    "cos": np.cos,
    "erf": erf,
}


def reference_glu(act: str) -> Reference:
    return lambda p, x: p["C"] @ (ACTIVATIONS[act](p["A"] @ x) * (p["B"] @ x))


def reference_moe(gate: str, experts: int, top_k: int | None = None) -> Reference:
    def one(p: Params, x: Any) -> Any:
        logits = p["G"] @ x
        scores = np.exp(logits) if gate == "softmax" else 1 / (1 + np.exp(-logits))
        if top_k is not None:
            scores = np.where(logits >= np.sort(logits)[-top_k], scores, 0.0)
        if gate != "sigmoid" or top_k is not None:
            scores = scores / scores.sum()
        units = [reference_glu("silu")({k: p[f"{k}{e + 1}"] for k in "ABC"}, x) for e in range(experts)]
        return sum(s * u for s, u in zip(scores, units, strict=True))

    return one


def reference_norm(kind: str, affine: bool, epsilon: float, act: str = "relu") -> Reference:
    def one(p: Params, x: Any) -> Any:
        for layer in (1, 2):
            u = x @ p[f"W{layer}"].T + p[f"b{layer}"]
            axis = 0 if kind == "batch" else -1
            if kind != "rms":
                u = u - u.mean(axis, keepdims=True)
            u = u / np.sqrt((u**2).mean(axis, keepdims=True) + epsilon)
            if affine:
                u = u * p[f"gain{layer}"] + (0 if kind == "rms" else p[f"shift{layer}"])
            x = ACTIVATIONS[act](u)
        return x @ p["W3"].T

    return one


def reference_weight_norm(p: Params, x: Any) -> Any:
    for layer in (1, 2):
        V = p[f"V{layer}"]
        W = p[f"g{layer}"][:, None] * V / np.sqrt((V**2).sum(1, keepdims=True))
        x = np.tanh(W @ x) if layer == 1 else W @ x
    return x


def reference_conv(pooling: str | None, dim: int, stride: int = 1) -> Reference:
    """Two layers with bias, padding 1, kernel 2, ReLU, pooling over 2; written with loops over positions."""

    def layer(W: Any, b: Any, x: Any) -> Any:
        x = np.pad(x, [(0, 0)] + [(1, 1)] * dim)
        lengths = [(n - 2) // stride + 1 for n in x.shape[1:]]
        out = np.zeros((len(W), *lengths))
        for place in np.ndindex(*lengths):
            window = (slice(None), *(slice(stride * i, stride * i + 2) for i in place))
            out[(slice(None), *place)] = np.tensordot(W, x[window], axes=dim + 1) + b
        return out

    def one(p: Params, x: Any) -> Any:
        x = np.maximum(layer(p["W1"], p["b1"], x), 0)
        if pooling is not None:
            lengths = [n // 2 for n in x.shape[1:]]
            out = np.zeros((len(x), *lengths))
            for place in np.ndindex(*lengths):
                window = x[(slice(None), *(slice(2 * i, 2 * i + 2) for i in place))].reshape(len(x), -1)
                out[(slice(None), *place)] = window.mean(1) if pooling == "average" else window.max(1)
            x = out
        return layer(p["W2"], p["b2"], x)

    return one


def _conv(pooling: str | None, dim: int, **options: Any) -> Architecture:
    return conv([2, 3, 2], 2, 6, dim=dim, bias=True, output_bias=True, padding=1, pooling=pooling, **options)


def _normed(kind: str, affine: bool, epsilon: Any, **options: Any) -> Architecture:
    return mlp([3, 4, 5, 2], bias=True, norm=kind, affine=affine, epsilon=epsilon, **options)


CASES: list[tuple[Architecture, Reference]] = [
    *((glu(3, 4, act, 2), reference_glu(act)) for act in ACTIVATIONS),
    *(
        (mlp([3, 4, 2], act), lambda p, x, f=f: p["W2"] @ f(p["W1"] @ x))  # type: ignore[misc]
        for act, f in ACTIVATIONS.items()
    ),
    *((moe(3, 2, 3, gate), reference_moe(gate, 3)) for gate in ("softmax", "sigmoid", "normalized_sigmoid")),
    *((moe(3, 2, 4, g, 2), reference_moe(g, 4, 2)) for g in ("softmax", "sigmoid", "normalized_sigmoid")),
    (moe(2, 3, 3, top_k=1), reference_moe("softmax", 3, 1)),
    (_normed("layer", True, True), reference_norm("layer", True, 1e-5)),
    (_normed("layer", False, False), reference_norm("layer", False, 0.0)),
    (_normed("rms", True, 0.25), reference_norm("rms", True, 0.25)),
    (_normed("rms", False, False), reference_norm("rms", False, 0.0)),
    (_normed("batch", True, 0.1, batch=5), reference_norm("batch", True, 0.1)),
    (_normed("batch", False, True), reference_norm("batch", False, 1e-5)),
    (weight_norm([3, 4, 2], "tanh"), reference_weight_norm),
    *((_conv(pooling, dim), reference_conv(pooling, dim)) for pooling in (None, "average", "max") for dim in (1, 2)),
    (_conv("max", 1, stride=2, pool=2), reference_conv("max", 1, 2)),
    (_conv("none", 1), reference_conv(None, 1)),
    (tied_autoencoder(3, 2, "softplus"), lambda p, x: p["W"].T @ np.log1p(np.exp(p["W"] @ x))),
    (input_convex(3, 4, d_out=2), lambda p, x: p["U"] @ np.maximum(p["V"] @ x + p["b"], 0)),
    (input_convex(3, 4, "exp", bias=False), lambda p, x: p["U"] @ np.exp(p["V"] @ x)),
    (share(mlp([3, 2, 3]), {"W2": "W1.T"}), lambda p, x: p["W1"].T @ np.maximum(p["W1"] @ x, 0)),
    (share(mlp([2, 2, 2, 2], "tanh"), "W3 = W1"), lambda p, x: p["W1"] @ np.tanh(p["W2"] @ np.tanh(p["W1"] @ x))),
    (share(share(linear([2, 2, 2, 2]), {"W3": "W2"}), {"W2": "W1"}), lambda p, x: p["W1"] @ p["W1"] @ p["W1"] @ x),
]


def draw(architecture: Architecture, rng: np.random.Generator, batch: int = 6) -> tuple[Params, Any]:
    params = {name: rng.normal(size=shape) for name, shape in architecture.parameters.items()}
    (shape,) = architecture.data.values()
    return params, rng.normal(size=(batch, *shape))


@pytest.mark.parametrize(("made", "reference"), CASES, ids=lambda case: getattr(case, "name", ""))
def test_forward_and_pullback(made: Architecture, reference: Reference) -> None:
    rng = np.random.default_rng(0)
    params, x = draw(made, rng)
    outputs = made.forward(params, x)
    assert outputs.shape == (6, *made.output_shape)
    assert np.allclose(outputs, [reference(params, sample) for sample in x], rtol=1e-10, atol=1e-12)
    check_pullback(made, params, x, rng)


def check_pullback(made: Architecture, params: Params, x: Any, rng: np.random.Generator) -> None:
    """Along a random direction, against central differences."""
    cotangent = rng.normal(size=(len(x), *made.output_shape))
    slopes = made.pullback(params, x, cotangent)
    direction = {name: rng.normal(size=shape) for name, shape in made.parameters.items()}
    step = 1e-6
    ends = [
        made.forward({**params, **{n: params[n] + sign * step * direction[n] for n in direction}}, x)
        for sign in (1, -1)
    ]
    expected = float((cotangent * (ends[0] - ends[1])).sum() / (2 * step))
    computed = float(sum((slopes[name] * direction[name]).sum() for name in direction))
    assert set(slopes) == set(made.parameters)
    assert np.isclose(computed, expected, rtol=1e-6, atol=1e-6)


def test_residual_stream_around_a_mixture() -> None:
    made = residual(moe(2, 2, 2))
    params, x = draw(made, np.random.default_rng(0))
    assert np.allclose(made.forward(params, x), x + moe(2, 2, 2).forward(params, x))


# Frozen tensors


def test_a_frozen_matrix_is_taken_from_the_parameters_or_fixed() -> None:
    made = low_rank(3, 2, 1)
    rng = np.random.default_rng(0)
    params, x = draw(made, rng)
    W0 = rng.normal(size=(2, 3))
    assert np.allclose(made.forward({**params, "W0": W0}, x), x @ (W0 + params["B"] @ params["A"]).T)
    fixed = made.forward(params, x) - x @ (params["B"] @ params["A"]).T
    assert np.abs(fixed).max() > 1e-3
    assert np.array_equal(made.forward(params, x), low_rank(3, 2, 1).forward(params, x))
    check_pullback(made, params, x, rng)


def test_adapters_inside_a_network() -> None:
    made = lora_mlp([3, 4, 2], 2, "tanh")
    rng = np.random.default_rng(0)
    params, x = draw(made, rng)
    weights = {"W1": rng.normal(size=(4, 3)), "W2": rng.normal(size=(2, 4))}
    W = {layer: weights[f"W{layer}"] + params[f"B{layer}"] @ params[f"A{layer}"] for layer in (1, 2)}
    assert np.allclose(made.forward(params | weights, x), np.tanh(x @ W[1].T) @ W[2].T)
    check_pullback(made, params, x, rng)


def test_two_blocks_in_sequence_have_two_frozen_tensors() -> None:
    rng = np.random.default_rng(0)
    own = architecture(lambda p, x, ops: ops.frozen("F", (2, 2)) @ (p.A @ x), {"A": (2, 2)}, {"x": (2,)})
    tied = share(freeze(mlp([2, 2, 2, 2]), "W1"), "W3=W2")
    for block in (low_rank(2, 2, 1), freeze(linear([2, 2, 2]), "W2"), tied, own):
        made = sequential(block, block)
        names = {leaf.static.name for leaf in made.traced.graph.nodes if leaf.op == "leaf"}
        (frozen,) = {leaf.static.name for leaf in block.traced.graph.nodes if "frozen" in str(leaf.static)}
        name = frozen.removeprefix("frozen ")
        assert {f"frozen 1.{name}", f"frozen 2.{name}"} <= names
        params, x = draw(made, rng)
        given = [{**{n: params[f"{k}.{n}"] for n in block.parameters}, name: rng.normal(size=(2, 2))} for k in (1, 2)]
        together = {f"{k}.{n}": value for k, values in enumerate(given, start=1) for n, value in values.items()}
        assert np.allclose(made.forward(together, x), block.forward(given[1], block.forward(given[0], x)))


def test_freezing_and_thawing() -> None:
    whole = mlp([3, 4, 2], "silu")
    made = freeze(whole, ["W1"])
    rng = np.random.default_rng(0)
    params, x = draw(whole, rng)
    assert list(made.parameters) == ["W2"]
    assert np.allclose(made.forward(params, x), whole.forward(params, x))
    check_pullback(made, params, x, rng)


def test_the_chosen_experts_follow_tied_and_frozen_gates() -> None:
    whole = moe(2, 2, 3, top_k=2)
    rng = np.random.default_rng(0)
    params, x = draw(whole, rng)
    params["A2"] = params["A1"]
    tied = share(whole, {"A2": "A1"})
    assert np.allclose(tied.forward({n: params[n] for n in tied.parameters}, x), whole.forward(params, x))
    for frozen in (freeze(whole, "G"), freeze(share(whole, {"A2": "A1"}), ["G", "A1"])):
        assert np.allclose(frozen.forward(params, x), whole.forward(params, x))
        trained = {name: params[name] for name in frozen.parameters}
        assert frozen.forward(trained, x).shape == (6, 2)
        check_pullback(frozen, trained, x, rng)
