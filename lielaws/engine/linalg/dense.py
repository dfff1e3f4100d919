"""Dense kernels: FLINT's blocked elimination.

Every kernel takes (matrix, p) with entries in [0, p) and p an odd prime below 2^31; other moduli are refused, as FLINT
aborts the process on some of them. Matrices without rows or columns never reach FLINT.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.engine.linalg.bridge import elimination
from lielaws.engine.linalg.primes import is_prime
from lielaws.errors import InvalidArgumentError


@lru_cache(maxsize=256)
def _check_modulus(p: int) -> None:
    if not (2 < p < 2**31 and is_prime(p)):
        raise InvalidArgumentError("p", p, "must be an odd prime below 2^31")


def rref(matrix: IntArray, p: int) -> tuple[IntArray, IntArray]:
    """The nonzero rows of the reduced row echelon form, and their pivot columns."""
    _check_modulus(p)
    if not matrix.size:
        return np.zeros((0, matrix.shape[1]), dtype=np.int64), np.zeros(0, dtype=np.int64)
    reduced, found = elimination()(matrix, p)
    reduced = reduced[:found]
    return reduced, (reduced != 0).argmax(axis=1).astype(np.int64, copy=False)


def nullspace(matrix: IntArray, p: int) -> IntArray:
    """A basis of { c : matrix @ c = 0 }, one vector a row, in reduced row echelon form.

    That form depends on the space alone, so residues modulo several primes belong together.
    """
    columns = matrix.shape[1]
    # With the columns reversed, pivots are rightmost: each vector starts at its free column and is zero at the others.
    reduced, pivots = rref(matrix[:, ::-1], p)
    reduced, pivots = reduced[:, ::-1], columns - 1 - pivots
    is_free = np.ones(columns, dtype=np.bool_)
    is_free[pivots] = False
    free = np.flatnonzero(is_free)
    basis = np.zeros((len(free), columns), dtype=np.int64)
    basis[np.arange(len(free)), free] = 1
    basis[:, pivots] = -reduced[:, free].T % p
    return basis


def independent_rows(matrix: IntArray, p: int) -> IntArray:
    """The rows that are not in the span of the rows before them."""
    return rref(matrix.T, p)[1]
