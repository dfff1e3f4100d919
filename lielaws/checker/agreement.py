"""Whether given values of functions agree with the relations between the functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from lielaws.checker.draws import Group, Rules, rotated, rotation
from lielaws.checker.jets import Jets
from lielaws.checker.lattices import Row
from lielaws.checker.tape import Bases, Tape, Wire, compiled, evaluate


class Point(Protocol):
    """Values of the wires of a tape at one sample; all samples of a list have the same parameters."""

    @property
    def ring(self) -> Jets: ...
    @property
    def values(self) -> Any: ...
    @property
    def bases(self) -> Bases: ...


@dataclass
class GivenPoint:
    """A point at which leaves and functions have given values."""

    ring: Jets
    leaves: dict[Wire, int] = field(default_factory=dict)
    bases: dict[Wire, Any] = field(default_factory=dict)
    values: list[Any] = field(default_factory=list)

    def evaluate(self, tape: Tape) -> None:
        """The values of all wires. ZeroDivisionError where a denominator vanishes."""
        for wire, step in enumerate(tape.steps):
            if step[0] == "leaf":
                self.values.append(self.leaves.get(wire, 0))
                continue
            self.values.append(evaluate(compiled(step, self.ring), self.values, self.ring, self.bases.get(wire)))


def contradiction(tape: Tape, rules: Rules, points: Sequence[Point]) -> str | None:
    """A relation that the values break, in words; None if they satisfy all.

    Products of powers and sums must be 1 and 0 for relations of the kind "zero", and the same at all points for those
    of the kind "free".
    """
    for k, point in enumerate(points):
        if failure := _single(tape, rules, point):
            return f"sample {k}: {failure}"
    for wire in rules.fixed:
        if len({point.bases[wire] for point in points}) > 1:
            return "an integral that does not depend on data has different values"
    for name, found in (("exponentials", rules.exps), ("angles", rules.angles), ("logarithms", rules.mixed)):
        for kind in ("zero", "free"):
            for row in getattr(found, kind):
                if failure := _broken(tape, found, kind, row, points, name):
                    return failure
    return None


def _single(tape: Tape, rules: Rules, point: Point) -> str | None:
    """What fails within one sample, apart from the lattices of relations."""
    p = point.ring.prime
    for wire, base in point.bases.items():
        _, kind, argument, *_ = tape.steps[wire]
        match kind:
            case "exp":
                if not base:
                    return "an exponential is zero"
            case "cos" | "sin":
                if (base[0] ** 2 + base[1] ** 2 - 1) % p:
                    return "a cosine and a sine are no point on the circle"
            case "sqrt":
                # Modulo p = 3 mod 4 this root is multiplicative, as that of real numbers is.
                if p % 4 != 3 or pow(point.values[argument], (p + 1) // 4, p) != base:
                    return "a square root is not the (p + 1) / 4-th power of its argument, with p = 3 mod 4"
                if (base * base - point.values[argument]) % p:
                    return "the square of a square root is not its argument"
            case "gauss":
                original, sign = rules.gauss[wire]
                if (base - sign * point.bases[original]) % p:
                    return "Gaussian integrals of equal or opposite arguments are not equal or opposite"
    return None


def _broken(tape: Tape, found: Group, kind: str, row: Row, points: Sequence[Point], name: str) -> str | None:
    values = [(_product(tape, found, row, point, name), _sum(tape, found, row, point, name)) for point in points]
    unit: Any = (1, 0) if name == "angles" else 1
    if kind == "zero" and any(value != (unit, 0) for value in values):
        k = next(k for k, value in enumerate(values) if value != (unit, 0))
        return f"sample {k}: {name} that are related have unrelated values"
    if any(value != values[0] for value in values):
        k = next(k for k, value in enumerate(values) if value != values[0])
        return f"samples 0 and {k}: a combination of {name} that does not depend on data has different values"
    return None


def _product(tape: Tape, found: Group, row: Row, point: Point, name: str) -> Any:
    p = point.ring.prime
    if name == "angles":
        turn = (1, 0)
        for wire, exponent in zip(found.members, row, strict=True):
            if exponent:
                turn = rotated(turn, rotation(_turn(tape, point, wire), exponent, p), p)
        return turn
    result = 1
    for wire, exponent in zip(found.members, row, strict=True):
        if exponent:
            _, kind, argument = tape.steps[wire]
            base = point.bases[wire] if kind == "exp" else point.values[argument]
            if not base:
                raise ZeroDivisionError
            result = result * pow(base, exponent, p) % p
    return result


def _turn(tape: Tape, point: Point, argument: Wire) -> tuple[int, int]:
    for wire in point.bases:
        if tape.steps[wire][1] in ("cos", "sin") and tape.steps[wire][2] == argument:
            found: tuple[int, int] = point.bases[wire]
            return found
    raise KeyError(argument)


def _sum(tape: Tape, found: Group, row: Row, point: Point, name: str) -> int:
    total = 0
    for wire, factor in zip(found.members, row, strict=True):
        if factor:
            if name == "angles":
                value = point.values[wire]
            else:
                _, kind, argument = tape.steps[wire]
                value = point.values[argument] if kind == "exp" else point.bases[wire]
            total += factor * value
    return total % point.ring.prime
