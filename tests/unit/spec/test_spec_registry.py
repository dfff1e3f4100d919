"""Specs to calls of constructors, with toy families."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import Any

import pytest
import sympy

from lielaws.errors import SpecError, UnsupportedError
from lielaws.spec import Family, build_from_mapping, build_from_tree, describe, parse_spec, registry

pytestmark = pytest.mark.usefixtures("toys")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linear:2-3-2", ("linear", (2, 3, 2))),
        ("mlp+bias:2-3", ("mlp", (2, 3), "relu", True, None)),
        ("mlp+activation=tanh+slope=0.1:2-3", ("mlp", (2, 3), "tanh", False, Fraction(1, 10))),
        ("mlp+slope=none:2-3", ("mlp", (2, 3), "relu", False, None)),
        ("conv:1-2+kernel=2+size=4", ("conv", (1, 2), 2, 4, 1)),
        ("glu:3-4", ("glu", 3, 4, True, None, None)),
        ("glu:3-4+epsilon=false+rotary=1/2,3+sizes=5", ("glu", 3, 4, False, [Fraction(1, 2), 3], [5])),
        ("glu+epsilon=1e-5:3-4", ("glu", 3, 4, Fraction(1, 10**5), None, None)),
    ],
)
def test_build_from_tree(text: str, expected: Any) -> None:
    assert build_from_tree(parse_spec(text)) == expected


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("lienar:2-3", ["family", "'lienar'", "'linear'"]),
        ("mlp+bais:2-3", ["bais", "did you mean 'bias'"]),
        ("mlp+activation:2-3", ["activation", "write +activation=..."]),
        ("mlp+bias=3:2-3", ["bias = 3", "true or false"]),
        ("mlp+slope=abc:2-3", ["slope", "'abc'", "a number"]),
        ("mlp+slope=none+bias=none:2-3", ["bias = None", "true or false"]),
        ("conv:1-2", ["'kernel', 'size' missing"]),
        ("conv:1-2+kernel=2.0+size=4", ["kernel", "2", "an integer is needed"]),
        ("conv:1-2+kernel=9+size=4", ["size = 4", "make the input larger"]),
        ("mlp:2-3+widths=4", ["widths", "leave it out"]),
        ("glu:3-4-5", ["[3, 4, 5]", "2 sizes are needed: d_model-hidden"]),
        ("sequential:2-3", ["'sequential'", "spec file"]),
    ],
)
def test_build_from_tree_refuses(text: str, pieces: list[str], refused: Any) -> None:
    refused([f"spec '{re.split('[+:]', text)[0]}", *pieces], build_from_tree, parse_spec(text))


MLP = {"family": "mlp", "widths": [2, 3]}
NETWORK = {
    "family": "network",
    "parameters": {"A": [4, 3], "C": [2, 4]},
    "data": {"x": [3]},
    "let": {"h": "relu(A @ x)"},
    "output": "C @ h",
}


def test_build_from_mapping() -> None:
    assert build_from_mapping(MLP) == ("mlp", (2, 3), "relu", False, None)
    for slope in (0.1, "1/10", "0.1", Fraction(1, 10)):
        assert build_from_mapping({**MLP, "slope": slope})[-1] == Fraction(1, 10)
    nested = {"family": "sequential", "blocks": [MLP, {"family": "residual", "block": MLP}]}
    mlp = ("mlp", (2, 3), "relu", False, None)
    assert build_from_mapping(nested) == ("sequential", mlp, ("residual", mlp))
    x, y = sympy.symbols("x y")
    phi = {"family": "phi", "expressions": ["x*y", "y**2"], "symbols": ["x", "y"]}
    assert build_from_mapping(phi) == ("phi", (x, y), (x * y, y**2))
    assert build_from_mapping(NETWORK)[:3] == ("network", {"A": (4, 3), "C": (2, 4)}, {"x": (3,)})


def block(depth: int) -> dict[str, Any]:
    spec: dict[str, Any] = MLP
    for _ in range(depth):
        spec = {"family": "sequential", "blocks": [spec]}
    return spec


def endless() -> dict[str, Any]:
    spec: dict[str, Any] = {"family": "residual"}
    spec["block"] = spec
    return spec


@pytest.mark.parametrize(
    ("mapping", "pieces"),
    [
        ({}, ["'family' is missing", "linear"]),
        ([1], ["[1]", "a table"]),
        ({"family": 3}, ["family = 3", "the name of a family"]),
        ({"family": "transformer"}, ["'transformer'", "unknown"]),
        ({"family": "mlp"}, ["'widths' missing"]),
        ({**MLP, "activaton": "relu"}, ["activaton", "did you mean 'activation'"]),
        ({**MLP, 3: "relu"}, ["m.toml: 3", "unknown"]),
        ({**MLP, "widths": 3}, ["widths = 3", "a list of integers"]),
        ({**MLP, "widths": "3-4"}, ["widths = '3-4'", "a list"]),
        ({**MLP, "widths": [3, 2.0]}, ["widths[1] = 2.0", "an integer"]),
        ({**MLP, "widths": [3, Fraction(2)]}, ["widths[1]", "an integer"]),
        ({**MLP, "widths": [True, 2]}, ["widths[0] = True", "an integer"]),
        ({**MLP, "widths": [0, 2]}, ["widths = [0, 2]", "positive"]),
        ({**MLP, "widths": [10**5000, 2]}, ["widths[0]", "smaller"]),
        ({**MLP, "bias": 1}, ["bias = 1", "true or false"]),
        ({**MLP, "bias": None}, ["bias = None", "true or false"]),
        ({**MLP, "activation": 1}, ["activation = 1", "a text"]),
        ({**MLP, "slope": float("nan")}, ["slope = nan", "a number"]),
        ({**MLP, "slope": True}, ["slope = True", "a number"]),
        ({**MLP, "slope": "1e999999"}, ["slope", "exponent"]),
        ({**MLP, "slope": {}}, ["slope", "an empty table", "a number"]),
        ({"family": "glu", "d_model": 3, "hidden": 4, "epsilon": []}, ["epsilon", "true, false or a number"]),
        ({"family": "glu", "d_model": 3}, ["'hidden' missing"]),
        ({"family": "sequential", "blocks": []}, ["blocks", "at least one"]),
        ({"family": "sequential", "blocks": "mlp:2-3"}, ["blocks", "at least one"]),
        ({"family": "sequential", "blocks": [MLP, {"family": "mpl"}]}, ["blocks[1].family", "'mlp'"]),
        ({"family": "sequential", "blocks": [MLP, 3]}, ["blocks[1] = 3", "a table"]),
        ({"family": "residual", "block": {**MLP, "widths": [0]}}, ["block: widths", "positive"]),
        ({"family": "phi", "symbols": ["x"]}, ["'expressions' missing"]),
        ({"family": "phi", "symbols": "x", "expressions": ["x"]}, ["symbols = 'x'", "a list"]),
        ({"family": "phi", "symbols": ["x", "x"], "expressions": ["x"]}, ["symbols", "'x'", "twice"]),
        ({"family": "phi", "symbols": [3], "expressions": ["x"]}, ["symbols = 3", "a name"]),
        ({"family": "phi", "symbols": ["x", "y"], "expressions": ["x"]}, ["['y']", "not used"]),
        ({"family": "phi", "symbols": ["x"], "expressions": ["x*y"]}, ["expressions[0]", "'y'", "not declared"]),
        ({"family": "phi", "symbols": ["x"], "expressions": []}, ["at least one expression"]),
        ({"family": "phi", "symbols": ["x"], "expressions": [3]}, ["expressions[0] = 3", "in quotes"]),
        ({"family": "phi", "symbols": ["x"], "expressions": ["x.__class__"]}, ["expressions[0]", "underscores"]),
        ({**NETWORK, "parameters": {"A": [4.5]}}, ["parameters.A[0] = 4.5", "an integer"]),
        ({**NETWORK, "parameters": [3]}, ["parameters", "A = [4, 3]"]),
        ({**NETWORK, "parameters": {"A b": [3]}}, ["'A b'", "a name"]),
        ({**NETWORK, "output": 3}, ["output = 3", "in quotes"]),
        ({**NETWORK, "let": "h"}, ["let", "a table"]),
        ({**NETWORK, "let": {"h": "relu(A @"}}, ["let.h", "complete it"]),
        ({**NETWORK, "output": "C @ hh"}, ["output", "'hh'", "'h'"]),
        (block(60), ["nested too deeply", "50 blocks"]),
        (block(100_000), ["nested too deeply"]),
        (endless(), ["nested too deeply"]),
    ],
)
def test_build_from_mapping_refuses(mapping: Any, pieces: list[str], refused: Any) -> None:
    assert isinstance(refused(["m.toml", *pieces], build_from_mapping, mapping, "m.toml"), SpecError)


def test_fifty_blocks_in_each_other_are_fine() -> None:
    assert build_from_mapping(block(50))


def test_the_class_of_an_error_is_kept(refused: Any) -> None:
    mapping = {"family": "conv", "channels": [1, 2], "kernel": 9, "size": 4}
    error = refused(["m.json: size = 4"], build_from_mapping, mapping, "m.json")
    assert isinstance(error, UnsupportedError)


@pytest.mark.parametrize(
    "mapping",
    [
        MLP,
        {**MLP, "slope": Fraction(1, 3), "bias": True},
        {**MLP, "slope": 0.1, "widths": (2, 3)},
        {"family": "sequential", "blocks": [MLP, {"family": "residual", "block": MLP}]},
        {"family": "phi", "symbols": sympy.symbols("x y"), "expressions": [sympy.Symbol("x") * sympy.Symbol("y")]},
        {"family": "glu", "d_model": 3, "hidden": 4, "epsilon": Fraction(2), "rotary": None},
    ],
)
def test_descriptions_survive_json(mapping: dict[str, Any]) -> None:
    plain = json.loads(json.dumps(describe(mapping)))
    assert plain == describe(mapping) == describe(plain)
    assert build_from_mapping(plain) == build_from_mapping(mapping)


def test_describe_networks() -> None:
    assert describe(NETWORK) == NETWORK
    assert build_from_mapping(describe(NETWORK))


def test_families_that_pass_their_name_on(refused: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(widths: list[int], activation: str = "relu") -> Any:
        return activation, widths

    known = {
        name: Family(make, "widths", "an activation", alias=name, name_keyword="activation")
        for name in ("abs", "power<k>")
    }
    monkeypatch.setattr(registry, "families", lambda: known)
    assert build_from_tree(parse_spec("abs:2-3")) == ("abs", [2, 3])
    assert build_from_tree(parse_spec("power12:2-3")) == ("power12", [2, 3])
    assert build_from_mapping({"family": "power3", "widths": [1, 1]}) == ("power3", [1, 1])
    for name in ("power", "power0", "powerx", "power<k>"):
        refused(["family", "unknown"], build_from_mapping, {"family": name, "widths": [1, 1]})
    refused(["activation", "unknown"], build_from_mapping, {"family": "abs", "widths": [1], "activation": "abs"})


def test_keywords_are_those_of_the_constructor(refused: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(widths: list[int], bias: bool = False, rate: Any = None) -> Any:
        return widths, bias

    family = Family(make, "widths", "some network", {"rate": "rational"})
    assert family.name == "make"
    assert family.keywords == {"widths": "ints", "bias": "bool", "rate": "rational"}
    assert family.required == ("widths",)
    assert [family.allows_none(key) for key in family.keywords] == [False, False, True]
    less = Family(make, "widths", "some network", without=("bias", "rate"))
    monkeypatch.setattr(registry, "families", lambda: {"make": less})
    refused(["bias", "unknown"], build_from_tree, parse_spec("make+bias:2-3"))
