"""One step of SGD with momentum in the energy ledger: where its change of energy comes from, as exact algebra.

Heavy-ball SGD is `m' = mu m + (1 - tau) g`, `theta' = theta - eta m'`, and in the central reading of
lielaws.inertia.sgd_momentum the energy between two positions is

    E = eta (1 + mu)/(4 (1 - tau)) |m|^2 + (L(theta) + L(theta'))/2,

|v|^2/2 plus the mean of the loss at both ends. Its change over a step, with n = (m + m')/2, p = -eta n, displacements d
(this step) and d0 (the one before), G the gradient of the loss and g the one that was used, is the sum of

    friction        -eta (1 - mu)/(1 - tau) |n|^2, which is -gamma h |(v + v')/2|^2
    noise           -<g - G, p>
    discretization  (L' - L - <G, d>)/2 + (L - L0 - <G, d0>)/2
    lookahead       <G, a + a0>/2 with a = -eta mu (m' - m), only with Nesterov's momentum
    schedule        what a change of eta or mu does to the velocity and the displacement
    external        <G, e + e0>/2 with e the part of d that the optimizer does not explain

whatever L, G, g and the displacements are. On a quadratic loss the discretization is the change of <d, H d>/4: it
comes back in a stable run and grows without bound in an unstable one.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.inertia.sgd_momentum import stability_limit

PARTS = ("friction", "noise", "discretization", "unresolved", "lookahead", "schedule", "external")
MEANINGS = {
    "friction": "dissipated by friction",
    "noise": "injected by minibatch noise",
    "discretization": "created by the finite step",
    "unresolved": "noise and finite step together",
    "lookahead": "taken by Nesterov's lookahead",
    "schedule": "from changes of learning rate or momentum",
    "external": "from moves that the optimizer does not explain",
}


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """The change of energy over one step, or over several if they were summed, and its parts.

    step : number of the step, from 1; the last one of the sum
    steps : how many steps are summed
    lr, momentum : of that step
    time : h summed over all steps so far, the time of the flow
    energy, kinetic, potential : after the step
    change : of the energy, measured
    friction, noise, discretization, unresolved, lookahead, schedule, external : its parts; `unresolved` is noise and
        discretization together, where a minibatch gradient was given without the full one
    residual : change minus the sum of the parts: rounding
    curvature, limit : <dG, d>/|d|^2 along the step, and the largest stable one; of the step that came closest to its
        limit, or went beyond it most. NaN where full gradients were not known at both ends
    above_limit : number of steps with a curvature above their limit
    unexplained : largest size of a move that the optimizer does not explain, relative to the whole move
    mismatches : number of steps in which it was more than rounding
    """

    step: int
    steps: int
    lr: float
    momentum: float
    time: float
    energy: float
    kinetic: float
    potential: float
    change: float
    friction: float
    noise: float
    discretization: float
    unresolved: float
    lookahead: float
    schedule: float
    external: float
    residual: float
    curvature: float
    limit: float
    above_limit: int
    unexplained: float
    mismatches: int

    @property
    def unstable(self) -> bool:
        """Whether a step was too large for the curvature along it."""
        return self.above_limit > 0

    @property
    def finite(self) -> bool:
        return all(math.isfinite(getattr(self, name)) for name in ("energy", "change", *PARTS))

    def __add__(self, later: LedgerEntry) -> LedgerEntry:
        """This entry and a later one as one: changes are summed, states are those of the later one."""
        if not isinstance(later, LedgerEntry):
            return NotImplemented
        summed = {name: getattr(self, name) + getattr(later, name) for name in _SUMMED}
        closest = self if _closeness(self) >= _closeness(later) or math.isnan(later.curvature) else later
        state = {field.name: getattr(later, field.name) for field in fields(later)}
        curve = {"curvature": closest.curvature, "limit": closest.limit}
        return LedgerEntry(**state | summed | curve | {"unexplained": max(self.unexplained, later.unexplained)})

    def to_dict(self) -> dict[str, Any]:
        """All numbers; NaN becomes None, which JSON can hold."""
        return {name: None if _is_nan(value) else value for name, value in asdict(self).items()}


_SUMMED = ("steps", "change", *PARTS, "residual", "above_limit", "mismatches")


@dataclass(frozen=True, slots=True)
class OpenStep:
    """What is known of a step when its gradient has come in; closed when the next position has.

    lr, momentum, dampening, nesterov : of this step
    force : 1 - tau, or 1 on the first step of a new buffer
    theta, loss, full, used : theta_n, L_n, G_n and the gradient that was used
    resolved : whether `full` is the gradient of the loss
    before, after : momentum buffers m_n and m_{n+1}
    """

    lr: float
    momentum: float
    dampening: float
    nesterov: bool
    force: float
    theta: FloatArray
    loss: float
    full: FloatArray
    used: FloatArray
    resolved: bool
    before: FloatArray
    after: FloatArray

    @property
    def weight(self) -> float:
        """|v|^2/2 is this times |m|^2."""
        return self.lr * (1 + self.momentum) / (4 * (1 - self.dampening))

    @property
    def update(self) -> FloatArray:
        """u, so that theta' = theta - eta u."""
        return self.used + self.momentum * self.after if self.nesterov else self.after


