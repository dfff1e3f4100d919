"""What a proof over Q needs of a family of fields: bounds on its degrees and coefficients, or its full expansion."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np

from lielaws.engine.arithmetic.bounds import Complexity, ComplexityBound, NormBound
from lielaws.engine.arithmetic.polynomials import Exact
from lielaws.engine.graph.functions import FUNCTIONS
from lielaws.engine.graph.node import Leaf, Node, ancestors
from lielaws.engine.graph.program import Program
from lielaws.engine.linalg import as_fmpq


@dataclass(frozen=True, slots=True)
class Inverted:
    """The arguments of all reciprocals of one level of nesting: sums of their degrees and of their log2 norms."""

    degree: int
    log_norm: float


@dataclass(frozen=True, slots=True)
class FieldBounds:
    """For all components of all members, as polynomials in leaves, generators of functions, roots and reciprocals.

    degree : total degree
    log_norm : log2 of a denominator times the sum of the absolute values of the coefficients
    inverted : the reciprocals, deepest nesting first
    expanded_terms : at least the number of terms of all components together
    log_roots : log2 of the degree of the variety on which the roots live, divided by its share of points; 0 without
    """

    degree: int
    log_norm: float
    inverted: tuple[Inverted, ...]
    expanded_terms: float
    log_roots: float = 0.0


def bound_fields(components: Sequence[Node]) -> FieldBounds:
    """Bounds for the entries of some nodes."""
    degree, log_norm, total = _bound(components)
    nodes = ancestors(components)
    reciprocals = [node for node in nodes if node.op == "reciprocal"]
    nesting: dict[int, int] = {}
    for node in nodes:
        below = max((nesting[source.serial] for source in node.inputs), default=0)
        nesting[node.serial] = below + (node.op == "reciprocal")
    levels = []
    for level in sorted({nesting[node.serial] for node in reciprocals}, reverse=True):
        bounds = [
            (node.size, *_bound([node.inputs[0]])[:2]) for node in reciprocals if nesting[node.serial] == level
        ]
        levels.append(Inverted(sum(n * d for n, d, _ in bounds), sum(n * max(h, 0.0) for n, _, h in bounds)))
    simple = not any(node.op in (*FUNCTIONS, "reciprocal") for node in nodes)
    return FieldBounds(degree, log_norm, tuple(levels), total if simple else math.inf)


def _bound(nodes: Sequence[Node]) -> tuple[int, float, float]:
    """Degree, log2 of norm times denominator, and the sum of the norms of all entries."""
    program = Program.of(nodes)
    arithmetic = ComplexityBound(lambda kind, node: 1)
    complexities = program.run(arithmetic, {leaf: Complexity(1, 1) for leaf, _ in program.leaves})
    shapes = {node.static: node.shape for node in ancestors(nodes) if node.op == "leaf"}
    with np.errstate(over="ignore"):
        norms = program.run(NormBound(), {leaf: np.ones((1, *shapes[leaf])) for leaf, _ in program.leaves})
    degree = max((bound.degree for bound in complexities), default=0)
    denominator = max((math.log2(bound.denominator) for bound in complexities), default=0.0)
    largest = max((float(norm.max(initial=0)) for norm in norms), default=0.0)
    total = sum(float(norm.sum()) for norm in norms)
    # One more bit than computed: float64 rounding is far smaller.
    return degree, math.log2(max(largest, 1.0)) + denominator + 1, total


class Expansion:
    """All components of the fields as polynomials over Q in parameters, data, cotangents and gates."""

    def __init__(
        self,
        components: Sequence[tuple[int, Node]],
        offsets: Mapping[Leaf, int],
        leaves: Sequence[Node],
        gates: set[Leaf],
    ) -> None:
        count = sum(leaf.size for leaf in leaves)
        context = flint.fmpq_mpoly_ctx.get([f"z{k}" for k in range(count)], flint.Ordering.lex)
        generators = context.gens()
        values, position = {}, 0
        self._gates: list[int] = []
        self._coordinates: dict[int, Any] = {}
        for leaf in leaves:
            entries = np.empty(leaf.size, dtype=object)
            entries[:] = generators[position : position + leaf.size]
            values[leaf.static] = entries.reshape(leaf.shape)
            if leaf.static in gates:
                self._gates += range(position, position + leaf.size)
            if leaf.static in offsets:
                self._coordinates |= dict(enumerate(entries, start=offsets[leaf.static]))
            position += leaf.size
        ring = Exact(lambda number: context.constant(as_fmpq(number)))
        self._zero = context.constant(0)
        computed = Program.of([node for _, node in components]).run(ring, values)
        self._fields = {
            start + k: entry
            for (start, _), value in zip(components, computed, strict=True)
            for k, entry in enumerate(np.asarray(value, dtype=object).ravel())
        }

    def annihilates(self, terms: Sequence[tuple[tuple[int, ...], int]]) -> bool:
        """Whether the polynomial with these terms has derivative zero along all members.

        Gates are 0 or 1, so their powers are equal.
        """
        total = self._zero
        for monomial, coefficient in terms:
            for position, coordinate in enumerate(monomial):
                product = self._fields.get(coordinate, self._zero) * coefficient
                for other in monomial[:position] + monomial[position + 1 :]:
                    product = product * self._coordinates[other]
                total += product
        return not total or all(value == 0 for value in self._merged(total).values())

    def components(self) -> Iterator[tuple[int, list[tuple[tuple[int, ...], Any]]]]:
        """Each coordinate of the state with the terms of its component: (exponents, coefficient).

        Exponents are of the state first, then of data, cotangents and gates, with powers of gates merged.
        """
        for coordinate, polynomial in self._fields.items():
            yield coordinate, list(self._merged(polynomial).items())

    def _merged(self, polynomial: Any) -> dict[tuple[int, ...], Any]:
        merged: dict[tuple[int, ...], Any] = {}
        for exponents, coefficient in polynomial.terms():
            key = [int(exponent) for exponent in exponents]
            for gate in self._gates:
                key[gate] = min(key[gate], 1)
            merged[tuple(key)] = merged.get(tuple(key), 0) + coefficient
        return merged
