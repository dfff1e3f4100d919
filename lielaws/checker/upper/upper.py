"""The upper bound: nested brackets of vector fields at one point have a rank, so that there are few laws at most.

For rational networks everything may be computed modulo one prime. With functions, the point and the data are dyadic
numbers and all values are enclosed: that a square block of the brackets is invertible is proved by its enclosures.
"""

from __future__ import annotations

from typing import Any

import flint
import numpy as np

from lielaws.checker import reading
from lielaws.checker.networks.flows import cut
from lielaws.checker.networks.gates import Gates
from lielaws.checker.networks.network import Network
from lielaws.checker.networks.program import Leaves
from lielaws.checker.networks.steps import Budget
from lielaws.checker.numbers.balls import (
    PRECISIONS,
    Ball,
    Balls,
    PreciseBalls,
    is_nonsingular,
    is_nonsingular_precisely,
    narrowed,
)
from lielaws.checker.numbers.residues import Residues, read_prime
from lielaws.checker.upper.family import Evidence, Word, calls, check_word, cost
from lielaws.checker.upper.paths import check_continuation, is_singular
from lielaws.checker.upper.patterns import Witnesses, read_patterns
from lielaws.checker.upper.probes import Numbers, ProbeReader, Probes
from lielaws.checker.upper.sparse import Triangle, read_triangle
from lielaws.errors import CertificateError

_LARGEST_DENOMINATOR = 2**64
"""of points and data; the finest that is of use is 2^-53"""
_MOST_ENTRIES = 2 * 10**7
"""of the matrix of brackets"""
_MORE_BITS, _SLOWER = (1024, 2048, 4096), 1024
"""precisions for blocks that are nearly singular, as those of many heads are, while half of the work is left for the
laws; beyond 1,024 bits products take longer in proportion"""
_NARROW = 2.0**-30
"""relative to the largest entry: a few rows of a thousand are wider, and spoil the inverse; with less, all are"""


def check_upper(
    upper: dict[str, Any], patterns: Any, network: Network, gates: Gates, region: Any, budget: Budget
) -> None:
    """Raises CertificateError unless the brackets have the claimed rank.

    patterns : the section of the witnesses, or None
    region : with realizable gates the patterns of the region
    """
    numbers = _read_arithmetic(upper, network)
    constants = _read_constants(upper, network, numbers)
    point = cut(numbers.read(upper["point"], "upper.point", (1, network.dimension)), network.flow.state_shapes)
    witnesses = None
    if patterns is not None:
        exact = {leaf: numbers.exact(table, positive=leaf[1] == "epsilon") for leaf, table in constants.items()}
        witnesses = read_patterns(patterns, network, gates, exact, budget)
    known = None if region is None else {pattern.tobytes() for pattern in region}
    stated = reading.items(upper["probes"], "upper.probes")
    reader = ProbeReader(network, gates, numbers, known, witnesses, budget)
    probes = reader.read(stated)
    if witnesses is not None and not numbers.prime and is_singular(network):
        _continue(network, witnesses, probes, point, numbers, budget)
    ring = Residues(numbers.prime) if numbers.prime else Balls()
    words = _read_words(upper["brackets"], len(stated), network, ring.weight, budget)
    most = network.dimension if "sparse" in upper else min(network.dimension, len(words))
    rank = reading.integer(upper["rank"], "upper.rank", 0, most)
    evidence = Evidence(network, probes, constants, numbers.unit, point, words)
    if "sparse" in upper:
        leaves = constants | network.named(network.flow.parameters(point))
        triangle = read_triangle(upper["sparse"], network, numbers, reader, leaves, budget)
        _check_with_triangle(rank, evidence, triangle, budget)
    elif numbers.prime:
        _check_residues(rank, evidence, numbers.prime)
    else:
        _check_enclosures(rank, upper["columns"], evidence, budget)


