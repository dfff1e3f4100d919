"""Text to sympy, and reparameterization files."""

from __future__ import annotations

from typing import Any

import pytest
import sympy

from lielaws.errors import SpecError, UnsupportedError
from lielaws.spec import read_phi_file, to_sympy

x, y = sympy.symbols("x y")
SYMBOLS = {"x": x, "y": y, "W": sympy.IndexedBase("W")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x**2*y - 0.1*x", x**2 * y - x / 10),
        ("x/y + 1/3", x / y + sympy.Rational(1, 3)),
        ("x**(1/2) + y**(-3/2)", sympy.sqrt(x) + y ** sympy.Rational(-3, 2)),
        ("exp(x)*log(y) + sqrt(2)", sympy.exp(x) * sympy.log(y) + sympy.sqrt(2)),
        ("sin(x)**2 + cos(y) + tanh(1)", sympy.sin(x) ** 2 + sympy.cos(y) + sympy.tanh(1)),
        ("W[0, 2]*x", sympy.IndexedBase("W")[0, 2] * x),
        ("3", sympy.Integer(3)),
    ],
)
def test_to_sympy(text: str, expected: sympy.Expr) -> None:
    assert to_sympy(text, SYMBOLS) == expected


@pytest.mark.parametrize("expression", [x**2 / (x + y) ** 3, -x * y / 2 + sympy.sqrt(x), sympy.exp(-x) / y, x ** (-2)])
def test_what_sympy_prints_is_read_back(expression: sympy.Expr) -> None:
    assert to_sympy(str(expression), SYMBOLS) == expression


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("z", ["'z'", "unknown"]),
        ("x @ y", ["'x @ y'"]),
        ("x / (y - y)", ["not a finite"]),
        ("log(x - x)", ["not a finite"]),
        ("sqrt(-1)", ["not a finite real"]),
        ("W", ["select an entry"]),
        ("W[0, 1]*W", ["select an entry"]),
        ("exp([x, y])", ["scalar"]),
        ("exp(x, y)", ["too many"]),
        ("exp(x=1)", ["argument"]),
        ("x[0]", ["'x[0]'", "only an array"]),
        ("foo(x)", ["'foo'", "unknown"]),
        ("exp(1000*log(10))", ["logarithm inside exp"]),
        ("exp(exp(exp(9)))", ["small rational"]),
        ("sin(10**300)", ["small rational"]),
    ],
)
def test_to_sympy_refuses(text: str, pieces: list[str], refused: Any) -> None:
    refused(pieces, to_sympy, text, SYMBOLS)


def test_towers_through_functions_are_refused(refused: Any) -> None:
    tower = "10"
    for _ in range(6):
        tower = f"exp(999*log({tower}))"
    assert isinstance(refused([], to_sympy, tower, SYMBOLS), UnsupportedError)
    refused([], to_sympy, "sqrt((x - x + 10**900)**1000)", SYMBOLS)


def test_nothing_in_a_text_reaches_sympify(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse_expr(*arguments: Any, **keywords: Any) -> Any:
        raise AssertionError(arguments)

    monkeypatch.setattr("sympy.parsing.sympy_parser.parse_expr", parse_expr)
    monkeypatch.setattr("sympy.parsing.sympy_parser.eval_expr", parse_expr)
    assert to_sympy("exp(x)**2 + sqrt(x*y)/3", SYMBOLS)


def test_read_phi_file() -> None:
    text = "# two invariants\nsymbols: x, y  W[0, 1]\n\nx*y  # product\r\nx**2 + W[0,1]\n"
    symbols, expressions = read_phi_file(text, "two.phi")
    entry = sympy.IndexedBase("W")[0, 1]
    assert symbols == [x, y, entry]
    assert expressions == [x * y, x**2 + entry]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("x*y\n", ["line 1", "'x*y'", "symbols: x1 x2 x3"]),
        ("", ["symbols: x1 x2 x3"]),
        ("# only\n", ["symbols: x1 x2 x3"]),
        ("\nsymbols: x y x\nx*y", ["line 2", "'x'", "twice"]),
        ("symbols: x y\n\nx*y\nx*z*w", ["line 4", "'x*z*w'", "'z', 'w'", "not declared"]),
        ("symbols: x y z\nx", ["['y', 'z']", "not used"]),
        ("symbols: x y\n", ["no expression"]),
        ("symbols:\nx", ["line 1", "no symbols"]),
        ("symbols: 3x\nx", ["line 1", "'3x'", "a name"]),
        ("symbols: x\nx^2", ["line 2", "write **"]),
        ("symbols: x W[0]\nx*W[0]*W[1]", ["line 2", "'W[1]'", "not declared"]),
        ("symbols: x\nx/(x-x)", ["line 2", "finite"]),
    ],
)
def test_read_phi_file_refuses(text: str, pieces: list[str], refused: Any) -> None:
    assert isinstance(refused(["f.phi", *pieces], read_phi_file, text, "f.phi"), SpecError)
