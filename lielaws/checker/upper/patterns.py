"""Activation patterns that rational points and data show, in rigorous arithmetic.

An argument of known sign keeps it nearby, so that the pattern is one of an open set of parameters and data. Arguments
that vanish identically in a pattern have a gate that does not matter.

A pattern is a row of 0 and 1, the gates of all piecewise linear functions one after the other.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from lielaws.checker import reading
from lielaws.checker.networks.flows import cut
from lielaws.checker.networks.gates import Gates
from lielaws.checker.networks.network import Network
from lielaws.checker.networks.program import Leaves
from lielaws.checker.networks.steps import Budget
from lielaws.checker.numbers.balls import PRECISIONS, Balls, PreciseBalls
from lielaws.checker.numbers.jets import Jets, spread
from lielaws.checker.numbers.residues import Residues, random_prime
from lielaws.checker.reading import Shape
from lielaws.errors import CertificateError

_MOST_PATTERNS = 4000
"""of a region or a certificate; the laws are checked on each of them"""
_MOST_GATES = 5 * 10**6
"""of all patterns together"""
_GRIDS, _FINEST = ((1, 40), (4, 40), (32, 20), (32, 300)), 32
"""steps and sizes of the data that the checker draws, in units of 1 / 32: kinks may lie close together, or far out"""
_DRAWN = 2000
"""data in all; a pattern of one in a thousand data is overlooked once in seven times"""


@dataclass(frozen=True)
class Witnesses:
    """Points, data and constants, Fractions (count, *shape) or one for all, and the patterns that they show."""

    leaves: Leaves
    patterns: Any


def read_patterns(stated: Any, network: Network, gates: Gates, constants: Leaves, budget: Budget) -> Witnesses:
    """The section `patterns`. Raises CertificateError."""
    entries = _counted(stated, "patterns", network)
    for k, entry in enumerate(entries):
        reading.table(entry, f"patterns[{k}]", {"point", "data"})
    points = [_rationals(e["point"], f"patterns[{k}].point", (network.count,)) for k, e in enumerate(entries)]
    data = read_data([entry["data"] for entry in entries], "patterns[{}].data", network.data, _rationals)
    leaves = _parameters(network, points) | data | constants
    return Witnesses(leaves, shown(network, gates, leaves, len(entries), "patterns", budget))


def read_region(stated: Any, network: Network, gates: Gates, budget: Budget) -> Any:
    """The patterns of the samples of a region, after a look for others. Raises CertificateError."""
    reading.table(stated, "region", {"point", "samples"})
    if not network.is_rational or network.generic:
        raise CertificateError("setting.gates", "realizable", "signs are known for rational networks only")
    samples = _counted(stated["samples"], "region.samples", network)
    point = _parameters(network, [_rationals(stated["point"], "region.point", (network.count,))])
    leaves = point | read_data(samples, "region.samples[{}]", network.data, _rationals)
    patterns = shown(network, gates, leaves, len(samples), "region.samples", budget)
    known: dict[bytes, int] = {}
    for k, pattern in enumerate(patterns):
        if (same := known.setdefault(pattern.tobytes(), k)) != k:
            raise CertificateError(f"region.samples[{k}]", "its activation pattern", f"sample {same} has the same")
    _look_for_others(network, gates, point, known, budget)
    return patterns


def _counted(stated: Any, where: str, network: Network) -> list[Any]:
    entries, gates = reading.items(stated, where), sum(map(math.prod, network.pieces))
    most = min(_MOST_PATTERNS, _MOST_GATES // max(1, gates))
    if not 0 < len(entries) <= most:
        raise CertificateError(where, f"{len(entries)} of them", f"from 1 to {most:,} with {gates} gates are checked")
    return entries


def read_data(
    samples: Sequence[Any], where: str, shapes: Mapping[str, Shape], read: Callable[[Any, str, Shape], Any]
) -> Leaves:
    """The data of all samples, (samples, *shape).

    where : with braces for the number of the sample
    read : reads the entries of one array
    """
    rows: dict[str, list[Any]] = {name: [] for name in shapes}
    for k, sample in enumerate(samples):
        reading.table(sample, where.format(k), shapes)
        for name, shape in shapes.items():
            rows[name].append(read(sample[name], f"{where.format(k)}.{name}", (math.prod(shape),)))
    return {("data", name): np.array(rows[name]).reshape(-1, *shape) for name, shape in shapes.items()}


def _rationals(values: Any, where: str, shape: Shape) -> Any:
    return np.array(reading.rationals(values, where, shape), dtype=object)


def _parameters(network: Network, points: list[Any]) -> Leaves:
    return network.named(cut(np.array(points), network.parameters.values()))


def _look_for_others(network: Network, gates: Gates, point: Leaves, known: Mapping[bytes, int], budget: Budget) -> None:
    """Draw data that nobody could foresee, and refuse a region in which they show a pattern that is not listed."""
    rng = np.random.default_rng(secrets.randbits(128))
    parameters = {leaf: Balls().exact(table.ravel(), table.shape) for leaf, table in point.items()}
    data = {leaf: shape for leaf, shape in network.program.leaves.items() if leaf[0] == "data"}
    budget.charge(_DRAWN * network.program.work * Balls.weight, "region", "its data")
    each = _DRAWN // len(_GRIDS)
    for (step, n), part in product(_GRIDS, network.batches(Balls(), each, "region")):
        count = len(range(each)[part])
        ring, values = Balls(count), dict(parameters)
        for leaf, shape in data.items():
            values[leaf] = ring.integers(rng.integers(-n, n + 1, (count, *shape)) * step, _FINEST)
        patterns, undecided = _evaluated(network, gates, ring, values, count)
        # Where a denominator may be zero, data show nothing.
        if any(pattern.tobytes() not in known for pattern in patterns[~undecided.any(axis=1) & ring.clear]):
            remedy = "data at its point show an activation pattern that is not listed"
            raise CertificateError("region.samples", f"{len(known)} samples", remedy)


def shown(network: Network, gates: Gates, leaves: Leaves, count: int, where: str, budget: Budget) -> Any:
    """The patterns at exact values. Raises CertificateError where an argument has no sign."""

    def look(ring: Balls, samples: Any) -> tuple[Any, Any]:
        """The patterns at some samples, and which of them are certain."""
        network.batches(ring, 1, where)
        budget.charge(len(samples) * network.program.work * ring.weight, where, "its signs")
        with ring.entered():
            own = {leaf: table if len(table) == 1 else table[samples] for leaf, table in leaves.items()}
            values = {leaf: ring.exact(table.ravel(), table.shape) for leaf, table in own.items()}
            patterns, undecided = _evaluated(network, gates, ring, values, len(samples))
        certain = ~undecided.any(axis=1)
        for k in np.flatnonzero(~certain & ring.clear):
            budget.charge(2 * network.program.work * Residues.slow, "patterns", "its signs")
            certain[k] = all(_vanish(network, patterns[k : k + 1], undecided[k]) for _ in range(2))
        return patterns, certain & ring.clear

    parts = [np.arange(count)[part] for part in network.batches(Balls(), count, where)]
    patterns, certain = map(np.concatenate, zip(*(look(Balls(len(part)), part) for part in parts), strict=True))
    for k in np.flatnonzero(~certain).tolist():
        for bits in PRECISIONS:
            if not certain[k]:
                row, found = look(PreciseBalls(bits), [k])
                patterns[k], certain[k] = row[0], found[0]
        if not certain[k]:
            raise CertificateError(f"{where}[{k}]", "the argument of a gate", "it is zero, so that no pattern persists")
    return patterns


def _evaluated(network: Network, gates: Gates, ring: Balls, leaves: Leaves, count: int) -> tuple[Any, Any]:
    """The patterns of some samples, and which of their entries are undecided."""
    rows, undecided = [np.zeros((count, 0), dtype=np.int64)], [np.zeros((count, 0), dtype=bool)]

    def gate(j: int, argument: Any) -> Any:
        positive, negative = (spread(sign, count) for sign in ring.signs(argument))
        fixed = gates.fixed[j]
        rows.append((positive if fixed is None else np.full_like(positive, fixed)).astype(np.int64))
        undecided.append(~(positive | negative) & (fixed is None))
        return ring.integers(rows[-1].reshape(count, *network.pieces[j]))

    with ring.entered():
        network.program.forward(Jets(ring), leaves | network.true_values(ring), gate)
    return np.concatenate(rows, axis=1), np.concatenate(undecided, axis=1)


def _vanish(network: Network, pattern: Any, entries: Any) -> bool:
    """Whether some arguments are zero at random residues, where the gates have these values, with free functions.

    If it is no accident, they are identically zero. Later arguments rest on the gates of earlier ones, which have a
    sign or do not matter.
    """
    ring, seen = Residues(random_prime()), []
    leaves = {leaf: ring.random((1, *shape)) for leaf, shape in network.program.leaves.items()}
    chosen = cut(pattern, network.pieces)

    def gate(j: int, argument: Any) -> Any:
        seen.append(spread(argument, 1)[0])
        return ring.integers(chosen[j])

    try:
        network.program.forward(Jets(ring), leaves, gate)
    except ZeroDivisionError:
        return False
    return not np.concatenate(seen)[entries].any()
