"""The upper bound: nested brackets of vector fields at one point have a rank, so that there are few laws at most.

For rational networks everything may be computed modulo one prime. With functions, the point and the data are dyadic
numbers and all values are enclosed: that a square block of the brackets is invertible is proved by its enclosures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.checker import reading
from lielaws.checker.networks.gates import Gates
from lielaws.checker.networks.network import Network
from lielaws.checker.networks.steps import Budget
from lielaws.checker.numbers.balls import (
    PRECISIONS,
    Ball,
    Balls,
    PreciseBalls,
    UndecidedError,
    is_nonsingular,
    is_nonsingular_precisely,
    narrowed,
)
from lielaws.checker.numbers.residues import Residues, rank_modulo, read_prime
from lielaws.checker.upper.family import Family, Word, check_word, cost, grouped, level
from lielaws.checker.upper.paths import check_continuation, needs_continuation
from lielaws.checker.upper.patterns import Pattern, exactly, read_patterns
from lielaws.checker.upper.probes import Numbers, ProbeReader, Probes
from lielaws.errors import CertificateError

_LARGEST_DENOMINATOR = 2**64
"""of points and data; the finest that is of use is 2^-53"""
_CHUNK_ENTRIES = 10**7
"""of the largest arrays at once: about a gigabyte with all that is made from them"""
_NARROW = 2.0**-30
"""relative to the largest entry: a few rows of a thousand are wider, and spoil the inverse; with less, all are"""
_CALL = 800
"""an operation on small arrays takes as long as so many products in large ones, some microseconds"""
_MOST_ENTRIES = 2 * 10**7
"""of the matrix of brackets"""


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
    witnesses = None
    if patterns is not None:
        witnesses = read_patterns(patterns, network, gates, _real_constants(named, numbers), budget)
    reader = ProbeReader(network, gates, numbers, region, witnesses, budget)
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
    return Numbers(read_prime(upper["prime"], "upper.prime"), 1)


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
    budget.charge(_calls(words, network), "upper.brackets", f"{len(words)} brackets")
    return words


def _calls(words: list[Word], network: Network) -> float:
    """The work of calling operations on arrays, whatever their size: once for all words of one form."""
    return _CALL * len(network.program.needed) * sum(cost(form) for form, _, _ in grouped(words))


def _real_constants(named: dict[str, Any], numbers: Numbers) -> dict[tuple[str, str], Any]:
    """Generic constants as rational numbers, for patterns: residues may stand for any numbers, these for themselves."""
    half = (numbers.prime or 0) // 2

    def exact(n: int, name: str) -> Fraction:
        return Fraction(n - numbers.prime if numbers.prime and n > half and name != "epsilon" else n, numbers.unit)

    return {
        ("constant", name): np.array([exact(int(n), name) for n in table.ravel()], dtype=object).reshape(table.shape)
        for name, table in named.items()
    }


def _split(point: Any, network: Network) -> list[Any]:
    """The arrays of a state, with one sample, from its coordinates."""
    blocks, start = [], 0
    for shape in network.flow.state_shapes:
        stop = start + math.prod(shape)
        blocks.append(point[start:stop].reshape(1, *shape))
        start = stop
    return blocks


def _continue(reader: ProbeReader, probes: Probes, point: Any, numbers: Numbers, budget: Budget) -> None:
    """Each field must be reached from where its pattern is shown."""
    network, witnesses = reader.network, reader.witnesses
    assert witnesses is not None
    blocks = network.flow.parameters(_split(point, network))
    place = {
        ("parameter", name): _exact(block, numbers) for name, block in zip(network.parameters, blocks, strict=True)
    }
    constants = {leaf: table for leaf, table in witnesses.leaves.items() if leaf[0] == "constant"}
    for probe, number in reader.used.items():
        start = {leaf: table[number : number + 1] for leaf, table in witnesses.leaves.items() if leaf not in constants}
        end = place | {("data", name): _exact(t[probe : probe + 1], numbers) for name, t in probes.data.items()}
        where = f"upper.probes[{probe}].pattern"
        check_continuation(network, start | constants, end | constants, witnesses.patterns[number], where, budget)


def _exact(integers: Any, numbers: Numbers) -> Any:
    values = [Fraction(int(n), numbers.unit) for n in integers.ravel()]
    return np.array(values, dtype=object).reshape(integers.shape)


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

    def enclosed(ring: Any, lift: Callable[[Any], Any], which: list[int]) -> Iterator[tuple[int, list[Any]]]:
        """The chosen entries of some rows, in pieces for each array of the state."""
        constants = {name: lift(table) for name, table in named.items()}
        constants |= {name: ring.named(name, shape) for name, shape in network.true_constants.items()}
        family = Family(network, ring, probes, lift, constants)
        for places, parts in _rows(family, [words[k] for k in which], [lift(part) for part in state]):
            for k, place in enumerate(places):
                yield which[place], [ring.move(lambda x, k=k: x[k], part) for part in parts]

    # Products of large matrices are far faster than those of arrays.
    budget.charge(rank**3 / 4, "upper.rank", rank)
    ring, scale = Balls(), 1 / numbers.unit
    found = Ball(np.full((rank, rank), np.nan), np.zeros((rank, rank)))
    with ring.entered():
        try:
            for place, parts in enclosed(ring, lambda n: Ball(n * scale, np.zeros(n.shape)), list(range(rank))):
                found.mid[place] = np.concatenate([part.mid for part in parts])[chosen]
                found.rad[place] = np.concatenate([part.rad for part in parts])[chosen]
        except UndecidedError:
            found.mid[:] = np.nan
        if is_nonsingular(found):
            return
    for bits in PRECISIONS:
        precise = PreciseBalls(bits)

        def lift(n: Any, precise: PreciseBalls = precise) -> Any:
            return exactly(precise, _exact(n, numbers))

        # Rows whose enclosures are wide first; if there are none left, all rows without rounding them to floats.
        wide = _wide_rows(found)
        which = wide or list(range(rank))
        work = sum(cost(words[k]) for k in which) * network.program.work + (0 if wide else rank**3)
        charged = work * precise.weight + _calls([words[k] for k in which], network)
        budget.charge(charged, "upper.rank", f"{rank}, which floats do not prove")
        try:
            with precise.entered(), ring.entered():
                rows = {place: np.concatenate(parts)[chosen] for place, parts in enclosed(precise, lift, which)}
                for place, row in rows.items():
                    narrow = narrowed(row)
                    found.mid[place], found.rad[place] = narrow.mid, narrow.rad
                if is_nonsingular(found) or (
                    len(rows) == rank and is_nonsingular_precisely(np.stack([rows[k] for k in range(rank)]))
                ):
                    return
        except UndecidedError:
            continue
    remedy = f"{PRECISIONS[-1]} bits do not prove that the block is invertible, or a function is singular there"
    raise CertificateError("upper.columns", f"{rank} brackets and coordinates", remedy)


def _wide_rows(found: Ball) -> list[int]:
    """The rows that are known to few digits only, or not at all."""
    largest = abs(found.mid).max(axis=1, initial=0.0)
    narrow = found.rad.max(axis=1, initial=0.0) < _NARROW * largest
    return [int(k) for k in np.flatnonzero(~narrow)]
