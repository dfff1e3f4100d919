"""Arguments of square roots as products of powers of polynomials.

An argument is written over `atoms`, entries of nodes below it, and factored over Q. What holds for independent atoms
holds for their values, so the cut through the graph is made as high as it may be: the variance of two units is a square
of their difference, whatever computes them. Where no cut shows what is looked for, a lower one may.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import flint

from lielaws.engine.arithmetic.polynomials import Exact, ObjectArray, objects
from lielaws.engine.arithmetic.ratios import Ratio, TooManyTermsError
from lielaws.engine.graph.functions import ROOT, TRANSCENDENTAL, cos, exp
from lielaws.engine.graph.node import Node, ancestors
from lielaws.engine.graph.primitives import PRIMITIVES
from lielaws.engine.linalg import as_fmpq, as_fraction
from lielaws.engine.values.atoms import Atom, Cut, Entry, Factored, Polynomial
from lielaws.engine.values.basepoints import GateValues
from lielaws.engine.values.plan import Plan

_MOST_ATOMS = 2000
FUNCTIONS = (*TRANSCENDENTAL, ROOT)


def cuts(wanted: Sequence[Entry], plan: Plan, gates: GateValues) -> Iterator[Cut]:
    """Entries over cuts through the graph, from high to low, as long as their polynomials are not too large."""
    frontier = {node.serial: node for node, _ in wanted}
    seen: set[int] = set()
    has_root = _roots_inside([node for node, _ in wanted])
    while True:
        # What is under a root among the atoms is written over the same cut.
        roots = [node for node in frontier.values() if node.op == ROOT and node.serial not in seen]
        seen |= {node.serial for node in roots}
        frontier |= {node.inputs[0].serial: node.inputs[0] for node in roots}
        yield from _cut(wanted, set(frontier), gates)
        inner = [node for node in frontier.values() if node.inputs and node.op not in FUNCTIONS]
        if not inner:
            break
        # First down to all roots, so that what is under them is still in one piece, as it may be in other places.
        node = max(inner, key=lambda node: (has_root[node.serial], node.serial))
        del frontier[node.serial]
        frontier |= {source.serial: source for source in node.inputs}
    yield from _cut(wanted, set(frontier), gates, plan)


def _roots_inside(nodes: Sequence[Node]) -> dict[int, bool]:
    """Whether a node contains a root that is not inside another function."""
    found: dict[int, bool] = {}
    for node in ancestors(nodes):
        inside = node.op not in FUNCTIONS and any(found[source.serial] for source in node.inputs)
        found[node.serial] = node.op == ROOT or inside
    return found


def _cut(wanted: Sequence[Entry], frontier: set[int], gates: GateValues, plan: Plan | None = None) -> Iterator[Cut]:
    for inner, circle in ((True, False), (True, True), (False, False)):
        try:
            expansion = _Expansion(wanted, frontier, gates, plan, inner, circle)
            if expansion.is_new:
                yield expansion.cut()
        except (TooManyTermsError, ZeroDivisionError):
            continue


class _Expansion:
    """The evaluation of nodes over a cut.

    plan : to write exponentials as products of generators; None to keep them as atoms
    inner : whether the squares of roots among the atoms are replaced by their arguments
    circle : whether the squares of sines are replaced by those of cosines
    """

    def __init__(
        self,
        wanted: Sequence[Entry],
        frontier: set[int],
        gates: GateValues,
        plan: Plan | None,
        inner: bool,
        circle: bool,
    ) -> None:
        self._wanted, self._frontier, self._gates, self._plan = wanted, frontier, gates, plan
        nodes = [node for node, _ in wanted]
        self._order = _above(nodes, frontier)
        self._roots: list[Node] = []
        while inner:
            self._roots = [node for node in self._order if node.op == "sqrt"]
            missing = [node.inputs[0] for node in self._roots if node.inputs[0] not in nodes]
            if not missing:
                break
            nodes += missing
            self._order = _above(nodes, frontier)
        sines = [node for node in self._order if node.op == "sin"] if circle else []
        self._sines = [(node, cos(node.inputs[0])) for node in sines]
        roots = any(node.op == ROOT for node in self._order)
        self.is_new = bool(sines) if circle else inner or roots
        self._atoms: list[Atom] = []
        self._start: dict[int, int] = {}
        for node in dict.fromkeys([*filter(self._is_atom, self._order), *(other for _, other in self._sines)]):
            self._start[node.serial] = len(self._atoms)
            self._atoms += [Atom(node, k) for k in range(node.size)]
        self._generators: dict[tuple[str, int], int] = {}
        if plan is not None:
            group, alone = plan.exponentials, _alone(plan)
            for scope, count in (("sample", group.sample_generators), ("state", group.state_generators)):
                for k in range(count):
                    self._generators[(scope, k)] = len(self._atoms)
                    self._atoms.append(alone.get((scope, k), Atom(None, k, scope)))
        if len(self._atoms) > _MOST_ATOMS:
            raise TooManyTermsError
        names = [f"a{k}" for k in range(max(1, len(self._atoms)))]
        self._context = flint.fmpq_mpoly_ctx.get(names, flint.Ordering.lex)
        one = self._context.constant(1)
        self._symbols = [Ratio(symbol, one) for symbol in self._context.gens()]
        self._ring = Exact(self._number, Ratio.inverse)

    def _is_atom(self, node: Node) -> bool:
        if node.op == "leaf":
            return node.static not in self._gates
        if node.op == "constant" or (node.op == "exp" and self._plan is not None):
            return False
        return node.serial in self._frontier or node.op in FUNCTIONS

    def _number(self, number: Fraction) -> Ratio:
        value = self._context.constant(as_fmpq(number))
        return Ratio(value, self._context.constant(1))

    def cut(self) -> Cut:
        eliminated: dict[int, Ratio] = {}
        while True:
            values = self._values(eliminated)
            found = self._eliminate(values, eliminated)
            if found is None:
                break
            eliminated |= found
        squares = self._squares(values, eliminated)
        squares |= {
            self._start[sine.serial] + k: self._number(Fraction(1))
            + self._number(Fraction(-1)) * self._symbols[self._start[cosine.serial] + k] ** 2
            for sine, cosine in self._sines
            for k in range(sine.size)
        }
        factored = {(node, k): self._factored(values[node.serial].ravel()[k], squares) for node, k in self._wanted}
        roots = {self._start[node.serial] + k for node in self._roots for k in range(node.size)}
        inner = {index: self._factored(square, {}) for index, square in squares.items() if index in roots}
        return Cut(tuple(self._atoms), factored, inner)

    def _values(self, eliminated: Mapping[int, Ratio]) -> dict[int, ObjectArray]:
        symbols = [eliminated.get(k, symbol) for k, symbol in enumerate(self._symbols)]
        values: dict[int, ObjectArray] = {}
        for node in self._order:
            if self._is_atom(node):
                start = self._start[node.serial]
                values[node.serial] = objects(symbols[start : start + node.size], node.shape)
            elif node.op == "leaf":
                gate = [self._number(Fraction(int(g))) for g in self._gates[node.static].ravel().tolist()]
                values[node.serial] = objects(gate, node.shape)
            elif node.op == "exp":
                values[node.serial] = self._powers(node)
            else:
                inputs = [values[source.serial] for source in node.inputs]
                values[node.serial] = PRIMITIVES[node.op].evaluate(self._ring, node, *inputs)
        return values

    def _powers(self, node: Node) -> ObjectArray:
        assert self._plan is not None
        group, products = self._plan.exponentials, dict(self._plan.products)
        start, entries = group.start(node.inputs[0]), []
        for number in range(start, start + node.size):
            if number in products:
                raise TooManyTermsError
            value = self._number(Fraction(1))
            for scope, powers in (("sample", group.sample_powers), ("state", group.state_powers)):
                for generator, exponent in powers[number]:
                    factor = self._symbols[self._generators[(scope, generator)]]
                    value = value * (factor if exponent > 0 else factor.inverse()) ** abs(exponent)
            entries.append(value)
        return objects(entries, node.shape)

    def _root_entries(self, values: Mapping[int, ObjectArray]) -> Iterator[tuple[int, Ratio]]:
        """The number of each root among the atoms, and its argument."""
        for node in self._roots:
            for k, value in enumerate(values[node.inputs[0].serial].ravel()):
                yield self._start[node.serial] + k, value

    def _eliminate(self, values: Mapping[int, ObjectArray], known: Mapping[int, Ratio]) -> dict[int, Ratio] | None:
        """An atom that occurs linearly under a root, by the square of the root: (a^2 - 1) for x with a^2 = x + 1."""
        roots = {self._start[node.serial] + k for node in self._roots for k in range(node.size)}
        for root, argument in self._root_entries(values):
            if argument.below.total_degree() > 0 or argument.above.total_degree() != 1:
                continue
            linear = argument.above.to_dict()
            square = self._symbols[root] ** 2 * Ratio(argument.below, self._context.constant(1))
            for powers, coefficient in linear.items():
                atom = next((k for k, power in enumerate(powers) if power), None)
                if atom is None or atom in known or atom in roots:
                    continue
                rest = argument.above - self._symbols[atom].above * coefficient
                one = self._context.constant(1)
                return {atom: (square + Ratio(-rest, one)) * self._number(1 / as_fraction(coefficient))}
        return None

    def _squares(self, values: Mapping[int, ObjectArray], known: Mapping[int, Ratio]) -> dict[int, Ratio]:
        """What the squares of roots among the atoms are, except for those that served to eliminate an atom."""
        return {
            root: argument
            for root, argument in self._root_entries(values)
            if argument.above != self._symbols[root].above ** 2 * argument.below
        }

    def _factored(self, value: Ratio, squares: Mapping[int, Ratio]) -> Factored:
        for root in sorted(squares, reverse=True):
            value = value.reduced(root, squares[root], self._symbols[root])
        if value.above == 0:
            raise ZeroDivisionError
        constant, factors = Fraction(1), dict[Polynomial, int]()
        for polynomial, sign in ((value.above, 1), (value.below, -1)):
            lead, found = polynomial.factor()
            constant *= as_fraction(lead) ** sign
            for factor, exponent in found:
                scale, own = _normalized(factor)
                constant *= scale ** (sign * int(exponent))
                factors[own] = factors.get(own, 0) + sign * int(exponent)
        return Factored(constant, {factor: exponent for factor, exponent in factors.items() if exponent})


def _alone(plan: Plan) -> dict[tuple[str, int], Atom]:
    """Generators that are exponentials of the network themselves."""
    group, found = plan.exponentials, dict[tuple[str, int], Atom]()
    products = {number for number, _ in plan.products}
    number = 0
    for argument in group.arguments:
        for k in range(argument.size):
            powers = [("sample", pair) for pair in group.sample_powers[number]]
            powers += [("state", pair) for pair in group.state_powers[number]]
            if number not in products and len(powers) == 1 and powers[0][1][1] == 1:
                found.setdefault((powers[0][0], powers[0][1][0]), Atom(exp(argument), k))
            number += 1
    return found


def _above(wanted: Sequence[Node], frontier: set[int]) -> list[Node]:
    """The nodes that the wanted ones need down to the frontier, functions and leaves, in order."""
    found: dict[int, Node] = {}
    stack = list(wanted)
    while stack:
        node = stack.pop()
        if node.serial not in found:
            found[node.serial] = node
            if node.serial not in frontier and node.op not in FUNCTIONS:
                stack.extend(node.inputs)
    return [found[serial] for serial in sorted(found)]


def _normalized(polynomial: Any) -> tuple[Fraction, Polynomial]:
    """A factor, and the polynomial divided by it, with leading coefficient one."""
    terms = sorted(polynomial.to_dict().items(), reverse=True)
    scale = as_fraction(terms[0][1])
    return scale, Polynomial(
        tuple(
            (tuple((k, int(power)) for k, power in enumerate(powers) if power), as_fraction(coefficient) / scale)
            for powers, coefficient in terms
        )
    )
