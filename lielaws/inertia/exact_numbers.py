"""Numbers and symbols that enter exact formulas."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from lielaws.errors import ExactnessError, InvalidArgumentError

if TYPE_CHECKING:
    import sympy

_DIGITS = (30, 100, 400)


def exact(name: str, value: Any) -> sympy.Expr:
    """A real number or expression in sympy; floats are read as the decimal that they print (0.1 is 1/10)."""
    import sympy

    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        value = value.item()
    if isinstance(value, sympy.Float):
        value = float(value)
    if isinstance(value, sympy.Expr):
        return _real(name, value)
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidArgumentError(name, value, "a real number or a sympy expression is needed")
    if isinstance(value, Integral):
        return sympy.Integer(int(value))
    if isinstance(value, Fraction):
        return sympy.Rational(value.numerator, value.denominator)
    number = float(value)
    if not np.isfinite(number):
        raise InvalidArgumentError(name, value, "a finite number is needed")
    decimal = Fraction(Decimal(repr(number)))
    return sympy.Rational(decimal.numerator, decimal.denominator)


def parameter(name: str, value: Any, symbol: str) -> sympy.Expr:
    """A quantity that is not negative: `value`, or a symbol by this name if it is None."""
    import sympy

    if value is None:
        return sympy.Symbol(symbol, positive=True)
    expression = exact(name, value)
    if sign(expression) == -1:
        raise InvalidArgumentError(name, value, "must not be negative")
    return expression


def sign(expression: sympy.Expr) -> int | None:
    """-1, 0 or 1, decided exactly; None if it depends on symbols."""
    import sympy

    decided = _assumed(expression)
    if decided is None:
        expression = sympy.expand(expression)
        decided = _assumed(expression)
    if decided is not None or expression.free_symbols:
        return decided
    if expression.is_algebraic is not False:
        unknown = sympy.Symbol("x")
        if sympy.minimal_polynomial(expression, unknown) == unknown:
            return 0
    for digits in _DIGITS:
        value = sympy.N(expression, digits)
        if abs(value) > sympy.Integer(10) ** (-digits // 2):
            return 1 if value > 0 else -1
    raise ExactnessError(f"the sign of {expression} could not be decided; simplify it, or give it as a rational number")


def substituted(expression: sympy.Expr, values: Mapping[Any, Any] | None) -> sympy.Expr:
    """The expression with numbers for its symbols, which are named by themselves or by their names."""
    if not values:
        return expression
    table = {str(symbol): exact(f"values[{str(symbol)!r}]", value) for symbol, value in values.items()}
    return expression.xreplace(
        {symbol: table[symbol.name] for symbol in expression.free_symbols if symbol.name in table}
    )


def number(name: str, expression: sympy.Expr, values: Mapping[Any, Any] | None = None) -> float:
    """The value of an expression as float, after `values` replaced its symbols."""
    value = substituted(expression, values)
    try:
        return float(value)
    except (TypeError, OverflowError) as problem:
        raise InvalidArgumentError(name, value, "is no real number within the range of floats") from problem


def _real(name: str, value: sympy.Expr) -> sympy.Expr:
    import sympy

    bad = value.is_extended_real is False or value.is_finite is False or value.has(sympy.nan, sympy.zoo, sympy.oo)
    if bad:
        raise InvalidArgumentError(name, value, "a finite real number or expression is needed")
    floats = {entry: exact(name, float(entry)) for entry in value.atoms(sympy.Float)}
    return value.xreplace(floats) if floats else value


def _assumed(expression: sympy.Expr) -> int | None:
    if expression.is_zero:
        return 0
    if expression.is_positive:
        return 1
    return -1 if expression.is_negative else None
