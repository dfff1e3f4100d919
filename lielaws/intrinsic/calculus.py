"""First and second derivatives of many sparse polynomials at one point, over any ring.

All products of the factors of a term but one come from its prefixes and suffixes, and their derivatives along a
direction from those of prefixes and suffixes: time grows linearly with the degree.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lielaws.engine.laws.terms import TermTable

Array = npt.NDArray[Any]


class Ring(Protocol):
    """Arithmetic of arrays whose first axis runs over terms or coordinates."""

    def coefficients(self, table: TermTable) -> Array:
        """The coefficients of the terms, (terms, ...)."""
        ...

    def multiply(self, a: Array, b: Array) -> Array: ...

    def add(self, a: Array, b: Array) -> Array: ...

    def scale(self, a: Array, weights: Array) -> Array:
        """Each entry times a number."""
        ...

    def reduce(self, a: Array) -> Array:
        """A sum of many entries in normal form."""
        ...


class Plain:
    """Numbers as numpy adds and multiplies them: floats, or integers and balls as objects."""

    def __init__(self, dtype: Any) -> None:
        self._dtype = dtype

    def coefficients(self, table: TermTable) -> Array:
        return np.asarray(table.coefficients.astype(self._dtype))

    def multiply(self, a: Array, b: Array) -> Array:
        return np.asarray(a * b)

    def add(self, a: Array, b: Array) -> Array:
        return np.asarray(a + b)

    def scale(self, a: Array, weights: Array) -> Array:
        return np.asarray(a * weights)

    def reduce(self, a: Array) -> Array:
        return a


class Calculus:
    """The polynomials of a table at a point.

    values : of the coordinates and of the padding, (D + 1, ...)
    """

    def __init__(self, table: TermTable, values: Array, ring: Ring) -> None:
        self._table, self._ring = table, ring
        self._values = [values[column] for column in table.factors.T]
        self._shape = values.shape[1:]
        self._dtype = values.dtype

    def value(self) -> Array:
        """(count, ...)"""
        whole = self._ring.multiply(self._prefixes[-1], self._values[-1])
        result = np.zeros((self._table.count, *self._shape), dtype=self._dtype)
        np.add.at(result, self._table.owners, whole)
        return self._ring.reduce(result)

    def jacobian(self) -> Array:
        """(count, D, ...)"""
        return self._by_polynomial(iter(self._others))

    def jacobian_along(self, direction: Array) -> Array:
        """The derivative of the Jacobian along a direction (D, ...), (count, D, ...)."""
        return self._by_polynomial(self._changes(direction))

    def gradient(self, weights: Array) -> Array:
        """Of the sum of the polynomials with these weights (count,): (D, ...)."""
        return self._together(iter(self._others), weights)

    def gradient_along(self, weights: Array, direction: Array) -> Array:
        """The derivative of that gradient along a direction (D, ...), (D, ...)."""
        return self._together(self._changes(direction), weights)

    def metric_slope(self, f: Array, g: Array) -> Array:
        """The gradient of <grad f, grad g> for two sums with weights (count,), (D, ...)."""
        one, other = self.gradient_along(f, self.gradient(g)), self.gradient_along(g, self.gradient(f))
        return self._ring.add(one, other)

    @cached_property
    def _prefixes(self) -> list[Array]:
        """The coefficient times all factors before each one."""
        found = [self._ring.coefficients(self._table)]
        for value in self._values[:-1]:
            found.append(self._ring.multiply(found[-1], value))
        return found

    @cached_property
    def _suffixes(self) -> list[Array | None]:
        """All factors after each one; None for the empty product."""
        found: list[Array | None] = [None]
        for value in self._values[:0:-1]:
            found.append(self._times(value, found[-1]))
        return found[::-1]

    def _times(self, a: Array, b: Array | None) -> Array:
        return a if b is None else self._ring.multiply(a, b)

    @cached_property
    def _others(self) -> list[Array]:
        return [self._times(*pair) for pair in zip(self._prefixes, self._suffixes, strict=True)]

    def _changes(self, direction: Array) -> Iterator[Array]:
        """The derivatives of the products of all factors but one."""
        ring = self._ring
        padded = np.concatenate([direction, np.zeros((1, *self._shape), dtype=direction.dtype)])
        moves = [padded[column] for column in self._table.factors.T]
        after: list[Array | None] = [None]
        for place in range(len(moves) - 1, 0, -1):
            step = self._times(moves[place], self._suffixes[place])
            known = after[-1]
            after.append(step if known is None else ring.add(step, ring.multiply(self._values[place], known)))
        after.reverse()
        before: Array | None = None
        for place, (prefix, suffix) in enumerate(zip(self._prefixes, self._suffixes, strict=True)):
            parts = [] if before is None else [self._times(before, suffix)]
            late = after[place]
            parts += [] if late is None else [ring.multiply(prefix, late)]
            if parts:
                yield parts[0] if len(parts) == 1 else ring.add(parts[0], parts[1])
            else:
                yield np.zeros_like(self._values[place])
            step = ring.multiply(prefix, moves[place])
            before = step if before is None else ring.add(step, ring.multiply(before, self._values[place]))

    def _by_polynomial(self, products: Iterator[Array]) -> Array:
        table = self._table
        result = np.zeros((table.count, table.dimension + 1, *self._shape), dtype=self._dtype)
        for place, product in enumerate(products):
            np.add.at(result, (table.owners, table.factors[:, place]), product)
        return self._ring.reduce(result[:, :-1])

    def _together(self, products: Iterator[Array], weights: Array) -> Array:
        table = self._table
        result = np.zeros((table.dimension + 1, *self._shape), dtype=self._dtype)
        by_term = weights[table.owners]
        for place, product in enumerate(products):
            np.add.at(result, table.factors[:, place], self._ring.scale(product, by_term))
        return self._ring.reduce(result[:-1])
