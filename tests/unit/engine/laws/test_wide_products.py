"""Which products of two parameters may be in a law of a large sparse network."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

import lielaws
from lielaws.engine.closure import growth
from lielaws.engine.laws import wide_products
from lielaws.engine.linalg.centred import LARGEST_PRIME


def _factorization(
    rows: int, columns: int, rank: int, share: float, seed: int
) -> tuple[list[sympy.Symbol], list[sympy.Expr]]:
    rng = np.random.default_rng(seed)
    left, right = sympy.symbols(f"p0:{rows * rank}"), sympy.symbols(f"q0:{columns * rank}")
    seen = [
        (i, j) for i in range(rows) for j in range(columns) if rng.random() < share or i == j % rows or j == i % columns
    ]
    phi = [sympy.Add(*[left[i * rank + k] * right[j * rank + k] for k in range(rank)]) for i, j in seen]
    return [*left, *right], phi


def test_a_factorization_of_which_some_entries_are_seen_has_the_laws_of_all() -> None:
    # P^T P - Q^T Q (arXiv 2307.00144, section 4), for scalars: no Gram matrix is known beforehand.
    report = lielaws.discover_laws(_factorization(60, 50, 3, 0.3, 1))
    assert report.evidence.startswith("sparse brackets")
    assert report.complete
    assert len(report.laws) == 6
    assert report.search.tried == ("sums of powers of parameters", "products of parameters in wide blocks")
    assert lielaws.verify(report.certificate)
    p, q = sympy.symbols("p0:180"), sympy.symbols("q0:150")
    cross = sum(p[3 * i] * p[3 * i + 1] for i in range(60)) - sum(q[3 * j] * q[3 * j + 1] for j in range(50))
    assert report.contains(cross)
    assert not report.contains(cross + p[0] * p[1])


def test_the_same_laws_as_by_dense_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    question = _factorization(9, 8, 2, 0.5, 2)
    dense = lielaws.discover_laws(question)
    monkeypatch.setattr(growth, "LEAST_SPARSE", 0)
    sparse = lielaws.discover_laws(question)
    assert sparse.growth == dense.growth
    assert len(sparse.laws) == len(dense.laws) == 3
    assert all(dense.contains(law.expr) for law in sparse.laws)


def test_disjoint_sets_of_columns_are_counted() -> None:
    complement = np.array([[1, 0, 2, 0, 0, 0], [0, 1, 0, 3, 1, 0]])
    assert wide_products._sets_of_full_rank(complement, LARGEST_PRIME) == 2
    assert wide_products._sets_of_full_rank(np.ones((1, 5), dtype=np.int64), LARGEST_PRIME) == 5


def test_blocks_with_too_few_parameters_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.array([1, 1, 1, 2, 2], dtype=np.uint64)
    ones = np.ones((1, 5), dtype=np.int64)
    # Squares and products within {0, 1, 2} and {3, 4}; products between these have all five as well.
    every = wide_products.wide_products(labels, ones, LARGEST_PRIME).table
    assert every is not None
    assert every.count == 15
    other = np.array([1, 1, 1, 2, 4], dtype=np.uint64)
    within = wide_products.wide_products(other, ones, LARGEST_PRIME).table
    assert within is not None
    assert {tuple(row) for row in within.factors.tolist()} == {(a, b) for a in range(3) for b in range(a, 3)} | {
        (3, 3),
        (4, 4),
    }
    monkeypatch.setattr(wide_products, "_MOST_PAIRS", 3)
    assert wide_products.wide_products(labels, ones, LARGEST_PRIME).table is None
