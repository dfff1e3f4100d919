"""A user's loss and gradient, checked once, as functions of one vector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.errors import InvalidArgumentError, LieLawsError
from lielaws.inertia.flat_parameters import Layout, as_array, rounding, scalar

# What a function raises when it is given something it cannot work with; anything else is its own affair.
_MISFITS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RuntimeError, AssertionError)
# What functions of the standard library raise where numpy answers infinity or NaN: math.exp(1000), math.log(-1).
NOT_FINITE = (ArithmeticError, ValueError)
_PROBES = 4
_FACTORS = (0.1, 1.0, 10.0, 100.0)


@dataclass(frozen=True, slots=True)
class Problem:
    """Loss and gradient of parameters in a layout.

    loss, gradient : as the user wrote them
    layout : of the parameters that they take
    batched : whether both also take a leading axis of runs
    """

    loss: Callable[[Any], Any]
    gradient: Callable[[Any], Any]
    layout: Layout
    batched: bool = False

    def value(self, theta: FloatArray) -> FloatArray:
        """Loss of theta (size,), an array (); or of each row of (runs, size), an array (runs,)."""
        if theta.ndim == 1:
            return np.asarray(scalar("loss(theta)", self.loss(self.layout.shaped(_guarded(theta)))))
        if not self.batched:
            return np.array([self.value(row) for row in theta])
        found = as_array("loss(theta)", self.loss(self.layout.shaped(_guarded(theta))))
        if found.shape != theta.shape[:1]:
            raise InvalidArgumentError(
                "loss(theta)", f"an array of shape {found.shape}", f"{theta.shape[:1]} is needed"
            )
        return found

    def slope(self, theta: FloatArray) -> FloatArray:
        """Gradient at theta, in its shape: (size,) or (runs, size); a new array."""
        if theta.ndim == 1:
            return self.layout.flatten("gradient(theta)", self.gradient(self.layout.shaped(_guarded(theta))))
        if not self.batched:
            return np.stack([self.slope(row) for row in theta])
        found = self.gradient(self.layout.shaped(_guarded(theta)))
        return self.layout.flatten("gradient(theta)", found, len(theta))


def build_problem(loss: Any, gradient: Any, theta: FloatArray, layout: Layout) -> Problem:
    """The problem, after one call of each function at the start showed that their answers can be used."""
    if not callable(loss):
        raise InvalidArgumentError("loss", loss, "a function of the parameters is needed")
    if not callable(gradient):
        remedy = "a function of the parameters is needed that returns the gradient of the loss, in their shape"
        raise InvalidArgumentError("gradient", gradient, remedy)
    problem = Problem(loss, gradient, layout)
    with np.errstate(all="ignore"):
        for name, function in (("loss", problem.value), ("gradient", problem.slope)):
            if not np.all(np.isfinite(tried(name, function, theta))):
                raise InvalidArgumentError(name, "not finite at theta0", "a start where it is finite is needed")
    return problem


def tried(name: str, function: Callable[[FloatArray], FloatArray], theta: FloatArray) -> FloatArray:
    """What a function of the user answers at the start, its failure told in one line."""
    try:
        return function(theta)
    except LieLawsError:
        raise
    except _MISFITS as problem:
        text = f"{type(problem).__name__}: {problem}"
        raise InvalidArgumentError(
            name, text, "raised this at theta0; it must take parameters like theta0"
        ) from problem


def probe_gradient(problem: Problem, theta: FloatArray, rng: np.random.Generator, tolerance: float) -> None:
    """Compare the gradient with differences of the loss, along itself and along random directions.

    Raises InvalidArgumentError if they disagree by more than `tolerance`, relative to the gradient, beyond what
    rounding, third derivatives and a kink at the point explain. A probe: an error in few of many coordinates can pass.
    """
    slope = problem.slope(theta)
    unit = _unit(problem, theta, rng)
    # What differences of a loss with kinks can tell at best in this precision; 2e-5 in float64, 2e-2 in float32.
    tolerance = max(tolerance, 4 * (2 * unit) ** (1 / 3))
    size = float(np.sqrt(theta @ theta))
    lengths = [(2 * unit) ** (1 / 3) * length for length in (1.0, *(factor * size for factor in _FACTORS)) if length]
    directions = [rng.standard_normal(theta.size) for _ in range(_PROBES)]
    if np.any(slope):
        directions.append(slope)
    for direction in directions:
        along = direction / np.sqrt(direction @ direction)
        expected = float(slope @ along)
        least = max(abs(expected), float(np.sqrt(slope @ slope / theta.size)))
        found = [_quotient(problem, theta, along, unit, length) for length in lengths]
        quotients = sorted((uncertain, value) for uncertain, value in found if np.isfinite(uncertain))
        if not quotients or any(abs(value - expected) <= tolerance * least for _, value in quotients):
            continue
        uncertain, value = quotients[0]
        gap, spread = abs(value - expected), abs(value - quotients[min(1, len(quotients) - 1)][1])
        # The two best quotients have to agree with each other, not only disagree with the gradient.
        if gap > tolerance * max(least, abs(value)) + uncertain and 4 * spread < gap:
            text = f"{expected:.6g} along a direction in which the loss changes at the rate {value:.6g}"
            remedy = "it is not the gradient of the loss; correct it, or switch this test off with check_gradient=False"
            raise InvalidArgumentError("gradient", text, remedy)


def _unit(problem: Problem, theta: FloatArray, rng: np.random.Generator) -> float:
    """Unit roundoff of loss and gradient; single precision is noticed even where it hides in Python floats."""
    shaped = problem.layout.shaped(_guarded(theta))
    unit = max(rounding(problem.loss(shaped)), rounding(problem.gradient(shaped)))
    points = [theta, *(theta * (1 + 0.01 * rng.standard_normal(theta.size)) for _ in range(3))]
    try:
        with np.errstate(all="ignore"):
            values = [float(problem.value(point)) for point in points]
            single = all(value == float(np.float32(value)) for value in values)
    except NOT_FINITE as trouble:
        pass_on(trouble)
        single = False
    return max(unit, rounding(np.float32(0))) if single else unit


def _quotient(
    problem: Problem, theta: FloatArray, along: FloatArray, unit: float, length: float
) -> tuple[float, float]:
    """(uncertainty, difference quotient of the loss along a direction), by steps of one length."""
    with np.errstate(all="ignore"):
        try:
            ahead, behind, near, back, here = (
                float(problem.value(theta + move * length * along)) for move in (1.0, -1.0, 0.5, -0.5, 0.0)
            )
        except NOT_FINITE as trouble:
            pass_on(trouble)
            return float("inf"), float("nan")
        wide, narrow = (ahead - behind) / (2 * length), (near - back) / length
        kink = abs(near + back - 2 * here) / length
        blur = 16 * unit * max(abs(ahead), abs(behind), abs(here)) / length
    return 3 * abs(wide - narrow) + kink + blur, narrow


def find_batched(problem: Problem, theta: FloatArray) -> bool:
    """Whether loss and gradient take a leading axis of runs: tried on three points, compared with one at a time."""
    points = theta * np.array([[1.0], [0.75], [1.25]]) + np.array([[0.0], [0.01], [0.02]])
    batched = Problem(problem.loss, problem.gradient, problem.layout, batched=True)
    try:
        with np.errstate(all="ignore"):
            pairs = [
                (f(points), g(points)) for f, g in ((batched.value, problem.value), (batched.slope, problem.slope))
            ]
    except (*_MISFITS, LieLawsError):
        return False
    return all(np.allclose(found, single, rtol=1e-4, atol=1e-6, equal_nan=True) for found, single in pairs)


def pass_on(trouble: Exception) -> None:
    """Raise again what is an error of the caller and not of arithmetic."""
    if isinstance(trouble, LieLawsError):
        raise trouble


def _guarded(theta: FloatArray) -> FloatArray:
    """A view that the user's function cannot write to."""
    view = theta.view()
    view.flags.writeable = False
    return view
