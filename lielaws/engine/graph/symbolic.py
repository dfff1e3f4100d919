"""Sympy expressions as traced computations, one scalar node for each subexpression."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from typing import TYPE_CHECKING, Any

from lielaws.engine.graph.node import Graph
from lielaws.engine.graph.operations import Operations
from lielaws.engine.graph.trace import Array
from lielaws.engine.linalg import as_fraction
from lielaws.errors import UnsupportedError

if TYPE_CHECKING:
    import sympy

SUPPORTED = "sums, products and integer powers of symbols and rational numbers are supported so far"


def free_entries(expression: sympy.Expr) -> set[Any]:
    """The symbols of an expression; an entry of an indexed base, such as W1[0, 2], counts as one."""
    import sympy

    indexed: set[Any] = set(expression.atoms(sympy.Indexed))
    inside = {symbol for entry in indexed for symbol in (entry.base.label, *entry.free_symbols)}
    free: set[Any] = {symbol for symbol in expression.free_symbols if symbol not in inside}
    return free | indexed


def check_expression(expression: sympy.Expr) -> None:
    """Raises UnsupportedError, quoting the subexpression, for functions that :func:`build_expression` does not know."""
    graph = Graph()
    build_expression(expression, lambda symbol: Array(graph.leaf("data", str(symbol), ())), Operations(graph))


def build_expression(
    expression: sympy.Expr, lookup: Callable[[Any], Array], ops: Operations, known: dict[Any, Array] | None = None
) -> Array:
    """The expression over traced scalars; `lookup` gives the array of a symbol or an indexed entry.

    Raises UnsupportedError, quoting the subexpression, for functions that are not supported.
    """
    import sympy

    known = {} if known is None else known
    if expression in known:
        return known[expression]
    if expression.is_Float or expression.is_Rational:
        found = ops.array(Fraction(str(expression)) if expression.is_Float else as_fraction(expression))
    elif isinstance(expression, sympy.Symbol | sympy.Indexed):
        found = lookup(expression)
    elif isinstance(expression, sympy.Pow) and expression.exp.is_Integer:
        found = build_expression(expression.base, lookup, ops, known) ** int(expression.exp)
    elif isinstance(expression, sympy.Add | sympy.Mul):
        parts = [build_expression(argument, lookup, ops, known) for argument in expression.args]
        found = reduce(operator.add if expression.is_Add else operator.mul, parts)
    else:
        raise UnsupportedError("expression", str(expression), SUPPORTED)
    known[expression] = found
    return found
