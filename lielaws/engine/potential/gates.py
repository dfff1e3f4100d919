"""Piecewise linear functions become products with gates.

Wherever the network is differentiable, `relu(u)` is `gate * u` with a gate that is locally constant. Counting over all
values of the gates is counting over all activation patterns: the path-lifting of arXiv 2307.00144. Two functions whose
arguments are proportional share their gate, reversed if the factor is negative, since no data tell them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lielaws.engine.arithmetic.base import IndexMap
from lielaws.engine.arithmetic.bounds import DegreeBound
from lielaws.engine.arithmetic.signmasks import NEGATIVE, POSITIVE
from lielaws.engine.graph.contraction import parse_subscripts
from lielaws.engine.graph.node import Node, ancestors
from lielaws.engine.graph.primitives import add, gather, multiply, permute, power, scale, scatter, sum_axes
from lielaws.engine.graph.program import Program
from lielaws.engine.potential.shared_gates import Entry, Tie, find_ties
from lielaws.engine.potential.signs import sign_masks

_Ties = dict[Entry, Tie]


@dataclass(frozen=True, slots=True)
class Gate:
    """A leaf of gates, 1 where the argument is positive and 0 where it is negative.

    argument : what it is the gate of, in the network as it was written
    lowered : the same with gates in place of piecewise linear functions
    value : the gates with those that are tied filled in; entries of the leaf that are tied are not used
    affine : the output is affine in these gates, so that arbitrary values span the same family as 0 and 1
    tied : all entries are tied to those of earlier gates
    """

    leaf: Node
    argument: Node
    lowered: Node
    value: Node
    affine: bool
    tied: bool


@dataclass(frozen=True, slots=True)
class Lowered:
    """A network with gates in place of piecewise linear functions.

    pieces : for each piecewise linear function as it was written, in order, the number of its gates, or None where its
        argument has one sign; then `signs` has the value that its gates have
    """

    output: Node
    gates: tuple[Gate, ...]
    pieces: tuple[int | None, ...] = ()
    signs: tuple[int, ...] = ()


def lower_gates(written: Node) -> Lowered:
    """The output with gates in place of piecewise linear functions, and the gates."""
    nodes = ancestors([written])
    simple, fixed = _without_fixed_signs(written)
    output = simple[written.serial]
    pieces = [node for node in ancestors([output]) if node.op == "piecewise"]
    order = [node for node in nodes if node.op == "piecewise"]
    signs = tuple(fixed.get(node.serial, 0) for node in order)
    if not pieces:
        return Lowered(output, (), (None,) * len(order), signs)
    leaves = [output.graph.leaf("gate", f"gate{k}", node.shape) for k, node in enumerate(pieces)]
    ties: _Ties = {}
    while True:
        lowering = _Lowering(pieces, leaves, ties)
        lowered, arguments = lowering.run(output)
        found = find_ties(arguments)
        if found == ties:
            break
        ties = found
    affine = _affine(lowered, leaves)
    values = [_gate(k, piece, leaves, ties) for k, piece in enumerate(pieces)]
    gates = zip(leaves, pieces, arguments, values, affine, strict=True)
    number = {piece.serial: k for k, piece in enumerate(pieces)}
    return Lowered(
        lowered,
        tuple(
            Gate(leaf, piece.inputs[0], below, value, flag, all((k, entry) in ties for entry in range(piece.size)))
            for k, (leaf, piece, below, value, flag) in enumerate(gates)
        ),
        tuple(None if node.serial in fixed else number[simple[node.serial].serial] for node in order),
        signs,
    )


def _without_fixed_signs(output: Node) -> tuple[dict[int, Node], dict[int, int]]:
    """The nodes without those piecewise linear functions whose arguments have one sign, as relu(x^2), by serial.

    With them the serials of those functions, and the values that their gates would have.
    """
    pieces = [node for node in ancestors([output]) if node.op == "piecewise"]
    masks = sign_masks([piece.inputs[0] for piece in pieces]) if pieces else []
    fixed: dict[int, int] = {}
    for piece, mask in zip(pieces, masks, strict=True):
        signs = {entry & (POSITIVE | NEGATIVE) for entry in mask.ravel().tolist()} - {0}
        if len(signs) < 2 and POSITIVE | NEGATIVE not in signs:
            fixed[piece.serial] = 0 if NEGATIVE in signs else 1
    new: dict[int, Node] = {}
    for node in ancestors([output]):
        inputs = tuple(new[source.serial] for source in node.inputs)
        if node.serial in fixed:
            new[node.serial] = scale(node.static[fixed[node.serial]], inputs[0])
        elif inputs == node.inputs:
            new[node.serial] = node
        else:
            new[node.serial] = node.graph.node(node.op, inputs, node.static, node.shape)
    return new, fixed


class _Lowering:
    """Writes the functions that are given as pieces with gates."""

    def __init__(self, pieces: Sequence[Node], leaves: Sequence[Node], ties: _Ties) -> None:
        self._pieces, self._leaves, self._ties = pieces, leaves, ties
        self._number = {node.serial: k for k, node in enumerate(pieces)}
        self.new: dict[int, Node] = {}

    def run(self, output: Node) -> tuple[Node, list[Node]]:
        """The lowered output and the lowered arguments of all pieces."""
        for node in ancestors([output]):
            self.new[node.serial] = self._lowered(node)
        return self.new[output.serial], [self.new[node.inputs[0].serial] for node in self._pieces]

    def _lowered(self, node: Node) -> Node:
        if node.op == "piecewise":
            return self._gated(node, 1)
        if node.op == "power":
            return self._power(node.inputs[0], node.static)
        if node.op == "contract" and node.inputs[0] is node.inputs[1]:
            left, right, result = parse_subscripts(node.static)
            if left == right:
                # The sum of squares of the entries that are not in the result, which has the others in their order.
                axes = tuple(axis for axis, index in enumerate(left) if index not in result)
                kept = "".join(index for index in left if index in result)
                total = sum_axes(self._power(node.inputs[0], 2), axes)
                return permute(total, tuple(kept.index(index) for index in result))
        inputs = tuple(self.new[source.serial] for source in node.inputs)
        return node.graph.node(node.op, inputs, node.static, node.shape) if inputs else node

    def _power(self, base: Node, exponent: int) -> Node:
        # A power of the function is gated once, as gates are idempotent.
        if base.op == "piecewise":
            return self._gated(base, exponent)
        if base.op == "power":
            return self._power(base.inputs[0], base.static * exponent)
        if base.op == "scale":
            return scale(base.static**exponent, self._power(base.inputs[0], exponent))
        return power(self.new[base.serial], exponent)

    def _gated(self, piece: Node, exponent: int) -> Node:
        below, above = (slope**exponent for slope in piece.static)
        argument = power(self.new[piece.inputs[0].serial], exponent)
        if below == above:
            return scale(above, argument)
        gate = _gate(self._number[piece.serial], piece, self._leaves, self._ties)
        open_part = scale(above - below, multiply(gate, argument))
        return open_part if below == 0 else add(open_part, scale(below, argument))


def _gate(k: int, piece: Node, leaves: Sequence[Node], ties: _Ties) -> Node:
    mine = {entry: tie for (number, entry), tie in ties.items() if number == k}
    if not mine:
        return leaves[k]
    own = [entry for entry in range(piece.size) if entry not in mine]
    total = _move(leaves[k], own, own, piece)
    for source in sorted({tie.piece for tie in mine.values()}):
        entries = [entry for entry, tie in mine.items() if tie.piece == source]
        total = add(total, _move(leaves[source], [mine[entry].entry for entry in entries], entries, piece))
    flips = [1 if entry in mine and mine[entry].reversed else 0 for entry in range(piece.size)]
    if not any(flips):
        return total
    signs = piece.graph.constant([1 - 2 * flip for flip in flips], piece.shape)
    return add(multiply(signs, total), piece.graph.constant(flips, piece.shape))


def _move(leaf: Node, sources: list[int], targets: list[int], piece: Node) -> Node:
    picked = gather(leaf, IndexMap.of(sources), (len(sources),))
    return scatter(picked, IndexMap.of(targets), piece.shape)


def _affine(output: Node, leaves: Sequence[Node]) -> list[bool]:
    program = Program.of([output])
    unit = {leaf.static: row for leaf, row in zip(leaves, np.eye(len(leaves)), strict=True)}
    values = {leaf: unit.get(leaf, np.zeros(len(leaves))) for leaf, _ in program.leaves}
    (degrees,) = program.run(DegreeBound(len(leaves)), values)
    return [bool(degree <= 1) for degree in degrees]
