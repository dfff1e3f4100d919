"""Random values of a network that respect all relations between its functions.

Values of exponentials, logarithms, angles and the like are free except for their relations. `Rules` holds these, and a
`Draw` evaluates a tape at random leaves modulo a prime, with function values drawn in agreement with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lielaws.checker.jets import Jets, random_prime
from lielaws.checker.lattices import Row, characters, last
from lielaws.checker.stages import Stages
from lielaws.checker.tape import Tape, Wire, compiled, evaluate

_MOST_JUMPS = 2000


class NoRootError(ArithmeticError):
    """A square root does not exist at a random point."""


@dataclass(frozen=True)
class Group:
    """Relations in one group: `zero` between functions, `free` up to functions of the parameters alone.

    members : the wires of the functions; of angles, the wires of the arguments
    """

    members: Sequence[Wire] = ()
    zero: Sequence[Row] = ()
    free: Sequence[Row] = ()

    def exponents(self) -> dict[Wire, tuple[Row, Row]]:
        """What the power of each generator is in each member: generators of the parameters, and of a sample."""
        of_state, of_sample = (characters(rows, len(self.members)) for rows in (self.zero, self.free))
        return {
            wire: ([row[k] for row in of_state], [row[k] for row in of_sample]) for k, wire in enumerate(self.members)
        }


@dataclass(frozen=True)
class Rules:
    """What relates the functions of a tape.

    exps, angles : exponentials alone, and points on the circle
    mixed : exponentials and logarithms together, in the order of their wires
    sequential : whether some exponential is a product of arguments of logarithms; then each follows from those before
    gauss : for each Gaussian integral an earlier one and a sign; fixed : those that do not depend on data
    """

    exps: Group = field(default_factory=Group)
    angles: Group = field(default_factory=Group)
    mixed: Group = field(default_factory=Group)
    sequential: bool = False
    gauss: dict[Wire, tuple[Wire, int]] = field(default_factory=dict)
    fixed: frozenset[Wire] = frozenset()

    def __post_init__(self) -> None:
        tops = {kind: {last(row): row for row in getattr(self.mixed, kind)} for kind in ("zero", "free")}
        place = {wire: k for k, wire in enumerate(self.mixed.members)}
        object.__setattr__(self, "tops", tops)
        object.__setattr__(self, "place", place)
        object.__setattr__(self, "powers", {"exp": self.exps.exponents(), "angle": self.angles.exponents()})

    tops: dict[str, dict[int, Row]] = field(init=False, repr=False)
    place: dict[Wire, int] = field(init=False, repr=False)
    powers: dict[str, dict[Wire, tuple[Row, Row]]] = field(init=False, repr=False)

    def rule(self, wire: Wire) -> tuple[str, Row]:
        """The relation that determines a member of `mixed`, up to a free value unless its kind is "zero"."""
        k = self.place[wire]
        for kind in ("zero", "free"):
            if k in self.tops[kind]:
                return kind, self.tops[kind][k]
        return "", []


def drawing_ring(bits: int | None = None) -> Jets:
    """Jets modulo a random prime p = 3 mod 4, where a^((p + 1) / 4) is a root of each square, and multiplicative."""
    while True:
        prime = random_prime() if bits is None else random_prime(bits)
        if prime % 4 == 3:
            return Jets(prime)


class Draw:
    """Values of some wires at one random point.

    state : another draw that shares the values of parameters and constants
    bases : the value of each function
    """

    def __init__(
        self,
        tape: Tape,
        wires: Sequence[Wire],
        state_leaves: frozenset[Wire],
        rules: Rules,
        ring: Jets,
        state: Draw | None = None,
        stages: Stages | None = None,
        compiled_steps: dict[Wire, Any] | None = None,
    ) -> None:
        self.tape, self.rules, self.ring = tape, rules, ring
        self.values: dict[Wire, Any] = {}
        self.bases: dict[Wire, Any] = {}
        self.generators: dict[Any, Any] = dict(state.generators) if state else {}
        self._own: dict[Any, Any] = {}
        fixed = state_leaves if state else frozenset()
        steps = {} if compiled_steps is None else compiled_steps
        place, jumps = 0, 0
        while place < len(wires):
            wire, step = wires[place], tape.steps[wires[place]]
            place += 1
            if step[0] == "leaf":
                # After a jump back, leaves keep their values.
                if wire not in self.values:
                    self.values[wire] = state.values[wire] if state and wire in fixed else ring.random()
                continue
            if step[0] == "function":
                try:
                    self.bases[wire] = self._function(wire, step)
                except NoRootError:
                    jumps += 1
                    again = _redrawn(stages, wire, fixed) if jumps < _MOST_JUMPS else frozenset()
                    if stages is None or not again:
                        raise
                    self.values |= {leaf: ring.random() for leaf in again}
                    place = stages.first_user(again)
                    continue
            if wire not in steps:
                steps[wire] = compiled(step, ring)
            self.values[wire] = evaluate(steps[wire], self.values, ring, self.bases.get(wire))

    @property
    def leaves(self) -> list[tuple[Wire, Any]]:
        return [(wire, value) for wire, value in self.values.items() if self.tape.steps[wire][0] == "leaf"]

    def _function(self, wire: Wire, step: Any) -> Any:
        _, kind, argument, *_ = step
        match kind:
            case "exp":
                return self._product(wire) if self.rules.sequential else self._monomial("exp", wire)
            case "log":
                return self._sum(wire)
            case "sqrt":
                return root(self.values[argument], self.ring.prime)
            case "gauss":
                original, sign = self.rules.gauss[wire]
                if original != wire:
                    return self.bases[original] * sign % self.ring.prime
                return self._random("gauss", wire, wire in self.rules.fixed) if sign else 0
        return self._monomial("angle", argument)

    def _random(self, kind: str, wire: Any, of_state: bool) -> int:
        """A generator other than zero; those of parameters are shared by all draws at one state."""
        known = self.generators if of_state else self._own
        if (kind, wire) not in known:
            known[kind, wire] = 1 + self.ring.random() % (self.ring.prime - 1)
        value: int = known[kind, wire]
        return value

    def _monomial(self, kind: str, wire: Wire) -> Any:
        p = self.ring.prime
        result: Any = 1 if kind == "exp" else (1, 0)
        for of_state, exponents in zip((True, False), self.rules.powers[kind][wire], strict=True):
            for k, exponent in enumerate(exponents):
                if not exponent:
                    continue
                generator = self._random(kind, (k, of_state), of_state)
                if kind == "exp":
                    result = result * pow(generator, exponent, p) % p
                else:
                    result = rotated(result, rotation(point(generator, p), exponent, p), p)
        return result

    def _product(self, wire: Wire) -> int:
        kind, row = self.rules.rule(wire)
        if kind == "zero":
            return self._powers(row, wire)
        free = self._random("product", wire, kind == "free")
        return free * self._powers(row, wire) % self.ring.prime

    def _powers(self, row: Row, wire: Wire) -> int:
        """The exponential that a relation gives, in which it has the exponent 1."""
        result, p = 1, self.ring.prime
        for other, exponent in zip(self.rules.mixed.members, row, strict=False):
            if exponent and other != wire:
                _, kind, argument = self.tape.steps[other]
                base = self.bases[other] if kind == "exp" else self.values[argument]
                result = result * pow(_invertible(base), -exponent, p) % p
        return result

    def _sum(self, wire: Wire) -> int:
        kind, row = self.rules.rule(wire)
        p = self.ring.prime
        total = 0 if kind == "zero" else self._random("log", wire, kind == "free")
        divisor = row[self.rules.place[wire]] if row else 1
        for other, factor in zip(self.rules.mixed.members, row, strict=False):
            if factor and other != wire:
                _, found, argument = self.tape.steps[other]
                value = self.values[argument] if found == "exp" else self.bases[other]
                total = (total - factor * value * pow(divisor, -1, p)) % p
        return total


def _redrawn(stages: Stages | None, root: Wire, fixed: frozenset[Wire]) -> frozenset[Wire]:
    """The leaves to draw again where a root does not exist; none if nothing can help but another start."""
    if stages is None:
        return frozenset()
    stage = stages.of[root]
    return (stage.own - fixed) or (stage.shared - fixed)


def _invertible(value: int) -> int:
    if value == 0:
        raise ZeroDivisionError
    return value


def root(a: int, prime: int) -> int:
    value = pow(a, (prime + 1) // 4, prime)
    if value * value % prime != a:
        raise NoRootError
    return value


def point(t: int, p: int) -> tuple[int, int]:
    """A point on the circle."""
    below = pow(1 + t * t, -1, p)
    return (1 - t * t) * below % p, 2 * t * below % p


def rotated(a: tuple[int, int], b: tuple[int, int], p: int) -> tuple[int, int]:
    """The cosine and sine of the sum of two angles."""
    return (a[0] * b[0] - a[1] * b[1]) % p, (a[0] * b[1] + a[1] * b[0]) % p


def rotation(a: tuple[int, int], times: int, p: int) -> tuple[int, int]:
    """The cosine and sine of a multiple of an angle."""
    step = a if times > 0 else (a[0], -a[1] % p)
    result = (1, 0)
    for _ in range(abs(times)):
        result = rotated(result, step, p)
    return result
