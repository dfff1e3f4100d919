"""Spec strings."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lielaws.errors import SpecError
from lielaws.spec import SpecTree, parse_spec


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linear:2-3-2", SpecTree("linear", (2, 3, 2))),
        ("relu+bias:3-4-3", SpecTree("relu", (3, 4, 3), (("bias", True),))),
        ("relu+bias+output_bias:3-4-3", SpecTree("relu", (3, 4, 3), (("bias", True), ("output_bias", True)))),
        (
            "conv:1-2-1+kernel=2+size=4+stride=1+dim=1",
            SpecTree("conv", (1, 2, 1), (("kernel", 2), ("size", 4), ("stride", 1), ("dim", 1))),
        ),
        ("leaky_relu+slope=0.1:3-4", SpecTree("leaky_relu", (3, 4), (("slope", Fraction(1, 10)),))),
        ("leaky_relu+slope=-1/10:3-4", SpecTree("leaky_relu", (3, 4), (("slope", Fraction(-1, 10)),))),
        ("power+degree=3:2-3-2", SpecTree("power", (2, 3, 2), (("degree", 3),))),
        (" mlp : 2 - 3 + norm = layer ", SpecTree("mlp", (2, 3), (("norm", "layer"),))),
        ("mlp+bias=false+norm=none:2-3", SpecTree("mlp", (2, 3), (("bias", False), ("norm", None)))),
        ("a+r=1,1/2,x:2-3", SpecTree("a", (2, 3), (("r", (1, Fraction(1, 2), "x")),))),
        ("a+r=1,:2-3", SpecTree("a", (2, 3), (("r", (1,)),))),
    ],
)
def test_parse_spec(text: str, expected: SpecTree) -> None:
    tree = parse_spec(text)
    assert tree == expected
    assert parse_spec(str(tree)) == tree


def test_an_integer_is_not_a_float() -> None:
    assert type(dict(parse_spec("a+k=2:1-1").options)["k"]) is int
    assert type(dict(parse_spec("a+k=2.0:1-1").options)["k"]) is Fraction


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("linear:0-3", ["'linear:0-3'", "size '0'", "start at 1"]),
        ("linear:-1-3", ["'-1-3'", "positive integers"]),
        ("linear:3--1", ["'3--1'", "positive integers"]),
        ("linear:3.5-2", ["size '3.5'", "positive integer"]),
        ("linear:a-2", ["size 'a'", "positive integer"]),
        ("linear:3", ["sizes '3'", "at least two", "3-3"]),
        ("linear:", ["no sizes"]),
        ("linear", ["sizes are missing", "relu+bias:3-4-3"]),
        ("", ["sizes are missing"]),
        (":3-4", ["no name of a family"]),
        ("li near:3-4", ["'li near'", "no name"]),
        ("a:2-3:4", ["only one ':'"]),
        ("a+:2-3", ["option ''", "name=value"]),
        ("a+=3:2-3", ["option '=3'"]),
        ("a+b+b:2-3", ["option 'b'", "twice"]),
        ("a+b=:2-3", ["option 'b'", "a number, a word"]),
        ("a+b=1/0:2-3", ["division by zero"]),
        ("a+b=1e999:2-3", ["exponent"]),
        ("a+b=__import__('os'):2-3", ["option 'b'"]),
        ("a:99999999999-2", ["smaller than"]),
        ("a:" + "9" * 5000 + "-2", ["smaller than"]),
        ("a:²-2", ["positive integer"]),
        ("a:2-3\n\nb", ["positive integer"]),
        ("a" * 20_000, ["at most"]),
    ],
)
def test_mistakes_in_spec_strings(text: str, pieces: list[str], refused: Any) -> None:
    assert isinstance(refused(["spec = ", *pieces], parse_spec, text), SpecError)


def test_only_text_is_a_spec_string(refused: Any) -> None:
    refused(["spec = 3"], parse_spec, 3)


words = st.from_regex(r"[a-z][a-z_0-9]{0,8}", fullmatch=True).filter(lambda w: w not in ("true", "false", "none"))
scalars = st.one_of(st.booleans(), st.none(), st.integers(-(10**9), 10**9), words, st.fractions())
values = st.one_of(scalars, st.lists(scalars, min_size=1, max_size=3).map(tuple))
trees = st.builds(
    SpecTree,
    words,
    st.lists(st.integers(1, 10**6), min_size=2, max_size=5).map(tuple),
    st.dictionaries(words, values, max_size=4).map(lambda options: tuple(options.items())),
)


@given(trees)
def test_every_tree_is_the_parse_of_its_text(tree: SpecTree) -> None:
    assert parse_spec(str(tree)) == tree
