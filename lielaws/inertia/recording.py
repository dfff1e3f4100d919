"""What a run writes down, in memory that is known before it starts."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import FloatArray
from lielaws.errors import SizeError
from lielaws.inertia.integrators import Leapfrog, Splitting, squares
from lielaws.inertia.user_loss import NOT_FINITE, Problem, pass_on


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a run ended before it was done.

    step : the step after which something was no longer finite, counted from 1
    reason : what
    """

    step: int
    reason: str

    def __str__(self) -> str:
        return f"stopped at step {self.step}: {self.reason}"


@dataclass
class Record:
    """Rows of a run, one for each recorded time; what is not reached stays out of the result.

    rows : number of rows at most
    lead : () for one run, (runs,) for several
    """

    rows: int
    lead: tuple[int, ...]
    size: int
    keep_trajectory: bool
    filled: int = 0
    steps: npt.NDArray[np.int64] = field(init=False)
    kinetic: FloatArray = field(init=False)
    potential: FloatArray = field(init=False)
    dissipated: FloatArray = field(init=False)
    injected: FloatArray = field(init=False)
    theta: FloatArray | None = None
    velocity: FloatArray | None = None
    last: tuple[FloatArray, FloatArray] = field(init=False)

    def __post_init__(self) -> None:
        columns = 4 + (2 * self.size if self.keep_trajectory else 0)
        needed = 8 * self.rows * columns * math.prod(self.lead)
        text, remedy = f"{self.rows:,} records", "record less often, or do not keep the trajectory"
        check_memory("record_every", text, needed, remedy)
        self.steps = np.zeros(self.rows, dtype=np.int64)
        shape = (self.rows, *self.lead)
        self.kinetic, self.potential = np.zeros(shape), np.zeros(shape)
        self.dissipated, self.injected = np.zeros(shape), np.zeros(shape)
        if self.keep_trajectory:
            self.theta, self.velocity = np.zeros((*shape, self.size)), np.zeros((*shape, self.size))

    def add(self, step: int, problem: Problem, integrator: Leapfrog | Splitting) -> bool:
        """Write the state down; False if its energy is not finite, which is then left out."""
        theta, velocity = integrator.theta, integrator.velocity
        try:
            potential, kinetic = problem.value(theta), squares(velocity) / 2
        except NOT_FINITE as trouble:
            pass_on(trouble)
            return False
        if not np.all(np.isfinite(potential + kinetic)):
            return False
        row = self.filled
        self.steps[row], self.kinetic[row], self.potential[row] = step, kinetic, potential
        self.dissipated[row], self.injected[row] = integrator.dissipated, integrator.injected
        if self.theta is not None and self.velocity is not None:
            self.theta[row], self.velocity[row] = theta, velocity
        self.last = theta.copy(), velocity.copy()
        self.filled += 1
        return True


def check_memory(argument: str, text: str, needed: int, remedy: str) -> None:
    """Refuse what would not fit into half of the memory, before it is taken."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        memory = 8 * 2**30
    if needed > memory / 2:
        raise SizeError(argument, f"{text}, about {needed / 2**30:,.1f} GiB", remedy)