def _read_arithmetic(upper: dict[str, Any], network: Network) -> Numbers:
    common = {"arithmetic", "point", "probes", "brackets", "rank"}
    kind = reading.choice(reading.table(upper, "upper").get("arithmetic"), "upper.arithmetic", ("modular", "real"))
    if kind == "real":
        reading.table(upper, "upper", common | {"denominator", "columns"}, {"constants"})
        unit = reading.integer(upper["denominator"], "upper.denominator", 1, _LARGEST_DENOMINATOR)
        if unit & (unit - 1):
            raise CertificateError("upper.denominator", unit, "a power of two is needed")
        return Numbers(None, unit)
    reading.table(upper, "upper", common | {"prime"}, {"constants", "sparse"})
    if not network.is_rational:
        remedy = "values of functions and of irrational constants are real, and so is the proof"
        raise CertificateError("upper.arithmetic", kind, remedy)
    return Numbers(read_prime(upper["prime"], "upper.prime"), 1)


def _read_constants(upper: dict[str, Any], network: Network, numbers: Numbers) -> Leaves:
    """The constants that may have any value."""
    where, found = "upper.constants", {}
    values = reading.table(upper.get("constants", {}), where, network.generic)
    if ("constants" in upper) != bool(network.generic):
        raise CertificateError(where, sorted(network.generic), "these are the constants that have a value")
    for name, shape in network.generic.items():
        found["constant", name] = table = numbers.read(values[name], f"{where}.{name}", (1, *shape))
        if name == "epsilon" and not (table > 0).all():
            raise CertificateError(f"{where}.{name}", values[name], "it is positive")
    return found


def _read_words(values: Any, probes: int, network: Network, weight: float, budget: Budget) -> list[Word]:
    words = reading.items(values, "upper.brackets")
    if len(words) > network.dimension or len(words) * network.dimension > _MOST_ENTRIES:
        raise CertificateError("upper.brackets", f"{len(words)} brackets", "too many for this checker")
    for k, word in enumerate(words):
        where = f"upper.brackets[{k}]"
        check_word(word, where, probes)
        budget.charge(cost(word) * (network.program.work + 10 * network.dimension) * weight, where, word)
    budget.charge(calls(words, network), "upper.brackets", f"{len(words)} brackets")
    return words


def _continue(
    network: Network, witnesses: Witnesses, probes: Probes, point: Any, numbers: Numbers, budget: Budget
) -> None:
    """Each field must be reached from where its pattern is shown."""
    ring = Balls()
    constants = {leaf: table for leaf, table in witnesses.leaves.items() if leaf[0] == "constant"}
    place = network.named([ring.integers(block, numbers.unit) for block in network.flow.parameters(point)])
    data = {leaf: ring.integers(table, numbers.unit) for leaf, table in probes.data.items()}
    for probe, number in probes.used.items():
        own = {leaf: table[number : number + 1] for leaf, table in witnesses.leaves.items()} | constants
        start = {leaf: ring.exact(table.ravel(), table.shape) for leaf, table in own.items()}
        end = place | {leaf: ball[probe : probe + 1] for leaf, ball in data.items()}
        end |= {leaf: start[leaf] for leaf in constants}
        where = f"upper.probes[{probe}].pattern"
        check_continuation(network, start, end, witnesses.patterns[number], where, budget)


def _check_residues(rank: int, evidence: Evidence, prime: int) -> None:
    """Raises CertificateError unless brackets have a rank modulo a prime."""
    words = len(evidence.words)
    matrix = flint.nmod_mat(words, evidence.network.dimension, prime)
    try:
        for places, rows in evidence.rows(Residues(prime), range(words)):
            # One by one, as a list of all numbers takes more memory than the matrix.
            for place, row in zip(places, rows, strict=True):
                for column, value in enumerate(row.tolist()):
                    matrix[place, column] = value
    except ZeroDivisionError:
        raise CertificateError("upper.point", "a denominator", "a denominator of the network vanishes there") from None
    true_rank = matrix.rank()
    if true_rank != rank or rank != words:
        more = "" if rank == words else f", and there are {words}"
        raise CertificateError("upper.rank", rank, f"the brackets have rank {true_rank} at the point{more}")


