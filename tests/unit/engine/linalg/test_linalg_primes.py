from __future__ import annotations

import numpy as np
import pytest

from lielaws.engine.linalg import EXPLORATION_PRIME, is_prime, random_prime
from lielaws.errors import InvalidArgumentError


@pytest.mark.parametrize("n", [2, 3, 5, 2**31 - 1, 2**61 - 1, EXPLORATION_PRIME])
def test_primes(n):
    assert is_prime(n)


@pytest.mark.parametrize("n", [-7, 0, 1, 4, 561, 3215031751, 3825123056546413051, (2**31 - 1) ** 2])
def test_composites(n):
    assert not is_prime(n)


def test_random_primes_lie_in_the_interval():
    rng = np.random.default_rng(0)
    drawn = {random_prime(rng) for _ in range(50)}
    assert len(drawn) == 50
    assert all(2**30 <= p < 2**31 and is_prime(p) for p in drawn)


def test_every_prime_of_the_interval_is_drawn():
    rng = np.random.default_rng(1)
    assert {random_prime(rng, below=30, above=3) for _ in range(300)} == {3, 5, 7, 11, 13, 17, 19, 23, 29}


def test_large_interval():
    p = random_prime(np.random.default_rng(2), below=2**63, above=2**62)
    assert 2**62 <= p < 2**63


def test_primes_beyond_words():
    p = random_prime(np.random.default_rng(2), below=2**127, above=2**126, with_roots=True)
    assert 2**126 <= p < 2**127
    assert p % 4 == 3
    assert is_prime(p)


def test_draws_depend_on_the_generator_alone():
    assert random_prime(np.random.default_rng(3)) == random_prime(np.random.default_rng(3))


@pytest.mark.parametrize(("above", "below"), [(24, 28), (10, 10), (10, 5), (-5, 10)])
def test_intervals_without_primes(above, below):
    with pytest.raises(InvalidArgumentError, match="below"):
        random_prime(np.random.default_rng(4), below=below, above=above)
