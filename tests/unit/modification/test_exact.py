"""Ranks that floats would get wrong, and what is proved of them."""

from __future__ import annotations

import numpy as np
import pytest

from lielaws.errors import LieLawsError
from lielaws.modification import exact_matrices, exact_rank, spectral_bound, tolerant_rank


def test_ranks_that_singular_values_do_not_show() -> None:
    assert exact_rank(np.diag([1.0, 1e-200, 1e-300])).value == 3
    assert exact_rank(np.array([[1.0, 1.0], [1.0, np.nextafter(1.0, 2)]])).value == 2
    # 0.1 and 0.2 are floats with one factor 2 between them, 0.1 and 0.3 have no factor 3.
    assert exact_rank(np.array([[0.1, 0.2], [0.3, 0.6]])).value == 1
    assert exact_rank(np.array([[0.1, 0.3], [1.0, 3.0]])).value == 2


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (0, 3), (3, 0)])
def test_nothing_but_zeros(shape) -> None:
    assert exact_rank(np.zeros(shape)).value == 0


def test_a_deficient_rank_is_proved_by_many_primes_or_said_to_be_likely(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    matrix = rng.integers(-9, 10, (12, 4)) @ rng.integers(-9, 10, (4, 12)) * 0.25
    found = exact_rank(matrix)
    assert (found.value, found.proved) == (4, True)
    monkeypatch.setattr(exact_matrices, "_MOST_WORK", 0)
    found = exact_rank(matrix)
    assert (found.value, found.proved) == (4, False)
    assert exact_rank(rng.normal(size=(9, 9))).proved


def test_an_unlucky_prime_does_not_decide(monkeypatch) -> None:
    """The determinant is the first prime that is drawn: modulo it the rank is too small."""
    primes = iter([2**31 - 1, *[2147483629, 2147483587, 2147483579]])
    monkeypatch.setattr(exact_matrices, "random_prime", lambda rng: next(primes))
    assert exact_rank(np.diag([1.0, float(2**31 - 1)])).value == 2


def test_singular_values_at_the_tolerance_do_not_count() -> None:
    matrix = np.diag([3.0, 2.0, 1.0, 0.0])
    assert [tolerant_rank(matrix, t).value for t in (0.0, 0.5, 1.0, 2.0, np.nextafter(3.0, 0), 3.0)] == [
        3,
        3,
        2,
        1,
        1,
        0,
    ]
    assert tolerant_rank(matrix[:, :3] * 2.0**-200, 1.5 * 2.0**-200).value == 2
    with pytest.raises(LieLawsError, match="at most"):
        tolerant_rank(np.zeros((200, 200)), 0.1)


@pytest.mark.parametrize("scale", [1e-250, 1.0, 1e250])
def test_spectral_bounds_at_all_scales(scale) -> None:
    matrix = np.outer([1.0, 2.0, 2.0], [3.0, 4.0]) * scale
    assert 15 * scale * (1 - 1e-13) <= spectral_bound(matrix) <= 15 * scale * (1 + 1e-10)
    assert spectral_bound(np.zeros((3, 2))) == 0
    assert spectral_bound(np.eye(50)) == pytest.approx(1.0, rel=1e-10)
