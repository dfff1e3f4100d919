"""Text to sympy: scalar expressions, and what is common to texts of many lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from lielaws.errors import SpecError
from lielaws.spec.functions import SCALAR_FUNCTIONS, scalar_function
from lielaws.spec.language import Expression, evaluate, parse

if TYPE_CHECKING:
    import sympy

# Python prints integers of at most 4300 digits.
_LARGEST_NUMBER = 10**4000


def to_sympy(text: str, symbols: Mapping[str, Any], *, where: str = "expression") -> sympy.Expr:
    """One scalar expression.

    Parameters
    ----------
    symbols : name -> sympy symbol, or an IndexedBase whose entries are used
    where : what the text is called in errors

    Functions: exp, log, sqrt, sin, cos, sinh, cosh, tanh. Raises SpecError for what cannot be read or is not finite,
    and UnsupportedError for what sympy could not evaluate in bounded time.
    """
    return scalar(parse(text, where=where), symbols)


def numbered_lines(text: str | Sequence[str], where: str) -> Iterator[tuple[int, str]]:
    """Numbered lines without comments; blank ones left out."""
    lines = text.split("\n") if isinstance(text, str) else text
    if not isinstance(lines, Sequence):
        raise SpecError(where, lines, "a text or a list of lines is needed")
    for number, line in enumerate(lines, start=1):
        if not isinstance(line, str):
            raise SpecError(f"{where}, line {number}", line, "a line of text is needed")
        if content := line.partition("#")[0].strip():
            yield number, content


def rational(value: Fraction) -> Any:
    """A constant as a sympy number."""
    import sympy

    return sympy.Rational(value.numerator, value.denominator)


def scalar(expression: Expression, symbols: Mapping[str, Any]) -> sympy.Expr:
    """The value of a parsed expression over symbols; see :func:`to_sympy`."""
    import sympy

    value = evaluate(expression, symbols, {name: scalar_function(name) for name in SCALAR_FUNCTIONS}, rational)
    if not isinstance(value, sympy.Expr) or _has_whole_tensor(value):
        remedy = "a number or a scalar expression is needed; select an entry by an index"
        raise SpecError(expression.where, expression.source, remedy)
    return finite(value, expression)


def finite(value: sympy.Expr, expression: Expression) -> sympy.Expr:
    """The value. Raises SpecError if a division by zero, a root of a negative number or a huge number hides in it."""
    import sympy

    if value.has(sympy.nan, sympy.zoo, sympy.oo, sympy.I):
        raise SpecError(expression.where, expression.source, "it is not a finite real expression")
    if any(max(abs(number.p), number.q) >= _LARGEST_NUMBER for number in value.atoms(sympy.Rational)):
        raise SpecError(expression.where, expression.source, "its numbers get too large; use smaller ones")
    return value


def _has_whole_tensor(value: sympy.Expr) -> bool:
    """Whether a tensor is used as a whole, which sympy would treat as a number."""
    import sympy

    if not value.has(sympy.IndexedBase):
        return False
    entries = {entry: sympy.Integer(1) for entry in value.atoms(sympy.Indexed)}
    return bool(value.xreplace(entries).has(sympy.IndexedBase))
