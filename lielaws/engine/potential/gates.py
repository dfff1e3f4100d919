"""Piecewise linear functions become products with gates.

Wherever the network is differentiable, `relu(u)` is `gate * u` with a gate that is locally constant. Counting over all
values of the gates is counting over all activation patterns: the path-lifting of arXiv 2307.00144. Two functions whose
arguments are proportional share their gate, reversed if the factor is negative, since no data tell them apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from lielaws.engine.arithmetic.base import IndexMap
from lielaws.engine.arithmetic.bounds import DegreeBound
from lielaws.engine.graph.contraction import parse_subscripts
from lielaws.engine.graph.node import Node, ancestors
from lielaws.engine.graph.primitives import add, gather, multiply, permute, power, scale, scatter, sum_axes
from lielaws.engine.potential.free_gates import degrees_in
from lielaws.engine.potential.shared_gates import Entry, Tie, find_ties
from lielaws.engine.potential.signs import NEGATIVE, POSITIVE, sign_masks

_Ties = dict[Entry, Tie]


@dataclass(frozen=True, slots=True)
class Gate:
    """A leaf of gates, 1 where the argument is positive and 0 where it is negative.

    argument : what it is the gate of, in the network as it was written
    lowered : the same with gates in place of piecewise linear functions
    affine : the output is affine in these gates, so that arbitrary values span the same family as 0 and 1
    tied : all entries are tied to those of earlier gates, so that the leaf is not used
    """

    leaf: Node
    argument: Node
    lowered: Node
    affine: bool
    tied: bool


@dataclass(frozen=True)
class Lowered:
    """A network with gates in place of piecewise linear functions.

    pieces : for each piecewise linear function as it was written, in order, the value of its gates: those that are tied
        to others filled in, and a constant where its argument has one sign
    """

    output: Node
    gates: tuple[Gate, ...]
    pieces: tuple[Node, ...]


def lower_gates(written: Node, *, independent: bool = False) -> Lowered:
    """The output with gates in place of piecewise linear functions, and the gates.

    independent : whether it is known that no argument has one sign, and that none are proportional
    """
    simple, fixed = ({written: written}, {}) if independent else _without_fixed_signs(written)
    output, values = simple[written], dict(fixed)
    lowered, gates = output, tuple[Gate, ...]()
    if pieces := _pieces([output]):
        leaves = [output.graph.leaf("gate", f"gate{k}", piece.shape) for k, piece in enumerate(pieces)]
        ties: _Ties = {}
        while True:
            filled = {piece: _gate(k, piece, leaves, ties) for k, piece in enumerate(pieces)}
            new = _Lowering(output, filled).new
            arguments = [new[piece.inputs[0]] for piece in pieces]
            if independent or (found := find_ties(arguments)) == ties:
                break
            ties = found
        lowered = new[output]
        tied = [all((k, entry) in ties for entry in range(piece.size)) for k, piece in enumerate(pieces)]
        written_arguments = (piece.inputs[0] for piece in pieces)
        gates = tuple(map(Gate, leaves, written_arguments, arguments, _affine(lowered, leaves), tied))
        values |= {node: filled[simple.get(node, node)] for node in _pieces([written]) if node not in fixed}
    return Lowered(lowered, gates, tuple(values[node] for node in _pieces([written])))


def _pieces(outputs: Sequence[Node]) -> list[Node]:
    return [node for node in ancestors(outputs) if node.op == "piecewise"]


def _without_fixed_signs(output: Node) -> tuple[dict[Node, Node], dict[Node, Node]]:
    """The nodes without those piecewise linear functions whose arguments have one sign, as relu(x^2).

    With them these functions, and the values that their gates would have.
    """
    pieces = _pieces([output])
    fixed: dict[Node, int] = {}
    for piece, mask in zip(pieces, sign_masks([piece.inputs[0] for piece in pieces]), strict=True):
        signs = {entry & (POSITIVE | NEGATIVE) for entry in mask.ravel().tolist()} - {0}
        if len(signs) < 2 and POSITIVE | NEGATIVE not in signs:
            fixed[piece] = 0 if NEGATIVE in signs else 1
    new: dict[Node, Node] = {}
    for node in ancestors([output]):
        inputs = tuple(new[source] for source in node.inputs)
        new[node] = scale(node.static[fixed[node]], inputs[0]) if node in fixed else node.on(inputs)
    return new, {node: node.graph.constant([sign] * node.size, node.shape) for node, sign in fixed.items()}


class _Lowering:
    """Writes piecewise linear functions with the gates that are given: `new` has what becomes of each node."""

    def __init__(self, output: Node, gates: Mapping[Node, Node]) -> None:
        self._gates = gates
        self.new: dict[Node, Node] = {}
        for node in ancestors([output]):
            self.new[node] = self._lowered(node)

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
        return node.on(tuple(self.new[source] for source in node.inputs))

    def _power(self, base: Node, exponent: int) -> Node:
        # A power of the function is gated once, as gates are idempotent.
        if base.op == "piecewise":
            return self._gated(base, exponent)
        if base.op == "power":
            return self._power(base.inputs[0], base.static * exponent)
        if base.op == "scale":
            return scale(base.static**exponent, self._power(base.inputs[0], exponent))
        return power(self.new[base], exponent)

    def _gated(self, piece: Node, exponent: int) -> Node:
        below, above = (slope**exponent for slope in piece.static)
        argument = power(self.new[piece.inputs[0]], exponent)
        if below == above:
            return scale(above, argument)
        open_part = scale(above - below, multiply(self._gates[piece], argument))
        return open_part if below == 0 else add(open_part, scale(below, argument))


def _gate(k: int, piece: Node, leaves: Sequence[Node], ties: _Ties) -> Node:
    """The gates of a function: its own leaf, or entries of the leaves to which some are tied."""
    mine = {entry: tie for (number, entry), tie in ties.items() if number == k}
    if not mine:
        return leaves[k]
    moves: dict[int, dict[int, int]] = {k: {entry: entry for entry in range(piece.size) if entry not in mine}}
    for entry, tie in mine.items():
        moves.setdefault(tie.piece, {})[entry] = tie.entry
    total = reduce(add, (_move(leaves[source], moves[source], piece) for source in sorted(moves)))
    flips = [int(entry in mine and mine[entry].reversed) for entry in range(piece.size)]
    if not any(flips):
        return total
    signs = piece.graph.constant([1 - 2 * flip for flip in flips], piece.shape)
    return add(multiply(signs, total), piece.graph.constant(flips, piece.shape))


def _move(leaf: Node, sources: dict[int, int], piece: Node) -> Node:
    """Entries of a leaf, each at its place in the gates of a function."""
    picked = gather(leaf, IndexMap.of(list(sources.values())), (len(sources),))
    return scatter(picked, IndexMap.of(list(sources)), piece.shape)


def _affine(output: Node, leaves: Sequence[Node]) -> list[bool]:
    """For each leaf of gates, whether the output is affine in it."""
    return [bool(degree <= 1) for degree in degrees_in(output, [{leaf.static} for leaf in leaves], DegreeBound)]
