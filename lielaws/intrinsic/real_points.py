"""Real points at which laws have given values, in ball arithmetic: every statement about them is proved.

Newton's method in floats finds a candidate; all coordinates but as many as there are equations are rounded to rational
numbers and kept. That the others can be chosen to solve the equations exactly is proved by the Krawczyk operator: if it
maps a box into its interior, there is exactly one solution in the box (Krawczyk 1969; Rump, Acta Numerica 2010, Thm
13.2). A rank is bounded from below by a minor whose ball does not contain zero. No rank is bounded from above here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint
import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import FloatArray
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.terms import TermTable
from lielaws.engine.linalg import as_fmpq
from lielaws.intrinsic.calculus import Calculus, Plain

Balls = npt.NDArray[np.object_]

_BITS = 256
_ROUNDING = 2**40
_RADIUS_BITS = 60
_TRIES = 12
_SCALES = (1.0, 3.0, 0.4, 10.0)
_RESIDUAL = 1e-9
_CONDITION = 1e-5
_NEWTON_STEPS = 12


@dataclass(frozen=True, slots=True)
class RealPoint:
    """coordinates : one ball each, the exact rational ones with radius zero up to rounding"""

    coordinates: Balls


class SingularLevelError(Exception):
    """Only points were found at which the gradients of the laws are dependent."""


def real_points(values: Mapping[Polynomial, Fraction], dimension: int, rng: np.random.Generator) -> Iterator[RealPoint]:
    """Random real points at which the polynomials have the given values, each proved to exist.

    Raises SingularLevelError if the equations were solved only where they are singular. None at all are found where
    the equations have no solution.
    """
    table = TermTable.of(list(values), dimension)
    targets = [Fraction(value) for value in values.values()]
    found = singular = False
    for attempt in range(_TRIES):
        guess = _approximate(table, targets, _SCALES[attempt % len(_SCALES)], rng)
        if guess is None:
            continue
        point = _certified(table, targets, guess)
        found, singular = found or point is not None, singular or point is None
        if point is not None:
            yield point
    if singular and not found:
        raise SingularLevelError


def rank_is_at_least(rows: Balls, rank: int) -> bool:
    """Whether a minor of that size is proved not to be zero; False may only mean that none was found."""
    if rank == 0:
        return True
    if min(rows.shape) < rank:
        return False
    from scipy.linalg import qr

    middle = _middles(rows)
    scale = np.maximum(np.abs(middle).max(axis=1, keepdims=True), 1e-300)
    chosen_rows = np.sort(qr((middle / scale).T, mode="r", pivoting=True)[1][:rank])
    chosen_columns = np.sort(qr(middle[chosen_rows], mode="r", pivoting=True)[1][:rank])
    with flint.ctx.workprec(_BITS):
        minor = flint.arb_mat(rows[np.ix_(chosen_rows, chosen_columns)].tolist()).det()
        return not minor.contains(0)


def _approximate(
    table: TermTable, targets: Sequence[Fraction], scale: float, rng: np.random.Generator
) -> FloatArray | None:
    from scipy.optimize import least_squares

    goal = np.array([float(target) for target in targets])

    def residual(x: FloatArray) -> FloatArray:
        return np.asarray(_values(table, x, 1.0) - goal, dtype=np.float64)

    def slope(x: FloatArray) -> FloatArray:
        return np.asarray(_gradients(table, x, 1.0), dtype=np.float64)

    start = scale * rng.normal(size=table.dimension)
    solution = least_squares(residual, start, jac=slope, xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=400)
    size = max(1.0, float(np.abs(goal).max(initial=0)))
    return solution.x if np.abs(solution.fun).max(initial=0) <= _RESIDUAL * size else None


def _certified(table: TermTable, targets: Sequence[Fraction], guess: FloatArray) -> RealPoint | None:
    """The point near the guess, with all but some coordinates rounded; None where the equations look singular."""
    from scipy.linalg import qr

    triangle, order = qr(np.asarray(_gradients(table, guess, 1.0), dtype=np.float64), mode="r", pivoting=True)
    diagonal = np.abs(np.diag(triangle))
    count = table.count
    if len(diagonal) < count or diagonal[count - 1] < _CONDITION * max(diagonal[0], 1.0):
        return None
    dependent = np.sort(order[:count])
    with flint.ctx.workprec(_BITS):
        goal = np.array([flint.arb(as_fmpq(value)) for value in targets], dtype=object)
        point = np.array([flint.arb(round(float(x) * _ROUNDING)) / _ROUNDING for x in guess], dtype=object)
        return _solve(table, goal, point, dependent)


def _solve(table: TermTable, goal: Balls, point: Balls, dependent: Any) -> RealPoint | None:
    one = flint.arb(1)
    for _ in range(_NEWTON_STEPS):
        step = _newton_step(table, goal, point, dependent)
        if step is None:
            return None
        point[dependent] = [(value - change).mid() for value, change in zip(point[dependent], step, strict=True)]
    # Krawczyk: K = x - Y F(x) + (I - Y F'(X)) (X - x), with Y near the inverse of F'(x).
    slopes = flint.arb_mat(_gradients(table, point, one)[:, dependent].tolist())
    try:
        preconditioner = slopes.inv().mid()
    except ZeroDivisionError:
        return None
    radius = flint.arb(0, flint.arb(2) ** -_RADIUS_BITS)
    box = point.copy()
    box[dependent] = [value + radius for value in point[dependent]]
    error = flint.arb_mat([[value] for value in _values(table, point, one) - goal])
    wide = flint.arb_mat(_gradients(table, box, one)[:, dependent].tolist())
    identity = flint.arb_mat(
        len(dependent), len(dependent), [int(i == j) for i in range(len(dependent)) for j in range(len(dependent))]
    )
    offset = flint.arb_mat([[radius]] * len(dependent))
    moved = (identity - preconditioner * wide) * offset - preconditioner * error
    if not all(radius.contains_interior(change) for change in moved.entries()):
        return None
    solved = point.copy()
    solved[dependent] = [value + change for value, change in zip(point[dependent], moved.entries(), strict=True)]
    return RealPoint(solved)


def _newton_step(table: TermTable, goal: Balls, point: Balls, dependent: Any) -> list[Any] | None:
    one = flint.arb(1)
    error = flint.arb_mat([[value] for value in _values(table, point, one) - goal])
    try:
        return list(flint.arb_mat(_gradients(table, point, one)[:, dependent].tolist()).solve(error).entries())
    except ZeroDivisionError:
        return None


def may_have_value(polynomial: Polynomial, value: Fraction, point: RealPoint) -> bool:
    """Whether the value lies in the ball of a polynomial at the point; False is proved."""
    with flint.ctx.workprec(_BITS):
        ball = _values(TermTable.of([polynomial], len(point.coordinates)), point.coordinates, flint.arb(1))[0]
        return bool((ball * value.denominator - value.numerator).contains(0))


def ball_gradients(table: TermTable, point: RealPoint) -> Balls:
    """The gradients of the polynomials, shape (count, D)."""
    with flint.ctx.workprec(_BITS):
        return np.asarray(_gradients(table, point.coordinates, flint.arb(1)))


def ball_metric_slopes(table: TermTable, point: RealPoint, count: int, rng: np.random.Generator) -> Balls:
    """The gradients of <grad f, grad g> for some random combinations f, g of the polynomials, (count, D)."""
    weights = rng.integers(-9, 10, (count, 2, table.count)).astype(object)
    with flint.ctx.workprec(_BITS):
        calculus = _calculus(table, point.coordinates, flint.arb(1))
        return np.array([calculus.metric_slope(f, g) for f, g in weights], dtype=object)


def _values(table: TermTable, x: Any, one: Any) -> Any:
    return _calculus(table, x, one).value()


def _gradients(table: TermTable, x: Any, one: Any) -> Any:
    return _calculus(table, x, one).jacobian()


def _calculus(table: TermTable, x: Any, one: Any) -> Calculus:
    return Calculus(table, np.append(x, one), Plain(x.dtype))


def _middles(rows: Balls) -> FloatArray:
    return np.array([[float(flint.arb(entry).mid()) for entry in row] for row in rows])
