"""Primes for modular arithmetic: one fixed for exploration, fresh ones for verification.

Fresh, because a wrong law may vanish modulo any prime that was known when it was written down.
"""

from __future__ import annotations

import flint
import numpy as np

from lielaws.errors import InvalidArgumentError

EXPLORATION_PRIME = 2**31 - 1

_WORD = 2**63
_DRAWS_PER_BIT = 64


def is_prime(n: int) -> bool:
    """Proven, not only probable."""
    return n > 1 and bool(flint.fmpz(n).is_prime())


def random_prime(rng: np.random.Generator, below: int = 2**31, above: int = 2**30, *, with_roots: bool = False) -> int:
    """Uniform among the primes p with above <= p < below, by rejection.

    with_roots : only those that are 3 modulo 4, where q -> q^((p+1)/4) is a multiplicative square root
    """
    if not 0 <= above < below:
        raise InvalidArgumentError("below", below, f"must lie above {above}")
    # Where primes have their usual density 1 / (bits log 2), all draws miss with probability below e^-92.
    for _ in range(_DRAWS_PER_BIT * below.bit_length()):
        candidate = above + _below(rng, below - above)
        if (candidate % 4 == 3 or not with_roots) and is_prime(candidate):
            return candidate
    raise InvalidArgumentError("below", below, f"found no prime between {above} and it; widen the interval")


def _below(rng: np.random.Generator, bound: int) -> int:
    if bound <= _WORD:
        return int(rng.integers(bound))
    return int.from_bytes(rng.bytes((bound.bit_length() + 71) // 8)) % bound
