"""Does the function that a network computes follow a flow of its own? The public entry point."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.engine.closure.point import rational_point
from lielaws.engine.laws.terms import TermTable
from lielaws.errors import InvalidArgumentError, SizeError
from lielaws.intrinsic.closed_form import closed_form
from lielaws.intrinsic.curve import ranks_along, run_from
from lielaws.intrinsic.dynamics_record import IntrinsicDynamics
from lielaws.intrinsic.generic import Generic, generic_ranks
from lielaws.intrinsic.levels import Level, level_at, read_level, value_at
from lielaws.intrinsic.on_level import OnLevel, ranks_on_chains, ranks_on_level
from lielaws.intrinsic.phi_derivatives import check_size
from lielaws.intrinsic.problem import Problem
from lielaws.intrinsic.rank_over_q import ranks_at, residues_of
from lielaws.intrinsic.ranks import Ranks
from lielaws.progress import Progress
from lielaws.questions import Settings

ORDER = 8
_MOST_WORK = 6 * 10**9
_LONGEST_TEXT = 300
_ROUNDING = Fraction(1, 10**9)


def intrinsic_dynamics(
    arch: Any,
    *,
    at: Mapping[str, Any] | None = None,
    law_values: Any = None,
    max_degree: int = 2,
    seed: int = 0,
    progress: Progress | None = None,
) -> IntrinsicDynamics:
    """Whether z = phi(theta) follows a closed flow under gradient flow, given the initial values of the laws.

    Parameters
    ----------
    arch : as for :func:`lielaws.discover_laws`, with potentials that are polynomial in the data
    at : name -> array of rational numbers, to ask at this point; floats are read as the decimal that they print
    law_values : to ask where the laws have these values. 0 or "balanced" for all laws; one value for each law, in the
        order of the report; or a mapping from the name of a law, or the text of a group such as "W1 W1^T - W2^T W2",
        to its value (for a matrix, a number stands for that multiple of the identity)
    max_degree, progress : for the search of the laws, see :func:`lielaws.discover_laws`
    seed : of the random points; the same seed gives the same answer

    With neither `at` nor `law_values` the question is asked at a generic point. As z' = -M grad l(z) with
    M = d phi d phi^T, the answer is yes if `ker d phi` and `ker d h` meet inside `ker d M` (arXiv 2508.07370). The
    functions phi are those of `architecture.reparameterization()`.

    Raises UnsupportedError for architectures without finite phi and for values of laws that cannot be treated,
    InvalidArgumentError for names, shapes and values that make no sense and for values of laws that no parameters have,
    SizeError for what is too large, and ExactnessError where an answer could not be proved.
    """
    if at is not None and law_values is not None:
        raise InvalidArgumentError(
            "law_values", law_values, "give either `at` or `law_values`; a point has its own values"
        )
    problem = Problem.of(arch, max_degree, seed, progress)
    rng = np.random.default_rng(Settings(seed=seed).seed)
    if at is not None:
        return _at_point(problem, rational_point(problem.architecture.parameters, at), rng)
    if law_values is not None:
        return _on_level(problem, read_level(problem.report, law_values), rng)
    generic = generic_ranks(problem, rng)
    notes = list(_notes(problem, generic))
    if not generic.closed and generic.ranks.intrinsic:
        notes.append("the brackets had not closed at the depth limit: there may be fewer laws than assumed here")
    metric = closed_form(problem, None, None, rng) if generic.ranks.intrinsic else None
    proof = _certainty(generic.error_log2, "ranks at random points modulo primes")
    return _result(problem, "a generic point", generic.ranks, None, metric, generic.error_log2, proof, notes)


def _at_point(problem: Problem, point: Sequence[Fraction], rng: np.random.Generator) -> IntrinsicDynamics:
    functions = problem.functions
    if functions is None:
        remedy = "phi has too many terms to be listed; ask at a generic point, without `at`"
        raise SizeError("at", f"{problem.dimension:,} parameters", remedy)
    check_size(problem.architecture.name, functions, problem.dimension)
    generic = generic_ranks(problem, rng)
    ranks = _with_unknown_laws(problem, ranks_at(functions, problem.laws, point, rng), generic)
    # Ranks only fall at special points. Where [dphi; dh] has its generic rank, it keeps it nearby, so a "no" stays one,
    # and so does a "yes" that holds generically.
    settled = ranks.joint == generic.ranks.joint and (generic.ranks.intrinsic or not ranks.intrinsic)
    nearby, error = (None, generic.error_log2) if settled else _nearby(problem, point, ranks, generic, rng)
    if ranks.recoverable or not ranks.intrinsic:
        error = -math.inf
    yes = ranks.intrinsic and (nearby is None or nearby.ranks.intrinsic)
    metric = closed_form(problem, None, point, rng) if yes else None
    notes = [*_notes(problem, generic if ranks.recoverable else None), *_special(ranks, generic.ranks, problem)]
    if nearby is None and not settled:
        notes.append("whether the answer is the same where training leads from the point was not examined")
    elif nearby is not None and nearby.ranks.intrinsic and not ranks.intrinsic:
        notes.append("yes at generic points that training leads to, but at this one z and the laws do not determine M")
    notes += _nearly_zero(problem, point)
    proof = "ranks over the rationals at the point" + (f"; nearby: ranks at {nearby.how}" if nearby else "")
    around = None if nearby is None else nearby.ranks
    return _result(problem, "the given point", ranks, around, metric, error, _certainty(error, proof), notes)


def _nearby(
    problem: Problem, point: Sequence[Fraction], ranks: Ranks, generic: Generic, rng: np.random.Generator
) -> tuple[OnLevel | None, float]:
    """Ranks at generic points that training leads to, and log2 of the probability that their verdict is wrong.

    Without a bound it is 0, as a power series may be too short to show a rank.
    """
    balanced = ranks_on_chains(problem, level_at(problem.report, point), rng)
    if balanced is not None and balanced.ranks.joint == ranks.joint:
        return balanced, balanced.error_log2
    functions = problem.polynomials
    if functions is None or _work(functions.table) > _MOST_WORK:
        return None, 0.0
    start, prime = residues_of(point, rng)
    curve = run_from(functions.table, start, ORDER, prime, rng)
    along = ranks_along(functions.table, problem.laws, curve, prime, rng)
    proved = not along.intrinsic and along.joint == generic.ranks.joint
    error = generic.error_log2 if proved else 0.0
    how = f"a random training run as a power series of order {ORDER}, modulo a prime"
    return OnLevel(_with_unknown_laws(problem, along, generic), error, how), error


def _on_level(problem: Problem, level: Level, rng: np.random.Generator) -> IntrinsicDynamics:
    generic = generic_ranks(problem, rng)
    found = ranks_on_level(problem, level, generic, rng)
    ranks = _with_unknown_laws(problem, found.ranks, generic)
    notes = [*_notes(problem, generic if ranks.recoverable else None), *_special(ranks, generic.ranks, problem)]
    metric = closed_form(problem, level, None, rng) if ranks.intrinsic else None
    proof = _certainty(found.error_log2, f"ranks at {found.how}")
    text = level.text if len(level.text) <= _LONGEST_TEXT else level.text[:_LONGEST_TEXT] + "..."
    return _result(problem, f"parameters with {text}", ranks, None, metric, found.error_log2, proof, notes)


def _work(table: TermTable) -> int:
    """About the number of products of residues for the ranks along a curve."""
    rows = 3 * table.dimension
    terms, degree = table.factors.shape
    return int(ORDER**2 * (rows * table.dimension**2 + 4 * rows * terms * degree))


def _with_unknown_laws(problem: Problem, ranks: Ranks, generic: Generic) -> Ranks:
    """Where laws are missing, but the gradients of phi are closed under brackets, all laws together recover theta.

    If so generically, then also at every point where the rank of d phi is the generic one.
    """
    if problem.report.complete or not generic.ranks.recoverable or ranks.phi < generic.ranks.phi:
        return ranks
    dimension = ranks.parameters
    return Ranks(dimension, ranks.phi, dimension - ranks.phi, dimension, dimension)


def _notes(problem: Problem, generic: Generic | None) -> list[str]:
    """What an incomplete list of laws means; `generic` if all laws that exist were counted."""
    report = problem.report
    notes = list(report.hypotheses)
    if not report.complete and generic is not None:
        notes.append(
            f"{report.missing} of {report.n_laws} laws are not known in closed form; the answer counts them all"
        )
    elif not report.complete:
        notes.append(f'{report.missing} of at most {report.n_laws} laws were not found; a "no" is about those found')
    return notes


def _special(ranks: Ranks, generic: Ranks, problem: Problem) -> list[str]:
    """Where ranks are lower than at generic points."""
    notes = []
    known = len(problem.laws)
    if problem.report.complete and ranks.laws < known:
        notes.append(f"dh has rank {ranks.laws} here, {known} at generic points: the laws are singular at these values")
        if not ranks.intrinsic:
            notes.append(
                "there, ker dh may be more than the directions that training can take: the criterion is strict"
            )
    if ranks.phi < generic.phi:
        notes.append(f"dphi has rank {ranks.phi} here, {generic.phi} at generic points")
    return notes


def _nearly_zero(problem: Problem, point: Sequence[Fraction]) -> list[str]:
    """Laws that are zero up to rounding: the caller may have meant a balanced point."""
    magnitudes = [abs(value) for value in point]
    for law in problem.laws:
        value = abs(value_at(law, point))
        size = sum(abs(c) * math.prod(magnitudes[k] for k in monomial) for monomial, c in law.terms)
        if 0 < value < _ROUNDING * size:
            return ["a law is nearly, but not exactly, zero here: exact arithmetic does not take the point as balanced"]
    return []


def _certainty(error_log2: float, how: str) -> str:
    if not math.isfinite(error_log2):
        return f"{how}; certain"
    return f"{how}; wrong with probability below 2^{int(error_log2)}" if error_log2 else f"{how}; not certain"


def _result(
    problem: Problem,
    where: str,
    ranks: Ranks,
    nearby: Ranks | None,
    metric: Any,
    error_log2: float,
    proof: str,
    notes: Sequence[str],
) -> IntrinsicDynamics:
    report, functions = problem.report, problem.functions
    count, laws = None if functions is None else functions.count, tuple(report.laws)
    return IntrinsicDynamics(
        report.name, where, ranks, nearby, count, laws, report.n_laws, metric, error_log2, proof, tuple(notes)
    )
