"""What a spec describes, and what all its readers share."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lielaws.certificate import reading
from lielaws.certificate.arrays import Array, Shape
from lielaws.certificate.gates import Gates
from lielaws.certificate.tape import Tape
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
    """

    def __init__(self, families: Mapping[str, ReadFamily]) -> None:
        self.families = families
        self.tape = Tape()
        self.gates = Gates(self.tape)

    def block(self, spec: Any, where: str) -> Block:
        spec = reading.table(spec, where)
        family = reading.choice(spec.get("family"), f"{where}.family", self.families)
        return self.families[family](self, spec, where)

    def leaves(self, shape: Shape) -> Array:
        return Array(self.tape, shape, [self.tape.leaf("input") for _ in range(math.prod(shape))])

    def piecewise(self, a: Array, below: Fraction, above: Fraction) -> Array:
        return Array(self.tape, a.shape, self.gates.piecewise(a.wires, below, above))

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
