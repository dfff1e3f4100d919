"""The table of results: its columns, and how their values are kept."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lielaws.errors import InvalidArgumentError
from lielaws.sweeps.case import Case

APPLICATION = 0x6C69656C
"""marks the files of this library: "liel" in ASCII"""
VERSION = 1

COLUMNS: Mapping[str, str] = {
    "key": "TEXT PRIMARY KEY",
    "architecture": "TEXT NOT NULL",
    "family": "TEXT NOT NULL",
    "spec": "JSON",
    "sizes": "JSON",
    "options": "JSON",
    "flow": "TEXT NOT NULL",
    "loss": "TEXT NOT NULL",
    "gates": "TEXT NOT NULL",
    "parameters": "JSON",
    "max_degree": "INTEGER NOT NULL",
    "seed": "INTEGER NOT NULL",
    "find_laws": "BOOLEAN NOT NULL",
    "n_parameters": "INTEGER",
    "dimension": "INTEGER",
    "n_laws": "INTEGER",
    "n_found": "INTEGER",
    "complete": "BOOLEAN",
    "n_symmetries": "INTEGER",
    "growth": "JSON",
    "closed": "BOOLEAN",
    "laws": "JSON",
    "hypotheses": "JSON",
    "seconds": "REAL",
    "memory": "REAL",
    "versions": "JSON",
    "certificate": "TEXT",
    "error": "TEXT",
    "started": "TEXT",
    "finished": "TEXT",
}
"""name -> type. JSON columns hold JSON text; `json_extract(sizes, '$.heads')` queries one size. Time in seconds, memory
in megabytes."""

CREATE = f"CREATE TABLE cases ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())}) WITHOUT ROWID"
_INSERT = f"INSERT OR REPLACE INTO cases ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608


def row_of(case: Case) -> dict[str, Any]:
    """What is known of a row before the case is computed."""
    return {
        "key": case.key,
        "architecture": "",
        "family": case.family,
        "spec": dict(case.spec),
        "sizes": case.sizes,
        "options": case.options,
        "flow": case.flow if isinstance(case.flow, str) else json.dumps(dict(case.flow), sort_keys=True),
        "loss": case.loss,
        "gates": case.gates,
        "parameters": None if case.parameters is None else list(case.parameters),
        "max_degree": case.max_degree,
        "seed": case.seed,
        "find_laws": case.find_laws,
    }


def insert(connection: sqlite3.Connection, row: Mapping[str, Any]) -> None:
    """Write a row, in the place of an earlier one with the same key."""
    connection.execute(_INSERT, [_packed(row.get(name), kind) for name, kind in COLUMNS.items()])


def _packed(value: Any, kind: str) -> Any:
    if kind == "JSON" and value is not None:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return int(value) if isinstance(value, bool) else value


def unpacked(values: sqlite3.Row) -> dict[str, Any]:
    """A row as plain values, in the order of the columns."""
    row: dict[str, Any] = {}
    for name, kind in COLUMNS.items():
        value = values[name]
        if value is not None and kind == "JSON":
            value = json.loads(value)
        elif value is not None and kind.startswith("BOOLEAN"):
            value = bool(value)
        row[name] = value
    return row


def check_file(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file is one of results already; False for an empty one.

    Raises InvalidArgumentError for files of other programs and of other versions of this format.
    """
    try:
        # In one transaction, so that a sweep that creates the file at this moment is seen whole or not at all.
        connection.execute("BEGIN")
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        raise InvalidArgumentError("results", str(path), "it is no file of results; give another name") from None
    if not application and not version and not tables:
        return False
    if application != APPLICATION:
        raise InvalidArgumentError("results", str(path), "it belongs to another program; give another name")
    if version != VERSION:
        remedy = f"its format is version {version}, this lielaws knows version {VERSION}; use a new file"
        raise InvalidArgumentError("results", str(path), remedy)
    return True
