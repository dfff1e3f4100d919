"""The functions that expressions and laws may call, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from lielaws.errors import InvalidArgumentError, UnsupportedError
from lielaws.spec.symbolic import SymbolicArray, as_entries, filled, total

SCALAR_FUNCTIONS = ("exp", "log", "sqrt", "sin", "cos", "sinh", "cosh", "tanh")
"""Functions of one number that sympy and the language have in common."""

_MOST_BITS_UNDER_ROOT = 2**12
_MOST_BITS_OF_ARGUMENT = 64


def array_functions() -> dict[str, Callable[..., Any]]:
    """The functions that laws may call."""
    table = {name: _elementwise(name) for name in SCALAR_FUNCTIONS}
    return {
        **table,
        "sum": _sum,
        "trace": lambda a: _trace(_array("trace", a)),
        "norm2": lambda a: _sum(_array("norm2", a) * a),
        "dot": _inner,
        "outer": _outer,
        "diag": lambda a: _diag(_array("diag", a)),
    }


def scalar_function(name: str) -> Callable[[Any], Any]:
    """A function of sympy on expressions; refuses what sympy would not evaluate in bounded time.

    Raises UnsupportedError for logarithms inside exp and for constants that are no small rational numbers.
    """

    def function(argument: Any) -> Any:
        import sympy

        if not isinstance(argument, sympy.Expr):
            raise InvalidArgumentError(f"{name}(...)", type(argument).__name__, "a scalar expression is needed")
        _check_argument(name, argument)
        return getattr(sympy, name)(argument)

    return function


def _check_argument(name: str, argument: Any) -> None:
    import sympy

    if name == "exp" and argument.has(sympy.log):
        # sympy turns exp(1000 log(10)) into 10**1000, which can be nested.
        raise UnsupportedError("exp(...)", str(argument)[:100], "a logarithm inside exp; write it as a power")
    if argument.free_symbols:
        return
    longest = _MOST_BITS_UNDER_ROOT if name == "sqrt" else _MOST_BITS_OF_ARGUMENT
    rational = isinstance(argument, sympy.Rational)
    if rational and max(argument.p.bit_length(), argument.q.bit_length()) <= longest:
        return
    if rational or name != "sqrt":
        raise UnsupportedError(f"{name}(...)", "a constant", "of constants, only small rational numbers are supported")


def _elementwise(name: str) -> Callable[[Any], Any]:
    function = scalar_function(name)
    return lambda a: a.map(function) if isinstance(a, SymbolicArray) else function(a)


def _array(function: str, value: Any) -> SymbolicArray:
    if not isinstance(value, SymbolicArray):
        raise InvalidArgumentError(f"{function}(...)", type(value).__name__, "an array is needed")
    return value


def _sum(a: Any, *, axis: int | None = None) -> SymbolicArray:
    array = _array("sum", a)
    array.budget.spend(math.prod(array.shape))
    if axis is None:
        return SymbolicArray(as_entries(total(array.entries.flat)), array.budget)
    if not isinstance(axis, int) or not -len(array.shape) <= axis < len(array.shape):
        raise InvalidArgumentError("axis", axis, f"an axis of shape {array.shape} is needed")
    moved = np.moveaxis(array.entries, axis, -1)
    shape = moved.shape[:-1]
    return SymbolicArray(filled([total(moved[place].flat) for place in np.ndindex(shape)], shape), array.budget)


def _trace(a: SymbolicArray) -> SymbolicArray:
    if len(a.shape) != 2 or a.shape[0] != a.shape[1]:
        raise InvalidArgumentError("trace(...)", f"shape {a.shape}", "a square matrix is needed")
    return _sum(_diag(a))


def _diag(a: SymbolicArray) -> SymbolicArray:
    """The diagonal of a matrix, or the diagonal matrix of a vector."""
    import sympy

    if len(a.shape) == 2:
        return SymbolicArray(a.entries.diagonal(), a.budget)
    if len(a.shape) != 1:
        raise InvalidArgumentError("diag(...)", f"shape {a.shape}", "a vector or a matrix is needed")
    size = a.shape[0]
    a.budget.spend(size * size)
    entries = filled([sympy.Integer(0)] * (size * size), (size, size))
    entries[np.arange(size), np.arange(size)] = a.entries
    return SymbolicArray(entries, a.budget)


def _inner(a: Any, b: Any) -> SymbolicArray:
    left, right = _array("dot", a), _array("dot", b)
    if left.shape != right.shape:
        raise InvalidArgumentError("shapes", (left.shape, right.shape), "dot needs equal shapes")
    return _sum(left * right)


def _outer(a: Any, b: Any) -> SymbolicArray:
    left, right = _array("outer", a), _array("outer", b)
    if len(left.shape) != 1 or len(right.shape) != 1:
        raise InvalidArgumentError("shapes", (left.shape, right.shape), "outer needs two vectors")
    return left[:, None] * right[None, :]
