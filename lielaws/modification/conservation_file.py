"""Certificates read from files: every verdict is compared with the numbers beside it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from lielaws.errors import CertificateError
from lielaws.modification.clause_rows import CORE, STATUSES, VERDICTS, Clause, Row

FORMAT = "lielaws-conservation-certificate"
VERSION = 1
_ROUNDING = 1e-9
_ARGUMENT = "certificate"

Parts = tuple[tuple[Clause, ...], tuple[str, ...], dict[str, Any], tuple[Any, Any]]


def read_parts(text: str, where: str) -> Parts:
    """Clauses, modifications, settings, and what the text says of them all: whether accepted, and which admissible.

    Raises CertificateError for anything else, and for clauses that contradict themselves.
    """
    try:
        record = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise CertificateError(_ARGUMENT, where, f"is no valid JSON ({error})") from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise CertificateError(_ARGUMENT, where, f'the key "format" must be "{FORMAT}"')
    if record.get("version") != VERSION:
        raise CertificateError(_ARGUMENT, where, f"version {record.get('version')!r}; this library reads {VERSION}")
    try:
        clauses = tuple(_clause(entry) for entry in record["clauses"])
        modifications = tuple(str(entry) for entry in record["modifications"])
        settings = dict(record["settings"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, CertificateError):
            raise
        raise CertificateError(_ARGUMENT, where, f"an entry is missing or malformed ({error!r})") from None
    names = [clause.name for clause in clauses]
    missing = [name for name in CORE if name not in names]
    if missing or not modifications:
        raise CertificateError(_ARGUMENT, where, f"it lacks {', '.join(missing) or 'modifications'}")
    for entry, clause in zip(record["clauses"], clauses, strict=True):
        if (entry.get("verdict"), entry.get("status")) != (clause.verdict, clause.status):
            raise CertificateError(_ARGUMENT, where, f"'{clause.name}' says {entry.get('verdict')!r}; its rows do not")
    return clauses, modifications, settings, (record.get("accepted"), record.get("admissible"))


def _clause(entry: Mapping[str, Any]) -> Clause:
    rows = tuple(_row(row) for row in entry["rows"])
    return Clause(str(entry["name"]), str(entry["claim"]), rows, tuple(entry["hypotheses"]), tuple(entry["notes"]))


def _row(entry: Mapping[str, Any]) -> Row:
    row = Row(**entry)
    if row.verdict not in VERDICTS or row.status not in STATUSES or row.relation not in ("<=", ">="):
        raise ValueError(f"verdict {row.verdict!r}, status {row.status!r}, relation {row.relation!r}")
    for number in (row.left, row.right, row.tolerance):
        if number is not None and (isinstance(number, bool) or not isinstance(number, int | float)):
            raise ValueError(f"{number!r} is no number")
    if row.verdict in ("pass", "fail") and row.left is not None and row.right is not None:
        margin = row.right - row.left if row.relation == "<=" else row.left - row.right
        rounding = _ROUNDING * (abs(row.left) + abs(row.right)) + math.ulp(0.0)
        if (row.verdict == "pass") != (margin >= 0) and abs(margin) > rounding + row.tolerance:
            raise CertificateError(_ARGUMENT, f"row '{row.what}'", "its verdict contradicts its numbers")
    return row


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("duplicate key")
    return dict(pairs)


def _refuse(token: str) -> Any:
    raise ValueError(f"{token} is not a number")
