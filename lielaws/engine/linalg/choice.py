"""Which kernel computes a rank.

Dense costs about 2 ns an entry to fill in and 0.13 ns an entry and pivot to eliminate. Sparse costs about 0.15 us a
nonzero, and falls back on a dense core for what it cannot peel off, so it may at worst cost that much on top. It is
taken where that is less than the dense elimination would cost; and only below one nonzero in ten, since above
elimination fills the matrix within a few steps. Where a dense matrix would not fit in memory, sparse it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from lielaws.engine.linalg import dense
from lielaws.engine.linalg.echelon import rank_by_chunks

if TYPE_CHECKING:
    from scipy.sparse import sparray

IntArray = npt.NDArray[np.int64]

Kernel = Literal["dense", "sparse"]

_FILL = 2.0
_ELIMINATE = 0.13
_NONZERO = 150.0
_SPARSE_OVERHEAD = 500_000.0
_DENSEST_SPARSE = 0.1
_LARGEST_DENSE = 1 << 27
_LARGEST_IN_ONE = 1024


def choose_kernel(n_rows: int, n_columns: int, n_nonzero: int) -> Kernel:
    """The kernel that is expected to be faster, from sizes alone."""
    size = n_rows * n_columns
    if size > _LARGEST_DENSE:
        return "sparse"
    if n_nonzero > _DENSEST_SPARSE * size:
        return "dense"
    dense_time = size * (_FILL + _ELIMINATE * min(n_rows, n_columns))
    return "sparse" if _SPARSE_OVERHEAD + _NONZERO * n_nonzero < dense_time else "dense"


def rank(matrix: IntArray | sparray, p: int) -> int:
    """The rank modulo an odd prime below 2^31, of entries in [0, p)."""
    if isinstance(matrix, np.ndarray):
        return dense_rank(matrix, p)
    # scipy.sparse takes 0.1 s to import, so only who passes a sparse matrix pays for it.
    from lielaws.engine.linalg import sparse

    n_rows, n_columns = matrix.shape
    if choose_kernel(n_rows, n_columns, matrix.nnz) == "sparse":
        return sparse.rank(matrix, p)
    return dense_rank(sparse.canonical(matrix, p).toarray(), p)


def dense_rank(matrix: IntArray, p: int) -> int:
    """In one piece while FLINT is fastest; by chunks of rows where products on BLAS gain more than that."""
    if min(matrix.shape) <= _LARGEST_IN_ONE:
        return dense.rank(matrix, p)
    rows = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    return rank_by_chunks([rows], rows.shape[1], p)
