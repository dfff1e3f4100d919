"""Proof that a polynomial, or a rational function, is a law: <grad h, X_z> = 0 identically in theta and z.

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
than half of them.

Roots that are no free values, but such that r^2 = q, have 2^n choices of signs if there are n of them. Where these are
conjugate, the product of a polynomial over all of them is a polynomial g without roots, of 2^n times the degree and
height. Where so many choices at one point are zeros, g has a zero of that multiplicity, and the multiplicities of all
points modulo p add up to at most deg(g) p^(N-1) for N variables (the lemma of Schwartz and Zippel with multiplicities,
Dvir, Kopparty, Saraf and Sudan, arXiv 0901.2529). So a random point with random signs is a zero with probability at
most d / p, and one of the points that are drawn until one has all roots is, with as many times that probability: of
several points with roots all are, with a power of that. Where they may not be conjugate, all choices are made at one
point, and so are those of each set of conjugate ones. A prime is bad if it divides all coefficients of the polynomial
with r^2 replaced by q, which costs no factor for the signs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.engine.arithmetic.modular import retried
from lielaws.engine.flows.fields import VectorFields
from lielaws.engine.flows.heights import FieldBounds
from lielaws.engine.laws.expressions import StateFunction, as_polynomial
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.proof_families import Family, families
from lielaws.engine.laws.refutation import changing
from lielaws.engine.laws.terms import TermTable
from lielaws.errors import ExactnessError

ERROR_EXPONENT = 100
# How many rounds to allow before larger primes are taken. Products of residues below 2^31 fit in words; the larger ones
# cost Python integers, of whatever size, so that few rounds are better there.
_BITS = {31: 40, 61: 2, 127: 2, 255: 2, 511: 10}
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
    """The laws among the given polynomials, and how that was decided.

    Raises ExactnessError if there are no points to evaluate at.
    """
    expansion = family.fields.expansion(sum(len(law.terms) for law in laws))
    if expansion is not None:
        return [law for law in laws if expansion.annihilates(law.terms)], Verification("expansion", -math.inf)
    # A derivative by one coordinate has at most `degree` times the coefficients.
    norm = max(math.log2(sum(abs(c) for _, c in law.terms)) + math.log2(law.degree) for law in laws)
    gradient = FieldBounds(max(law.degree for law in laws) - 1, norm)
    rounds = plan_rounds(identity_bounds(gradient, family), len(laws))
    if rounds is None:
        return [], Verification("evaluation", 0.0)
    remaining = list(laws)
    for _ in range(rounds.count):
        if remaining:
            prime, points, values = draw_proof(family, rng, rounds.bits)
            table = TermTable.of(remaining, family.fields.space.dimension)
            zero = (table.derivatives(points, values, prime) == 0).all(axis=0)
            remaining = [law for law, keep in zip(remaining, zero.tolist(), strict=True) if keep]
    return remaining, Verification("evaluation", rounds.error_log2, rounds.count)


def identity_holds(function: StateFunction, fields: VectorFields, rng: np.random.Generator) -> bool:
    """Whether <grad h, X_z> = 0 identically. "No" is certain, "yes" has error probability below 2^-100.

    Raises ExactnessError if neither can be decided.
    """
    if any(_is_proved(function, family, rng) for family in families(fields)):
        return True
    if fields.rational and fields.generic:
        return False
    if changing(function.enclosed_gradients, fields, rng).any():
        return False
    raise ExactnessError(f"{function.expression}: whether it is conserved could neither be proved nor refuted")


def _is_proved(function: StateFunction, family: Family, rng: np.random.Generator) -> bool:
    rounds = plan_rounds(identity_bounds(function.bounds, family))
    message = f"a denominator of {function.expression} vanishes at every point that was tried"

    def vanishes(bits: int) -> bool:
        prime, points, values = draw_proof(family, rng, bits)
        return not ((function.gradients(points, prime) * values % prime).sum(axis=1) % prime).any()

    # Where one family has no values, another one may.
    with suppress(ExactnessError):
        if rounds and all(retried(partial(vanishes, rounds.bits), message) for _ in range(rounds.count)):
            return True
    # A law may need gates to be 0 or 1: powers of gates are equal in an expansion.
    if family.fields.expansion(1) is None or (polynomial := as_polynomial(function)) is None:
        return False
    expansion = family.fields.expansion(len(polynomial.terms))
    return expansion is not None and expansion.annihilates(polynomial.terms)


@dataclass(frozen=True, slots=True)
class Rounds:
    """How many evaluations modulo primes of how many bits show that identities hold, and log2 of the error."""

    count: int
    bits: int
    error_log2: float


def plan_rounds(identity: FieldBounds, number: int = 1) -> Rounds | None:
    """Enough rounds for a number of identities with these bounds; None if they are too many.

    With the smallest primes of which few enough suffice, or the largest there are.
    """
    fast = (bits for bits, most in _BITS.items() if evaluation_error(identity, bits) < -ERROR_EXPONENT / most)
    bits = next(fast, max(_BITS))
    error, any_of_them = evaluation_error(identity, bits), math.log2(number)
    if error * _MOST_ROUNDS + any_of_them >= -ERROR_EXPONENT:
        return None
    count = int((ERROR_EXPONENT + any_of_them) / -error) + 1
    return Rounds(count, bits, any_of_them + count * error)


def draw_proof(family: Family, rng: np.random.Generator, bits: int) -> tuple[int, IntArray, IntArray]:
    """A prime, points, and values of vector fields there, for one round."""

    def attempt() -> tuple[int, IntArray, IntArray]:
        prime = family.fields.prime(rng, bits)
        return prime, *family.proof(rng, prime)

    return retried(attempt, "a denominator of the architecture vanishes at every point that was tried")


def identity_bounds(gradient: FieldBounds, family: Family) -> FieldBounds:
    """Bounds of <grad h, X>, which has as many terms as there are coordinates."""
    fields = family.bounds
    return replace(
        fields,
        degree=gradient.degree + fields.degree,
        log_norm=gradient.log_norm + fields.log_norm + math.log2(family.fields.space.dimension),
        below_degree=gradient.below_degree + fields.below_degree,
        below_log_norm=gradient.below_log_norm + fields.below_log_norm,
    )


def evaluation_error(identity: FieldBounds, bits: int) -> float:
    """log2 of the probability that one evaluation of an identity with these bounds is zero although it fails.

    Never above zero; a degree near the prime leaves nothing to conclude from an evaluation.
    """
    degree = max(identity.degree + identity.coincidences[0], 1)
    norm = max(identity.log_norm + identity.coincidences[1], 1.0)
    redrawn = 1 if identity.below_degree or identity.coincidences[0] else 0
    bad_prime = redrawn + math.log2(norm / (bits - 1) * 3 * bits) - (bits - 1)
    bad_point = identity.log_drawn + redrawn + math.log2(degree) - (bits - 1)
    return min(0.0, float(np.logaddexp2(bad_prime, identity.points * bad_point)))
