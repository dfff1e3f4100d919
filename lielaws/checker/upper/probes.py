"""The probes of an upper bound: data, cotangents and gates that single out vector fields of the family."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.checker import reading
from lielaws.checker.networks.flows import cut
from lielaws.checker.networks.gates import Gates, affine_pieces, own_tensors
from lielaws.checker.networks.network import Network
from lielaws.checker.networks.steps import Budget
from lielaws.checker.upper.paths import are_apart, is_singular
from lielaws.checker.upper.patterns import Witnesses, read_data
from lielaws.errors import CertificateError

_LARGEST_REAL = 2**53
"""numerators below it are exact as float64 numbers"""
_MOST_GATES = 10**7
"""of all probes together"""


@dataclass(frozen=True)
class Numbers:
    """How integers in the file are read: as residues, or as multiples of 1 / unit.

    unit : what stands for 1
    """

    prime: int | None
    unit: int

    def read(self, values: Any, where: str, shape: Sequence[int]) -> Any:
        low, high = (0, self.prime - 1) if self.prime else (1 - _LARGEST_REAL, _LARGEST_REAL - 1)
        return np.array(reading.integers(values, where, low, high, math.prod(shape)), dtype=np.int64).reshape(shape)

    def exact(self, table: Any, *, positive: bool = False) -> Any:
        """Rational numbers; of those with a residue the one next to zero, or the least positive one."""
        numerators = table.ravel().tolist()
        if self.prime and not positive:
            numerators = [n - self.prime if n > self.prime // 2 else n for n in numerators]
        return np.array([Fraction(n, self.unit) for n in numerators], dtype=object).reshape(table.shape)


@dataclass(frozen=True)
class Probes:
    """Integers in all probes, (probes, *shape): data by leaf, gates for each piecewise function, drift factors.

    used : the witness whose pattern a probe has, by the number of the probe
    """

    data: dict[tuple[str, str], Any]
    cotangent: Any
    gates: list[Any]
    drift: Any
    used: dict[int, int] = field(default_factory=dict)


@dataclass
class ProbeReader:
    """Reads probes.

    region : with realizable gates the patterns of the region, as bytes
    witnesses : those of the certificate, if there are any
    """

    network: Network
    gates: Gates
    numbers: Numbers
    region: set[bytes] | None
    witnesses: Witnesses | None
    budget: Budget

    def read(self, probes: list[Any]) -> Probes:
        network, numbers, used = self.network, self.numbers, dict[int, int]()
        cotangents, drifts, rows = [], [], []
        patterns = [] if self.witnesses is None else self.witnesses.patterns
        drift = {"drift"} if network.flow.has_time else set()
        entries = sum(map(math.prod, network.pieces))
        if len(probes) * entries > _MOST_GATES:
            raise CertificateError("upper.probes", f"{len(probes)} with {entries} gates", "too many for this checker")
        for k, probe in enumerate(probes):
            where = f"upper.probes[{k}]"
            by_pattern = "pattern" in reading.table(probe, where)
            reading.table(probe, where, {"data", "cotangent", "pattern" if by_pattern else "gates"} | drift)
            cotangents.append(self._cotangent(probe["cotangent"], f"{where}.cotangent"))
            drifts.append(numbers.read([probe.get("drift", 0)], f"{where}.drift", ()))
            if by_pattern:
                used[k] = self._pattern(probe["pattern"], f"{where}.pattern")
                rows.append(patterns[used[k]] * numbers.unit)
            else:
                rows.append(self._listed(probe["gates"], f"{where}.gates"))
        data = read_data([probe["data"] for probe in probes], "upper.probes[{}].data", network.data, numbers.read)
        gates = np.array(rows, dtype=np.int64).reshape(len(probes), entries)
        self._check_listed(gates, [k for k in range(len(probes)) if k not in used])
        stacked = np.array(cotangents, dtype=np.int64).reshape(-1, *network.output_shape)
        return Probes(data, stacked, cut(gates, network.pieces), np.array(drifts, dtype=np.int64), used)

    def read_few(self, probes: list[Any], where: str) -> tuple[dict[tuple[str, str], Any], list[Any]]:
        """Data by leaf, and the gates of each function, of probes that list the entries other than zero: each as
        [place, value]."""
        network = self.network
        data, gates = network.data, {f"gate{j}": shape for j, shape in enumerate(network.pieces)}
        tables = {name: math.prod(shape) for name, shape in {**data, **gates}.items()}
        if len(tables) < len(data) + len(gates):
            raise CertificateError("architecture.data", sorted(gates), "these names are those of gates")
        if len(probes) * sum(tables.values()) > _MOST_GATES:
            raise CertificateError(where, f"{len(probes)} probes", "too many for this checker")
        found = {name: np.zeros((len(probes), size), dtype=np.int64) for name, size in tables.items()}
        for k, probe in enumerate(probes):
            reading.table(probe, f"{where}[{k}]", tables)
            for name, size in tables.items():
                for pair in reading.items(probe[name], f"{where}[{k}].{name}"):
                    place, value = reading.items(pair, f"{where}[{k}].{name}", 2)
                    place = reading.integer(place, f"{where}[{k}].{name}", 0, size - 1)
                    found[name][k, place] = self.numbers.read([value], f"{where}[{k}].{name}", (1,))[0]
        rows = np.concatenate([np.zeros((len(probes), 0), dtype=np.int64), *(found[name] for name in gates)], axis=1)
        self._check_listed(rows, list(range(len(probes))))
        leaves = {("data", name): found[name].reshape(-1, *shape) for name, shape in data.items()}
        return leaves, [found[name].reshape(-1, *shape) for name, shape in gates.items()]

    def _cotangent(self, values: Any, where: str) -> Any:
        entries, row = self.numbers.read(values, where, self.network.output_shape), self.network.row
        if row:
            totals = entries.reshape(-1, row).astype(object).sum(axis=1)
            wrong = np.flatnonzero(totals % self.numbers.prime if self.numbers.prime else totals)
            if len(wrong):
                start = int(wrong[0]) * row
                remedy = "with cross-entropy the entries of the last axis must sum to zero"
                raise CertificateError(f"{where}[{start}:{start + row}]", values[start : start + row], remedy)
        return entries

    def _pattern(self, number: Any, where: str) -> int:
        if self.witnesses is None:
            remedy = "there are no patterns with realizable gates, or the section patterns is missing"
            raise CertificateError(where, number, remedy)
        return reading.integer(number, where, 0, len(self.witnesses.patterns) - 1)

    def _listed(self, values: Any, where: str) -> Any:
        """The gates of all functions in a row."""
        sizes = {f"gate{j}": math.prod(shape) for j, shape in enumerate(self.network.pieces)}
        reading.table(values, where, sizes)
        found = [self.numbers.read(values[name], f"{where}.{name}", (size,)) for name, size in sizes.items()]
        row = np.concatenate([np.zeros(0, dtype=np.int64), *found])
        if self.region is not None:
            are_open = row == self.numbers.unit
            if not (are_open | (row == 0)).all() or are_open.astype(np.int64).tobytes() not in self.region:
                raise CertificateError(where, values, "no sample of the region has this activation pattern")
        return row

    def _check_listed(self, rows: Any, chosen: list[int]) -> None:
        """Gates that are listed may be all patterns together; those that are tied agree, and most are 0 or 1."""
        network, gates, unit = self.network, self.gates, self.numbers.unit
        if not network.pieces or not chosen:
            return
        if self.region is None and any(fixed is None for fixed in gates.fixed):
            self._check_free(f"upper.probes[{chosen[0]}].gates")
        entries, sizes = rows[chosen], [numbers.size for numbers in gates.numbers]
        tied = "it contradicts another gate whose argument is proportional, or the sign of its argument"
        mixed = "the network is not affine in this gate, so it must be 0 or 1"
        is_mixed = (entries != 0) & (entries != unit) & ~np.repeat(affine_pieces(network.program, gates), sizes)
        for wrong, remedy in ((gates.contradictions(entries, unit, self.numbers.prime), tied), (is_mixed, mixed)):
            for row, place in np.argwhere(wrong)[:1]:
                j = int(np.searchsorted(np.cumsum(sizes), place, side="right"))
                name = f"upper.probes[{chosen[row]}].gates.gate{j}[{place - sum(sizes[:j])}]"
                raise CertificateError(name, int(entries[row, place]), remedy)

    def _check_free(self, where: str) -> None:
        """All patterns together may be taken for those that data show."""
        own = own_tensors(self.network, self.gates, self.budget)
        if own is None or not (self.network.is_rational or are_apart(self.network, self.gates, self.budget)):
            remedy = "its gates are not those of layers with own weights: patterns that data show are needed"
            raise CertificateError(where, "listed", remedy)
        if is_singular(self.network, own):
            # Where gates and signs disagree, a root is not the one of the region that its gates come from.
            remedy = "a root or logarithm depends on its gates: patterns that data show are needed"
            raise CertificateError(where, "listed", remedy)
