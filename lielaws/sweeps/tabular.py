"""Rows as tables of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lielaws.sweeps.naming import lookup

Row = Mapping[str, Any]

_ALWAYS = ("architecture", "n_parameters", "n_laws", "n_found", "complete", "growth", "seconds")
_IF_THEY_DIFFER = ("flow", "loss", "gates", "parameters", "max_degree", "seed", "error")
_TITLES = {"n_parameters": "D", "n_laws": "laws", "n_found": "found"}
_WIDEST = 60


@dataclass(frozen=True, slots=True)
class Table:
    """
    columns : their titles
    rows : entries as they are; `str` of the table aligns them
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """Titles and rows as plain values."""
        return {"columns": list(self.columns), "rows": [[_plain(entry) for entry in row] for row in self.rows]}

    def __str__(self) -> str:
        texts = [self.columns, *(tuple(_text(entry) for entry in row) for row in self.rows)]
        widths = [max(len(row[k]) for row in texts) for k in range(len(self.columns))]
        right = [all(_is_number(row[k]) for row in self.rows) for k in range(len(self.columns))]
        lines = []
        for row in texts:
            cells = [cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right, strict=True)]
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines)


def listing(rows: Sequence[Row], columns: Sequence[str] | None = None) -> Table:
    """One line for each row. Raises SpecError for names that no row has."""
    if columns is None:
        differing = [name for name in _IF_THEY_DIFFER if len({_text(row[name]) for row in rows}) > 1]
        failed = ["error"] if "error" not in differing and any(row["error"] for row in rows) else []
        columns = [_ALWAYS[0], *(name for name in differing if name != "error"), *_ALWAYS[1:]]
        columns += [name for name in differing if name == "error"] + failed
    values = [lookup(name, rows, "columns") for name in columns] if rows else [[] for _ in columns]
    titles = tuple(_TITLES.get(name, name) for name in columns)
    return Table(titles, tuple(zip(*values, strict=True)))


def pivoted(rows: Sequence[Row], down: str, across: str, value: str) -> Table:
    """The values of rows with equal sizes `down` and `across` in one entry; several different ones with commas."""
    places = zip(lookup(down, rows, "rows"), lookup(across, rows, "columns"), lookup(value, rows, "value"), strict=True)
    entries: dict[tuple[Any, Any], dict[str, Any]] = {}
    for i, j, found in places:
        if i is not None and j is not None and found is not None:
            entries.setdefault((_key(i), _key(j)), {})[_text(found)] = found
    first = sorted({i for i, _ in entries}, key=_order)
    second = sorted({j for _, j in entries}, key=_order)
    lines = [(i, *(_joined(entries.get((i, j), {})) for j in second)) for i in first]
    return Table((f"{down} \\ {across}", *map(_text, second)), tuple(lines))


def _joined(found: Mapping[str, Any]) -> Any:
    return next(iter(found.values())) if len(found) == 1 else ", ".join(sorted(found, key=_order)) if found else None


def _plain(value: Any) -> Any:
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else str(value)
    return list(value) if isinstance(value, tuple) else value


def _key(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _order(value: Any) -> tuple[int, Any]:
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        return 1, str(value)
    return 0, value


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float | Fraction) and not isinstance(value, bool))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list | tuple):
        text = " ".join(_text(entry) for entry in value)
    else:
        text = " ".join(str(value).split())
    return text if len(text) <= _WIDEST else text[: _WIDEST - 3] + "..."
