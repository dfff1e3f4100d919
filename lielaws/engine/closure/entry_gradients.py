"""Gradients of single entries of a network as sparse rows, for many data and activation patterns at once.

An arithmetic for `Program.run`: an array is its values and, in place of infinitesimals, a list of derivatives along
single parameters. Data and gates with few entries other than zero keep the list short.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import sparse

from lielaws.arraytypes import BoolArray, IntArray
from lielaws.engine.arithmetic.base import IndexMap, Shape
from lielaws.engine.arithmetic.modular import Modular
from lielaws.engine.graph.contraction import ContractionPlan
from lielaws.engine.linalg import modular
from lielaws.engine.linalg.sparse import runs

_NO_VALUES = np.zeros(0, dtype=np.int64)


class TooDenseError(Exception):
    """The derivatives are too many to be listed."""


@dataclass(frozen=True, slots=True)
class Entries:
    """An array of shape (samples, *shape) with its derivatives along parameters, modulo a prime.

    places : for each derivative the entry that it belongs to, in the flattened array; there may be several for one
        entry and one parameter, which are then to be added
    columns : the parameter; slopes : its value
    """

    values: IntArray
    places: IntArray
    columns: IntArray
    slopes: IntArray

    @classmethod
    def fixed(cls, values: IntArray) -> Entries:
        """What depends on no parameter."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(values, nothing, nothing, nothing)

    @classmethod
    def parameters(cls, values: IntArray, first: int) -> Entries:
        """A tensor of parameters, (samples, *shape), that are the coordinates from `first` on."""
        places = np.arange(values.size)
        return cls(values, places, first + places % (values.size // len(values)), np.ones_like(places))

    def rows(self, dimension: int, prime: int) -> sparse.csr_array:
        """The gradient of each entry as a row, without stored zeros."""
        triples = (self.slopes, (self.places, self.columns))
        matrix = sparse.coo_array(triples, shape=(self.values.size, dimension)).tocsr()
        matrix.data %= prime
        matrix.eliminate_zeros()
        return matrix


class EntryArithmetic:
    """Values and derivatives modulo a prime; `samples` of everything.

    most : how many derivatives one array may have
    """

    def __init__(self, prime: int, samples: int, most: int) -> None:
        self.prime, self.samples, self.most = prime, samples, most
        self._numbers = Modular(prime)

    @property
    def undefined(self) -> BoolArray | None:
        """The samples at which a denominator vanishes; None for none."""
        return self._numbers.undefined

    def constant(self, constant: Any, shape: Shape) -> Entries:
        values = self._numbers.constant(constant, shape)[0]
        return Entries.fixed(np.broadcast_to(values, (self.samples, *shape)))

    def add(self, a: Entries, b: Entries) -> Entries:
        pairs = ((a.places, b.places), (a.columns, b.columns), (a.slopes, b.slopes))
        return Entries((a.values + b.values) % self.prime, *map(np.concatenate, pairs))

    def scale(self, factor: Fraction, a: Entries) -> Entries:
        residue = self._numbers.residue(factor)
        return replace(a, values=a.values * residue % self.prime, slopes=a.slopes * residue % self.prime)

    def power(self, a: Entries, exponent: int) -> Entries:
        lower = modular.power(a.values, exponent - 1, self.prime)
        return self._chain(a, lower * a.values % self.prime, lower * (exponent % self.prime) % self.prime)

    def reciprocal(self, a: Entries) -> Entries:
        inverse = self._numbers.inverse(a.values[None])[0]
        return self._chain(a, inverse, -inverse * inverse % self.prime)

    def reshape(self, a: Entries, shape: Shape) -> Entries:
        return replace(a, values=a.values.reshape(self.samples, *shape))

    def permute(self, a: Entries, axes: tuple[int, ...]) -> Entries:
        shape = a.values.shape[1:]
        if axes == tuple(range(len(shape))):
            return a
        numbers = np.arange(math.prod(shape)).reshape(shape).transpose(axes)
        return self.gather(a, IndexMap.of(numbers.ravel()), numbers.shape)

    def broadcast(self, a: Entries, shape: Shape, axes: tuple[int, ...]) -> Entries:
        numbers = np.arange(a.values.size // self.samples).reshape(a.values.shape[1:])
        index = np.broadcast_to(np.expand_dims(numbers, axes), shape)
        return self.gather(a, IndexMap.of(index.ravel()), shape)

    def sum(self, a: Entries, axes: tuple[int, ...]) -> Entries:
        shape = a.values.shape[1:]
        rest = tuple(size for axis, size in enumerate(shape) if axis not in axes)
        index = np.broadcast_to(np.expand_dims(np.arange(math.prod(rest)).reshape(rest), axes), shape)
        return self.scatter(a, IndexMap.of(index.ravel()), rest)

    def gather(self, a: Entries, index: IndexMap, shape: Shape) -> Entries:
        old, new = a.values.size // self.samples, len(index.values)
        order, starts = _places_of(index, old)
        sample, entry = np.divmod(a.places, max(1, old))
        times = starts[entry + 1] - starts[entry]
        found = self._repeated(a, times)
        targets = order[runs(starts[entry], times)]
        values = a.values.reshape(self.samples, old)[:, index.values].reshape(self.samples, *shape)
        return replace(found, values=values, places=np.repeat(sample * new, times) + targets)

    def scatter(self, a: Entries, index: IndexMap, shape: Shape) -> Entries:
        old, new = len(index.values), math.prod(shape)
        values = self._numbers.scatter(a.values[None], index, shape)[0]
        sample, entry = np.divmod(a.places, max(1, old))
        return replace(a, values=values, places=sample * new + index.values[entry])

    def contract(self, plan: ContractionPlan, a: Entries, b: Entries) -> Entries:
        values = self._numbers.contract(plan, a.values[None], b.values[None])[0]
        left, right = self.permute(a, plan.left_axes), self.permute(b, plan.right_axes)
        (batch, rows, summed), columns = plan.left_matrix, plan.right_matrix[2]
        stack = self.samples * batch
        self._check(len(left.places) * columns + len(right.places) * rows)
        # Each derivative of a left entry (s, i, k) meets the right ones (s, k, j), and the other way round.
        s, i, k = np.unravel_index(left.places, (stack, rows, summed))
        first = self._met(left, (s * rows + i) * columns, 1, right.values.reshape(stack, summed, columns)[s, k])
        s, k, j = np.unravel_index(right.places, (stack, summed, columns))
        partners = left.values.reshape(stack, rows, summed)[s, :, k]
        second = self._met(right, s * rows * columns + j, columns, partners)
        product = self.add(first, second)
        product = replace(product, values=np.zeros((self.samples, *plan.product_shape), dtype=np.int64))
        return replace(self.permute(product, plan.output_axes), values=values)

    def _met(self, a: Entries, first: IntArray, step: int, partners: IntArray) -> Entries:
        """Each derivative times its partners (derivatives, count), at the places first, first + step, and so on."""
        which, number = np.nonzero(partners)
        slopes = a.slopes[which] * partners[which, number] % self.prime
        return Entries(_NO_VALUES, first[which] + step * number, a.columns[which], slopes)

    def _chain(self, a: Entries, values: IntArray, slopes: IntArray) -> Entries:
        return replace(a, values=values, slopes=a.slopes * slopes.ravel()[a.places] % self.prime)

    def _repeated(self, a: Entries, times: IntArray) -> Entries:
        self._check(int(times.sum()))
        return replace(a, columns=np.repeat(a.columns, times), slopes=np.repeat(a.slopes, times))

    def _check(self, count: int) -> None:
        if count > self.most:
            raise TooDenseError


@lru_cache(maxsize=1024)
def _places_of(index: IndexMap, size: int) -> tuple[IntArray, IntArray]:
    """The places at which each of so many numbers stands in an index, one after the other, and where each begins."""
    order = np.argsort(index.values, kind="stable")
    return order, np.searchsorted(index.values[order], np.arange(size + 1))
