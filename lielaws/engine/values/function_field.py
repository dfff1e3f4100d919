"""The numbers of a network as rational functions of atoms: entries of its leaves, and functions of such numbers.

One polynomial ring stands for the whole network. Arguments that are equal as polynomials are one argument, so that a
function of them is one atom, wherever it occurs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from itertools import combinations
from typing import Any

import flint

from lielaws.engine.arithmetic.ratios import Ratio, TooManyTermsError
from lielaws.engine.graph.constants import is_positive
from lielaws.engine.graph.node import Leaf, Node
from lielaws.engine.linalg import as_fmpq, as_fraction

_MOST_ATOMS = 64
"""above, polynomials with long exponent vectors get slow; below, networks with a few vectors are not read"""
_LONGEST_ARGUMENT = 60
"""above, factoring takes more than milliseconds; below, squares of sums of more than ten terms are not recognized"""
_LARGEST_FORM = 24
"""above, quadratic forms take longer than what is gained; below, sums of some ten squares are not recognized"""

_POSITIVE = ("constant", "exp", "sqrt", "gate")
Powers = tuple[tuple[int, int], ...]
"""((atom, exponent), ..) of a monomial"""


@dataclass(frozen=True, slots=True)
class Atom:
    """A number that is not read further.

    kind : "entry" of a tensor, "constant" (a positive one), or the function that it is of its argument: "exp", "log",
        "sqrt", "gauss", "cos", "sin", or "gate", which is 1 where the argument is positive and 0 where it is negative
    """

    kind: str
    argument: Ratio
    entry: Node | None = None


@cache
def context() -> Any:
    return flint.fmpq_mpoly_ctx.get([f"a{k}" for k in range(_MOST_ATOMS)], flint.Ordering.lex)


def whole(polynomial: Any) -> Ratio:
    return Ratio(polynomial, context().constant(1))


def number(value: Fraction | int) -> Ratio:
    return whole(context().constant(as_fmpq(Fraction(value))))


def scaled(factor: Fraction | int, value: Ratio) -> Ratio:
    return Ratio(value.above * as_fmpq(Fraction(factor)), value.below)


def key(value: Ratio) -> tuple[str, str]:
    """Polynomials have no hash."""
    return str(value.above), str(value.below)


def terms(polynomial: Any) -> Iterator[tuple[Powers, Fraction]]:
    for exponents, coefficient in polynomial.to_dict().items():
        yield tuple((k, int(e)) for k, e in enumerate(exponents) if e), as_fraction(coefficient)


def common_exponent(polynomial: Any, atom: int) -> int:
    """The power of an atom that divides a polynomial."""
    return min((int(exponents[atom]) for exponents in polynomial.monoms()), default=0)


@dataclass(slots=True)
class Atoms:
    """The atoms that were met, and the signs that follow from what they are."""

    atoms: list[Atom] = field(default_factory=list)
    _numbers: dict[Any, int] = field(default_factory=dict)

    def entry(self, node: Node, leaf: Leaf) -> Ratio:
        """An entry of a leaf, given as a node of one number."""
        kind = "constant" if is_positive(leaf) else "entry"
        return self._symbol(node.serial, Atom(kind, number(0), node))

    def function(self, kind: str, argument: Ratio) -> Ratio:
        if max(len(argument.above), len(argument.below)) > _LONGEST_ARGUMENT:
            raise TooManyTermsError
        return self._symbol((kind, *key(argument)), Atom(kind, argument))

    def is_known(self, kind: str, argument: Ratio) -> bool:
        return (kind, *key(argument)) in self._numbers

    def _symbol(self, name: Any, atom: Atom) -> Ratio:
        if name not in self._numbers:
            if len(self.atoms) == _MOST_ATOMS:
                raise TooManyTermsError
            self._numbers[name] = len(self.atoms)
            self.atoms.append(atom)
        return whole(context().gens()[self._numbers[name]])

    def of(self, kind: str) -> list[int]:
        """The numbers of the atoms of a kind."""
        return [k for k, atom in enumerate(self.atoms) if atom.kind == kind]

    def single(self, value: Ratio) -> Atom | None:
        """The atom that a number is."""
        symbols = context().gens()[: len(self.atoms)]
        return next((atom for atom, symbol in zip(self.atoms, symbols, strict=True) if value == whole(symbol)), None)

    def sign(self, polynomial: Any) -> int:
        """1 for what is nowhere negative, -1 for what is nowhere positive, 0 for what is not known."""
        coefficients = dict(terms(polynomial))
        signs = {self._sign_of_term(*term) for term in coefficients.items()}
        if signs in ({1}, {-1}):
            return signs.pop()
        return next((sign for sign in (1, -1) if self._is_sum_of_squares(coefficients, sign)), 0)

    def _sign_of_term(self, powers: Powers, coefficient: Fraction) -> int:
        if all(exponent % 2 == 0 or self.atoms[k].kind in _POSITIVE for k, exponent in powers):
            return 1 if coefficient > 0 else -1
        return 0

    def _is_sum_of_squares(self, coefficients: Mapping[Powers, Fraction], sign: int) -> bool:
        """Whether a polynomial, times the sign, is a sum of squares by one quadratic form in monomials.

        Of v^4 - v^2 + 1, with the monomials 1 and v^2, it has the rows (1, -1/2) and (-1/2, 1).
        """
        rest = {powers: coefficient * sign for powers, coefficient in coefficients.items()}
        squares = [powers for powers, c in rest.items() if c > 0 and all(e % 2 == 0 for _, e in powers)]
        roots = [tuple((k, e // 2) for k, e in powers) for powers in squares]
        if len(roots) > _LARGEST_FORM:
            return False
        form = flint.fmpq_mat(len(roots), len(roots))
        for row, powers in enumerate(squares):
            form[row, row] = as_fmpq(rest.pop(powers))
        for row, column in combinations(range(len(roots)), 2):
            half = rest.pop(_product(roots[row], roots[column]), Fraction(0)) / 2
            form[row, column] = form[column, row] = as_fmpq(half)
        # What is left over may be terms that have the sign by themselves.
        return all(self._sign_of_term(*term) == 1 for term in rest.items()) and _is_semidefinite(form)


def _product(first: Powers, second: Powers) -> Powers:
    powers = dict(first)
    for k, exponent in second:
        powers[k] = powers.get(k, 0) + exponent
    return tuple(sorted(powers.items()))


def _is_semidefinite(form: Any) -> bool:
    """Whether a symmetric matrix has no negative eigenvalue: all signs of its characteristic polynomial alternate."""
    coefficients = form.charpoly().coeffs()
    return all(c * (-1) ** (form.nrows() - k) >= 0 for k, c in enumerate(coefficients))
