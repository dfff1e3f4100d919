"""The echelon form on centred float64 arrays: the ranks of FLINT, and of the echelon form on integers."""

from __future__ import annotations

import flint
import numpy as np
import pytest

from lielaws.engine.linalg import Echelon, modular
from lielaws.engine.linalg.centred import LARGEST_PRIME, CentredEchelon

PRIMES = (3, 101, LARGEST_PRIME)
SHAPES = ((1, 1), (5, 9), (40, 40), (90, 30), (30, 300), (600, 250), (700, 1500))


def of_rank(rng: np.random.Generator, shape: tuple[int, int], rank: int, p: int) -> np.ndarray:
    left = rng.integers(0, p, (shape[0], rank), dtype=np.int64)
    return modular.matmul(left, rng.integers(0, p, (rank, shape[1]), dtype=np.int64), p)


@pytest.mark.parametrize("p", PRIMES)
@pytest.mark.parametrize("shape", SHAPES)
def test_ranks_are_those_of_flint(shape: tuple[int, int], p: int) -> None:
    rng = np.random.default_rng(p)
    for rank in {0, 1, min(shape) // 2, min(shape)}:
        matrix = of_rank(rng, shape, rank, p) if rank else np.zeros(shape, dtype=np.int64)
        echelon = CentredEchelon(shape[1], p)
        kept = echelon.extend(matrix)
        true = flint.nmod_mat(*shape, matrix.ravel().tolist(), p).rank()
        assert echelon.rank == len(kept) == true
        block = matrix[np.sort(kept)][:, echelon.pivots]
        assert flint.nmod_mat(*block.shape, block.ravel().tolist(), p).rank() == true if true else not block.size
        assert echelon.contains(matrix).all()


def test_rows_that_come_a_few_at_a_time() -> None:
    rng, p = np.random.default_rng(0), LARGEST_PRIME
    matrix = of_rank(rng, (400, 300), 170, p)
    echelon, other = CentredEchelon(300, p), Echelon(300, p)
    for start, end in ((0, 1), (1, 4), (4, 4), (4, 90), (90, 91), (91, 400)):
        assert len(echelon.extend(matrix[start:end])) == len(other.extend(matrix[start:end]))
    assert echelon.rank == 170
    strange = rng.integers(0, p, (5, 300), dtype=np.int64)
    assert not echelon.contains(strange).any()


def test_entries_of_largest_size_stay_exact() -> None:
    """All entries are (p - 1) / 2 or (p + 1) / 2, whose products are as large as they can be."""
    p, rng = LARGEST_PRIME, np.random.default_rng(1)
    matrix = rng.integers(0, 2, (1100, 1100), dtype=np.int64) + (p - 1) // 2
    matrix[1050:] = matrix[:50] * 2 % p
    echelon = CentredEchelon(1100, p)
    echelon.extend(matrix)
    assert echelon.rank == Echelon(1100, p).extend(matrix).size


def test_columns_that_look_alike_are_no_trap() -> None:
    """Rows that differ where few columns are looked at first."""
    p, count, width = LARGEST_PRIME, 40, 4000
    matrix = np.zeros((count, width), dtype=np.int64)
    matrix[np.arange(count), 3 * np.arange(count) + 1] = 1
    echelon = CentredEchelon(width, p)
    assert len(echelon.extend(matrix)) == count


@pytest.mark.parametrize("terms", [1, 100, 128, 129, 5000])
def test_products_modulo_small_primes_are_exact(terms: int) -> None:
    p, rng = LARGEST_PRIME, np.random.default_rng(terms)
    a, b = rng.integers(p - 3, p, (40, terms)), rng.integers(p - 3, p, (terms, 60))
    exact = (a.astype(object) @ b.astype(object)) % p
    assert np.array_equal(modular.float_product(a, b, p), exact.astype(np.int64))
