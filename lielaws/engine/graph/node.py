"""Nodes of a traced computation, shared by structure.

Two expressions that are built the same way are the same node. That is more than thrift: functions that are equal must
later get equal values, and sharing settles most such cases before any arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One array-valued step. `static` holds what is fixed when the graph is built (axes, index maps, exponents)."""

    graph: Graph = field(repr=False)
    op: str
    inputs: tuple[Node, ...]
    static: Any
    shape: Shape
    serial: int

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def on(self, inputs: tuple[Node, ...]) -> Node:
        """The same operation on other inputs."""
        return self if inputs == self.inputs else self.graph.node(self.op, inputs, self.static, self.shape)


@dataclass(frozen=True, slots=True)
class Leaf:
    """What a leaf stands for: a parameter, data, the cotangent of the output, or a gate."""

    role: str
    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """An exact rational array: integer numerators over one common denominator, flattened in C order."""

    numerators: tuple[int, ...]
    denominator: int

    @classmethod
    def of(cls, values: Iterable[Fraction | int]) -> Constant:
        fractions = [Fraction(value) for value in values]
        denominator = math.lcm(*(value.denominator for value in fractions)) if fractions else 1
        return cls(tuple(int(value * denominator) for value in fractions), denominator)


@dataclass(slots=True, eq=False)
class Graph:
    """Makes nodes, and gives back the node that is already there."""

    nodes: list[Node] = field(default_factory=list)
    _known: dict[Hashable, Node] = field(default_factory=dict, repr=False)

    def node(self, op: str, inputs: tuple[Node, ...], static: Any, shape: Shape) -> Node:
        key = (op, tuple(node.serial for node in inputs), static, shape)
        found = self._known.get(key)
        if found is None:
            found = Node(self, op, inputs, static, shape, len(self.nodes))
            self.nodes.append(found)
            self._known[key] = found
        return found

    def leaf(self, role: str, name: str, shape: Shape) -> Node:
        return self.node("leaf", (), Leaf(role, name), tuple(shape))

    def constant(self, values: Iterable[Fraction | int], shape: Shape) -> Node:
        constant = Constant.of(values)
        if len(constant.numerators) != math.prod(shape):
            raise ValueError(f"{len(constant.numerators)} values for shape {shape}")
        return self.node("constant", (), constant, tuple(shape))


def ancestors(outputs: Iterable[Node]) -> list[Node]:
    """All nodes that the outputs need, in the order in which they were made (inputs first)."""
    found: dict[int, Node] = {}
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node.serial not in found:
            found[node.serial] = node
            stack.extend(node.inputs)
    return [found[serial] for serial in sorted(found)]


def leaves_of(outputs: Iterable[Node]) -> list[Node]:
    """The leaves that the outputs need."""
    return [node for node in ancestors(outputs) if node.op == "leaf"]


def depending_on(outputs: Iterable[Node], sources: Iterable[Node]) -> set[Node]:
    """The ancestors of the outputs that depend on one of the sources, those included."""
    found = set(sources)
    for node in ancestors(outputs):
        if any(source in found for source in node.inputs):
            found.add(node)
    return found
