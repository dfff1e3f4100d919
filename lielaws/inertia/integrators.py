"""One step after another: leapfrog without friction and noise, and with them the splitting BAOAB.

B is a kick by half a step, A a drift by half a step, O the exact solution of v' = -gamma v + sigma dB/dt over a whole
one: v becomes c v + s xi with c = exp(-gamma h), s^2 = sigma^2 (1 - c^2)/(2 gamma). Without friction and noise the two
drifts join and velocity Verlet remains. Second order in h; each step takes one gradient. Kicks at the end of one step
and the start of the next are joined too, except where the state is recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, expm1, inf, sqrt

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.errors import shorten
from lielaws.inertia.user_loss import NOT_FINITE, Problem, pass_on

_OVERFLOW = "the velocity is no longer finite"


def lean_slope(problem: Problem, theta: FloatArray) -> Callable[[], FloatArray]:
    """The gradient at the present value of `theta`, with as few checks as a run of a million steps can bear."""
    view = theta.view()
    view.flags.writeable = False
    if theta.ndim == 2 and not problem.batched:
        return lambda: problem.slope(theta)
    point, gradient, layout, shape = problem.layout.shaped(view), problem.gradient, problem.layout, theta.shape
    runs = theta.shape[0] if theta.ndim == 2 else None

    def slope() -> FloatArray:
        found = gradient(point)
        if type(found) is np.ndarray and found.shape == shape and found.dtype == np.float64:
            return found
        return layout.flatten("gradient(theta)", found, runs)

    return slope


class Leapfrog:
    """Velocity Verlet; `theta` and `velocity` are changed in place."""

    name = "leapfrog"
    trouble = _OVERFLOW

    def __init__(self, slope: Callable[[], FloatArray], theta: FloatArray, velocity: FloatArray, step: float) -> None:
        self.slope, self.theta, self.velocity, self.step = slope, theta, velocity, step
        self.force = slope().copy()
        self.dissipated = self.injected = np.zeros(theta.shape[:-1])

    def advance(self, steps: int) -> int:
        """Take some steps; returns how many were taken before the state stopped being finite."""
        theta, velocity, slope, step = self.theta, self.velocity, self.slope, self.step
        flat, work, multiply = velocity.reshape(-1), np.empty_like(theta), np.multiply
        multiply(self.force, step / 2, out=work)
        velocity -= work
        done = 0
        try:
            for done in range(steps):
                multiply(velocity, step, out=work)
                theta += work
                force = slope()
                multiply(force, step if done < steps - 1 else step / 2, out=work)
                velocity -= work
                if not flat @ flat < inf:
                    return done
        except NOT_FINITE as trouble:
            pass_on(trouble)
            self.trouble = _raised(trouble)
            return done
        self.force = force.copy()
        return steps


class Splitting:
    """BAOAB for friction and noise, with the energy that friction took and noise brought; in place."""

    name = "BAOAB"
    trouble = _OVERFLOW

    def __init__(
        self,
        slope: Callable[[], FloatArray],
        theta: FloatArray,
        velocity: FloatArray,
        step: float,
        friction: float,
        noise: float,
        rng: np.random.Generator,
    ) -> None:
        self.slope, self.theta, self.velocity, self.step, self.rng = slope, theta, velocity, step, rng
        self.force = slope().copy()
        self.kept = exp(-friction * step)
        self.lost = -expm1(-2 * friction * step)
        self.spread = noise * sqrt(self.lost / (2 * friction) if friction * step > 0 else step)
        self.dissipated, self.injected = np.zeros(theta.shape[:-1]), np.zeros(theta.shape[:-1])

    def advance(self, steps: int) -> int:
        """Take some steps; returns how many were taken before the state stopped being finite."""
        theta, velocity, slope, step = self.theta, self.velocity, self.slope, self.step
        flat, work, multiply = velocity.reshape(-1), np.empty_like(theta), np.multiply
        multiply(self.force, step / 2, out=work)
        velocity -= work
        done = 0
        try:
            for done in range(steps):
                multiply(velocity, step / 2, out=work)
                theta += work
                self._relax(velocity, work)
                multiply(velocity, step / 2, out=work)
                theta += work
                force = slope()
                multiply(force, step if done < steps - 1 else step / 2, out=work)
                velocity -= work
                if not flat @ flat < inf:
                    return done
        except NOT_FINITE as trouble:
            pass_on(trouble)
            self.trouble = _raised(trouble)
            return done
        self.force = force.copy()
        return steps

    def _relax(self, velocity: FloatArray, work: FloatArray) -> None:
        before = squares(velocity)
        velocity *= self.kept
        self.dissipated += self.lost / 2 * before
        if self.spread:
            self.rng.standard_normal(out=work)
            work *= self.spread
            velocity += work
            self.injected += (squares(velocity) - (1 - self.lost) * before) / 2


def _raised(trouble: Exception) -> str:
    return f"the gradient raised {type(trouble).__name__}: {shorten(str(trouble))}"


def squares(vectors: FloatArray) -> FloatArray:
    """|v|^2 of a vector, an array (); or of each row, an array (runs,)."""
    if vectors.ndim == 1:
        return np.asarray(vectors @ vectors)
    return np.asarray(np.einsum("ij,ij->i", vectors, vectors))
