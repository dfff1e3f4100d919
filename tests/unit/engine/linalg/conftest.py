"""One table of matrices with known ranks, run by every kernel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

IntArray = npt.NDArray[np.int64]

BIG = 2**31 - 1
MIDDLE = 1_073_741_827


@dataclass(frozen=True, slots=True)
class Example:
    name: str
    matrix: IntArray
    p: int
    rank: int


def product(a: IntArray, b: IntArray, p: int) -> IntArray:
    """The product in Python integers."""
    exact = a.astype(object) @ b.astype(object) if a.shape[-1] else np.zeros((len(a), b.shape[1]), dtype=object)
    return (exact % p).astype(np.int64)


def staircase(size: int, p: int) -> IntArray:
    """A unit lower triangular matrix with large entries, its rows in reverse."""
    rng = np.random.default_rng(size)
    return (np.tril(rng.integers(0, p, (size, size)), -1) + np.eye(size, dtype=np.int64))[::-1].copy()


def of_rank(rows: int, columns: int, rank: int, p: int) -> IntArray:
    """Not random in its rank: both factors contain an identity block."""
    rng = np.random.default_rng([rows, columns, rank])
    left, right = rng.integers(0, p, (rows, rank)), rng.integers(0, p, (rank, columns))
    left[rows - rank :] = np.eye(rank, dtype=np.int64)
    right[:, ::-1][:, :rank] = np.eye(rank, dtype=np.int64)
    return product(left, right, p)


def incidence(vertices: int, p: int) -> IntArray:
    """Edges of a cycle, +1 and -1: the rank is one less than the number of vertices."""
    eye = np.eye(vertices, dtype=np.int64)
    return (eye - np.roll(eye, 1, axis=1)) % p


def vandermonde(size: int, p: int) -> IntArray:
    return np.array([[pow(x, k, p) for k in range(size)] for x in range(1, size + 1)], dtype=np.int64)


def zeros(*shape: int) -> IntArray:
    return np.zeros(shape, dtype=np.int64)


EXAMPLES = [
    Example("no rows", zeros(0, 5), BIG, 0),
    Example("no columns", zeros(5, 0), BIG, 0),
    Example("nothing", zeros(0, 0), BIG, 0),
    Example("zero", zeros(4, 6), BIG, 0),
    Example("zero by one", zeros(1, 1), BIG, 0),
    Example("largest entry", np.array([[BIG - 1]]), BIG, 1),
    Example("largest entries", np.full((6, 4), BIG - 1), BIG, 1),
    Example("a row", np.array([[0, 0, 3, 1]]), BIG, 1),
    Example("a column", np.array([[0], [0], [5]]), MIDDLE, 1),
    Example("singular modulo 7 only", np.array([[1, 2], [3, 13 % 7]]), 7, 1),
    Example("the same elsewhere", np.array([[1, 2], [3, 13]]), BIG, 2),
    Example("all ones modulo 3", np.ones((5, 5), dtype=np.int64), 3, 1),
    Example("permutation", np.eye(40, dtype=np.int64)[::-1].copy(), BIG, 40),
    Example("staircase", staircase(33, BIG), BIG, 33),
    Example("cycle", incidence(25, BIG), BIG, 24),
    Example("Vandermonde", vandermonde(20, MIDDLE), MIDDLE, 20),
    Example("tall", of_rank(70, 9, 5, BIG), BIG, 5),
    Example("wide", of_rank(9, 70, 5, BIG), BIG, 5),
    Example("square, half rank", of_rank(48, 48, 24, MIDDLE), MIDDLE, 24),
    Example("square, corank one", of_rank(65, 65, 64, BIG), BIG, 64),
    Example("zero columns between", np.kron(of_rank(12, 8, 6, BIG), np.array([[0, 1, 0]])), BIG, 6),
    Example("two blocks", np.kron(np.eye(2, dtype=np.int64), of_rank(10, 14, 4, BIG)), BIG, 8),
    Example("larger", of_rank(180, 150, 101, BIG), BIG, 101),
]


@pytest.fixture(params=EXAMPLES, ids=lambda example: example.name)
def example(request: pytest.FixtureRequest) -> Example:
    found: Example = request.param
    return found
