"""Functions of gated numbers: the network for one activation pattern at a time.

exp(relu(u)) is exp(u) or 1, so that functions of gated numbers are related in each pattern in a way of its own. With
numbers in place of the gates that functions depend on, a pattern is a network without them. What does not depend on
data has one value in all patterns; where there is any such thing, the networks of all patterns are taken together, with
the same parameters, as one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import product
from typing import Any

import flint

from lielaws.checker.agreement import GivenPoint, contradiction
from lielaws.checker.draws import Group
from lielaws.checker.jets import Jets
from lielaws.checker.lattices import unresolved
from lielaws.checker.networks import Network
from lielaws.checker.roots import check_roots
from lielaws.checker.sharing import MOST_WORK, Sharing
from lielaws.checker.tape import Step, Tape, Wire, sources
from lielaws.errors import CertificateError

_MOST_PATTERNS = 64
_AT_ZERO = {"exp": 1, "gauss": 0, "cos": 1, "sin": 0}


@dataclass(frozen=True)
class Sample:
    """The values of the leaves of a network for one probe, state included, and those of its functions."""

    leaves: dict[Wire, int]
    bases: dict[Wire, Any]


def disagreement(network: Network, samples: Sequence[Sample], prime: int) -> str | None:
    """A relation between functions that the values of some probes break, in words; None if they satisfy all.

    All samples have the same state. Raises CertificateError for patterns in which functions are not understood.
    """
    if not network.inner_gates:
        points = [GivenPoint(Jets(prime), sample.leaves, sample.bases) for sample in samples]
        for point in points:
            point.evaluate(network.tape)
        return contradiction(network.tape, network.sharing.rules, points)
    groups: dict[tuple[int, ...], list[Sample]] = {}
    for sample in samples:
        groups.setdefault(tuple(sample.leaves[gate] for gate in network.inner_gates), []).append(sample)
    if len(groups) > _MOST_PATTERNS:
        raise unresolved(f"there are more than {_MOST_PATTERNS} activation patterns of the gates in them")
    work = MOST_WORK // max(1, len(groups))
    shared = False
    for pattern, members in groups.items():
        alone = _Specialized(network, [pattern], work)
        if failure := alone.failure([[sample] for sample in members], prime):
            return failure
        shared |= alone.has_functions_of_state
    if shared and len(groups) > 1:
        together = _Specialized(network, list(groups), MOST_WORK)
        longest = max(map(len, groups.values()))
        rows = [[members[k % len(members)] for members in groups.values()] for k in range(longest)]
        return together.failure(rows, prime)
    return None


def pattern_networks(network: Network) -> Iterator[Network]:
    """The network for each activation pattern of the gates in its functions; other gates stay as they are.

    Raises CertificateError if these are too many.
    """
    count = len(network.inner_gates)
    if 2**count > _MOST_PATTERNS:
        raise CertificateError("lower.laws", f"{count} gates in functions", "too many to check each activation pattern")
    for pattern in product((0, 1), repeat=count):
        yield _Specialized(network, [pattern], MOST_WORK >> count).network()


class _Specialized:
    """A network for some patterns side by side: one state, and data and functions of its own for each pattern."""

    def __init__(self, network: Network, patterns: Sequence[Sequence[int]], work: int) -> None:
        self._tape, self._network = Tape(), network
        self._state = {wire: self._tape.leaf("state") for wire in network.state_leaves}
        self._logs = _Logarithms(self._tape)
        self._copies = [
            _Copy(self._tape, network, dict(zip(network.inner_gates, pattern, strict=True)), self._state, self._logs)
            for pattern in patterns
        ]
        leaves = [*self._state.values(), *self._logs.leaves.values()]
        self._sharing = Sharing(self._tape, len(self._tape.steps) - 1, leaves, work)
        check_roots(self._sharing)

    @property
    def has_functions_of_state(self) -> bool:
        """Whether some functions, or combinations of them, do not depend on data."""
        rules = self._sharing.rules
        return bool(rules.fixed or self._logs.leaves) or any(map(_has_state, (rules.exps, rules.angles, rules.mixed)))

    def network(self) -> Network:
        """The network of the first pattern."""
        known, tape = dict(self._state), self._tape
        for wire in (*self._network.state, *self._network.drift):
            if wire not in known:
                known[wire] = tape.leaf("other")
        return replace(
            self._network,
            tape=tape,
            parameters=[known[wire] for wire in self._network.parameters],
            state=[known[wire] for wire in self._network.state],
            drift=[known[wire] for wire in self._network.drift],
            sharing=self._sharing,
            potential=self._copies[0].place[self._network.potential],
            inner_gates=(),
        )

    def failure(self, rows: Sequence[Sequence[Sample]], prime: int) -> str | None:
        """What fails for some rows of samples, with one sample for each pattern."""
        ring = Jets(prime)
        points = []
        for row in rows:
            point = GivenPoint(ring)
            for copy, sample in zip(self._copies, row, strict=True):
                if failure := copy.take(point, sample):
                    return failure
            point.evaluate(self._tape)
            points.append(point)
        for leaf in self._logs.leaves.values():
            if len({point.leaves[leaf] for point in points}) > 1:
                return "the logarithm of a number has different values"
        return contradiction(self._tape, self._sharing.rules, points)


def _has_state(group: Group) -> bool:
    return len(group.free) > len(group.zero)


@dataclass
class _Logarithms:
    """Logarithms of numbers, as softplus(0) = log 2: leaves of the state, one for each prime number.

    leaves : by prime number; inside : all wires that depend on them
    """

    tape: Tape
    leaves: dict[int, Wire] = field(default_factory=dict)
    inside: set[Wire] = field(default_factory=set)

    def of(self, number: Fraction) -> tuple[Wire, int]:
        """The leaf and the factor of the logarithm of a power of a prime number."""
        factors = flint.fmpz(number.numerator).factor() if number > 0 else []
        if number.denominator != 1 or len(factors) != 1:
            raise unresolved("there is the logarithm of a number that is no power of a prime number")
        prime, exponent = (int(part) for part in factors[0])
        if prime not in self.leaves:
            self.leaves[prime] = self.tape.leaf("state")
            self.inside.add(self.leaves[prime])
        return self.leaves[prime], exponent


class _Copy:
    """The steps of a network written once more, with numbers for some of its gates."""

    def __init__(
        self,
        tape: Tape,
        network: Network,
        gates: Mapping[Wire, int],
        state: Mapping[Wire, Wire],
        logs: _Logarithms,
    ) -> None:
        self._tape, self._network, self._logs = tape, network, logs
        self._factors: dict[Wire, tuple[Wire, int]] = {}
        self.place: dict[Wire, Wire] = {}
        for wire, step in enumerate(network.tape.steps[: network.potential + 1]):
            if wire in gates:
                self.place[wire] = tape.constant(gates[wire])
            elif step[0] == "leaf":
                self.place[wire] = state[wire] if wire in state else tape.leaf("input")
            else:
                self.place[wire] = self._written(wire, step)
                if not logs.inside.isdisjoint(sources(tape.steps[self.place[wire]])):
                    logs.inside.add(self.place[wire])

    def take(self, point: GivenPoint, sample: Sample) -> str | None:
        """Add the values of a sample to those of a point; what is wrong with them by itself, in words."""
        for wire, value in sample.leaves.items():
            if wire in self.place and self._tape.steps[self.place[wire]][0] == "leaf":
                point.leaves[self.place[wire]] = value
        for wire, base in sample.bases.items():
            if wire not in self.place:
                continue
            new, kind = self.place[wire], self._network.tape.steps[wire][1]
            number = self._number(new)
            if wire in self._factors:
                leaf, factor = self._factors[wire]
                value = base * pow(factor, -1, point.ring.prime) % point.ring.prime
                if point.leaves.setdefault(leaf, value) != value:
                    return "logarithms of powers of one number are unrelated"
            elif number is not None:
                given = base[kind == "sin"] if kind in ("cos", "sin") else base
                if given != point.ring.constant(number):
                    return "a function of a number does not have its value"
            elif point.bases.setdefault(new, base) != base:
                return "functions that are the same in an activation pattern have different values"
        return None

    def _number(self, wire: Wire) -> Fraction | None:
        step = self._tape.steps[wire]
        return step[1] if step[0] == "constant" else None

    def _written(self, wire: Wire, step: Step) -> Wire:
        """The step on the new tape, worked out as far as it is known."""
        numbers = [self._number(self.place[wire]) for wire in sources(step)]
        known = [number for number in numbers if number is not None]
        if numbers and len(known) == len(numbers):
            value = _worked_out(step, known)
            if value is not None:
                return self._tape.constant(value)
        place, tape = self.place, self._tape
        match step:
            case ("constant", value):
                return tape.constant(value)
            case ("linear", terms):
                return tape.linear((factor, place[w]) for factor, w in terms if self._number(place[w]) != 0)
            case ("dot", pairs):
                return self._products([(place[left], place[right]) for left, right in pairs])
            case ("power", base, exponent):
                return tape.power(place[base], exponent)
            case ("inverse", a):
                if self._number(place[a]) == 0:
                    raise unresolved("a denominator is zero in an activation pattern")
                return tape.inverse(place[a])
            case ("function", "log", a) if known:
                self._factors[wire] = leaf, factor = self._logs.of(known[0])
                return tape.linear([(factor, leaf)])
            case ("function", kind, *arguments):
                if not self._logs.inside.isdisjoint(place[source] for source in arguments):
                    raise unresolved("there is a function of the logarithm of a number")
                return tape.function(kind, *(place[source] for source in arguments))
        raise AssertionError(step)

    def _products(self, pairs: Sequence[tuple[Wire, Wire]]) -> Wire:
        """A sum of products, of which those with numbers are multiples."""
        multiples: list[tuple[Fraction | int, Wire]] = []
        products: list[tuple[Wire, Wire]] = []
        for left, right in pairs:
            factor, other = (
                (self._number(left), right) if self._number(left) is not None else (self._number(right), left)
            )
            if factor is None:
                products.append((left, right))
            elif factor:
                multiples.append((factor, other))
        if not products:
            return self._tape.linear(multiples) if multiples else self._tape.constant(0)
        total = self._tape.dot(products)
        return self._tape.linear([*multiples, (1, total)]) if multiples else total


def _worked_out(step: Step, numbers: Sequence[Fraction]) -> Fraction | None:
    """The value of a step at numbers, if it is one that is known."""
    match step:
        case ("linear", terms):
            return sum((factor * number for (factor, _), number in zip(terms, numbers, strict=True)), Fraction(0))
        case ("dot", _):
            return sum((a * b for a, b in zip(numbers[::2], numbers[1::2], strict=True)), Fraction(0))
        case ("power", _, exponent):
            return Fraction(numbers[0] ** exponent)
        case ("inverse", _):
            return 1 / numbers[0] if numbers[0] else None
        case ("function", "sqrt", _):
            return _root(numbers[0])
        case ("function", "log", _):
            return Fraction(0) if numbers[0] == 1 else None
        case ("function", kind, *_):
            return Fraction(_AT_ZERO[kind]) if not numbers[0] else None
    return None


def _root(number: Fraction) -> Fraction | None:
    parts = (number.numerator, number.denominator)
    if number <= 0 or any(math.isqrt(part) ** 2 != part for part in parts):
        return None
    return Fraction(*map(math.isqrt, parts))
