"""Kinds of options: what a value in a spec may be, and what the constructor gets for it."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from lielaws.spec.expressions import declared_symbols, phi_expressions
from lielaws.spec.language import Expression, parse
from lielaws.spec.messages import Place, one_line
from lielaws.spec.tokens import exact_rational, is_name

Converter = Callable[[Any, Place], Any]

_LARGEST_INTEGER = 2**63


def to_bool(value: Any, place: Place) -> bool:
    """True or false, not 1 or 0."""
    if not isinstance(value, bool):
        raise place.error(value, "true or false is needed")
    return value


def to_int(value: Any, place: Place) -> int:
    """An integer; booleans and floats are refused, whatever their value."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise place.error(value, "an integer is needed") from None
    if abs(number) >= _LARGEST_INTEGER:
        raise place.error("a very large integer", f"it must be smaller than {_LARGEST_INTEGER}")
    return number


def to_rational(value: Any, place: Place) -> Fraction:
    """A rational number: an integer, a decimal, or a text such as "1/10"; floats are read as what they print."""
    if isinstance(value, Fraction):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Fraction(to_int(value, place))
    if not isinstance(value, str) and not (isinstance(value, float) and math.isfinite(value)):
        raise place.error(value, "a number such as 0.1 or '1/10' is needed")
    try:
        return exact_rational(str(value).strip())
    except ValueError as error:
        raise place.error(value, f"a number such as 0.1 or '1/10' is needed ({one_line(error)})") from None


def to_bool_or_rational(value: Any, place: Place) -> bool | Fraction:
    """A switch that can also be a number, such as an epsilon."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float | Fraction | str):
        return to_rational(value, place)
    raise place.error(value, "true, false or a number is needed")


def to_str(value: Any, place: Place) -> str:
    if not isinstance(value, str):
        raise place.error(value, "a text is needed")
    return value


def to_expression(value: Any, place: Place) -> Expression:
    if isinstance(value, Expression):
        return value
    if not isinstance(value, str):
        raise place.error(value, "an expression in quotes is needed, such as 'C @ h'")
    return parse(value, where=str(place))


def to_symbols(value: Any, place: Place) -> list[Any]:
    """sympy symbols from a list of names."""
    names = [_text_of(name) for name in _items(value, place, "names")]
    return list(declared_symbols(names, str(place)).values())


def to_expressions(value: Any, place: Place, symbols: list[Any]) -> list[Any]:
    """sympy expressions in exactly these symbols, from a list of texts."""
    texts = _items(value, place, "expressions such as ['x1*x2']")
    if not texts:
        raise place.error(texts, "at least one expression is needed")
    pairs = [(str(place.item(k)), _text_of(text)) for k, text in enumerate(texts)]
    return phi_expressions(pairs, {str(symbol): symbol for symbol in symbols}, str(place))


def _list_of(convert: Converter, what: str) -> Converter:
    return lambda value, place: [convert(v, place.item(k)) for k, v in enumerate(_items(value, place, what))]


def _items(value: Any, place: Place, what: str) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise place.error(value, f"a list of {what} is needed")
    return list(value)


def _table_of(convert: Converter, what: str) -> Converter:
    """Of tables with names as keys."""

    def converter(value: Any, place: Place) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise place.error(value, f"a table of names and {what}")
        for name in value:
            if not isinstance(name, str) or not is_name(name):
                raise place.error(name, "a name such as A or W1 is needed")
        return {name: convert(entry, place.key(name)) for name, entry in value.items()}

    return converter


def _text_of(value: Any) -> Any:
    return str(value) if hasattr(value, "free_symbols") else value


_to_ints = _list_of(to_int, "integers such as [3, 4, 3]")

CONVERTERS: dict[str, Converter] = {
    "bool": to_bool,
    "int": to_int,
    "rational": to_rational,
    "bool_or_rational": to_bool_or_rational,
    "str": to_str,
    "ints": _to_ints,
    "rationals": _list_of(to_rational, "numbers"),
    "shapes": _table_of(lambda value, place: tuple(_to_ints(value, place)), "shapes is needed, such as A = [4, 3]"),
    "expression": to_expression,
    "let": _table_of(to_expression, "expressions is needed, such as h = 'relu(A @ x)'"),
    "symbols": to_symbols,
}
"""Kinds whose conversion needs nothing but the value. A shape may be [], that of a scalar."""

KIND_OF_TYPE = {
    "bool": "bool",
    "int": "int",
    "int | None": "int",
    "str": "str",
    "str | None": "str",
    "Sequence[int] | None": "ints",
    "Sequence[Any] | None": "rationals",
    "Sequence[Sequence[int]] | str | None": "str",
    "int | bool | None": "int",
    "Architecture": "block",
    "Mapping[str, str] | str": "str",
    "Iterable[str] | Mapping[str, Any] | str": "str",
    "Iterable[str]": "symbols",
    "Mapping[str, tuple[int, ...]]": "shapes",
    "Mapping[str, Expression] | None": "let",
    "Expression": "expression",
}
"""The kinds that the types of a constructor tell."""
