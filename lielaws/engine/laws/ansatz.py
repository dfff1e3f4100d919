"""Spaces of candidate laws, cheap and structured first, general last.

The structured ones cover every law of the literature with few unknowns: single entries, products with velocities, Gram
matrices of parameter tensors along their axes, then squares and products of slices. The graded one is all monomials up
to a degree. Blocks are the connected parts under sign symmetries (see `characters`). Where time belongs to the state,
each space is multiplied by the powers of the time coordinate that the grading of the flow allows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, combinations, combinations_with_replacement, product

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lielaws.arraytypes import IntArray
from lielaws.engine.flows.state import StateSpace
from lielaws.engine.laws.terms import TermTable

Labels = npt.NDArray[np.uint64]

_LARGEST_GRAM = 400
_MOST_TERMS = 3 * 10**6


@dataclass(frozen=True, slots=True)
class Ansatz:
    """Candidates whose linear combinations are tried, and what they are called in a report.

    table : None if they are too many
    is_full : whether they are all polynomials of the degree
    """

    name: str
    degree: int
    table: TermTable | None
    is_full: bool = False


def structured(space: StateSpace, max_degree: int) -> Iterator[Ansatz]:
    """Candidates of the forms that laws mostly have, in stages, without time."""
    yield _build("single parameters", 1, space, [np.arange(space.start, space.dimension).reshape(-1, 1, 1)])
    if max_degree >= 2:
        if space.velocities:
            pairs = [(space.indices(name), space.indices(v)) for v, name in space.velocities.items()]
            sliced = [(_slices(theta, axes), _slices(v, axes)) for theta, v in pairs for axes in _single_axes(theta)]
            parts = [part for pair in sliced for part in _products(*pair)]
            yield _build("products of parameters and velocities", 2, space, parts)
        tensors = [space.indices(name) for name in space.tensors]
        grams = [_gram(_slices(indices, axes)) for indices in tensors for axes in _single_axes(indices)]
        yield _build("Gram matrices", 2, space, grams)
        yield _build("squares and products of slices", 2, space, _squares(space) + _crosses(space))


def graded(space: StateSpace, max_degree: int) -> Iterator[Ansatz]:
    """All polynomials, degree by degree, without time."""
    for degree in range(1, max_degree + 1):
        yield Ansatz(f"all polynomials of degree {degree}", degree, _all_monomials(space, degree), is_full=True)


def _all_monomials(space: StateSpace, degree: int) -> TermTable | None:
    """All monomials of degree 1 to `degree`; None if they are too many."""
    size = space.dimension - space.start
    count = math.comb(size + degree, degree) - 1
    if count * degree > _MOST_TERMS:
        return None
    # The padding coordinate stands for 1, so monomials of lower degree are included; the last row is the constant.
    multisets = combinations_with_replacement(range(space.start, space.dimension + 1), degree)
    rows = np.fromiter(chain.from_iterable(multisets), dtype=np.int64).reshape(-1, degree)[:-1]
    return TermTable(space.dimension, rows, np.ones(len(rows), dtype=np.int64), np.arange(len(rows)))


def timed(table: TermTable, degree: int, space: StateSpace) -> Iterator[TermTable]:
    """The candidates times powers of the time coordinate, one for each weight; as they are where time is none."""
    if space.clock is None:
        yield table
        return
    degrees = (table.factors < space.dimension).sum(axis=1)
    velocities = space.is_velocity[table.factors].sum(axis=1)
    for weight in space.clock.weights(degree):
        powers = weight + space.clock.by_degree * degrees + space.clock.by_velocity * velocities
        # A candidate needs all of its terms.
        allowed = np.ones(table.count, dtype=np.bool_)
        np.logical_and.at(allowed, table.owners, powers >= 0)
        if allowed.any():
            part, powers = table.select(np.flatnonzero(allowed)), powers[allowed[table.owners]]
            times = np.where(np.arange(powers.max()) < powers[:, None], 0, table.dimension)
            # Sorted, so that equal monomials are equal rows.
            yield replace(part, factors=np.sort(np.concatenate([times, part.factors], axis=1), axis=1))


def blocks(table: TermTable, labels: Labels) -> list[IntArray]:
    """The candidates in groups that share no character, smallest group first, each in ascending order."""
    padded = np.append(labels, np.uint64(0))
    codes = np.bitwise_xor.reduce(padded[table.factors], axis=1)
    _, column = np.unique(codes, return_inverse=True)
    count = table.count
    size = count + int(column.max()) + 1
    edges = coo_array((np.ones(len(column), dtype=np.int8), (table.owners, column + count)), shape=(size, size))
    _, part = connected_components(edges, directed=False)
    order = np.argsort(part[:count], kind="stable")
    cuts = np.flatnonzero(np.diff(part[:count][order])) + 1
    return sorted(np.split(order, cuts), key=lambda group: (len(group), int(group[0])))


def _build(name: str, degree: int, space: StateSpace, parts: list[IntArray]) -> Ansatz:
    """A table from parts of shape (candidates, terms of each, factors of each)."""
    parts = [*parts, np.zeros((0, 1, 1), dtype=np.int64)]
    width = max(part.shape[2] for part in parts)
    lengths = np.concatenate([np.full(len(part), part.shape[1]) for part in parts])
    flat = [np.sort(part.reshape(-1, part.shape[2])) for part in parts]
    padded = [np.pad(f, ((0, 0), (0, width - f.shape[1])), constant_values=space.dimension) for f in flat]
    owners = np.repeat(np.arange(len(lengths)), lengths)
    ones = np.ones(len(owners), dtype=np.int64)
    return Ansatz(name, degree, TermTable(space.dimension, np.concatenate(padded), ones, owners))


def _slices(indices: IntArray, axes: tuple[int, ...]) -> IntArray:
    """The coordinates as (slices along the axes, entries of each slice)."""
    moved = np.moveaxis(indices, axes, tuple(range(len(axes))))
    return moved.reshape(math.prod(moved.shape[: len(axes)]), -1)


def _products(left: IntArray, right: IntArray) -> list[IntArray]:
    """The inner products of each slice of one tensor with each of another, unless they are too many."""
    if len(left) * len(right) > _LARGEST_GRAM**2 // 2:
        return []
    pairs = np.broadcast_arrays(left[:, None], right[None])
    return [np.stack(pairs, axis=-1).reshape(-1, left.shape[1], 2)]


def _gram(slices: IntArray) -> IntArray:
    """The inner products of all slices of a tensor, or their squares alone if they are too many."""
    few = len(slices) <= _LARGEST_GRAM
    left, right = np.triu_indices(len(slices)) if few else (np.arange(len(slices)),) * 2
    return np.stack([slices[left], slices[right]], axis=-1)


def _single_axes(indices: IntArray) -> list[tuple[int, ...]]:
    """Along which axes a tensor is cut in slices: each alone, and none, for the whole of it.

    Finer candidates come first: where some depend on others, the later ones are dropped.
    """
    return [*((axis,) for axis in range(indices.ndim)), ()]


def _squares(space: StateSpace) -> list[IntArray]:
    """Squares of single entries, and Gram matrices over two axes of tensors with three or more."""
    every = np.arange(space.start, space.dimension)
    parts = [np.stack([every, every], axis=-1)[:, None, :]]
    for name, shape in space.tensors.items():
        pairs = combinations(range(len(shape)), 2) if len(shape) > 2 else ()
        parts += [_gram(_slices(space.indices(name), axes)) for axes in pairs]
    return parts


def _crosses(space: StateSpace) -> list[IntArray]:
    """Products of slices of two different tensors, wherever the slices have the same shape."""
    parts = []
    for a, b in combinations(map(space.indices, space.tensors), 2):
        for axis, other in product(range(a.ndim), range(b.ndim)):
            same = np.delete(a.shape, axis).tolist() == np.delete(b.shape, other).tolist()
            if same and not a.ndim == b.ndim == 1:
                parts += _products(_slices(a, (axis,)), _slices(b, (other,)))
        if a.shape == b.shape and a.ndim > 0:
            parts += _products(_slices(a, ()), _slices(b, ()))
    return parts
