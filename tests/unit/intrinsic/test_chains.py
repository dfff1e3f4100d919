"""Points of (relaxed) balanced chains."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lielaws.engine.arithmetic.modular import BadPrimeError
from lielaws.engine.linalg import random_prime
from lielaws.intrinsic.chains import Chain, random_chain, sample, strands


def chain(widths: tuple[int, ...], steps: tuple[int, ...], transposed: int = -1) -> Chain:
    tensors = tuple((f"U{k}", k == transposed) for k in range(len(widths) - 1))
    return Chain(tensors, widths, tuple(map(Fraction, steps)))


def matrices(made: Chain, point: dict[str, np.ndarray]) -> list[np.ndarray]:
    return [point[name].T if transposed else point[name] for name, transposed in made.tensors]


FEASIBLE = [
    ((2, 2, 2), (0,)),
    ((3, 2, 4), (5,)),
    ((3, 2, 4), (-5,)),
    ((2, 3, 2), (0,)),
    ((1, 3, 2, 2), (0, 0)),
    ((2, 2, 2, 2), (3, -7)),
    ((2, 2, 1), (-3,)),
    ((2, 3, 3, 2), (3, -3)),
    ((1, 2, 2), (3,)),
]


@pytest.mark.parametrize(("widths", "steps"), FEASIBLE)
def test_points_have_the_steps(widths: tuple[int, ...], steps: tuple[int, ...]) -> None:
    made, rng = chain(widths, steps, transposed=0), np.random.default_rng(0)
    found = strands(made)
    assert found is not None
    floats = matrices(made, random_chain(made, rng))
    for left, right, step in zip(floats, floats[1:], steps, strict=False):
        np.testing.assert_allclose(right.T @ right, left @ left.T + step * np.eye(len(left)), atol=1e-12)
    for _ in range(100):
        prime = random_prime(rng, with_roots=True)
        try:
            residues = matrices(made, sample(made, found, prime, rng))
        except BadPrimeError:
            continue
        exact = [matrix.astype(object) for matrix in residues]
        for left, right, step in zip(exact, exact[1:], steps, strict=False):
            assert not ((right.T @ right - left @ left.T - step * np.eye(len(left), dtype=int)) % prime).any()
        return
    raise AssertionError("no prime had the roots")


@pytest.mark.parametrize(
    ("widths", "steps"), [((2, 2, 1), (3,)), ((1, 2, 1), (1,)), ((1, 2, 1), (-1,)), ((2, 3, 3, 2), (3, 2))]
)
def test_impossible_steps_have_no_strands(widths: tuple[int, ...], steps: tuple[int, ...]) -> None:
    assert strands(chain(widths, steps)) is None
