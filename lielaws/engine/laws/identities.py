"""Proof that a rational function of the state is constant along all members; as `verify`, for one function."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from lielaws.engine.arithmetic.modular import BadPrimeError
from lielaws.engine.flows.exact import FieldBounds
from lielaws.engine.flows.fields import VectorFields
from lielaws.engine.laws.expressions import StateFunction, as_polynomial
from lielaws.engine.laws.solve import Samples
from lielaws.engine.laws.verify import ERROR_EXPONENT, enough_bits, evaluation_error
from lielaws.errors import ExactnessError

_MOST_ROUNDS = 256
_ATTEMPTS = 16


def identity_holds(function: StateFunction, fields: VectorFields, rng: np.random.Generator) -> bool:
    """Whether <grad h, X_z> = 0 identically. "No" is certain, "yes" has error probability below 2^-100.

    Raises ExactnessError if degrees are too large to conclude anything from evaluations.
    """
    joint = _joint(function.bounds, fields.bounds, fields.space.dimension)
    bits = enough_bits(lambda bits: evaluation_error(joint, bits))
    error = evaluation_error(joint, bits)
    rounds = int(ERROR_EXPONENT / -error) + 1 if error < 0 else _MOST_ROUNDS + 1
    if rounds > _MOST_ROUNDS:
        raise ExactnessError(f"{function.expression}: the degrees are too large to verify it by evaluation")
    if all(_derivative(function, fields, rng, bits, free_gates=True) == 0 for _ in range(rounds)):
        return True
    # Members with free gates may lie outside the family; those of given patterns, and generic ones, do not.
    return not fields.regional and not fields.generic and _holds_on_patterns(function, fields, rng)


def _holds_on_patterns(function: StateFunction, fields: VectorFields, rng: np.random.Generator) -> bool:
    """A law may need gates to be 0 or 1; then only an expansion proves it, and only polynomials are expanded."""
    polynomial = as_polynomial(function)
    expansion = fields.expansion(len(polynomial.terms)) if polynomial is not None else None
    if expansion is None or polynomial is None:
        if _derivative(function, fields, rng, 31, free_gates=False) != 0:
            return False
        raise ExactnessError(f"{function.expression}: whether it holds for gates of 0 and 1 is too large to expand")
    return expansion.annihilates(polynomial.terms)


def _derivative(
    function: StateFunction, fields: VectorFields, rng: np.random.Generator, bits: int, free_gates: bool
) -> int:
    """The derivative along a random member at a random state modulo a fresh prime."""
    for _ in range(_ATTEMPTS):
        samples = Samples(fields, rng, fields.prime(rng, bits), free_gates)
        states, values = samples.take(1)
        try:
            gradient = function.gradients(states, samples.prime)
        except BadPrimeError:
            continue
        return int(((gradient * values % samples.prime).sum(axis=1) % samples.prime).max())
    raise ExactnessError(f"a denominator of {function.expression} vanishes at every state that was tried")


def _joint(gradient: FieldBounds, member: FieldBounds, dimension: int) -> FieldBounds:
    """Bounds of the sum of products of the components."""
    return replace(
        member,
        degree=gradient.degree + member.degree,
        log_norm=gradient.log_norm + member.log_norm + math.log2(dimension),
        below_degree=gradient.below_degree + member.below_degree,
        below_log_norm=gradient.below_log_norm + member.below_log_norm,
    )
