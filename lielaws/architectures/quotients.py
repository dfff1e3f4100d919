"""Rational functions of the parameters in lowest terms."""

from __future__ import annotations

from bisect import bisect_left
from functools import reduce
from operator import add, mul
from typing import Any

import flint

from lielaws.architectures.expansion import Expansion, Monomial, Terms, primitive
from lielaws.engine.arithmetic.ratios import Ratio, TooManyTermsError
from lielaws.engine.linalg import as_fraction
from lielaws.errors import UnsupportedError


class Quotients:
    """Lowest terms of the coefficients of an expansion. Raises UnsupportedError for a division by zero."""

    def __init__(self, name: str, expansion: Expansion) -> None:
        self._expansion = expansion
        rational = [*expansion.inverted, *(terms for _, terms in expansion.coefficients)] if expansion.inverted else []
        used = {variable for terms in rational for monomial in terms for variable in monomial}
        self._parameters = sorted(variable for variable in used if variable < expansion.last)
        self._context = flint.fmpq_mpoly_ctx.get([f"t{k}" for k in range(len(self._parameters))], flint.Ordering.lex)
        self._inverses: list[Ratio | None] = []
        for terms in expansion.inverted:
            ratio = self._ratio(terms)
            if ratio is not None and ratio.above == 0:
                remedy = "it divides by a function that is zero everywhere"
                raise UnsupportedError("reparameterization", name, remedy)
            self._inverses.append(ratio and ratio.inverse())

    def reduced(self, terms: Terms) -> tuple[Terms, Terms]:
        """Numerator and denominator, primitive; the numerator is empty for zero.

        Inverses are left in the numerator where a common denominator would have too many terms. Then equal functions
        may go unnoticed, which does no harm.
        """
        _, rest = primitive(terms)
        ratio = self._ratio(rest) if any(map(self._expansion.is_rational, rest)) else None
        return (rest, {(): 1}) if ratio is None else (self._terms(ratio.above), self._terms(ratio.below))

    def _ratio(self, terms: Terms) -> Ratio | None:
        """The terms over one denominator, or None if there would be too many."""
        parts: dict[Monomial, dict[tuple[int, ...], int]] = {}
        for monomial, value in terms.items():
            cut = bisect_left(monomial, self._expansion.last)
            parts.setdefault(monomial[cut:], {})[tuple(map(monomial.count, self._parameters))] = value
        summands = []
        try:
            for variables, part in parts.items():
                inverses = [self._inverses[variable - self._expansion.last] for variable in variables]
                if None in inverses:
                    return None
                whole = Ratio(self._context.from_dict(part), self._context.constant(1))
                summands.append(reduce(mul, inverses, whole))
            return reduce(add, summands)
        except TooManyTermsError:
            return None

    def _terms(self, polynomial: Any) -> Terms:
        terms: Terms = {}
        for exponents, value in polynomial.terms():
            pairs = zip(self._parameters, exponents, strict=True)
            terms[tuple(variable for variable, exponent in pairs for _ in range(exponent))] = as_fraction(value)
        return primitive(terms)[1]
