"""The growing echelon form against ranks of the whole, however the rows are cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lielaws.engine.linalg import Echelon, dense, modular, rank

P = 2**31 - 1


def eliminated(matrix, p):
    return len(dense.rref(matrix, p)[1])


def independent(matrix, p):
    ranks = [eliminated(matrix[:i], p) for i in range(len(matrix) + 1)]
    return [i for i in range(len(matrix)) if ranks[i + 1] > ranks[i]]


def fill(matrix, p, lengths):
    echelon, kept, start = Echelon(matrix.shape[1], p), [], 0
    while start < len(matrix):
        length = lengths.pop() if lengths else len(matrix)
        kept += (start + echelon.extend(matrix[start : start + length])).tolist()
        start += length
        assert echelon.rank == len(kept)
    return echelon, kept


def test_example(example):
    echelon, kept = fill(example.matrix, example.p, [1, 2, 3])
    assert echelon.rank == example.rank
    assert kept == independent(example.matrix, example.p)
    assert echelon.contains(example.matrix).all()


@st.composite
def stacks(draw):
    p = draw(st.sampled_from([3, 7, P]))
    rows, columns = draw(st.integers(0, 14)), draw(st.integers(0, 10))
    entry = st.sampled_from([0, 0, 1, p - 1]) | st.integers(0, p - 1)
    entries = draw(st.lists(entry, min_size=rows * columns, max_size=rows * columns))
    lengths = draw(st.lists(st.integers(0, 5), max_size=8))
    return np.array(entries, dtype=np.int64).reshape(rows, columns), p, lengths


@settings(deadline=None)
@given(stacks())
def test_however_it_is_cut(drawn):
    matrix, p, lengths = drawn
    _, kept = fill(matrix, p, lengths)
    assert kept == independent(matrix, p)


@settings(deadline=None)
@given(stacks(), st.data())
def test_contains(drawn, data):
    matrix, p, lengths = drawn
    cut = data.draw(st.integers(0, len(matrix)))
    echelon, _ = fill(matrix[:cut], p, lengths)
    expected = [eliminated(np.vstack([matrix[:cut], row]), p) == echelon.rank for row in matrix]
    assert echelon.contains(matrix).tolist() == expected


def test_rows_are_left_as_they_are():
    rows = np.random.default_rng(0).integers(0, P, (5, 5))
    before = rows.copy()
    echelon = Echelon(5, P)
    echelon.extend(rows[:2])
    echelon.extend(rows)
    echelon.contains(rows)
    assert np.array_equal(rows, before)


@pytest.mark.parametrize("dimension", [0, 4])
def test_no_rows(dimension):
    echelon = Echelon(dimension, P)
    nothing = np.zeros((0, dimension), dtype=np.int64)
    assert echelon.extend(nothing).shape == (0,)
    assert echelon.contains(nothing).shape == (0,)
    assert (echelon.rank, echelon.dimension) == (0, dimension)


def test_dimension_zero():
    echelon = Echelon(0, P)
    assert echelon.extend(np.zeros((3, 0), dtype=np.int64)).shape == (0,)
    assert echelon.contains(np.zeros((3, 0), dtype=np.int64)).all()


def test_more_rows_than_a_chunk():
    rng = np.random.default_rng(1)
    base = rng.integers(0, P, (40, 60))
    rows = modular.matmul(rng.integers(0, P, (1300, 40)), base, P)
    rows[700] = 0
    rows[0] = 0
    assert Echelon(60, P).extend(rows).tolist() == list(range(1, 41))


@pytest.mark.parametrize("shape", [(1300, 60), (60, 1300), (700, 600)])
def test_rank_of_more_rows_than_a_chunk(shape):
    rng = np.random.default_rng(2)
    low = modular.matmul(rng.integers(0, P, (shape[0], 50)), rng.integers(0, P, (50, shape[1])), P)
    full = rng.integers(0, P, shape)
    assert rank(low, P) == eliminated(low, P) == 50
    assert rank(full, P) == eliminated(full, P) == min(shape)
