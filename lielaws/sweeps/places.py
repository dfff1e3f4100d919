"""Where something stands in a description of a sweep: the file, its line as far as it can be found, and the keys."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from lielaws.errors import InvalidArgumentError, LieLawsError, SpecError

Path = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\-\"' ]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')\s*(?:\.|=)")
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a description.

    where : the name of the file, or "description" for Python objects
    text : of the file, to find lines in; empty otherwise
    path : keys, and numbers of tables in arrays
    """

    where: str
    text: str = ""
    path: Path = ()

    def key(self, *names: str | int) -> Spot:
        """The place of a key, or of the table with this number, below this place."""
        return Spot(self.where, self.text, (*self.path, *names))

    def error(self, value: Any, remedy: str) -> SpecError:
        """The error for a value at this place."""
        from lielaws.spec.messages import shown

        return SpecError(str(self), shown(value), remedy)

    def unknown(self, known: Iterable[str], what: str = "this key is") -> SpecError:
        """The error for a key that is not known, with the nearest known ones."""
        from lielaws.spec.messages import did_you_mean

        return self.error(self.path[-1], f"{what} {did_you_mean(str(self.path[-1]), known)}")

    def relocate(self, error: LieLawsError) -> NoReturn:
        """Raise an error of a later stage again, with this place in front."""
        if not isinstance(error, InvalidArgumentError) or error.argument.startswith(str(self)):
            raise error
        raise SpecError(f"{self}: {error.argument}", error.value, error.remedy) from error

    def __str__(self) -> str:
        from lielaws.spec.messages import one_line

        line = line_of(self.text, self.path) if self.text else None
        keys = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path).lstrip(".")
        parts = [one_line(self.where, _LONGEST_NAME), f"line {line}" if line else "", one_line(keys, _LONGEST_NAME)]
        return ", ".join(part for part in parts if part)


def line_of(text: str, path: Path) -> int | None:
    """The line, from 1, on which a key stands in a TOML text, or the nearest table around it that has a line.

    A search in the text, as tomllib keeps no positions: keys of inline tables are found by their table.
    """
    best: tuple[int, int] | None = None
    for number, found in _lines(text):
        depth = len(found)
        if found == path[:depth] and (best is None or depth > best[1]):
            best = number, depth
    return best[0] if best else None


def _lines(text: str) -> Iterable[tuple[int, Path]]:
    """The number and the path of each line that opens a table or sets a key."""
    table: Path = ()
    counts: dict[Path, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _table_path(header[1] == "[[", header[2], counts)
            yield number, table
        elif key := _KEY.match(line):
            yield number, (*table, key[1].strip("\"'"))


def _table_path(is_array: bool, name: str, counts: dict[Path, int]) -> Path:
    """The path of a table header, with the numbers of the arrays of tables that it goes through."""
    path: Path = ()
    parts = [part.strip().strip("\"'") for part in name.split(".")]
    for depth, part in enumerate(parts):
        path = (*path, part)
        if is_array and depth == len(parts) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path
