"""Whatever comes in, only LieLawsError comes out."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lielaws.errors import LieLawsError
from lielaws.spec import (
    build_from_mapping,
    load_architecture,
    parse,
    parse_laws,
    parse_spec,
    read_phi_file,
    registry,
    to_sympy,
)
from lielaws.spec.tokens import masked

quick = settings(deadline=5000, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])

PIECES = """x W1 W2 b 1.W1 dW1 .T [0] [:,1] [...] ( ) + - * / @ ** 2 3 0 0.5 (1/2) sum( exp( log( sqrt( outer( axis=0 ,
# 10 999"""
tokens = st.sampled_from([*PIECES.split(), " ", "\n"])
expressions = st.one_of(st.text(max_size=200), st.lists(tokens, max_size=12).map("".join))
words = st.sampled_from(
    ["family", "mlp", "phi", "network", "sequential", "residual", "glu", "widths", "blocks", "block"]
)
keys = st.one_of(
    words, st.sampled_from(["symbols", "expressions", "parameters", "data", "let", "output", "x"]), st.text()
)
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), keys, expressions)
trees = st.recursive(
    leaves, lambda t: st.one_of(st.lists(t, max_size=4), st.dictionaries(keys, t, max_size=5)), max_leaves=20
)


def survives(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> None:
    try:
        function(*arguments, **keywords)
    except LieLawsError as error:
        message = str(error)
        assert len(message.splitlines()) == 1
        assert len(message) < 2000


@quick
@given(expressions)
def test_expressions(text: str) -> None:
    import sympy

    survives(parse, text)
    survives(to_sympy, text, {"x": sympy.Symbol("x"), "b": sympy.IndexedBase("b")})


@quick
@given(expressions)
def test_python_reads_only_a_mask_of_a_text(text: str) -> None:
    try:
        mask = masked(text, "x")
    except LieLawsError:
        return
    assert len(mask) == len(text)
    assert set(mask) <= set("_T.<>+-*/@()[],:= ")


@quick
@given(expressions)
def test_laws(text: str) -> None:
    survives(parse_laws, text, {"W1": (3, 2), "W2": (2, 3), "b": (3,), "x": (), "1.W1": (2, 2)}, velocities=True)


@quick
@given(expressions)
def test_phi_files(text: str) -> None:
    survives(read_phi_file, "symbols: x b\n" + text, "f.phi")
    survives(read_phi_file, text, "f.phi")


@quick
@given(st.one_of(st.text(), st.from_regex(r"[a-z]{1,4}(\+[a-z]{1,3}(=[^:]{0,4})?){0,2}:[0-9.+-]{0,6}")))
def test_spec_strings(text: str) -> None:
    survives(parse_spec, text)


@pytest.mark.usefixtures("toys")
@quick
@given(trees)
def test_mappings(tree: Any) -> None:
    survives(build_from_mapping, tree, "m.json")
    if isinstance(tree, dict):
        for family in registry.families():
            survives(build_from_mapping, {**tree, "family": family}, "m.json")


@pytest.mark.usefixtures("toys")
@quick
@given(st.one_of(st.binary(max_size=300), expressions.map(lambda t: t.encode("utf-8", "surrogatepass"))))
def test_files(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".toml", ".json", ".phi", ".txt"):
            path = Path(folder) / f"f{suffix}"
            path.write_bytes(data)
            survives(load_architecture, path)


@pytest.mark.usefixtures("toys")
@quick
@given(trees)
def test_json_files(tree: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.json"
        path.write_text(json.dumps(tree), encoding="utf-8")
        survives(load_architecture, path)
