"""The upper bound: values of nested brackets at one point modulo one prime, and their rank."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flint

from lielaws.checker import reading
from lielaws.checker.bounds import Bounds
from lielaws.checker.family import Family
from lielaws.checker.jets import Jets, moved, slope_part, value_part
from lielaws.checker.networks import Network
from lielaws.checker.patterns import Sample, disagreement
from lielaws.checker.regions import Pattern, check_pattern
from lielaws.checker.tape import Wire
from lielaws.errors import CertificateError

_DEEPEST = 16
_MOST_WORK = 5 * 10**7
_MOST_MEMORY = 2 * 10**6
_MOST_ENTRIES = 4 * 10**6
PRIMES = (2**20, 2**62)

Word = int | list[Any]


@dataclass(frozen=True)
class Member:
    """One member of the family: values of all leaves but the parameters, and of the functions at the point."""

    leaves: list[tuple[Wire, int]]
    bases: dict[Wire, Any]


def check_upper(
    upper: dict[str, Any], network: Network, bounds: Bounds, region: Sequence[Pattern] | None = None
) -> None:
    """Raises CertificateError unless the brackets have the claimed rank."""
    constants = {"constants"} if network.constants else set()
    reading.table(upper, "upper", {"prime", "point", "probes", "brackets", "rank"} | constants)
    prime = reading.integer(upper["prime"], "upper.prime", *PRIMES)
    # The library that computes ranks ends the process if the modulus is composite.
    if not flint.fmpz(prime).is_prime():
        raise CertificateError("upper.prime", prime, "it is not a prime")
    dimension = len(network.state)
    point = reading.integers(upper["point"], "upper.point", 0, prime - 1, dimension)
    words = reading.items(upper["brackets"], "upper.brackets")
    rank = reading.integer(upper["rank"], "upper.rank", 0, min(dimension, len(words)))
    probes = reading.items(upper["probes"], "upper.probes")
    shared = _named(upper.get("constants", {}), "upper.constants", network.constants, prime)
    members = [_member(probe, f"upper.probes[{k}]", network, bounds, prime) for k, probe in enumerate(probes)]
    members = [Member(member.leaves + shared, member.bases) for member in members]
    for k, member in enumerate(members if region is not None else ()):
        values = dict(member.leaves)
        pattern = tuple(values[leaf] for leaf in network.gates.leaves)
        check_pattern(pattern, region or (), f"upper.probes[{k}].gates")
    _check_functions(network, members, point, prime)
    family = Family(network, Jets(prime))
    _refuse_costly(words, len(members), family.size, dimension)
    brackets = Brackets(family, members)
    try:
        rows = [brackets.value(word, list(point)) for word in words]
    except ZeroDivisionError:
        raise CertificateError("upper.point", point, "a denominator of the network vanishes there") from None
    found = rank_modulo(rows, dimension, prime)
    if found != rank:
        raise CertificateError("upper.rank", rank, f"the brackets have rank {found} at the point")


def rank_modulo(rows: Sequence[Sequence[int]], columns: int, prime: int) -> int:
    """The rank of a matrix modulo a proven prime."""
    if len(rows) * columns > _MOST_ENTRIES:
        raise CertificateError("rank", f"{len(rows)} x {columns}", "too large for this checker")
    entries = [entry for row in rows for entry in row]
    return int(flint.nmod_mat(len(rows), columns, entries, prime).rank()) if entries else 0


def _member(probe: Any, where: str, network: Network, bounds: Bounds, prime: int) -> Member:
    """The leaves of one member of the family, with values that the family allows."""
    functions = {"functions"} if network.functions else set()
    drift = {"drift"} if network.drift else set()
    reading.table(probe, where, {"data", "cotangent", "gates"} | functions | drift)
    member = _named(probe["data"], f"{where}.data", network.data, prime)
    member += zip(network.cotangent, _cotangent(probe["cotangent"], f"{where}.cotangent", network, prime), strict=True)
    member += _gates(probe["gates"], f"{where}.gates", network, bounds, prime)
    for wire in network.drift:
        member.append((wire, reading.integer(probe["drift"], f"{where}.drift", 0, prime - 1)))
    return Member(member, _bases(probe.get("functions", []), f"{where}.functions", network, prime))


def _named(values: Any, where: str, wires: Mapping[str, Sequence[Wire]], prime: int) -> list[tuple[Wire, int]]:
    """Residues by name."""
    reading.table(values, where, wires)
    pairs: list[tuple[Wire, int]] = []
    for name, entries in wires.items():
        found = reading.integers(values[name], f"{where}.{name}", 0, prime - 1, len(entries))
        pairs += zip(entries, found, strict=True)
    return pairs


def _bases(values: Any, where: str, network: Network, prime: int) -> dict[Wire, Any]:
    """The value of each function; entries that are the same function of the same argument have one."""
    found: dict[Wire, Any] = {}
    for k, (kind, wires) in enumerate(network.functions):
        parts = 2 if kind == "circle" else 1
        size, place = len(wires) // parts, f"{where}[{k}]"
        lists = reading.items(reading.items(values, where, len(network.functions))[k], place, parts)
        residues = [reading.integers(entries, place, 0, prime - 1, size) for entries in lists]
        for part in range(parts):
            for wire, *entry in zip(wires[part * size : (part + 1) * size], *residues, strict=True):
                value = tuple(entry) if kind == "circle" else entry[0]
                if found.setdefault(wire, value) != value:
                    raise CertificateError(place, value, "the same function has another value elsewhere")
    return found


def _check_functions(network: Network, members: Sequence[Member], point: Sequence[int], prime: int) -> None:
    """The values of functions must be related as the functions are."""
    if not network.functions:
        return
    state = dict(zip(network.state, point, strict=True))
    samples = [Sample(dict(member.leaves) | state, member.bases) for member in members]
    try:
        failure = disagreement(network, samples, prime)
    except ZeroDivisionError:
        raise CertificateError("upper.point", "a denominator", "it vanishes at the point") from None
    if failure:
        raise CertificateError("upper.probes", "their functions", failure)


def _cotangent(values: Any, where: str, network: Network, prime: int) -> list[int]:
    """The independent entries of a cotangent, which is given in full."""
    row, count = network.row, len(network.cotangent)
    if not row:
        return reading.integers(values, where, 0, prime - 1, count)
    entries = reading.integers(values, where, 0, prime - 1, count // (row - 1) * row)
    for start in range(0, len(entries), row):
        if sum(entries[start : start + row]) % prime:
            remedy = "with cross-entropy the entries of the last axis must sum to zero"
            raise CertificateError(f"{where}[{start}:{start + row}]", entries[start : start + row], remedy)
    return [entry for k, entry in enumerate(entries) if k % row < row - 1]


def _gates(values: Any, where: str, network: Network, bounds: Bounds, prime: int) -> list[tuple[Wire, int]]:
    """Gates of one function have one value, and only those in which the potential is affine may be other than 0 or 1.

    An affine function is a combination of its values at 0 and 1, so that arbitrary values span the same family.
    """
    pieces = network.gates.pieces
    reading.table(values, where, [f"gate{k}" for k in range(len(pieces))])
    found: dict[int, int] = {}
    for k, gates in enumerate(pieces):
        entries = reading.integers(values[f"gate{k}"], f"{where}.gate{k}", 0, prime - 1, len(gates))
        for place, ((number, is_reversed), entry) in enumerate(zip(gates, entries, strict=True)):
            value = (1 - entry) % prime if is_reversed else entry
            if found.setdefault(number, value) != value:
                remedy = "it contradicts another gate whose argument is proportional"
                raise CertificateError(f"{where}.gate{k}[{place}]", entry, remedy)
            if bounds.output.twice >> number & 1 and entry > 1:
                remedy = "the network is not affine in this gate, so it must be 0 or 1"
                raise CertificateError(f"{where}.gate{k}[{place}]", entry, remedy)
    return [(network.gates.leaves[number], value) for number, value in found.items()]


@dataclass(frozen=True, slots=True)
class _Cost:
    """depth of a word, the work of its evaluation (in gradients of numbers), and the nilpotents that it needs"""

    depth: int
    work: int
    level: int


class Brackets:
    """Nested brackets [X, Y] = DY.X - DX.Y of members of a family."""

    def __init__(self, family: Family, members: Sequence[Member]) -> None:
        self.family, self.members = family, members

    def value(self, word: Word, state: list[Any]) -> list[Any]:
        """The bracket at a state; with a state of jets, all its derivatives along them."""
        if isinstance(word, int):
            member = self.members[word]
            return self.family([*zip(self.family.wanted, state, strict=True), *member.leaves], member.bases)
        first, second = word
        if _cost(first, 0).work > _cost(second, 0).work:
            # The first is evaluated once more than the second.
            return self._negative(self.value([second, first], state))
        x = self.value(first, state)
        along_x = self.value(second, moved(state, x))
        along_y = self.value(first, moved(state, value_part(along_x)))
        add = self.family.ring.add
        back = self._negative(slope_part(along_y))
        return [add(a, b) for a, b in zip(slope_part(along_x), back, strict=True)]

    def _negative(self, values: Iterable[Any]) -> list[Any]:
        return [self.family.ring.multiply(-1, value) for value in values]


def _cost(word: Word, level: int) -> _Cost:
    if isinstance(word, int):
        return _Cost(1, 3**level, level)
    first, second = sorted((_cost(side, 0) for side in word), key=lambda cost: cost.work)
    deeper = max(first.level, second.level) + 1
    work = first.work + 3 * first.work + 3 * second.work
    return _Cost(1 + max(first.depth, second.depth), 3**level * work, level + deeper)


def _refuse_costly(words: Sequence[Any], members: int, size: int, dimension: int) -> None:
    if len(words) * dimension > _MOST_ENTRIES:
        raise CertificateError("upper.brackets", f"{len(words)} brackets", "too many for this checker")
    work = 0
    for k, word in enumerate(words):
        _check_word(word, f"upper.brackets[{k}]", members, 1)
        cost = _cost(word, 0)
        work += cost.work * size
        if work > _MOST_WORK or size << cost.level > _MOST_MEMORY:
            raise CertificateError(f"upper.brackets[{k}]", word, "too costly for this checker")


def _check_word(word: Any, where: str, members: int, depth: int) -> None:
    if type(word) is int and 0 <= word < members:
        return
    if type(word) is not list or len(word) != 2 or depth > _DEEPEST:
        remedy = f"the number of one of {members} probes, or a pair of such words, at most {_DEEPEST} deep, is needed"
        raise CertificateError(where, word, remedy)
    for side in word:
        _check_word(side, where, members, depth + 1)
