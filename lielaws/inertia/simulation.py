"""Second-order training on a user's own loss: theta' = v, v' = -gamma v - grad L + sigma dB/dt."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.checks import count, flag, generator, nonnegative, positive
from lielaws.errors import InvalidArgumentError
from lielaws.inertia.energy_run import EnergyRun
from lielaws.inertia.flat_parameters import Layout
from lielaws.inertia.integrators import Leapfrog, Splitting, lean_slope
from lielaws.inertia.recording import Record, Stop, check_memory
from lielaws.inertia.stability import Stability, top_curvature
from lielaws.inertia.user_loss import Problem, build_problem, find_batched, probe_gradient

_RECORDS = 1000
_PROBES = 16
_FIRST_ITERATIONS, _LATER_ITERATIONS = 60, 4
# Not the stream of the noise, so that switching a check off does not change a run.
_PROBE_SEED = 20250519


def simulate(
    loss: Callable[[Any], Any],
    gradient: Callable[[Any], Any],
    theta0: Any,
    v0: Any = None,
    *,
    step: float,
    n_steps: int,
    friction: float = 0.0,
    noise: float = 0.0,
    runs: int | None = None,
    batched: bool | None = None,
    record_every: int | None = None,
    keep_trajectory: bool = False,
    check_gradient: bool = True,
    gradient_tolerance: float = 1e-4,
    check_stability: bool = True,
    seed: Any = 0,
) -> EnergyRun:
    """Integrate second-order training and follow its energy `E = |v|^2/2 + L(theta)`.

    Parameters
    ----------
    loss, gradient : functions of parameters like `theta0`; the gradient has their form. They must not keep the array
        they are given, which changes from step to step
    theta0, v0 : one array, or a mapping of name to array; v0 is zero by default
    step, n_steps : time step h and number of steps
    friction, noise : gamma and sigma, not negative. Without both the integrator is leapfrog (velocity Verlet), else the
        splitting BAOAB, which solves friction and noise exactly
    runs : number of independent runs from the same start, which are stepped together; one by default
    batched : whether loss and gradient take a leading axis of runs; found out by default
    record_every : steps between records; by default about a thousand records are kept
    keep_trajectory : keep theta and v at the recorded times
    check_gradient, gradient_tolerance : compare the gradient with differences of the loss at the start
    check_stability : estimate the largest curvature at the start and on the way, and compare the step with the bound
    seed : of the noise, or a numpy Generator

    A run stops where something is no longer finite, keeps what it has and says at which step. Raises a LieLawsError for
    input that cannot be used. Equations and energy: arXiv 2505.19171.
    """
    h, steps = positive("step", step), count("n_steps", n_steps)
    gamma, sigma = nonnegative("friction", friction), nonnegative("noise", noise)
    rng, several = generator(seed), None if runs is None else count("runs", runs)
    every = max(1, steps // _RECORDS) if record_every is None else count("record_every", record_every)
    layout = Layout.of("theta0", theta0)
    theta, velocity = _start(layout, theta0, v0)
    problem = build_problem(loss, gradient, theta, layout)
    if flag("check_gradient", check_gradient):
        tolerance = positive("gradient_tolerance", gradient_tolerance)
        probe_gradient(problem, theta, np.random.default_rng(_PROBE_SEED), tolerance)
    probe = _Probe(problem, theta, h) if flag("check_stability", check_stability) else None
    if several is not None:
        check_memory("runs", f"{several:,} runs", 64 * several * layout.size, "make fewer at once, with other seeds")
        problem = Problem(loss, gradient, layout, batched=_batched(problem, theta, batched))
        theta, velocity = np.tile(theta, (several, 1)), np.tile(velocity, (several, 1))
    record = Record(-(-steps // every) + 1, theta.shape[:-1], layout.size, flag("keep_trajectory", keep_trajectory))
    integrator: Leapfrog | Splitting
    with np.errstate(all="ignore"):
        slope = lean_slope(problem, theta)
        if gamma == 0 and sigma == 0:
            integrator = Leapfrog(slope, theta, velocity, h)
        else:
            integrator = Splitting(slope, theta, velocity, h, gamma, sigma, rng)
        stop = _advance(integrator, problem, record, steps, every, probe)
    stability = None if probe is None else probe.stability
    return EnergyRun.of(record, layout, integrator.name, h, gamma, sigma, steps, stop, stability)


def _start(layout: Layout, theta0: Any, v0: Any) -> tuple[FloatArray, FloatArray]:
    theta = layout.flatten("theta0", theta0)
    velocity = np.zeros_like(theta) if v0 is None else layout.flatten("v0", v0)
    for name, values in (("theta0", theta), ("v0", velocity)):
        if not np.all(np.isfinite(values)):
            raise InvalidArgumentError(name, values, "finite numbers are needed")
    return theta, velocity


def _batched(problem: Problem, theta: FloatArray, wanted: bool | None) -> bool:
    """Whether runs are stepped in one call; if that is wished for, it has to be possible."""
    if wanted is not None and not flag("batched", wanted):
        return False
    possible = find_batched(problem, theta)
    if wanted and not possible:
        remedy = "loss and gradient do not take a leading axis of runs, or answer otherwise than for one run at a time"
        raise InvalidArgumentError("batched", wanted, remedy)
    return possible


def _advance(
    integrator: Leapfrog | Splitting, problem: Problem, record: Record, steps: int, every: int, probe: _Probe | None
) -> Stop | None:
    """Take all steps, and a record after every so many and after the last; why it ended early, if it did."""
    done = 0
    if not record.add(0, problem, integrator):
        raise InvalidArgumentError("v0", "energy not finite at the start", "a start with a finite energy is needed")
    spacing = max(1, math.ceil(steps / every / _PROBES))
    while done < steps:
        wanted = min(every, steps - done)
        taken = integrator.advance(wanted)
        if taken < wanted:
            return Stop(done + taken + 1, integrator.trouble)
        done += taken
        if not record.add(done, problem, integrator):
            return Stop(done, "the energy is no longer finite")
        if probe is not None and (record.filled - 1) % spacing == 0:
            probe.look(integrator.theta, done)
    return None


@dataclass
class _Probe:
    """Largest curvature seen so far, on the path of the first run."""

    problem: Problem
    theta: FloatArray
    step: float

    def __post_init__(self) -> None:
        start = np.random.default_rng(_PROBE_SEED + 1).standard_normal(self.theta.size)
        value, self.direction = top_curvature(self.problem.slope, self.theta, start, _FIRST_ITERATIONS)
        self.stability = Stability.of(value, self.step)

    def look(self, theta: FloatArray, done: int) -> None:
        point = theta if theta.ndim == 1 else theta[0]
        value, direction = top_curvature(self.problem.slope, point, self.direction, _LATER_ITERATIONS)
        if np.isfinite(value):
            self.direction = direction
            if not value <= self.stability.curvature:
                self.stability = Stability.of(value, self.step, done * self.step)
