"""The upper bound: nested brackets of vector fields at one point have a rank, so that there are few laws at most.

For rational networks everything may be computed modulo one prime. With functions, the point and the data are dyadic
numbers and all values are enclosed: that a square block of the brackets is invertible is proved by its enclosures.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.checker import reading
from lielaws.checker.networks.flows import cut
from lielaws.checker.networks.gates import Gates
from lielaws.checker.networks.network import Network
from lielaws.checker.networks.steps import Budget
from lielaws.checker.numbers.balls import Balls
from lielaws.checker.numbers.residues import read_prime
from lielaws.checker.upper.family import CHUNK_ENTRIES, Evidence, Word, calls, check_word, cost, level
from lielaws.checker.upper.paths import check_continuation, is_singular
from lielaws.checker.upper.patterns import Pattern, read_patterns
from lielaws.checker.upper.probes import Numbers, ProbeReader, Probes
from lielaws.checker.upper.rank import check_enclosures, check_residues
from lielaws.errors import CertificateError

_LARGEST_DENOMINATOR = 2**64
"""of points and data; the finest that is of use is 2^-53"""
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
    point = cut(numbers.read(upper["point"], "upper.point", (1, network.dimension)), network.flow.state_shapes)
    witnesses = None
    if patterns is not None:
        witnesses = read_patterns(patterns, network, gates, _real_constants(named, numbers), budget)
    reader = ProbeReader(network, gates, numbers, region, witnesses, budget)
    probes = reader.read(reading.items(upper["probes"], "upper.probes"))
    if reader.used and not numbers.prime and is_singular(network):
        _continue(reader, probes, point, numbers, budget)
    words = _read_words(upper["brackets"], probes.count, network, budget)
    rank = reading.integer(upper["rank"], "upper.rank", 0, min(network.dimension, len(words)))
    evidence = Evidence(network, probes, named, numbers.unit, point, words)
    if numbers.prime:
        check_residues(rank, evidence, numbers.prime)
    else:
        check_enclosures(rank, upper["columns"], evidence, budget)


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
        if network.steps.entries << level(word) > CHUNK_ENTRIES:
            raise CertificateError(where, word, "too costly for this checker")
        budget.charge(cost(word) * (network.program.work + 10 * network.dimension) * Balls.weight, where, word)
    budget.charge(calls(words, network), "upper.brackets", f"{len(words)} brackets")
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


def _continue(reader: ProbeReader, probes: Probes, point: Any, numbers: Numbers, budget: Budget) -> None:
    """Each field must be reached from where its pattern is shown."""
    network, witnesses, ring = reader.network, reader.witnesses, Balls()
    assert witnesses is not None
    blocks = zip(network.parameters, network.flow.parameters(point), strict=True)
    place = {("parameter", name): ring.integers(block, numbers.unit) for name, block in blocks}
    data = {("data", name): ring.integers(table, numbers.unit) for name, table in probes.data.items()}
    shown = {leaf: ring.exact(table.ravel(), table.shape) for leaf, table in witnesses.leaves.items()}
    constants = {leaf: ball for leaf, ball in shown.items() if leaf[0] == "constant"}
    for probe, number in reader.used.items():
        start = {leaf: ball[number : number + 1] for leaf, ball in shown.items()} | constants
        end = place | {leaf: ball[probe : probe + 1] for leaf, ball in data.items()} | constants
        where = f"upper.probes[{probe}].pattern"
        check_continuation(network, start, end, witnesses.patterns[number], where, budget)
