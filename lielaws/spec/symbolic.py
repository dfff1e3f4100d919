"""Arrays of sympy expressions, as laws are written over them; every shape is checked, every cost bounded."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.errors import InvalidArgumentError, SizeError, UnsupportedError

Shape = tuple[int, ...]
Entries = npt.NDArray[np.object_]

_MOST_OPERATIONS = 10**6
_MOST_BITS_UNDER_ROOT = 2**12
_MOST_BITS_OF_ARGUMENT = 64

FUNCTIONS = ("exp", "log", "sqrt", "sin", "cos", "sinh", "cosh", "tanh")
"""Functions of one number that sympy and the language have in common."""


@dataclass(slots=True)
class Budget:
    """How many operations on entries may still be done."""

    left: int = _MOST_OPERATIONS

    def spend(self, count: int) -> None:
        """Take that many operations off the budget. Raises SizeError."""
        self.left -= count
        if self.left < 0:
            remedy = f"more than {_MOST_OPERATIONS:,} operations on entries are needed; select entries by an index"
            raise SizeError("array", f"{count:,} operations", remedy)


class SymbolicArray:
    """A numpy array of sympy expressions with `+ - * / ** @`, indexing and `.T`; shapes follow numpy."""

    __slots__ = ("budget", "entries")

    def __init__(self, entries: Entries, budget: Budget) -> None:
        self.entries, self.budget = entries, budget

    @property
    def shape(self) -> Shape:
        return self.entries.shape

    @property
    def T(self) -> SymbolicArray:
        return SymbolicArray(self.entries.T, self.budget)

    def __getitem__(self, key: Any) -> SymbolicArray:
        try:
            picked = self.entries[key]
        except (IndexError, ValueError, TypeError):
            raise InvalidArgumentError("index", _index_text(key), f"it does not fit shape {self.shape}") from None
        return SymbolicArray(as_entries(picked), self.budget)

    def __neg__(self) -> SymbolicArray:
        return self.map(operator.neg)

    def __add__(self, other: Any) -> SymbolicArray:
        return self.zipped("+", operator.add, other)

    def __radd__(self, other: Any) -> SymbolicArray:
        return self.__add__(other)

    def __sub__(self, other: Any) -> SymbolicArray:
        return self.zipped("-", operator.sub, other)

    def __rsub__(self, other: Any) -> SymbolicArray:
        return (-self).__add__(other)

    def __mul__(self, other: Any) -> SymbolicArray:
        return self.zipped("*", operator.mul, other)

    def __rmul__(self, other: Any) -> SymbolicArray:
        return self.__mul__(other)

    def __truediv__(self, other: Any) -> SymbolicArray:
        return self.zipped("/", operator.truediv, other)

    def __rtruediv__(self, other: Any) -> SymbolicArray:
        return self.__pow__(-1).__mul__(other)

    def __pow__(self, exponent: Any) -> SymbolicArray:
        return self.map(lambda entry: entry**exponent)

    def __matmul__(self, other: Any) -> SymbolicArray:
        if not isinstance(other, SymbolicArray):
            raise InvalidArgumentError("@", str(other), "a number is multiplied with *")
        left, right = self.shape, other.shape
        if not (0 < len(left) <= 2 and 0 < len(right) <= 2):
            raise InvalidArgumentError("shapes", (left, right), "@ needs matrices or vectors; write * for numbers")
        if left[-1] != right[0]:
            raise InvalidArgumentError("shapes", (left, right), f"inner sizes {left[-1]} and {right[0]} of @ differ")
        rows = self.entries.reshape(-1, left[-1])
        columns = other.entries.reshape(right[0], -1).T
        self.budget.spend(rows.shape[0] * columns.size)
        products = [_dot(row, column) for row in rows for column in columns]
        return SymbolicArray(filled(products, left[:-1] + right[1:]), self.budget)

    def __rmatmul__(self, other: Any) -> SymbolicArray:
        raise InvalidArgumentError("@", str(other), "a number is multiplied with *")

    def map(self, function: Callable[[Any], Any]) -> SymbolicArray:
        """A function of every entry."""
        self.budget.spend(self.entries.size)
        return SymbolicArray(filled([function(entry) for entry in self.entries.flat], self.shape), self.budget)

    def zipped(self, sign: str, function: Callable[[Any, Any], Any], other: Any) -> SymbolicArray:
        """An operation entry by entry under numpy's broadcasting."""
        right = other.entries if isinstance(other, SymbolicArray) else as_entries(other)
        try:
            shape = np.broadcast_shapes(self.shape, right.shape)
        except ValueError:
            remedy = f"'{sign}' needs equal shapes, or shapes that numpy can broadcast"
            raise InvalidArgumentError("shapes", (self.shape, right.shape), remedy) from None
        self.budget.spend(math.prod(shape))
        pairs = zip(np.broadcast_to(self.entries, shape).flat, np.broadcast_to(right, shape).flat, strict=True)
        return SymbolicArray(filled([function(a, b) for a, b in pairs], shape), self.budget)


