"""The expression language: what it means, and what it refuses."""

from __future__ import annotations

import contextlib
import inspect
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from lielaws.errors import SpecError, UnsupportedError
from lielaws.spec import evaluate, parse
from lielaws.spec.tokens import is_name, masked

X, Y = Fraction(7, 3), Fraction(-2, 5)


def value(text: str, functions: dict[str, Any] | None = None, **names: Any) -> Any:
    expression = parse(text)
    return evaluate(expression, {"x": X, "y": Y, **names}, functions or {}, lambda q: q)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x + y*x - 3", X + Y * X - 3),
        ("-x**2", -(X**2)),
        ("(-x)**2", X**2),
        ("--x", X),
        ("+-x", -X),
        ("2*-x", -2 * X),
        ("x**-2", X**-2),
        ("x**(-2)", X**-2),
        ("x/y/2", X / Y / 2),
        ("x/y*2", X / Y * 2),
        ("2/3*x*3", 2 * X),
        ("0.1 + 1/10 + 1e-1 + .1", Fraction(4, 10)),
        ("-x - y", -X - Y),
        ("x - (y - x)", 2 * X - Y),
        ("2.5e3", Fraction(2500)),
        ("(2/3)**-2", Fraction(9, 4)),
        ("x - y + 1 - 1/2 + y", X + Fraction(1, 2)),
    ],
)
def test_arithmetic_is_exact_and_as_in_python(text: str, expected: Fraction) -> None:
    assert value(text) == expected


def test_constants_are_folded_exactly_before_they_are_converted() -> None:
    converted: list[Fraction] = []

    def number(q: Fraction) -> int | Fraction:
        converted.append(q)
        return int(q) if q.denominator == 1 else q

    assert evaluate(parse("2/3*x + 1/3"), {"x": Fraction(1)}, {}, number) == 1
    assert set(converted) == {Fraction(2, 3), Fraction(1, 3)}


def test_names_come_in_order_of_first_appearance() -> None:
    expression = parse("f(b, a) + g(1.W1.T @ b, axis=0) + layers.0.weight + f(θ)")
    assert expression.names == ("b", "a", "1.W1", "layers.0.weight", "θ")
    assert expression.source.startswith("f(b")
    assert parse("x") == parse("x")


@pytest.mark.parametrize(("text", "expected"), [("1.5", Fraction(3, 2)), ("1.", Fraction(1)), ("2.*x", 2 * X)])
def test_dots_of_numbers_stay_numbers(text: str, expected: Fraction) -> None:
    assert value(text) == expected


def test_the_mask_has_every_piece_at_its_place() -> None:
    assert masked("a - 0.1*b + c", "w") == "_ > ___*_ < _"
    assert masked("lambda(1.W1.T, k=-1)\n-- x.T", "w") == "______(____.T, _=-_) >- _.T"


def test_dotted_names() -> None:
    assert value("1.W1 + 1.2.W + 1.5 + 1.T", **{"1.W1": 1, "1.2.W": 2, "1.T": 4}) == Fraction(17, 2)
    assert is_name("1.W1")
    assert is_name("a.b.c")
    assert not any(is_name(text) for text in ("1.5", "W.T", "", "a b", "x-1", "1"))


@pytest.mark.parametrize(
    "text", ["A[0]", "A[-1, 0]", "A[:, 1]", "A[1:, ::2]", "A[..., 0]", "A.T[0, 1:2]", "A[0,]", "A.T @ A", "A @ A.T @ A"]
)
def test_indices_slices_and_matrices_are_those_of_numpy(text: str) -> None:
    A = np.arange(12).reshape(3, 4)
    rows = {"A[0]": A[0], "A[-1, 0]": A[-1, 0], "A[:, 1]": A[:, 1], "A[1:, ::2]": A[1:, ::2], "A[..., 0]": A[..., 0]}
    rows |= {"A.T[0, 1:2]": A.T[0, 1:2], "A[0,]": A[0,], "A.T @ A": A.T @ A, "A @ A.T @ A": A @ A.T @ A}
    assert np.array_equal(value(text, A=A), rows[text])


