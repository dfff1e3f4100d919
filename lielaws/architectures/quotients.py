"""Rational functions of the parameters in lowest terms."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import prod
from typing import Any

import flint

from lielaws.architectures.expansion import Expansion, Monomial, Terms, primitive
from lielaws.errors import UnsupportedError

_MOST_TERMS = 2_000


class Quotients:
    """Lowest terms of the coefficients of an expansion."""

    def __init__(self, name: str, expansion: Expansion) -> None:
        self._name, self._expansion = name, expansion
        rational = [*expansion.inverted, *(terms for _, terms in expansion.coefficients)] if expansion.inverted else []
        used = {variable for terms in rational for monomial in terms for variable in monomial}
        self._parameters = sorted(variable for variable in used if variable < expansion.last)
        self._context = flint.fmpz_mpoly_ctx.get([f"t{k}" for k in range(len(self._parameters))], flint.Ordering.lex)
        generators = dict(zip(self._parameters, self._context.gens(), strict=True))
        self._exact = _reader(expansion, self._context.constant, generators.__getitem__)
        self._size = _reader(expansion, lambda value: 1.0, lambda variable: 1.0)

    def reduced(self, terms: Terms) -> tuple[Terms, Terms]:
        """Numerator and denominator, primitive; the numerator is empty for zero.

        Inverses are left in the numerator where a common denominator would have too many terms. Then equal functions
        may go unnoticed, which does no harm. Raises UnsupportedError for a division by zero.
        """
        _, rest = primitive(terms)
        if not any(map(self._expansion.is_rational, rest)) or not self._fits(rest):
            return rest, {(): 1}
        try:
            numerator, denominator = self._exact(rest)
        except ZeroDivisionError:
            remedy = "it divides by a function that is zero everywhere"
            raise UnsupportedError("reparameterization", self._name, remedy) from None
        common = numerator.gcd(denominator)
        return self._terms(numerator / common), self._terms(denominator / common)

    def _fits(self, terms: Terms) -> bool:
        try:
            return bool(max(self._size(terms)) <= _MOST_TERMS)
        except OverflowError:
            return False

    def _terms(self, polynomial: Any) -> Terms:
        terms: Terms = {}
        for exponents, value in polynomial.terms():
            pairs = zip(self._parameters, exponents, strict=True)
            terms[tuple(variable for variable, exponent in pairs for _ in range(exponent))] = int(value)
        return primitive(terms)[1]


def _reader(
    expansion: Expansion, number: Callable[[int], Any], parameter: Callable[[int], Any]
) -> Callable[[Terms], tuple[Any, Any]]:
    """Reads polynomials in parameters and inverses as numerator and denominator over any ring.

    Over the numbers, with ones for everything, these are bounds on their numbers of terms.
    """

    @cache
    def inverse(variable: int) -> tuple[Any, Any]:
        numerator, denominator = read(expansion.inverted[variable - expansion.last])
        if numerator == 0:
            raise ZeroDivisionError
        return denominator, numerator

    def read(terms: Terms) -> tuple[Any, Any]:
        inverses = {v for monomial in terms for v in monomial if v >= expansion.last}
        powers = {v: max(monomial.count(v) for monomial in terms) for v in sorted(inverses)}
        one = number(1)
        total = sum((number(value) * summand(monomial, powers) for monomial, value in terms.items()), start=number(0))
        return total, prod((inverse(v)[1] ** power for v, power in powers.items()), start=one)

    def summand(monomial: Monomial, powers: dict[int, int]) -> Any:
        product = prod((parameter(v) for v in monomial if v < expansion.last), start=number(1))
        for v, power in powers.items():
            count = monomial.count(v)
            product = product * inverse(v)[0] ** count * inverse(v)[1] ** (power - count)
        return product

    return read
