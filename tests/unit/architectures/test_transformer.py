"""Transformers: the network itself against numpy, counts with their laws, specs, and bad input."""

from __future__ import annotations

import json
import math
from itertools import product
from typing import Any

import numpy as np
import pytest
import sympy

from lielaws import discover_laws, sequential
from lielaws.architectures.embedding import embedding
from lielaws.architectures.transformer import transformer, transformer_block
from lielaws.errors import InvalidArgumentError
from lielaws.spec import load_architecture

BLOCKS: list[dict[str, Any]] = [
    {},
    {"norm": "layer", "epsilon": True},
    {"norm": "layer", "affine": False, "epsilon": 0.1},
    {"norm": None, "glu": False, "activation": "relu"},
    {"causal": True, "rotary": [1], "kv_heads": 1},
    {"glu": False, "activation": "gelu", "tokens": 2},
]
EPSILON = {True: 1e-5, False: 0.0, 0.1: 0.1}


def _normalized(x: np.ndarray, p: dict[str, np.ndarray], suffix: str, v: dict[str, Any]) -> np.ndarray:
    if v.get("norm", "rms") is None:
        return x
    if v.get("norm") == "layer":
        x = x - x.mean(axis=1, keepdims=True)
    x = x / np.sqrt((x**2).mean(axis=1, keepdims=True) + EPSILON[v.get("epsilon", False)])
    return x * p.get(f"gain{suffix}", 1.0) + p.get(f"shift{suffix}", 0.0)


def _turned(rows: np.ndarray, v: dict[str, Any]) -> np.ndarray:
    """Heads of size two as complex numbers."""
    if "rotary" not in v:
        return rows
    turned = rows @ [1, 1j] * np.exp(1j * np.arange(len(rows)) * v["rotary"][0])
    return np.stack([turned.real, turned.imag], axis=1)


def _attended(x: np.ndarray, p: dict[str, np.ndarray], v: dict[str, Any]) -> np.ndarray:
    total = np.zeros_like(x)
    for i in (1, 2):
        g = min(i, v.get("kv_heads", 2))
        weights = np.exp(_turned(x @ p[f"Q{i}"].T, v) @ _turned(x @ p[f"K{g}"].T, v).T)
        weights = np.tril(weights) if v.get("causal") else weights
        total += weights / weights.sum(axis=1, keepdims=True) @ x @ p[f"V{g}"].T @ p[f"O{i}"]
    return total


def _block(x: np.ndarray, p: dict[str, np.ndarray], v: dict[str, Any]) -> np.ndarray:
    x = x + _attended(_normalized(x, p, "1", v), p, v)
    inner = _normalized(x, p, "2", v)
    act = {
        "silu": lambda a: a / (1 + np.exp(-a)),
        "relu": lambda a: np.maximum(a, 0),
        "gelu": np.vectorize(lambda a: a * (1 + math.erf(a / math.sqrt(2))) / 2),
    }[v.get("activation", "silu")]
    if v.get("glu", True):
        return x + (act(inner @ p["A"].T) * (inner @ p["B"].T)) @ p["C"].T
    return x + act(inner @ p["W1"].T) @ p["W2"].T


def _drawn(arch: Any) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    return {name: rng.normal(size=shape) for name, shape in arch.parameters.items()}


@pytest.mark.parametrize("variant", BLOCKS, ids=str)
def test_block_is_the_formula(variant):
    arch = transformer_block(4, 2, 2, 3, **variant)
    params = _drawn(arch)
    X = np.random.default_rng(1).normal(size=(2, *arch.data["X"]))
    for x, y in zip(X, arch.forward(params, X), strict=True):
        np.testing.assert_allclose(y, _block(x, params, variant), rtol=1e-9)


MODELS: list[dict[str, Any]] = [
    {},
    {"tied": True, "blocks": 2},
    {"positions": "sinusoidal", "causal": True, "norm": None},
    {"norm": "layer", "epsilon": True},
    {"sequences": [[0, 0, 1], [3, 2, 1]], "rotary": [0.5], "norm": None},
]


@pytest.mark.parametrize("variant", MODELS, ids=str)
def test_transformer_is_the_formula(variant):
    arch = transformer(4, 4, 2, 2, 3, **variant)
    params = _drawn(arch)
    inner = {key: value for key, value in variant.items() if key not in ("tied", "blocks", "positions", "sequences")}
    ids = np.array(variant.get("sequences", [[0, 1, 2], [3, 0, 1]]))
    assert arch.output_shape == (3, 4)
    for sequence, result in zip(ids, arch.forward(params, ids), strict=True):
        x = params["E"][sequence]
        if "positions" in variant:
            x = x + [[f(m * w) for w in (1.0, 0.01) for f in (math.sin, math.cos)] for m in range(3)]
        for number in range(1, variant.get("blocks", 1) + 1):
            part = {name[2:]: value for name, value in params.items() if name.startswith(f"{number}.")}
            x = _block(x, part, inner)
        expected = _normalized(x, params, "", inner) @ params["E" if variant.get("tied") else "U"].T
        np.testing.assert_allclose(result, expected, rtol=1e-9)


