"""Attention: the network itself against numpy, counts with their laws, specs, and bad input."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy

from lielaws import discover_laws
from lielaws.architectures.attention import attention
from lielaws.errors import InvalidArgumentError, SpecError
from lielaws.spec import load_architecture

VARIANTS: list[dict[str, Any]] = [
    {},
    {"heads": 2, "d_value": 3},
    {"heads": 4, "kv_heads": 2},
    {"heads": 3, "kv_heads": 2},
    {"causal": True, "tokens": 4},
    {"softmax": False},
    {"softmax": False, "causal": True},
    {"rotary": [1]},
    {"rotary": [0.1], "heads": 2, "kv_heads": 1, "causal": True},
    {"tied_qk": True, "heads": 2},
    {"bias": True, "heads": 2, "kv_heads": 1},
    {"tied_qk": True, "bias": True},
    {"positions": "sinusoidal"},
    {"positions": "sinusoidal", "frequencies": [1, Fraction(1, 3)], "rotary": [2]},
    {"cross": 2},
    {"cross": True, "bias": True},
    {"cross": 1},
    {"tokens": 1},
]


def _rotated(rows: np.ndarray, frequencies: list[Fraction]) -> np.ndarray:
    turned = rows.copy()
    for m, row in enumerate(rows):
        for j, frequency in enumerate(frequencies):
            value = complex(row[2 * j], row[2 * j + 1]) * np.exp(1j * m * float(frequency))
            turned[m, 2 * j : 2 * j + 2] = value.real, value.imag
    return turned


def _expected(p: dict[str, np.ndarray], X: np.ndarray, Y: np.ndarray, v: dict[str, Any]) -> np.ndarray:
    """One sample, written out with loops."""
    heads, d_model = v.get("heads", 1), X.shape[1]
    groups = v.get("kv_heads", heads)
    if "positions" in v:
        waves = [Fraction(f) for f in v.get("frequencies", [Fraction(1, 100**j) for j in range(d_model // 2)])]
        X, Y = (A + [[f(m * w) for w in waves for f in (math.sin, math.cos)] for m in range(len(A))] for A in (X, Y))
    total = np.zeros_like(X) + p.get("bo", 0.0)
    for i in range(1, heads + 1):
        g = math.ceil(i * groups / heads)
        key = ("Q", "bq") if v.get("tied_qk") else ("K", "bk")
        q = X @ p[f"Q{i}"].T + p.get(f"bq{i}", 0.0)
        k = Y @ p[f"{key[0]}{g}"].T + p.get(f"{key[1]}{g}", 0.0)
        values = Y @ p[f"V{g}"].T + p.get(f"bv{g}", 0.0)
        if "rotary" in v:
            q, k = (_rotated(rows, [Fraction(str(f)) for f in v["rotary"]]) for rows in (q, k))
        for m in range(len(X)):
            seen = m + 1 if v.get("causal") else len(Y)
            weights = k[:seen] @ q[m]
            if v.get("softmax", True):
                weights = np.exp(weights) / np.exp(weights).sum()
            total[m] += weights @ values[:seen] @ p[f"O{i}"]
    return total


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_forward_is_the_formula(variant):
    arch = attention(4, 2, **variant)
    rng = np.random.default_rng(3)
    params = {name: rng.normal(size=shape) for name, shape in arch.parameters.items()}
    data = {name: rng.normal(size=(2, *shape)) for name, shape in arch.data.items()}
    result = arch.forward(params, data if len(data) > 1 else data["X"])
    for sample in range(2):
        X = data["X"][sample]
        Y = data["Y"][sample] if "Y" in data else X
        np.testing.assert_allclose(result[sample], _expected(params, X, Y, variant), rtol=1e-10)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_spec_rebuilds_it(variant):
    arch = attention(4, 2, **variant)
    again = load_architecture(json.loads(json.dumps(arch.spec)))
    assert dict(again.parameters) == dict(arch.parameters)
    assert dict(again.data) == dict(arch.data)
    assert (again.name, again.spec) == (arch.name, arch.spec)
    assert load_architecture(arch.name).spec == arch.spec


COUNTS: list[tuple[tuple[int, int], dict[str, Any], int, str]] = [
    ((3, 2), {}, 6, "arXiv 2506.06194 Cor. 3.9"),
    ((3, 2), {"heads": 2}, 12, "arXiv 2606.17816 Thm 4.3"),
    ((3, 2), {"d_value": 3}, 9, "the same, sizes 3 and 6"),
    ((4, 2), {"heads": 4, "kv_heads": 2}, 12, "arXiv 2609.34549 Prop. 18"),
    ((4, 2), {"heads": 3, "kv_heads": 2}, 12, "arXiv 2609.34549 Prop. 18"),
    ((4, 2), {"heads": 2, "kv_heads": 1}, 6, "arXiv 2609.34549 Prop. 18"),
    ((3, 2), {"causal": True}, 6, "computed"),
    ((3, 2), {"cross": 3}, 6, "computed"),
    ((3, 2), {"softmax": False}, 7, "computed: |Q|^2 - |V|^2 comes in, as the logits scale the values"),
    ((3, 2), {"softmax": False, "causal": True}, 7, "computed"),
    ((3, 2), {"tied_qk": True}, 3, "computed: Q has none"),
    ((3, 2), {"tied_qk": True, "heads": 2}, 6, "computed"),
    ((3, 2), {"bias": True}, 8, "computed: biases are columns, and bk cancels in the softmax"),
    ((3, 2), {"bias": True, "rotary": [1]}, 4, "computed: here bk does not cancel"),
    ((4, 2), {"positions": "sinusoidal"}, 6, "generic inputs absorb positions"),
    # Rotary: 1 for each plane, and d (d + 1) / 2 for V and O.
    ((4, 2), {"rotary": [1]}, 1 + 3, "arXiv 2606.17816 Thm 4.4"),
    ((4, 4), {"rotary": [1, 2]}, 2 + 10, "arXiv 2606.17816 Thm 4.4"),
    ((4, 4), {"rotary": [1, 0.01]}, 2 + 10, "arXiv 2606.17816 Thm 4.4"),
    ((4, 4), {"rotary": [1, 2], "causal": True}, 2 + 10, "arXiv 2606.17816 Thm 4.4"),
    ((4, 2), {"rotary": [1], "heads": 2}, 2 * (1 + 3), "arXiv 2606.17816 Thm 4.4"),
    ((4, 2), {"rotary": [1], "heads": 2, "kv_heads": 1}, 1 + 3, "computed: once a group"),
    # Its conditions: equal frequencies turn k planes as one complex space with k^2 laws, zero turns nothing.
    ((4, 4), {"rotary": [1, 1]}, 4 + 10, "computed"),
    ((4, 4), {"rotary": [1, -1]}, 4 + 10, "computed"),
    ((4, 2), {"rotary": [0]}, 3 + 3, "computed"),
    ((4, 4), {"rotary": [1, 0]}, 1 + 3 + 10, "computed"),
    # Too few tokens: the weight of a single one is 1, whatever Q and K.
    ((3, 2), {"tokens": 1}, 12 + 3, "computed"),
    ((3, 2), {"cross": 1}, 12 + 3, "computed"),
]


@pytest.mark.parametrize(("sizes", "options", "laws", "source"), COUNTS, ids=[f"{r[0]}{r[1]}" for r in COUNTS])
def test_laws_are_complete(sizes, options, laws, source):
    report = discover_laws(attention(*sizes, **options))
    assert (report.n_laws, len(report.laws)) == (laws, laws)
    assert report.complete


@pytest.mark.parametrize(
    "options", [{}, {"causal": True}, {"softmax": False}, {"rotary": [1]}, {"bias": True}], ids=str
)
def test_two_tokens_are_enough(options):
    """The count is the same for two and more tokens, and for other random points."""
    counts = {
        discover_laws(attention(4, 2, tokens=tokens, **options), find_laws=False, seed=tokens).n_laws
        for tokens in (2, 3, 4, 5)
    }
    assert len(counts) == 1


def test_tied_queries_and_keys_can_have_laws_that_are_no_polynomials():
    """Q of shape (3, 2) is seen through Q^T Q: ratios of its minors are conserved, as in DESIGN 3."""
    report = discover_laws(attention(2, 3, tied_qk=True))
    assert (report.n_laws, len(report.laws), report.complete) == (8, 6, False)


def test_rotary_laws_are_those_of_the_planes():
    """arXiv 2606.17816 Thm 4.4."""
    report = discover_laws(attention(4, 4, rotary=[1, 2]))
    Q, K = sympy.IndexedBase("Q1"), sympy.IndexedBase("K1")
    for rows in ((0, 1), (2, 3)):
        assert report.contains(sum(Q[i, j] ** 2 - K[i, j] ** 2 for i in rows for j in range(4)))
    assert not report.contains(sum(Q[0, j] ** 2 - K[0, j] ** 2 for j in range(4)))


def test_group_laws_are_those_of_the_shared_heads():
    """arXiv 2609.34549 Prop. 18."""
    report = discover_laws(attention(3, 2, heads=2, kv_heads=1))
    Q, P, K, V, Y, R = (sympy.IndexedBase(name) for name in ("Q1", "Q2", "K1", "V1", "O1", "O2"))
    for i, j in ((0, 0), (0, 1), (1, 1)):
        assert report.contains(sum(Q[i, k] * Q[j, k] + P[i, k] * P[j, k] - K[i, k] * K[j, k] for k in range(3)))
        assert report.contains(sum(Y[i, k] * Y[j, k] + R[i, k] * R[j, k] - V[i, k] * V[j, k] for k in range(3)))


BAD: list[tuple[dict[str, Any], str]] = [
    ({"d_head": 0}, "d_head"),
    ({"d_model": 2.0}, "d_model"),
    ({"heads": True}, "heads"),
    ({"kv_heads": 2}, "kv_heads"),
    ({"heads": 4, "kv_heads": 2, "tied_qk": True}, "kv_heads"),
    ({"d_head": 3, "rotary": [1]}, "d_head"),
    ({"d_head": 4, "rotary": [1]}, "rotary"),
    ({"rotary": 1}, "rotary"),
    ({"rotary": ["a"]}, "rotary"),
    ({"rotary": [float("nan")]}, "number"),
    ({"causal": 1}, "causal"),
    ({"softmax": "yes"}, "softmax"),
    ({"causal": True, "cross": 2}, "causal"),
    ({"cross": 0}, "cross"),
    ({"tokens": 0}, "tokens"),
    ({"positions": "learned"}, "positions"),
    ({"frequencies": [1, 2]}, "frequencies"),
    ({"positions": "sinusoidal", "frequencies": [1]}, "frequencies"),
    ({"positions": "sinusoidal", "d_model": 6}, "d_model"),
]


@pytest.mark.parametrize(("options", "argument"), BAD, ids=str)
def test_bad_input_names_the_argument(options, argument):
    with pytest.raises(InvalidArgumentError) as caught:
        attention(**{"d_model": 4, "d_head": 2, **options})
    assert caught.value.argument == argument
    assert caught.value.remedy


def test_bad_spec_is_a_spec_error():
    with pytest.raises(SpecError, match="kv_heads"):
        load_architecture("attention:4-2+kv_heads=3")
