"""The probes of an upper bound: data, cotangents and gates that single out vector fields of the family."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lielaws.checker import reading
from lielaws.checker.networks.gates import Gates, affine_pieces, own_tensors
from lielaws.checker.networks.network import Network
from lielaws.checker.networks.steps import Budget
from lielaws.checker.upper.paths import are_apart, is_singular
from lielaws.checker.upper.patterns import Pattern, Witnesses, key_of
from lielaws.errors import CertificateError

_LARGEST_REAL = 2**53
"""numerators below it are exact as float64 numbers"""


@dataclass(frozen=True)
class Probes:
    """Integers in all probes, (probes, *shape): data by name, gates for each piecewise function, drift factors."""

    data: dict[str, Any]
    cotangent: Any
    gates: list[Any]
    drift: Any

    @property
    def count(self) -> int:
        return len(self.cotangent)


@dataclass(frozen=True)
class Numbers:
    """How integers in the file are read: as residues, or as multiples of 1 / unit.

    unit : what stands for 1
    """

    prime: int | None
    unit: int

    @property
    def range(self) -> tuple[int, int]:
        return (0, self.prime - 1) if self.prime else (1 - _LARGEST_REAL, _LARGEST_REAL - 1)

    def read(self, values: Any, where: str, shape: Sequence[int]) -> Any:
        entries = reading.integers(values, where, *self.range, math.prod(shape))
        return np.array(entries, dtype=np.int64).reshape(shape)


class ProbeReader:
    """Reads probes.

    region : with realizable gates the patterns of the region
    witnesses : those of the certificate, if there are any
    used : for probes by number the number of the witness whose pattern they have
    """

    def __init__(
        self,
        network: Network,
        gates: Gates,
        numbers: Numbers,
        region: Sequence[Pattern] | None,
        witnesses: Witnesses | None,
        budget: Budget,
    ) -> None:
        self.network, self.gates, self.numbers, self.witnesses, self.budget = network, gates, numbers, witnesses, budget
        self._region = None if region is None else {key_of(pattern) for pattern in region}
        self.used: dict[int, int] = {}

    def read(self, probes: list[Any]) -> Probes:
        network = self.network
        data: dict[str, list[Any]] = {name: [] for name in network.data}
        cotangents, drifts = [], []
        listed: list[Pattern] = []
        drift = {"drift"} if network.flow.has_time else set()
        for k, probe in enumerate(probes):
            where = f"upper.probes[{k}]"
            by_pattern = "pattern" in reading.table(probe, where)
            reading.table(probe, where, {"data", "cotangent", "pattern" if by_pattern else "gates"} | drift)
            reading.table(probe["data"], f"{where}.data", network.data)
            for name, shape in network.data.items():
                data[name].append(self.numbers.read(probe["data"][name], f"{where}.data.{name}", shape))
            cotangents.append(self._cotangent(probe["cotangent"], f"{where}.cotangent"))
            drifts.append(self.numbers.read([probe.get("drift", 0)], f"{where}.drift", ()))
            listed.append(
                self._pattern(probe["pattern"], where, k) if by_pattern else self._gates(probe["gates"], where)
            )
        self._check_listed(listed)
        gates = [_stacked([one[j] for one in listed], shape) for j, shape in enumerate(network.pieces)]
        tables = {name: _stacked(data[name], shape) for name, shape in network.data.items()}
        return Probes(tables, _stacked(cotangents, network.output_shape), gates, _stacked(drifts, ()))

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

    def _pattern(self, number: Any, where: str, probe: int) -> Pattern:
        if self._region is not None or self.witnesses is None:
            remedy = "there are no patterns with realizable gates, or the section patterns is missing"
            raise CertificateError(f"{where}.pattern", number, remedy)
        reading.integer(number, f"{where}.pattern", 0, len(self.witnesses.patterns) - 1)
        self.used[probe] = number
        return [gate * self.numbers.unit for gate in self.witnesses.patterns[number]]

    def _gates(self, values: Any, where: str) -> Pattern:
        pieces = self.network.pieces
        reading.table(values, f"{where}.gates", [f"gate{j}" for j in range(len(pieces))])
        found = [self.numbers.read(values[f"gate{j}"], f"{where}.gates.gate{j}", s) for j, s in enumerate(pieces)]
        if self._region is not None:
            small = all(((gate == 0) | (gate == self.numbers.unit)).all() for gate in found)
            if not small or key_of([gate // self.numbers.unit for gate in found]) not in self._region:
                remedy = "no sample of the region has this activation pattern"
                raise CertificateError(f"{where}.gates", values, remedy)
        return found

    def _check_listed(self, listed: list[Pattern]) -> None:
        """Gates that are listed may be all patterns together; those that are tied agree, and most are 0 or 1."""
        network, gates, unit = self.network, self.gates, self.numbers.unit
        chosen = [k for k in range(len(listed)) if k not in self.used]
        if not network.pieces or not chosen:
            return
        if self._region is None and any(fixed is None for fixed in gates.fixed):
            self._check_free(f"upper.probes[{chosen[0]}].gates")
        entries = np.stack([np.concatenate([gate.ravel() for gate in listed[k]]) for k in chosen])
        tied = "it contradicts another gate whose argument is proportional, or the sign of its argument"
        mixed = "the network is not affine in this gate, so it must be 0 or 1"
        sizes = [numbers.size for numbers in gates.numbers]
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


def _stacked(rows: list[Any], shape: Sequence[int]) -> Any:
    return np.stack(rows) if rows else np.zeros((0, *shape), dtype=np.int64)
