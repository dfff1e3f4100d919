"""Proof that a rational function of the state is constant along all vector fields; as `verify`, for one function."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from lielaws.engine.arithmetic.modular import retried
from lielaws.engine.flows.fields import VectorFields
from lielaws.engine.laws.expressions import StateFunction, as_polynomial
from lielaws.engine.laws.proof_families import Family, families
from lielaws.engine.laws.refutation import changing
from lielaws.engine.laws.verify import draw_proof, identity_bounds, plan_rounds
from lielaws.errors import ExactnessError


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
    # Where one family has no values, another one may.
    with suppress(ExactnessError):
        if rounds is not None and all(
            retried(lambda: _vanishes(function, family, rng, rounds.bits), message) for _ in range(rounds.count)
        ):
            return True
    # A law may need gates to be 0 or 1: powers of gates are equal in an expansion.
    if family.fields.expansion(1) is None or (polynomial := as_polynomial(function)) is None:
        return False
    expansion = family.fields.expansion(len(polynomial.terms))
    return expansion is not None and expansion.annihilates(polynomial.terms)


def _vanishes(function: StateFunction, family: Family, rng: np.random.Generator, bits: int) -> bool:
    """Whether the derivative along random vector fields at random points is zero modulo a fresh prime."""
    prime, points, values = draw_proof(family, rng, bits)
    return not ((function.gradients(points, prime) * values % prime).sum(axis=1) % prime).any()
