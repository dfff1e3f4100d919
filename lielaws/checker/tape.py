"""A network as a straight-line program over single numbers, and its reading in any commutative ring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Protocol

from lielaws.checker import special
from lielaws.errors import CertificateError

MOST_OPERATIONS = 200_000
MOST_LEAVES = 50_000
_MOST_ENTRIES = 3_000_000
LARGEST_EXPONENT = 1000

Wire = int
Bases = Mapping[Wire, Any]
"""the value of each function at the base point; for cosine and sine both of them, as a pair"""
_NO_BASES: Bases = {}
Step = tuple[Any, ...]
"""("leaf", name), ("constant", c), ("linear", ((c, wire), ..)), ("dot", ((wire, wire), ..)), ("power", wire, n),
("inverse", wire), or ("function", kind, wire, ..) for a function of `special`"""


class Ring(Protocol):
    """What a tape is evaluated in; elements are opaque, and 0 is the integer."""

    def constant(self, value: Fraction) -> Any: ...
    def add(self, a: Any, b: Any) -> Any: ...
    def multiply(self, a: Any, b: Any) -> Any: ...
    def inverse(self, a: Any) -> Any: ...


def too_large(what: str, limit: int) -> CertificateError:
    """The error for a network that would take too long."""
    return CertificateError("architecture", what, f"too large for this checker, which takes at most {limit:,}")


class Tape:
    """Steps in the order of evaluation; a wire is the number of a step. Steps that are written twice are one step.

    size : number of operations so far
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.size = 0
        self._leaves = self._entries = 0
        self._known: dict[Step, Wire] = {}
        self._gated: dict[Wire, tuple[Wire, Wire, Fraction, Fraction]] = {}

    def leaf(self, name: str) -> Wire:
        self._leaves += 1
        if self._leaves > MOST_LEAVES:
            raise too_large("inputs", MOST_LEAVES)
        return self._step(("leaf", f"{name}:{self._leaves}"), 0)

    def constant(self, value: Fraction | int) -> Wire:
        return self._step(("constant", Fraction(value)), 1)

    def linear(self, terms: Iterable[tuple[Fraction | int, Wire]]) -> Wire:
        """The sum of multiples of wires."""
        ordered = tuple(sorted(((Fraction(factor), wire) for factor, wire in terms), key=lambda term: term[1]))
        if len(ordered) == 1 and ordered[0][0] == 1:
            return ordered[0][1]
        return self._step(("linear", ordered), len(ordered))

    def dot(self, pairs: Iterable[tuple[Wire, Wire]]) -> Wire:
        """The sum of products of two wires; a square is a power."""
        ordered = tuple((min(pair), max(pair)) for pair in pairs)
        squares = [a for a, b in ordered if a == b and a in self._gated]
        if not squares:
            return self._step(("dot", ordered), len(ordered))
        rest = [(a, b) for a, b in ordered if a != b or a not in self._gated]
        terms = [(1, self.power(a, 2)) for a in squares]
        return self.linear([*terms, (1, self.dot(rest))] if rest else terms)

    def power(self, base: Wire, exponent: int) -> Wire:
        """The power with an exponent of at least 1; a gated number is gated once, since gates are idempotent."""
        if not 1 <= exponent <= LARGEST_EXPONENT:
            raise CertificateError("exponent", exponent, f"it must lie between 1 and {LARGEST_EXPONENT}")
        if exponent == 1:
            return base
        if base in self._gated:
            gate, argument, below, above = self._gated[base]
            return self.gated(gate, self.power(argument, exponent), below**exponent, above**exponent)
        return self._step(("power", base, exponent), exponent.bit_length())

    def inverse(self, a: Wire) -> Wire:
        return self._step(("inverse", a), 1)

    def gated(self, gate: Wire, argument: Wire, below: Fraction, above: Fraction) -> Wire:
        """above * argument where the gate is 1, below * argument where it is 0."""
        if below == above:
            return self.linear([(above, argument)])
        factor = self.linear([(above - below, gate), (below, self.constant(1))]) if below else gate
        factor = factor if below else self.linear([(above, gate)])
        wire = self.dot([(factor, argument)])
        self._gated[wire] = (gate, argument, below, above)
        return wire

    def function(self, kind: str, *arguments: Wire) -> Wire:
        """A function beyond field operations; "gauss" has exp(-a^2 / 2) as its second argument."""
        return self._step(("function", kind, *arguments), 4)

    def _step(self, step: Step, cost: int) -> Wire:
        # Repeated steps cost too, since writing them takes time.
        self.charge(cost)
        if step in self._known:
            return self._known[step]
        self.steps.append(step)
        self._known[step] = len(self.steps) - 1
        return len(self.steps) - 1

    def hold(self, entries: int) -> None:
        """Refuse arrays that together have more entries than are moved around."""
        self._entries += entries
        if self._entries > _MOST_ENTRIES:
            raise too_large("entries of arrays", _MOST_ENTRIES)

    def charge(self, cost: int, *, dry: bool = False) -> None:
        """Refuse more operations than are checked; with `dry`, before they are written."""
        if self.size + cost > MOST_OPERATIONS:
            raise too_large("operations", MOST_OPERATIONS)
        self.size += 0 if dry else cost


