"""The decision at given values of the laws.

Where the values make layers (relaxed) balanced, points are written down: see `chains`. Any others are found by Newton's
method and proved to exist: see `real`. There, ranks are proved from below only; from above, no rank exceeds the generic
one. So a positive answer without recoverability needs a generic one, and special values at which only the metric is
special are left undecided, which is an error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.engine.arithmetic.modular import BadPrimeError
from lielaws.engine.flows.heights import FieldBounds
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.terms import TermTable
from lielaws.engine.laws.verify import ERROR_EXPONENT, evaluation_error
from lielaws.engine.linalg import modular, random_prime
from lielaws.errors import ExactnessError, InvalidArgumentError, SizeError, UnsupportedError
from lielaws.intrinsic.chains import Chain, Strand, chains_of, sample, strands
from lielaws.intrinsic.closed_form import product_chain
from lielaws.intrinsic.generic import Generic
from lielaws.intrinsic.levels import Level, gram_laws
from lielaws.intrinsic.problem import Problem
from lielaws.intrinsic.ranks import Ranks
from lielaws.intrinsic.real_points import (
    RealPoint,
    SingularLevelError,
    ball_gradients,
    ball_metric_slopes,
    may_have_value,
    rank_is_at_least,
    real_points,
)

_BITS = 31
_MOST_ROUNDS = 40
_PRIMES = 200
_SPARE_ROWS = 4
_LARGEST_REAL = 200
_MOST_FACTORS = 400_000
_REMEDY = "give a point with these values as at="


@dataclass(frozen=True, slots=True)
class OnLevel:
    """error_log2 : log2 of the probability that the verdict is wrong; how : where the points came from"""

    ranks: Ranks
    error_log2: float
    how: str


def ranks_on_level(problem: Problem, level: Level, generic: Generic, rng: np.random.Generator) -> OnLevel:
    """The ranks at random points at which the laws have the values of a level.

    Raises InvalidArgumentError if no point was found, UnsupportedError if the equations are singular at all points
    found, and ExactnessError if the answer could not be proved.
    """
    return ranks_on_chains(problem, level, rng) or _at_real_points(problem, level, generic, rng)


# Balanced chains


def ranks_on_chains(problem: Problem, level: Level, rng: np.random.Generator) -> OnLevel | None:
    """The ranks at random points that are (relaxed) balanced; None if the level does not make them so."""
    chains = _chains(problem, level)
    found = [strands(chain) for chain in chains]
    known = [strand for strand in found if strand is not None]
    if not chains or len(known) < len(found):
        return None
    ranks: Ranks | None = None
    rounds, error = 0, 0.0
    while rounds < _MOST_ROUNDS and error > -ERROR_EXPONENT:
        drawn = _draw(problem, chains, known, rng)
        if drawn is None or not _has_values(level, *drawn):
            return None
        again = problem.ranks_at_point(*drawn, rng)
        larger = again if ranks is None else _larger(ranks, again)
        rounds = rounds + 1 if larger == ranks else 1
        ranks = larger
        error = rounds * _round_error(problem, ranks, chains, known)
    assert ranks is not None
    error = -math.inf if ranks.recoverable else error
    balanced = "relaxed balanced" if any(any(chain.steps) for chain in chains) else "balanced"
    return OnLevel(ranks, error, f"random {balanced} points, modulo primes")


def _chains(problem: Problem, level: Level) -> list[Chain]:
    chain = product_chain(problem, level)
    if chain is not None:
        return [chain]
    return chains_of(list(gram_laws(problem.report).values()), level, problem.report.space) or []


def _draw(
    problem: Problem, chains: Sequence[Chain], found: Sequence[list[Strand]], rng: np.random.Generator
) -> tuple[IntArray, int] | None:
    """A point (D,) and its prime; None if roots are missing modulo every prime that was tried."""
    for _ in range(_PRIMES):
        prime = random_prime(rng, 2**_BITS, 2 ** (_BITS - 1), with_roots=True)
        named: dict[str, IntArray] = {}
        try:
            for chain, some in zip(chains, found, strict=True):
                named |= sample(chain, some, prime, rng)
        except BadPrimeError:
            continue
        shapes = problem.report.space.shapes
        parts = [
            named[name] if name in named else modular.residues(rng, prime, shape) for name, shape in shapes.items()
        ]
        return np.concatenate([part.ravel() for part in parts]), prime
    return None


def _has_values(level: Level, point: IntArray, prime: int) -> bool:
    for law, value in level.values.items():
        if value.denominator % prime == 0:
            return False
        total = -value.numerator * pow(value.denominator, -1, prime)
        for monomial, coefficient in law.terms:
            total += coefficient * math.prod(int(point[k]) for k in monomial)
        if total % prime:
            return False
    return True


def _larger(one: Ranks, other: Ranks) -> Ranks:
    pairs = ((one.phi, other.phi), (one.laws, other.laws), (one.joint, other.joint), (one.metric, other.metric))
    return Ranks(one.parameters, *(max(pair) for pair in pairs))


def _round_error(problem: Problem, ranks: Ranks, chains: Sequence[Chain], found: Sequence[list[Strand]]) -> float:
    """log2 of the probability that one round finds too small a rank.

    With one denominator, the determinants of all Cayley transforms, entries of the point are polynomials in the skew
    matrices and the singular values of degree at most twice the sum of all widths plus one. Each square root doubles
    the degree of the variety of points, and exists at half of them.
    """
    widths = sum(sum(chain.widths) for chain in chains)
    roots = sum(len(strand.squares) for some in found for strand in some if strand.free and any(strand.squares))
    bounds = problem.report.fields.bounds
    size, entry = ranks.joint + 1, 2 * (bounds.degree + bounds.below_degree)
    degree = size * entry * (2 * widths + 1)
    entry_norm = 2 * (bounds.log_norm + bounds.below_log_norm) + entry * widths * math.log2(2 * widths + 2)
    norm = size * entry_norm + math.lgamma(size + 1) / math.log(2)
    return evaluation_error(FieldBounds(degree * 4**roots, norm * 4**roots), _BITS)


# Any values


def _at_real_points(problem: Problem, level: Level, generic: Generic, rng: np.random.Generator) -> OnLevel:
    functions = problem.polynomials
    if functions is None:
        raise UnsupportedError("law_values", level.text, f"only for polynomial phi of moderate size; {_REMEDY}")
    size = functions.table.factors.size
    if problem.dimension > _LARGEST_REAL or size > _MOST_FACTORS:
        text = f"{problem.dimension:,} parameters, phi with {size:,} factors"
        remedy = f"at most {_LARGEST_REAL} and {_MOST_FACTORS:,} are supported; {_REMEDY}"
        raise SizeError("law_values", text, remedy)
    target = generic.ranks.phi + len(problem.laws)
    values = _independent(problem, level)
    undecided = False
    try:
        for point in real_points(values, problem.dimension, rng):
            if not all(may_have_value(law, value, point) for law, value in level.values.items()):
                continue
            result = _decide(problem, functions.table, generic, target, point, rng)
            if result is not None:
                return result
            undecided = True
    except SingularLevelError:
        remedy = "the gradients of the laws are dependent at all points found with these values"
        raise UnsupportedError("law_values", level.text, f"{remedy}; {_REMEDY}") from None
    if undecided:
        remedy = "at these values the metric may be special, which could not be proved"
        raise ExactnessError(f"law_values = {level.text}: {remedy}; {_REMEDY}")
    remedy = f"no parameters with these values were found; are they consistent? If so, {_REMEDY}"
    raise InvalidArgumentError("law_values", level.text, remedy)


def _independent(problem: Problem, level: Level) -> dict[Polynomial, Fraction]:
    """The values of the independent laws; those of others, which follow from them, are checked afterwards."""
    return {law: level.values[law] for law in problem.laws if law in level.values} or dict(level.values)


def _decide(
    problem: Problem, table: TermTable, generic: Generic, target: int, point: RealPoint, rng: np.random.Generator
) -> OnLevel | None:
    """None if the ranks could not be told from smaller ones."""
    dimension, how = problem.dimension, "a random real point, proved to exist"
    rows = ball_gradients(table, point)
    if problem.laws:
        rows = np.concatenate([rows, ball_gradients(TermTable.of(problem.laws, dimension), point)])
    if not rank_is_at_least(rows, target):
        return None
    phi, laws = generic.ranks.phi, len(problem.laws)
    if target == dimension:
        return OnLevel(Ranks(dimension, phi, laws, dimension, dimension), -math.inf, how)
    if generic.ranks.intrinsic and problem.report.complete:
        return OnLevel(Ranks(dimension, phi, laws, target, target), generic.error_log2, how)
    # One slope is enough for a "no"; more of them show how far d M reaches.
    count = min(dimension - target + _SPARE_ROWS, max(1, _MOST_FACTORS // table.factors.size))
    slopes = ball_metric_slopes(table, point, count, rng)
    metric = min(max(generic.ranks.metric, target + 1), target + count)
    for rank in dict.fromkeys((metric, target + 1)):
        if rank_is_at_least(np.concatenate([rows, slopes]), rank):
            return OnLevel(Ranks(dimension, phi, laws, target, rank), generic.error_log2, how)
    return None
