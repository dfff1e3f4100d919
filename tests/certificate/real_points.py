"""Certificates at real points, made with nothing but the checker's own arithmetic; the laws come from a report.

Rows are guessed with the midpoints of float64 balls, chosen by pivoted QR, and written down for the checker to prove.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import qr

import lielaws
from lielaws.checker.networks.flows import cut
from lielaws.checker.networks.gates import own_tensors
from lielaws.checker.networks.network import Network, read_network
from lielaws.checker.networks.steps import Budget
from lielaws.checker.numbers.balls import Balls
from lielaws.checker.upper.family import Evidence, grouped
from lielaws.checker.upper.paths import are_apart, is_singular
from lielaws.checker.upper.patterns import read_patterns
from lielaws.checker.upper.probes import Numbers, Probes
from lielaws.checker.verify import _FREE_GATES, _SHOWN_GATES, find_gates
from lielaws.engine.graph.steps import graph_spec

Record = dict[str, Any]
UNIT = 64
_SPARE = 6


def real_certificate(report: lielaws.Report, seed: int = 0, *, patterns: bool | None = None) -> Record:
    """The record of a report, with its upper bound proved at a real point.

    patterns : whether gates are those of witnesses; None where free gates cannot be listed
    """
    record = report.certificate.record
    maker = _Maker(record, np.random.default_rng(seed), patterns)
    return maker.record(report.growth)


def certificate_of(
    architecture: lielaws.Architecture,
    laws: list[Any],
    growth: tuple[int, ...],
    seed: int = 0,
    *,
    patterns: bool | None = None,
) -> Record:
    """A record for a network, laws as terms, and ranks, without any search: what it states may be false."""
    spec = graph_spec(architecture.name, architecture.traced)
    dimension = sum(int(np.prod(shape, dtype=int)) for shape in architecture.parameters.values())
    rng = np.random.default_rng(seed)
    upper = dimension - growth[-1]
    record = {
        "format": "lielaws-certificate",
        "version": 2,
        "architecture": {key: spec[key] for key in ("name", "parameters", "data", "steps")},
        "setting": {"flow": {"kind": "gradient"}, "loss": "any", "gates": "free"},
        "dimension": dimension,
        "upper_bound": upper,
        "lower_bound": len(laws),
        "status": "exact" if upper == len(laws) else "gap",
        "upper": {"rank": growth[-1]},
        "lower": {
            "laws": laws,
            "independence": {"prime": 2**31 - 1, "point": rng.integers(0, 1000, dimension).tolist()},
            "verification": [{"method": "expansion"}],
        },
        "versions": {},
    }
    return _Maker(record, rng, patterns).record(growth)


class _Maker:
    def __init__(self, record: Record, rng: np.random.Generator, patterns: bool | None) -> None:
        self.old, self.rng = dict(record), rng
        setting, budget = record["setting"], Budget()
        self.network: Network = read_network(record["architecture"], setting["flow"], setting["loss"], budget)
        self.gates = find_gates(self.network.program, budget)
        self.free = any(fixed is None for fixed in self.gates.fixed)
        own = own_tensors(self.network, self.gates, budget)
        listable = own is not None and not is_singular(self.network, own)
        listable = not self.free or (
            listable and (self.network.is_rational or are_apart(self.network, self.gates, budget))
        )
        self.patterns = not listable if patterns is None else patterns
        self.probes: list[Record] = []
        self.witnesses: list[Record] = []
        self.words: list[Any] = []
        self.point = 2 * rng.integers(-UNIT // 2, UNIT // 2, self.network.dimension) + 1
        self.constants = {name: rng.integers(1, UNIT, shape) for name, shape in self.network.generic.items()}

    def record(self, growth: tuple[int, ...]) -> Record:
        rank = self.old["upper"]["rank"]
        rows = np.zeros((0, self.network.dimension))
        for depth, reached in enumerate(growth, start=1):
            missing = min(reached, rank) - len(rows)
            if missing > 0:
                rows = self._extended(rows, missing, depth)
        assert len(rows) == rank, "an unlucky point"
        columns = qr(rows / abs(rows).max(axis=1, keepdims=True), mode="r", pivoting=True)[1][:rank] if rank else []
        hypotheses = [_SHOWN_GATES if self.patterns else _FREE_GATES] if self.free else []
        if self.constants:
            names = ", ".join(self.constants)
            hypotheses.append(f"generic constants: the statement holds for all but special values of {names}")
        constants = {name: value.ravel().tolist() for name, value in self.constants.items()}
        upper = {
            "arithmetic": "real",
            "denominator": UNIT,
            "point": self.point.tolist(),
            **({"constants": constants} if constants else {}),
            "probes": self.probes,
            "brackets": self.words,
            "rank": rank,
            "columns": [int(k) for k in columns],
        }
        changed = {"upper": upper, "hypotheses": hypotheses}
        if self.patterns and self.free:
            changed["patterns"] = self.witnesses
        return self.old | changed

    def _extended(self, rows: Any, missing: int, depth: int) -> Any:
        """Random brackets of one depth, as many as bring something new."""
        for _ in range(6):
            words = [self._word(depth) for _ in range(missing + _SPARE)]
            found = self._rows(words)
            finite = np.isfinite(found).all(axis=1) & (abs(found).max(axis=1, initial=0) > 1e-12)
            words = [word for word, good in zip(words, finite, strict=True) if good]
            found = found[finite]
            basis = qr(rows.T, mode="economic")[0] if len(rows) else np.zeros((self.network.dimension, 0))
            scaled = found / abs(found).max(axis=1, keepdims=True).clip(1e-300)
            rest = scaled - scaled @ basis @ basis.T
            pivots, order = (part for part in qr(rest.T, mode="r", pivoting=True))
            strong = int((abs(np.diag(pivots)) > 1e-11).sum())
            chosen = order[: min(missing, strong)]
            self.words += [words[k] for k in chosen]
            rows = np.concatenate([rows, scaled[chosen]])
            missing -= len(chosen)
            if not missing:
                break
        return rows

    def _word(self, depth: int) -> Any:
        word: Any = self._probe()
        for _ in range(depth - 1):
            word = [self._probe(), word]
        return word

    def _probe(self) -> int:
        network, rng = self.network, self.rng
        # Odd numbers, as many gates have no sign at zero.
        data = {name: 2 * rng.integers(-UNIT // 2, UNIT // 2, shape) + 1 for name, shape in network.data.items()}
        cotangent = rng.integers(-UNIT, UNIT + 1, network.output_shape)
        if network.row:
            cotangent[..., -1] -= cotangent.sum(axis=-1)
        probe: Record = {"data": {name: array.ravel().tolist() for name, array in data.items()}}
        probe["cotangent"] = cotangent.ravel().tolist()
        if network.flow.has_time:
            probe["drift"] = int(rng.integers(-UNIT, UNIT))
        if self.patterns and self.free:
            probe["pattern"] = self._witness(data)
        else:
            probe["gates"] = self._listed()
        self.probes.append(probe)
        return len(self.probes) - 1

    def _listed(self) -> Record:
        values = self.rng.integers(0, 2, self.gates.count)
        for number, value in self.gates.values.items():
            values[number] = value
        found = {}
        for j, numbers in enumerate(self.gates.numbers):
            entries = np.where(self.gates.reverse[j], 1 - values[numbers], values[numbers])
            found[f"gate{j}"] = (entries * UNIT).ravel().tolist()
        return found

    def _witness(self, data: Record) -> int:
        """A random point and data; where the way could be singular, the place of the probe itself."""
        network, rng = self.network, self.rng
        if is_singular(network):
            start = network.flow.has_time
            numbers, unit = self.point[start : start + network.count], UNIT
        else:
            numbers, unit = 2 * rng.integers(-1000, 1001, network.count) + 1, 512
            data = {name: 2 * rng.integers(-1000, 1001, shape) + 1 for name, shape in network.data.items()}
        texts = {name: [f"{n}/{unit}" for n in array.ravel().tolist()] for name, array in data.items()}
        self.witnesses.append({"point": [f"{n}/{unit}" for n in numbers.tolist()], "data": texts})
        return len(self.witnesses) - 1

    def _rows(self, words: list[Any]) -> Any:
        """Midpoints of the brackets."""
        network = self.network
        probes = self._tables()

        constants = {("constant", name): value[None] for name, value in self.constants.items()}
        point = cut(self.point[None], network.flow.state_shapes)
        rows = np.full((len(words), network.dimension), np.nan)
        evidence = Evidence(network, probes, constants, UNIT, point, words)
        # All words of one form at once, or each by itself where some sample meets a singularity.
        for chosen in (*(places for _, places, _ in grouped(words)), *([k] for k in range(len(words)))):
            if np.isnan(rows[chosen]).any():
                ring = Balls()
                with ring.entered():
                    for places, found in evidence.rows(ring, chosen):
                        rows[places] = found.mid if ring.clear.all() else np.nan
        return rows

    def _tables(self) -> Probes:
        network = self.network
        gates = [np.zeros((len(self.probes), *shape), dtype=np.int64) for shape in network.pieces]
        for k, probe in enumerate(self.probes):
            for j, shape in enumerate(network.pieces):
                gates[j][k] = self._gates_of(probe, j).reshape(shape)

        def table(values: list[Any], shape: tuple[int, ...]) -> Any:
            return np.array(values, dtype=np.int64).reshape(len(self.probes), *shape)

        data = {("data", n): table([probe["data"][n] for probe in self.probes], s) for n, s in network.data.items()}
        cotangents = table([probe["cotangent"] for probe in self.probes], network.output_shape)
        return Probes(data, cotangents, gates, table([probe.get("drift", 0) for probe in self.probes], ()))

    def _gates_of(self, probe: Record, j: int) -> Any:
        if "gates" in probe:
            return np.array(probe["gates"][f"gate{j}"])
        return cut(self._shown(probe["pattern"])[None], self.network.pieces)[j] * UNIT

    def _shown(self, number: int) -> Any:
        """The pattern of a witness, by the checker itself."""
        known = self.__dict__.setdefault("_patterns", {})
        if number not in known:
            numbers = Numbers(None, UNIT)
            constants = {("constant", n): numbers.exact(v[None]) for n, v in self.constants.items()}
            stated = [self.witnesses[number]]
            known[number] = read_patterns(stated, self.network, self.gates, constants, Budget()).patterns[0]
        return known[number]
