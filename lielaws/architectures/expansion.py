"""Potentials expanded in the data: sum over alpha of z^alpha phi_alpha(theta), with phi_alpha as sparse polynomials.

A path of a network has few factors out of many variables, so monomials list their factors; time and memory then follow
the number of terms, which is bounded before anything is expanded.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray, ObjectArray
from lielaws.engine.arithmetic.bounds import DegreeBound, Degrees, TermCount
from lielaws.engine.arithmetic.polynomials import Exact, each, objects
from lielaws.engine.graph.node import Leaf, Node, ancestors
from lielaws.engine.graph.program import Program
from lielaws.engine.linalg import common_divisor
from lielaws.engine.potential.potentials import Potential
from lielaws.errors import SizeError, UnsupportedError

Monomial = tuple[int, ...]
"""variables in ascending order, repeated for powers: gates (of the last layer first), data, parameters, inverses"""
Terms = dict[Monomial, Any]
"""monomial -> coefficient, never zero; not changed once it is the entry of an array"""

MOST_TERMS = 300_000
_MOST_FACTORS = 10_000_000
ALTERNATIVE = "discover_laws does not need it"
_MAKING_TERMS = frozenset({"add", "contract", "power"})
_RATIONAL = _MAKING_TERMS | {"leaf", "constant", "scale", "reciprocal", "sum"}
_STRUCTURE = frozenset({"reshape", "permute", "broadcast", "gather", "scatter"})


@dataclass(frozen=True, slots=True)
class Expansion:
    """All coefficients of a potential, by output entry and then by data monomial.

    first, last : the parameters are the variables from `first` up to, not including, `last`
    coefficients : data monomial, and polynomial in parameters and inverses
    inverted : what the inverses, which are the variables from `last`, are inverses of
    """

    first: int
    last: int
    coefficients: tuple[tuple[Monomial, Terms], ...]
    inverted: tuple[Terms, ...]

    def is_rational(self, monomial: Monomial) -> bool:
        """Whether an inverse is among its factors."""
        return bool(monomial) and monomial[-1] >= self.last


def expand(name: str, potential: Potential) -> Expansion:
    """The potential of the architecture `name`.

    Raises SizeError, before the memory is taken, if there are too many terms, and UnsupportedError if the potential is
    no polynomial in the data with coefficients that are rational in the parameters.
    """
    _check(name, potential.output)
    gates = [gate.leaf for gate in reversed(potential.gates)]
    data, parameters = (list(leaves.values()) for leaves in (potential.traced.data, potential.traced.parameters))
    values: dict[Leaf, ObjectArray] = {}
    count = 0
    for leaf in (*gates, *data, *parameters):
        values[leaf.static] = objects([{(count + k,): 1} for k in range(leaf.size)], leaf.shape)
        count += leaf.size
    first = count - potential.dimension
    inverses = _Inverses(name, first, count)
    ring = _Ring(sum(leaf.size for leaf in gates), inverses)
    (entries,) = Program.of([potential.output]).run(ring, values)
    coefficients = (found for entry in np.asarray(entries, dtype=object).flat for found in _by_data(entry, first))
    return Expansion(first, count, tuple(coefficients), inverses.inverted)


def primitive(terms: Terms) -> tuple[Fraction, Terms]:
    """A rational factor, and the rest: integer coefficients without common factor, the leading one positive."""
    if not terms:
        return Fraction(1), terms
    coefficients = [Fraction(value) for value in terms.values()]
    factor = common_divisor(coefficients)
    leading = min(terms, key=lambda monomial: (-len(monomial), monomial))
    factor = factor if terms[leading] > 0 else -factor
    return factor, {monomial: int(value / factor) for monomial, value in zip(terms, coefficients, strict=True)}


def _by_data(terms: Terms, first: int) -> Iterator[tuple[Monomial, Terms]]:
    """The coefficients of the data monomials in lexicographic order, a missing factor counting as the last one."""
    coefficients: dict[Monomial, Terms] = {}
    for monomial, value in terms.items():
        cut = bisect_left(monomial, first)
        coefficients.setdefault(monomial[:cut], {})[monomial[cut:]] = value
    yield from sorted(coefficients.items(), key=lambda item: (*item[0], first))


class _Ring(Exact):
    """Polynomials as `Terms`. Powers of a gate are merged, as gates are 0 or 1."""

    def __init__(self, gates: int, invert: Callable[[Terms], Terms]) -> None:
        super().__init__(lambda number: {(): _short(number)} if number else {}, invert)
        self._gates = gates

    def total(self, entries: Iterable[Terms]) -> Terms:
        filled = [terms for terms in entries if terms]
        if len(filled) == 1:
            return filled[0]
        total: Terms = {}
        for terms in filled:
            for monomial, value in terms.items():
                _add_term(total, monomial, value)
        return total

    def scale(self, factor: Fraction, a: ObjectArray) -> ObjectArray:
        number = _short(factor)
        return each(lambda terms: {monomial: value * number for monomial, value in terms.items()} if number else {}, a)

    def contract(self, plan: Any, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        return plan.apply(a, b, self.lead, self._multiply, self._matmul)  # type: ignore[no-any-return]

    def _multiply(self, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        return each(lambda left, right: self._dot((left,), (right,)), a, b)

    def _matmul(self, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        columns = b.transpose(0, 2, 1)
        values = [self._dot(row, column) for k in range(len(a)) for row in a[k] for column in columns[k]]
        return objects(values, (a.shape[0], a.shape[1], b.shape[2]))

    def power(self, a: ObjectArray, exponent: int) -> ObjectArray:
        return each(lambda terms: reduce(lambda left, right: self._dot((left,), (right,)), [terms] * exponent), a)

    def _dot(self, left: Iterable[Terms], right: Iterable[Terms]) -> Terms:
        total: Terms = {}
        for one, other in zip(left, right, strict=True):
            for monomial, value in one.items():
                for factor, number in other.items():
                    _add_term(total, self._merged(monomial, factor), value * number)
        return total

    def _merged(self, left: Monomial, right: Monomial) -> Monomial:
        factors = sorted(left + right)
        if left and right and left[0] < self._gates and right[0] < self._gates:
            factors = [k for i, k in enumerate(factors) if i == 0 or k >= self._gates or k != factors[i - 1]]
        return tuple(factors)


def _short(number: Fraction) -> Fraction | int:
    # Arithmetic of integers is several times faster.
    return number.numerator if number.denominator == 1 else number


def _add_term(total: Terms, monomial: Monomial, value: Any) -> None:
    value = total[monomial] + value if monomial in total else value
    if value == 0:
        total.pop(monomial, None)
    else:
        total[monomial] = value


class _Inverses:
    """Inverts polynomials in the parameters: each inverse is a variable of its own."""

    def __init__(self, name: str, first_parameter: int, first: int) -> None:
        self._name, self._first_parameter, self._first = name, first_parameter, first
        self._numbers: dict[frozenset[tuple[Monomial, int]], int] = {}

    @property
    def inverted(self) -> tuple[Terms, ...]:
        return tuple(map(dict, self._numbers))

    def __call__(self, terms: Terms) -> Terms:
        if not terms:
            raise UnsupportedError("reparameterization", self._name, "it divides by a function that is zero everywhere")
        if any(monomial and monomial[0] < self._first_parameter for monomial in terms):
            remedy = f"the potential is not polynomial in the data: it divides by a function of them; {ALTERNATIVE}"
            raise UnsupportedError("reparameterization", self._name, remedy)
        factor, rest = primitive(terms)
        if not any(rest):
            return {(): 1 / factor}
        number = self._numbers.setdefault(frozenset(rest.items()), self._first + len(self._numbers))
        return {(number,): 1 / factor}


class _TermBound(TermCount):
    """The same, with the terms of a power counted as multisets of terms, and each inverse as one."""

    def power(self, a: FloatArray, exponent: int) -> FloatArray:
        count = np.ones_like(a)
        for k in range(exponent):
            count = count * (a + k) / (k + 1)
        return count

    def reciprocal(self, a: FloatArray) -> FloatArray:
        return np.ones_like(a)


class _FactorBound(DegreeBound):
    """At least the number of factors of each monomial: the degree, with each inverse as a variable."""

    def reciprocal(self, a: Degrees) -> Degrees:
        return np.ones_like(a)


def _check(name: str, output: Node) -> None:
    """Refuse what is no rational function, or too large."""
    nodes = ancestors([output])
    if unknown := sorted({node.op for node in nodes} - _RATIONAL - _STRUCTURE):
        remedy = f"the potential is not polynomial in the data and rational in the parameters ({', '.join(unknown)})"
        raise UnsupportedError("reparameterization", name, f"{remedy}; {ALTERNATIVE}")
    leaves = [node for node in nodes if node.op == "leaf"]
    if constants := sorted(leaf.static.name for leaf in leaves if leaf.static.role == "constant"):
        remedy = f"its coefficients would depend on numbers that have no value ({', '.join(constants)})"
        raise UnsupportedError("reparameterization", name, f"{remedy}; {ALTERNATIVE}")
    made = Program.of([node for node in nodes if node.op in _MAKING_TERMS])
    with np.errstate(over="ignore", invalid="ignore"):
        counts = made.run(_TermBound(), {leaf.static: np.broadcast_to(1.0, (1, *leaf.shape)) for leaf in leaves})
        largest = float(np.max([count.sum() for count in counts], initial=0.0))
        (degrees,) = Program.of([output]).run(_FactorBound(1), {leaf.static: np.ones(1) for leaf in leaves})
    # An overflow may also show as NaN, which no comparison finds.
    terms = math.inf if math.isnan(largest) else largest
    for size, what, limit in ((terms, "terms", MOST_TERMS), (terms * degrees.max(), "factors", _MOST_FACTORS)):
        if size > limit:
            count = f"up to {size:,.0f}" if size < 1e18 else "possibly more than 10^18"
            remedy = f"{count} {what} would not fit (at most {limit:,}); {ALTERNATIVE}"
            raise SizeError("reparameterization", name, remedy)