def test_calls_get_values_lists_and_numbers_as_keywords() -> None:
    def f(*arguments: Any, **keywords: Any) -> Any:
        return arguments, keywords

    assert value("f(x, 2*y, axis=0, k=(0, -1), eps=1/10, one=(1), l=[2])", {"f": f}) == (
        (X, 2 * Y),
        {"axis": 0, "k": (0, -1), "eps": Fraction(1, 10), "one": 1, "l": (2,)},
    )
    assert value("f([x, y])", {"f": f}) == (([X, Y],), {})
    assert value("f()", {"f": f}) == ((), {})


def test_exponents_arrive_as_integers_or_fractions() -> None:
    class Recorder:
        def __pow__(self, exponent: Any) -> Any:
            return exponent

    assert type(value("z**2", z=Recorder())) is int
    for text in ("z**(1/2)", "z**0.5"):
        assert value(text, z=Recorder()) == Fraction(1, 2)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", ["expression is needed"]),
        ("x^2", ["column 2", "write **"]),
        ("x y", ["column 3", "'y'", "operator"]),
        ("2x", ["column 2", "'x'"]),
        ("x + ", ["at the end", "complete it"]),
        ("x // y", ["'//'", "use /"]),
        ("x ** y", ["'y'", "an integer, or a rational such as (1/2), is needed as an exponent"]),
        ("x ** 1001", ["at most 1000"]),
        ("(x**100)**100", ["powers of powers", "1000"]),
        ("x ** 2 ** 3", ["towers"]),
        ("(x", ["')' is needed"]),
        ("x)", ["not expected"]),
        ("x[1.5]", ["'1.5'", "an integer is needed"]),
        ("x[y]", ["an integer is needed"]),
        ("x[]", ["an index is needed"]),
        ("x[::0]", ["step"]),
        ("x[99999999999]", ["smaller than"]),
        ("x.shape[0] + (x).shape", ["only the transpose .T"]),
        ("x.sum()", ["no methods", "sum(x, ...)"]),
        ("f(a=1, x)", ["come last"]),
        ("f(a=1, a=2)", ["twice"]),
        ("f(a=x)", ["a number"]),
        ("x / 0", ["division by zero"]),
        ("1 / (1 - 1)", ["division by zero"]),
        ("0 ** -1", ["division by zero"]),
        ("[x]", ["not expected"]),
        ("9" * 400, ["at most 300 digits"]),
        ("1e400", ["exponent of ten"]),
        ("a" * 300, ["at most 200 characters"]),
        ("'x'", ["without quotes"]),
        ("a < b", ["column 3", "'<'", "not part of the language"]),
        ("x, y", ["column 2", "','", "not expected here"]),
        ("f(x](y)", ["column 4", "')' is needed here"]),
        ("f(*x)", ["column 3", "'*'", "not expected here"]),
        ("2(x)", ["column 1", "'2(x)'", "only a function can be called"]),
        ("f(1=2)", ["column 3", "'1=2'", "the name of a keyword"]),
        ("é + x[é]", ["column 7", "'é'", "an integer is needed"]),
        ("x +\n y z", ["column 8", "'z'", "operator"]),
    ],
)
def test_errors_name_the_column_and_the_remedy(text: str, pieces: list[str], refused: Any) -> None:
    error = refused(["expression", *pieces], parse, text)
    assert isinstance(error, SpecError)


def test_where_names_the_text_in_errors(refused: Any) -> None:
    refused(["law 3 = 'x +'", "column 4"], parse, "x +", where="law 3")
    refused(["in quotes"], parse, 3)


def test_unknown_names_are_answered_with_the_nearest(refused: Any) -> None:
    refused(["'W3'", "column 6", "'W1' or 'W2'"], evaluate, parse("W1 + W3"), {"W1": 1, "W2": 2}, {}, int)
    refused(["'w1'", "'W1'"], evaluate, parse("w1"), {"W1": 1}, {}, int)
    refused(["'rellu'", "'relu'"], evaluate, parse("rellu(x)"), {"x": 1}, {"relu": abs}, int)
    refused(["write relu(...)"], evaluate, parse("relu + x"), {"x": 1}, {"relu": abs}, int)
    refused(["known: a0", "(500 in all)"], evaluate, parse("zzz"), {f"a{k}": 1 for k in range(500)}, {}, int)
    refused(["there are none"], evaluate, parse("x"), {}, {}, int)


