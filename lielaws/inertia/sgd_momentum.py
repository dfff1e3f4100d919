"""SGD with momentum read as second-order training: which time step and friction a learning rate and a momentum are.

The optimizer steps `m' = mu m + (1 - tau) g`, `theta' = theta - eta u` with u = m', or u = g + mu m' with Nesterov's
momentum. Dampening tau scales the force, which is the same as the learning rate e = eta (1 - tau). Three readings:

* "central": h = sqrt(2 e/(1 + mu)), gamma h = 2 (1 - mu)/(1 + mu). The heavy ball is then exactly the scheme of central
  differences for theta'' + gamma theta' + grad L = 0; a step takes gamma h |(v + v')/2|^2 from |v|^2/2. Order 2.
* "exponential": the same h, gamma h = -ln mu. The heavy ball is exactly half a drift, half a kick, friction by the
  factor exp(-gamma h), half a kick, half a drift, read between its two drifts. Order 2.
* "euler": h = sqrt(e), gamma h = -ln mu. Kick, then drift: what is usually said, and only of order 1.

In all three v = -(eta/h) m is the velocity. A run that starts at rest (m = 0) has its position theta_n at the time
(n + 1/2) h, in the Euler reading n h, and its velocity v_n at n h. (PyTorch does not dampen the first step, which is an
initial kick that the flow does not have.) With the first two readings the largest stable curvature, h^2 lambda < 4, is
that of the heavy ball, eta (1 - tau) lambda < 2 (1 + mu). Nesterov's momentum evaluates the gradient ahead, at
psi + mu h v where psi is the heavy ball, which adds a friction mu h <v, H v>: all readings are then of order 1, and the
bound is eta lambda < 2 (1 + mu)/(1 + 2 mu).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from lielaws.checks import choice, flag, nonnegative, positive
from lielaws.errors import InvalidArgumentError

SCHEMES = ("central", "exponential", "euler")


@dataclass(frozen=True, slots=True)
class MomentumMap:
    """SGD with momentum as a discretization of second-order training.

    lr, momentum, dampening, nesterov : as in PyTorch's SGD; 0 <= momentum <= 1, 0 <= dampening < 1
    scheme : "central", "exponential" or "euler"; see the module

    Raises InvalidArgumentError for settings outside these ranges; a momentum above 1 would be negative friction.
    Derived here, not taken from arXiv 2505.19171; :func:`lielaws.inertia.momentum_statement` verifies it.
    """

    lr: float
    momentum: float
    dampening: float = 0.0
    nesterov: bool = False
    scheme: str = "central"

    def __post_init__(self) -> None:
        for name, value in (("lr", positive("lr", self.lr)), ("momentum", check_momentum(self.momentum))):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "dampening", check_dampening(self.dampening))
        check_nesterov(flag("nesterov", self.nesterov), self.momentum, self.dampening)
        choice("scheme", self.scheme, SCHEMES)
        if self.scheme != "central" and self.momentum == 0:
            raise InvalidArgumentError("momentum", self.momentum, "is infinite friction here; use scheme='central'")

    @classmethod
    def from_flow(
        cls, step: float, friction: float, dampening: float = 0.0, nesterov: bool = False, scheme: str = "central"
    ) -> MomentumMap:
        """The optimizer that steps the flow with this friction by this time step.

        Raises InvalidArgumentError where there is none: the central scheme has friction * step <= 2.
        """
        h, gamma = positive("step", step), nonnegative("friction", friction)
        choice("scheme", scheme, SCHEMES)
        if scheme == "central":
            if gamma * h > 2:
                raise InvalidArgumentError("step", step, f"with friction {gamma:g} at most {2 / gamma:g} is possible")
            mu = (2 - gamma * h) / (2 + gamma * h)
        else:
            mu = math.exp(-gamma * h)
        force = h**2 if scheme == "euler" else h**2 * (1 + mu) / 2
        return cls(force / (1 - check_dampening(dampening)), mu, dampening, nesterov, scheme)

    @property
    def effective_lr(self) -> float:
        """eta (1 - tau): what multiplies the gradient."""
        return self.lr * (1 - self.dampening)

    @property
    def time_step(self) -> float:
        """h, the time of the flow that one optimizer step takes."""
        return math.sqrt(self.effective_lr if self.scheme == "euler" else 2 * self.effective_lr / (1 + self.momentum))

    @property
    def friction(self) -> float:
        """gamma, by unit of the flow's time."""
        if self.scheme == "central":
            return 2 * (1 - self.momentum) / (1 + self.momentum) / self.time_step
        return math.log(1 / self.momentum) / self.time_step

    @property
    def order(self) -> int:
        """Order in h of the error at a fixed time, for a run from rest with the times of the module."""
        return 1 if self.nesterov or self.scheme == "euler" else 2

    @property
    def velocity_scale(self) -> float:
        """v = -velocity_scale * m, for the momentum buffer m."""
        return self.lr / self.time_step

    @property
    def largest_curvature(self) -> float:
        """Stable on a quadratic loss if and only if its eigenvalues are below this, and not negative."""
        return stability_limit(self.lr, self.momentum, self.dampening, self.nesterov)

    def position_time(self, step: int) -> float:
        """Time of the flow at which a run that starts at rest has reached the position theta_n."""
        return (step if self.scheme == "euler" else step + 0.5) * self.time_step

    def __str__(self) -> str:
        text = f"lr {self.lr:.6g}, momentum {self.momentum:.6g}"
        text += f", dampening {self.dampening:.6g}" if self.dampening else ""
        text += ", nesterov" if self.nesterov else ""
        flow = f"time step {self.time_step:.6g}, friction {self.friction:.6g} ({self.scheme}, order {self.order})"
        return f"{text}: {flow}, stable up to curvature {self.largest_curvature:.6g}"


def stability_limit(lr: float, momentum: float, dampening: float = 0.0, nesterov: bool = False) -> float:
    """Largest curvature of a quadratic loss on which the optimizer is stable; infinite for lr = 0."""
    if lr == 0:
        return math.inf
    return 2 * (1 + momentum) / (lr * (1 - dampening)) / (1 + 2 * momentum if nesterov else 1)


def check_momentum(value: Any) -> float:
    momentum = nonnegative("momentum", value)
    if momentum > 1:
        raise InvalidArgumentError(
            "momentum", value, "at most 1, which is no friction; more would be negative friction"
        )
    return momentum


def check_dampening(value: Any) -> float:
    dampening = nonnegative("dampening", value)
    if dampening >= 1:
        raise InvalidArgumentError("dampening", value, "must be below 1, or no force remains")
    return dampening


def check_nesterov(nesterov: bool, momentum: float, dampening: float) -> None:
    if nesterov and (momentum == 0 or dampening != 0):
        text = f"True with momentum {momentum:g}, dampening {dampening:g}"
        raise InvalidArgumentError("nesterov", text, "needs momentum > 0 and dampening = 0, as in PyTorch")
