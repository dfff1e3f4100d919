"""Whether phi are the entries of a product of the parameter matrices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import product as pairs_of

import numpy as np
import numpy.typing as npt

from lielaws.engine.flows.state import StateSpace
from lielaws.engine.laws.polynomial import Monomial
from lielaws.intrinsic.phi_derivatives import Terms

_LONGEST = 8
_MOST_ORDERS = 500

Tensors = tuple[tuple[str, bool], ...]
Shapes = Mapping[str, tuple[int, ...]]


def product_of(functions: Sequence[Terms], space: StateSpace) -> tuple[Tensors, npt.NDArray[np.int64]] | None:
    """The matrices in the order in which they are applied (name, whether transposed), and where each entry is in z."""
    shapes = space.shapes
    if len(shapes) < 2 or len(shapes) > _LONGEST or any(len(shape) != 2 for shape in shapes.values()):
        return None
    known = {frozenset(terms): place for place, terms in enumerate(functions)}
    if len(known) < len(functions) or any(value != 1 for terms in functions for value in terms.values()):
        return None
    degree, size = len(shapes), len(functions[0])
    if any(len(terms) != size or any(len(monomial) != degree for monomial in terms) for terms in functions):
        return None
    orders = [tensors for tensors, _ in zip(_orders(shapes), range(_MOST_ORDERS), strict=False)]
    for tensors in sorted(orders, key=lambda order: sum(transposed for _, transposed in order)):
        places = _match(tensors, known, space)
        if places is not None:
            return tensors, places
    return None


def _orders(shapes: Shapes) -> Iterator[Tensors]:
    """All ways to chain the matrices so that their shapes fit."""

    def extend(chosen: Tensors, width: int | None) -> Iterator[Tensors]:
        if len(chosen) == len(shapes):
            yield chosen
            return
        used = {name for name, _ in chosen}
        for name, transposed in pairs_of(shapes, (False, True)):
            out, into = shapes[name][::-1] if transposed else shapes[name]
            if name not in used and width in (None, into):
                yield from extend((*chosen, (name, transposed)), out)

    yield from extend((), None)


def _match(
    tensors: Tensors, known: Mapping[frozenset[Monomial], int], space: StateSpace
) -> npt.NDArray[np.int64] | None:
    matrices = [space.indices(name).T if transposed else space.indices(name) for name, transposed in tensors]
    rows, columns = matrices[-1].shape[0], matrices[0].shape[1]
    if rows * columns != len(known):
        return None
    places = np.zeros((rows, columns), dtype=np.int64)
    for i, j in np.ndindex(rows, columns):
        place = known.get(_entry(matrices, i, j))
        if place is None:
            return None
        places[i, j] = place
    return places


def _entry(matrices: Sequence[npt.NDArray[np.int64]], i: int, j: int) -> frozenset[Monomial]:
    """The monomials of one entry of the product: one for each path from input j to output i."""
    start: list[list[Monomial]] = [[(int(entry),)] for entry in matrices[0][:, j]]
    if len(matrices) == 1:
        return frozenset(start[i])

    def step(paths: list[list[Monomial]], matrix: npt.NDArray[np.int64]) -> list[list[Monomial]]:
        return [
            [(*path, int(entry)) for entry, through in zip(row, paths, strict=True) for path in through]
            for row in matrix
        ]

    inner = reduce(step, matrices[1:-1], start)
    (paths,) = step(inner, matrices[-1][i : i + 1])
    return frozenset(tuple(sorted(path)) for path in paths)
