"""How close a step is to the largest stable one: an estimate from the largest curvature of the loss.

Velocity Verlet on a quadratic loss with eigenvalues lambda is stable if and only if h sqrt(lambda) < 2 for all of them;
exact friction between two half drifts does not move that bound (its trace condition is |1 - h^2 lambda/2| < 1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.checks import count, generator
from lielaws.errors import InvalidArgumentError
from lielaws.inertia.flat_parameters import Layout
from lielaws.inertia.user_loss import NOT_FINITE, Problem, pass_on, tried

Slope = Callable[[FloatArray], FloatArray]
EDGE = 0.9
_ITERATIONS = 60
_CONVERGED = 1e-4
_STEP = 1e-5


@dataclass(frozen=True, slots=True)
class Stability:
    """An estimate, not a proof: the curvature is that of a few points, and power iteration approaches it from below.

    verdict : "stable", "edge" or "unstable"; "unknown" where no curvature could be measured
    curvature : estimate of the largest eigenvalue of the Hessian of the loss, over the points that were tried
    step : h
    ratio : h sqrt(curvature)/2; the linear stability bound is 1, and "edge" begins at 0.9
    time : when the curvature was largest
    """

    verdict: str
    curvature: float
    step: float
    ratio: float
    time: float

    @classmethod
    def of(cls, curvature: float, step: float, time: float = 0.0) -> Stability:
        ratio = step * float(np.sqrt(max(curvature, 0.0))) / 2
        if not np.isfinite(ratio):
            verdict = "unknown"
        else:
            verdict = "unstable" if ratio >= 1 else "edge" if ratio >= EDGE else "stable"
        return cls(verdict, curvature, step, ratio, time)

    @property
    def largest_step(self) -> float:
        """2/sqrt(curvature), infinite where the loss does not curve upwards."""
        return 2 / float(np.sqrt(self.curvature)) if self.curvature > 0 else float("inf")

    def __str__(self) -> str:
        if self.verdict == "unknown":
            return "stability unknown: the curvature could not be measured"
        return (
            f"{self.verdict} (estimate): step {self.step:.4g}, largest stable step about {self.largest_step:.4g}, "
            f"as the curvature reaches {self.curvature:.4g} at t = {self.time:.4g}"
        )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def largest_curvature(gradient: Any, theta: Any, *, iterations: int = _ITERATIONS, seed: Any = 0) -> float:
    """Estimate of the largest eigenvalue of the Hessian at `theta`, from differences of the gradient alone.

    Parameters
    ----------
    gradient : function of parameters like `theta`
    theta : one array, or a mapping of name to array
    iterations : of the power method, two gradients each; it approaches the eigenvalue from below
    seed : of the starting direction, or a numpy Generator

    Negative if the loss curves downwards in all directions. Raises a LieLawsError if the gradient cannot be used.
    """
    if not callable(gradient):
        raise InvalidArgumentError("gradient", gradient, "a function of the parameters is needed")
    layout = Layout.of("theta", theta)
    flat = layout.flatten("theta", theta)
    problem = Problem(gradient, gradient, layout)
    if not np.all(np.isfinite(tried("gradient", problem.slope, flat))):
        raise InvalidArgumentError("gradient", "not finite at theta", "a point where it is finite is needed")
    start = generator(seed).standard_normal(flat.size)
    return top_curvature(problem.slope, flat, start, count("iterations", iterations))[0]


def top_curvature(slope: Slope, theta: FloatArray, start: FloatArray, iterations: int) -> tuple[float, FloatArray]:
    """(largest eigenvalue of the Hessian, its direction) by power iteration, the eigenvalue NaN where it fails.

    A spectrum whose largest member in size is negative is shifted, so that the largest in sign comes first.
    """
    shift, value, direction = 0.0, float("nan"), _unit(start)
    with np.errstate(all="ignore"):
        for _ in range(iterations):
            try:
                image = _hessian_times(slope, theta, direction)
            except NOT_FINITE as trouble:
                pass_on(trouble)
                return float("nan"), _unit(start)
            if not np.all(np.isfinite(image)):
                return float("nan"), _unit(start)
            last, value = value, float(direction @ image)
            size = float(np.sqrt(image @ image))
            if value < 0 and size > shift:
                shift = 1.1 * size
            moved = image + shift * direction
            if not np.any(moved) or abs(value - last) <= _CONVERGED * abs(value):
                break
            direction = _unit(moved)
    return value, direction


def _hessian_times(slope: Slope, theta: FloatArray, direction: FloatArray) -> FloatArray:
    length = _STEP * max(1.0, float(np.sqrt(theta @ theta / theta.size))) * np.sqrt(theta.size)
    return np.asarray((slope(theta + length * direction) - slope(theta - length * direction)) / (2 * length))


def _unit(vector: FloatArray) -> FloatArray:
    return vector / np.sqrt(vector @ vector)
