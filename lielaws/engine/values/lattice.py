"""Lattices of exponents: which products of exponentials are equal, and a free basis of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import flint
import numpy as np
import numpy.typing as npt

from lielaws.engine.linalg import dense, integer_row, lift_rows, short_basis
from lielaws.errors import ExactnessError

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Quotient:
    """Coordinates on Z^n adapted to a saturated sublattice N: x -> (top @ x, bottom @ x).

    bottom : (n - rank, n), vanishes exactly on N; its values are the coordinates of Z^n / N
    top : (rank, n); basis : (n, rank), basis vectors of N with coordinates top @ basis = 1
    """

    top: npt.NDArray[np.object_]
    bottom: npt.NDArray[np.object_]
    basis: npt.NDArray[np.object_]


def relations(values: IntArray, p: int) -> list[list[int]]:
    """A basis of all integer relations between the columns, from their values at random points modulo p.

    The relations over Q are small in practice; one that cannot be lifted is refused.
    """
    basis = dense.nullspace(values, p)
    lifted = lift_rows(basis.tolist(), p)
    if lifted is None:
        raise ExactnessError("exponents are related by unusual rational numbers; this cannot be resolved exactly")
    return short_basis([integer_row(row) for row in lifted])


def check_relations(rows: Sequence[Sequence[int]], values: IntArray, p: int) -> None:
    """Refuse relations that fail at fresh points modulo another prime."""
    for row in rows:
        total = sum((int(entry) % p * values[:, k] % p for k, entry in enumerate(row) if entry), start=np.int64(0))
        if np.any(total % p):
            raise ExactnessError("a relation between exponents could not be confirmed; this cannot be resolved exactly")


def quotient(rows: Sequence[Sequence[int]], size: int) -> Quotient:
    """The coordinates for the saturated lattice that the rows span.

    The Hermite form U (N^T | 1) = (H | U) gives a unimodular U whose last rows vanish on N.
    """
    rank = len(rows)
    identity = np.eye(size, dtype=object)
    if not rank:
        return Quotient(identity[:0], identity, identity[:, :0])
    joined = [[int(row[k]) for row in rows] + [int(k == j) for j in range(size)] for k in range(size)]
    hermite = flint.fmpz_mat(joined).hnf()
    unimodular = [[int(hermite[k, rank + j]) for j in range(size)] for k in range(size)]
    inverse = flint.fmpz_mat(unimodular).inv()
    basis = [[int(inverse[k, j].p) for j in range(rank)] for k in range(size)]
    matrix = _objects(unimodular)
    return Quotient(matrix[:rank], matrix[rank:], _objects(basis))


def _objects(rows: list[list[int]]) -> npt.NDArray[np.object_]:
    array = np.empty((len(rows), len(rows[0]) if rows else 0), dtype=object)
    for k, row in enumerate(rows):
        array[k] = row
    return array
