"""Proof that a rational function of the state is constant along all vector fields; as `verify`, for one function."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from lielaws.engine.arithmetic.modular import BadPrimeError
from lielaws.engine.flows.exact import FieldBounds
from lielaws.engine.flows.fields import VectorFields
from lielaws.engine.laws.expressions import StateFunction, as_polynomial
from lielaws.engine.laws.proof_families import Family, families
from lielaws.engine.laws.refutation import changing
from lielaws.engine.laws.verify import ERROR_EXPONENT, enough_bits, evaluation_error
from lielaws.errors import ExactnessError

# Each round takes milliseconds; degrees that need more leave nothing to conclude.
_MOST_ROUNDS = 256
# Points at which a denominator of the function vanishes are rare unless it always does.
_ATTEMPTS = 16


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
    joint = _joint(function.bounds, family.bounds, family.space.dimension)
    bits = enough_bits(lambda bits: evaluation_error(joint, bits))
    error = evaluation_error(joint, bits)
    rounds = int(ERROR_EXPONENT / -error) + 1 if error < 0 else _MOST_ROUNDS + 1
    if rounds <= _MOST_ROUNDS and all(_vanishes(function, family, rng, bits) for _ in range(rounds)):
        return True
    # A law may need gates to be 0 or 1: powers of gates are equal in an expansion.
    if family.expansion(1) is None or (polynomial := as_polynomial(function)) is None:
        return False
    expansion = family.expansion(len(polynomial.terms))
    return expansion is not None and expansion.annihilates(polynomial.terms)


def _vanishes(function: StateFunction, family: Family, rng: np.random.Generator, bits: int) -> bool:
    """Whether the derivative along random vector fields at random points is zero modulo a fresh prime."""
    for _ in range(_ATTEMPTS):
        prime = family.prime(rng, bits)
        points, values = family.proof(rng, prime)
        try:
            gradient = function.gradients(points, prime) if len(points) else points
        except BadPrimeError:
            continue
        if len(points):
            return not ((gradient * values % prime).sum(axis=1) % prime).any()
    raise ExactnessError(f"a denominator of {function.expression} vanishes at every point that was tried")


def _joint(gradient: FieldBounds, member: FieldBounds, dimension: int) -> FieldBounds:
    """Bounds of the sum of products of the components."""
    return replace(
        member,
        degree=gradient.degree + member.degree,
        log_norm=gradient.log_norm + member.log_norm + math.log2(dimension),
        below_degree=gradient.below_degree + member.below_degree,
        below_log_norm=gradient.below_log_norm + member.below_log_norm,
    )
