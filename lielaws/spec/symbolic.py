"""Arrays of sympy expressions and their functions, for laws; every shape is checked, every cost bounded."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.errors import InvalidArgumentError, SizeError
from lielaws.spec.expressions import SCALAR_FUNCTIONS, scalar_function

Shape = tuple[int, ...]
Entries = npt.NDArray[np.object_]

_MOST_OPERATIONS = 10**6


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


def _entrywise(function: Callable[[Any, Any], Any]) -> Callable[[SymbolicArray, Any], SymbolicArray]:
    return lambda array, other: array.zipped(function, other)


class SymbolicArray:
    """An array of sympy expressions with `+ - * / ** @`, indexing and `.T`; shapes follow numpy."""

    __slots__ = ("_entries", "budget")

    def __init__(self, entries: Entries, budget: Budget) -> None:
        self._entries, self.budget = entries, budget

    @property
    def entries(self) -> Entries:
        """The expressions themselves, shape `self.shape`."""
        return self._entries

    @property
    def shape(self) -> Shape:
        """As in numpy."""
        return self._entries.shape

    @property
    def T(self) -> SymbolicArray:
        """All axes reversed."""
        return SymbolicArray(self.entries.T, self.budget)

    def __getitem__(self, key: Any) -> SymbolicArray:
        try:
            return self.selected(key)
        except (IndexError, ValueError, TypeError):
            raise InvalidArgumentError("index", index_text(key), f"it does not fit shape {self.shape}") from None

    def selected(self, key: Any) -> SymbolicArray:
        """The entries at a key that numpy accepts."""
        return SymbolicArray(as_entries(self.entries[key]), self.budget)

    __add__ = __radd__ = _entrywise(operator.add)
    __mul__ = __rmul__ = _entrywise(operator.mul)
    __sub__ = _entrywise(operator.sub)
    __truediv__ = _entrywise(operator.truediv)
    __rsub__ = _entrywise(lambda entry, other: other - entry)
    __rtruediv__ = _entrywise(lambda entry, other: other / entry)

    def __neg__(self) -> SymbolicArray:
        return self.map(operator.neg)

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
        self.budget.spend(math.prod(left) * math.prod(right[1:]))
        rows = self.entries.reshape(-1, left[-1])
        columns = other.entries.reshape(right[0], -1).T
        products = [total(a * b for a, b in zip(row, column, strict=True)) for row in rows for column in columns]
        return SymbolicArray(filled(products, left[:-1] + right[1:]), self.budget)

    def __rmatmul__(self, other: Any) -> SymbolicArray:
        raise InvalidArgumentError("@", str(other), "a number is multiplied with *")

    def map(self, function: Callable[[Any], Any]) -> SymbolicArray:
        """A function of every entry."""
        self.budget.spend(math.prod(self.shape))
        return SymbolicArray(filled([function(entry) for entry in self.entries.flat], self.shape), self.budget)

    def zipped(self, function: Callable[[Any, Any], Any], other: Any) -> SymbolicArray:
        """An operation entry by entry under numpy's broadcasting."""
        right_shape = other.shape if isinstance(other, SymbolicArray) else ()
        try:
            shape = np.broadcast_shapes(self.shape, right_shape)
        except ValueError:
            remedy = "equal shapes are needed, or shapes that numpy can broadcast"
            raise InvalidArgumentError("shapes", (self.shape, right_shape), remedy) from None
        self.budget.spend(math.prod(shape))
        right = other.entries if isinstance(other, SymbolicArray) else as_entries(other)
        pairs = zip(np.broadcast_to(self.entries, shape).flat, np.broadcast_to(right, shape).flat, strict=True)
        return SymbolicArray(filled([function(a, b) for a, b in pairs], shape), self.budget)


class Tensor(SymbolicArray):
    """Entries of the parameter tensor of some name, made when needed: a row of a large one costs little.

    places : for each axis of the tensor, the indices of the entries along it
    """

    __slots__ = ("name", "places")

    def __init__(self, name: str, places: Iterable[npt.ArrayLike], budget: Budget) -> None:
        self.name, self.places, self.budget = name, tuple(map(np.asarray, places)), budget

    @classmethod
    def whole(cls, name: str, shape: Shape, budget: Budget) -> Tensor:
        """The tensor itself. Its places are views of one index for each row and column, and take no memory."""
        return cls(name, np.meshgrid(*map(np.arange, shape), indexing="ij", copy=False), budget)

    @property
    def entries(self) -> Entries:
        """The expressions, made anew."""
        import sympy

        if not self.places:
            return as_entries(sympy.Symbol(self.name))
        self.budget.spend(math.prod(self.shape))
        base = sympy.IndexedBase(self.name)
        indices = zip(*(place.ravel().tolist() for place in self.places), strict=True)
        return filled([base[index] for index in indices], self.shape)

    @property
    def shape(self) -> Shape:
        """As in numpy."""
        return self.places[0].shape if self.places else ()

    @property
    def T(self) -> SymbolicArray:
        """All axes reversed."""
        return Tensor(self.name, [place.T for place in self.places], self.budget)

    def selected(self, key: Any) -> SymbolicArray:
        """The entries at a key that numpy accepts."""
        if not self.places:
            return super().selected(key)
        return Tensor(self.name, [place[key] for place in self.places], self.budget)


def filled(values: list[Any], shape: Shape) -> Entries:
    """An object array; numpy is kept from looking into the values."""
    entries = np.empty(len(values), dtype=object)
    entries[:] = values
    return entries.reshape(shape)


def as_entries(value: Any) -> Entries:
    """An object array of shape () around a single value; arrays stay as they are."""
    return value if isinstance(value, np.ndarray) else filled([value], ())


def total(entries: Iterable[Any]) -> Any:
    """The sum of the entries."""
    import sympy

    # One sum of many terms; adding them one by one would sort them again every time.
    return sympy.Add(*entries)


def index_text(key: Any) -> str:
    """A key as it is written, such as `[0, :2]`."""
    return f"[{', '.join(_item_text(item) for item in (key if isinstance(key, tuple) else (key,)))}]"


def _item_text(item: Any) -> str:
    if isinstance(item, slice):
        bounds = [item.start, item.stop] + ([] if item.step is None else [item.step])
        return ":".join("" if bound is None else str(bound) for bound in bounds)
    return "..." if item is ... else str(item)


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
