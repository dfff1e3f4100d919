"""The potential f_z(theta) = <w, g(theta, x)> of an architecture, as a graph with named leaves.

`z` collects everything but the parameters: the data x, the cotangent w of the output, and the gates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from lielaws.engine.graph.functions import ROOT
from lielaws.engine.graph.network import Traced
from lielaws.engine.graph.node import Leaf, Node, ancestors
from lielaws.engine.graph.operations import Operations
from lielaws.engine.graph.trace import Array
from lielaws.engine.potential.gates import Gate, Lowered, lower_gates
from lielaws.engine.potential.patterns import choose_patterns, gate_leaves
from lielaws.engine.values.generators import FUNCTIONS, NoPatternError, plan_functions
from lielaws.engine.values.plan import Plan
from lielaws.errors import InvalidArgumentError


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
