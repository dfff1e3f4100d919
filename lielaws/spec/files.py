"""Spec files: TOML, JSON, and plain text for reparameterizations. Whatever they hold is read as data."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from lielaws.errors import SpecError
from lielaws.spec.expressions import numbered_lines, read_phi_file
from lielaws.spec.messages import one_line, printable
from lielaws.spec.tokens import exact_decimal

SUFFIXES = (".toml", ".json", ".phi", ".txt")

_MOST_BYTES = 50 * 2**20
_ARGUMENT = "spec file"
_DEEPEST_BLOCKS = 50
# A block in a list of blocks is two levels; the innermost one may hold a table of lists.
_DEEPEST = 2 * _DEEPEST_BLOCKS + 3
_MOST_VALUES = 10**6


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The contents of a spec file as a mapping; decimals are exact fractions.

    A `.phi` or `.txt` file becomes {"family": "phi", "symbols": names, "expressions": texts}, after it was checked.
    Raises SpecError for a file that is missing, empty, too large, no UTF-8, malformed or nested too deeply.
    """
    name = printable(os.fsdecode(path))
    suffix = Path(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise SpecError(
            _ARGUMENT, name, f"its name must end in {', '.join(SUFFIXES)}; a spec string is like relu:3-4-3"
        )
    text = read_text(path, _ARGUMENT)
    try:
        contents = _parsed(text, name, suffix) if suffix in _PARSERS else _phi(text, name)
    except (RecursionError, MemoryError):
        raise SpecError(_ARGUMENT, name, "nested too deeply or too large to read") from None
    if not isinstance(contents, dict):
        raise SpecError(_ARGUMENT, name, "it must hold one table with a key 'family'")
    check_nesting(contents, one_line(name, 200))
    return contents


def read_text(path: str | os.PathLike[str], argument: str = "file") -> str:
    """The text of a file. Raises SpecError if it is missing, empty, larger than 50 MB, or no UTF-8."""
    name, data = printable(os.fsdecode(path)), b""
    try:
        mode = Path(path).stat().st_mode
        # A pipe would wait for its writer.
        if stat.S_ISREG(mode):
            with Path(path).open("rb") as file:
                data = file.read(_MOST_BYTES + 1)
        text = data.decode("utf-8-sig") if len(data) <= _MOST_BYTES else ""
    except FileNotFoundError:
        raise SpecError(argument, name, "there is no such file; check the path") from None
    except OSError as error:
        raise SpecError(argument, name, f"it cannot be read: {error.strerror or type(error).__name__}") from None
    except UnicodeDecodeError as error:
        raise SpecError(argument, name, f"it is no UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except ValueError:
        raise SpecError(argument, name, "this is no valid path") from None
    if stat.S_ISDIR(mode):
        raise SpecError(argument, name, "this is a directory; give the path of a file")
    if not stat.S_ISREG(mode):
        raise SpecError(argument, name, "this is no regular file; give the path of one")
    if len(data) > _MOST_BYTES:
        raise SpecError(argument, name, f"it is larger than {_MOST_BYTES // 2**20} MB; split it")
    if not text.strip():
        raise SpecError(argument, name, "it is empty; write something into it")
    return text


def check_nesting(value: Any, where: str) -> None:
    """Refuse data with more than 50 blocks in each other, or nested as deep otherwise. Raises SpecError."""
    pending: list[tuple[int, int, Any]] = [(0, 0, value)]
    count = 0
    while pending:
        depth, tables, entry = pending.pop()
        count += 1
        # The spec itself and the tables of the innermost block are not blocks in each other.
        tables += isinstance(entry, Mapping)
        if depth > _DEEPEST or tables > _DEEPEST_BLOCKS + 2 or count > _MOST_VALUES:
            limit = f"{_DEEPEST_BLOCKS} blocks in each other and {_MOST_VALUES:,} values"
            raise SpecError(where, "spec", f"nested too deeply or too large; at most {limit} are allowed")
        if isinstance(entry, Mapping):
            pending.extend((depth + 1, tables, child) for child in entry.values())
        elif isinstance(entry, list | tuple):
            pending.extend((depth + 1, tables, child) for child in entry)


def _parsed(text: str, name: str, suffix: str) -> Any:
    try:
        return _PARSERS[suffix](text)
    except json.JSONDecodeError as error:
        reason = f"{one_line(error.msg)} (at line {error.lineno}, column {error.colno})"
    except ValueError as error:
        reason = one_line(error, 200)
        if "integer string conversion" in reason:
            reason = "a number has too many digits"
    raise SpecError(_ARGUMENT, name, f"no valid {suffix[1:].upper()}: {reason}")


def _phi(text: str, name: str) -> dict[str, Any]:
    symbols, _ = read_phi_file(text, one_line(name, 200))
    _, *lines = numbered_lines(text, name)
    return {"family": "phi", "symbols": [str(s) for s in symbols], "expressions": [line for _, line in lines]}


def _number(text: str) -> Fraction:
    try:
        return exact_decimal(text.replace("_", ""))
    except ValueError as error:
        raise ValueError(f"number {one_line(text)}: {error}") from None


def _integer(text: str) -> int:
    return int(_number(text))


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number that a spec can use")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        ((twice, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"the key '{one_line(twice)}' is there twice; keep one")
    return mapping


def _json(text: str) -> Any:
    return json.loads(
        text, object_pairs_hook=_unique, parse_float=_number, parse_int=_integer, parse_constant=_no_constant
    )


_PARSERS: dict[str, Callable[[str], Any]] = {".toml": partial(tomllib.loads, parse_float=_number), ".json": _json}