class TensorEntries(Mapping[str, SymbolicArray]):
    """The tensors by name as arrays of `Indexed` entries, each made when it is first asked for."""

    def __init__(self, shapes: Mapping[str, Shape], budget: Budget) -> None:
        self._shapes, self._budget = shapes, budget
        self._known: dict[str, SymbolicArray] = {}

    def __getitem__(self, name: str) -> SymbolicArray:
        if name not in self._known:
            shape = self._shapes[name]
            self._budget.spend(math.prod(shape))
            self._known[name] = SymbolicArray(_tensor(name, shape), self._budget)
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._shapes

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)


def filled(values: list[Any], shape: Shape) -> Entries:
    """An object array; numpy is kept from looking into the values."""
    entries = np.empty(len(values), dtype=object)
    entries[:] = values
    return entries.reshape(shape)


def as_entries(value: Any) -> Entries:
    """An object array of shape () around a single value; arrays stay as they are."""
    return value if isinstance(value, np.ndarray) else filled([value], ())


def array_functions() -> dict[str, Callable[..., Any]]:
    """The functions that laws may call."""
    table = {name: _elementwise(name) for name in FUNCTIONS}
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
    array.budget.spend(array.entries.size)
    if axis is None:
        return SymbolicArray(as_entries(_total(array.entries.flat)), array.budget)
    if not isinstance(axis, int) or not -len(array.shape) <= axis < len(array.shape):
        raise InvalidArgumentError("axis", axis, f"an axis of shape {array.shape} is needed")
    moved = np.moveaxis(array.entries, axis, -1)
    shape = moved.shape[:-1]
    return SymbolicArray(filled([_total(moved[place].flat) for place in np.ndindex(shape)], shape), array.budget)


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


def _dot(row: Entries, column: Entries) -> Any:
    return _total(a * b for a, b in zip(row.tolist(), column.tolist(), strict=True))


def _total(entries: Any) -> Any:
    import sympy

    # One sum of many terms; adding them one by one would sort them again every time.
    return sympy.Add(*entries)


def _tensor(name: str, shape: Shape) -> Entries:
    import sympy

    if not shape:
        return as_entries(sympy.Symbol(name))
    base = sympy.IndexedBase(name)
    return filled([base[place] for place in itertools.product(*map(range, shape))], shape)


def _index_text(key: Any) -> str:
    items = key if isinstance(key, tuple) else (key,)
    return "[" + ", ".join(_item_text(item) for item in items) + "]"


def _item_text(item: Any) -> str:
    if isinstance(item, slice):
        bounds = [item.start, item.stop] + ([] if item.step is None else [item.step])
        return ":".join("" if bound is None else str(bound) for bound in bounds)
    return "..." if item is ... else str(item)
