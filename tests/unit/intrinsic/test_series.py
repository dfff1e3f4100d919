"""Truncated power series modulo a prime."""

from __future__ import annotations

import numpy as np
import pytest

from lielaws.engine.linalg import rank
from lielaws.intrinsic.series import inverse, matmul, multiply, series_rank

P = 2**31 - 1


def polynomial_product(a: np.ndarray, b: np.ndarray) -> list[int]:
    order = len(a)
    return [sum(int(a[k]) * int(b[n - k]) for k in range(n + 1)) % P for n in range(order)]


def test_multiply_is_the_truncated_product() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, P, (3, 1, 6)), rng.integers(0, P, (1, 4, 6))
    product = multiply(a, b, P)
    assert product.shape == (3, 4, 6)
    for i, j in np.ndindex(3, 4):
        assert product[i, j].tolist() == polynomial_product(a[i, 0], b[0, j])


def test_inverse_times_the_series_is_one() -> None:
    a = np.random.default_rng(1).integers(1, P, 7)
    assert multiply(a, inverse(a, P), P).tolist() == [1, 0, 0, 0, 0, 0, 0]


def test_one_coefficient_is_a_rank_of_residues() -> None:
    rng = np.random.default_rng(2)
    low = rng.integers(0, 5, (6, 3)) @ rng.integers(0, 5, (3, 7))
    assert series_rank(low[:, :, None], P) == rank(low % P, P) == 3


@pytest.mark.parametrize("valuations", [(0, 0, 1), (0, 2, 5), (1, 1, 1), (0, 3, 7)])
def test_rank_sees_every_elementary_divisor_below_the_order(valuations: tuple[int, ...]) -> None:
    order, rng = 6, np.random.default_rng(3)
    diagonal = np.zeros((5, 4, order), dtype=np.int64)
    for k, valuation in enumerate(valuations):
        if valuation < order:
            diagonal[k, k, valuation] = 1
    # Invertible over the power series: the constant terms of random matrices are.
    left, right = rng.integers(0, P, (5, 5, order)), rng.integers(0, P, (4, 4, order))
    mixed = matmul(matmul(left, diagonal, P), right, P)
    assert series_rank(mixed, P) == sum(valuation < order for valuation in valuations)


def test_rank_of_nothing() -> None:
    assert series_rank(np.zeros((0, 4, 3), dtype=np.int64), P) == 0
    assert series_rank(np.zeros((3, 4, 3), dtype=np.int64), P) == 0