def test_only_the_sequences_of_the_family_are_run():
    arch = transformer(4, 4, 2, 2, 3, sequences="0 1 2, 3 2 1")
    with pytest.raises(InvalidArgumentError, match="0 1 2, 3 2 1"):
        arch.forward(_drawn(arch), [[0, 1, 3]])


def test_embedding_gives_rows():
    arch = embedding(5, 3, 4, [4, 0, 0, 2])
    params = _drawn(arch)
    np.testing.assert_array_equal(arch.forward(params, [0.0])[0], params["E"][[4, 0, 0, 2]])
    assert embedding(2, 3).forward(_drawn(embedding(2, 3)), [0.0]).shape == (1, 3, 3)


@pytest.mark.parametrize(
    "arch",
    [
        *(transformer_block(4, 2, 2, 3, **variant) for variant in BLOCKS),
        *(transformer(4, 4, 2, 2, 3, **variant) for variant in MODELS),
        embedding(4, 2),
        embedding(4, 2, 2, [3, 1]),
        sequential(embedding(3, 4), transformer_block(4, 1, 2, 2), transformer_block(4, 1, 2, 2)),
    ],
    ids=lambda arch: arch.name,
)
def test_spec_rebuilds_it(arch):
    again = load_architecture(json.loads(json.dumps(arch.spec)))
    assert dict(again.parameters) == dict(arch.parameters)
    assert (again.name, again.spec) == (arch.name, arch.spec)


# Heads 3 + 3 each, gated units 1 each, gains 1 each.
BLOCK_LAWS: list[tuple[dict[str, Any], int]] = [
    ({}, 12 + 3 + 8),
    ({"causal": True}, 12 + 3 + 8),
    ({"epsilon": True}, 12 + 3 + 8),
    ({"epsilon": 0.1}, 12 + 3 + 8),
    ({"affine": False}, 12 + 3),
    ({"norm": None}, 12 + 3),
    ({"norm": "layer"}, 12 + 3 + 8),
    ({"glu": False}, 12 + 8),
    ({"glu": False, "activation": "relu"}, 12 + 3 + 8),
    ({"activation": "linear"}, 12 + 6 + 8),
    ({"rotary": [1]}, 8 + 3 + 8),
    ({"kv_heads": 1}, 6 + 3 + 8),
]


@pytest.mark.parametrize(("variant", "laws"), BLOCK_LAWS, ids=str)
def test_laws_of_a_block_are_complete(variant, laws):
    report = discover_laws(transformer_block(4, 2, 2, 3, **variant))
    assert (report.n_laws, len(report.laws)) == (laws, laws)
    assert report.complete


def test_laws_of_a_block_are_those_of_its_parts_and_the_gains():
    report = discover_laws(BLOCK)
    T = {name: sympy.IndexedBase(name) for name in BLOCK.parameters}
    for k in range(4):
        columns = [T[f"{name}{i}"][j, k] for name in "QKV" for i in (1, 2) for j in range(2)]
        assert report.contains(T["gain1"][k] ** 2 - sum(entry**2 for entry in columns))
        columns = [T[name][j, k] for name in "AB" for j in range(3)]
        assert report.contains(T["gain2"][k] ** 2 - sum(entry**2 for entry in columns))
    for j in range(3):
        assert report.contains(sum(T["B"][j, k] ** 2 - T["C"][k, j] ** 2 for k in range(4)))


def test_laws_are_constant_to_first_order_along_the_gradients_of_forward():
    arch = transformer_block(4, 2, 2, 3, causal=True, rotary=[1], epsilon=0.1)
    params, rng = _drawn(arch), np.random.default_rng(2)
    slopes = arch.pullback(params, rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 4)))
    scale = sum(float((slope**2).sum()) for slope in slopes.values())
    for law in discover_laws(arch).laws:
        gradient = law.gradient(params)
        assert abs(sum(float((gradient[name] * slopes[name]).sum()) for name in gradient)) < 1e-10 * scale


@pytest.mark.parametrize("variant", [{}, {"norm": "layer"}, {"causal": True, "rotary": [1]}], ids=str)
def test_two_tokens_are_enough_for_a_block(variant):
    counts = {
        discover_laws(transformer_block(4, 2, 2, 3, tokens=t, **variant), find_laws=False, seed=t).n_laws
        for t in (2, 3, 4)
    }
    assert len(counts) == 1


