"""Rows of results, read: the sizes and the count of each case, and whatever else tells cases apart."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import Any

import numpy as np

from lielaws.errors import InvalidArgumentError, nearest
from lielaws.formulas.row_files import rows_of_file, with_sizes
from lielaws.formulas.sizes import Chain, Shape, find_shape, read_sizes

_NAMING = {"sizes", "key", "number", "id", "name", "architecture", "spec"}
_COUNTING = {"D", "n_parameters", "dimension", "n_laws", "n_found", "complete", "n_symmetries", "growth", "closed"}
_KEEPING = {
    "laws",
    "hypotheses",
    "seconds",
    "memory",
    "versions",
    "certificate",
    "error",
    "started",
    "finished",
    "status",
}
_OUTCOMES = frozenset(_NAMING | _COUNTING | _KEEPING | {"max_degree", "find_laws"})
_FORM = "an iterable of mappings with the keys 'sizes' and 'n_laws', or the path of a file of results, is needed"
_SHOWN = 6
_SETTINGS = ("flow", "loss", "gates", "parameters")


@dataclass(frozen=True)
class Row:
    """
    sizes : name -> size or tuple of sizes
    count : the number of independent laws
    spec : what the architecture can be made from, or None
    columns : all other values that could tell cases apart
    n_parameters : of the architecture, or None
    """

    sizes: Mapping[str, int | Chain]
    count: int
    spec: Any
    columns: Mapping[str, Any]
    n_parameters: int | None = None


@dataclass(frozen=True)
class Rows:
    """What can be used of the results.

    rows : one for each choice of sizes
    shape : the layout of the sizes
    family : the one that all rows have, or None
    settings : flow, loss, gates and parameters, as far as all rows have the same ones
    notes : what was left out, and what else should be known
    """

    rows: tuple[Row, ...]
    shape: Shape
    family: str | None
    settings: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)


class MixedRowsError(InvalidArgumentError):
    """Rows with equal sizes have different counts.

    separating : the columns that tell them apart, with their values
    """

    def __init__(self, found: str, remedy: str, separating: Mapping[str, Sequence[str]]) -> None:
        super().__init__("results", found, remedy)
        self.separating = separating


def read_rows(results: Any, family: str | None = None, where: Mapping[str, Any] | None = None) -> Rows:
    """Rows of one family under one setting. Raises InvalidArgumentError where counts contradict each other.

    Parameters
    ----------
    results : see :func:`lielaws.formulas.conjecturing.conjecture`
    family : only rows of this family
    where : only rows that have these values in these columns or sizes
    """
    wanted = _wanted(family, where)
    found: list[Row] = []
    bare = True
    left_out: dict[str, int] = {}
    total, seen = 0, {name: set[str]() for name in wanted}
    for number, raw in enumerate(_mappings(results)):
        total += 1
        place = f"results[{number}]"
        for name in wanted:
            seen[name].add(_text(_value(raw, name)))
        if any(_text(_value(raw, name)) != _text(value) for name, value in wanted.items()):
            continue
        reason = _unusable(raw, place)
        if reason:
            left_out[reason] = left_out.get(reason, 0) + 1
            continue
        complete = raw if "sizes" in raw else with_sizes(raw, _OUTCOMES | {*_SETTINGS, "family", "seed"})
        bare = bare and isinstance(complete.get("sizes"), list | tuple)
        found.append(_row(complete, place))
    if not total:
        raise InvalidArgumentError("results", "no rows", "at least a few rows are needed")
    if not found:
        raise _nothing_left(wanted, seen, left_out)
    families = sorted({str(row.columns["family"]) for row in found if row.columns.get("family") is not None})
    if len(families) > 1:
        raise InvalidArgumentError(
            "family", None, f"the rows are of several families; choose one of {', '.join(families)}"
        )
    shape = find_shape([row.sizes for row in found], bare)
    merged, repeated = _merged(found, shape)
    notes = [f"{count} rows left out: {reason}" for reason, count in sorted(left_out.items())]
    notes += [f"{repeated} rows repeat the sizes and the count of others"] if repeated else []
    settings, mixed = _settings(merged)
    notes += [f"the rows mix {name} = {', '.join(values[:_SHOWN])}" for name, values in mixed.items()]
    chosen = {name: _text(value) for name, value in (where or {}).items()}
    return Rows(tuple(merged), shape, families[0] if families else None, settings, tuple(notes), chosen)


def families_of(results: Iterable[Mapping[str, Any]]) -> list[str]:
    """The families that occur in rows."""
    return sorted({str(row["family"]) for row in results if isinstance(row, Mapping) and row.get("family") is not None})


def _wanted(family: str | None, where: Mapping[str, Any] | None) -> dict[str, Any]:
    if where is not None and not isinstance(where, Mapping):
        raise InvalidArgumentError("where", where, "a mapping of columns to values is needed, such as {'loss': 'any'}")
    if family is not None and not isinstance(family, str):
        raise InvalidArgumentError("family", family, "the name of a family is needed, such as 'linear'")
    return dict(where or {}) | ({} if family is None else {"family": family})


def _nothing_left(wanted: Mapping[str, Any], seen: Mapping[str, set[str]], left_out: Mapping[str, int]) -> Exception:
    for name, value in wanted.items():
        if _text(value) not in seen[name]:
            return InvalidArgumentError(name, value, nearest(_text(value), seen[name]))
    reasons = "; ".join(f"{count} {reason}" for reason, count in left_out.items())
    return InvalidArgumentError(
        "results", f"{sum(left_out.values())} rows", f"none can be used: {reasons or 'none fits'}"
    )


def _mappings(results: Any) -> Iterator[Mapping[str, Any]]:
    """The rows of a file, of a table, or of any iterable of mappings."""
    if isinstance(results, str | os.PathLike):
        results = rows_of_file(results)
    elif hasattr(results, "to_dict") and hasattr(results, "columns"):
        results = results.to_dict("records")
    if isinstance(results, Mapping) or not isinstance(results, Iterable):
        raise InvalidArgumentError("results", results, _FORM)
    for number, row in enumerate(results):
        if isinstance(row, Mapping):
            yield row
        elif hasattr(row, "keys") and hasattr(row, "__getitem__"):
            yield {name: row[name] for name in row.keys()}  # noqa: SIM118 - rows of SQLite iterate over values
        else:
            raise InvalidArgumentError(
                f"results[{number}]", row, "a mapping with the keys 'sizes' and 'n_laws' is needed"
            )


def _value(row: Mapping[str, Any], name: str) -> Any:
    if name in row:
        return row[name]
    for inner in ("sizes", "options"):
        nested = row.get(inner)
        if isinstance(nested, Mapping) and name in nested:
            return nested[name]
    return None


def _text(value: Any) -> str:
    """Values as they are compared: a flow may be a table, a text or an object."""
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, sort_keys=True, default=str)
    return str(value)


def _unusable(row: Mapping[str, Any], place: str) -> str | None:
    """Why a row says nothing, if so."""
    if row.get("error"):
        return "they are errors"
    if "n_laws" not in row:
        raise InvalidArgumentError(place, sorted(map(str, row)), "the key 'n_laws' is missing")
    count = row["n_laws"]
    if count is None or (isinstance(count, float) and isnan(count)):
        return "they have no count"
    growth = row.get("growth")
    growth = json.loads(growth) if isinstance(growth, str) and growth.startswith("[") else growth
    stalled = isinstance(growth, list | tuple) and len(growth) > 1 and growth[-1] != growth[-2]
    if row.get("closed") is False or row.get("closed") == 0 or (stalled and count):
        return "the brackets had not closed, so that the count may be too large"
    return None


def _row(raw: Mapping[str, Any], place: str) -> Row:
    if "sizes" not in raw:
        raise InvalidArgumentError(place, sorted(map(str, raw)), "the key 'sizes' is missing")
    count = raw["n_laws"]
    if isinstance(count, float) and count.is_integer():
        # Tables with gaps turn their integers into floats.
        count = int(count)
    if isinstance(count, bool | np.bool_) or not isinstance(count, int | np.integer) or count < 0:
        raise InvalidArgumentError(f"{place}['n_laws']", count, "a count is an integer, and not negative")
    columns = {name: value for name, value in raw.items() if isinstance(name, str) and name not in _OUTCOMES}
    options = columns.pop("options", None)
    columns |= options if isinstance(options, Mapping) else {}
    size = raw.get("n_parameters", raw.get("D"))
    known = int(size) if isinstance(size, int | np.integer) else None
    return Row(read_sizes(raw["sizes"], f"{place}['sizes']"), int(count), raw.get("spec"), columns, known)


def _merged(rows: Sequence[Row], shape: Shape) -> tuple[list[Row], int]:
    """One row for each choice of sizes. Raises InvalidArgumentError where counts differ, with what separates them."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        key = tuple(sorted(shape.row(row.sizes).items())) + (shape.widths(row.sizes) if shape.varying else ())
        groups.setdefault(key, []).append(row)
    for group in groups.values():
        if len({row.count for row in group}) > 1:
            raise _contradiction(group, groups.values())
    return [group[0] for group in groups.values()], len(rows) - len(groups)


