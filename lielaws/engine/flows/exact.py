"""What a proof over Q needs of a family of fields: bounds on its degrees and coefficients, or its full expansion."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np

from lielaws.engine.arithmetic.bounds import TermCount
from lielaws.engine.arithmetic.polynomials import Exact, objects
from lielaws.engine.flows.heights import Heights
from lielaws.engine.graph.functions import FUNCTIONS
from lielaws.engine.graph.node import Leaf, Node, leaves_of
from lielaws.engine.graph.program import Program
from lielaws.engine.linalg import as_fmpq


@dataclass(frozen=True, slots=True)
class FieldBounds:
    """For all components of all members, as N / D with one D and integer polynomials N in leaves and function values.

    degree, log_norm : of N: its degree, and log2 of the sum of the absolute values of its coefficients
    below_degree, below_log_norm : of D
    expanded_terms : at least the number of terms of all components together
    coincidences : the sum, over pairs of arguments of functions, of the degree of a polynomial that is zero where they
        agree; and the sum of its log2 norms
    log_roots : log2 of how many points are drawn until one has all roots, where these are true ones
    """

    degree: int
    log_norm: float
    below_degree: int = 0
    below_log_norm: float = 0.0
    expanded_terms: float = math.inf
    coincidences: tuple[float, float] = (0.0, 0.0)
    log_roots: float = 0.0


def bound_fields(components: Sequence[Node], *, roots_squared: bool = False) -> FieldBounds:
    """Bounds for the entries of some nodes.

    roots_squared : whether roots are such numbers r that r^2 is their argument; else they are variables
    """
    heights = Heights(components, roots_squared=roots_squared)
    joint = heights.together(components)
    below_degree, below_norm = heights.denominator(joint)
    drawn_degree, drawn_norm = heights.drawn(joint)
    functions = [node for node in heights.nodes if node.op in FUNCTIONS]
    rational = not functions and not any(node.op == "reciprocal" for node in heights.nodes)
    return FieldBounds(
        degree=joint.degree + drawn_degree,
        log_norm=joint.log_norm + drawn_norm,
        below_degree=below_degree,
        below_log_norm=below_norm,
        expanded_terms=_number_of_terms(components) if rational else math.inf,
        coincidences=_coincidences(heights, functions),
    )


def _number_of_terms(components: Sequence[Node]) -> float:
    program = Program.of(components)
    shapes = {leaf.static: leaf.shape for leaf in leaves_of(components)}
    with np.errstate(over="ignore"):
        counts = program.run(TermCount(), {leaf: np.ones((1, *shapes[leaf])) for leaf, _ in program.leaves})
    return sum(float(count.sum()) for count in counts)


def _coincidences(heights: Heights, functions: Sequence[Node]) -> tuple[float, float]:
    """For all pairs of arguments of functions of one kind, and for each with the number at which its value is known."""
    degrees = norms = 0.0
    kinds: dict[str, dict[int, Node]] = {}
    for node in functions:
        kind = "angle" if node.op in ("cos", "sin") else node.op
        kinds.setdefault(kind, {})[node.inputs[0].serial] = node.inputs[0]
    for arguments in kinds.values():
        bounds = [_Argument.of(heights, node) for node in arguments.values()]
        for k, one in enumerate(bounds):
            # Entries of one array have one denominator: N - M and N + M; for 0 and 1, N and N - D.
            degrees += one.size**2 * one.degree + one.size * (2 * max(one.degree, one.below_degree))
            norms += (one.size**2 + 2 * one.size) * (max(one.norm, one.below_norm) + 1)
            for other in bounds[:k]:
                # N E - M D and N E + M D, for N / D and M / E.
                pairs = 2 * one.size * other.size
                degrees += pairs * max(one.degree + other.below_degree, other.degree + one.below_degree)
                norms += pairs * (max(one.norm + other.below_norm, other.norm + one.below_norm) + 1)
    return degrees, norms


@dataclass(frozen=True, slots=True)
class _Argument:
    """An argument N / D of a function: its number of entries, and degrees and log2 norms of N and D."""

    size: int
    degree: int
    norm: float
    below_degree: int
    below_norm: float

    @classmethod
    def of(cls, heights: Heights, node: Node) -> _Argument:
        height = heights.of(node)
        below_degree, below_norm = heights.denominator(height)
        degree, norm = heights.drawn(height)
        below_norm += math.log2(height.divisor)
        return cls(node.size, height.degree + degree, height.log_norm + norm, below_degree + degree, below_norm + norm)


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
            entries = generators[position : position + leaf.size]
            values[leaf.static] = objects(list(entries), leaf.shape)
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
