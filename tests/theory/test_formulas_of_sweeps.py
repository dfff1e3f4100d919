"""The example sweeps give their formulas, without being told: the same as the two commands do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import lielaws
from lielaws.errors import LieLawsError
from lielaws.formulas.conjecture_record import Conjecture

FOLDER = Path(__file__).parents[2] / "benchmarks" / "sweeps"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the examples are not there")


def found(name: str, folder: Path, **options: Any) -> Conjecture:
    rows = lielaws.sweep(FOLDER / f"{name}.toml", folder / "results.sqlite", jobs=1)
    conjecture: Conjecture = lielaws.conjecture(rows, **options)
    assert conjecture.fresh
    assert all(check.agrees for check in conjecture.fresh)
    return conjecture


def test_linear_convolutions(tmp_path: Path) -> None:
    pieces = {expression for _, expression, _ in found("linear_conv", tmp_path).piece_texts}
    assert pieces == {"c1**2", "kernel*(2*c1 - kernel)"}


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("relu", {}, [("", "sum(w[l], l=1..L-1)")]),
        (
            "two_layer_linear",
            {},
            [("r <= n + m", "r*(r + 1)/2"), ("", "N*r - N*(N - 1)/2 with N = n + m")],
        ),
        ("gated", {"family": "glu", "where": {"activation": "silu"}}, [("", "hidden")]),
        (
            "attention",
            {},
            [
                ("d_head <= 2*d_model", "d_head*heads*(d_head + 1)"),
                ("", "heads*(4*d_head*d_model - 2*d_model*(2*d_model - 1))"),
            ],
        ),
    ],
)
def test_formulas_that_hold_everywhere(
    name: str, options: dict[str, Any], expected: list[tuple[str, str]], tmp_path: Path
) -> None:
    conjecture = found(name, tmp_path, **options)
    assert [(condition, expression) for condition, expression, _ in conjecture.piece_texts] == expected
    assert conjecture.determined


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "expected", "inside", "outside"),
    [
        ("heavy_ball", "r*(r - 1)/2", ([2, 8, 2], 28), ([2, 20, 2], 124)),
        ("grouped_query", "d_head*kv_heads*(d_head + 1)", ((3, 4, 6, 2), 40), ((1, 5, 2, 1), 24)),
        ("deep_linear", "sum(w[l]*(w[l] + 1)/2, l=1..L-1)", ([5, 3, 2, 4, 3], 19), ([1, 2, 2, 1], 7)),
    ],
)
def test_formulas_that_hold_in_a_regime(
    name: str, expected: str, inside: tuple[Any, int], outside: tuple[Any, int], tmp_path: Path
) -> None:
    conjecture = found(name, tmp_path)
    assert expected in [expression for _, expression, _ in conjecture.piece_texts]
    assert value(conjecture, inside[0]) == inside[1]
    assert value(conjecture, outside[0]) in (outside[1], None)


def value(conjecture: Conjecture, sizes: Any) -> int | None:
    """None where the formula is open."""
    if not isinstance(sizes, list):
        sizes = dict(zip(("d_model", "d_head", "heads", "kv_heads"), sizes, strict=True)) | {"tokens": 3}
    try:
        return conjecture.evaluate(sizes)
    except LieLawsError:
        return None
