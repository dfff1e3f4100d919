"""Proof that a polynomial is a law: <grad h, X_z> = 0 identically in theta and z.

Small identities are expanded over Q. Others are evaluated at random points modulo primes drawn after the law was
fixed. The identity times a common denominator has integer coefficients of size at most H and degree at most d. If it
were not zero, a random prime between 2^(b-1) and 2^b that is 3 modulo 4 (there are more than 2^(b-1) / (3 b)) would
divide all its coefficients with probability at most log2(H) / (b - 1) over that number, and otherwise a random point
modulo the prime would be a zero with probability at most d / 2^(b-1) (Schwartz and Zippel). Rounds are repeated until
the bound is below 2^-100; b is 31, and more where that would take too many.

With m square roots, points lie on a variety of degree at most the product of the degrees of the equations s^2 = q, and
2^-m of all points have one above them (up to lower order in the prime); the bound is multiplied accordingly.

Each reciprocal 1/q counts as a variable first. Multiplying by powers of the q gives a polynomial: degree and log2(H)
grow by at most d times the sums of the degrees and of the log2 norms of the q, once a level of nesting. Points where a
q vanishes are drawn again, which at most doubles the bound as long as that happens to less than half of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lielaws.engine.flows.exact import FieldBounds
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.families import Family
from lielaws.engine.laws.terms import TermTable

ERROR_EXPONENT = 100
# Products of residues below 2^31 fit in words; the larger sizes cost Python integers.
_BITS = (31, 61, 127, 255, 511)
_MOST_ROUNDS = 64


@dataclass(frozen=True, slots=True)
class Verification:
    """How laws were verified.

    method : "expansion" or "evaluation"
    error_log2 : log2 of the bound on the probability that a listed law is none; -inf for an expansion
    """

    method: str
    error_log2: float
    rounds: int = 0


def verified(
    laws: Sequence[Polynomial], family: Family, rng: np.random.Generator
) -> tuple[list[Polynomial], Verification]:
    """The laws among the given polynomials, and how that was decided."""
    expansion = family.expansion(sum(len(law.terms) for law in laws))
    if expansion is not None:
        return [law for law in laws if expansion.annihilates(law.terms)], Verification("expansion", -math.inf)
    remaining = list(laws)
    rounds = 0
    error = 0.0
    bits = enough_bits(lambda bits: round_error(laws, family, bits))
    while remaining and rounds < _MOST_ROUNDS:
        table = TermTable.of(remaining, family.space.dimension)
        prime = family.prime(rng, bits)
        points, values = family.proof(rng, prime)
        if not len(points):
            continue
        zero = ~table.derivatives(points, values, prime).any(axis=0)
        remaining = [law for law, keep in zip(remaining, np.atleast_1d(zero), strict=True) if keep]
        rounds += 1
        error = math.log2(max(1, len(laws))) + rounds * round_error(laws, family, bits)
        if error < -ERROR_EXPONENT:
            return remaining, Verification("evaluation", error, rounds)
    return [], Verification("evaluation", min(error, 0.0), rounds)


def enough_bits(error: Callable[[int], float]) -> int:
    """The smallest size of primes of which some ten rounds are enough, or the largest there is."""
    return next((bits for bits in _BITS if error(bits) < -ERROR_EXPONENT / 10), _BITS[-1])


def round_error(laws: Sequence[Polynomial], family: Family, bits: int) -> float:
    """log2 of the probability that one round does not see that the identity of a law fails."""
    bounds = family.bounds
    degree = bounds.degree + max(law.degree for law in laws) - 1
    norm = bounds.log_norm + max(math.log2(sum(abs(c) for _, c in law.terms)) + math.log2(law.degree) for law in laws)
    return min(0.0, evaluation_error(replace(bounds, degree=degree, log_norm=norm), bits) + family.doubling)


def evaluation_error(identity: FieldBounds, bits: int) -> float:
    """log2 of the probability that one evaluation of an identity with these bounds is zero although it fails.

    Never above zero; a degree near the prime leaves nothing to conclude from an evaluation.
    """
    degree, norm, doubling = float(identity.degree), identity.log_norm, identity.log_roots
    for level in identity.inverted:
        norm += degree * level.log_norm
        degree += degree * level.degree
    doubling += 1.0 if identity.inverted else 0.0
    divided = max(norm, 1.0) / (bits - 1) * 3 * bits
    return min(0.0, doubling + math.log2(divided + degree) - (bits - 1))
