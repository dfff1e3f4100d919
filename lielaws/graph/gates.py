"""Piecewise linear functions become products with gates.

Wherever the network is differentiable, `relu(u)` is `gate * u` with a gate that is locally constant. Counting over all
values of the gates is counting over all activation patterns: the path-lifting of arXiv 2307.00144. Two functions whose
arguments are proportional share their gate, reversed if the factor is negative, since no data tell them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.errors import UnsupportedError
from lielaws.graph.generators import plan_functions
from lielaws.graph.node import IndexMap, Node, ancestors
from lielaws.graph.primitives import add, gather, multiply, power, scale, scatter
from lielaws.graph.program import Program
from lielaws.graph.sampling import Sampler
from lielaws.linalg import rational_reconstruction
from lielaws.numbers.bounds import DegreeBound
from lielaws.numbers.modular import BadPrimeError

_PRIMES = (2**31 - 1, 2**31 - 61)
_SAMPLES = 4
_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Gate:
    """A leaf of gates, 1 where the argument is positive and 0 where it is negative.

    argument : what it is the gate of, in the network as it was written
    value : the gates with those that are shared filled in; entries of the leaf that are shared are not used
    affine : the output is affine in these gates, so that arbitrary values of them span the same family as 0 and 1
    """

    leaf: Node
    argument: Node
    value: Node
    affine: bool


@dataclass(frozen=True, slots=True)
class _Twin:
    """An argument entry that is a multiple of an earlier one."""

    piece: int
    entry: int
    reversed: bool


_Twins = dict[tuple[int, int], _Twin]


def lower_gates(output: Node) -> tuple[Node, tuple[Gate, ...]]:
    """The output with gates in place of piecewise linear functions, and the gates."""
    pieces = [node for node in ancestors([output]) if node.op == "piecewise"]
    if not pieces:
        return output, ()
    leaves = [output.graph.leaf("gate", f"gate{k}", node.shape) for k, node in enumerate(pieces)]
    twins: _Twins = {}
    while True:
        lowered, arguments = _rewrite(output, pieces, leaves, twins)
        found = _find_twins(arguments)
        if found == twins:
            break
        twins = found
    affine = _affine(lowered, leaves)
    values = [_gate(k, piece, leaves, twins) for k, piece in enumerate(pieces)]
    gates = zip(leaves, pieces, values, affine, strict=True)
    return lowered, tuple(Gate(leaf, piece.inputs[0], value, flag) for leaf, piece, value, flag in gates)


def _rewrite(output: Node, pieces: Sequence[Node], leaves: Sequence[Node], twins: _Twins) -> tuple[Node, list[Node]]:
    """The lowered output and the lowered arguments of all pieces."""
    number = {node.serial: k for k, node in enumerate(pieces)}
    new: dict[int, Node] = {}

    def gated(piece: Node, exponent: int) -> Node:
        # A power of the function is gated once, as gates are idempotent.
        below, above = (slope**exponent for slope in piece.static)
        argument = power(new[piece.inputs[0].serial], exponent)
        gate = _gate(number[piece.serial], piece, leaves, twins)
        open_part = scale(above - below, multiply(gate, argument))
        return open_part if below == 0 else add(open_part, scale(below, argument))

    for node in ancestors([output]):
        if node.op == "piecewise":
            new[node.serial] = gated(node, 1)
        elif node.op == "power" and node.inputs[0].op == "piecewise":
            new[node.serial] = gated(node.inputs[0], node.static)
        else:
            inputs = tuple(new[source.serial] for source in node.inputs)
            new[node.serial] = node.graph.node(node.op, inputs, node.static, node.shape) if inputs else node
    return new[output.serial], [new[node.inputs[0].serial] for node in pieces]


def _gate(k: int, piece: Node, leaves: Sequence[Node], twins: _Twins) -> Node:
    mine = {entry: twin for (number, entry), twin in twins.items() if number == k}
    if not mine:
        return leaves[k]
    own = [entry for entry in range(piece.size) if entry not in mine]
    total = _move(leaves[k], own, own, piece)
    for source in sorted({twin.piece for twin in mine.values()}):
        entries = [entry for entry, twin in mine.items() if twin.piece == source]
        total = add(total, _move(leaves[source], [mine[entry].entry for entry in entries], entries, piece))
    flips = [1 if entry in mine and mine[entry].reversed else 0 for entry in range(piece.size)]
    if not any(flips):
        return total
    signs = piece.graph.constant([1 - 2 * flip for flip in flips], piece.shape)
    return add(multiply(signs, total), piece.graph.constant(flips, piece.shape))


def _move(leaf: Node, sources: list[int], targets: list[int], piece: Node) -> Node:
    picked = gather(leaf, IndexMap.of(sources), (len(sources),))
    return scatter(picked, IndexMap.of(targets), piece.shape)


def _find_twins(arguments: Sequence[Node]) -> _Twins:
    """Entries that are a rational multiple of an earlier one, at several random points at once.

    A proportion that holds at all points modulo one prime and is no small rational is refused, never ignored: a free
    gate too many would prove too few laws.
    """
    first = _sample(arguments, _PRIMES[0], np.random.default_rng(0))
    second: Any = None
    seen: dict[tuple[int, ...], tuple[int, int]] = {}
    twins: _Twins = {}
    for k, values in enumerate(first):
        for entry in range(values.shape[1]):
            column = [int(value) for value in values[:, entry]]
            if not any(column):
                continue
            direction = (
                tuple(value * pow(column[0], -1, _PRIMES[0]) % _PRIMES[0] for value in column)
                if column[0]
                else tuple(column)
            )
            if direction not in seen:
                seen[direction] = (k, entry)
                continue
            piece, original = seen[direction]
            second = second or _sample(arguments, _PRIMES[1], np.random.default_rng(1))
            ratio = _ratio(first, second, (k, entry), (piece, original))
            twins[(k, entry)] = _Twin(piece, original, ratio < 0)
    return twins


def _ratio(first: Any, second: Any, one: tuple[int, int], other: tuple[int, int]) -> Fraction:
    residues = []
    for values, prime in zip((first, second), _PRIMES, strict=True):
        numerator, denominator = (int(values[k][0, entry]) for k, entry in (one, other))
        residues.append(numerator * pow(denominator, -1, prime) % prime if denominator else 0)
    p, q = _PRIMES
    combined = (residues[0] + p * ((residues[1] - residues[0]) * pow(p, -1, q) % q)) % (p * q)
    ratio = rational_reconstruction(combined, p * q)
    if ratio is None or ratio == 0:
        raise UnsupportedError(
            "activation", f"arguments {one} and {other}", "they are proportional by an unusual factor"
        )
    return ratio


def _sample(arguments: Sequence[Node], prime: int, rng: np.random.Generator) -> list[Any]:
    """The values of the arguments at random points: one array (samples, entries) for each."""
    sampler = Sampler(arguments, plan_functions(arguments))
    for _ in range(_ATTEMPTS):
        try:
            state = sampler.draw_state(rng, _SAMPLES, prime)
            values, _drawing = sampler.run(state, sampler.draw_sample(rng, _SAMPLES, prime, state), prime)
        except BadPrimeError:
            continue
        return [
            np.broadcast_to(value[0].reshape(value.shape[1], -1), (_SAMPLES, node.size))
            for value, node in zip(values, arguments, strict=True)
        ]
    raise UnsupportedError("architecture", "a denominator", "it vanishes at every point that was tried")


def _affine(output: Node, leaves: Sequence[Node]) -> list[bool]:
    program = Program.of([output])
    unit = {leaf.static: row for leaf, row in zip(leaves, np.eye(len(leaves)), strict=True)}
    values = {leaf: unit.get(leaf, np.zeros(len(leaves))) for leaf, _ in program.leaves}
    (degrees,) = program.run(DegreeBound(len(leaves)), values)
    return [bool(degree <= 1) for degree in degrees]
