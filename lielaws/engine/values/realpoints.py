"""Signs at random real points, with rigorous error bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import flint
import numpy as np

from lielaws.engine.arithmetic.balls import Balls, ball, sign
from lielaws.engine.arithmetic.polynomials import ObjectArray, objects
from lielaws.engine.graph.constants import CONSTANTS
from lielaws.engine.graph.node import Leaf, Node, ancestors
from lielaws.engine.graph.program import Program
from lielaws.engine.values.atoms import Atom
from lielaws.engine.values.basepoints import GateValues
from lielaws.engine.values.sources import STATE_ROLES
from lielaws.engine.values.squareroots import SignProduct

_STATES = 4
_MOST_STATES = 12
_BATCH = 48
_MOST_BATCHES = 40
_GRID = 16


@dataclass(frozen=True)
class RealPoints:
    """Real samples at which some nodes are positive, in groups that have a state in common, or each at its own.

    values : for each group the values of the wanted nodes by serial, (samples, entries)
    """

    values: tuple[Mapping[int, ObjectArray], ...]

    @classmethod
    def at_states(
        cls, positive: Sequence[Node], wanted: Sequence[Node], gates: GateValues, samples: int
    ) -> RealPoints | None:
        """At least that many samples at each of some states; None if they were not found."""
        sampler, found = _Sampler(positive, wanted, gates, np.random.default_rng(samples)), []
        for _ in range(_MOST_STATES):
            points = sampler.values(samples, sampler.leaves(True, 1))
            if points is not None:
                found.append(points)
            if len(found) == _STATES:
                return cls(tuple(found))
        return None

    @classmethod
    def anywhere(
        cls, positive: Sequence[Node], wanted: Sequence[Node], gates: GateValues, samples: int
    ) -> RealPoints | None:
        """At least that many samples, each at its own state; None if they were not found."""
        points = _Sampler(positive, wanted, gates, np.random.default_rng(samples)).values(samples, None)
        return None if points is None else cls((points,))

    def signs(self, product: SignProduct) -> list[list[int]]:
        """For each state the signs of a product at its samples; 0 for those that are not known."""
        return [_signs(product, values) for values in self.values]


def _signs(product: SignProduct, values: Mapping[int, ObjectArray]) -> list[int]:
    def value(atom: Atom, k: int) -> Any:
        assert atom.node is not None
        return values[atom.node.serial][k, atom.entry]

    count = len(next(iter(values.values())))
    return [sign(product.evaluated(partial(value, k=k), ball)) for k in range(count)]


@dataclass(frozen=True)
class _Sampler:
    positive: Sequence[Node]
    wanted: Sequence[Node]
    gates: GateValues
    rng: np.random.Generator

    def values(self, samples: int, state: Mapping[Leaf, ObjectArray] | None) -> dict[int, ObjectArray] | None:
        """The values of the wanted nodes where the others are positive; None if there are too few samples.

        state : drawn for each sample if there is none
        """
        nodes = [*self.positive, *self.wanted]
        program = Program.of(nodes)
        parts: list[list[ObjectArray]] = []
        total = 0
        for _ in range(_MOST_BATCHES):
            leaves = self.leaves(True, _BATCH) if state is None else state
            computed = program.run(Balls(), {**leaves, **self.leaves(False, _BATCH)})
            values = [
                np.broadcast_to(value.reshape(value.shape[0], -1), (_BATCH, node.size))
                for value, node in zip(computed, nodes, strict=True)
            ]
            tests, rest = values[: len(self.positive)], values[len(self.positive) :]
            inside = [k for k in range(_BATCH) if all(entry > 0 for value in tests for entry in value[k])]
            parts.append([value[inside] for value in rest])
            total += len(inside)
            if total >= samples:
                return {node.serial: np.concatenate([part[k] for part in parts]) for k, node in enumerate(self.wanted)}
        return None

    def leaves(self, of_state: bool, count: int) -> dict[Leaf, ObjectArray]:
        """Random values of the leaves of one scope."""
        found = {}
        for node in ancestors([*self.positive, *self.wanted]):
            if node.op == "leaf" and (node.static.role in STATE_ROLES) == of_state:
                entries = [_entry(node.static, self.gates, k % node.size, self.rng) for k in range(count * node.size)]
                found[node.static] = objects(entries, (count, *node.shape))
        return found


def _entry(leaf: Leaf, gates: GateValues, k: int, rng: np.random.Generator) -> Any:
    if leaf.role == "gate":
        return flint.arb(int(gates[leaf].ravel()[k] if leaf in gates else rng.integers(0, 2)))
    if leaf.role == "constant" and leaf.name in CONSTANTS and leaf.name != "epsilon":
        return flint.arb(CONSTANTS[leaf.name])
    # An epsilon is any positive number.
    positive = leaf.role == "constant" and leaf.name == "epsilon"
    number = int(rng.integers(1, 3 * _GRID)) if positive else int(rng.integers(-3 * _GRID, 3 * _GRID)) or 1
    return flint.arb(number) / _GRID
