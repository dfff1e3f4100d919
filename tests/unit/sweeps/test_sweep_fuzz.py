"""Whatever stands in a description: cases, or an error in one line that names the place."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import lielaws
from lielaws.errors import LieLawsError
from lielaws.sweeps.description import read_description
from lielaws.sweeps.places import line_of
from lielaws.sweeps.tables import OWN_KEYS

KEYS = (*OWN_KEYS, "widths", "bias", "slope", "heads", "d_model", "d_head", "block", "kernel", "widht", "rotary")
LEAVES: list[Any] = [
    *(None, True, 0, 1, 2, 3, -1, 10**30, 0.5, float("nan"), float("inf"), Fraction(1, 3), np.int64(2), b"x", object()),
    *("", "none", "relu", "linear", "conv", "relu:2-2-2", "linear:{n}-2-1", "{n}", "n", "heavy_ball:1/2", "gradient"),
    *("laws", "count", "any", "D <= 4", "widths[0] < 3", "a.toml", "\0", "W1", range(1, 3), range(0), {1}),
    *(dt.date(2026, 1, 1), dt.time(1), lielaws.mlp([1, 2, 1]), lielaws.HeavyBall(1)),
    *({"from": 1, "to": 3}, {"from": 3, "to": 1}, {"layers": 2, "each": 2}, {"count": 2}, {"kind": "nesterov"}),
]
NAMES = ("from", "to", "n", "family")
VALUES = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=2),
    max_leaves=6,
)
TABLES = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4)
NETWORKS = st.builds(lambda table: {"family": "relu", "widths": [1, 2, 1]} | table, TABLES)


@settings(max_examples=300)
@given(st.lists(TABLES | NETWORKS, min_size=1, max_size=2))
def test_any_tables(tables: list[dict[str, Any]]) -> None:
    try:
        found = read_description({"sweep": tables})
    except LieLawsError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    for case in found.cases:
        assert len(case.key) == 32
        assert case.title


@given(st.text(alphabet="[]{}=\"'#.,\n swepfamilyD<=1_-", max_size=80), st.integers(0, 3))
def test_lines_are_searched_in_any_text(text: str, number: int) -> None:
    line = line_of(text, ("sweep", number, "family"))
    assert line is None or 1 <= line <= text.count("\n") + text.count("\r") + 1
