"""The description of a sweep, from a TOML file or from Python objects, and the cases in it."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from lielaws.errors import InvalidArgumentError, LieLawsError, SpecError
from lielaws.sweeps.case import Case
from lielaws.sweeps.limits import read_limits
from lielaws.sweeps.places import Spot
from lielaws.sweeps.tables import DEFAULT_KEYS, Table, read_table

_LIMIT_KEYS = ("time_limit", "memory_limit")
_TOP_KEYS = ("sweep", *_LIMIT_KEYS, *DEFAULT_KEYS)
_LARGEST_GRID = 2_000_000
_LARGEST_DRAWN = 2**62
_TRIES = 1000


@dataclass(frozen=True)
class Description:
    """
    cases : without repetitions, in the order of the description
    limits : `time_limit` and `memory_limit` where it sets them, each with what it is called in errors
    excluded : how many points of the grids the filters left out
    """

    cases: tuple[Case, ...]
    limits: Mapping[str, tuple[Any, str]] = field(default_factory=dict)
    excluded: int = 0


def read_description(description: Any) -> Description:
    """The cases of a sweep.

    Parameters
    ----------
    description : path of a TOML file, a mapping with the same keys, or an iterable of specs, mappings and Architectures

    Raises SpecError for what cannot be read, with the line in the file where it is known, for empty ranges, for
    descriptions without any case, and for tables none of whose architectures exists.
    """
    if isinstance(description, str | os.PathLike):
        path = Path(description)
        where, text = _read(description)
        return _described(text and _parsed(text, where), Spot(where, text), path.parent)
    if isinstance(description, Mapping):
        return _described(description, Spot("description"), None)
    if not isinstance(description, Iterable):
        remedy = "the path of a TOML file, a mapping, or a list of specs is needed"
        raise InvalidArgumentError("description", description, remedy)
    entries = list(description)
    if entries and all(isinstance(entry, Case) for entry in entries):
        return Description(_distinct(entries))
    return _described({"sweep": {"spec": entries}}, Spot("description"), None)


def _read(path: str | os.PathLike[str]) -> tuple[str, str]:
    from lielaws.spec import read_text
    from lielaws.spec.messages import printable

    name = printable(os.fsdecode(path))
    return name, read_text(path, "sweep file")


def _parsed(text: str, where: str) -> dict[str, Any]:
    from lielaws.spec.files import check_nesting
    from lielaws.spec.messages import one_line
    from lielaws.spec.tokens import exact_decimal

    def number(digits: str) -> Fraction:
        return exact_decimal(digits.replace("_", ""))

    try:
        contents = tomllib.loads(text, parse_float=number)
    except (ValueError, RecursionError) as error:
        raise SpecError("sweep file", where, f"no valid TOML: {one_line(error, 200)}") from None
    check_nesting(contents, where)
    return contents


def _described(contents: Any, spot: Spot, folder: Path | None) -> Description:
    for key in contents:
        if key not in _TOP_KEYS:
            raise spot.key(str(key)).unknown(_TOP_KEYS)
    tables = contents.get("sweep")
    if isinstance(tables, Mapping):
        tables = [tables]
    if not isinstance(tables, list | tuple) or not tables:
        remedy = "a table [[sweep]] is needed, with the keys 'family' and its sizes"
        raise spot.key("sweep").error(tables if "sweep" in contents else "missing", remedy)
    limits = {key: (contents[key], str(spot.key(key))) for key in _LIMIT_KEYS if key in contents}
    read_limits(limits)
    found: dict[str, Case] = {}
    excluded = 0
    for k, entry in enumerate(tables):
        table = read_table(entry, contents, spot.key("sweep", k), folder)
        chosen, left_out = _chosen(table)
        check_buildable(chosen, table.spot)
        excluded += left_out
        for case in chosen:
            if case.certificate or case.key not in found:
                found[case.key] = case
    if not found:
        raise spot.key("sweep").error(f"{excluded} cases", "none fulfils the filters; loosen them")
    return Description(tuple(found.values()), limits, excluded)


def _distinct(cases: Iterable[Case]) -> tuple[Case, ...]:
    return tuple({case.key: case for case in cases}.values())


def _chosen(table: Table) -> tuple[list[Case], int]:
    """The cases of a table that fulfil its filters, drawn at random if it says so, and how many did not."""
    found: dict[str, Case] = {}
    wanted = table.sample[0] if table.sample else None
    excluded = 0
    for number in _numbers(table):
        case = table.case(number)
        if not _fulfils(case, table):
            excluded += 1
            continue
        found.setdefault(case.key, case)
        if len(found) == wanted:
            break
    return list(found.values()), excluded


def _numbers(table: Table) -> Iterable[int]:
    size = table.points.size
    if size == 0:
        raise table.spot.error("0 cases", "the grid is empty")
    if table.sample is None:
        if size > _LARGEST_GRID:
            raise table.spot.error(
                f"{size:,} cases", f"at most {_LARGEST_GRID:,} in a table; use 'sample', or narrow it"
            )
        return range(size)
    rng = np.random.default_rng(table.sample[1])
    if size <= _LARGEST_GRID:
        return (int(number) for number in rng.permutation(size))
    if size > _LARGEST_DRAWN:
        raise table.spot.error(f"a grid of about 2^{size.bit_length() - 1} cases", "narrow its ranges")
    return _drawn(size, _TRIES * table.sample[0], rng)


def _drawn(size: int, tries: int, rng: np.random.Generator) -> Iterator[int]:
    seen: set[int] = set()
    for _ in range(tries):
        number = int(rng.integers(size))
        if number not in seen:
            seen.add(number)
            yield number


def _fulfils(case: Case, table: Table) -> bool:
    names = case.names
    for condition in table.filters:
        values = names | _computed(case, set(condition.names))
        if values.get("D", 0) is None or values.get("dimension", 0) is None:
            # There is no such architecture: the error of the case will say why.
            continue
        try:
            if not condition.holds(values):
                return False
        except LieLawsError as error:
            if case.problem is None:
                table.spot.key("filter").relocate(error)
    return True


def _computed(case: Case, wanted: set[str]) -> dict[str, int | None]:
    """The numbers that need the architecture, where a condition names them; None if it cannot be built."""
    found: dict[str, int | None] = {}
    aliases = {"D", "n_parameters"}
    if wanted & aliases:
        found |= dict.fromkeys(aliases, _number_of_parameters(case))
    if "dimension" in wanted:
        found["dimension"] = _dimension(case)
    return found


def _number_of_parameters(case: Case) -> int | None:
    made = case.architecture()
    return None if made is None else made.dimension


def _dimension(case: Case) -> int | None:
    """Dimension of the state space of the flow."""
    from lielaws.spec import read_flow

    made = case.architecture()
    try:
        return None if made is None else read_flow(case.flow).dynamics(made.potential)[0].dimension
    except LieLawsError:
        return None


def check_buildable(cases: list[Case], spot: Spot) -> None:
    """Refuse a table all of whose architectures are impossible, such as one with a misspelt activation."""
    from lielaws.spec import load_architecture

    first: str | None = None
    for case in cases:
        try:
            if case.problem is None:
                load_architecture(case.spec)
                return
            problem = case.problem
        except LieLawsError as error:
            problem = str(error)
        first = first or problem
    if first is not None:
        raise spot.error(f"{len(cases)} cases", f"none of them exists; the first one: {first}")
