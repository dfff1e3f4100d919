"""The member that breaks a candidate: small integers at which its derivative is not zero, as an exact fraction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.engine.arithmetic.polynomials import Exact, each, objects
from lielaws.engine.flows.fields import VectorFields
from lielaws.engine.flows.state import TIME
from lielaws.engine.graph.node import Leaf, Node
from lielaws.engine.graph.program import Program
from lielaws.engine.laws.expressions import StateFunction
from lielaws.engine.potential.patterns import signed

_SMALLEST, _LARGEST = 1, 8
_ATTEMPTS = 200
_RATIONALS = Exact(lambda number: number, lambda entry: 1 / entry)


@dataclass(frozen=True)
class Counterexample:
    """At these parameters, along the gradient of the potential with these data, the candidate changes.

    derivative : <grad h, X>, exactly, along the member X: grad f_z, plus `drift` times the drift of the flow if it has
        one
    state : name -> nested lists of integers: parameters, velocities, and the time coordinate, which stands for
        exp(rate t) where the flow has a rate
    data, gates : likewise, and the cotangent
    """

    derivative: Fraction
    state: Mapping[str, Any]
    data: Mapping[str, Any]
    cotangent: Any
    gates: Mapping[str, Any]
    drift: int | None = None

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The same as `state`, which for gradient flow are the parameters alone."""
        return self.state

    def __str__(self) -> str:
        parts = [*self.state.items(), *self.data.items(), ("cotangent", self.cotangent), *self.gates.items()]
        parts += [] if self.drift is None else [("drift", self.drift)]
        where = ", ".join(f"{name} = {value}" for name, value in parts)
        return f"its derivative is {self.derivative} at {where}"

    def to_dict(self) -> dict[str, Any]:
        plain = {
            "derivative": str(self.derivative),
            "parameters": dict(self.state),
            "data": dict(self.data),
            "cotangent": self.cotangent,
            "gates": dict(self.gates),
        }
        return plain if self.drift is None else plain | {"drift": self.drift}


def find_counterexample(
    function: StateFunction, fields: VectorFields, rng: np.random.Generator
) -> Counterexample | None:
    """A counterexample in small integers; None if none was met, or for functions without rational values."""
    potential = fields.potential
    if not potential.is_rational:
        return None
    gates = {gate.leaf.static for gate in potential.gates}
    leaves = (*fields.leaves, *fields.outside, *([] if function.extra is None else [function.extra]))
    for attempt in range(_ATTEMPTS):
        values = {leaf.static: _draw(leaf, leaf.static in gates, attempt, rng) for leaf in leaves}
        try:
            field = fields.program.run(_RATIONALS, values)
            gradient = function.program.run(_RATIONALS, values)
        except ZeroDivisionError:
            continue
        if derivative := sum((np.sum(a * b) for a, b in zip(gradient, field, strict=True)), start=Fraction(0)):
            return _describe(derivative, fields, values)
    return None


def _draw(leaf: Node, gate: bool, attempt: int, rng: np.random.Generator) -> Any:
    """Gates are open at first; entries are small and not zero."""
    if gate:
        numbers = [1] * leaf.size if attempt == 0 else rng.integers(0, 2, leaf.size).tolist()
    else:
        numbers = signed(rng, _SMALLEST, _LARGEST, (leaf.size,)).tolist()
    return objects(list(map(Fraction, numbers)), leaf.shape)


def _describe(derivative: Fraction, fields: VectorFields, values: dict[Leaf, Any]) -> Counterexample:
    def plain(array: Any) -> Any:
        return each(int, array).tolist()

    potential, clock = fields.potential, fields.space.clock
    (cotangent,) = Program.of([potential.cotangent]).run(_RATIONALS, values)
    state = {leaf.static.name: plain(values[leaf.static]) for leaf in fields.leaves}
    if clock is not None and clock.rate:
        state = {clock.text(1): state.pop(TIME)} | state
    return Counterexample(
        derivative,
        state,
        {name: plain(values[leaf.static]) for name, leaf in potential.traced.data.items()},
        plain(cotangent),
        {gate.leaf.static.name: plain(values[gate.leaf.static]) for gate in potential.gates},
        next((plain(values[leaf.static]) for leaf in fields.outside if leaf.static.role == "flow"), None),
    )
