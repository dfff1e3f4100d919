"""Counts with a known formula, as rows of results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import product
from typing import Any


def two_layers(n: int, r: int, m: int) -> int:
    """Laws of a linear network n-r-m: r (r + 1) / 2, beyond r = n + m corrected."""
    total = n + m
    return r * (r + 1) // 2 if r <= total else total * r - total * (total - 1) // 2


def grid(**values: Iterable[int]) -> list[dict[str, int]]:
    return [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]


def rows(sizes: Iterable[Any], count: Callable[..., int], **columns: Any) -> list[dict[str, Any]]:
    """count takes the sizes by name, or a list of widths."""
    return [
        {"sizes": each, "n_laws": count(**each) if isinstance(each, Mapping) else count(each), **columns}
        for each in sizes
    ]


TWO_LAYERS = rows(grid(n=range(1, 4), r=range(1, 9), m=range(1, 4)), two_layers)
