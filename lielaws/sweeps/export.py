"""Rows in the formats of other programs."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lielaws.errors import LieLawsError
from lielaws.sweeps.naming import flat
from lielaws.sweeps.schema import COLUMNS

Row = Mapping[str, Any]


def flat_columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Column by column, with one for each size and option that any row has; None where a row has none."""
    flattened = [flat(row) for row in rows]
    names = {name: None for row in flattened for name in row} or dict.fromkeys(COLUMNS)
    return {name: [row.get(name) for row in flattened] for name in names}


def csv_text(rows: Sequence[Row]) -> str:
    """The rows as CSV with a header."""
    columns = flat_columns(rows)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return out.getvalue()


def jsonl_text(rows: Iterable[Row]) -> str:
    """One JSON object a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def written(text: str, path: str | os.PathLike[str] | None) -> str:
    """The text, after it was written to a file if one is given. Raises LieLawsError."""
    if path is not None:
        try:
            Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise LieLawsError(f"path = '{path}': it cannot be written ({error.strerror})") from error
    return text


def write_parquet(rows: Sequence[Row], path: str | os.PathLike[str]) -> None:
    """Write a Parquet file. Raises LieLawsError if that is not possible."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise LieLawsError("Parquet needs pyarrow; pip install 'lielaws[parquet]'") from error
    columns = {name: _uniform(values) for name, values in flat_columns(rows).items()}
    try:
        parquet.write_table(pa.table(columns), Path(path))
    except (OSError, pa.ArrowException) as error:
        raise LieLawsError(f"path = '{path}': it cannot be written ({' '.join(str(error).split())})") from error


def _uniform(values: list[Any]) -> list[Any]:
    """A column as values of one type: texts where they differ, such as an option that is true or a number."""
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) <= 1 or kinds == {int, float}:
        return values
    return [None if value is None else str(value) for value in values]
