"""Formulas as sympy expressions, in the form in which a person writes them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import sympy as sp

from lielaws.formulas.cases import AFTER, BEFORE, DEPTH, FIRST, HERE, HIDDEN, LAST, LAYERS, PICKED, WEIGHTS, Form, Name
from lielaws.formulas.conditions import Condition, Conjunction
from lielaws.formulas.formula_terms import Polynomial, Powers
from lielaws.formulas.sizes import Shape

LAYER, LAYER_COUNT = sp.Symbol("l", integer=True), sp.Symbol("L", integer=True, positive=True)


def symbol(name: str) -> Any:
    return sp.Symbol(name, integer=True, positive=True)


class Writer:
    """Sympy expressions over the columns of one layout of sizes.

    abbreviations : symbols for forms that are not to be written out
    """

    def __init__(self, shape: Shape, abbreviations: Mapping[Form, Any] | None = None) -> None:
        self.abbreviations = abbreviations or {}
        self.widths = sp.IndexedBase(shape.letter, integer=True)
        self._chain = {
            FIRST: self.widths[0],
            LAST: self.widths[LAYER_COUNT],
            DEPTH: LAYER_COUNT,
            BEFORE: self.widths[LAYER - 1],
            HERE: self.widths[LAYER],
            AFTER: self.widths[LAYER + 1],
        }
        self.last = LAYER_COUNT if shape.varying else sp.Integer(max(0, len(shape.entries) - 1))

    def name(self, name: Name) -> Any:
        if isinstance(name, str):
            return self._chain.get(name, symbol(name)) if name in self._chain else symbol(name)
        if name.kind == "second":
            return symbol("second_least_width")
        if name.kind in PICKED:
            return self.widths[LAYER]
        parts = [self.name(part) for part in name.names]
        return {"min": sp.Min, "max": sp.Max, "product": sp.Mul}[name.kind](*parts)

    def form(self, form: Form) -> Any:
        if form in self.abbreviations:
            return self.abbreviations[form]
        total = sp.Add(sp.Integer(form.constant), *(value * self.name(name) for name, value in form.coefficients))
        return sp.Max(0, total) if form.clipped else total

    def polynomial(self, polynomial: Polynomial) -> Any:
        """The value, with sums over layers put together and each part factored where that makes it shorter."""
        parts: dict[tuple[Powers, str | None], Any] = {}
        for term, value in zip(polynomial.terms, polynomial.coefficients, strict=True):
            local = sp.Rational(value.numerator, value.denominator) * self._product(term.local)
            key = ((), None) if term.frame is None else (term.outer, term.frame)
            local = local * self._product(term.outer) if term.frame is None else local
            parts[key] = parts.get(key, sp.Integer(0)) + local
        written = [self._part(outer, frame, value) for (outer, frame), value in parts.items()]
        return sp.Add(*written)

    def _part(self, outer: Powers, frame: str | None, value: Any) -> Any:
        if frame is None:
            return nice(value)
        low, high = {HIDDEN: (1, self.last - 1), WEIGHTS: (1, self.last), LAYERS: (0, self.last)}[frame]
        if value.is_number:
            return self._product(outer) * value * (high - low + 1)
        return self._product(outer) * sp.Sum(nice(value), (LAYER, low, high))

    def _product(self, powers: Powers) -> Any:
        return sp.Mul(*(self.form(form) ** power for form, power in powers))

    def condition(self, condition: Condition) -> Any:
        """As an inequality without negative coefficients."""
        left, right = sides(condition)
        named = {
            side: sp.Add(*(value * self.name(name) for name, value in parts))
            for side, parts in (("l", left), ("r", right))
        }
        if not right:
            return sp.Le(named["l"], condition.bound)
        if not left:
            return sp.Ge(named["r"], -condition.bound)
        return sp.Le(named["l"], named["r"] + condition.bound)

    def conjunction(self, conditions: Conjunction) -> Any:
        return sp.And(*(self.condition(condition) for condition in conditions)) if conditions else sp.true


def sides(condition: Condition) -> tuple[list[tuple[Name, int]], list[tuple[Name, int]]]:
    """The columns with positive coefficients, and those with negative ones turned round."""
    coefficients = condition.statistic.form.coefficients
    return [(n, v) for n, v in coefficients if v > 0], [(n, -v) for n, v in coefficients if v < 0]


def nice(expression: Any) -> Any:
    """A polynomial as a person writes it: r*(r + 1)/2, and products of sums not multiplied out."""
    shortened, sums = with_sums(expression)
    return shortened.xreplace(sums)


def with_sums(expression: Any) -> tuple[Any, Mapping[Any, Any]]:
    """The same with a symbol for a sum of variables if the polynomial depends on these through their sum only."""
    # Entries of a chain and positive parts are variables, too, and polynomials are simplest in symbols.
    inner = {
        part: (sp.Dummy if isinstance(part, sp.Max) else sp.Symbol)(f"_{number}")
        for number, part in enumerate(sorted(_inner(expression), key=str))
    }
    if inner:
        shortened, sums = with_sums(expression.xreplace(inner))
        outer = {dummy: part for part, dummy in inner.items()}
        return shortened.xreplace(outer), {total: value.xreplace(outer) for total, value in sums.items()}
    expanded = sp.expand(expression)
    shortened, sums = min(_with_sums(expanded), key=lambda found: _terms(found[0]), default=(expanded, {}))
    if _terms(shortened) >= _terms(expanded):
        shortened, sums = expanded, {}
    if all(sum(powers) <= 1 for powers in _exponents(shortened)):
        return shortened, sums
    if shortened.atoms(sp.Dummy):
        return _grouped(shortened), sums
    linear, factored, grouped = *_factored(shortened), _grouped(shortened)
    return (factored if linear and _leaves(factored) < _leaves(grouped) else grouped), sums


def _factored(expression: Any) -> tuple[bool, Any]:
    """Whether all factors are linear, and their product, without a sign in front where a factor can take it."""
    content, factors = sp.factor_list(expression)
    linear = all(sp.Poly(factor, *factor.free_symbols).total_degree() == 1 for factor, _ in factors)
    if content < 0:
        for position, (factor, power) in enumerate(factors):
            if power % 2 and len(sp.Add.make_args(factor)) > 1:
                factors[position] = (-factor, power)
                content = -content
                break
    return linear, sp.Mul(content, *(factor**power for factor, power in factors))


def _terms(expression: Any) -> int:
    return len(sp.Add.make_args(expression))


def _exponents(expression: Any) -> list[tuple[int, ...]]:
    variables = sorted(expression.free_symbols, key=str)
    return list(sp.Poly(expression, *variables).monoms()) if variables else [()]


def _leaves(expression: Any) -> int:
    """How many symbols and numbers are written."""
    if not expression.args:
        return 0 if expression == -1 else 2 if expression.is_Rational and not expression.is_Integer else 1
    return sum(_leaves(part) for part in expression.args)


def _grouped(expression: Any) -> Any:
    """Factors that all terms have outside; inside, the terms by the variables in them, each group factored."""
    terms = sp.Add.make_args(sp.expand(expression))
    variables = sorted(expression.free_symbols, key=str)
    common = [v for v in variables if all(sp.degree(term, v) == 1 for term in terms)] if len(terms) > 1 else []
    outside = sp.Mul(*common)
    groups: dict[frozenset[Any], Any] = {}
    for term in terms:
        inner = term / outside
        groups[frozenset(inner.free_symbols)] = groups.get(frozenset(inner.free_symbols), sp.Integer(0)) + inner
    merged = [sp.factor(group) for group in groups.values()]
    if len(merged) == 1:
        return outside * merged[0]
    return sp.Mul(outside, sp.Add(*merged), evaluate=False) if common else sp.Add(*merged)


def _inner(expression: Any) -> set[Any]:
    """Positive parts, and the entries of a chain that stand outside of them."""
    positive: set[Any] = expression.atoms(sp.Max)
    outside: set[Any] = expression.xreplace(dict.fromkeys(positive, sp.Integer(0))).atoms(sp.Indexed)
    return positive | outside


def _with_sums(expression: Any) -> list[tuple[Any, Mapping[Any, Any]]]:
    """The expression in terms of sums of two or three variables, where it depends on nothing else of them."""
    variables = sorted(expression.free_symbols, key=str)
    found: list[tuple[Any, Mapping[Any, Any]]] = []
    for size in (2, 3):
        for parts in combinations(variables, size):
            total = symbol("N" if symbol("N") not in variables else "N_")
            replaced = sp.expand(expression.xreplace({parts[0]: total - sp.Add(*parts[1:])}))
            if not replaced.has(*parts[1:]) and replaced.has(total):
                found.append((replaced, {total: sp.Add(*parts)}))
    return found
