"""Evaluation of a graph in any arithmetic: a straight-line program with its dead values dropped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lielaws.engine.graph.node import Leaf, Node, ancestors
from lielaws.engine.graph.primitives import PRIMITIVES

_Step = tuple[Callable[..., Any], Node, int, tuple[int, ...], list[int]]
"""how a node is evaluated, the node, the slots of its value and of its inputs, and those that nobody needs after it"""


@dataclass(frozen=True, slots=True)
class Program:
    """The steps that compute some outputs; `run` reads them in an arithmetic.

    widest : the number of entries of the largest array
    """

    steps: tuple[_Step, ...]
    leaves: tuple[tuple[Leaf, int], ...]
    outputs: tuple[int, ...]
    slots: int
    widest: int

    @classmethod
    def of(cls, outputs: Sequence[Node]) -> Program:
        order = ancestors(outputs)
        slot = {node.serial: number for number, node in enumerate(order)}
        kept = tuple(slot[node.serial] for node in outputs)
        sources = [tuple(slot[source.serial] for source in node.inputs) for node in order]
        last_use = {value: number for number, used in enumerate(sources) for value in used}
        finished: list[list[int]] = [[] for _ in order]
        for value in last_use.keys() - kept:
            finished[last_use[value]].append(value)
        steps = tuple(
            (PRIMITIVES[node.op].evaluate, node, k, sources[k], finished[k])
            for k, node in enumerate(order)
            if node.op != "leaf"
        )
        widest = max((node.size for node in order), default=1)
        return cls(steps, tuple((n.static, k) for k, n in enumerate(order) if n.op == "leaf"), kept, len(order), widest)

    def run(self, arithmetic: Any, values: Mapping[Leaf, Any]) -> list[Any]:
        """The outputs, each an array with the arithmetic's leading axes followed by the node's shape."""
        memory: list[Any] = [None] * self.slots
        for leaf, slot in self.leaves:
            memory[slot] = values[leaf]
        for evaluate, node, slot, sources, finished in self.steps:
            memory[slot] = evaluate(arithmetic, node, *(memory[source] for source in sources))
            for value in finished:
                memory[value] = None
        return [memory[slot] for slot in self.outputs]