def _check_with_triangle(rank: int, evidence: Evidence, triangle: Triangle, budget: Budget) -> None:
    """The same for brackets beside sparse rows: all of them are independent."""
    words, core = len(evidence.words), len(triangle.core)
    brackets = np.zeros((words, core), dtype=np.int64)
    try:
        for places, rows in evidence.rows(Residues(triangle.prime), range(words)):
            brackets[places] = triangle.on_core(rows)
    except ZeroDivisionError:
        raise CertificateError("upper.point", "a denominator", "a denominator of the network vanishes there") from None
    rest = np.concatenate([triangle.others, brackets])
    budget.charge(4.0 * len(rest) * len(rest) * core, "upper.rank", rank)
    total = len(triangle.told) + len(rest)
    true_rank = len(triangle.told) + flint.nmod_mat(len(rest), core, rest.ravel().tolist(), triangle.prime).rank()
    if true_rank != rank or rank != total:
        raise CertificateError("upper.rank", rank, f"the {total} rows and brackets have rank {true_rank} at the point")


def _check_enclosures(rank: int, columns: Any, evidence: Evidence, budget: Budget) -> None:
    """Raises CertificateError unless the entries of brackets in some columns are proved to be an invertible block.

    By float64 numbers first, then with more and more precision.
    """
    network, words = evidence.network, evidence.words
    if rank != len(words):
        raise CertificateError("upper.rank", rank, f"there are {len(words)} brackets; their rank is to be proved")
    chosen = reading.integers(columns, "upper.columns", 0, network.dimension - 1, rank)
    if len(set(chosen)) < rank:
        raise CertificateError("upper.columns", chosen, "distinct coordinates are needed")
    # Products of large matrices are far faster than those of arrays.
    budget.charge(rank**3 / 4, "upper.rank", rank)
    block = Ball(np.full((rank, rank), np.nan), np.zeros((rank, rank)))
    if not rank or _is_proved(block, Balls(), list(range(rank)), evidence, chosen):
        return
    tried = 0
    for bits in (*PRECISIONS, *_MORE_BITS):
        ring = PreciseBalls(bits)
        # Rows whose enclosures are wide first; if there are none left, all rows without rounding them to floats.
        wide = _wide_rows(block)
        which = wide or list(range(rank))
        work = sum(cost(words[k]) for k in which) * network.program.work + (0 if wide else rank**3)
        charged = (work * ring.weight + calls([words[k] for k in which], network)) * max(1, bits / _SLOWER)
        if bits in _MORE_BITS and charged > budget.left / 2:
            break
        budget.charge(charged, "upper.rank", f"{rank}, which floats do not prove")
        if _is_proved(block, ring, which, evidence, chosen):
            return
        tried = bits
    remedy = f"{tried} bits do not prove that the block is invertible, or a function is singular there"
    raise CertificateError("upper.columns", f"{rank} brackets and coordinates", remedy)


def _is_proved(block: Ball, ring: Balls, which: list[int], evidence: Evidence, columns: list[int]) -> bool:
    """Whether the block is proved to be invertible, after some of its rows were computed in a ring."""
    is_precise = isinstance(ring, PreciseBalls)
    all_precise = is_precise and len(which) == len(columns)
    found: list[tuple[list[int], Any, Ball]] = []
    with ring.entered(), np.errstate(all="ignore"):
        for places, part in evidence.rows(ring, which):
            rows = ring.move(lambda x: x[:, columns], part)
            # Precise numbers are large; if all are kept, the cube of the number of rows bounds the work.
            found.append((places, rows if all_precise else None, narrowed(rows) if is_precise else rows))
        if not ring.clear.all():
            return False
        for places, _, narrow in found:
            block.mid[places], block.rad[places] = narrow.mid, narrow.rad
        # The order of rows does not matter.
        return is_nonsingular(block) or (
            all_precise and is_nonsingular_precisely(np.concatenate([rows for _, rows, _ in found]))
        )


def _wide_rows(found: Ball) -> list[int]:
    """The rows that are known to few digits only, or not at all."""
    largest = abs(found.mid).max(axis=1, initial=0.0)
    narrow = found.rad.max(axis=1, initial=0.0) < _NARROW * largest
    return [int(k) for k in np.flatnonzero(~narrow)]
