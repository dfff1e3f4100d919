"""Checks of foreign data that hold for every spec, whatever its family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lielaws.errors import SpecError

DEEPEST_BLOCKS = 50
# A block in a list of blocks is two levels; the innermost one may hold a table of lists.
_DEEPEST = 2 * DEEPEST_BLOCKS + 3
_MOST_VALUES = 10**6


def check_nesting(value: Any, where: str) -> None:
    """Refuse data with more than 50 blocks in each other, or nested as deep otherwise. Raises SpecError."""
    pending: list[tuple[int, int, Any]] = [(0, 0, value)]
    count = 0
    while pending:
        depth, tables, entry = pending.pop()
        count += 1
        # The spec itself and the tables of the innermost block are not blocks in each other.
        tables += isinstance(entry, Mapping)
        if depth > _DEEPEST or tables > DEEPEST_BLOCKS + 2 or count > _MOST_VALUES:
            limit = f"{DEEPEST_BLOCKS} blocks in each other and {_MOST_VALUES:,} values"
            raise SpecError(where, "spec", f"nested too deeply or too large; at most {limit} are allowed")
        if isinstance(entry, Mapping):
            pending.extend((depth + 1, tables, child) for child in entry.values())
        elif isinstance(entry, list | tuple):
            pending.extend((depth + 1, tables, child) for child in entry)
