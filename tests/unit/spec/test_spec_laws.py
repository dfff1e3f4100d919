"""Laws as users write them."""

from __future__ import annotations

from typing import Any

import pytest
import sympy

from lielaws.errors import SizeError, SpecError
from lielaws.spec import LawText, parse_laws

SHAPES = {"W1": (3, 2), "W2": (2, 3), "b": (3,), "s": (), "1.W1": (2, 2)}
W1, W2, b = (sympy.IndexedBase(name) for name in ("W1", "W2", "b"))
s = sympy.Symbol("s")


def law(text: str) -> sympy.Expr:
    (only,) = parse_laws(text, SHAPES)
    return only.expr


def test_the_balance_of_two_layers_is_six_laws() -> None:
    laws = parse_laws("W1 @ W1.T - W2.T @ W2", SHAPES)
    assert [law.label[-6:] for law in laws] == ["[0, 0]", "[0, 1]", "[0, 2]", "[1, 1]", "[1, 2]", "[2, 2]"]
    assert isinstance(laws[0], LawText)
    assert laws[0].expr == W1[0, 0] ** 2 + W1[0, 1] ** 2 - W2[0, 0] ** 2 - W2[1, 0] ** 2
    assert laws[1].expr == W1[0, 0] * W1[1, 0] + W1[0, 1] * W1[1, 1] - W2[0, 0] * W2[0, 1] - W2[1, 0] * W2[1, 1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("norm2(W1[0]) - norm2(W2[:, 0])", W1[0, 0] ** 2 + W1[0, 1] ** 2 - W2[0, 0] ** 2 - W2[1, 0] ** 2),
        ("sum(b)", b[0] + b[1] + b[2]),
        ("sum(W1, axis=0)[1]", W1[0, 1] + W1[1, 1] + W1[2, 1]),
        ("sum(W1, axis=-1)[0]", W1[0, 0] + W1[0, 1]),
        ("trace(outer(b, b))", b[0] ** 2 + b[1] ** 2 + b[2] ** 2),
        ("dot(b, b)", b[0] ** 2 + b[1] ** 2 + b[2] ** 2),
        ("b @ b", b[0] ** 2 + b[1] ** 2 + b[2] ** 2),
        ("diag(b)[1, 1]", b[1]),
        ("diag(W1 @ W2)[0]", W1[0, 0] * W2[0, 0] + W1[0, 1] * W2[1, 0]),
        ("(W1 * W2.T)[2, 0]", W1[2, 0] * W2[0, 2]),
        ("s**2 - 1/2*b[-1]", s**2 - b[2] / 2),
        ("2 - s/b[0]", 2 - s / b[0]),
        ("1/s", 1 / s),
        ("exp(2*s)*b[0]", sympy.exp(2 * s) * b[0]),
        ("sqrt(b)[0]", sympy.sqrt(b[0])),
        ("1.W1[0, 1]", sympy.IndexedBase("1.W1")[0, 1]),
    ],
)
def test_scalar_laws(text: str, expected: sympy.Expr) -> None:
    assert sympy.expand(law(text) - expected) == 0


def test_velocities_and_time() -> None:
    (only,) = parse_laws("W1[:2].T @ dW1[:2] - dW1[:2].T @ W1[:2]", SHAPES, velocities=True)
    dW1 = sympy.IndexedBase("dW1")
    expected = sum(W1[k, 0] * dW1[k, 1] - W1[k, 1] * dW1[k, 0] for k in range(2))
    assert sympy.expand(only.expr - expected) == 0
    (timed,) = parse_laws("exp(t)*s*ds", SHAPES, velocities=True)
    assert timed.expr.free_symbols == {sympy.Symbol("t"), s, sympy.Symbol("ds")}
    assert parse_laws("exp(t)*s", SHAPES, time=True)


def test_lines_comments_and_labels() -> None:
    laws = parse_laws("# balance\n\nsum(b)  # all\n b \n", SHAPES)
    assert [law.label for law in laws] == ["sum(b)", "b [0]", "b [1]", "b [2]"]
    assert len(parse_laws(["s", "s"], SHAPES)) == 2


def test_entries_that_repeat_or_vanish_are_dropped() -> None:
    assert [law.label[-3:] for law in parse_laws("(b - b[0])*(b + b[0])", SHAPES)] == ["[1]", "[2]"]
    assert len(parse_laws("W1 @ W2 - (W1 @ W2).T", SHAPES)) == 3


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("s\n\nW1 @ W1", ["line 3", "(3, 2)", "2 and 3"]),
        ("W1 + W2", ["line 1", "(3, 2)", "(2, 3)", "equal shapes"]),
        ("W1[3, 0]", ["line 1", "[3, 0]", "(3, 2)"]),
        ("W1[0, 0, 0]", ["(3, 2)"]),
        ("W3 @ W1", ["line 1", "'W3'", "'W1'"]),
        ("dW1 @ W2", ["'dW1'", "unknown"]),
        ("t*s", ["'t'", "unknown"]),
        ("3", ["none of the parameters", "W1"]),
        ("s - s", ["line 1", "constant", "remove the line"]),
        ("b[3:]", ["remove the line"]),
        ("b - b", ["remove the line"]),
        ("s / (s - s)", ["finite"]),
        ("2 @ b", ["*"]),
        ("b @ 2", ["*"]),
        ("s @ b", ["*"]),
        ("trace(W1)", ["square", "(3, 2)"]),
        ("outer(W1, b)", ["two vectors", "(3, 2)"]),
        ("dot(b, s)", ["equal shapes", "(3,)"]),
        ("sum(b, axis=1)", ["axis", "(3,)"]),
        ("sum(b, axis=(0, 1))", ["axis"]),
        ("sum(3)", ["an array is needed"]),
        ("sum([b, b])", ["an array is needed"]),
        ("diag(s)", ["a vector or a matrix"]),
        ("norm2(2)", ["an array is needed"]),
        ("", ["no laws"]),
        ("# nothing", ["no laws"]),
    ],
)
def test_mistakes_in_laws(text: str, pieces: list[str], refused: Any) -> None:
    assert isinstance(refused(["laws", *pieces], parse_laws, text, SHAPES), SpecError)


def test_a_large_tensor_is_an_array_of_laws() -> None:
    assert len(parse_laws("W", {"W": (40, 40)})) == 1600


def test_other_mistakes(refused: Any) -> None:
    refused(["line 2", "text"], parse_laws, ["s", 3], SHAPES)
    refused(["laws"], parse_laws, 3, SHAPES)
    assert parse_laws("norm2(W[0]) - W.T[1, 5]", {"W": (10**4, 10**3)}), "only the entries that are named are made"
    refused(["rename"], parse_laws, "da", {"a": (), "da": ()}, velocities=True)
    huge = refused(["line 1", "select entries"], parse_laws, "W @ W.T", {"W": (1000, 1000)})
    assert isinstance(huge, SizeError)
