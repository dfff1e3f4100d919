"""What a run of second-order training leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.errors import InvalidArgumentError
from lielaws.inertia.flat_parameters import Layout
from lielaws.inertia.recording import Record, Stop
from lielaws.inertia.stability import Stability


@dataclass(frozen=True, repr=False, eq=False)
class EnergyRun:
    """The energy of a run of second-order training at its recorded times.

    times : (records,)
    kinetic, potential : |v|^2/2 and L(theta), (records,), or (records, runs)
    dissipated, injected : energy that friction took and noise brought since the start, in the exact solution of
        v' = -gamma v + sigma dB/dt within each step; the same shapes
    theta, velocity : the last recorded state, in the form of the parameters, with a leading axis if there are several
        runs
    trajectory, velocities : the same at all recorded times, with that axis in front; None unless they were kept
    method : "leapfrog" or "BAOAB"
    step, friction, noise : h, gamma, sigma
    n_steps : number of steps behind the last record
    stopped : None if the run went through, else at which step it stopped, and why
    stability : estimate of how close the step is to the largest stable one; None if it was not asked for
    """

    times: FloatArray
    kinetic: FloatArray
    potential: FloatArray
    dissipated: FloatArray
    injected: FloatArray
    theta: Any
    velocity: Any
    trajectory: Any
    velocities: Any
    method: str
    step: float
    friction: float
    noise: float
    n_steps: int
    stopped: Stop | None
    stability: Stability | None

    @classmethod
    def of(
        cls,
        record: Record,
        layout: Layout,
        method: str,
        step: float,
        friction: float,
        noise: float,
        wanted: int,
        stop: Stop | None,
        stability: Stability | None,
    ) -> EnergyRun:
        """The result of what was recorded; `wanted` steps were asked for."""
        rows = record.filled
        steps = record.steps[:rows]
        assert stop is not None or int(steps[-1]) == wanted
        return cls(
            times=steps * np.float64(step),
            kinetic=record.kinetic[:rows],
            potential=record.potential[:rows],
            dissipated=record.dissipated[:rows],
            injected=record.injected[:rows],
            theta=layout.shaped(record.last[0]),
            velocity=layout.shaped(record.last[1]),
            trajectory=None if record.theta is None else layout.shaped(record.theta[:rows]),
            velocities=None if record.velocity is None else layout.shaped(record.velocity[:rows]),
            method=method,
            step=step,
            friction=friction,
            noise=noise,
            n_steps=int(steps[-1]),
            stopped=stop,
            stability=stability,
        )

    @property
    def energy(self) -> FloatArray:
        """E = |v|^2/2 + L(theta) at each recorded time."""
        return np.asarray(self.kinetic + self.potential)

    @property
    def created(self) -> FloatArray:
        """Energy that the finite step created since the start, negative where it lost some; second order in the step.

        The measured energy minus its start, plus what friction took, minus what noise brought.
        """
        return np.asarray(self.energy - self.energy[0] + self.dissipated - self.injected)

    @property
    def runs(self) -> int:
        return 1 if self.energy.ndim == 1 else self.energy.shape[1]

    @property
    def mean_energy(self) -> FloatArray:
        """Mean over the runs, (records,)."""
        return np.asarray(self.energy if self.energy.ndim == 1 else self.energy.mean(axis=1))

    @property
    def standard_error(self) -> FloatArray:
        """Standard error of the mean energy, (records,); NaN for a single run."""
        if self.runs == 1:
            return np.full(len(self.times), np.nan)
        return np.asarray(self.energy.std(axis=1, ddof=1) / np.sqrt(self.runs))

    @property
    def band(self) -> float:
        """Largest distance of the created energy from zero: for leapfrog, how far the energy strays from its start."""
        return float(np.max(np.abs(self.created)))

    @property
    def drift(self) -> float:
        """Slope of the created energy over time, by least squares, of the mean over the runs."""
        created = self.created if self.created.ndim == 1 else self.created.mean(axis=1)
        centred = self.times - self.times.mean()
        with np.errstate(over="ignore", invalid="ignore"):
            return float(centred @ created / (centred @ centred)) if len(self.times) > 1 else 0.0

    def deviation(self, theory: Callable[[FloatArray], FloatArray]) -> FloatArray:
        """(mean energy - theory(times)) / standard error, (records,); 0 where both are equal, as at the start.

        Raises InvalidArgumentError for a single run, which has no standard error.
        """
        if self.runs == 1:
            raise InvalidArgumentError("runs", 1, "several runs are needed for a standard error")
        gap, error = self.mean_energy - theory(self.times), self.standard_error
        rounding = 1e-12 * (1 + np.abs(self.mean_energy))
        safe = np.where(error > rounding, error, rounding)
        return np.asarray(np.where(np.abs(gap) <= rounding, 0.0, gap / safe))

    def to_dict(self) -> dict[str, Any]:
        """Everything but states and trajectories, as lists and numbers that JSON can hold."""
        names = ("times", "kinetic", "potential", "dissipated", "injected")
        arrays = {name: getattr(self, name).tolist() for name in names}
        settings = {name: getattr(self, name) for name in ("method", "step", "friction", "noise", "n_steps", "runs")}
        ends = {
            name: None if (value := getattr(self, name)) is None else asdict(value) for name in ("stopped", "stability")
        }
        return {**settings, **ends, **arrays}

    def __str__(self) -> str:
        first, last = float(self.mean_energy[0]), float(self.mean_energy[-1])
        lines = [
            f"{self.method}, {self.n_steps} steps of {self.step:.6g}, friction {self.friction:.6g}, "
            f"noise {self.noise:.6g}" + (f", {self.runs} runs" if self.runs > 1 else ""),
            f"  energy      {first:.8g} at the start, {last:.8g} at t = {self.times[-1]:.6g}",
        ]
        for name in ("dissipated", "injected", "created"):
            value = float(np.mean(getattr(self, name)[-1]))
            lines.append(f"  {name:<11} {value:.6g}")
        lines.append(f"  strays      by {self.band:.3g} at most, slope {self.drift:.3g} per unit of time")
        if self.stability is not None:
            lines.append(f"  step        {self.stability}")
        if self.stopped is not None:
            lines.append(f"  {self.stopped}; what came before is kept")
        return "\n".join(lines)

    def __repr__(self) -> str:
        end = "" if self.stopped is None else f", {self.stopped}"
        return f"EnergyRun({self.method}, {self.n_steps} steps of {self.step:.6g}, {self.runs} runs{end})"
