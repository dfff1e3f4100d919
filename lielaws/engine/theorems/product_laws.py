"""Laws of networks in a normal form: the entries of U U^T - V V^T of each group, or its diagonal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import accumulate
from typing import Any

import flint
import numpy as np

from lielaws.arraytypes import FloatArray, IntArray
from lielaws.checks import tensor
from lielaws.engine.flows.state import StateSpace
from lielaws.engine.laws.law import Law
from lielaws.engine.laws.lazy_laws import LazyLaws
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.presentation import LawGroup, matrix_group, unit_group
from lielaws.engine.laws.terms import TermTable
from lielaws.engine.linalg import Echelon, modular
from lielaws.engine.theorems.product_form import Group, ProductForm
from lielaws.errors import SizeError

# Of the gradients of all laws, which elimination keeps in memory.
_MOST_ENTRIES = 5 * 10**7


class ProductLaws(LazyLaws):
    """All laws, group by group, the entries (i, j) of a group row by row with i <= j.

    Where there are more rows than columns, i is below the number of columns: the gradients of these entries are
    independent, of which there are as many as of all.
    """

    def __init__(self, form: ProductForm, space: StateSpace) -> None:
        self.form, self.space = form, space
        self._starts = [0, *accumulate(group.count for group in form.groups)]

    def __len__(self) -> int:
        return self._starts[-1]

    def law(self, number: int) -> Law:
        place = int(np.searchsorted(self._starts, number, side="right")) - 1
        group = self.form.groups[place]
        i, j = self._entry(group, number - self._starts[place])
        terms: dict[tuple[int, ...], int] = {}
        for sign, tensors in ((1, group.plus), (-1, group.minus)):
            for name, axis in tensors:
                rows = self._rows(name, axis)
                for pair in zip(rows(i), rows(j), strict=True):
                    monomial = tuple(sorted(pair))
                    terms[monomial] = terms.get(monomial, 0) + sign
        return Law(Polynomial.of(terms), self.space)

    def _entry(self, group: Group, number: int) -> tuple[int, int]:
        if group.by_unit:
            return number, number
        i = 0
        while number >= group.rows - i:
            number -= group.rows - i
            i += 1
        return i, i + number

    def _rows(self, name: str, axis: int) -> Any:
        start, (rows, columns) = self.space.offsets[name], self.space.shapes[name]
        if axis == 0:
            return lambda k: range(start + k * columns, start + (k + 1) * columns)
        return lambda k: range(start + k, start + rows * columns, columns)

    # All at once

    def evaluate(self, params: Mapping[str, Any]) -> FloatArray:
        def gram(name: str, axis: int, group: Group) -> FloatArray:
            a = _turned(tensor("params", params, name, self.space.shapes[name]), axis)
            return np.asarray((a * a).sum(axis=1) if group.by_unit else a @ a.T)

        return np.concatenate([self._listed(group, self._difference(group, gram)) for group in self.form.groups])

    def changes(self, point: IntArray, field: IntArray, prime: int) -> IntArray:
        points, fields = self.space.split(point), self.space.split(field)

        def gram(name: str, axis: int, group: Group) -> IntArray:
            a, b = _turned(points[name], axis), _turned(fields[name], axis)
            if group.by_unit:
                return np.asarray(2 * (a * b % prime).sum(axis=1) % prime)
            product = modular.matmul(a, np.ascontiguousarray(b.T), prime)
            return product + product.T

        values = [self._listed(group, self._difference(group, gram)) % prime for group in self.form.groups]
        return np.concatenate(values)

    def _difference(self, group: Group, gram: Any) -> Any:
        total: Any = 0
        for sign, tensors in ((1, group.plus), (-1, group.minus)):
            for name, axis in tensors:
                total = total + sign * gram(name, axis, group)
        return total

    def _listed(self, group: Group, matrix: Any) -> Any:
        if group.by_unit:
            return matrix
        return matrix[np.triu_indices(group.rows)][: group.count]

    def combines(self, gradient: IntArray, point: IntArray, prime: int) -> bool:
        if self.form.kind == "chain":
            return self._reduces(gradient, point, prime)
        points, slopes = self.space.split(point), self.space.split(gradient)
        inside = {name for group in self.form.groups for name, _ in (*group.plus, *group.minus)}
        if any(slopes[name].any() for name in slopes if name not in inside):
            return False
        for group in self.form.groups:
            x = np.hstack([_turned(points[name], axis) for name, axis in (*group.plus, *group.minus)])
            signs = np.repeat([1, -1], group.columns)
            y = np.hstack([_turned(slopes[name], axis) for name, axis in (*group.plus, *group.minus)]) * signs % prime
            if not (_is_scaled(x, y, prime) if group.by_unit else _is_moved(x, y, prime)):
                return False
        return True

    def _reduces(self, gradient: IntArray, point: IntArray, prime: int) -> bool:
        """The same by elimination: each matrix of a chain is in two groups."""
        if len(self) * self.space.dimension > _MOST_ENTRIES:
            text = f"{len(self):,} laws of {self.space.dimension:,} parameters"
            raise SizeError("h", text, "for products of three matrices or more this is decided for smaller widths only")
        echelon = Echelon(self.space.dimension, prime)
        table = TermTable.of([law.polynomial for law in self], self.space.dimension)
        echelon.extend(table.gradients(point, prime))
        return bool(echelon.contains(gradient[None])[0])

    # As a person writes them

    @cached_property
    def groups(self) -> tuple[LawGroup, ...]:
        return tuple(self._groups())

    def _groups(self) -> Iterator[LawGroup]:
        for group, start, end in zip(self.form.groups, self._starts, self._starts[1:], strict=False):
            laws = self[start:end]
            yield unit_group(laws, range(group.rows)) if group.by_unit else matrix_group(laws, group.rows)


def _turned(array: Any, axis: int) -> Any:
    """With the rows of a group as rows."""
    return array if axis == 0 else array.T


def _is_scaled(x: IntArray, y: IntArray, prime: int) -> bool:
    """Whether each row of y is a multiple of that of x."""
    first = y[:, :1] * modular.inverse(x[:, :1], prime) % prime
    return not ((y - first * x) % prime).any()


def _is_moved(x: IntArray, y: IntArray, prime: int) -> bool:
    """Whether y = S x for some symmetric matrix S: if and only if x^T y is symmetric and y has no rows but those of x.

    For x with at least as many columns as rows, S is then y x^-1 on any columns on which x is invertible.
    """
    rows, columns = x.shape
    if rows > columns:
        product = modular.matmul(np.ascontiguousarray(x.T), y, prime)
        return bool(np.array_equal(product, product.T))
    solved = flint.nmod_mat(np.vstack([x[:, :rows].T]).tolist(), prime).solve(
        flint.nmod_mat(y[:, :rows].T.tolist(), prime)
    )
    s = np.array([[int(entry) for entry in row] for row in solved.tolist()], dtype=np.int64).T
    return bool(np.array_equal(s, s.T)) and not ((modular.matmul(s, x, prime) - y) % prime).any()
