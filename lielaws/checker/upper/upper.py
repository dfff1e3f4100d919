"""The upper bound: nested brackets of vector fields at one point have a rank, so that there are few laws at most.

For rational networks everything may be computed modulo one prime. With functions, the point and the data are dyadic
numbers and all values are enclosed: that a square block of the brackets is invertible is proved by its enclosures.
"""

from __future__ import annotations

from typing import Any

from lielaws.checker import reading
from lielaws.checker.networks.flows import cut
from lielaws.checker.networks.gates import Gates
from lielaws.checker.networks.network import Network
from lielaws.checker.networks.program import Leaves
from lielaws.checker.networks.steps import Budget
from lielaws.checker.numbers.balls import Balls
from lielaws.checker.numbers.residues import read_prime
from lielaws.checker.upper.family import CHUNK_ENTRIES, Evidence, Word, calls, check_word, cost, level
from lielaws.checker.upper.paths import check_continuation, is_singular
from lielaws.checker.upper.patterns import Witnesses, read_patterns
from lielaws.checker.upper.probes import Numbers, ProbeReader, Probes
from lielaws.checker.upper.rank import check_enclosures, check_residues
from lielaws.errors import CertificateError

_LARGEST_DENOMINATOR = 2**64
"""of points and data; the finest that is of use is 2^-53"""
_MOST_ENTRIES = 2 * 10**7
"""of the matrix of brackets"""


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
    probes = ProbeReader(network, gates, numbers, known, witnesses, budget).read(stated)
    if witnesses is not None and not numbers.prime and is_singular(network):
        _continue(network, witnesses, probes, point, numbers, budget)
    words = _read_words(upper["brackets"], len(stated), network, budget)
    rank = reading.integer(upper["rank"], "upper.rank", 0, min(network.dimension, len(words)))
    evidence = Evidence(network, probes, constants, numbers.unit, point, words)
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


def _continue(
    network: Network, witnesses: Witnesses, probes: Probes, point: Any, numbers: Numbers, budget: Budget
) -> None:
    """Each field must be reached from where its pattern is shown."""
    ring = Balls()
    shown = {leaf: ring.exact(table.ravel(), table.shape) for leaf, table in witnesses.leaves.items()}
    constants = {leaf: ball for leaf, ball in shown.items() if leaf[0] == "constant"}
    place = network.named([ring.integers(block, numbers.unit) for block in network.flow.parameters(point)])
    data = {leaf: ring.integers(table, numbers.unit) for leaf, table in probes.data.items()}
    for probe, number in probes.used.items():
        start = {leaf: ball[number : number + 1] for leaf, ball in shown.items()} | constants
        end = place | {leaf: ball[probe : probe + 1] for leaf, ball in data.items()} | constants
        where = f"upper.probes[{probe}].pattern"
        check_continuation(network, start, end, witnesses.patterns[number], where, budget)
