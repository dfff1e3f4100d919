"""The member that breaks a candidate: small integers at which its derivative is not zero, as an exact fraction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.flows.fields import VectorFields
from lielaws.graph.node import Leaf, Node
from lielaws.graph.potential import Potential
from lielaws.graph.program import Program
from lielaws.laws.expressions import StateFunction
from lielaws.numbers.polynomials import Exact, objects

_SMALLEST, _LARGEST = 1, 9
_ATTEMPTS = 200


@dataclass(frozen=True)
class Counterexample:
    """At these parameters, along the gradient of the potential with these data, the candidate changes.

    derivative : <grad h, grad f_z>, exactly
    parameters, data, gates : name -> nested lists of integers; cotangent likewise
    """

    derivative: Fraction
    parameters: Mapping[str, Any]
    data: Mapping[str, Any]
    cotangent: Any
    gates: Mapping[str, Any]

    def __str__(self) -> str:
        parts = [*self.parameters.items(), *self.data.items(), ("cotangent", self.cotangent), *self.gates.items()]
        where = ", ".join(f"{name} = {value}" for name, value in parts)
        return f"its derivative is {self.derivative} at {where}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "derivative": str(self.derivative),
            "parameters": dict(self.parameters),
            "data": dict(self.data),
            "cotangent": self.cotangent,
            "gates": dict(self.gates),
        }


def find_counterexample(
    function: StateFunction, fields: VectorFields, rng: np.random.Generator
) -> Counterexample | None:
    """A counterexample in small integers; None if none was met, or for functions without rational values."""
    potential = fields.potential
    if not potential.is_rational:
        return None
    traced = potential.traced
    slopes = fields.slopes
    gates = {gate.leaf.static for gate in potential.gates}
    leaves = [
        *traced.parameters.values(),
        *traced.data.values(),
        potential.free_cotangent,
        *(g.leaf for g in potential.gates),
        *potential.constants,
    ]
    for attempt in range(_ATTEMPTS):
        values = {leaf.static: _draw(leaf, leaf.static in gates, attempt, rng) for leaf in leaves}
        try:
            members = _run(slopes, values)
            gradient = _run(function.slopes, {leaf.static: values[leaf.static] for leaf in function.leaves.values()})
        except ZeroDivisionError:
            continue
        derivative = sum((a * b for a, b in zip(members, gradient, strict=True)), start=Fraction(0))
        if derivative:
            return _describe(derivative, potential, values)
    return None


def _draw(leaf: Node, gate: bool, attempt: int, rng: np.random.Generator) -> Any:
    """Gates are open at first; entries are small and not zero."""
    if gate:
        numbers = [1] * leaf.size if attempt == 0 else rng.integers(0, 2, leaf.size).tolist()
    else:
        numbers = (rng.integers(_SMALLEST, _LARGEST, leaf.size) * rng.choice([-1, 1], leaf.size)).tolist()
    return objects([Fraction(number) for number in numbers], leaf.shape)


def _run(slopes: Any, values: dict[Leaf, Any]) -> list[Fraction]:
    """The entries of some gradients, one tensor after the other; zeros where there is none."""
    present = [slope for slope in slopes if slope is not None]
    computed = iter(Program.of(present).run(Exact(lambda number: number, lambda entry: 1 / entry), values))
    shapes = [value.size for leaf, value in values.items() if leaf.role == "parameter"]
    entries: list[Fraction] = []
    for slope, size in zip(slopes, shapes, strict=True):
        entries += [Fraction(0)] * size if slope is None else next(computed).ravel().tolist()
    return entries


def _describe(derivative: Fraction, potential: Potential, values: dict[Leaf, Any]) -> Counterexample:
    def plain(node: Node) -> Any:
        return np.array([int(entry) for entry in values[node.static].ravel()]).reshape(node.shape).tolist()

    traced, cotangent = potential.traced, plain(potential.free_cotangent)
    return Counterexample(
        derivative,
        {name: plain(leaf) for name, leaf in traced.parameters.items()},
        {name: plain(leaf) for name, leaf in traced.data.items()},
        cotangent if potential.cotangent is potential.free_cotangent else _whole(cotangent),
        {gate.leaf.static.name: plain(gate.leaf) for gate in potential.gates},
    )


def _whole(entries: Any) -> Any:
    """The cotangent with its last entries, which make the sums over the last axis vanish."""
    array = np.array(entries)
    return np.concatenate([array, -array.sum(axis=-1, keepdims=True)], axis=-1).tolist()
