"""Rank of a sparse matrix modulo a prime, in three stages of growing cost.

Singletons are peeled off in time linear in the entries; for gradients of single paths that is nearly everything. What
is left falls into connected components, each of which is eliminated while it stays sparse and then handed to FLINT.
Components come after the peel, as it splits them further.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, sparray
from scipy.sparse.csgraph import connected_components

from lielaws.engine.linalg import dense
from lielaws.engine.linalg.bridge import check_modulus
from lielaws.engine.linalg.echelon import rank_by_chunks
from lielaws.engine.linalg.markowitz import eliminate
from lielaws.engine.linalg.peel import peel

IntArray = npt.NDArray[np.int64]
Triplets = tuple[IntArray, IntArray, IntArray, tuple[int, int]]

_SMALL = 1 << 14
_CHUNK_ENTRIES = 1 << 22


class Component(NamedTuple):
    """A diagonal block by its entries; there may be a hundred thousand of them, so nothing heavier."""

    rows: IntArray
    columns: IntArray
    values: IntArray
    shape: tuple[int, int]


def rank(matrix: sparray | Triplets, p: int) -> int:
    """The rank of a scipy sparse array, or of (rows, columns, values, shape); repeated positions are added up."""
    check_modulus(p)
    core, found = peel(canonical(matrix, p))
    return found + sum(_component_rank(part, p) for part in components(core))


def canonical(matrix: sparray | Triplets, p: int) -> csr_array:
    """Entries in [1, p), one at each stored position."""
    if isinstance(matrix, tuple):
        rows, columns, values, shape = matrix
        result = csr_array((np.asarray(values, dtype=np.int64) % p, (rows, columns)), shape=shape)
    else:
        result = csr_array(matrix, dtype=np.int64, copy=True)
        result.data %= p
    # Values below 2^31: up to 2^32 of them may be added up at one position.
    result.sum_duplicates()
    result.data %= p
    result.eliminate_zeros()
    return result


def components(matrix: csr_array) -> Iterator[Component]:
    """The diagonal blocks that the matrix falls into when its lines are sorted; empty lines are left out."""
    entries = matrix.tocoo()
    n_rows, n_columns = matrix.shape
    size = n_rows + n_columns
    graph = csr_array((np.ones(matrix.nnz, dtype=np.int8), (entries.row, n_rows + entries.col)), shape=(size, size))
    count, labels = connected_components(graph, directed=False)
    rows, heights = _positions(labels[:n_rows], count)
    columns, widths = _positions(labels[n_rows:], count)
    owner = labels[entries.row]
    order = np.argsort(owner, kind="stable")
    rows, columns, values = rows[entries.row[order]], columns[entries.col[order]], entries.data[order]
    start = 0
    for height, width, length in zip(heights, widths, np.bincount(owner, minlength=count).tolist(), strict=True):
        part = slice(start, start + length)
        if length:
            yield Component(rows[part], columns[part], values[part], (height, width))
        start += length


def _positions(labels: IntArray, count: int) -> tuple[IntArray, list[int]]:
    """The place of each line among those with its label, and the number of lines of each label."""
    lengths = np.bincount(labels, minlength=count)
    order = np.argsort(labels, kind="stable")
    places = np.empty(len(labels), dtype=np.int64)
    places[order] = np.arange(len(labels)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return places, lengths.tolist()


def _component_rank(part: Component, p: int) -> int:
    if part.shape[0] * part.shape[1] <= _SMALL:
        block = np.zeros(part.shape, dtype=np.int64)
        block[part.rows, part.columns] = part.values
        return dense.rank(block, p)
    matrix = csr_array((part.values, (part.rows, part.columns)), shape=part.shape)
    core, found = eliminate(matrix, p)
    if core.shape[0] < core.shape[1]:
        core = core.T.tocsr()
    return found + rank_by_chunks(_dense_chunks(core), core.shape[1], p)


def _dense_chunks(matrix: csr_array) -> Iterator[IntArray]:
    height = max(_CHUNK_ENTRIES // max(matrix.shape[1], 1), 1)
    return (matrix[start : start + height].toarray() for start in range(0, matrix.shape[0], height))
