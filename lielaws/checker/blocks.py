"""What a spec describes, and what all its readers share."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lielaws.checker import reading
from lielaws.checker.arrays import Array, Shape
from lielaws.checker.gates import Gates
from lielaws.checker.tape import Tape, Wire
from lielaws.errors import CertificateError

MOST_PARAMETERS = 5000

Shapes = dict[str, Shape]
Activation = Callable[[Array], Array]
ReadFamily = Callable[["Reader", Any, str], "Block"]


@dataclass(frozen=True)
class Block:
    """What a spec describes. apply(parameters by name, data in their order) is the output."""

    parameters: Shapes
    data: Shapes
    apply: Callable[[Mapping[str, Array], Sequence[Array]], Array]


class Reader:
    """Reads the spec of one network onto one tape.

    families : the reader of each family, called as read(reader, spec, where)
    constants : numbers that are the same in all samples, by name
    functions : kind and wires of each function beyond field operations, as they come
    """

    def __init__(self, families: Mapping[str, ReadFamily]) -> None:
        self.families = families
        self.tape = Tape()
        self.gates = Gates(self.tape)
        self.constants: dict[str, Array] = {}
        self.functions: list[tuple[str, list[Wire]]] = []
        self._listed: list[tuple[str, Array]] = []

    def block(self, spec: Any, where: str) -> Block:
        spec = reading.table(spec, where)
        family = reading.choice(spec.get("family"), f"{where}.family", self.families)
        return self.families[family](self, spec, where)

    def leaves(self, shape: Shape) -> Array:
        return Array(self.tape, shape, [self.tape.leaf("input") for _ in range(math.prod(shape))])

    def piecewise(self, a: Array, below: Fraction, above: Fraction) -> Array:
        return Array(self.tape, a.shape, self.gates.piecewise(a.wires, below, above))

    def constant(self, name: str, shape: Shape) -> Array:
        if name not in self.constants:
            self.constants[name] = self.leaves(shape)
        return self.constants[name]

    def function(self, kind: str, a: Array, others: Sequence[Wire] = ()) -> Array:
        """A function beyond field operations; cosine and sine of one argument are one of kind "circle"."""
        if kind in ("cos", "sin"):
            cos, sin = ([self.tape.function(name, wire) for wire in a.wires] for name in ("cos", "sin"))
            self._list("circle", a, [*cos, *sin])
            return Array(self.tape, a.shape, cos if kind == "cos" else sin)
        pairs = zip(a.wires, others, strict=True) if others else ((wire,) for wire in a.wires)
        wires = [self.tape.function(kind, *pair) for pair in pairs]
        self._list(kind, a, wires)
        return Array(self.tape, a.shape, wires)

    def _list(self, kind: str, a: Array, wires: list[Wire]) -> None:
        """A function is listed once for each argument that was computed, also if other arguments have its wires."""
        if not any(kind == known and a is argument for known, argument in self._listed):
            self._listed.append((kind, a))
            self.functions.append((kind, wires))

    def activation(self, spec: Mapping[str, Any], where: str) -> Activation:
        name = reading.text(spec["activation"], f"{where}.activation")
        slope = Fraction(1, 100)
        if "slope" in spec:
            slope = reading.rational(spec["slope"], f"{where}.slope")
            if name != "leaky_relu":
                raise CertificateError(f"{where}.slope", spec["slope"], "only leaky_relu has a slope")
        if name in (below := {"relu": Fraction(0), "relu2": Fraction(0), "leaky_relu": slope, "abs": Fraction(-1)}):
            exponent = 2 if name == "relu2" else 1
            return lambda a: self.piecewise(a, below[name], Fraction(1)) ** exponent
        if match := re.fullmatch(r"power([1-9][0-9]?)", name):
            return lambda a: a ** int(match[1])
        powers = {"linear": 1, "square": 2, "cube": 3}
        exponent = powers[reading.choice(name, f"{where}.activation", [*below, *powers])]
        return lambda a: a**exponent
