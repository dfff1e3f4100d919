"""The decision at a generic point, and how certain it is.

Ranks at a random point modulo a prime can only be too small. With `a` the rank of `d phi` and `b` the dimension of the
Lie algebra that the gradients generate, both measured, and `m` laws found, all at a generic point:

* the rank of [d phi; d h], with all laws that exist, is the rank of `d phi` plus D - dim Lie, as the gradients of laws
  span the complement of the brackets (Frobenius). It equals D if and only if the gradients are closed under brackets;
* if D - m = b = a this is certain: dim Lie <= D - m = a <= rank d phi <= dim Lie;
* a negative answer needs an upper bound on the rank of `d phi`. It is certain if phi has `a` entries. Else the rank is
  measured again at random points modulo random primes until it is too small with probability below 2^-100: a minor
  that is not zero vanishes there with the probability given in `engine.laws.verify`;
* a positive answer without recoverability is a polynomial identity, tested in the same way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from lielaws.engine.arithmetic.modular import retried
from lielaws.engine.closure.growth import grow
from lielaws.engine.laws.verify import ERROR_EXPONENT, evaluation_error
from lielaws.intrinsic.problem import Problem
from lielaws.intrinsic.ranks import Ranks

_BITS = 31
_MOST_ROUNDS = 40


@dataclass(frozen=True, slots=True)
class Generic:
    """Ranks at a generic point; `laws` counts all laws that exist there.

    error_log2 : log2 of the probability that the verdict is wrong; -inf if it is certain
    closed : whether all brackets were seen
    """

    ranks: Ranks
    error_log2: float
    closed: bool


def generic_ranks(problem: Problem, rng: np.random.Generator) -> Generic:
    report = problem.report
    dimension, phi, lie = problem.dimension, report.growth[0], report.growth[-1]
    if phi == lie and report.complete:
        return Generic(Ranks(dimension, phi, dimension - lie, dimension, dimension), -math.inf, True)
    ranks, rounds = _measure(problem, rng), 1
    while not _certain(problem, ranks):
        error = rounds * _round_error(problem, ranks)
        if error < -ERROR_EXPONENT or rounds == _MOST_ROUNDS:
            return Generic(ranks, error, report.closed)
        larger = _larger(ranks, _measure(problem, rng))
        ranks, rounds = (ranks, rounds + 1) if larger == ranks else (larger, 1)
    return Generic(ranks, -math.inf, report.closed)


def _certain(problem: Problem, ranks: Ranks) -> bool:
    """Whether the answer is "no" beyond doubt: d phi has no more rows than its rank, and dim Lie is no smaller."""
    joint = ranks.phi + problem.dimension - problem.report.growth[-1]
    functions = problem.functions
    return ranks.metric > joint and functions is not None and ranks.phi == functions.count


def _measure(problem: Problem, rng: np.random.Generator) -> Ranks:
    message = "a denominator of the architecture vanishes at every point that was tried"
    return retried(lambda: _measured(problem, rng), message)


def _measured(problem: Problem, rng: np.random.Generator) -> Ranks:
    fields = problem.report.fields
    prime = fields.prime(rng, _BITS)
    if problem.report.complete:
        point = fields.draw_points(rng, 1, prime)
        return problem.ranks_at(point, problem.law_rows(point.vector[0, 0], prime), rng)
    # Where laws are missing, the brackets are closed again, at this point and modulo this prime.
    growth = grow(fields, rng, prime=prime)
    return problem.ranks_at(growth.at, growth.complement(problem.report.fields), rng)


def _larger(one: Ranks, other: Ranks) -> Ranks:
    pairs = ((one.phi, other.phi), (one.laws, other.laws), (one.joint, other.joint), (one.metric, other.metric))
    return Ranks(one.parameters, *(max(pair) for pair in pairs))


def _round_error(problem: Problem, ranks: Ranks) -> float:
    """log2 of the probability that one round finds too small a rank.

    It bounds a minor of the rows of d phi, d h and the gradients of <X, Y>.
    """
    bounds = problem.report.fields.bounds
    # Where laws are missing, entries are products of brackets with those gradients.
    depth = 2 + (0 if problem.report.complete else len(problem.report.growth))
    law_degree = max((law.degree for law in problem.laws), default=0)
    size = ranks.joint + 1
    # A bracket of members N / D has polynomials in N, D and their derivatives above a power of D.
    whole = bounds.degree + bounds.below_degree
    degree = size * max(depth * whole, law_degree)
    norms = bounds.log_norm + bounds.below_log_norm
    entry = depth * (norms + math.log2(2 * problem.dimension * max(2, whole)))
    norm = size * entry + math.lgamma(size + 1) / math.log(2)
    return evaluation_error(replace(bounds, degree=degree, log_norm=norm), _BITS)
