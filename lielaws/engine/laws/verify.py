"""Proof that a polynomial is a law: <grad h, X_z> = 0 identically in theta and z.

Small identities are expanded over Q. Others are evaluated at random points modulo primes drawn after the law was fixed.
The members are N / D with one denominator D, so that <grad h, X_z> = 0 if and only if <grad h, N> = 0: a polynomial
with integer coefficients, of degree at most d, in leaves and in values of functions, which are free. Let H bound the
sum of the absolute values of its coefficients. If it were not zero, a random prime between 2^(b-1) and 2^b that is 3
modulo 4 (there are more than 2^(b-1) / (3 b)) would divide all its coefficients with probability at most log2(H) / (b -
1) over that number, and otherwise a random point modulo the prime would be a zero with probability at most d / 2^(b-1)
(Schwartz and Zippel). Rounds are repeated until the bound is below 2^-100; b is 31, and more where that would take too
many.

Values of functions are drawn for residues of arguments: equal for equal ones. That is as free as it has to be unless
two arguments agree by accident. Where they do, a polynomial is zero that is no zero polynomial; degrees and log2 norms
of all these, one for each pair of arguments of one kind, are added to d and log2(H).

Points where a denominator vanishes are drawn again, which at most doubles the bound as long as that happens to less
than half of them. Roots that are no free values, but such that r^2 = q, have 2^n choices of signs if there are n of
them, and exist at 2^-n of all points (up to lower order in the prime) if they are independent: the product over all
choices is a polynomial without roots, of 2^n times the degree and height.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lielaws.engine.flows.exact import FieldBounds
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.proof_families import Family
from lielaws.engine.laws.terms import TermTable

ERROR_EXPONENT = 100
# Products of residues below 2^31 fit in words; the larger sizes cost Python integers, so that many rounds are better.
_BITS = {31: 40, 61: 10, 127: 10, 255: 10, 511: 10}
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
    """The smallest size of primes of which as many rounds are enough as it is fast for, or the largest there is."""
    return next((bits for bits, rounds in _BITS.items() if error(bits) < -ERROR_EXPONENT / rounds), max(_BITS))


def round_error(laws: Sequence[Polynomial], family: Family, bits: int) -> float:
    """log2 of the probability that one round does not see that the identity of a law fails."""
    bounds = family.bounds
    degree = bounds.degree + max(law.degree for law in laws) - 1
    norm = bounds.log_norm + max(math.log2(sum(abs(c) for _, c in law.terms)) + math.log2(law.degree) for law in laws)
    # The scalar product adds as many terms as there are coordinates.
    norm += math.log2(family.space.dimension)
    return evaluation_error(replace(bounds, degree=degree, log_norm=norm), bits)


def evaluation_error(identity: FieldBounds, bits: int) -> float:
    """log2 of the probability that one evaluation of an identity with these bounds is zero although it fails.

    Never above zero; a degree near the prime leaves nothing to conclude from an evaluation.
    """
    degree = identity.degree + identity.coincidences[0]
    norm = identity.log_norm + identity.coincidences[1]
    redrawn = 1.0 if identity.below_degree or identity.coincidences[0] else 0.0
    divided = max(norm, 1.0) / (bits - 1) * 3 * bits
    return min(0.0, identity.log_roots + redrawn + math.log2(divided + degree) - (bits - 1))
