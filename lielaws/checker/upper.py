"""The upper bound: nested brackets of vector fields at one point have a rank, so that there are few laws at most.

For rational networks everything may be computed modulo one prime. With functions, the point and the data are dyadic
numbers and all values are enclosed: that a square block of the brackets is invertible is proved by its enclosures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint
import numpy as np

from lielaws.checker import reading
from lielaws.checker.balls import (
    PRECISIONS,
    Ball,
    Balls,
    PreciseBalls,
    UndecidedError,
    is_nonsingular,
    is_nonsingular_precisely,
)
from lielaws.checker.family import Family, Probes, Word, check_word, cost, grouped, level
from lielaws.checker.gates import Gates, affine_pieces, freely_gated
from lielaws.checker.laws import PRIMES, rank_modulo
from lielaws.checker.network import Network
from lielaws.checker.patterns import (
    Pattern,
    Witnesses,
    are_apart,
    check_continuation,
    key_of,
    needs_continuation,
    read_patterns,
)
from lielaws.checker.residues import Residues
from lielaws.checker.steps import Budget
from lielaws.errors import CertificateError

_LARGEST_REAL = 2**53
"""numerators below it are exact as float64 numbers"""
_LARGEST_DENOMINATOR = 2**64
"""of points and data; the finest that is of use is 2^-53"""
_CHUNK_ENTRIES = 10**7
"""of the largest arrays at once: about a gigabyte with all that is made from them"""
_MOST_ENTRIES = 2 * 10**7
"""of the matrix of brackets"""


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


def check_upper(
    upper: dict[str, Any],
    patterns: Any,
    network: Network,
    gates: Gates,
    region: Sequence[Pattern] | None,
    budget: Budget,
) -> None:
    """Raises CertificateError unless the brackets have the claimed rank.

    patterns : the section of the witnesses, or None
    region : with realizable gates the patterns of the region
    """
    numbers = _read_arithmetic(upper, network)
    where = "upper.constants"
    reading.table(upper.get("constants", {}), where, network.generic)
    if ("constants" in upper) != bool(network.generic):
        raise CertificateError(where, sorted(network.generic), "these are the constants that have a value")
    named = {
        name: numbers.read(upper["constants"][name], f"{where}.{name}", (1, *shape))
        for name, shape in network.generic.items()
    }
    if "epsilon" in named and not (named["epsilon"] > 0).all():
        raise CertificateError(f"{where}.epsilon", upper["constants"]["epsilon"], "it is positive")
    point = numbers.read(upper["point"], "upper.point", (network.dimension,))
    reader = _ProbeReader(network, gates, numbers, region, budget)
    if patterns is not None:
        reader.witnesses = read_patterns(patterns, network, gates, _real_constants(named, numbers), budget)
    probes = reader.read(reading.items(upper["probes"], "upper.probes"))
    if reader.used and not numbers.prime and needs_continuation(network):
        _continue(reader, probes, point, numbers, budget)
    words = _read_words(upper["brackets"], probes.count, network, budget)
    rank = reading.integer(upper["rank"], "upper.rank", 0, min(network.dimension, len(words)))
    state = _split(point, network)
    if numbers.prime:
        _check_rank(rank, words, Residues(numbers.prime), network, probes, named, state)
    else:
        _check_block(upper["columns"], rank, words, numbers, network, probes, named, state, budget)


def _read_arithmetic(upper: dict[str, Any], network: Network) -> Numbers:
    common = {"arithmetic", "point", "probes", "brackets", "rank"}
    kind = reading.choice(reading.table(upper, "upper").get("arithmetic"), "upper.arithmetic", ("modular", "real"))
    if kind == "real":
        reading.table(upper, "upper", common | {"denominator", "columns"}, {"constants"})
        unit = reading.integer(upper["denominator"], "upper.denominator", 1, _LARGEST_DENOMINATOR)
        if unit & (unit - 1):
            raise CertificateError("upper.denominator", unit, "a power of two is needed")
        return Numbers(None, unit)
    reading.table(upper, "upper", common | {"prime"}, {"constants"})
    if not network.is_rational:
        remedy = "values of functions and of irrational constants are real, and so is the proof"
        raise CertificateError("upper.arithmetic", kind, remedy)
    prime = reading.integer(upper["prime"], "upper.prime", *PRIMES)
    # The library that computes ranks ends the process if the modulus is composite.
    if not flint.fmpz(prime).is_prime():
        raise CertificateError("upper.prime", prime, "it is not a prime")
    return Numbers(prime, 1)


def _read_words(values: Any, probes: int, network: Network, budget: Budget) -> list[Word]:
    words = reading.items(values, "upper.brackets")
    if len(words) > network.dimension or len(words) * network.dimension > _MOST_ENTRIES:
        raise CertificateError("upper.brackets", f"{len(words)} brackets", "too many for this checker")
    for k, word in enumerate(words):
        where = f"upper.brackets[{k}]"
        check_word(word, where, probes)
        # Jets below this size are held for one word alone.
        if network.steps.entries << level(word) > _CHUNK_ENTRIES:
            raise CertificateError(where, word, "too costly for this checker")
        budget.charge(cost(word) * (network.program.work + 10 * network.dimension) * Balls.weight, where, word)
    return words


def _real_constants(named: dict[str, Any], numbers: Numbers) -> dict[tuple[str, str], Any]:
    """Generic constants as rational numbers, for patterns: residues may stand for any numbers, these for themselves."""
    half = (numbers.prime or 0) // 2

    def exact(n: int, name: str) -> Fraction:
        return Fraction(n - numbers.prime if numbers.prime and n > half and name != "epsilon" else n, numbers.unit)

    return {
        ("constant", name): np.array([exact(int(n), name) for n in table.ravel()], dtype=object).reshape(table.shape)
        for name, table in named.items()
    }


class _ProbeReader:
    """Reads probes.

    witnesses : those of the certificate, if there are any
    used : for probes by number the number of the witness whose pattern they have
    """

    def __init__(
        self, network: Network, gates: Gates, numbers: Numbers, region: Sequence[Pattern] | None, budget: Budget
    ) -> None:
        self.network, self.gates, self.numbers, self.region, self.budget = network, gates, numbers, region, budget
        self.witnesses: Witnesses | None = None
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
        if any(k not in self.used for k in range(len(probes))):
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
        if self.region is not None or self.witnesses is None:
            remedy = "there are no patterns with realizable gates, or the section patterns is missing"
            raise CertificateError(f"{where}.pattern", number, remedy)
        reading.integer(number, f"{where}.pattern", 0, len(self.witnesses.patterns) - 1)
        self.used[probe] = number
        return [gate * self.numbers.unit for gate in self.witnesses.patterns[number]]

    def _gates(self, values: Any, where: str) -> Pattern:
        pieces = self.network.pieces
        reading.table(values, f"{where}.gates", [f"gate{j}" for j in range(len(pieces))])
        found = [self.numbers.read(values[f"gate{j}"], f"{where}.gates.gate{j}", s) for j, s in enumerate(pieces)]
        if self.region is not None:
            known = {key_of(pattern) for pattern in self.region}
            small = all(((gate == 0) | (gate == self.numbers.unit)).all() for gate in found)
            if not small or key_of([gate // self.numbers.unit for gate in found]) not in known:
                remedy = "no sample of the region has this activation pattern"
                raise CertificateError(f"{where}.gates", values, remedy)
        return found

    def _check_listed(self, listed: list[Pattern]) -> None:
        """Gates that are listed may be all patterns together; those that are tied agree, and most are 0 or 1."""
        gates, unit, prime, probes = self.gates, self.numbers.unit, self.numbers.prime, range(len(listed))
        chosen = [k for k in probes if k not in self.used]
        if not self.network.pieces:
            return
        arrays = [np.stack([listed[k][j] for k in chosen]) for j in range(len(self.network.pieces))]
        if self.region is None and any(fixed is None for fixed in gates.fixed):
            if needs_continuation(self.network, behind_gates=True):
                # Where gates and signs disagree, a root is not the one of the region that its gates come from.
                remedy = "a root or logarithm depends on its gates: patterns that data show are needed"
                raise CertificateError(f"upper.probes[{chosen[0]}].gates", "listed", remedy)
            apart = self.network.is_rational or are_apart(self.network, gates, self.budget)
            if not apart or not freely_gated(self.network, gates, self.budget):
                remedy = "its gates are not those of layers with own weights: patterns that data show are needed"
                raise CertificateError(f"upper.probes[{chosen[0]}].gates", "listed", remedy)
        wrong = gates.contradictions(arrays, unit, prime)
        for row, place in np.argwhere(wrong)[:1]:
            name, value = self._entry(chosen[row], arrays, row, place)
            remedy = "it contradicts another gate whose argument is proportional, or the sign of its argument"
            raise CertificateError(name, value, remedy)
        for j, affine in enumerate(affine_pieces(self.network.program, gates)):
            bad = np.argwhere(((arrays[j] != 0) & (arrays[j] != unit)).reshape(len(chosen), -1))
            if not affine and len(bad):
                row, place = bad[0]
                remedy = "the network is not affine in this gate, so it must be 0 or 1"
                name = f"upper.probes[{chosen[row]}].gates.gate{j}[{place}]"
                raise CertificateError(name, int(arrays[j][row].ravel()[place]), remedy)

    def _entry(self, probe: int, arrays: list[Any], row: int, place: int) -> tuple[str, int]:
        for j, array in enumerate(arrays):
            size = array[row].size
            if place < size:
                return f"upper.probes[{probe}].gates.gate{j}[{place}]", int(array[row].ravel()[place])
            place -= size
        raise AssertionError(place)


def _stacked(rows: list[Any], shape: Sequence[int]) -> Any:
    return np.stack(rows) if rows else np.zeros((0, *shape), dtype=np.int64)


def _split(point: Any, network: Network) -> list[Any]:
    """The arrays of a state, with one sample, from its coordinates."""
    blocks, start = [], 0
    for shape in network.flow.state_shapes:
        stop = start + math.prod(shape)
        blocks.append(point[start:stop].reshape(1, *shape))
        start = stop
    return blocks


def _continue(reader: _ProbeReader, probes: Probes, point: Any, numbers: Numbers, budget: Budget) -> None:
    """Each field must be reached from where its pattern is shown."""
    network, witnesses = reader.network, reader.witnesses
    assert witnesses is not None
    blocks = network.flow.parameters(_split(point, network))
    place = {
        ("parameter", name): _exact(block, numbers) for name, block in zip(network.parameters, blocks, strict=True)
    }
    for probe, number in reader.used.items():
        start = {leaf: table[number : number + 1] for leaf, table in witnesses.leaves.items() if leaf[0] != "constant"}
        constants = {leaf: table for leaf, table in witnesses.leaves.items() if leaf[0] == "constant"}
        end = place | {("data", name): _exact(t[probe : probe + 1], numbers) for name, t in probes.data.items()}
        where = f"upper.probes[{probe}].pattern"
        check_continuation(network, start | constants, end | constants, witnesses.patterns[number], where, budget)


def _exact(integers: Any, numbers: Numbers) -> Any:
    values = np.empty(integers.size, dtype=object)
    values[:] = [Fraction(int(n), numbers.unit) for n in integers.ravel()]
    return values.reshape(integers.shape)


# The rank


def _check_rank(
    rank: int,
    words: list[Word],
    ring: Residues,
    network: Network,
    probes: Probes,
    named: dict[str, Any],
    state: list[Any],
) -> None:
    """Modulo a prime."""

    def lift(integers: Any) -> Any:
        return integers.astype(ring.dtype)

    family = Family(network, ring, probes, lift, {name: lift(table) for name, table in named.items()})
    rows: list[Any] = [None] * len(words)
    try:
        for places, block in _rows(family, words, [lift(part) for part in state]):
            flat = np.concatenate([np.asarray(part, dtype=object) for part in block], axis=1)
            for place, row in zip(places, flat, strict=True):
                rows[place] = row
    except ZeroDivisionError:
        raise CertificateError("upper.point", "a denominator", "a denominator of the network vanishes there") from None
    found = rank_modulo(rows, ring.prime)
    if found != rank or rank != len(words):
        more = "" if rank == len(words) else f", and there are {len(words)}"
        raise CertificateError("upper.rank", rank, f"the brackets have rank {found} at the point{more}")


def _rows(family: Family, words: list[Word], state: list[Any]) -> Iterator[tuple[list[int], list[Any]]]:
    """The brackets, some at a time: their places among all, and their components for each array of the state."""
    shapes = family.network.flow.state_shapes
    for form, places, probes in grouped(words):
        chunk = max(1, _CHUNK_ENTRIES // (family.network.steps.entries << level(form)))
        for start in range(0, len(places), chunk):
            chosen = probes[start : start + chunk]
            blocks = family.bracket(form, chosen, state)
            parts = [_part(family, block, len(chosen), shape) for block, shape in zip(blocks, shapes, strict=True)]
            yield places[start : start + chunk], parts


def _part(family: Family, block: Any, samples: int, shape: Sequence[int]) -> Any:
    size = math.prod(shape)
    if block is None:
        block = family.ring.constant([0] * size, 1, tuple(shape))
    return family.ring.move(lambda x: np.broadcast_to(x, (samples, *shape)).reshape(samples, size), block)


def _check_block(
    columns: Any,
    rank: int,
    words: list[Word],
    numbers: Numbers,
    network: Network,
    probes: Probes,
    named: dict[str, Any],
    state: list[Any],
    budget: Budget,
) -> None:
    """By enclosures of real values: of float64 numbers first, then with more and more precision."""
    if rank != len(words):
        raise CertificateError("upper.rank", rank, f"there are {len(words)} brackets; their rank is to be proved")
    chosen = reading.integers(columns, "upper.columns", 0, network.dimension - 1, rank)
    if len(set(chosen)) < rank:
        raise CertificateError("upper.columns", chosen, "distinct coordinates are needed")

    def enclosed(ring: Any, lift: Callable[[Any], Any], join: Callable[[list[Any]], Any]) -> list[Any]:
        constants = {name: lift(table) for name, table in named.items()}
        constants |= {name: ring.named(name, shape) for name, shape in network.true_constants.items()}
        family = Family(network, ring, probes, lift, constants)
        rows: list[Any] = [None] * rank
        for places, parts in _rows(family, words, [lift(part) for part in state]):
            block = join(parts)
            for k, place in enumerate(places):
                rows[place] = ring.move(lambda x, k=k: x[k, chosen], block)
        return rows

    budget.charge(3 * rank**3, "upper.rank", rank)
    ring = Balls()
    try:
        with ring.entered():
            scale = 1 / numbers.unit
            found = enclosed(ring, lambda n: Ball(n * scale, np.zeros(n.shape)), _joined)
            if rank == 0 or is_nonsingular(Ball(np.stack([r.mid for r in found]), np.stack([r.rad for r in found]))):
                return
    except UndecidedError:
        pass
    for bits in PRECISIONS:
        precise = PreciseBalls(bits)

        def lift(n: Any, precise: PreciseBalls = precise) -> Any:
            return precise.exact(_exact(n, numbers).ravel().tolist(), n.shape)

        work = sum(cost(word) for word in words) * network.program.work
        budget.charge((work + rank**3) * precise.weight, "upper.rank", f"{rank}, which floats do not prove")
        try:
            with precise.entered():
                found = enclosed(precise, lift, _beside)
                if is_nonsingular_precisely(np.stack(found)):
                    return
        except UndecidedError:
            continue
    remedy = f"{PRECISIONS[-1]} bits do not prove that the block is invertible, or a function is singular there"
    raise CertificateError("upper.columns", f"{rank} brackets and coordinates", remedy)


def _joined(parts: list[Ball]) -> Ball:
    return Ball(*(np.concatenate([getattr(part, name) for part in parts], axis=1) for name in ("mid", "rad")))


def _beside(parts: list[Any]) -> Any:
    return np.concatenate(parts, axis=1)
