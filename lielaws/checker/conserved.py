"""The lower bound: each law is constant along every member of the family, and the laws are independent."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint

from lielaws.checker import reading
from lielaws.checker.bounds import Bounds, most_terms
from lielaws.checker.brackets import PRIMES, rank_modulo
from lielaws.checker.draws import drawing_ring
from lielaws.checker.family import Family
from lielaws.checker.jets import Jets, random_prime
from lielaws.checker.networks import Network
from lielaws.checker.patterns import pattern_networks
from lielaws.checker.regions import Pattern, gates_of
from lielaws.checker.tape import Wire
from lielaws.errors import CertificateError

_ERROR_EXPONENT = 100
_LARGEST_ROUND_ERROR = -20
_LARGEST_DEGREE = 64
_MOST_WORK = 2 * 10**6
_MOST_EXPONENTS = 10**7
_ATTEMPTS = 8
_MOST_NAMED = 10
_MOST_IN_REGIONS = 3 * 10**5
_FREE: Mapping[Wire, int] = {}
_TOO_LARGE = "too large to check that the laws hold for gates of 0 and 1"


@dataclass(frozen=True)
class Law:
    """A polynomial: (coefficient, exponent by coordinate) for each term."""

    terms: Sequence[tuple[int, Counter[int]]]

    @property
    def degree(self) -> int:
        return max((exponents.total() for _, exponents in self.terms), default=0)

    @property
    def norm(self) -> int:
        return sum(abs(coefficient) for coefficient, _ in self.terms)

    def slopes(self) -> Iterator[tuple[int, int, Counter[int]]]:
        """The gradient as triples: coordinate, and a term of the derivative along it."""
        for coefficient, exponents in self.terms:
            for coordinate, exponent in exponents.items():
                rest = exponents.copy()
                rest[coordinate] -= 1
                yield coordinate, coefficient * exponent, rest

    def gradient(self, point: Sequence[int], prime: int) -> dict[int, int]:
        """The components that are not zero at a point modulo a prime."""
        found: dict[int, int] = {}
        for coordinate, factor, exponents in self.slopes():
            value = factor % prime
            for other, exponent in exponents.items():
                value = value * pow(point[other], exponent, prime) % prime
            found[coordinate] = (found.get(coordinate, 0) + value) % prime
        return {coordinate: value for coordinate, value in found.items() if value}


def check_lower(
    lower: dict[str, Any], network: Network, bounds: Bounds, region: Sequence[Pattern] | None = None
) -> Iterator[str]:
    """The statements that fail. Raises CertificateError for what is malformed or too large."""
    dimension = len(network.state)
    laws = _laws(lower["laws"], dimension)
    _check_methods(lower["verification"], bool(laws))
    yield from _independence(lower["independence"], laws, dimension)
    if laws:
        yield from _conservation(laws, network, bounds, region)


def _laws(entries: Any, dimension: int) -> list[Law]:
    laws, work = [], 0
    if len(reading.items(entries, "lower.laws")) > dimension:
        raise CertificateError("lower.laws", f"{len(entries)} laws", f"at most {dimension} are independent")
    for k, terms in enumerate(entries):
        found = []
        for place, term in enumerate(reading.items(terms, f"lower.laws[{k}]")):
            where = f"lower.laws[{k}][{place}]"
            coefficient, coordinates = reading.items(term, where, 2)
            reading.integers(coordinates, where, 0, dimension - 1)
            work += 1 + len(coordinates) ** 2
            if len(coordinates) > _LARGEST_DEGREE or work > _MOST_WORK:
                raise CertificateError(where, len(coordinates), "the laws are too large for this checker")
            found.append((reading.integer(coefficient, where), Counter(coordinates)))
        laws.append(Law(found))
    return laws


def _check_methods(entries: Any, needed: bool) -> None:
    """What the file says about its own verification must make sense; nothing here relies on it."""
    if needed and not reading.items(entries, "lower.verification"):
        raise CertificateError("lower.verification", entries, "how the laws were verified is missing")
    for k, entry in enumerate(reading.items(entries, "lower.verification")):
        where = f"lower.verification[{k}]"
        method = reading.choice(reading.table(entry, where).get("method"), where, ("expansion", "evaluation"))
        if method == "expansion":
            reading.table(entry, where, {"method"})
            continue
        reading.table(entry, where, {"method", "rounds", "error_log2"})
        reading.integer(entry["rounds"], f"{where}.rounds", 1, 10**6)
        reading.integer(entry["error_log2"], f"{where}.error_log2", -(10**9), -_ERROR_EXPONENT)


def _independence(stated: Any, laws: Sequence[Law], dimension: int) -> Iterator[str]:
    """At the point of the file, and at one of our own."""
    reading.table(stated, "lower.independence", {"prime", "point"})
    prime = reading.integer(stated["prime"], "lower.independence.prime", *PRIMES)
    if not flint.fmpz(prime).is_prime():
        raise CertificateError("lower.independence.prime", prime, "it is not a prime")
    point = reading.integers(stated["point"], "lower.independence.point", 0, prime - 1, dimension)
    gradients = [law.gradient(point, prime) for law in laws]
    if vanishing := [k for k, gradient in enumerate(gradients) if not gradient]:
        yield f"lower.independence: the gradient of law {vanishing[0]} vanishes at the point"
    elif (rank := _rank(gradients, prime)) != len(laws):
        yield f"lower.independence: the gradients of {len(laws)} laws have rank {rank} at the point"
    own = Jets(random_prime())
    state = [own.random() for _ in range(dimension)]
    rank = _rank([law.gradient(state, own.prime) for law in laws], own.prime)
    if rank != len(laws):
        yield f"lower.laws: they depend on each other: {len(laws)} laws, of which {rank} are independent"


def _rank(gradients: Sequence[dict[int, int]], prime: int) -> int:
    columns = {coordinate: k for k, coordinate in enumerate(sorted({c for row in gradients for c in row}))}
    rows = [[0] * len(columns) for _ in gradients]
    for row, gradient in zip(rows, gradients, strict=True):
        for coordinate, value in gradient.items():
            row[columns[coordinate]] = value
    return rank_modulo(rows, len(columns), prime)


def _conservation(
    laws: Sequence[Law], network: Network, bounds: Bounds, region: Sequence[Pattern] | None
) -> Iterator[str]:
    """Evaluate <grad h, X_z> at random points modulo random primes, both drawn after the file was read.

    Gates are arbitrary numbers first. Where the potential is not affine in them, a law of the gates 0 and 1 may fail
    for others, and then only an expansion tells, or all activation patterns of gates in functions one by one.
    """
    if region is not None and len(region) * len(network.tape.steps) > _MOST_IN_REGIONS:
        raise CertificateError("region.samples", f"{len(region)} patterns", "too many to check that the laws hold")
    failing: set[int] = set()
    for gates in gates_of(region, network):
        failing |= _refuted(laws, network, bounds, len(region or "1"), gates)
    if failing and network.inner_gates:
        failing = _refuted_by_patterns(laws, network, failing)
    elif failing and bounds.output.twice and region is None:
        expanded = _Expansion(network)
        failing = {k for k in failing if not expanded.annihilates(laws[k])}
    for k in sorted(failing)[:_MOST_NAMED]:
        yield f"lower.laws[{k}]: it is no law, as it is not constant along the flow"
    if len(failing) > _MOST_NAMED:
        yield f"lower.laws: {len(failing) - _MOST_NAMED} more of them are no laws"


def _refuted(
    laws: Sequence[Law], network: Network, bounds: Bounds, cases: int, gates: Mapping[Wire, int] = _FREE
) -> set[int]:
    """The laws that fail at some of as many points as it takes, in one of several cases that are to be checked.

    gates : those that have given values
    """
    error = max(bounds.round_error(law.degree, law.norm) for law in laws)
    if error > _LARGEST_ROUND_ERROR:
        raise CertificateError("lower.laws", f"{len(laws)} laws", "degrees or coefficients are too large to check them")
    rounds = math.ceil((_ERROR_EXPONENT + math.log2(len(laws) * cases)) / -error)
    failing: set[int] = set()
    for _ in range(max(2, rounds)):
        failing |= set(_failing(laws, network, bounds.prime_bits, gates))
    return failing


def _refuted_by_patterns(laws: Sequence[Law], network: Network, doubtful: set[int]) -> set[int]:
    """Those of some laws that fail in some activation pattern of the gates that functions depend on."""
    chosen = sorted(doubtful)
    failing: set[int] = set()
    for one in pattern_networks(network):
        bounds = Bounds(one.tape, one.potential, (), one.sharing.rules, one.motion)
        found = _refuted([laws[k] for k in chosen], one, bounds, 2 ** len(network.inner_gates))
        failing |= {chosen[k] for k in found}
    return failing


def _failing(laws: Sequence[Law], network: Network, bits: int, gates: Mapping[Wire, int]) -> Iterator[int]:
    """The laws that fail at one random point modulo one random prime."""
    ring = drawing_ring(bits)
    family = Family(network, ring)
    others = [wire for wire in (*network.state, *network.drift) if wire not in set(network.parameters)]
    for _ in range(_ATTEMPTS):
        drawn = network.sharing.draw(ring)
        extra = {wire: ring.random() for wire in others}
        try:
            member = family([*drawn.leaves, *extra.items(), *gates.items()], drawn.bases)
        except ZeroDivisionError:
            continue
        values = drawn.values | extra
        point = [values[wire] for wire in network.state]
        for k, law in enumerate(laws):
            if sum(value * member[c] for c, value in law.gradient(point, ring.prime).items()) % ring.prime:
                yield k
        return
    raise CertificateError("architecture", "a denominator", "it vanished at every point that was tried")


class _Expansion:
    """The members of the family as polynomials over Q in everything, gates included."""

    def __init__(self, network: Network) -> None:
        tape, leaves = network.tape, [wire for wire, step in enumerate(network.tape.steps) if step[0] == "leaf"]
        self.room = _MOST_EXPONENTS // len(leaves)
        terms = most_terms(tape, network.potential, self.room)
        if terms is None or 2 * terms * len(tape.steps) > self.room:
            raise CertificateError("lower.laws", "their expansion", _TOO_LARGE)
        self.terms = terms
        self.context = flint.fmpq_mpoly_ctx.get([f"z{k}" for k in range(len(leaves))], flint.Ordering.lex)
        values = dict(zip(leaves, self.context.gens(), strict=True))
        self.coordinates = [values[wire] for wire in network.state]
        self.gates = [leaves.index(wire) for wire in network.gates.leaves]
        if network.functions or any(len(inverse.denominator) > 1 for inverse in network.motion.inverses):
            raise CertificateError("lower.laws", "their expansion", _TOO_LARGE)
        self.member = Family(network, _Polynomials(self.context))(values.items())

    def annihilates(self, law: Law) -> bool:
        """Whether the law is constant along all members with gates of 0 and 1, which are equal to their powers."""
        slopes = list(law.slopes())
        if self.terms * len(slopes) > self.room:
            raise CertificateError("lower.laws", "their expansion", _TOO_LARGE)
        total = self.context.constant(0)
        for coordinate, value, exponents in slopes:
            term = self.member[coordinate] * value
            for other, exponent in exponents.items():
                term = term * self.coordinates[other] ** exponent
            total = total + term
        merged: dict[tuple[int, ...], Any] = {}
        for powers, coefficient in total.terms():
            key = [int(exponent) for exponent in powers]
            for gate in self.gates:
                key[gate] = min(key[gate], 1)
            merged[tuple(key)] = merged.get(tuple(key), 0) + coefficient
        return not any(merged.values())


class _Polynomials:
    """The ring of polynomials over Q in the leaves."""

    def __init__(self, context: Any) -> None:
        self.context = context

    def constant(self, value: Fraction) -> Any:
        return self.context.constant(flint.fmpq(value.numerator, value.denominator))

    def add(self, a: Any, b: Any) -> Any:
        return a + b

    def multiply(self, a: Any, b: Any) -> Any:
        return a * b

    def inverse(self, a: Any) -> Any:
        raise AssertionError("the number of terms of an inverse is unbounded")
