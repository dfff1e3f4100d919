"""Specs as functions of the sizes, learnt from the rows: which numbers in them are which sizes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lielaws.formulas.sizes import Chain, Shape

_NUMBER = re.compile(r"(?<![A-Za-z0-9_.])[0-9]+(?![0-9]*[./][0-9])")
_CHAIN = "\x00"
_NAMED = re.compile(r"([A-Za-z_]\w*)\W*$")


@dataclass(frozen=True)
class Template:
    """A spec in which sizes stand for numbers.

    parts : texts between the slots
    slots : names of columns; "" for the whole chain
    separator : between the widths of the chain
    mapping : whether the text is JSON of a mapping
    """

    parts: tuple[str, ...]
    slots: tuple[str, ...]
    separator: str
    mapping: bool

    def fill(self, row: Mapping[str, int], widths: Chain | None) -> Any:
        """The spec for the values of the columns, and the chain if there is one."""
        values = [self.separator.join(map(str, widths or ())) if not name else str(row[name]) for name in self.slots]
        text = self.parts[0] + "".join(value + part for value, part in zip(values, self.parts[1:], strict=True))
        return json.loads(text) if self.mapping else text


def learn(
    specs: Sequence[Any], rows: Sequence[Mapping[str, int]], chains: Sequence[Chain] | None, shape: Shape
) -> Template | None:
    """The template that gives the spec of every row; None if there is none, or if some size does not occur in it."""
    mapping = isinstance(specs[0], Mapping)
    if any(isinstance(spec, Mapping) != mapping or not isinstance(spec, Mapping | str) for spec in specs):
        return None
    try:
        texts = [json.dumps(spec) if mapping else spec for spec in specs]
    except (TypeError, ValueError):
        return None
    separator = ", " if mapping else "-"
    marked = [_marked(text, widths, separator) for text, widths in zip(texts, chains, strict=True)] if chains else texts
    if len({_NUMBER.sub("#", text) for text in marked}) > 1:
        return None
    template = _bound(marked, rows, separator, mapping)
    used = set(template.slots)
    if "" in used:
        used |= set(shape.entries)
    varying = {name for name in shape.columns if len({row[name] for row in rows}) > 1}
    if varying - used or (shape.varying and "" not in used):
        return None
    widths_of: Sequence[Chain | None] = chains or [None] * len(rows)
    filled = [template.fill(row, widths) for row, widths in zip(rows, widths_of, strict=True)]
    return template if filled == [dict(spec) if mapping else spec for spec in specs] else None


def _marked(text: str, widths: Chain, separator: str) -> str:
    """The text with its first list of the widths replaced by a mark."""
    joined = re.escape(separator.join(map(str, widths)))
    return re.sub(rf"(?<![0-9]){joined}(?![0-9]|{re.escape(separator)}[0-9])", _CHAIN, text, count=1)


def _bound(texts: Sequence[str], rows: Sequence[Mapping[str, int]], separator: str, mapping: bool) -> Template:
    """Each number that changes is a size with the same values; one that does not is, if a name in front says so."""
    pattern = re.compile(f"{_CHAIN}|{_NUMBER.pattern}")
    found = [list(pattern.finditer(text)) for text in texts]
    parts, start = [""], 0
    slots: list[str] = []
    for position, match in enumerate(found[0]):
        before = texts[0][start : match.start()]
        column = [matches[position][0] for matches in found]
        name = "" if match[0] == _CHAIN else _size_of(column, before, rows, slots)
        parts[-1] += before
        if name is None:
            parts[-1] += match[0]
        else:
            slots.append(name)
            parts.append("")
        start = match.end()
    parts[-1] += texts[0][start:]
    return Template(tuple(parts), tuple(slots), separator, mapping)


def _size_of(column: Sequence[str], before: str, rows: Sequence[Mapping[str, int]], used: Sequence[str]) -> str | None:
    equal = [name for name in rows[0] if [str(row[name]) for row in rows] == list(column)]
    hint = _NAMED.search(before)
    if hint and hint[1] in equal:
        return hint[1]
    if len(set(column)) == 1:
        return None
    fresh = [name for name in equal if name not in used]
    candidates = fresh or equal
    return candidates[0] if candidates else None
