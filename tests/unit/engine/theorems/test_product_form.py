"""Normal forms: which networks have one, and how many laws there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lielaws import architecture, attention, glu, linear
from lielaws.engine.arithmetic.modular import BadPrimeError
from lielaws.engine.linalg import rank
from lielaws.engine.theorems import recognition
from lielaws.engine.theorems.product_form import Group
from lielaws.engine.theorems.recognition import product_form


def _form(arch: Any) -> Any:
    return product_form(arch.traced, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("arch", "kind", "count"),
    [
        (linear([3, 4, 2]), "pair", 10),
        (linear([2, 7, 2]), "pair", 22),
        (linear([3, 3, 3, 3]), "chain", 12),
        (attention(4, 2, heads=2), "attention", 12),
        (attention(3, 2, heads=4, kv_heads=2, causal=True), "attention", 12),
        (glu(3, 4), "gated unit", 4),
        (glu(3, 4, "gelu", d_out=2), "gated unit", 4),
    ],
)
def test_forms_and_counts(arch: Any, kind: str, count: int) -> None:
    form = _form(arch)
    assert (form.kind, form.count, form.missing) == (kind, count, 0)
    assert sum(np.prod(shape) for _, shape in form.shapes) - form.ranks[-1] == count


def test_parts_are_found_whatever_their_names_and_order() -> None:
    def network(p: Any, x: Any, ops: Any) -> Any:
        return ops.softmax((x @ p.a.T) @ (x @ p.z.T).T) @ (x @ p.m.T) @ p.c

    form = _form(architecture(network, {"c": (2, 3), "z": (2, 3), "a": (2, 3), "m": (2, 3)}, {"x": (3, 3)}))
    assert form.named == {"Q": ("a",), "K": ("z",), "V": ("m",), "O": ("c",)}


@pytest.mark.parametrize(
    "arch",
    [
        attention(3, 2, softmax=False),
        attention(3, 2, tied_qk=True),
        attention(3, 2, rotary=[1]),
        attention(3, 2, tokens=1),
        attention(3, 2, bias=True),
        glu(3, 4, "linear"),
        glu(3, 4, "relu"),
        linear([3, 4]),
    ],
)
def test_networks_without_a_form(arch: Any) -> None:
    assert _form(arch) is None


@pytest.mark.parametrize("rows", range(1, 7))
@pytest.mark.parametrize("columns", [(1, 1), (2, 1), (2, 3)])
def test_counts_of_pairs_are_ranks_of_their_gradients(rows: int, columns: tuple[int, int]) -> None:
    """Of U U^T - V V^T at a random point."""
    rng, (n, m), p = np.random.default_rng(rows), columns, 2**31 - 1
    x = rng.integers(0, p, (rows, n + m)) * np.repeat([1, -1], columns)
    gradients = []
    for i in range(rows):
        for j in range(i, rows):
            slope = np.zeros_like(x)
            slope[i] += x[j]
            slope[j] += x[i]
            gradients.append(slope.ravel())
    group = Group((("U", 0),), (("V", 0),), rows, columns)
    assert group.count == rank(np.array(gradients) % p, p)


@pytest.mark.parametrize(
    "network", [lambda p, x, ops: p.a @ (p.c @ (p.b @ x)), lambda p, x, ops: (p.a @ p.c @ p.b) @ x]
)
def test_chains_are_read_in_the_order_of_their_use(network: Any) -> None:
    form = _form(architecture(network, {"a": (3, 3), "b": (3, 3), "c": (3, 3)}, {"x": (3,)}))
    assert form.named == {"W": ("b", "c", "a")}


def test_many_matrices_take_no_search() -> None:
    """A thousand layers, which have no small clusters, and twenty matrices in an order that no chain has."""
    assert _form(linear([1] * 1100)) is None
    assert _form(linear([40] * 20)).kind == "chain"

    def network(p: Any, x: Any, ops: Any) -> Any:
        for k in range(20):
            x = ops.tanh(p[f"W{k}"] @ x)
        return x[:2] + p.V @ x

    assert _form(architecture(network, {f"W{k}": (4, 4) for k in range(20)} | {"V": (2, 4)}, {"x": (4,)})) is None


def test_points_without_values_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of thousands of denominators one vanishes now and then modulo a prime of 31 bits."""
    true, calls = recognition._vanishes, []

    def sometimes(*arguments: Any) -> bool:
        calls.append(arguments)
        if len(calls) % 2:
            raise BadPrimeError("a denominator vanishes")
        return true(*arguments)

    monkeypatch.setattr(recognition, "_vanishes", sometimes)
    assert _form(attention(3, 2)).kind == "attention"
    assert len(calls) > 2
