"""What a proof over Q needs of a family of fields: bounds on its degrees and coefficients, or its full expansion."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
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
    below_degree, below_log_norm : of D, with the integer in it
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
    functions = [node for node in heights.nodes if node.op in FUNCTIONS]
    rational = not functions and not any(node.op == "reciprocal" for node in heights.nodes)
    return FieldBounds(
        degree=joint.degree,
        log_norm=joint.log_norm,
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
    """For all pairs of arguments of functions of one kind, and for each with the numbers at which a value is known.

    Arguments u = N / D and v = M / E agree up to sign where N E - M D or N E + M D is zero, and u is 0 or 1 where N or
    N - D is. Of so many entries, with bounds a of N and D that add up to A, these add up to 2 entries A: each entry is
    in 2 (entries - 1) of the former and in two of the latter. A sum of two terms has one bit more.
    """
    degrees = norms = 0.0
    kinds: dict[str, dict[int, Node]] = {}
    for node in functions:
        kind = "angle" if node.op in ("cos", "sin") else node.op
        kinds.setdefault(kind, {})[node.inputs[0].serial] = node.inputs[0]
    for arguments in kinds.values():
        entries, degree, norm = 0, 0, 0.0
        for node in arguments.values():
            height = heights.of(node)
            below_degree, below_norm = heights.denominator(height)
            entries += node.size
            degree += node.size * max(height.degree, below_degree)
            norm += node.size * max(height.log_norm, below_norm)
        degrees += 2 * entries * degree
        norms += 2 * entries * norm + entries * (entries + 1)
    return degrees, norms


class Expansion:
    """All components of the fields as polynomials over Q in parameters, data, cotangents and gates."""

    def __init__(
        self, slopes: Sequence[Node], state: Sequence[Node], outside: Sequence[Node], gates: Collection[Leaf]
    ) -> None:
        leaves = [*state, *outside]
        sizes = [leaf.size for leaf in leaves]
        context = flint.fmpq_mpoly_ctx.get([f"z{k}" for k in range(sum(sizes))], flint.Ordering.lex)
        # The coordinates of the state come first.
        self._generators = context.gens()
        self._gates = np.flatnonzero(np.repeat([leaf.static in gates for leaf in leaves], sizes)).tolist()
        entries = iter(self._generators)
        values = {leaf.static: objects(list(islice(entries, leaf.size)), leaf.shape) for leaf in leaves}
        self._zero = context.constant(0)
        computed = Program.of(slopes).run(Exact(lambda number: context.constant(as_fmpq(number))), values)
        self._fields = [entry for value in computed for entry in np.asarray(value, dtype=object).ravel()]

    def annihilates(self, terms: Sequence[tuple[tuple[int, ...], int]]) -> bool:
        """Whether the polynomial with these terms has derivative zero along all members.

        Gates are 0 or 1, so their powers are equal.
        """
        total = self._zero
        for monomial, coefficient in terms:
            for position, coordinate in enumerate(monomial):
                product = self._fields[coordinate] * coefficient
                for other in monomial[:position] + monomial[position + 1 :]:
                    product = product * self._generators[other]
                total += product
        return not total or all(value == 0 for value in self._merged(total).values())

    def components(self) -> Iterator[tuple[int, list[tuple[tuple[int, ...], Any]]]]:
        """Each coordinate of the state with the terms of its component: (exponents, coefficient).

        Exponents are of the state first, then of data, cotangents and gates, with powers of gates merged.
        """
        for coordinate, polynomial in enumerate(self._fields):
            yield coordinate, list(self._merged(polynomial).items())

    def _merged(self, polynomial: Any) -> dict[tuple[int, ...], Any]:
        merged: dict[tuple[int, ...], Any] = {}
        for exponents, coefficient in polynomial.terms():
            key = [int(exponent) for exponent in exponents]
            for gate in self._gates:
                key[gate] = min(key[gate], 1)
            merged[tuple(key)] = merged.get(tuple(key), 0) + coefficient
        return merged