def sources(step: Step) -> Sequence[Wire]:
    """The wires that a step reads."""
    match step:
        case ("linear", terms):
            return [wire for _, wire in terms]
        case ("dot", pairs):
            return [wire for pair in pairs for wire in pair]
        case ("power" | "inverse", *rest):
            return [rest[0]]
        case ("function", _, *arguments):
            return arguments
    return ()


def compiled(step: Step, ring: Ring) -> Step:
    """The step with its constants in a ring."""
    match step:
        case ("constant", value):
            return "constant", ring.constant(value)
        case ("linear", terms):
            return "linear", tuple((ring.constant(factor), wire) for factor, wire in terms)
    return step


def evaluate(step: Step, values: Sequence[Any] | Mapping[Wire, Any], ring: Ring, base: Any = None) -> Any:
    """The value of one compiled step that is no leaf; `base` is the value of a function at the base point."""
    total: Any = 0
    match step:
        case ("constant", value):
            return value
        case ("linear", terms):
            for factor, wire in terms:
                total = ring.add(total, ring.multiply(factor, values[wire]))
        case ("dot", pairs):
            for left, right in pairs:
                total = ring.add(total, ring.multiply(values[left], values[right]))
        case ("power", base, exponent):
            return power(values[base], exponent, ring)
        case ("inverse", a):
            return ring.inverse(values[a])
        case ("function", kind, *arguments):
            return special.value(kind, [values[a] for a in arguments], base, ring)
    return total


def power(base: Any, exponent: int, ring: Ring) -> Any:
    """base ** exponent by repeated squaring, for exponents of at least 0."""
    result = ring.constant(Fraction(1))
    for bit in f"{exponent:b}":
        result = ring.multiply(result, result)
        if bit == "1":
            result = ring.multiply(result, base)
    return result


def _cost(step: Step) -> int:
    """About the number of products that a step takes, in units of those of a sum of products."""
    match step:
        case ("power", _, exponent):
            return 4 * int(exponent).bit_length()
        case ("inverse", _):
            return 4
        case ("function", *_):
            return 8
    return len(sources(step))


class Gradient:
    """The gradient of one wire of a tape with respect to some leaves, in a ring."""

    def __init__(self, tape: Tape, output: Wire, wanted: Sequence[Wire], ring: Ring) -> None:
        self.ring, self.output, self.wanted = ring, output, wanted
        needed, varying = {output}, set(wanted)
        for wire in range(output, -1, -1):
            if wire in needed:
                needed.update(sources(tape.steps[wire]))
        chosen = [wire for wire in sorted(needed) if tape.steps[wire][0] != "leaf"]
        self.steps = [(wire, compiled(tape.steps[wire], ring)) for wire in chosen]
        for wire, step in self.steps:
            if not varying.isdisjoint(sources(step)):
                varying.add(wire)
        self.varying = varying
        self.length = len(tape.steps)
        self.size = 1 + sum(_cost(step) for _, step in self.steps)

    def __call__(self, leaves: Iterable[tuple[Wire, Any]], bases: Bases = _NO_BASES) -> list[Any]:
        """The gradient at the values of the leaves, with the values of functions at the base point."""
        values: list[Any] = [0] * self.length
        for wire, value in leaves:
            values[wire] = value
        for wire, step in self.steps:
            values[wire] = evaluate(step, values, self.ring, bases.get(wire))
        slopes: list[Any] = [0] * self.length
        slopes[self.output] = self.ring.constant(Fraction(1))
        for wire, step in reversed(self.steps):
            if wire in self.varying:
                self._spread(wire, step, slopes, values, bases.get(wire))
        return [slopes[wire] for wire in self.wanted]

    def _spread(self, wire: Wire, step: Step, slopes: list[Any], values: list[Any], base: Any) -> None:
        """Add what a step passes back to its sources, by the chain rule."""
        slope, ring = slopes[wire], self.ring

        def pass_back(source: Wire, factor: Any) -> None:
            if source in self.varying:
                slopes[source] = ring.add(slopes[source], ring.multiply(slope, factor))

        match step:
            case ("linear", terms):
                for factor, source in terms:
                    pass_back(source, factor)
            case ("dot", pairs):
                for left, right in pairs:
                    pass_back(left, values[right])
                    pass_back(right, values[left])
            case ("power", base, exponent):
                slower = power(values[base], exponent - 1, ring)
                pass_back(base, ring.multiply(ring.constant(Fraction(exponent)), slower))
            case ("inverse", a):
                square = ring.multiply(values[wire], values[wire])
                pass_back(a, ring.multiply(ring.constant(Fraction(-1)), square))
            case ("function", kind, a, *_):
                inputs = [values[source] for source in sources(step)]
                pass_back(a, special.slope(kind, inputs, values[wire], base, ring))
