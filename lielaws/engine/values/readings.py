"""Expressions as rational functions of their atoms, entry by entry alike: what local rules look at.

Atoms are views of leaves, of functions, and of sums over axes that are too long to write out. An expression that is too
large is read again with less detail, so that a reading always exists; the last one has sums as atoms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, reduce
from typing import Any

import numpy as np

from lielaws.engine.arithmetic.ratios import Ratio, TooManyTermsError
from lielaws.engine.graph.contraction import plan_contraction
from lielaws.engine.graph.node import Node, Shape
from lielaws.engine.graph.primitives import add, multiply, power, reciprocal, scale
from lielaws.engine.linalg import as_fmpq, as_fraction
from lielaws.engine.values.views import IntArray, look_through, place, products, scatter_sources, summands, whole

ALL, LONG_SUMS, PRODUCTS = DETAILS = (0, 1, 2)
"""how much is an atom: nothing that can be read, sums over axes, and all sums"""

_MOST_ATOMS = 32
"""above, polynomials with long exponent vectors get slow; below, sums of some ten products are not read"""
MOST_TERMS = 60
"""above, factoring takes more than milliseconds; below, squares of sums of more than five terms are not recognized"""
_MOST_SUMMED = 4
"""above, every layer is written out as scalars; below, norms of two or three entries are not seen through"""
_LARGEST_POWER = 12
"""above, degrees of what is factored explode; below, high powers of sums are atoms"""


@dataclass(frozen=True, slots=True)
class Atom:
    """A view of a node that is not read further, and the node that it is in the shape of the expression."""

    base: Node
    index: IntArray
    node: Node


@cache
def context() -> Any:
    import flint

    return flint.fmpq_mpoly_ctx.get([f"a{k}" for k in range(_MOST_ATOMS)], flint.Ordering.lex)


class Reading:
    """The reading of an expression; further ones in the same shape share its atoms."""

    def __init__(self, node: Node, detail: int) -> None:
        self.shape: Shape = node.shape
        self.detail = detail
        self.atoms: list[Atom] = []
        self._numbers: dict[int, int] = {}
        self._known: dict[tuple[int, bytes], Ratio] = {}
        self._graph = node.graph
        self.value = self.read(node, whole(node))

    def read(self, node: Node, index: IntArray) -> Ratio:
        """A view as a ratio of polynomials in the atoms. TooManyTermsError if that is too large."""
        node, index = look_through(node, index)
        key = (node.serial, index.tobytes())
        if key not in self._known:
            value = self._read(node, index)
            if max(len(value.above), len(value.below)) > MOST_TERMS:
                raise TooManyTermsError
            self._known[key] = value
        return self._known[key]

    def _read(self, node: Node, index: IntArray) -> Ratio:
        inputs = node.inputs
        match node.op:
            case "constant":
                numbers = {node.static.numerators[k] for k in index.tolist()}
                if len(numbers) == 1:
                    return self.number(Fraction(numbers.pop(), node.static.denominator))
            case "scatter":
                sources = scatter_sources(node)
                if sources is not None and bool((sources[index] < 0).all()):
                    return self.number(Fraction(0))
            case "scale":
                return self.number(node.static) * self.read(inputs[0], index)
            case "add" if self.detail < PRODUCTS:
                return self.read(inputs[0], index) + self.read(inputs[1], index)
            case "power":
                base = self.read(inputs[0], index)
                if node.static > _LARGEST_POWER and max(len(base.above), len(base.below)) > 1:
                    raise TooManyTermsError
                return Ratio(base.above**node.static, base.below**node.static)
            case "reciprocal":
                below = self.read(inputs[0], index)
                if below.above == 0:
                    raise TooManyTermsError
                return below.inverse()
            case "contract" if self._is_read(plan_contraction(node.static, *(a.shape for a in inputs)).terms):
                pairs = products(node, index)
                return self._total([self.read(inputs[0], a) * self.read(inputs[1], b) for a, b in pairs])
            case "sum" if self._is_read(inputs[0].size // max(1, node.size)):
                return self._total([self.read(inputs[0], view) for view in summands(node, index)])
        return self.symbol(self.atom(node, index))

    def _is_read(self, terms: int) -> bool:
        return terms == 1 or (self.detail == ALL and 1 < terms <= _MOST_SUMMED)

    def _total(self, terms: Sequence[Ratio]) -> Ratio:
        total = self.number(Fraction(0))
        for term in terms:
            total = total + term
            if len(total.above) > MOST_TERMS:
                raise TooManyTermsError
        return total

    def number(self, value: Fraction) -> Ratio:
        return Ratio(context().constant(as_fmpq(value)), context().constant(1))

    def atom(self, base: Node, index: IntArray) -> int:
        """The number of an atom, new if it was not yet there."""
        node = place(base, index, self.shape)
        if node.serial not in self._numbers:
            if len(self.atoms) == _MOST_ATOMS:
                raise TooManyTermsError
            self._numbers[node.serial] = len(self.atoms)
            self.atoms.append(Atom(base, index, node))
        return self._numbers[node.serial]

    def symbol(self, number: int) -> Ratio:
        return Ratio(context().gens()[number], context().constant(1))

    def argument(self, atom: Atom) -> Node:
        """The argument of the function that an atom is, in the shape of the expression."""
        return place(*look_through(atom.base.inputs[0], atom.index), self.shape)

    def terms(self, polynomial: Any) -> list[tuple[tuple[tuple[int, int], ...], Fraction]]:
        """((atom, exponent), ..) with the coefficient, in an order that depends on the atoms alone."""
        found = [
            (tuple((k, int(e)) for k, e in enumerate(exponents) if e), as_fraction(coefficient))
            for exponents, coefficient in polynomial.to_dict().items()
        ]
        return sorted(found, key=lambda term: sorted((self.atoms[k].node.serial, e) for k, e in term[0]))

    def named_terms(self, polynomial: Any) -> list[tuple[tuple[tuple[int, int], ...], Fraction]]:
        """The same with atoms by the serials of their nodes."""
        return [
            (tuple(sorted((self.atoms[k].node.serial, e) for k, e in powers)), coefficient)
            for powers, coefficient in self.terms(polynomial)
        ]

    def monomial(self, powers: Sequence[tuple[int, int]]) -> Node:
        result: Node | None = None
        for number, exponent in sorted(powers, key=lambda pair: self.atoms[pair[0]].node.serial):
            factor = power(self.atoms[number].node, exponent)
            result = factor if result is None else multiply(result, factor)
        return self.constant(Fraction(1)) if result is None else result

    def constant(self, value: Fraction) -> Node:
        size = int(np.prod(self.shape, dtype=np.int64))
        return self._graph.constant([value] * size, self.shape)

    def build(self, polynomial: Any) -> Node:
        """A polynomial in the atoms as a node."""
        total: Node | None = None
        for powers, coefficient in self.terms(polynomial):
            term = scale(coefficient, self.monomial(powers)) if powers else self.constant(coefficient)
            total = term if total is None else add(total, term)
        return self.constant(Fraction(0)) if total is None else total

    def build_ratio(self, ratio: Ratio) -> Node:
        above = self.build(ratio.above)
        return above if ratio.below == 1 else multiply(above, reciprocal(self.build(ratio.below)))

    def factors(self, ratio: Ratio) -> tuple[Fraction, list[tuple[Any, int]]]:
        """A number and irreducible polynomials with their exponents."""
        constant, found = Fraction(1), []
        for polynomial, sign in ((ratio.above, 1), (ratio.below, -1)):
            lead, parts = polynomial.factor()
            constant *= as_fraction(lead) ** sign
            found += [(factor, sign * int(exponent)) for factor, exponent in parts]
        return constant, found

    def of(self, operation: str) -> list[int]:
        """The numbers of the atoms that are made by an operation."""
        return [number for number, atom in enumerate(self.atoms) if atom.base.op == operation]


def readings(node: Node) -> list[Reading]:
    """The readings that are not too large, the most detailed first."""
    found = []
    for detail in DETAILS:
        try:
            found.append(Reading(node, detail))
        except TooManyTermsError:
            continue
    return found


def raised(node: Node, exponent: int) -> Node:
    """A power with an exponent that may be negative."""
    return power(node, exponent) if exponent > 0 else reciprocal(power(node, -exponent))


def product_of(powers: Sequence[tuple[Node, int]], one: Node) -> Node:
    """prod node^exponent; `one` if there are none."""
    factors = [raised(node, exponent) for node, exponent in powers if exponent]
    return reduce(multiply, factors) if factors else one
