"""The potential f_z(theta) = <w, g(theta, x)> of an architecture, as a graph with named leaves.

`z` collects everything but the parameters: the data x, the cotangent w of the output, and the gates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from lielaws.errors import InvalidArgumentError
from lielaws.graph.functions import ROOT
from lielaws.graph.gates import Gate, Lowered, lower_gates
from lielaws.graph.generators import FUNCTIONS, NoPatternError, plan_functions
from lielaws.graph.node import Graph, Leaf, Node, Shape, ancestors
from lielaws.graph.operations import Operations
from lielaws.graph.patterns import choose_patterns, gate_leaves
from lielaws.graph.plan import Plan
from lielaws.graph.trace import Array


@dataclass(frozen=True, slots=True)
class Traced:
    """A network as it was written.

    output : its value for one sample
    parameters, data : leaves by name, in the order of the architecture
    """

    graph: Graph
    output: Node
    parameters: Mapping[str, Node]
    data: Mapping[str, Node]


@dataclass(frozen=True)
class Potential:
    """A network with gates in place of piecewise linear functions, and the cotangent of its output.

    free_cotangent : leaf with the independent entries of the cotangent
    lowered : what has become of the network as it was written
    """

    traced: Traced
    output: Node
    cotangent: Node
    free_cotangent: Node
    gates: tuple[Gate, ...]
    lowered: Lowered

    @cached_property
    def plan(self) -> Plan:
        """How the values of its functions at a base point hang together; found when it is first needed.

        Raises ExactnessError, naming the functions, where that cannot be resolved.
        """
        nodes = ancestors([self.output])
        inside = gate_leaves([node.inputs[0] for node in nodes if node.op in (*FUNCTIONS, ROOT)])
        plan = self._planned(inside)
        gates = gate_leaves([self.output])
        plans = plan.patterns.plans if plan.patterns is not None else (plan,)
        if len(gates) > len(inside) and any(one.signs for one in plans):
            # The sign of a root may be that of the argument of a gate.
            plan = self._planned(gates)
        return plan

    def _planned(self, gates: Sequence[Node]) -> Plan:
        """The plan, for patterns of these gates if there are any."""
        if not gates:
            return plan_functions([self.output])
        try:
            return plan_functions([self.output], choose_patterns(gates, self.gates))
        except NoPatternError:
            # Roots that do not depend on data exist at few states for all of some patterns.
            return replace(plan_functions([self.output]), assumed=True)

    def is_patterned(self, leaf: Leaf) -> bool:
        """Whether the plan needs patterns of a gate."""
        return self.plan.patterns is not None and leaf in self.plan.patterns.gates.values

    @property
    def is_rational(self) -> bool:
        """Whether no function but field operations occurs."""
        return all(node.op not in (*FUNCTIONS, ROOT) for node in ancestors([self.output]))

    @property
    def functions(self) -> tuple[Node, ...]:
        """The nodes of functions beyond field operations; of cosine and sine the first for each argument.

        They have the order of the network as it was written.
        """
        found: dict[tuple[str, int], Node] = {}
        for written in ancestors([self.traced.output]):
            node = self.lowered.places[written.serial]
            if node.op in (*FUNCTIONS, ROOT):
                kind = "circle" if node.op in ("cos", "sin") else node.op
                found.setdefault((kind, written.inputs[0].serial), node)
        return tuple(found.values())

    @property
    def constants(self) -> tuple[Node, ...]:
        """Leaves with one value in all samples."""
        return tuple(node for node in ancestors([self.output]) if node.op == "leaf" and node.static.role == "constant")

    @property
    def dimension(self) -> int:
        return sum(node.size for node in self.traced.parameters.values())


class Namespace:
    """The parameters of a network, as attributes `p.W1` and as items `p["1.W1"]`."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self._arrays = dict(arrays)

    def __getattr__(self, name: str) -> Array:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Array:
        if name not in self._arrays:
            raise InvalidArgumentError("parameter", name, "not declared; declared: " + ", ".join(self._arrays))
        return self._arrays[name]

    def joined(self, others: Mapping[str, Array]) -> Namespace:
        """With further arrays."""
        return Namespace({**self._arrays, **others})

    def sub(self, prefix: str) -> Namespace:
        """The parameters whose name starts with the prefix, without it."""
        chosen = {name: array for name, array in self._arrays.items() if name.startswith(prefix)}
        return Namespace({name[len(prefix) :]: array for name, array in chosen.items()})


def trace(function: Callable[..., Any], parameters: Mapping[str, Shape], data: Mapping[str, Shape]) -> Traced:
    """Run a network on traced arrays: `function(p, *data, ops)`, data in the order of the mapping."""
    graph = Graph()
    parameter_leaves = {name: graph.leaf("parameter", name, shape) for name, shape in parameters.items()}
    data_leaves = {name: graph.leaf("data", name, shape) for name, shape in data.items()}
    ops = Operations(graph)
    arrays = [Array(node) for node in data_leaves.values()]
    output = function(Namespace({name: Array(node) for name, node in parameter_leaves.items()}), *arrays, ops)
    return Traced(graph, ops.array(output).node, parameter_leaves, data_leaves)


def build_potential(traced: Traced, loss: str = "any") -> Potential:
    """The potential for a loss: "any", or "cross_entropy", where cotangents sum to zero over the last axis."""
    lowered = lower_gates(traced.output)
    output = lowered.output
    shape = output.shape
    if loss == "any":
        cotangent = free = traced.graph.leaf("cotangent", "w", shape)
    else:
        if not shape or shape[-1] < 2:
            raise InvalidArgumentError("loss", loss, f"at least two outputs are needed; the output has shape {shape}")
        free = traced.graph.leaf("cotangent", "w", (*shape[:-1], shape[-1] - 1))
        first, ops = Array(free), Operations(traced.graph)
        last = -first.sum(axis=len(shape) - 1)
        cotangent = ops.concatenate([first, last.reshape((*shape[:-1], 1))], axis=len(shape) - 1).node
    made: list[Potential] = []
    # The potential does not exist yet.
    gates = tuple(replace(gate, patterned=lambda leaf: made[0].is_patterned(leaf)) for gate in lowered.gates)  # noqa: PLW0108
    made.append(Potential(traced, output, cotangent, free, gates, lowered))
    return made[0]