def _contradiction(group: Sequence[Row], groups: Iterable[Sequence[Row]]) -> MixedRowsError:
    """The error that names the columns which separate counts of equal sizes."""
    every = list(groups)
    names = sorted({name for members in every for row in members for name in row.columns})
    values = {name: sorted({_text(row.columns.get(name)) for members in every for row in members}) for name in names}
    separating = {name: values[name] for name in names if all(_separates(name, members) for members in every)}
    if not separating and len(values.get("gates", ())) > 1:
        # Near one point the counts depend on the seed, with free gates they do not.
        separating = {"gates": values["gates"]}
    counts = sorted({row.count for row in group})
    found = f"the sizes {_shown(group[0].sizes)} have the counts {', '.join(map(str, counts))}"
    if separating:
        name = next(iter(separating))
        remedy = f"they depend on {' or '.join(separating)}; choose with where={{{name!r}: {separating[name][0]!r}}}"
    elif "realizable" in values.get("gates", ()):
        remedy = (
            "in the region of one point they depend on the seed; choose with where={'gates': 'free'} or by the seed"
        )
    else:
        remedy = "no column separates them; rows of different architectures need different sizes"
    return MixedRowsError(found, remedy, separating)


def _separates(name: str, members: Sequence[Row]) -> bool:
    counts: dict[str, int] = {}
    return all(counts.setdefault(_text(row.columns.get(name)), row.count) == row.count for row in members)


def _shown(sizes: Mapping[str, int | Chain]) -> str:
    return ", ".join(f"{name}={list(value) if isinstance(value, tuple) else value}" for name, value in sizes.items())


def _settings(rows: Sequence[Row]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Settings that all rows share, and columns in which they differ."""
    shared: dict[str, Any] = {}
    mixed: dict[str, list[str]] = {}
    for name in dict.fromkeys((*_SETTINGS, *(name for row in rows for name in row.columns))):
        values = {_text(row.columns.get(name)): row.columns.get(name) for row in rows}
        if len(values) > 1:
            mixed[name] = sorted(values)
        elif name in _SETTINGS and (value := next(iter(values.values()))) is not None:
            shared[name] = value
    return shared, mixed
