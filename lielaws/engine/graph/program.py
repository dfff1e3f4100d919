"""Evaluation of a graph in any arithmetic: a straight-line program with its dead values dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lielaws.engine.graph.node import Leaf, Node, ancestors
from lielaws.engine.graph.primitives import PRIMITIVES


@dataclass(frozen=True, slots=True)
class _Step:
    node: Node
    slot: int
    sources: tuple[int, ...]
    evaluate: Any
    finished: tuple[int, ...]
    """slots whose value nobody needs after this step"""


@dataclass(frozen=True, slots=True)
class Program:
    """The steps that compute some outputs; `run` reads them in an arithmetic."""

    steps: tuple[_Step, ...]
    leaves: tuple[tuple[Leaf, int], ...]
    outputs: tuple[int, ...]
    slots: int

    @classmethod
    def of(cls, outputs: Sequence[Node]) -> Program:
        order = ancestors(outputs)
        slot = {node.serial: number for number, node in enumerate(order)}
        kept = {slot[node.serial] for node in outputs}
        last_use = {slot[source.serial]: number for number, node in enumerate(order) for source in node.inputs}
        dying: dict[int, list[int]] = {}
        for value, step in last_use.items():
            if value not in kept:
                dying.setdefault(step, []).append(value)
        steps = tuple(
            _Step(
                node,
                number,
                tuple(slot[source.serial] for source in node.inputs),
                PRIMITIVES[node.op].evaluate,
                tuple(dying.get(number, ())),
            )
            for number, node in enumerate(order)
            if node.op != "leaf"
        )
        leaves = tuple((node.static, slot[node.serial]) for node in order if node.op == "leaf")
        return cls(steps, leaves, tuple(slot[node.serial] for node in outputs), len(order))

    def run(self, arithmetic: Any, values: Mapping[Leaf, Any]) -> list[Any]:
        """The outputs, each an array with the arithmetic's leading axes followed by the node's shape."""
        memory: list[Any] = [None] * self.slots
        for leaf, slot in self.leaves:
            memory[slot] = values[leaf]
        for step in self.steps:
            memory[step.slot] = step.evaluate(arithmetic, step.node, *(memory[source] for source in step.sources))
            for slot in step.finished:
                memory[slot] = None
        return [memory[slot] for slot in self.outputs]
