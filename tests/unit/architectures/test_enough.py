"""Counts do not change with more tokens or a larger batch once there are enough; with too few a report warns."""

from __future__ import annotations

import pytest

import lielaws
from lielaws.architectures.enough import BATCH, TOKENS

MAKERS = {
    "attention": lambda n: lielaws.attention(2, 2, tokens=n),
    "causal": lambda n: lielaws.attention(2, 1, tokens=n, causal=True),
    "linear": lambda n: lielaws.attention(3, 2, tokens=n, softmax=False),
    "rotary": lambda n: lielaws.attention(2, 2, tokens=n, rotary=[1]),
    "sinusoidal": lambda n: lielaws.attention(2, 1, tokens=n, positions="sinusoidal", frequencies=[1]),
    "cross": lambda n: lielaws.attention(2, 1, tokens=2, cross=n),
    "grouped": lambda n: lielaws.attention(2, 1, heads=2, kv_heads=1, tokens=n),
    "block": lambda n: lielaws.transformer_block(2, 1, 2, 1, tokens=n),
    "transformer": lambda n: lielaws.transformer(3, 2, 1, 2, 1, tokens=n),
    "inside": lambda n: lielaws.residual(lielaws.attention(2, 1, tokens=n)),
    "batch norm": lambda n: lielaws.mlp([2, 2, 2], "linear", norm="batch", epsilon=False, batch=n),
}


def _count(arch):
    return lielaws.discover_laws(arch, find_laws=False)


@pytest.mark.parametrize("name", MAKERS)
def test_enough_is_enough_and_less_is_not(name):
    needed = BATCH if name == "batch norm" else TOKENS
    few, enough, more = (_count(MAKERS[name](n)) for n in (needed - 1, needed, needed + 1))
    assert few.n_laws > enough.n_laws == more.n_laws
    assert len(few.warnings) == 1
    assert f"{needed} are needed" in str(few)
    assert few.to_dict()["warnings"] == list(few.warnings)
    assert not enough.warnings
    assert "warning" not in str(more)


def test_tokens_that_do_not_occur():
    report = _count(lielaws.transformer(4, 2, 1, 2, 1, tokens=2, sequences=[[0, 1], [1, 2]]))
    assert "tokens 3 of the vocabulary of 4 do not occur" in str(report)
    assert not _count(lielaws.transformer(4, 2, 1, 2, 1, tokens=2)).warnings
