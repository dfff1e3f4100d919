"""Checks of foreign data that hold for every spec, whatever its family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lielaws.errors import SpecError

# A block in a list of blocks is two levels.
DEEPEST = 100
_MOST_VALUES = 10**6


def check_nesting(value: Any, where: str) -> None:
    """Refuse data that is nested more than 100 levels deep, which is 50 blocks in each other. Raises SpecError."""
    pending: list[tuple[int, Any]] = [(0, value)]
    count = 0
    while pending:
        depth, entry = pending.pop()
        count += 1
        if depth > DEEPEST or count > _MOST_VALUES:
            limit = f"{DEEPEST} levels deep, or {_MOST_VALUES:,} values"
            raise SpecError(where, "spec", f"nested too deeply or too large; at most {limit}, are allowed")
        if isinstance(entry, Mapping):
            pending.extend((depth + 1, child) for child in entry.values())
        elif isinstance(entry, list | tuple):
            pending.extend((depth + 1, child) for child in entry)
