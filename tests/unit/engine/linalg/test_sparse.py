"""The sparse echelon form against the dense one, and how small its core is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from lielaws.engine.linalg import CentredEchelon
from lielaws.engine.linalg.centred import LARGEST_PRIME
from lielaws.engine.linalg.sparse import SparseEchelon, peel

P = LARGEST_PRIME


def _random(rng: np.random.Generator, rows: int, columns: int, entries: int, bound: int) -> np.ndarray:
    """Rows with a few entries each, some of them in blocks that rows share."""
    found = np.zeros((rows, columns), dtype=np.int64)
    width = int(rng.integers(1, 5))
    for row in found:
        chosen = rng.integers(0, columns, entries)
        if rng.random() < 0.5:
            chosen = (chosen[:1] // width * width + np.arange(width)) % columns
        row[chosen] = rng.integers(1, bound, len(chosen))
    return found


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    rows=st.integers(0, 50),
    columns=st.integers(1, 40),
    entries=st.integers(1, 4),
    # Small entries make many dependent rows and singular blocks.
    bound=st.sampled_from([2, 3, P]),
)
def test_all_answers_are_those_of_the_dense_kernel(
    seed: int, rows: int, columns: int, entries: int, bound: int
) -> None:
    rng = np.random.default_rng(seed)
    matrix = _random(rng, rows, columns, entries, bound)
    found, dense = SparseEchelon(sparse.csr_array(matrix), P), CentredEchelon(columns, P)
    dense.extend(matrix)
    assert found.rank == dense.rank == len(found.kept)
    assert len(CentredEchelon(columns, P).extend(matrix[found.kept])) == found.rank
    others = rng.integers(0, P, (3, columns))
    others[0] = rng.integers(0, 5, rows) @ matrix % P
    assert (found.contains(others) == dense.contains(others)).all()
    assert (found.extend(others) == dense.extend(others)).all()
    assert found.rank == dense.rank == len(np.unique(found.pivots))
    complement = found.complement()
    assert complement.shape == (columns - found.rank, columns)
    assert not (np.concatenate([matrix, others]) @ complement.T % P).any()
    assert len(CentredEchelon(columns, P).extend(complement)) == len(complement)
    assert (CentredEchelon(columns, P).complement() == np.eye(columns)).all()


def test_each_column_is_told_by_earlier_ones_and_the_core() -> None:
    rng = np.random.default_rng(5)
    matrix = sparse.csr_array(_random(rng, 400, 200, 3, P))
    peeling = peel(matrix, P)
    known = set(peeling.core.tolist())
    assert sorted([*peeling.core, *peeling.columns]) == list(range(200))
    for stage in peeling.stages:
        for rows, columns in zip(stage.rows, stage.columns, strict=True):
            for row in rows:
                assert set(matrix[[row]].indices.tolist()) <= known | set(columns.tolist())
        known |= set(stage.columns.ravel().tolist())


def test_the_core_of_random_monomials_and_of_a_factorization_is_small() -> None:
    rng = np.random.default_rng(0)
    places = rng.integers(0, 5000, (10_000, 3))
    values = rng.integers(1, P, places.size)
    monomials = sparse.coo_array((values, (np.repeat(np.arange(10_000), 3), places.ravel())), shape=(10_000, 5000))
    assert len(peel(monomials.tocsr(), P).core) < 250
    users, items = np.nonzero(rng.random((80, 60)) < 0.2)
    columns = np.concatenate([users[:, None] * 4 + np.arange(4), (80 + items[:, None]) * 4 + np.arange(4)], axis=1)
    triples = (rng.integers(1, P, columns.size), (np.repeat(np.arange(len(users)), 8), columns.ravel()))
    assert len(peel(sparse.coo_array(triples, shape=(len(users), 560)).tocsr(), P).core) < 80


def test_larger_primes_are_refused() -> None:
    # Products of residues would be rounded, and ranks too large.
    with pytest.raises(ValueError, match="too large a prime"):
        SparseEchelon(sparse.csr_array(np.eye(3, dtype=np.int64)), 2**31 - 1)
    with pytest.raises(ValueError, match="too large a prime"):
        CentredEchelon(3, 2**31 - 1)
