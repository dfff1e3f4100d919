"""Every kernel on the same examples, and on random matrices against each other."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lielaws.engine.linalg import bridge, dense, lift_rows, rank
from lielaws.errors import InvalidArgumentError

IntArray = npt.NDArray[np.int64]
P = 2**31 - 1


def through(way: bridge.Elimination) -> Callable[[IntArray, int], int]:
    return lambda matrix, p: way(matrix, p)[1] if matrix.size else 0


def directly(matrix: IntArray, p: int) -> int:
    found = bridge.direct_elimination(bridge.find_library)
    if found is None:
        pytest.skip("FLINT's library is not found on this platform")
    return through(found)(matrix, p)


def in_integers(matrix: IntArray, p: int) -> int:
    """Gauss with Python's integers: the same without FLINT."""
    rows, found = [[int(entry) for entry in row] for row in matrix], 0
    for column in range(matrix.shape[1]):
        pivot = next((row for row in rows if row[column]), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        inverse = pow(pivot[column], -1, p)
        rows = [[(a - row[column] * inverse * b) % p for a, b in zip(row, pivot, strict=True)] for row in rows]
        found += 1
    return found


RANKS: dict[str, Callable[[IntArray, int], int]] = {
    "rank": rank,
    "lists": through(bridge.through_lists),
    "direct": directly,
    "rref": lambda matrix, p: len(dense.rref(matrix, p)[1]),
    "nullspace": lambda matrix, p: matrix.shape[1] - len(dense.nullspace(matrix, p)),
    "independent rows": lambda matrix, p: len(dense.independent_rows(matrix, p)),
    "integers": in_integers,
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
    assert rank(matrix, p) == rank(matrix.T, p)


@settings(deadline=None)
@given(matrices())
def test_reduced_form(drawn):
    matrix, p = drawn
    reduced, pivots = dense.rref(matrix, p)
    assert np.array_equal(reduced[:, pivots], np.eye(len(pivots), dtype=np.int64))
    assert all(not reduced[i, :j].any() for i, j in enumerate(pivots))
    assert rank(np.concatenate([matrix, reduced]), p) == len(pivots) == rank(matrix, p)


@settings(deadline=None)
@given(matrices())
def test_nullspace(drawn):
    matrix, p = drawn
    basis = dense.nullspace(matrix, p)
    assert basis.shape == (matrix.shape[1] - rank(matrix, p), matrix.shape[1])
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
    ranks = [rank(matrix[:i], p) for i in range(len(matrix) + 1)]
    assert kept == [i for i in range(len(matrix)) if ranks[i + 1] > ranks[i]]


@pytest.mark.parametrize("p", [0, 1, 2, 9, 2**31, 2**31 + 11, 2**61 - 1, -7])
def test_modulus_must_be_an_odd_prime_of_31_bits(p):
    matrix = np.ones((2, 2), dtype=np.int64)
    for kernel in (rank, dense.rref, dense.nullspace, dense.independent_rows):
        with pytest.raises(InvalidArgumentError, match="odd prime"):
            kernel(matrix, p)
