"""The potential f_z(theta) = <w, g(theta, x)> of an architecture, as a graph with named leaves.

`z` collects everything but the parameters: the data x, the cotangent w of the output, and the gates.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from lielaws.engine.graph.functions import FUNCTIONS
from lielaws.engine.graph.network import Traced
from lielaws.engine.graph.node import Node, ancestors, leaves_of
from lielaws.engine.graph.operations import Operations
from lielaws.engine.graph.trace import Array
from lielaws.engine.potential.free_gates import own_tensors
from lielaws.engine.potential.gates import Lowered, lower_gates
from lielaws.engine.potential.patterns import Patterns, shown_patterns
from lielaws.engine.potential.signs import regular_between_patterns
from lielaws.errors import InvalidArgumentError


@dataclass(frozen=True)
class Potential(Lowered):
    """A network with gates in place of piecewise linear functions, and the cotangent of its output.

    traced : the network as it was written
    free_cotangent : leaf with the independent entries of the cotangent
    """

    traced: Traced
    cotangent: Node
    free_cotangent: Node
    loss: str

    @cached_property
    def affine(self) -> bool:
        """Whether arbitrary values of the gates span the same family as 0 and 1."""
        return all(gate.affine for gate in self.gates)

    @cached_property
    def free_gates(self) -> bool:
        """Whether all activation patterns are meant: each gate has weights of its own, and no pattern is irregular."""
        own = own_tensors([gate.lowered for gate in self.gates if not gate.tied])
        return own is not None and regular_between_patterns(self.output, own)

    @cached_property
    def shown_patterns(self) -> Patterns | None:
        """The activation patterns that data were seen to show; None where all patterns are meant."""
        return None if self.free_gates else shown_patterns(self.gates)

    @cached_property
    def is_rational(self) -> bool:
        """Whether it has no functions beyond field operations."""
        return not any(node.op in FUNCTIONS for node in ancestors([self.output]))

    @cached_property
    def constants(self) -> tuple[Node, ...]:
        """Leaves with one value in all samples."""
        return tuple(leaf for leaf in leaves_of([self.output]) if leaf.static.role == "constant")

    @property
    def dimension(self) -> int:
        return sum(node.size for node in self.traced.parameters.values())


def check_loss(traced: Traced, loss: str) -> None:
    """Raises InvalidArgumentError if the output has no classes."""
    shape = traced.output.shape
    if loss != "any" and (not shape or shape[-1] < 2):
        raise InvalidArgumentError("loss", loss, f"at least two outputs are needed; the output has shape {shape}")


def build_potential(traced: Traced, loss: str = "any", *, independent_gates: bool = False) -> Potential:
    """The potential for a loss: "any", or "cross_entropy", where cotangents sum to zero over the last axis."""
    check_loss(traced, loss)
    lowered = lower_gates(traced.output, independent=independent_gates)
    shape = lowered.output.shape
    if loss == "any":
        cotangent = free = traced.graph.leaf("cotangent", "w", shape)
    else:
        free = traced.graph.leaf("cotangent", "w", (*shape[:-1], shape[-1] - 1))
        first, ops = Array(free), Operations(traced.graph)
        last = -first.sum(axis=len(shape) - 1)
        cotangent = ops.concatenate([first, last.reshape((*shape[:-1], 1))], axis=len(shape) - 1).node
    return Potential(lowered.output, lowered.gates, lowered.pieces, traced, cotangent, free, loss)
