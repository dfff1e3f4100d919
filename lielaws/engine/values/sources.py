"""What the arguments of square roots depend on: entries of leaves, and free values of functions, as bits of a mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from operator import or_

import numpy as np
import numpy.typing as npt

from lielaws.engine.arithmetic.dependence import ZERO, Dependence
from lielaws.engine.arithmetic.polynomials import objects
from lielaws.engine.graph.node import Leaf, Node, ancestors
from lielaws.engine.graph.program import Program
from lielaws.engine.values.plan import ExponentPlan, Plan, Powers, entry_start

STATE_ROLES = ("parameter", "constant")
SAMPLE, STATE = 0, 1


@dataclass(frozen=True)
class Sources:
    """The sources of the square roots below some nodes under a plan.

    gates : the gates that have fixed values: no sources, and what they close depends on nothing
    held : leaves that are given for each sample, no sources either
    """

    outputs: Sequence[Node]
    plan: Plan
    gates: Mapping[Leaf, npt.NDArray[np.int64]] = field(default_factory=dict)
    held: frozenset[Leaf] = frozenset()

    @cached_property
    def leaves(self) -> tuple[Node, ...]:
        return tuple(node for node in ancestors(self.outputs) if node.op == "leaf")

    @cached_property
    def bits(self) -> dict[Leaf, int]:
        """The first bit of each leaf."""
        bits, position = {}, 0
        for node in self.leaves:
            bits[node.static] = position
            position += node.size
        return bits

    @cached_property
    def generators(self) -> dict[tuple[int, str], int]:
        """The first bit of each kind of generators in each scope."""
        position = sum(node.size for node in self.leaves)
        first = {}
        for kind, numbers in self.plan.free_values.items():
            for scope in (SAMPLE, STATE):
                first[(scope, kind)] = position
                position += numbers[scope]
        return first

    @cached_property
    def square_roots(self) -> list[Node]:
        return [node for node in ancestors(self.outputs) if node.op == "sqrt"]

    @cached_property
    def roots(self) -> list[tuple[Node, list[int]]]:
        """The square roots in order, with the sources of each entry; ZERO for an argument that is always zero."""
        nodes = self.square_roots
        if not nodes:
            return []
        dependence = Dependence(_FunctionSources(self.plan, self.generators).masks)
        values = {node.static: objects(self._of_leaf(node), node.shape) for node in self.leaves}
        Program.of(nodes).run(dependence, values)
        return [(node, dependence.roots[node.serial]) for node in nodes]

    def _of_leaf(self, node: Node) -> list[int]:
        if node.static in self.gates:
            return [0 if gate else ZERO for gate in self.gates[node.static].ravel().tolist()]
        if node.static in self.held:
            return [0] * node.size
        return [1 << (self.bits[node.static] + k) for k in range(node.size)]

    @cached_property
    def scopes(self) -> tuple[int, int]:
        """All sources of a sample, and all of a state."""
        masks = [0, 0]
        for node in self.leaves:
            masks[node.static.role in STATE_ROLES] |= ((1 << node.size) - 1) << self.bits[node.static]
        for (scope, kind), start in self.generators.items():
            masks[scope] |= ((1 << self.plan.free_values[kind][scope]) - 1) << start
        return masks[SAMPLE], masks[STATE]

    def in_scope(self, mask: int, scope: int) -> bool:
        """A root belongs to the samples if it has a source there, else to the state."""
        of_sample = mask != ZERO and bool(mask & self.scopes[SAMPLE])
        return of_sample if scope == SAMPLE else not of_sample


class _FunctionSources:
    """The sources of the values of functions, node by node in the order of the graph."""

    def __init__(self, plan: Plan, generators: Mapping[tuple[int, str], int]) -> None:
        self._plan, self._generators = plan, generators
        self._products = dict(plan.products)
        self._known: dict[tuple[str, int], int] = {}

    def masks(self, kind: str, node: Node, arguments: list[int]) -> list[int]:
        plan = self._plan
        if kind in ("exp", "angle"):
            group = plan.exponentials if kind == "exp" else plan.angles
            start = group.start(node.inputs[0])
            for number, mask in enumerate(arguments, start):
                self._known[("exponent", number)] = mask
                self._known[(kind, number)] = self._of_exponential(kind, group, number)
        else:
            start = entry_start(plan.logs if kind == "log" else plan.gausses, node)
            for number, mask in enumerate(arguments, start):
                self._known[("argument", number)] = mask
                self._known[(kind, number)] = self._of_log(number) if kind == "log" else self._of_gauss(number)
        return [self._known[(kind, number)] for number in range(start, start + node.size)]

    def _bit(self, scope: int, kind: str, number: int) -> int:
        return 1 << (self._generators[(scope, kind)] + number)

    def _join(self, kind: str, numbers: Sequence[int]) -> int:
        masks = (self._known.get((kind, number), 0) for number in numbers)
        return reduce(or_, (mask for mask in masks if mask != ZERO), 0)

    def _of_exponential(self, kind: str, group: ExponentPlan, number: int) -> int:
        scopes: list[tuple[int, Powers]] = [(SAMPLE, group.sample_powers[number]), (STATE, group.state_powers[number])]
        mask = sum(self._bit(scope, kind, generator) for scope, powers in scopes for generator, _ in powers)
        if kind == "exp" and number in self._products:
            rule = self._products[number]
            mask |= self._join("argument", [k for k, _ in rule.arguments])
            mask |= self._join("exp", [k for k, _ in rule.exponentials])
        return mask

    def _of_log(self, number: int) -> int:
        rule = self._plan.log_rules[number]
        mask = self._join("log", [k for k, _ in rule.logs]) | self._join("exponent", [k for k, _ in rule.exponents])
        mask |= 0 if rule.fresh is None else self._bit(SAMPLE, "log", rule.fresh)
        mask |= sum(self._bit(STATE, "log", k) for k, _ in rule.states)
        return mask | sum(self._bit(STATE, "prime", self._plan.constant_primes.index(p)) for p, _ in rule.constants)

    def _of_gauss(self, number: int) -> int:
        rule = self._plan.gauss_rules[number]
        if not rule.sign:
            return ZERO
        if rule.original is not None:
            return self._known[("gauss", rule.original)]
        return self._bit(SAMPLE if rule.scope == "sample" else STATE, "gauss", rule.number)
