"""Closed forms of published counts, found from counts alone, and one that was not known.

Published: one law for each hidden ReLU unit (arXiv 2307.00144, section 4); balanced linear networks (the same,
Prop. 4.1); heavy ball (arXiv 2405.12888); attention, per head (arXiv 2506.06194, Cor. 3.9; arXiv 2606.17816, Thm 4.3
and 4.4); SwiGLU (arXiv 2606.17816, Thm 4.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

import numpy as np
import pytest

import lielaws
from lielaws.errors import LieLawsError
from lielaws.formulas.conjecture_record import Conjecture
from lielaws.formulas.conjecturing import conjecture


def computed(sizes: Iterable[Any], make: Callable[[Any], Any], **settings: Any) -> list[dict[str, Any]]:
    """Rows as a sweep gives them; choices without an architecture are left out."""
    rows = []
    for each in sizes:
        try:
            report = lielaws.discover_laws(make(each), find_laws=False, **settings)
        except LieLawsError:
            continue
        rows.append({"sizes": each, "n_laws": report.n_laws})
    return rows


def grid(**values: Iterable[int]) -> list[dict[str, int]]:
    return [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]


def linear(sizes: dict[str, int]) -> lielaws.Architecture:
    return lielaws.linear([sizes["n"], sizes["r"], sizes["m"]])


def texts(found: Conjecture) -> list[tuple[str, str]]:
    return [(expression, condition) for condition, expression, _ in found.piece_texts]


def value(found: Conjecture, sizes: Any) -> int | None:
    """None where the formula is open."""
    try:
        return found.evaluate(sizes)
    except LieLawsError:
        return None


def agrees(found: Conjecture) -> bool:
    return bool(found.fresh) and all(check.agrees for check in found.fresh)


def test_relu_networks_of_any_depth() -> None:
    found = conjecture(family="relu", depth=(2, 3, 4), largest=3)
    assert texts(found) == [("sum(w[l], l=1..L-1)", "")]
    assert found.determined
    assert agrees(found)


def test_two_linear_layers_in_both_regimes() -> None:
    found = conjecture(family="linear", depth=2, largest=4)
    assert texts(found) == [("r*(r + 1)/2", "r <= n + m"), ("N*r - N*(N - 1)/2 with N = n + m", "")]
    assert found.determined
    assert agrees(found)


def test_deep_linear_networks_are_balanced_in_a_regime() -> None:
    """The balanced sum needs widths of at least 2 and no layer wider than both neighbours: 2-2-5-2 has 17 laws."""
    chains = [list(widths) for widths in product((1, 2, 4), (2, 3, 5), (2, 4), (1, 2, 3))]
    rows = computed(chains, lielaws.linear)
    found = conjecture(rows, fresh=0)
    expression, condition = texts(found)[0]
    assert expression == "sum(w[l]*(w[l] + 1)/2, l=1..2)"
    assert set(condition.split(" and ")) == {
        "at most one width <= 1",
        "w[l] <= w[l-1] + w[l+1] for every hidden layer l",
    }
    assert value(found, [2, 2, 5, 2]) in (17, None)
    assert value(found, [1, 2, 2, 1]) in (7, None)
    assert value(found, [3, 4, 4, 3]) == 20
    # Whatever else it says is right, too, and says enough.
    rng = np.random.default_rng(0)
    others = [rng.integers(1, 7, size=4).tolist() for _ in range(40)]
    known = {tuple(row["sizes"]): row["n_laws"] for row in computed(others, lielaws.linear)}
    said = {widths: value(found, list(widths)) for widths in known}
    assert all(count in (known[widths], None) for widths, count in said.items())
    assert all(said[widths] is not None for widths in known if min(widths) >= 2)


def test_heavy_ball_on_two_linear_layers() -> None:
    """r (r - 1) / 2, in other words antisymmetric matrices; two rows of n = m = 1 are no regime of their own."""
    flow = lielaws.HeavyBall(1)
    few = computed(grid(n=(1, 2, 3), r=range(1, 6), m=(1, 2)), linear, flow=flow)
    found = conjecture(few, fresh=0)
    assert texts(found) == [("r*(r - 1)/2", "n + m >= 3")]
    assert found.evaluate({"n": 2, "r": 6, "m": 3}) == 15
    assert value(found, {"n": 1, "r": 6, "m": 1}) in (18, None)


def wide_heavy_ball(n: int, r: int, m: int) -> int:
    """Beyond r = 2 (n + m), the states are wide matrices, too; n = m = 1 is two particles with a central force each."""
    total = 2 * (n + m)
    if n == m == 1:
        return max(0, 4 * r - 6)
    return r * (r - 1) // 2 if r <= total else total * r - total * (total + 1) // 2


def test_heavy_ball_on_wide_linear_layers() -> None:
    sizes = [each for each in grid(n=(1, 2, 3), r=range(1, 13), m=(1, 2)) if each["n"] + each["m"] < 5]
    rows = computed(sizes, linear, flow=lielaws.HeavyBall(1))
    assert [row["n_laws"] for row in rows] == [wide_heavy_ball(**row["sizes"]) for row in rows]
    found = conjecture(rows, fresh=0)
    assert "r*(r - 1)/2" in [expression for expression, _ in texts(found)]
    for n, r, m in ((1, 4, 1), (1, 12, 1), (2, 5, 2), (1, 15, 2), (3, 11, 2), (1, 7, 2), (2, 13, 1), (4, 25, 4)):
        assert value(found, {"n": n, "r": r, "m": m}) in (wide_heavy_ball(n, r, m), None)


@pytest.mark.slow
def test_heavy_ball_is_settled_by_fresh_cases() -> None:
    rows = computed(grid(n=(1, 2, 3), r=range(1, 9), m=(1, 2)), linear, flow=lielaws.HeavyBall(1))
    found = conjecture(rows, make=linear, flow=lielaws.HeavyBall(1))
    assert found.determined
    assert agrees(found)
    for sizes in grid(n=range(1, 6), r=range(1, 30, 3), m=range(1, 6)):
        assert found.evaluate(sizes) == wide_heavy_ball(**sizes)


def test_attention_per_head() -> None:
    def make(sizes: dict[str, int]) -> lielaws.Architecture:
        return lielaws.attention(sizes["d_model"], sizes["d_head"], heads=sizes["heads"], d_value=sizes["d_value"])

    rows = computed(grid(d_model=(2, 3), d_head=range(1, 4), heads=(1, 2, 3), d_value=range(1, 4)), make)
    found = conjecture(rows, fresh=0)
    assert texts(found) == [("heads*(d_head*(d_head + 1)/2 + d_value*(d_value + 1)/2)", "")]
    # Rows from outside of its regime show that there is a border.
    wider = computed(
        [{"d_model": 1, "d_head": d, "heads": 1, "d_value": v} for d in (2, 3, 4) for v in (2, 3, 4)], make
    )
    refined = conjecture([*rows, *wider], fresh=0)
    assert value(refined, {"d_model": 3, "d_head": 3, "heads": 2, "d_value": 4}) == 32
    assert value(refined, {"d_model": 1, "d_head": 4, "heads": 1, "d_value": 4}) in (14, None)


def test_grouped_queries_count_by_key_value_heads() -> None:
    sizes = grid(d_head=(1, 2, 3), heads=(1, 2, 3, 4), kv_heads=(1, 2, 3, 4))
    rows = computed(sizes, lambda s: lielaws.attention(2, s["d_head"], heads=s["heads"], kv_heads=s["kv_heads"]))
    found = conjecture(rows, fresh=0)
    assert texts(found) == [("d_head*kv_heads*(d_head + 1)", "")]
    assert found.held_back.passed
    assert found.held_back.cases


def test_swiglu_counts_hidden_units() -> None:
    found = conjecture(family="glu", largest=4)
    assert texts(found) == [("hidden", "")]
    assert found.determined
    assert agrees(found)


def test_linear_convolutions_in_one_channel() -> None:
    """Not published: 1-c-1 with kernels of length k has c^2 laws for c <= k, and k (2 c - k) beyond. An observation."""

    def make(sizes: dict[str, int]) -> lielaws.Architecture:
        return lielaws.conv([1, sizes["c"], 1], sizes["k"], 2 * sizes["k"] + 1, activation="linear")

    found = conjecture(computed(grid(c=range(1, 6), k=range(1, 5)), make), make=make)
    assert sorted(expression for expression, _ in texts(found)) == ["c**2", "k*(2*c - k)"]
    assert found.determined
    assert agrees(found)
    assert any(check.sizes["c"] > 5 or check.sizes["k"] > 4 for check in found.fresh)
    assert "an observation, not a theorem" in str(found)
    assert found.evaluate({"c": 9, "k": 3}) == lielaws.discover_laws(make({"c": 9, "k": 3}), find_laws=False).n_laws


@pytest.mark.slow
def test_linear_attention_has_one_more_law_for_each_head() -> None:
    """Not published: without softmax, the scale between the two pairs of matrices is free. An observation."""

    def make(sizes: dict[str, int]) -> lielaws.Architecture:
        return lielaws.attention(sizes["d_model"], sizes["d_head"], heads=sizes["heads"], softmax=False)

    found = conjecture(make=make, sizes={"d_model": (2, 3), "d_head": range(1, 5), "heads": (1, 2, 3)})
    assert agrees(found)
    for d_model, d_head, heads in ((2, 2, 2), (3, 4, 1)):
        sizes = {"d_model": d_model, "d_head": d_head, "heads": heads}
        assert found.evaluate(sizes) == heads * (d_head * (d_head + 1) + 1)
