"""Rational functions of atoms written as nodes of a graph, entry by entry."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from typing import Any

from lielaws.arraytypes import ObjectArray
from lielaws.engine.arithmetic.base import IndexMap
from lielaws.engine.arithmetic.ratios import Ratio
from lielaws.engine.graph import functions
from lielaws.engine.graph.node import Graph, Node
from lielaws.engine.graph.primitives import add, multiply, piecewise, power, reciprocal, reshape, scale, scatter
from lielaws.engine.linalg import as_fraction
from lielaws.engine.values.function_field import number, terms
from lielaws.engine.values.function_rules import Functions


@dataclass(slots=True)
class Writer:
    """Writes each atom once. A gate is relu(p) / p, as a graph has no gates before it is lowered."""

    graph: Graph
    functions: Functions
    _known: dict[int, Node] = field(default_factory=dict)

    def array(self, entries: ObjectArray) -> Node:
        parts = [
            scatter(reshape(self.number(entry), (1,)), IndexMap.of([k]), (entries.size,))
            for k, entry in enumerate(entries.ravel())
        ]
        return reshape(reduce(add, parts), entries.shape)

    def number(self, value: Ratio) -> Node:
        """A product of factors: sums of products are not written out."""
        if value.above == 0:
            return self._constant(Fraction(0))
        (first, above), (second, below) = value.above.factor(), value.below.factor()
        parts = [power(self._sum(factor), int(exponent)) for factor, exponent in above]
        parts += [reciprocal(power(self._sum(factor), int(exponent))) for factor, exponent in below]
        return scale(as_fraction(first / second), reduce(multiply, parts or [self._constant(Fraction(1))]))

    def _sum(self, polynomial: Any) -> Node:
        total = []
        for powers, coefficient in terms(polynomial):
            parts = [power(self._atom(k), exponent) for k, exponent in powers] or [self._constant(Fraction(1))]
            total.append(scale(coefficient, reduce(multiply, parts)))
        return reduce(add, total)

    def _constant(self, value: Fraction) -> Node:
        return self.graph.constant([value], ())

    def _atom(self, k: int) -> Node:
        if k not in self._known:
            self._known[k] = self._written(k)
        return self._known[k]

    def _written(self, k: int) -> Node:
        atom = self.functions.atoms[k]
        if atom.entry is not None:
            return atom.entry
        if atom.kind == "sqrt" and atom.argument == number(2):
            return self.graph.leaf("constant", "sqrt_two", ())
        argument = self.number(atom.argument)
        if atom.kind == "gate":
            return multiply(piecewise(argument, Fraction(0), Fraction(1)), reciprocal(argument))
        if atom.kind == "gauss":
            density = self.number(self.functions.density(atom.argument))
            return self.graph.node("gauss", (argument, density), None, ())
        plain = {"exp": functions.exp, "log": functions.log, "sqrt": functions.sqrt}
        plain |= {"cos": functions.cos, "sin": functions.sin}
        return plain[atom.kind](argument)
