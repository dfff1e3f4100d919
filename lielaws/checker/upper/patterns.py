"""Activation patterns that rational points and data show, in rigorous arithmetic.

An argument of known sign keeps it nearby, so that the pattern is one of an open set of parameters and data. Arguments
that vanish identically in a pattern have a gate that does not matter.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.checker import reading
from lielaws.checker.networks.flows import cut
from lielaws.checker.networks.gates import Gates
from lielaws.checker.networks.network import Network
from lielaws.checker.networks.steps import Budget
from lielaws.checker.numbers.balls import PRECISIONS, Balls, PreciseBalls
from lielaws.checker.numbers.jets import Jets
from lielaws.checker.numbers.residues import Residues, random_prime
from lielaws.errors import CertificateError

Pattern = list[Any]
"""for each piecewise linear function its gates, arrays of 0 and 1"""
Tables = Mapping[tuple[str, str], Any]
"""exact values by role and name: object arrays of Fractions, (samples, *shape)"""

_MOST_PATTERNS = 4000
"""of a region or a certificate; the laws are checked on each of them"""
_GRIDS, _FINEST = ((1, 40), (4, 40), (32, 20), (32, 300)), 32
"""steps and sizes of the data that the checker draws, in units of 1 / 32: kinks may lie close together, or far out"""
_DRAWN = 2000
"""data in all; a pattern of one in a thousand data is overlooked once in seven times"""


@dataclass(frozen=True)
class Witnesses:
    """Points, data and constants, (count, *shape) or one for all, and the patterns that they show."""

    leaves: Tables
    patterns: list[Pattern]


def read_patterns(stated: Any, network: Network, gates: Gates, constants: Tables, budget: Budget) -> Witnesses:
    """The section `patterns`. Raises CertificateError."""
    entries = reading.items(stated, "patterns")
    if not 0 < len(entries) <= _MOST_PATTERNS:
        raise CertificateError("patterns", f"{len(entries)} of them", f"from 1 to {_MOST_PATTERNS:,} are checked")
    points, data = [], []
    for k, entry in enumerate(entries):
        reading.table(entry, f"patterns[{k}]", {"point", "data"})
        points.append(_rationals(entry["point"], f"patterns[{k}].point", network.count))
        data.append(entry["data"])
    leaves = _parameters(network, points) | _data(network, data, "patterns", ".data") | dict(constants)
    return Witnesses(leaves, shown(network, gates, leaves, len(entries), "patterns", budget))


def read_region(stated: Any, network: Network, gates: Gates, budget: Budget) -> list[Pattern]:
    """The patterns of the samples of a region, after a look for others. Raises CertificateError."""
    reading.table(stated, "region", {"point", "samples"})
    if not network.is_rational or network.generic:
        raise CertificateError("setting.gates", "realizable", "signs are known for rational networks only")
    samples = reading.items(stated["samples"], "region.samples")
    if not 0 < len(samples) <= _MOST_PATTERNS:
        remedy = "too many or too few for this checker"
        raise CertificateError("region.samples", f"{len(samples)} samples", remedy)
    point = _parameters(network, [_rationals(stated["point"], "region.point", network.count)])
    leaves = point | _data(network, samples, "region.samples", "")
    found = shown(network, gates, leaves, len(samples), "region.samples", budget)
    known: dict[bytes, int] = {}
    for k, pattern in enumerate(found):
        if known.setdefault(key_of(pattern), k) != k:
            remedy = f"sample {known[key_of(pattern)]} has the same"
            raise CertificateError(f"region.samples[{k}]", "its activation pattern", remedy)
    _look_for_others(network, gates, point, known, budget)
    return found


def key_of(pattern: Pattern) -> bytes:
    return b"".join(np.asarray(gates, dtype=np.int8).tobytes() for gates in pattern)


def _look_for_others(network: Network, gates: Gates, point: Tables, known: Mapping[bytes, int], budget: Budget) -> None:
    """Draw data that nobody could foresee, and refuse a region in which they show a pattern that is not listed."""
    rng = np.random.default_rng(secrets.randbits(128))
    each, ring = _DRAWN // len(_GRIDS), Balls()
    values = {leaf: ring.exact(table.ravel(), table.shape) for leaf, table in point.items()}
    for name, shape in network.data.items():
        parts = [rng.integers(-n, n + 1, (each, *shape)) * step for step, n in _GRIDS]
        values["data", name] = ring.integers(np.concatenate(parts), _FINEST)
    budget.charge(_DRAWN * network.program.work * ring.weight, "region", "its data")
    patterns, decided = _evaluated(network, gates, ring, values, _DRAWN, None)
    # Where a denominator is too close to zero at some of these data, nothing is decided.
    for k in np.flatnonzero(decided):
        if key_of([g[k] for g in patterns]) not in known:
            remedy = "data at its point show an activation pattern that is not listed"
            raise CertificateError("region.samples", f"{len(known)} samples", remedy)


def shown(network: Network, gates: Gates, leaves: Tables, count: int, where: str, budget: Budget) -> list[Pattern]:
    """The patterns at exact values. Raises CertificateError where an argument has no sign."""
    found: dict[int, Pattern] = {}

    def look(ring: Balls, samples: list[int]) -> None:
        """At all of some samples at once."""
        budget.charge(len(samples) * network.program.work * ring.weight, where, "its signs")
        own = {leaf: table if len(table) == 1 else table[samples] for leaf, table in leaves.items()}
        with ring.entered():
            values = {leaf: ring.exact(table.ravel(), table.shape) for leaf, table in own.items()}
            patterns, decided = _evaluated(network, gates, ring, values, len(samples), budget)
        found.update({samples[k]: [gate[k] for gate in patterns] for k in np.flatnonzero(decided)})

    look(Balls(count), list(range(count)))
    for k in range(count):
        for bits in PRECISIONS:
            if k not in found:
                look(PreciseBalls(bits), [k])
        if k not in found:
            remedy = "it is zero, so that no pattern persists"
            raise CertificateError(f"{where}[{k}]", "the argument of a gate", remedy)
    return [found[k] for k in range(count)]


def _evaluated(
    network: Network, gates: Gates, ring: Balls, leaves: Any, count: int, budget: Budget | None
) -> tuple[list[Any], Any]:
    """All gates, (samples, *shape) for each function, and for which samples all signs are decided.

    budget : for the proofs that numbers without a sign vanish identically; None to leave these open
    """
    found: dict[int, Any] = {}
    open_entries: dict[int, Any] = {}

    def gate(j: int, argument: Any) -> Any:
        shape = network.pieces[j]
        fixed = gates.fixed[j]
        if fixed is None:
            positive, negative = (np.broadcast_to(a, (count, *shape)) for a in ring.signs(argument))
            found[j], open_entries[j] = positive.astype(np.int64), ~(positive | negative)
        else:
            found[j] = np.full((count, *shape), fixed)
        return ring.integers(found[j])

    with ring.entered():
        network.program.forward(Jets(ring), leaves | network.true_values(ring), gate)
    patterns = [found[j] for j in range(len(network.pieces))]
    undecided = np.zeros(count, dtype=bool)
    for mask in open_entries.values():
        undecided |= mask.reshape(count, -1).any(axis=1)
    if budget is not None:
        for k in np.flatnonzero(undecided & ring.clear):
            budget.charge(2 * network.program.work * Residues.slow, "patterns", "its signs")
            own = {j: mask[k : k + 1] for j, mask in open_entries.items()}
            undecided[k] = not _vanish(network, [gate[k : k + 1] for gate in patterns], own)
    return patterns, ~undecided & ring.clear


def _vanish(network: Network, pattern: Pattern, entries: Mapping[int, Any]) -> bool:
    """Whether some arguments are identically zero where the gates have these values: so they are for free functions.

    Later arguments rest on the gates of earlier ones, which have a sign or do not matter.
    """
    program = network.program
    for _ in range(2):
        ring = Residues(random_prime())
        leaves = {leaf: ring.random((1, *shape)) for leaf, shape in program.leaves.items()}
        seen: dict[int, Any] = {}

        def gate(j: int, argument: Any, seen: dict[int, Any] = seen, ring: Residues = ring) -> Any:
            seen[j] = np.broadcast_to(argument, (1, *network.pieces[j]))
            return ring.array(pattern[j].ravel().tolist(), pattern[j].shape)

        try:
            program.forward(Jets(ring), leaves, gate)
        except ZeroDivisionError:
            return False
        if any((seen[j][mask] != 0).any() for j, mask in entries.items()):
            return False
    return True


def _rationals(values: Any, where: str, count: int) -> list[Fraction]:
    return [reading.rational(text, f"{where}[{k}]") for k, text in enumerate(reading.items(values, where, count))]


def _table(rows: Sequence[Sequence[Fraction]], shape: Sequence[int]) -> Any:
    return np.array(rows, dtype=object).reshape(len(rows), *shape)


def _parameters(network: Network, points: Sequence[Sequence[Fraction]]) -> dict[tuple[str, str], Any]:
    arrays = cut(_table(points, (network.count,)), network.parameters.values())
    return {("parameter", name): array for name, array in zip(network.parameters, arrays, strict=True)}


def _data(network: Network, samples: Sequence[Any], where: str, key: str) -> dict[tuple[str, str], Any]:
    rows: dict[str, list[list[Fraction]]] = {name: [] for name in network.data}
    for k, sample in enumerate(samples):
        reading.table(sample, f"{where}[{k}]{key}", network.data)
        for name, shape in network.data.items():
            rows[name].append(_rationals(sample[name], f"{where}[{k}]{key}.{name}", math.prod(shape)))
    return {("data", name): _table(rows[name], shape) for name, shape in network.data.items()}
