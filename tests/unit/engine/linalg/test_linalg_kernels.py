"""Every kernel on the same examples, and on random matrices against each other."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array, csr_array

from lielaws.engine.linalg import bridge, choice, dense, echelon, lift_rows, sparse
from lielaws.engine.linalg.blas import find_pivots
from lielaws.engine.linalg.blas import rank as blas_rank
from lielaws.errors import InvalidArgumentError

IntArray = npt.NDArray[np.int64]
P = 2**31 - 1


def through(route: bridge.Route) -> Callable[[IntArray, int], int]:
    def rank(matrix: IntArray, p: int) -> int:
        return route.rank(matrix, p) if matrix.size else 0

    return rank


def by_triplets(matrix: IntArray, p: int) -> int:
    rows, columns = np.nonzero(matrix)
    return sparse.rank((rows, columns, matrix[rows, columns], matrix.shape), p)


def direct() -> bridge.DirectRoute:
    found = bridge.direct_route(bridge.find_library)
    if found is None:
        pytest.skip("no direct route on this platform")
    return found


def in_one_piece(matrix: IntArray, p: int) -> int:
    return through(direct())(matrix, p)


def row_by_row(matrix: IntArray, p: int) -> int:
    route = direct()
    route.keeps_rows_in_place = False
    return through(route)(matrix, p)


RANKS: dict[str, Callable[[IntArray, int], int]] = {
    "dense": dense.rank,
    "lists": through(bridge.ListRoute()),
    "direct": in_one_piece,
    "direct, row by row": row_by_row,
    "rref": lambda matrix, p: len(dense.rref(matrix, p)[1]),
    "nullspace": lambda matrix, p: matrix.shape[1] - len(dense.nullspace(matrix, p)),
    "independent rows": lambda matrix, p: len(dense.independent_rows(matrix, p)),
    "blas": blas_rank,
    "sparse": lambda matrix, p: sparse.rank(csr_array(matrix), p),
    "sparse triplets": by_triplets,
    "chosen for dense": choice.rank,
    "chosen for sparse": lambda matrix, p: choice.rank(coo_array(matrix), p),
    "chunks": lambda matrix, p: echelon.rank_by_chunks([matrix[:3], matrix[3:]], matrix.shape[1], p),
}


@pytest.mark.parametrize("kernel", RANKS)
def test_rank_of_example(kernel, example):
    assert RANKS[kernel](example.matrix, example.p) == example.rank


@pytest.mark.parametrize("kernel", RANKS)
def test_rank_of_transposed_example(kernel, example):
    assert RANKS[kernel](example.matrix.T, example.p) == example.rank


@pytest.mark.parametrize("kernel", RANKS)
def test_arguments_are_left_as_they_are(kernel, example):
    before = example.matrix.copy()
    RANKS[kernel](example.matrix, example.p)
    assert np.array_equal(before, example.matrix)


@st.composite
def matrices(draw, largest=12):
    """Entries that are often zero or equal or extreme, so that ranks are often deficient."""
    p = draw(st.sampled_from([3, 7, 65537, P]))
    rows, columns = draw(st.integers(0, largest)), draw(st.integers(0, largest))
    entry = st.sampled_from([0, 0, 0, 1, 2, p - 1, p // 2]) | st.integers(0, p - 1)
    entries = draw(st.lists(entry, min_size=rows * columns, max_size=rows * columns))
    return np.array(entries, dtype=np.int64).reshape(rows, columns), p


@settings(deadline=None)
@given(matrices())
def test_all_kernels_agree(drawn):
    matrix, p = drawn
    assert len({kernel(matrix, p) for kernel in RANKS.values()}) == 1


@settings(deadline=None)
@given(matrices())
def test_rank_of_transpose(drawn):
    matrix, p = drawn
    assert dense.rank(matrix, p) == dense.rank(matrix.T, p)


@settings(deadline=None)
@given(matrices())
def test_reduced_form(drawn):
    matrix, p = drawn
    reduced, pivots = dense.rref(matrix, p)
    assert np.array_equal(reduced[:, pivots], np.eye(len(pivots), dtype=np.int64))
    assert all(not reduced[i, :j].any() for i, j in enumerate(pivots))
    assert dense.rank(np.concatenate([matrix, reduced]), p) == len(pivots) == dense.rank(matrix, p)


@settings(deadline=None)
@given(matrices())
def test_nullspace(drawn):
    matrix, p = drawn
    basis = dense.nullspace(matrix, p)
    assert basis.shape == (matrix.shape[1] - dense.rank(matrix, p), matrix.shape[1])
    assert not (matrix.astype(object) @ basis.T.astype(object) % p).any()
    assert np.array_equal(dense.rref(basis, p)[0], basis)


def test_nullspace_is_the_same_for_every_prime():
    matrix = np.array([[1, 1, 0, 2], [0, 1, 1, 1]])
    half = Fraction(1, 2)
    for p in (P, 65537, 101):
        assert lift_rows(dense.nullspace(matrix, p), p) == [[1, 0, half, -half], [0, 1, -half, -half]]


def test_nullspace_without_equations_is_everything():
    assert np.array_equal(dense.nullspace(np.zeros((0, 3), dtype=np.int64), P), np.eye(3, dtype=np.int64))


@settings(deadline=None)
@given(matrices())
def test_independent_rows_come_first(drawn):
    matrix, p = drawn
    kept = dense.independent_rows(matrix, p).tolist()
    ranks = [dense.rank(matrix[:i], p) for i in range(len(matrix) + 1)]
    assert kept == [i for i in range(len(matrix)) if ranks[i + 1] > ranks[i]]


@settings(deadline=None)
@given(matrices())
def test_pivots_of_blas_and_flint(drawn):
    matrix, p = drawn
    pivots = find_pivots(matrix, p)
    assert np.array_equal(pivots.columns, dense.rref(matrix, p)[1])
    block = matrix[np.ix_(pivots.rows, pivots.columns)]
    identity = block.astype(object) @ pivots.inverse.astype(object) % p
    assert np.array_equal(identity, np.eye(len(block), dtype=object))


@pytest.mark.parametrize("p", [0, 1, 2, 9, 2**31, 2**31 + 11, 2**61 - 1, -7])
def test_modulus_must_be_an_odd_prime_of_31_bits(p):
    matrix = np.ones((2, 2), dtype=np.int64)
    for kernel in (dense.rank, dense.rref, dense.nullspace):
        with pytest.raises(InvalidArgumentError, match="odd prime"):
            kernel(matrix, p)
    with pytest.raises(InvalidArgumentError, match="odd prime"):
        sparse.rank(csr_array(matrix), p)
