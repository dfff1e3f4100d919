"""Arrays of sympy expressions and their functions, for laws; every shape is checked, every cost bounded."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
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


def _entrywise(function: Callable[..., Any]) -> Callable[..., SymbolicArray]:
    return lambda array, *others: array.each(function, *others)


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
        return self._entries.shape

    @property
    def T(self) -> SymbolicArray:
        return self.moved(np.transpose)

    def __getitem__(self, key: Any) -> SymbolicArray:
        try:
            return self.moved(lambda array: array[key])
        except (IndexError, ValueError, TypeError):
            raise InvalidArgumentError("index", index_text(key), f"it does not fit shape {self.shape}") from None

    def moved(self, move: Callable[[Any], Any]) -> SymbolicArray:
        """The entries where `move` puts those of any array of this shape."""
        return SymbolicArray(as_entries(move(self.entries)), self.budget)

    __add__ = __radd__ = _entrywise(operator.add)
    __mul__ = __rmul__ = _entrywise(operator.mul)
    __sub__ = _entrywise(operator.sub)
    __truediv__ = _entrywise(operator.truediv)
    __rsub__ = _entrywise(lambda entry, other: other - entry)
    __rtruediv__ = _entrywise(lambda entry, other: other / entry)

    __neg__ = _entrywise(operator.neg)

    def __pow__(self, exponent: Any) -> SymbolicArray:
        return self.each(lambda entry: entry**exponent)

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

    def each(self, function: Callable[..., Any], *others: Any) -> SymbolicArray:
        """A function of the entries, and of those of other arrays or of numbers, under numpy's broadcasting."""
        shapes = (self.shape, *(other.shape if isinstance(other, SymbolicArray) else () for other in others))
        try:
            shape = np.broadcast_shapes(*shapes)
        except ValueError:
            remedy = "equal shapes are needed, or shapes that numpy can broadcast"
            raise InvalidArgumentError("shapes", shapes, remedy) from None
        self.budget.spend(math.prod(shape))
        entries = [other.entries if isinstance(other, SymbolicArray) else as_entries(other) for other in others]
        found = np.frompyfunc(function, len(shapes), 1)(self.entries, *entries)
        return SymbolicArray(as_entries(found), self.budget)


class Tensor(SymbolicArray):
    """Entries of the parameter tensor of some name, made when needed: a row of a large one costs little.

    places : for each axis of the tensor, the indices of the entries along it
    """

    __slots__ = ("name", "places")

    def __init__(self, name: str, places: Iterable[npt.ArrayLike], budget: Budget) -> None:
        self.name, self.places, self.budget = name, tuple(map(np.asarray, places)), budget

    @classmethod
    def whole(cls, name: str, shape: Shape, budget: Budget) -> SymbolicArray:
        """The tensor itself. Its places are views of one index for each row and column, and take no memory."""
        import sympy

        if not shape:
            return SymbolicArray(as_entries(sympy.Symbol(name)), budget)
        return cls(name, np.meshgrid(*map(np.arange, shape), indexing="ij", copy=False), budget)

    @property
    def entries(self) -> Entries:
        """The expressions, made anew."""
        import sympy

        self.budget.spend(math.prod(self.shape))
        base = sympy.IndexedBase(self.name)
        indices = zip(*(place.ravel().tolist() for place in self.places), strict=True)
        return filled([base[index] for index in indices], self.shape)

    @property
    def shape(self) -> Shape:
        return self.places[0].shape

    def moved(self, move: Callable[[Any], Any]) -> SymbolicArray:
        return Tensor(self.name, map(move, self.places), self.budget)


def filled(values: list[Any], shape: Shape) -> Entries:
    """An object array; numpy is kept from looking into the values."""
    entries = np.empty(len(values), dtype=object)
    entries[:] = values
    return entries.reshape(shape)


def as_entries(value: Any) -> Any:
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
    table = {name: _elementwise(scalar_function(name)) for name in SCALAR_FUNCTIONS}
    of_arrays = (_sum, _trace, _norm2, _dot, _outer, _diag)
    return table | {function.__name__[1:]: _checked(function) for function in of_arrays}


def _elementwise(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda a: a.each(function) if isinstance(a, SymbolicArray) else function(a)


def _checked(function: Callable[..., SymbolicArray]) -> Callable[..., SymbolicArray]:
    """The function, refusing what is no array."""

    @wraps(function)
    def checked(*arrays: Any, **keywords: Any) -> SymbolicArray:
        for array in arrays:
            if not isinstance(array, SymbolicArray):
                raise InvalidArgumentError(f"{function.__name__[1:]}(...)", type(array).__name__, "an array is needed")
        return function(*arrays, **keywords)

    return checked


def _sum(a: SymbolicArray, /, *, axis: int | None = None) -> SymbolicArray:
    a.budget.spend(math.prod(a.shape))
    if axis is None:
        return SymbolicArray(as_entries(total(a.entries.flat)), a.budget)
    if not isinstance(axis, int) or not -len(a.shape) <= axis < len(a.shape):
        raise InvalidArgumentError("axis", axis, f"an axis of shape {a.shape} is needed")
    moved = np.moveaxis(a.entries, axis, -1)
    shape = moved.shape[:-1]
    return SymbolicArray(filled([total(moved[place].flat) for place in np.ndindex(shape)], shape), a.budget)


def _trace(a: SymbolicArray, /) -> SymbolicArray:
    if len(a.shape) != 2 or a.shape[0] != a.shape[1]:
        raise InvalidArgumentError("trace(...)", f"shape {a.shape}", "a square matrix is needed")
    return _sum(_diag(a))


def _norm2(a: SymbolicArray, /) -> SymbolicArray:
    return _sum(a * a)


def _diag(a: SymbolicArray, /) -> SymbolicArray:
    """The diagonal of a matrix, or the diagonal matrix of a vector."""
    import sympy

    if len(a.shape) == 2:
        return a.moved(np.diagonal)
    if len(a.shape) != 1:
        raise InvalidArgumentError("diag(...)", f"shape {a.shape}", "a vector or a matrix is needed")
    size = a.shape[0]
    a.budget.spend(size * size)
    entries = np.full((size, size), sympy.Integer(0), dtype=object)
    np.fill_diagonal(entries, a.entries)
    return SymbolicArray(entries, a.budget)


def _dot(a: SymbolicArray, b: SymbolicArray, /) -> SymbolicArray:
    if a.shape != b.shape:
        raise InvalidArgumentError("shapes", (a.shape, b.shape), "dot needs equal shapes")
    return _sum(a * b)


def _outer(a: SymbolicArray, b: SymbolicArray, /) -> SymbolicArray:
    if len(a.shape) != 1 or len(b.shape) != 1:
        raise InvalidArgumentError("shapes", (a.shape, b.shape), "outer needs two vectors")
    return a[:, None] * b[None, :]
