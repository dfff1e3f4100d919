"""The names under which the values of a row can be asked for: its columns, its sizes and its options."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from lielaws.errors import InvalidArgumentError
from lielaws.sweeps.schema import COLUMNS

SHORT = {"D": "n_parameters"}
"""other names of columns"""

NESTED = ("sizes", "options")


def values_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Name -> value. A size or an option that is called like a column is found as `sizes.name` only."""
    found: dict[str, Any] = {}
    for column in NESTED:
        for name, value in (row.get(column) or {}).items():
            found[f"{column}.{name}"] = value
            found.setdefault(name, value)
    return found | dict(row) | {short: row.get(column) for short, column in SHORT.items()}


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without tables in it: each size, each entry of a list of sizes, and each option is a value of its own."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if name not in NESTED:
            found[name] = json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
            continue
        for inner, entry in (value or {}).items():
            found |= _entries(inner if inner not in COLUMNS else f"{name}.{inner}", entry)
    return found


def _entries(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, list) and all(isinstance(entry, int) for entry in value):
        return {f"{name}[{k}]": entry for k, entry in enumerate(value)}
    return {name: json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value}


def known_names(rows: Iterable[Mapping[str, Any]]) -> dict[str, None]:
    """The names that any of the rows has, in order."""
    return {name: None for row in rows for name in values_of(row)}


def lookup(expression: str, rows: Iterable[Mapping[str, Any]], argument: str) -> list[Any]:
    """The value of a name, or of an expression such as `widths[1]` or `n + m`, in each row; None where it has none.

    Raises SpecError if no row has it.
    """
    from lielaws.spec.language import parse
    from lielaws.sweeps.comparisons import evaluate_number

    values = [values_of(row) for row in rows]
    names = {name: None for each in values for name in each}
    if not isinstance(expression, str):
        raise InvalidArgumentError(argument, expression, "the name of a column or a size is needed")
    if expression in names:
        return [each.get(expression) for each in values]
    parsed = parse(expression, where=argument)
    found = [evaluate_number(parsed, names | each) for each in values]
    if values and all(value is None for value in found):
        raise InvalidArgumentError(argument, expression, "no row has such a value")
    return found