BLOCK = transformer_block(4, 2, 2, 3)
DEEP = [
    # 23 for each block; the embedding has none.
    (sequential(embedding(3, 4), BLOCK), 23),
    (sequential(embedding(3, 4), BLOCK, BLOCK), 46),
    # gain[k]^2 - |U[:, k]|^2, and with epsilon 0 the scale of the stream: |E|^2 + |O1|^2 + |O2|^2 + |C|^2
    (transformer(3, 4, 2, 2, 3), 23 + 4 + 1),
    (transformer(4, 4, 2, 2, 3), 23 + 4 + 1),
    (transformer(3, 4, 2, 2, 3, epsilon=True), 23 + 4),
    pytest.param(transformer(3, 4, 2, 2, 3, blocks=2), 46 + 4 + 1, marks=pytest.mark.slow),
    (transformer(3, 4, 2, 2, 3, tied=True), 23 + 1),
    # LayerNorm does not see the mean of the stream: sums of the rows of E, of O1 and O2, and of the columns of C
    (transformer(3, 4, 2, 2, 3, norm="layer"), 23 + 4 + 1 + 3 + 4 + 3),
    # A gated unit with ReLU is balanced in A too. Over given tokens no data can make a root under a gate exist.
    (transformer_block(4, 2, 2, 3, activation="relu"), 23 + 3),
    (transformer(2, 2, 1, 1, 2, tokens=2, activation="relu"), 13),
    (transformer(2, 2, 1, 1, 2, tokens=2, activation="relu", blocks=2), 23),
    pytest.param(transformer(3, 4, 2, 2, 3, activation="relu"), 23 + 3 + 4 + 1, marks=pytest.mark.slow),
    pytest.param(transformer(3, 4, 2, 2, 3, activation="relu", blocks=2), 2 * 26 + 4 + 1, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("arch", "laws"), DEEP, ids=lambda value: getattr(value, "name", value))
def test_laws_of_transformers_are_complete(arch, laws):
    report = discover_laws(arch)
    assert (report.n_laws, len(report.laws)) == (laws, laws)
    assert report.complete


@pytest.mark.parametrize(
    "options",
    [{}, {"causal": True}, {"tied": True}, {"rotary": [1]}, {"positions": "sinusoidal"}],
    ids=str,
)
@pytest.mark.parametrize(("vocabulary", "tokens"), [(3, 2), (2, 3), (4, 2)])
def test_default_sequences_have_the_laws_of_all_sequences(options, vocabulary, tokens):
    """Without norms, so that all of them can be counted."""
    every = [list(ids) for ids in product(range(vocabulary), repeat=tokens)]
    counts = [
        discover_laws(
            transformer(vocabulary, 2, 1, 2, 2, tokens=tokens, norm=None, sequences=sequences, **options),
            find_laws=False,
        ).n_laws
        for sequences in (None, every)
    ]
    assert counts[0] == counts[1]


def test_too_few_positions_leave_more_laws():
    """Where every token has one position, its embedding and that position are one free vector."""
    counts = [
        discover_laws(
            transformer(3, 2, 1, 2, 2, norm=None, positions="sinusoidal", sequences=sequences), find_laws=False
        ).n_laws
        for sequences in ("0 1 2", None)
    ]
    assert counts == [11, 8]


BAD: list[tuple[Any, dict[str, Any], str]] = [
    (transformer_block, {"hidden": 0}, "hidden"),
    (transformer_block, {"norm": "batch"}, "norm"),
    (transformer_block, {"norm": "layer", "d_model": 1}, "d_model"),
    (transformer_block, {"epsilon": -1}, "epsilon"),
    (transformer_block, {"glu": "yes"}, "glu"),
    (transformer_block, {"activation": "swiglu"}, "activation"),
    (transformer_block, {"rotary": [1, 2]}, "rotary"),
    (transformer_block, {"kv_heads": 3}, "kv_heads"),
    (transformer, {"blocks": 0}, "blocks"),
    (transformer, {"tied": 1}, "tied"),
    (transformer, {"sequences": []}, "sequences"),
    (transformer, {"sequences": "0 1 x"}, "sequences"),
    (transformer, {"sequences": [[0, 1, 2], [0, 1, 2]]}, "sequences"),
    (transformer, {"sequences": [[0, 1]]}, "sequences[0]"),
    (transformer, {"sequences": [[0, 1, 5]]}, "sequences[0]"),
    (transformer, {"sequences": [[0, 1, True]]}, "sequences[0]"),
    (transformer, {"sequences": 3}, "sequences"),
]


@pytest.mark.parametrize(
    ("constructor", "options", "argument"), BAD, ids=lambda value: getattr(value, "__name__", str(value))
)
def test_bad_input_names_the_argument(constructor, options, argument):
    values = {"d_model": 4, "heads": 2, "d_head": 2, "hidden": 3}
    values |= {"vocabulary": 5} if constructor is transformer else {}
    with pytest.raises(InvalidArgumentError) as caught:
        constructor(**{**values, **options})
    assert caught.value.argument == argument
    assert caught.value.remedy


@pytest.mark.parametrize("ids", [[0, 1], [0, 1, 5], [0, 1, -1], [0, 1, 1.0], "012", 3], ids=str)
def test_bad_tokens_are_refused(ids):
    with pytest.raises(InvalidArgumentError, match="token_ids"):
        embedding(5, 3, 3, ids)