def test_what_a_value_refuses_is_told_with_its_place(refused: Any) -> None:
    def refuse(a: Any) -> Any:
        raise UnsupportedError("operand", a, "try another")

    refused(["column 1, 'x @ y'", "@"], value, "x @ y")
    refused(["column 3, 'x[0]'", "only an array"], value, "y+x[0]")
    refused(["only an array has a transpose"], value, "(x + y).T")
    refused(["f(...)", "too many"], value, "f(x, y)", {"f": refuse})
    assert isinstance(refused(["column 5, 'f(x)'", "try another"], value, "1 + f(x)", {"f": refuse}), UnsupportedError)
    refused(["not rational"], evaluate, parse("2**(1/2)"), {}, {}, lambda q: q)


ATTACKS = [
    "__import__('os')",
    "__import__",
    "lambda: 1",
    "x.__class__",
    "x.__class__.__bases__[0]",
    "x.T.__class__",
    "(x).__class__",
    'f"{x}"',
    "(x := 3)",
    "[a for a in x]",
    "{x}",
    "x if x else y",
    "x and y",
    "*x",
    "x; y",
    "x == y",
    "await x",
    "9**9**9",
    "9**9**9**9",
    "10**10000",
    "(10**1000)**1000",
    "((10**900*x)**300)**3",
    "10**1000*" * 20 + "1",
    "(x*10**999)**999*" * 10 + "x",
    "1e999999999",
    "(" * 100_000,
    "(" * 50_000 + "x" + ")" * 50_000,
    "f(" * 50_000,
    "[" * 100_000,
    "-" * 100_000,
    "x" + "[0]" * 33_000,
    "x" + ".T" * 49_999,
    "1." * 50_000,
    "1.1" * 33_000,
    "x" * 100_001,
    "x\0",
    "\0",
    "\ud800",
    "x\u202ey + \x1b[31m",
    "eval(x)(y)",
    "0x10",
    "1_000",
    "1j",
    "print(x",
    "x\\\ny",
    "x # comment",
    "x < y < z",
    "x > y",
    "x += y",
    "x -= y",
    "x @= y",
    "x == y == z",
    "x := y",
    "(x, y)",
    "(x)(y)",
    "2(x)",
    "x[y](z)",
    "f(*x)",
    "f(**x)",
    "f(1=2)",
    "f(x.T=2)",
    "f(x=y=2)",
    "f(x for y in z)",
    "f(+)",
    "x[+]",
    "x[[0, 1]]",
    "x[0:1:2:3]",
    "{**x}",
    "x if y",
    "yield x",
    "x ** ...",
    "...",
    "`x`",
    "x)(y",
    "x]+[y",
    "*".join(["x"] * 49_000),
    "/".join(["x"] * 49_000),
    "@".join(["x"] * 49_000),
    "f(x, k=" * 39 + "1" + ")" * 39,
]


@pytest.mark.parametrize("text", ATTACKS, ids=lambda text: ascii(text[:20]))
def test_attacks_end_in_one_line(text: str, refused: Any) -> None:
    assert isinstance(refused([], parse, text), SpecError)


@pytest.mark.parametrize(
    "text", ["True", "None", "__debug__", "open(x)", "eval(x)", "exec(x)", "getattr(x, y)", "lambda"]
)
def test_builtins_are_out_of_reach(text: str, refused: Any) -> None:
    refused([], value, text)


@pytest.mark.parametrize("depth", [0, 300, 600, 900])
def test_a_deep_caller_meets_no_other_error(depth: int) -> None:
    def deeper(left: int, text: str) -> None:
        if left:
            return deeper(left - 1, text)
        with contextlib.suppress(SpecError):
            parse(text)
        return None

    for text in ("*".join(["x"] * 2500), "f(" * 39 + "x" + ")" * 39, "x" + ".T" * 2900, "x" + "[0]" * 2900):
        deeper(depth - len(inspect.stack(0)) if depth else 0, text)


def test_messages_hold_no_control_characters(refused: Any) -> None:
    assert str(refused([], parse, "x \x1b[31m \0")).isprintable()


def test_long_sums_and_products_are_not_deep() -> None:
    assert value("+".join(["x"] * 30_000)) == 30_000 * X
    assert value("*".join(["x"] * 1000)) == X**1000
