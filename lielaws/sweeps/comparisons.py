"""Conditions such as `D <= 400`, `widths[1] > 2*widths[0]` or `family == relu`: parsed, never executed."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from lielaws.errors import SpecError

if TYPE_CHECKING:
    from lielaws.spec.language import Expression

_SIGN = re.compile(r"(<=|>=|==|!=|=|<|>)")
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_WORDS: Mapping[str, Any] = {"true": True, "false": False, "none": None}
_FORM = "a comparison such as 'D <= 400' or 'family == relu' is needed"


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: an expression, or a text that no expression can be."""

    text: str
    expression: Expression | None

    @property
    def names(self) -> tuple[str, ...]:
        return self.expression.names if self.expression else ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """A chain of comparisons, all of which must hold, such as `1 <= n <= 4`."""

    source: str
    sides: tuple[Side, ...]
    signs: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names on its sides; some may turn out to be texts to compare with."""
        return tuple(name for side in self.sides for name in side.names)

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it holds for these values, by name.

        Numbers are compared exactly; None equals only `none`, and is in no order. Raises SpecError for unknown names,
        and for values that cannot be compared.
        """
        return all(self._pair(self.sides[k], sign, self.sides[k + 1], values) for k, sign in enumerate(self.signs))

    def _pair(self, left: Side, sign: str, right: Side, values: Mapping[str, Any]) -> bool:
        a, b = _value(left, right, values), _value(right, left, values)
        if sign in {"==", "="}:
            return _same(a, b)
        if sign == "!=":
            return not _same(a, b)
        if a is None or b is None:
            return False
        try:
            return bool(_ORDER[sign](a, b))
        except TypeError:
            remedy = f"'{left.text}' and '{right.text}' are in no order; compare numbers"
            raise SpecError("filter", self.source, remedy) from None


def read_comparison(text: Any, where: str = "filter") -> Comparison:
    """The comparison in a text. Raises SpecError, with the place in the text where that helps."""
    if not isinstance(text, str):
        raise SpecError(where, text, _FORM)
    pieces = [piece.strip() for piece in _SIGN.split(text)]
    if len(pieces) < 3 or not all(pieces):
        raise SpecError(where, text, _FORM)
    return Comparison(text, tuple(_side(piece, where) for piece in pieces[::2]), tuple(pieces[1::2]))


def _side(piece: str, where: str) -> Side:
    from lielaws.spec.language import parse

    if len(piece) > 1 and piece[0] == piece[-1] and piece[0] in "\"'":
        return Side(piece[1:-1], None)
    try:
        return Side(piece, parse(piece, where=where))
    except SpecError:
        # Such as a flow, heavy_ball:1/2, or the name of an architecture, relu:2-3-2.
        if re.fullmatch(r"[A-Za-z][\w.:+=,/\- ]*", piece):
            return Side(piece, None)
        raise


def _value(side: Side, other: Side, values: Mapping[str, Any]) -> Any:
    if side.expression is None:
        return side.text
    if side.text in values:
        return values[side.text]
    if side.text.lower() in _WORDS:
        return _WORDS[side.text.lower()]
    # Whatever is compared with a text is one, so that no quotes are needed in a shell.
    if other.text in values and isinstance(values[other.text], str | None):
        return side.text
    return evaluate_number(side.expression, values)


def evaluate_number(expression: Expression, values: Mapping[str, Any]) -> Any:
    """The value of an expression over numbers and lists of numbers, exact.

    None where one of them is None, or a list is too short, as that of the widths of a network with fewer layers.
    """
    from lielaws.spec.evaluation import evaluate

    if any(name in values and values[name] is None for name in expression.names):
        return None
    try:
        return evaluate(expression, values, _FUNCTIONS, lambda number: number)
    except SpecError as error:
        if isinstance(error.__cause__, IndexError):
            return None
        raise


def _sum(values: Any) -> Any:
    return sum(values, start=Fraction(0))


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "sum": _sum,
    "len": len,
    "min": min,
    "max": max,
}


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    return bool(a == b)
