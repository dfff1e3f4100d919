"""Sums of monomials as array operations: one product of many monomials in place of a step for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from operator import add, mul
from typing import TYPE_CHECKING, Any

import numpy as np

from lielaws.architectures.family import Array, Operations
from lielaws.engine.arithmetic.base import IndexMap
from lielaws.engine.graph import primitives
from lielaws.engine.linalg import as_fraction

if TYPE_CHECKING:
    import sympy

_Form = tuple[int, ...]
"""the exponents of a monomial, largest first"""


@dataclass
class _Like:
    """Monomials of one form: for each the entry that it belongs to, its coefficient, and its symbols by number."""

    entries: list[int]
    coefficients: list[Fraction]
    symbols: list[tuple[int, ...]]


@dataclass(frozen=True)
class Monomials:
    """Polynomials that are written as sums of monomials.

    count : how many polynomials; forms : their monomials
    """

    symbols: tuple[str, ...]
    count: int
    forms: Mapping[_Form, _Like]

    @classmethod
    def of(cls, symbols: Sequence[str], expressions: Sequence[Any]) -> Monomials | None:
        """None if one of them is no sum of monomials in the symbols with rational coefficients, as it is written."""
        import sympy

        numbers = {name: k for k, name in enumerate(symbols)}
        forms: dict[_Form, _Like] = {}
        for entry, expression in enumerate(expressions):
            if not isinstance(expression, sympy.Expr):
                return None
            for term in expression.args if expression.is_Add else (expression,):
                read = _monomial(term)
                if read is None or any(name not in numbers for name, _ in read[1]):
                    return None
                coefficient, powers = read
                ordered = sorted(powers, key=lambda power: -power[1])
                like = forms.setdefault(tuple(exponent for _, exponent in ordered), _Like([], [], []))
                like.entries.append(entry)
                like.coefficients.append(coefficient)
                like.symbols.append(tuple(numbers[name] for name, _ in ordered))
        return cls(tuple(symbols), len(expressions), forms)

    @property
    def used(self) -> set[str]:
        """The symbols that occur."""
        numbers = {k for like in self.forms.values() for powers in like.symbols for k in powers}
        return {self.symbols[k] for k in numbers}

    def texts(self) -> list[str]:
        """The polynomials, far faster than by sympy, which sorts the terms of each."""
        found: list[list[str]] = [[] for _ in range(self.count)]
        for form, like in self.forms.items():
            powers = ["" if exponent == 1 else f"**{exponent}" for exponent in form]
            for entry, coefficient, numbers in zip(like.entries, like.coefficients, like.symbols, strict=True):
                factors = [self.symbols[k] + power for k, power in zip(numbers, powers, strict=True)]
                number = [] if coefficient == 1 and factors else [f"({coefficient})"]
                found[entry].append("*".join(number + factors))
        return [" + ".join(terms) for terms in found]

    def build(self, symbols: Sequence[Array], ops: Operations) -> Array:
        """The values of all polynomials, shape (count,)."""
        vector = ops.stack(symbols)
        return reduce(add, (self._sums(form, like, vector, ops) for form, like in self.forms.items()))

    def _sums(self, form: _Form, like: _Like, vector: Array, ops: Operations) -> Array:
        places = np.array(like.symbols, dtype=np.int64).reshape(len(like.entries), len(form))
        factors = [vector[place] ** exponent for place, exponent in zip(places.T, form, strict=True)]
        if not factors or any(coefficient != 1 for coefficient in like.coefficients):
            factors.insert(0, ops.array(like.coefficients))
        return Array(primitives.scatter(reduce(mul, factors).node, IndexMap.of(like.entries), (self.count,)))


def _monomial(term: sympy.Expr) -> tuple[Fraction, list[tuple[str, int]]] | None:
    """The coefficient, and names with exponents; None if it is no monomial."""
    import sympy

    coefficient, powers = Fraction(1), []
    for factor in term.args if term.is_Mul else (term,):
        base, exponent = factor.as_base_exp()
        if factor.is_Rational:
            coefficient *= as_fraction(factor)
        elif isinstance(base, sympy.Symbol | sympy.Indexed) and exponent.is_Integer and exponent > 0:
            powers.append((str(base), int(exponent)))
        else:
            return None
    return coefficient, powers
