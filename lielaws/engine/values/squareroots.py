"""Products of arguments of square roots as squares, and the numbers whose signs the products of the roots have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from typing import Any

import flint
import numpy as np
import numpy.typing as npt

from lielaws.engine.graph.node import Leaf, Node, ancestors
from lielaws.engine.values.atoms import Atom, Cut, Factored, Polynomial
from lielaws.engine.values.drawing import Drawing
from lielaws.engine.values.sources import STATE_ROLES
from lielaws.engine.values.squareproducts import Relation

IntArray = npt.NDArray[np.int64]

Key = tuple[int, int]
"""the serial of a root, and the number of an entry"""

Part = tuple[tuple[Atom, ...], tuple[Polynomial, ...]]
"""atoms, and polynomials in them"""


@dataclass(frozen=True, slots=True)
class Explained:
    """The square root of such a product, constant * product of (settled and varying polynomials) * what is a square.

    settled : of known sign, which the constant has taken; varying : of any sign
    inner : roots of lower levels whose arguments are part of the product, too, by serial and entry
    nonsquare : an integer that is left under the root
    """

    relation: Relation
    constant: Fraction
    settled: tuple[Polynomial, ...]
    varying: tuple[Polynomial, ...]
    inner: tuple[Key, ...]
    nonsquare: int

    def product(self, cut: Cut) -> SignProduct:
        """The number that varies."""
        return SignProduct(Fraction(1), ((cut.atoms, self.varying),))


@dataclass(frozen=True)
class SignProduct:
    """A product whose sign is wanted: a number times polynomials in values of nodes."""

    constant: Fraction
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, cut: Cut, one: Explained) -> SignProduct:
        """The number that is positive over the reals."""
        return cls(one.constant, ((cut.atoms, one.settled),) if one.settled else ())

    def times(self, other: SignProduct) -> SignProduct:
        return SignProduct(self.constant * other.constant, self.parts + other.parts)

    @cached_property
    def _used(self) -> list[Atom]:
        return [atoms[k] for atoms, factors in self.parts for factor in factors for k in sorted(factor.atoms)]

    @property
    def is_of_state(self) -> bool:
        """Whether it depends on no data."""
        return all(map(_is_of_state, self._used))

    @property
    def has_generators(self) -> bool:
        """Whether free values of exponentials occur, which have no place among real numbers."""
        return any(atom.node is None for atom in self._used)

    @cached_property
    def nodes(self) -> list[Node]:
        """The nodes that the polynomials need."""
        return list({atom.node.serial: atom.node for atom in self._used if atom.node is not None}.values())

    @cached_property
    def leaves(self) -> frozenset[Leaf]:
        return frozenset(node.static for node in ancestors(self.nodes) if node.op == "leaf")

    def residues(self, drawing: Drawing, values: Mapping[int, IntArray] | None = None) -> IntArray:
        """The product at the base points, (1, samples).

        values : of the nodes, by serial, if they are known
        """
        if values is None:
            values = dict(zip((node.serial for node in self.nodes), drawing.values_of(self.nodes), strict=True))
        known = values

        def value(atom: Atom) -> Any:
            if atom.node is None:
                return drawing.generator(atom.scope, atom.entry)
            array = known[atom.node.serial]
            return array.reshape(1, array.shape[1], -1)[..., atom.entry]

        return self.evaluated(value, drawing.number, lambda entry: entry % drawing.prime)  # type: ignore[no-any-return]

    def evaluated(
        self,
        value: Callable[[Atom], Any],
        number: Callable[[Fraction], Any],
        reduced: Callable[[Any], Any] = lambda entry: entry,
    ) -> Any:
        """The product in other numbers, given the values of the atoms.

        reduced : applied after each operation
        """
        total = number(self.constant)
        for atoms, factors in self.parts:
            for factor in factors:
                known = {k: value(atoms[k]) for k in factor.atoms}
                total = reduced(total * _evaluated(factor, known, number, reduced))
        return total


def _evaluated(
    factor: Polynomial,
    known: Mapping[int, Any],
    number: Callable[[Fraction], Any],
    reduced: Callable[[Any], Any],
) -> Any:
    total = number(Fraction(0))
    for powers, coefficient in factor.terms:
        term = number(coefficient)
        for k, exponent in powers:
            for _ in range(exponent):
                term = reduced(term * known[k])
        total = reduced(total + term)
    return total


def _is_of_state(atom: Atom) -> bool:
    if atom.node is None:
        return atom.scope == "state"
    return all(node.op != "leaf" or node.static.role in STATE_ROLES for node in ancestors([atom.node]))


def explain(
    relations: Sequence[Relation],
    arguments: Mapping[int, Factored],
    cut: Cut,
    sign: Callable[[Polynomial], int],
    lower: Mapping[Key, Factored],
) -> list[Explained] | None:
    """The square roots of all the products; None if some product does not show as a square over this cut.

    sign : of a polynomial; 0 if it is not known
    lower : the arguments of other roots, of lower levels
    """
    found = []
    atoms = {
        (atom.node.serial, atom.entry): cut.inner[k] for k, atom in enumerate(cut.atoms) if atom.node and k in cut.inner
    }
    inner = _Squares({**atoms, **lower})
    for relation in relations:
        one = _explained(relation, _product(arguments[k] for k in sorted(relation.members)), cut, inner, sign)
        if one is None:
            return None
        found.append(one)
    return found


def _product(factored: Iterable[Factored]) -> Factored:
    constant, factors = Fraction(1), dict[Polynomial, int]()
    for one in factored:
        constant *= one.constant
        for factor, exponent in one.factors.items():
            factors[factor] = factors.get(factor, 0) + exponent
    return Factored(constant, {factor: exponent for factor, exponent in factors.items() if exponent})


def _opened(product: Factored, cut: Cut) -> Factored | None:
    """The product with roots among its factors written out: even powers, and roots of squares; None for others."""
    total = Factored(product.constant, {})
    for factor, exponent in product.factors.items():
        argument = cut.inner.get(min(factor.atoms)) if factor.is_atom else None
        if argument is None:
            total = _product([total, Factored(Fraction(1), {factor: exponent})])
            continue
        root, nonsquare = _root(abs(argument.constant))
        if exponent % 2 and (argument.constant < 0 or nonsquare != 1):
            return None
        if exponent % 2 and any(power % 2 for power in argument.factors.values()):
            return None
        constant = root**exponent if exponent % 2 else argument.constant ** (exponent // 2)
        powers = {other: power * exponent // 2 for other, power in argument.factors.items()}
        total = _product([total, Factored(constant, powers)])
    return total


def _explained(
    relation: Relation, written: Factored, cut: Cut, inner: _Squares, sign: Callable[[Polynomial], int]
) -> Explained | None:
    product = _opened(written, cut)
    if product is None:
        return None
    odd = frozenset(factor for factor, exponent in product.factors.items() if exponent % 2)
    of_state = partial(_has_state_only, cut=cut)
    free = frozenset() if relation.everywhere else frozenset(filter(of_state, odd))
    used = inner.solve(odd - free)
    if used is None:
        return None
    product = _product([product, *(inner.arguments[key] for key in used)])
    left = [factor for factor, exponent in product.factors.items() if exponent % 2]
    if product.constant < 0 and not left:
        return None
    root, nonsquare = _root(abs(product.constant))
    settled: list[Polynomial] = []
    varying: list[Polynomial] = []
    for factor, exponent in product.factors.items():
        if exponent // 2 % 2:
            known = sign(factor)
            (settled if known else varying).append(factor)
            root = -root if known < 0 else root
    return Explained(relation, root, tuple(settled), tuple(varying), tuple(used), 1 if left else nonsquare)


def _has_state_only(factor: Polynomial, cut: Cut) -> bool:
    return all(_is_of_state(cut.atoms[k]) for k in factor.atoms)


class _Squares:
    """Arguments of roots: they are squares of these."""

    def __init__(self, arguments: Mapping[Key, Factored]) -> None:
        self.arguments = arguments
        self._basis: list[tuple[frozenset[Polynomial], frozenset[Key]]] = []
        for key, argument in arguments.items():
            rest, used = self._reduced(frozenset(factor for factor, power in argument.factors.items() if power % 2))
            if rest:
                self._basis.append((rest, used ^ {key}))

    def _reduced(self, odd: frozenset[Polynomial]) -> tuple[frozenset[Polynomial], frozenset[Key]]:
        used: frozenset[Key] = frozenset()
        for known, keys in self._basis:
            lead = min(known, key=lambda factor: factor.terms)
            if lead in odd:
                odd, used = odd ^ known, used ^ keys
        return odd, used

    def solve(self, odd: frozenset[Polynomial]) -> list[Key] | None:
        """The roots whose arguments make the product of these factors a square."""
        rest, used = self._reduced(odd)
        return None if rest else sorted(used)


def _root(number: Fraction) -> tuple[Fraction, int]:
    """(a, b) with number = a^2 b for a positive rational a and a squarefree integer b."""
    root, rest = Fraction(1, number.denominator), 1
    for prime, exponent in flint.fmpz(number.numerator * number.denominator).factor():
        root *= int(prime) ** (int(exponent) // 2)
        rest *= int(prime) ** (int(exponent) % 2)
    return root, rest
