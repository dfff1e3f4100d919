"""Proofs that matrices are not singular: never of one that may be, always of one that is far from it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lielaws.engine.linalg.nonsingular import Span, is_nonsingular, pivot_columns

sizes = st.integers(1, 24)
seeds = st.integers(0, 2**32)


def _singular(rng: np.random.Generator, n: int) -> np.ndarray:
    """A matrix of small integers with a rank below n, exactly."""
    rank = int(rng.integers(0, n))
    left = rng.integers(-3, 4, (n, rank))
    return (left @ rng.integers(-3, 4, (rank, n))).astype(np.float64)


@given(seed=seeds, n=sizes, spread=st.sampled_from([0, 20, 400]))
def test_no_singular_matrix_is_proved(seed, n, spread):
    rng = np.random.default_rng(seed)
    rows, columns = (rng.integers(-spread, spread + 1, n) for _ in range(2))
    matrix = np.ldexp(_singular(rng, n), rows[:, None] + columns)
    assert not is_nonsingular(matrix, np.zeros((n, n)))
    # The radii are such that the singular matrix is among those that are meant.
    noise = np.ldexp(rng.normal(size=(n, n)), rows[:, None] + columns) * rng.choice([1e-12, 1e-6, 1e-2, 1.0])
    assert not is_nonsingular(matrix + noise, np.abs(noise) * (1 + 1e-9) + np.abs(matrix + noise) * 1e-14)


@given(seed=seeds, n=sizes, spread=st.sampled_from([0, 20, 400]))
def test_well_conditioned_matrices_are_proved(seed, n, spread):
    rng = np.random.default_rng(seed)
    rows, columns = (rng.integers(-spread, spread + 1, n) for _ in range(2))
    matrix = rng.permutation(np.eye(n) * rng.uniform(1, 2, n) + rng.uniform(-0.5, 0.5, (n, n)) / n)
    mid = np.ldexp(matrix, rows[:, None] + columns)
    assert is_nonsingular(mid, np.zeros((n, n)))
    assert is_nonsingular(mid, np.abs(mid) * 1e-9)


def test_the_empty_matrix_is_not_singular():
    assert is_nonsingular(np.zeros((0, 0)), np.zeros((0, 0)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("radius", [False, True])
def test_what_is_not_finite_is_not_proved(value, radius):
    mid, rad = np.eye(3), np.zeros((3, 3))
    (rad if radius else mid)[1, 1] = value
    assert not is_nonsingular(mid, rad)


@pytest.mark.parametrize(("radius", "proved"), [(0.0, True), (0.3, True), (0.5, False), (2.0, False)])
def test_the_radius_decides(radius, proved):
    """[[1, r], [r, 1]] and its like within r of the identity are singular for r = 1/2 and above."""
    assert is_nonsingular(np.eye(2), np.full((2, 2), radius)) == proved


@pytest.mark.parametrize("power", [-1074, -1022, -1000, 1000, 1023])
def test_very_large_and_very_small_numbers(power):
    tiny = np.ldexp(np.array([[1.0, 2.0], [2.0, 4.0]]), power - 2 * (power > 0))
    assert not is_nonsingular(tiny, np.zeros((2, 2)))
    assert not is_nonsingular(np.diag([1.0, 0.0]), np.zeros((2, 2)))


def test_a_gap_of_one_rounding_error_is_not_proved():
    """Singular up to rounding: 1/3 three times is not what the floats say."""
    third = 1 / 3
    matrix = np.array([[third, 2 * third], [1.0, 2.0]])
    assert not is_nonsingular(matrix, np.full((2, 2), 2.0**-53))


@given(seed=seeds, rank=st.integers(0, 8))
def test_a_span_proposes_as_many_rows_as_there_are(seed, rank):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(20, rank)) @ rng.normal(size=(rank, 12))
    span = Span(12)
    kept = [*span.extend(rows[:10]), *(10 + span.extend(rows[10:]))]
    assert len(kept) == span.rank == rank
    assert np.linalg.matrix_rank(rows[kept]) == rank  # noqa: TID251  an independent oracle
    assert span.looks_dependent(rows, np.zeros_like(rows)).all()
    fresh = rng.normal(size=(3, 12))
    assert not span.looks_dependent(fresh, np.zeros_like(fresh)).any()
    # Rows with wide enclosures may be anything.
    assert not span.looks_dependent(rows[:1] + 1, np.full((1, 12), 10.0)).any()


def test_a_span_takes_at_most_as_many_rows_as_are_wanted():
    assert len(Span(5).extend(np.eye(5), 3)) == 3


@given(seed=seeds)
def test_pivot_columns_make_a_block_that_is_proved(seed):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(6, 15))
    columns = pivot_columns(rows)
    assert len(set(columns.tolist())) == 6
    assert is_nonsingular(rows[:, columns], np.zeros((6, 6)))
