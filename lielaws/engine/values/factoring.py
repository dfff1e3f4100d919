"""Rules for functions of products: logarithms, roots, piecewise linear functions, by factors with known signs."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np

from lielaws.engine.arithmetic.ratios import Ratio
from lielaws.engine.graph import functions
from lielaws.engine.graph.node import Node, ancestors
from lielaws.engine.graph.primitives import add, multiply, piecewise, scale
from lielaws.engine.values.integers import prime_powers, square_part
from lielaws.engine.values.readings import ALL, Atom, Reading, product_of
from lielaws.engine.values.relations import reduced, through_roots
from lielaws.engine.values.signs_of_nodes import Signs
from lielaws.engine.values.views import place

_MOST_WRITTEN = 12
"""above, roots of sums that are written out make networks larger than is gained; below, short sums are not factored"""
_HALF = Fraction(1, 2)
_Powers = list[tuple[Any, int]]


@dataclass(frozen=True, slots=True)
class _Product:
    """constant * prod f^e over `positive` and `unknown`; what is positive is nowhere negative.

    Exponents of `unknown` are odd: even powers are in `even`, whose factors may have any sign.
    """

    reading: Reading
    constant: Fraction
    positive: _Powers
    even: _Powers
    unknown: _Powers

    @property
    def factors(self) -> _Powers:
        return [*self.positive, *self.even, *self.unknown]


@dataclass(frozen=True, slots=True)
class Factoring:
    """
    numbers_apart : whether roots of numbers are factors of their own, as one argument occurs with several factors
    companions : for a factor of arguments of piecewise linear functions, in which of them it occurs
    repeated : factors that occur several times in one of them, with entries moved, and in others too
    """

    signs: Signs
    numbers_apart: bool = False
    companions: Mapping[int, Hashable] = field(default_factory=dict)
    repeated: frozenset[int] = frozenset()

    @classmethod
    def of(cls, output: Node, signs: Signs) -> Factoring:
        plain, nodes = cls(signs), ancestors([output])
        numbers: dict[int, set[Fraction]] = {}
        for argument in dict.fromkeys(node.inputs[0] for node in nodes if node.op == "sqrt"):
            for factor, number in plain.numbers_of(argument):
                numbers.setdefault(factor, set()).add(number)
        places: dict[int, set[int]] = {}
        repeated: set[int] = set()
        for argument in dict.fromkeys(node.inputs[0] for node in nodes if node.op == "piecewise"):
            for factors in plain.unknown_factors(argument):
                for factor in factors:
                    places.setdefault(factor, set()).add(argument.serial)
                repeated |= {factor for factor in factors if factors.count(factor) > 1}
        companions = {factor: tuple(sorted(found)) for factor, found in places.items()}
        alone = {factor for factor in repeated if len(places[factor]) == 1}
        return cls(signs, any(len(found) > 1 for found in numbers.values()), companions, frozenset(repeated - alone))

    def logarithm(self, argument: Node) -> Node:
        for reading in reversed(self.signs.readings(argument)):
            value = reduced(reading, self.signs.of_polynomial)
            product = self._factored(reading, reading.value if value is None else value)
            found = None if product is None else self._logarithm(_with_known_sign(product))
            if found is not None:
                return found
            if value is not None:
                return functions.log(reading.build_ratio(value))
        return functions.log(self.signs.canonical(argument))

    def _logarithm(self, product: _Product) -> Node | None:
        """log(c f^2 g) = log c + 2 log|f| + log g for g > 0; all that has a common unknown sign stays together."""
        if product.constant < 0 and not product.unknown:
            return None
        reading, terms = product.reading, []
        for polynomial, exponent in product.positive:
            terms.append(scale(exponent, _log_of(reading, polynomial)))
        for polynomial, exponent in product.even:
            terms.append(scale(exponent, functions.log(_absolute(reading.build(polynomial)))))
        if product.unknown:
            sign = 1 if product.constant > 0 else -1
            joint = product_of([(reading.build(f), e) for f, e in product.unknown], reading.constant(Fraction(1)))
            terms.append(functions.log(scale(sign, joint)))
        for prime, exponent in prime_powers(abs(product.constant)):
            terms.append(scale(exponent, functions.log(reading.constant(Fraction(prime)))))
        if len(terms) == 1 and terms[0].op == "log":
            return None
        return reduce(add, terms) if terms else reading.constant(Fraction(0))

    def root(self, argument: Node) -> Node:
        # The least detail first: what is not needed for the rule is not written out.
        for reading in reversed(self.signs.readings(argument)):
            found = self._root(self._factored(reading, reading.value))
            if found is None and (value := reduced(reading, self.signs.of_polynomial)) is not None:
                found = self._root(self._factored(reading, value))
                found = found or functions.sqrt(reading.build_ratio(value))
            if found is None and (value := through_roots(reading)) is not None:
                found = self._root(self._factored(reading, value))
            if found is not None:
                return found
        return functions.sqrt(self.signs.canonical(argument))

    def _root(self, product: _Product | None) -> Node | None:
        """sqrt(c^2 t f^2 g) = c |f| sqrt(t) sqrt(g) for g >= 0; what has a common unknown sign stays together."""
        if product is None or (product.constant < 0 and not product.unknown):
            return None
        if product.reading.detail == ALL and sum(len(f) for f, _ in product.factors) > _MOST_WRITTEN:
            return None
        product, hidden = self._without_hidden(product)
        reading, outside, roots = product.reading, [], []
        for polynomial, exponent in product.positive:
            outside.append((reading.build(polynomial), int(exponent / 2)))
            if exponent % 2:
                root = _root_of(reading, polynomial)
                roots += [root] if exponent > 0 else []
                outside += [(root, -1)] if exponent < 0 else []
        # f / g = f g / g^2
        halves = [(f, e // 2) for f, e in (*product.even, *product.unknown)]
        outside += [(reading.build(f), e - e % 2 if e > 0 else e + e % 2) for f, e in halves]
        for sign in (1, -1):
            odd = [f for f, e in halves if e % 2 and e * sign > 0]
            outside += [(_absolute(node), sign) for node in self._together(reading, odd)]
        if product.unknown:
            inside = [*hidden, *((f, 1) for f, _ in product.unknown)]
            joint = product_of([(reading.build(f), e) for f, e in inside], reading.constant(Fraction(1)))
            roots.append(functions.sqrt(scale(1 if product.constant > 0 else -1, joint)))
        rational, rest = square_part(abs(product.constant))
        if rest != 1 and len(roots) == 1 and roots[0].op == "sqrt" and not self.numbers_apart:
            roots = [functions.sqrt(scale(abs(product.constant), roots[0].inputs[0]))]
            rational = Fraction(1)
        else:
            roots += [_root_of_prime(reading, prime) for prime, _ in prime_powers(Fraction(rest))]
        outside = [(node, exponent) for node, exponent in outside if exponent]
        # Sums are not written out for the sake of a number.
        plain = rational == 1 or reading.detail == ALL
        if not outside and plain and len(roots) == 1 and roots[0].op == "sqrt":
            return None
        return scale(rational, product_of([*outside, *((root, 1) for root in roots)], reading.constant(Fraction(1))))

    def piecewise(self, argument: Node, below: Fraction, above: Fraction) -> Node:
        sign = self.signs.of(argument)
        if sign:
            return scale(above if sign > 0 else below, argument)
        for reading in reversed(self.signs.readings(argument)):
            found = self._piecewise(self._factored(reading, reading.value), below, above)
            if found is not None:
                return found
        return self._oriented(argument, below, above)

    def _piecewise(self, product: _Product | None, below: Fraction, above: Fraction) -> Node | None:
        """What is nowhere negative comes out, and |f g| = |f| |g|."""
        if product is None:
            return None
        reading = product.reading
        outside = [(reading.build(f), e) for f, e in (*product.positive, *product.even)]
        outside += [(reading.build(f), e - 1) for f, e in product.unknown if e != 1]
        inside = self._together(reading, [f for f, _ in product.unknown])
        one = reading.constant(Fraction(1))
        if not outside and len(inside) == 1:
            return None
        if not inside:
            value = above if product.constant > 0 else below
            return scale(value * product.constant, product_of(outside, one))
        if len(inside) == 1:
            # below * a where a < 0, with a = -r: r > 0 there.
            slopes = (below, above) if product.constant > 0 else (-above, -below)
            return scale(abs(product.constant), product_of([*outside, (piecewise(inside[0], *slopes), 1)], one))
        plain = [*outside, *((node, 1) for node in inside)]
        absolute = [*outside, *((_absolute(node), 1) for node in inside)]
        return add(
            scale((above + below) / 2 * product.constant, product_of(plain, one)),
            scale((above - below) / 2 * abs(product.constant), product_of(absolute, one)),
        )

    def _together(self, reading: Reading, polynomials: Sequence[Any]) -> list[Node]:
        """The products of those factors whose absolute values always occur together."""
        groups: dict[Hashable, list[Node]] = {}
        for polynomial in polynomials:
            node, key = reading.build(polynomial), _key(reading, polynomial)
            label = self.companions.get(key, ()) if key not in self.repeated else node.serial
            groups.setdefault(label, []).append(node)
        return [reduce(multiply, nodes) for nodes in groups.values()]

    def _oriented(self, argument: Node, below: Fraction, above: Fraction) -> Node:
        """One function for all multiples of an argument."""
        factor, inner = (argument.static, argument.inputs[0]) if argument.op == "scale" else (Fraction(1), argument)
        found = self.signs.readings(argument)
        terms = found[0].terms(found[0].value.above) if found else []
        if factor == 0 or not terms:
            return piecewise(argument, below, above)
        sign = 1 if terms[0][1] > 0 else -1
        # The argument is sign * |factor| times one whose first term is positive.
        canonical = self.signs.canonical(scale(sign * (1 if factor > 0 else -1), inner))
        first, second = (below, above) if sign > 0 else (-above, -below)
        return scale(abs(factor), piecewise(canonical, first, second))

    def _factored(self, reading: Reading, value: Ratio) -> _Product | None:
        if value.above == 0:
            return None
        constant, factors = reading.factors(value)
        product = _Product(reading, constant, [], [], [])
        for polynomial, exponent in factors:
            sign = self.signs.of_polynomial(reading, polynomial)
            kind = product.positive if sign else product.unknown if exponent % 2 else product.even
            kind.append((-polynomial if sign < 0 else polynomial, exponent))
            constant *= -1 if sign < 0 and exponent % 2 else 1
        return _Product(reading, constant, product.positive, product.even, product.unknown)

    def _without_hidden(self, product: _Product) -> tuple[_Product, _Powers]:
        """For a root: factors of unknown sign stay with those that may hide it, as sqrt(relu(x) u) is 0 for x < 0."""
        if not product.unknown:
            return product, []
        known = [*product.positive, *product.even]
        hidden = [(f, e) for f, e in known if self.signs.may_vanish(product.reading, f)]
        if not hidden:
            return _with_known_sign(product), []
        positive, even = ([pair for pair in some if pair not in hidden] for some in (product.positive, product.even))
        return replace(product, positive=positive, even=even), hidden

    def numbers_of(self, argument: Node) -> Iterator[tuple[int, Fraction]]:
        """The factors of an argument that are under its root, by serial, each with the number that it occurs with."""
        for reading in self.signs.readings(argument):
            if reading.value.above != 0:
                constant, factors = reading.factors(reading.value)
                for polynomial, exponent in factors:
                    if exponent % 2:
                        yield _key(reading, polynomial), abs(constant)

    def unknown_factors(self, argument: Node) -> Iterator[list[int]]:
        """The factors of an argument whose signs are not known, by serial, for each of its readings."""
        for reading in self.signs.readings(argument):
            product = self._factored(reading, reading.value)
            if product is not None:
                yield [_key(reading, polynomial) for polynomial, _ in product.unknown]


def _with_known_sign(product: _Product) -> _Product:
    """For a product that is nowhere negative: the last factor of unknown sign has that of the number."""
    if len(product.unknown) != 1:
        return product
    ((polynomial, exponent),) = product.unknown
    signed = polynomial if product.constant > 0 else -polynomial
    positive = [*product.positive, (signed, exponent)]
    return _Product(product.reading, abs(product.constant), positive, product.even, [])


def _single_atom(reading: Reading, polynomial: Any) -> Atom | None:
    terms = reading.terms(polynomial)
    if len(terms) == 1 and terms[0][1] == 1 and len(terms[0][0]) == 1 and terms[0][0][0][1] == 1:
        return reading.atoms[terms[0][0][0][0]]
    return None


def _key(reading: Reading, polynomial: Any) -> int:
    """A name for a factor, the same wherever its entries were moved."""
    atom = _single_atom(reading, polynomial)
    return (atom.base if atom else reading.build(polynomial)).serial


def _log_of(reading: Reading, polynomial: Any) -> Node:
    atom = _single_atom(reading, polynomial)
    if atom is not None and atom.base.op == "exp":
        return reading.argument(atom)
    if atom is not None and atom.base.op == "sqrt":
        return scale(_HALF, functions.log(reading.argument(atom)))
    return functions.log(reading.build(polynomial))


def _root_of(reading: Reading, polynomial: Any) -> Node:
    atom = _single_atom(reading, polynomial)
    if atom is not None and atom.base.op == "exp":
        return functions.exp(scale(_HALF, reading.argument(atom)))
    return functions.sqrt(reading.build(polynomial))


def _root_of_prime(reading: Reading, prime: int) -> Node:
    """The root of two has a name, and one value wherever it occurs."""
    number = reading.constant(Fraction(prime))
    if prime != 2:
        return functions.sqrt(number)
    return place(number.graph.leaf("constant", "sqrt_two", ()), np.zeros(number.size, dtype=np.int64), number.shape)


def _absolute(node: Node) -> Node:
    return piecewise(node, Fraction(-1), Fraction(1))
