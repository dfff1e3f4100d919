"""Local rules that identify equal functions, for proofs of laws alone.

Values of functions are free residues there, equal where arguments are equal. So an identity that holds for free values
holds for the functions, and relations between functions of different arguments are missed unless a rule shows them.
Here a small network is read once more, in rational functions of atoms, with these rules:

    exp         exp(m a + n b + c log v) = exp(a)^m exp(b)^n v^c
    log         log(c f^2 g exp(a)) = log c + log(f^2) + log g + a for g >= 0, and log(sqrt v) = log(v) / 2
    sqrt        sqrt(q^2 r exp(a)) = |q| sqrt(r) exp(a / 2), and sqrt(q) sqrt(r) = sqrt(q r)
    cos, sin    of sums and of multiples of angles; sin^2 = 1 - cos^2
    gauss       an odd function
    relu, abs   linear on both sides of a gate; the sign of a product is the product of the signs
    any F       F(f) = g F(f at g = 1) + (1 - g) F(f at g = 0) for a gate g in f

Each is true for real numbers wherever its left side has a value. (Of the two parts of the last one, the one that is not
meant has the factor zero, so that it may have any value, or none.) A relation that no rule shows costs proofs of laws
and never truth, and so does a network that is too large to be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from lielaws.arraytypes import ObjectArray
from lielaws.engine.arithmetic.base import IndexMap, Shape
from lielaws.engine.arithmetic.polynomials import EntryArithmetic, each, objects
from lielaws.engine.arithmetic.ratios import Ratio, TooManyTermsError
from lielaws.engine.graph.network import Traced
from lielaws.engine.graph.node import Graph, Node, ancestors
from lielaws.engine.graph.primitives import gather
from lielaws.engine.graph.program import Program
from lielaws.engine.values.function_field import context, number, scaled, whole
from lielaws.engine.values.function_rules import Functions
from lielaws.engine.values.writing import Writer

_MOST_LEAVES = 18
"""entries of leaves; above, networks are those that people train, which need no rule, and are read for nothing"""
_MOST_NODES = 400
"""above, proofs take longer than they did before; below, what shares many factors is not rewritten"""
_MOST_GATES = 4
"""above, a function has more than 16 cases; below, norms of a few gated numbers are not rewritten"""


def simplified(traced: Traced) -> Traced:
    """The same function of real numbers, wherever it is defined, with equal functions written alike.

    The network itself if it is too large for that.
    """
    nodes = ancestors([traced.output])
    if not traced.output.size or sum(node.size for node in nodes if node.op == "leaf") > _MOST_LEAVES:
        return traced
    graph, functions, known = Graph(), Functions(), -1
    parameters, data = (
        {name: graph.leaf(node.static.role, node.static.name, node.shape) for name, node in leaves.items()}
        for leaves in (traced.parameters, traced.data)
    )
    try:
        # What is common to several arguments is known after all were met.
        while len(functions.atoms) > known:
            known = len(functions.atoms)
            functions.forget()
            rules = Rules(functions, graph)
            leaves = {node.static: rules.leaf(node) for node in nodes if node.op == "leaf"}
            (entries,) = Program.of([traced.output]).run(rules, leaves)
        output = Writer(graph, functions).array(entries)
    except (TooManyTermsError, ZeroDivisionError):
        return traced
    return traced if len(graph.nodes) > _MOST_NODES else Traced(graph, output, parameters, data)


class Rules(EntryArithmetic):
    """Arithmetic of object arrays of rational functions of atoms."""

    def __init__(self, functions: Functions, graph: Graph) -> None:
        self.functions, self.graph = functions, graph
        self._exponents: dict[int, ObjectArray] = {}

    def leaf(self, node: Node) -> ObjectArray:
        if (node.static.role, node.static.name) == ("constant", "sqrt_two"):
            return objects([self.functions.square_root(number(2))], ())
        written = self.graph.leaf(node.static.role, node.static.name, node.shape)
        entries = [gather(written, IndexMap.of([k]), ()) for k in range(node.size)]
        return objects([self.functions.entry(entry, node.static) for entry in entries], node.shape)

    def constant(self, constant: Any, shape: Shape) -> ObjectArray:
        return objects([number(Fraction(entry, constant.denominator)) for entry in constant.numerators], shape)

    def total(self, entries: Iterable[Ratio]) -> Ratio:
        return self.functions.normal(sum(entries, start=number(0)))

    def scale(self, factor: Fraction, a: ObjectArray) -> ObjectArray:
        return each(lambda entry: scaled(factor, entry), a)

    def contract(self, plan: Any, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        return self.contracted(plan, a, b, self.functions.times)

    def power(self, a: ObjectArray, exponent: int) -> ObjectArray:
        return each(lambda entry: self.functions.power(entry, exponent), a)

    def reciprocal(self, a: ObjectArray) -> ObjectArray:
        return self._of_each(lambda f: self.functions.power(f, -1), a)

    def exp(self, a: ObjectArray, node: Node) -> ObjectArray:
        self._exponents[node.serial] = a
        return self._of_each(self.functions.exponential, a)

    def log(self, a: ObjectArray, node: Node) -> ObjectArray:
        return self._of_each(self.functions.logarithm, a)

    def sqrt(self, a: ObjectArray, node: Node) -> ObjectArray:
        (below,) = node.inputs
        if below.serial in self._exponents:
            # exp(2 log u) is u^2, of which |u| is a root as well.
            return self._of_each(self.functions.exponential, self.scale(Fraction(1, 2), self._exponents[below.serial]))
        return self._of_each(self.functions.square_root, a)

    def cos(self, a: ObjectArray, node: Node) -> ObjectArray:
        return self._of_each(lambda f: self.functions.circle(f)[0], a)

    def sin(self, a: ObjectArray, node: Node) -> ObjectArray:
        return self._of_each(lambda f: self.functions.circle(f)[1], a)

    def gauss(self, a: ObjectArray, density: ObjectArray, node: Node) -> ObjectArray:
        return self._of_each(self.functions.gauss, a)

    def piecewise(self, a: ObjectArray, below: Fraction, above: Fraction) -> ObjectArray:
        def linear(argument: Ratio) -> Ratio:
            absolute = Ratio(*map(self.functions.absolute, (argument.above, argument.below)))
            return scaled((above + below) / 2, argument) + scaled((above - below) / 2, absolute)

        return self._of_each(lambda argument: self.functions.normal(linear(argument)), a)

    def _of_each(self, function: Callable[[Ratio], Ratio], a: ObjectArray) -> ObjectArray:
        return each(lambda entry: self._by_cases(function, entry), a)

    def _by_cases(self, function: Callable[[Ratio], Ratio], argument: Ratio) -> Ratio:
        """A function of a number with gates, for both values of each. (Denominators have factors 2 g - 1 at most.)"""
        gates = [k for k in self.functions.of("gate") if argument.above.degrees()[k] > 0]
        if len(gates) > _MOST_GATES:
            raise TooManyTermsError
        if not gates:
            return function(argument)
        gate = context().gens()[gates[0]]
        weights = {1: whole(gate), 0: whole(1 - gate)}
        return self.total(self.functions.times(weights[g], self._at(function, argument, gates[0], g)) for g in weights)

    def _at(self, function: Callable[[Ratio], Ratio], argument: Ratio, gate: int, value: int) -> Ratio:
        chosen = Ratio(argument.above.subs({f"a{gate}": value}), argument.below)
        try:
            return self._by_cases(function, self.functions.normal(chosen))
        except ZeroDivisionError:
            # The network has no value there, so any will do.
            return number(0)
