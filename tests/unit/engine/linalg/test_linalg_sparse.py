"""The stages of the sparse kernel, and the choice between the kernels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import block_diag, coo_array, csr_array, random_array

from lielaws.engine.linalg import choose_kernel, dense, sparse
from lielaws.engine.linalg.choice import rank as chosen_rank
from lielaws.engine.linalg.markowitz import eliminate
from lielaws.engine.linalg.peel import peel

P = 2**31 - 1


def chain(size, rng):
    """Bidiagonal, so that the peel finds one singleton at a time."""
    i = np.arange(size)
    rows, columns = np.concatenate([i, i[1:]]), np.concatenate([i, i[1:] - 1])
    return rng.permutation(size)[rows], columns, rng.integers(1, P, 2 * size - 1), (size, size)


def path_gradients(width, layers, paths, rng):
    """Gradients of single paths through a network: one entry a layer."""
    nodes = rng.integers(0, width, (paths, layers + 1))
    columns = width * width * np.arange(layers) + width * nodes[:, :-1] + nodes[:, 1:]
    rows = np.repeat(np.arange(paths), layers)
    return rows, columns.ravel(), rng.integers(1, P, paths * layers), (paths, layers * width * width)


def random_sparse(rows, columns, per_row, rng):
    sample = random_array((rows, columns), density=per_row / columns, rng=rng)
    sample.data = rng.integers(1, P, sample.nnz)
    return sample.astype(np.int64).tocsr()


@pytest.mark.parametrize("per_row", [1, 2, 3, 6, 20])
@pytest.mark.parametrize("shape", [(150, 150), (300, 150), (150, 300)])
def test_random(shape, per_row):
    matrix = random_sparse(*shape, per_row, np.random.default_rng([*shape, per_row]))
    assert sparse.rank(matrix, P) == dense.rank(matrix.toarray(), P)


@pytest.mark.parametrize("layers", [2, 3, 4])
def test_paths(layers):
    rng = np.random.default_rng(layers)
    rows, columns, values, shape = path_gradients(6, layers, 250, rng)
    matrix = csr_array((values, (rows, columns)), shape=shape)
    assert sparse.rank((rows, columns, values, shape), P) == dense.rank(matrix.toarray(), P)


def test_chain_is_peeled_whole():
    rng = np.random.default_rng(0)
    core, found = peel(sparse.canonical(chain(1000, rng), P))
    assert (core.nnz, found) == (0, 1000)


def test_peel_takes_columns_and_rows():
    matrix = np.zeros((6, 6), dtype=np.int64)
    matrix[:2, :2] = [[1, 2], [3, 4]]
    matrix[2, 1:5] = 7
    matrix[3:, 5] = 9
    core, found = peel(csr_array(matrix))
    assert found == 2
    assert core.toarray()[:, :2].tolist()[:2] == [[1, 2], [3, 4]]


def test_peel_of_wide_fronts():
    rng = np.random.default_rng(1)
    size = 400
    matrix = np.eye(size, 3 * size, dtype=np.int64) + np.eye(size, 3 * size, 1, dtype=np.int64)
    matrix[:, size + 1 :] = rng.integers(0, 2, (size, 2 * size - 1)) * (rng.random((size, 1)) < 0.5)
    core, found = peel(csr_array(matrix))
    assert found + dense.rank(core.toarray(), P) == size


def test_repeated_and_cancelling_entries():
    rows, columns = np.array([0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 0])
    values = np.array([P - 1, 1, 4, 5, 0])
    assert sparse.rank((rows, columns, values, (2, 2)), P) == 1
    assert sparse.rank(coo_array((values, (rows, columns)), shape=(2, 2)), P) == 1


def test_stored_zeros():
    matrix = csr_array((np.array([0, 3]), (np.array([0, 1]), np.array([0, 1]))), shape=(2, 2))
    assert sparse.rank(matrix, P) == 1
    assert matrix.nnz == 2


def test_components():
    blocks = [np.array([[1, 1], [1, 1]]), np.array([[1, 2, 3]]), np.array([[5], [6]])]
    rng = np.random.default_rng(2)
    matrix = csr_array(block_diag(blocks, format="csr"))[rng.permutation(5)][:, rng.permutation(6)]
    parts = list(sparse.components(csr_array(matrix)))
    assert sorted(part.shape for part in parts) == [(1, 3), (2, 1), (2, 2)]
    assert sorted(sorted(part.values.tolist()) for part in parts) == [[1, 1, 1, 1], [1, 2, 3], [5, 6]]


def test_empty_lines_belong_to_no_component():
    assert list(sparse.components(csr_array((3, 4), dtype=np.int64))) == []


@pytest.mark.parametrize("per_row", [3, 5])
def test_markowitz_keeps_the_rank(per_row):
    matrix = random_sparse(400, 350, per_row, np.random.default_rng(per_row))
    core, found = eliminate(matrix, P)
    assert found > 0
    assert core.nnz == np.count_nonzero(core.toarray())
    assert found + dense.rank(core.toarray(), P) == dense.rank(matrix.toarray(), P)


def test_markowitz_with_cancellation():
    """Over F_3 updates hit zero often."""
    rng = np.random.default_rng(5)
    matrix = csr_array(rng.integers(1, 3, (300, 200)) * (rng.random((300, 200)) < 0.02))
    core, found = eliminate(matrix, 3)
    assert found + dense.rank(core.toarray(), 3) == dense.rank(matrix.toarray(), 3)


@pytest.mark.parametrize("make", [chain, lambda n, rng: path_gradients(300, 4, n // 2, rng)])
def test_a_million_entries(make):
    matrix = make(500_000, np.random.default_rng(6))
    core, found = peel(sparse.canonical(matrix, P))
    assert found > 200_000
    assert core.nnz == 0 or found < 500_000


@pytest.mark.parametrize(
    ("rows", "columns", "nonzero", "kernel"),
    [
        (10, 10, 10, "dense"),
        (350, 350, 350 * 350, "dense"),
        (3000, 3000, 3000 * 3000, "dense"),
        (3000, 3000, 9000, "sparse"),
        (10**6, 10**6, 4 * 10**6, "sparse"),
        (0, 0, 0, "dense"),
        (10**6, 0, 0, "dense"),
    ],
)
def test_choice(rows, columns, nonzero, kernel):
    assert choose_kernel(rows, columns, nonzero) == kernel


def test_large_dense_matrices_go_by_chunks():
    rng = np.random.default_rng(7)
    matrix = np.kron(np.eye(110, dtype=np.int64), rng.integers(1, P, (10, 1)))
    matrix = np.concatenate([matrix, matrix * 2 % P, np.zeros((1100, 1000), dtype=np.int64)], axis=1)
    assert chosen_rank(matrix, P) == chosen_rank(matrix.T, P) == 110
