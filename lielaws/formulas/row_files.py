"""Rows from files: the results of a sweep, JSON lines, JSON, or CSV."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from lielaws.errors import InvalidArgumentError

_LARGEST_FILE = 2**30
_SIZE_COLUMN = "sizes."
_ENTRY = re.compile(r"(\w+)\[([0-9]{1,4})\]")


def rows_of_file(path: str | os.PathLike[str]) -> Iterable[Mapping[str, Any]]:
    """The rows of a file; what ends neither in .csv, .json nor .jsonl is the results file of a sweep.

    Raises InvalidArgumentError for a file that is missing or cannot be read.
    """
    place = Path(path)
    suffix = place.suffix.lower()
    if suffix not in (".csv", ".json", ".jsonl"):
        from lielaws.sweeps.results import Results

        return Results(place)
    try:
        if place.stat().st_size > _LARGEST_FILE:
            raise InvalidArgumentError(
                "results", str(path), "the file is larger than a gigabyte; use the sweep's own file"
            )
        text = place.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidArgumentError):
            raise
        raise InvalidArgumentError("results", str(path), f"it cannot be read ({error})") from error
    if suffix == ".csv":
        return list(_csv_rows(text))
    return _json_rows(text, suffix, str(path))


def _json_rows(text: str, suffix: str, path: str) -> list[Any]:
    try:
        if suffix == ".jsonl":
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError("results", path, f"it is no JSON ({error})") from error
    if not isinstance(found, list):
        raise InvalidArgumentError("results", path, "a JSON list of rows is needed")
    return found


def _csv_rows(text: str) -> Iterator[dict[str, Any]]:
    """Rows of a CSV file; sizes stand in the column `sizes`, or one each in `sizes.name`."""
    for record in csv.DictReader(StringIO(text)):
        row: dict[str, Any] = {name: _value(value) for name, value in record.items() if isinstance(name, str)}
        sizes = {name.removeprefix(_SIZE_COLUMN): row.pop(name) for name in list(row) if name.startswith(_SIZE_COLUMN)}
        yield row if "sizes" in row or not sizes else row | {"sizes": sizes}


def with_sizes(row: Mapping[str, Any], others: Collection[str]) -> Mapping[str, Any]:
    """A row of a flat table with its sizes gathered: columns such as `widths[0]`, and further columns of integers.

    others : columns that are no sizes. A row that has a spec string and no such columns gets the sizes of that.
    """
    lists: dict[str, dict[int, int]] = {}
    sizes: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in row.items():
        match = _ENTRY.fullmatch(name) if isinstance(name, str) else None
        number = _whole(value)
        if match:
            if number is not None:
                lists.setdefault(match[1], {})[int(match[2])] = number
        elif number is not None and name not in others:
            sizes[name] = number
        else:
            rest[name] = value
    sizes |= {name: [entries[i] for i in sorted(entries)] for name, entries in lists.items()}
    if not sizes and isinstance(row.get("spec"), str):
        return rest | _sizes_of_spec(row["spec"])
    return rest | {"sizes": sizes} if sizes else row


def _sizes_of_spec(spec: str) -> dict[str, Any]:
    from lielaws.spec import parse_spec

    tree = parse_spec(spec)
    options = {name: value for name, value in tree.options if isinstance(value, int) and not isinstance(value, bool)}
    sizes = {"widths": list(tree.sizes), **options} if options else list(tree.sizes)
    return {"sizes": sizes, "family": tree.family}


def _whole(value: Any) -> int | None:
    """Integers, also where a table with gaps made them floats."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return int(value) if isinstance(value, int | np.integer) else None


def _value(text: Any) -> Any:
    """Numbers, lists and tables as JSON writes them; other texts as they are."""
    if not isinstance(text, str):
        return None
    if text == "":
        return None
    if text in ("True", "False"):
        return text == "True"
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
