"""Texts in which `{n}` or `{heads*d_head}` stands for the value of an expression in the variables of a sweep."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from lielaws.sweeps.comparisons import evaluate_number
from lielaws.sweeps.places import Spot

_HOLE = re.compile(r"\{([^{}]*)\}")


def filled(value: Any, variables: Mapping[str, Any], spot: Spot) -> Any:
    """A value with all holes of its texts filled; expressions become numbers, and a text that is one hole its value.

    Without variables, texts stay as they are. Raises SpecError for unknown variables.
    """
    if isinstance(value, Mapping):
        return {key: filled(entry, variables, spot) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [filled(entry, variables, spot) for entry in value]
    if hasattr(value, "tree"):
        return whole(evaluate_number(value, variables), value.source, spot)
    if not isinstance(value, str) or not variables:
        return value
    if single := _HOLE.fullmatch(value.strip()):
        return _value(single[1], variables, spot)
    return _HOLE.sub(lambda hole: _written(_value(hole[1], variables, spot)), value)


def written_template(value: Any) -> Any:
    """A value with holes as plain values."""
    if isinstance(value, Mapping):
        return {str(key): written_template(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [written_template(entry) for entry in value]
    if hasattr(value, "tree"):
        return value.source
    return value if isinstance(value, str | int | bool | None) else str(value)


def whole(number: Any, source: str, spot: Spot) -> Any:
    """An exact number as an integer where it is one. Raises SpecError for what is no integer, as sizes are."""
    if isinstance(number, Fraction) and number.denominator == 1:
        return int(number)
    if isinstance(number, int) and not isinstance(number, bool):
        return number
    raise spot.error(source, f"an integer is needed; here it is {_written(number)}")


def _value(text: str, variables: Mapping[str, Any], spot: Spot) -> Any:
    from lielaws.spec.language import parse

    name = text.strip()
    if name in variables:
        return variables[name]
    number = evaluate_number(parse(name, where=str(spot)), variables)
    return int(number) if isinstance(number, Fraction) and number.denominator == 1 else number


def _written(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return str(value)
