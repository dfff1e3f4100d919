"""Cases beyond the data: where formulas are compared, and from which fresh ones are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.formulas.cases import Cases
from lielaws.formulas.sizes import Chain, Shape

_MOST_CASES = 3000
_BEYOND = 3
_LONGEST_RANGE = 60
_EXTREMES = 60
_NEIGHBOURS = 400
_SMALLEST_SHARE = 0.3


def universe(shape: Shape, cases: Cases, rng: np.random.Generator) -> Cases:
    """All cases that are a little larger than the data, or many random ones; sizes that never change stay.

    Those that respect the order of sizes that holds throughout the data (kv_heads <= heads) come first, the small ones
    before the large ones.
    """
    names = shape.columns
    ranges = {name: _range(cases.column(name)) for name in names}
    if shape.varying:
        return _sorted(_chains(shape, cases, ranges, rng), cases)
    if prod(len(values) for values in ranges.values()) <= _MOST_CASES:
        table = np.array(list(product(*ranges.values())), dtype=np.int64).reshape(-1, len(names))
    else:
        table = np.stack([_draws(ranges[name], rng) for name in names], axis=1)
    return _sorted(from_columns(shape, {name: table[:, i] for i, name in enumerate(names)}), cases)


def extremes(shape: Shape, cases: Cases, rng: np.random.Generator) -> Cases:
    """Cases with one size, or two, that is two or three times as large as in the data, and all others small."""
    names = [name for name in shape.columns if len(np.unique(cases.column(name))) > 1]
    fixed = {name: int(cases.column(name)[0]) for name in shape.columns}
    small = {name: [min(int(cases.column(name).min()), 1) + step for step in (0, 1)] for name in names}
    large = {name: int(cases.column(name).max()) for name in names}
    rows, chains = [], []
    for number in range(_EXTREMES if names or shape.varying else 0):
        row = fixed | {name: small[name][int(rng.integers(2))] for name in names}
        # Each size in turn twice, then pairs of them.
        single = number < 2 * len(names)
        chosen = [number % len(names)] if single else rng.permutation(len(names))[:2].tolist()
        row |= {names[i]: times * large[names[i]] + 1 for i in chosen for times in (int(rng.integers(2, 4)),)}
        rows.append(row)
        if shape.varying and cases.chains is not None:
            chains.append(_extreme_chain(cases.chains, rng))
    columns = {name: np.array([row[name] for row in rows], dtype=np.int64) for name in shape.columns}
    return from_columns(shape, columns, tuple(chains) if shape.varying else None)


def _extreme_chain(known: Sequence[Chain], rng: np.random.Generator) -> Chain:
    longest = max(len(widths) for widths in known)
    widths = rng.integers(1, 3, size=int(rng.integers(3, longest + 2)))
    if rng.integers(4):
        widths[rng.integers(len(widths))] = 2 * max(max(chain) for chain in known) + 1
    return tuple(int(width) for width in widths)


def neighbours(shape: Shape, cases: Cases, numbers: IntArray, rng: np.random.Generator) -> Cases:
    """Cases that differ from some in one size, or by one layer more or less."""
    rows, chains = [], []
    for number in rng.permutation(numbers).tolist() * (1 + _NEIGHBOURS // max(1, len(numbers))):
        row = {name: int(cases.column(name)[number]) for name in shape.columns}
        chain = cases.chains[number] if shape.varying and cases.chains is not None else None
        varying = [name for name in shape.columns if len(np.unique(cases.column(name))) > 1]
        if chain is not None and (not varying or rng.integers(4)):
            chain = _changed(chain, max(chain) + 1, rng)
        elif varying:
            name = varying[int(rng.integers(len(varying)))]
            row[name] = int(rng.integers(min(row[name], 1), row[name] + _BEYOND + 1))
        rows.append(row)
        chains.append(chain)
        if len(rows) == _NEIGHBOURS:
            break
    columns = {name: np.array([row[name] for row in rows], dtype=np.int64) for name in shape.columns}
    return from_columns(shape, columns, tuple(chain or () for chain in chains) if shape.varying else None)


def _changed(chain: Chain, largest: int, rng: np.random.Generator) -> Chain:
    position, width = int(rng.integers(len(chain) + 1)), int(rng.integers(1, largest + 1))
    kind = int(rng.integers(3))
    if kind == 0 and len(chain) > 3:
        return (*chain[:position], *chain[position + 1 :])
    return (*chain[:position], width, *chain[position + (kind == 1) :])


def from_columns(shape: Shape, columns: dict[str, IntArray], chains: tuple[Chain, ...] | None = None) -> Cases:
    """Cases from the values of their columns, and from the chains where these have different lengths."""
    if chains is None and shape.layered:
        entries = zip(*(columns[name].tolist() for name in shape.entries), strict=True)
        chains = tuple(tuple(entry) for entry in entries)
    return Cases(shape.columns, columns, chains, shape.varying, shape.entries)


def _range(column: IntArray) -> list[int]:
    """Values from the smallest possible to a little beyond the largest; of a long range, those around known ones."""
    low, high = int(column.min()), int(column.max())
    if low == high:
        return [low]
    start = min(low, 1)
    if high - start <= _LONGEST_RANGE:
        return list(range(start, high + _BEYOND + 1))
    known = np.unique(column)
    chosen = known[:: -(-len(known) // _LONGEST_RANGE)].tolist()
    near = {value + step for value in (start, *chosen, high) for step in range(_BEYOND + 1)}
    return sorted(near)


def _draws(values: Sequence[int], rng: np.random.Generator) -> IntArray:
    """Random ones; the smallest is likely, so that there are large cases that are large in few sizes only."""
    drawn = rng.integers(len(values), size=_MOST_CASES)
    drawn[rng.random(_MOST_CASES) < _SMALLEST_SHARE] = 0
    found: IntArray = np.asarray(values, dtype=np.int64)[drawn]
    return found


def _chains(shape: Shape, cases: Cases, ranges: dict[str, list[int]], rng: np.random.Generator) -> Cases:
    assert cases.chains is not None
    lengths = sorted({len(widths) for widths in cases.chains})
    longest = max(width for widths in cases.chains for width in widths) + _BEYOND
    chains = []
    for _ in range(_MOST_CASES):
        length = int(rng.integers(lengths[0], lengths[-1] + 2))
        # A smaller bound in half of the draws makes small and equal widths as likely as large ones.
        bound = int(rng.integers(2, longest + 1)) if rng.integers(2) else longest
        chains.append(tuple(int(width) for width in rng.integers(1, bound + 1, size=length)))
    columns = {name: _draws(values, rng) for name, values in ranges.items()}
    return from_columns(shape, columns, tuple(chains))


def _sorted(found: Cases, cases: Cases) -> Cases:
    total = np.zeros(len(found), dtype=np.int64)
    for name in found.names:
        total += found.column(name)
    if found.chains is not None:
        total += np.array([sum(widths) + 2 * len(widths) for widths in found.chains], dtype=np.int64)
    unusual = np.zeros(len(found), dtype=bool)
    for low in cases.names:
        for high in cases.names:
            if low != high and low not in cases.widths and bool((cases.column(low) <= cases.column(high)).all()):
                unusual |= found.column(low) > found.column(high)
    return found.take(np.lexsort((total, unusual)))
