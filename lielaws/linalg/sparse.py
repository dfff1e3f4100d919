"""Rank of a sparse matrix modulo a prime, in three stages of growing cost.

Singletons are peeled off in time linear in the entries; for gradients of single paths that is nearly everything. What
is left falls into connected components, each of which is eliminated while it stays sparse and then handed to FLINT.
Components come after the peel, as it splits them further.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, sparray
from scipy.sparse.csgraph import connected_components

from lielaws.linalg.bridge import check_modulus
from lielaws.linalg.echelon import rank_by_chunks
from lielaws.linalg.markowitz import eliminate
from lielaws.linalg.peel import peel

IntArray = npt.NDArray[np.int64]
Triplets = tuple[IntArray, IntArray, IntArray, tuple[int, int]]

_CHUNK_ENTRIES = 1 << 22


def rank(matrix: sparray | Triplets, p: int) -> int:
    """The rank of a scipy sparse array, or of (rows, columns, values, shape); repeated positions are added up."""
    check_modulus(p)
    core, found = peel(canonical(matrix, p))
    return found + sum(_component_rank(part, p) for part in components(core))


def canonical(matrix: sparray | Triplets, p: int) -> csr_array:
    """Entries in [1, p), one at each stored position."""
    if isinstance(matrix, tuple):
        rows, columns, values, shape = matrix
        result = csr_array((np.asarray(values) % p, (rows, columns)), shape=shape)
    else:
        result = csr_array(matrix, copy=True)
        result.data %= p
    # Values below 2^31: up to 2^32 of them may be added up at one position.
    result.sum_duplicates()
    result.data %= p
    result.eliminate_zeros()
    return result


def components(matrix: csr_array) -> Iterator[csr_array]:
    """The diagonal blocks that the matrix falls into when its lines are sorted; empty lines are left out."""
    entries = matrix.tocoo()
    n_rows = matrix.shape[0]
    size = sum(matrix.shape)
    graph = csr_array((np.ones(matrix.nnz, dtype=np.int8), (entries.row, n_rows + entries.col)), shape=(size, size))
    count, labels = connected_components(graph, directed=False)
    rows, row_starts = _positions(labels[:n_rows], count)
    columns, column_starts = _positions(labels[n_rows:], count)
    owner = labels[entries.row]
    order = np.argsort(owner, kind="stable")
    ends = np.cumsum(np.bincount(owner, minlength=count))
    local = (rows[entries.row] - row_starts[owner])[order], (columns[entries.col] - column_starts[owner])[order]
    data = entries.data[order]
    for k in np.flatnonzero(np.diff(ends, prepend=0)):
        part = slice(ends[k - 1] if k else 0, ends[k])
        shape = (row_starts[k + 1] - row_starts[k], column_starts[k + 1] - column_starts[k])
        yield csr_array((data[part], (local[0][part], local[1][part])), shape=shape)


def _positions(labels: IntArray, count: int) -> tuple[IntArray, IntArray]:
    """Where each line goes when lines are sorted by label, and where each label starts."""
    positions = np.empty(len(labels), dtype=np.int64)
    positions[np.argsort(labels, kind="stable")] = np.arange(len(labels))
    return positions, np.concatenate([[0], np.cumsum(np.bincount(labels, minlength=count))])


def _component_rank(matrix: csr_array, p: int) -> int:
    core, found = eliminate(matrix, p)
    if core.shape[0] < core.shape[1]:
        core = core.T.tocsr()
    return found + rank_by_chunks(_dense_chunks(core), core.shape[1], p)


def _dense_chunks(matrix: csr_array) -> Iterator[IntArray]:
    height = max(_CHUNK_ENTRIES // max(matrix.shape[1], 1), 1)
    return (matrix[start : start + height].toarray() for start in range(0, matrix.shape[0], height))
