"""The sizes of an architecture as rows of results give them, and as the columns that formulas are about."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lielaws.errors import InvalidArgumentError, SizeError
from lielaws.formulas.cases import Cases

Sizes = Mapping[str, Any]
Chain = tuple[int, ...]

_LARGEST = 2**31
_NUMBERED = re.compile(r"([A-Za-z_]+?)_?([0-9]+)")
_SHORT = ("n", "r", "m")
_PLAIN_LIST = "widths"
_SHORTEST_CHAIN = 4


def read_sizes(sizes: Any, where: str) -> dict[str, int | Chain]:
    """Name -> size, or a tuple of sizes for a list; a list alone has the name `widths`.

    Raises InvalidArgumentError for sizes that are no positive integers.
    """
    if isinstance(sizes, str):
        sizes = _from_text(sizes, where)
    if isinstance(sizes, list | tuple | np.ndarray):
        sizes = {_PLAIN_LIST: sizes}
    if not isinstance(sizes, Mapping):
        raise InvalidArgumentError(where, sizes, "a mapping of names to sizes, or a list of widths is needed")
    found: dict[str, int | Chain] = {}
    for name, value in sizes.items():
        if value is None:
            continue
        key = f"{where}[{name!r}]"
        if not isinstance(name, str):
            raise InvalidArgumentError(where, name, "the names of sizes are texts")
        if isinstance(value, list | tuple | np.ndarray):
            found[name] = tuple(_integer(entry, key) for entry in value)
            if len(value) < 2:
                raise InvalidArgumentError(key, list(value), "at least two widths are needed")
        else:
            found[name] = _integer(value, key)
    if not found:
        raise InvalidArgumentError(where, sizes, "at least one size is needed")
    return found


def _from_text(text: str, where: str) -> Any:
    """A list such as 2-3-2, or JSON, as tables of text hold it."""
    import json

    if re.fullmatch(r"[0-9]{1,10}(-[0-9]{1,10})+", text.strip()):
        return [int(part) for part in text.split("-")]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidArgumentError(where, text, "sizes such as 2-3-2, or JSON, are needed") from None


def _integer(value: Any, where: str) -> int:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise InvalidArgumentError(where, value, "sizes are integers; leave out what is none")
    if not 0 <= value < _LARGEST:
        raise SizeError(where, value, f"sizes lie between 0 and {_LARGEST}")
    return int(value)


@dataclass(frozen=True, slots=True)
class Shape:
    """How sizes are laid out: which are single numbers, and which one is a list.

    names : of the single numbers, in order
    chain : the name of the list, or None
    entries : for lists of one length, the name of the column of each entry; empty if the length varies
    numbered : whether the list was given as numbered sizes, such as w0, w1, w2, w3
    bare : whether the rows gave the list alone, without its name
    """

    names: tuple[str, ...]
    chain: str | None = None
    entries: tuple[str, ...] = ()
    numbered: bool = False
    bare: bool = False

    @property
    def varying(self) -> bool:
        return self.chain is not None and not self.entries

    @property
    def letter(self) -> str:
        """What an entry of the list is called in formulas."""
        return "w" if self.chain is None else self.chain[0]

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.names, *self.entries)))

    @property
    def layered(self) -> bool:
        """Whether sums over layers are of interest."""
        return self.varying or len(self.entries) >= _SHORTEST_CHAIN

    def cases(self, rows: Sequence[Mapping[str, int | Chain]]) -> Cases:
        """The columns of many choices of sizes, each of which has been read."""
        table = [self.row(sizes) for sizes in rows]
        columns = {name: np.array([row[name] for row in table], dtype=np.int64) for name in self.columns}
        chains = tuple(self.widths(sizes) for sizes in rows) if self.layered else None
        return Cases(self.columns, columns, chains, self.varying, self.entries)

    def widths(self, sizes: Mapping[str, int | Chain]) -> Chain:
        """The list of one choice of sizes."""
        assert self.chain is not None
        found = sizes.get(self.chain)
        if isinstance(found, tuple):
            return found
        return tuple(int(sizes[name]) for name in self.entries)  # type: ignore[arg-type]

    def row(self, sizes: Mapping[str, int | Chain]) -> dict[str, int]:
        """The columns of one choice of sizes."""
        found = {name: value for name, value in sizes.items() if isinstance(value, int)}
        if self.entries and isinstance(sizes.get(self.chain or ""), tuple):
            found |= dict(zip(self.entries, self.widths(sizes), strict=True))
        return found

    def check(self, sizes: Any, known: Mapping[str, int] | None = None) -> dict[str, int | Chain]:
        """Sizes that a caller gives for a formula, with each column known. Raises InvalidArgumentError.

        sizes : as in the rows, or a list of the single sizes in order
        known : sizes that may be left out
        """
        read = read_sizes(sizes, "sizes")
        if self.chain is None and isinstance(sizes, list | tuple) and len(sizes) == len(self.names):
            read = dict(zip(self.names, sizes, strict=True))
        length = len(self.entries)
        if self.chain is not None and _PLAIN_LIST in read and self.chain not in read:
            read[self.chain] = read.pop(_PLAIN_LIST)
        given = self.entries if self.chain in read else ()
        read = {**{name: value for name, value in (known or {}).items() if name not in given}, **read}
        widths = read.get(self.chain or "")
        if widths is not None and not isinstance(widths, tuple):
            raise InvalidArgumentError("sizes", sizes, f"'{self.chain}' is a list of sizes")
        if isinstance(widths, tuple) and length and len(widths) != length:
            raise InvalidArgumentError("sizes", sizes, f"the formula is about {length} {self.chain}, not {len(widths)}")
        row = self.row(read)
        missing = [name for name in self.columns if name not in row]
        if missing or (self.varying and widths is None):
            needed = ", ".join((*self.columns, *([self.chain] if self.varying and self.chain else [])))
            raise InvalidArgumentError("sizes", sizes, f"the formula is about {needed}; give all of them")
        repeated = dict(zip(self.entries, widths, strict=True)) if length and isinstance(widths, tuple) else {}
        if any(read.get(name, value) != value for name, value in repeated.items()):
            raise InvalidArgumentError("sizes", sizes, f"'{self.chain}' contradicts the single sizes")
        return read

    def outward(self, row: Mapping[str, int], widths: Chain | None = None) -> Any:
        """The sizes in the form of the rows: a list alone where they were one, else a mapping."""
        if self.chain is not None and not self.numbered:
            listed = list(widths) if widths is not None else [row[name] for name in self.entries]
            return listed if self.bare else {self.chain: listed} | {name: row[name] for name in self.names}
        return {name: row[name] for name in self.columns}


def find_shape(rows: Sequence[Mapping[str, int | Chain]], bare: bool = False) -> Shape:
    """The layout that all rows share. Raises InvalidArgumentError if there is none."""
    first = rows[0]
    for number, sizes in enumerate(rows):
        if set(sizes) != set(first):
            odd = min(set(sizes) ^ set(first))
            remedy = f"rows differ in the size '{odd}'; choose rows that have the same sizes"
            raise InvalidArgumentError(f"results[{number}]", dict(sizes), remedy)
        for name in first:
            if isinstance(sizes[name], tuple) != isinstance(first[name], tuple):
                raise InvalidArgumentError(f"results[{number}]", dict(sizes), f"'{name}' is a list in other rows")
    lists = [name for name, value in first.items() if isinstance(value, tuple)]
    names = tuple(name for name in first if name not in lists)
    if len(lists) > 1:
        raise InvalidArgumentError("results", sorted(lists), "only one of the sizes may be a list")
    if not lists:
        entries = _numbered(names)
        rest = tuple(name for name in names if name not in entries)
        return Shape(rest, "widths", entries, numbered=True) if entries else Shape(names)
    chain = lists[0]
    widths = [sizes[chain] for sizes in rows]
    lengths = {len(entry) for entry in widths if isinstance(entry, tuple)}
    if len(lengths) > 1:
        return Shape(names, chain, bare=bare)
    return _fixed(names, chain, lengths.pop(), rows, bare)


def _fixed(names: tuple[str, ...], chain: str, length: int, rows: Sequence[Mapping[str, Any]], bare: bool) -> Shape:
    """A list of one length: an entry that always equals one of the single sizes has its name."""
    usual = _SHORT if length == len(_SHORT) and chain == _PLAIN_LIST else tuple(f"{chain[0]}{i}" for i in range(length))
    if set(usual) & set(names):
        usual = tuple(f"{chain}_{i}" for i in range(length))
    entries = []
    for position in range(length):
        column = [sizes[chain][position] for sizes in rows]
        twins = [name for name in names if [sizes[name] for sizes in rows] == column and len(set(column)) > 1]
        # Equal names say that the row was made from them; by accident only if there are few rows.
        entries.append(twins[0] if twins else usual[position])
    return Shape(names, chain, tuple(entries), bare=bare)


def _numbered(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names such as w0, w1, w2, w3, in their order, if there are at least four."""
    matches = [(match, name) for name in names if (match := _NUMBERED.fullmatch(name))]
    prefixes = {match[1] for match, _ in matches}
    if len(prefixes) != 1 or len(matches) < _SHORTEST_CHAIN:
        return ()
    ordered = sorted((int(match[2]), name) for match, name in matches)
    start = ordered[0][0]
    consecutive = [number for number, _ in ordered] == list(range(start, start + len(ordered)))
    return tuple(name for _, name in ordered) if consecutive and start in (0, 1) else ()