@dataclass(frozen=True, slots=True)
class ClosedStep:
    """What the next step needs to know of the last one.

    loss : L_n, at its start
    weight, lr : of its kinetic energy and its displacement
    kinetic, potential : of its energy
    moved : d, its displacement
    ahead, strange : a and e, the parts of it that are Nesterov's and that nobody explains
    """

    loss: float
    weight: float
    lr: float
    kinetic: float
    potential: float
    moved: FloatArray
    ahead: FloatArray
    strange: FloatArray

    @classmethod
    def at_rest(cls, first: OpenStep) -> ClosedStep:
        """Before the first step: no velocity, and the loss where it starts."""
        zero = np.zeros_like(first.theta)
        return cls(first.loss, first.weight, first.lr, 0.0, first.loss, zero, zero, zero)


def close_step(opened: OpenStep, theta: FloatArray, loss: float) -> ClosedStep:
    """The step once the position after it, and the loss there, are known."""
    moved = theta - opened.theta
    ahead = opened.lr * (opened.after - opened.update)
    kinetic = opened.weight * float(opened.after @ opened.after)
    potential = (opened.loss + loss) / 2
    strange = moved + opened.lr * opened.update
    return ClosedStep(opened.loss, opened.weight, opened.lr, kinetic, potential, moved, ahead, strange)


def split_change(opened: OpenStep, last: ClosedStep, closed: ClosedStep, loss: float) -> dict[str, float]:
    """The parts of the change of energy over a step, by name; they sum to it up to rounding."""
    eta, mu, tau = opened.lr, opened.momentum, opened.dampening
    full, before = opened.full, opened.before
    mean = (before + opened.after) / 2
    finite_step = (loss - opened.loss - float(full @ closed.moved)) / 2
    finite_step += (opened.loss - last.loss - float(full @ last.moved)) / 2
    schedule = (opened.weight - last.weight) * float(before @ before)
    schedule += (eta - last.lr) / 2 * float(full @ before)
    schedule += eta * (opened.force / (1 - tau) - 1) * float(opened.used @ mean)
    return {
        "friction": -eta * (1 - mu) / (1 - tau) * float(mean @ mean),
        "noise": eta * float((opened.used - full) @ mean),
        "discretization": finite_step if opened.resolved else 0.0,
        "unresolved": 0.0 if opened.resolved else finite_step,
        "lookahead": float(full @ (closed.ahead + last.ahead)) / 2,
        "schedule": schedule,
        "external": float(full @ (closed.strange + last.strange)) / 2,
    }


def curvature_along(opened: OpenStep, moved: FloatArray, later: FloatArray, unit: float) -> float:
    """<dG, d>/|d|^2, NaN where the step is so short that rounding decides."""
    length = float(np.sqrt(moved @ moved))
    if length <= 100 * unit * float(np.sqrt(opened.theta @ opened.theta)) or length == 0:
        return math.nan
    return float((later - opened.full) @ moved) / length**2


def limit_of(opened: OpenStep) -> float:
    return stability_limit(opened.lr, opened.momentum, opened.dampening, opened.nesterov)


def _closeness(entry: LedgerEntry) -> float:
    return -math.inf if math.isnan(entry.curvature) else entry.curvature / entry.limit


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
