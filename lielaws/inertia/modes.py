"""One mode of a quadratic loss: x'' + gamma x' + lambda x = sigma dB/dt, in closed form.

With Delta = gamma^2/4 - lambda let C = cosh(sqrt(Delta) t), S = sinh(sqrt(Delta) t)/sqrt(Delta): cos and sin for an
underdamped mode (Delta < 0), and 1 and t for a critical one. The propagator is

    x(t) = e^(-gamma t/2) ((C + gamma S/2) x0 + S v0),    v(t) = e^(-gamma t/2) (-lambda S x0 + (C - gamma S/2) v0),

and C^2 = 1 + Delta S^2 turns v^2/2 + lambda x^2/2 into the energy below. Noise adds the integral of its square.
All of it holds for every real lambda, zero (a free direction) and negative ones (a saddle) included, and for gamma = 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

from lielaws.errors import ExactnessError
from lielaws.inertia.exact_numbers import sign
from lielaws.inertia.statements import Step

if TYPE_CHECKING:
    import sympy

REGIMES = {1: "overdamped", 0: "critical", -1: "underdamped", None: "undecided"}


@dataclass(frozen=True)
class Mode:
    """The directions of one eigenvalue, and what the flow started with there.

    eigenvalue : lambda
    multiplicity : number of directions, each of which gets its own noise
    xx, xv, vv : |x0|^2, <x0, v0> and |v0|^2 within these directions
    """

    eigenvalue: sympy.Expr
    multiplicity: int
    xx: sympy.Expr
    xv: sympy.Expr
    vv: sympy.Expr

    @property
    def name(self) -> str:
        """The eigenvalue as it is printed: by twelve digits if it has no form in square roots."""
        import sympy

        if not self.eigenvalue.has(sympy.CRootOf):
            return str(self.eigenvalue)
        degree = self.eigenvalue.expr.as_poly().degree()
        return f"{sympy.N(self.eigenvalue, 12)} (exact, a root of degree {degree})"

    def discriminant(self, gamma: sympy.Expr) -> sympy.Expr:
        return gamma**2 / 4 - self.eigenvalue

    def regime(self, gamma: sympy.Expr) -> str:
        """overdamped, critical, underdamped, or undecided where it depends on symbols."""
        return REGIMES[sign(self.discriminant(gamma))]


@dataclass(frozen=True)
class Response:
    """C and S as functions of time, and what follows from them.

    eigenvalue, gamma, sigma, time : lambda and the other quantities of the flow
    cosine, sine : C and S of the module's header
    """

    eigenvalue: sympy.Expr
    gamma: sympy.Expr
    sigma: sympy.Expr
    time: sympy.Symbol
    cosine: sympy.Expr
    sine: sympy.Expr

    @cached_property
    def decay(self) -> sympy.Expr:
        import sympy

        return sympy.exp(-self.gamma * self.time)

    @cached_property
    def propagator(self) -> sympy.Matrix:
        import sympy

        half = sympy.exp(-self.gamma * self.time / 2)
        lean = self.gamma * self.sine / 2
        rows = [[self.cosine + lean, self.sine], [-self.eigenvalue * self.sine, self.cosine - lean]]
        return half * sympy.Matrix(rows)

    def energy(self, mode: Mode) -> sympy.Expr:
        """Expected energy of the mode."""
        kinetic, potential = mode.vv / 2, self.eigenvalue * mode.xx / 2
        gamma, C, S = self.gamma, self.cosine, self.sine
        still = (kinetic + potential) * (1 + gamma**2 * S**2 / 2)
        swing = gamma * (potential - kinetic) * C * S + gamma * self.eigenvalue * mode.xv * S**2
        return self.decay * (still + swing) + mode.multiplicity * self._noise

    def square_velocity(self, mode: Mode) -> sympy.Expr:
        """Expected |v|^2 of the mode, twice its kinetic energy."""
        rest = mode.multiplicity * (self._noise + self.sigma**2 * self.decay * self.cosine * self.sine / 2)
        return self._quadratic(1, mode) + rest

    def square_position(self, mode: Mode) -> sympy.Expr:
        """Expected lambda |x|^2 of the mode, twice its potential energy."""
        rest = mode.multiplicity * (self._noise - self.sigma**2 * self.decay * self.cosine * self.sine / 2)
        return self.eigenvalue * self._quadratic(0, mode) + rest

    def overlap(self, mode: Mode) -> sympy.Expr:
        """Expected <x, v> of the mode."""
        P = self.propagator
        sure = P[0, 0] * P[1, 0] * mode.xx + P[0, 1] * P[1, 1] * mode.vv
        sure += (P[0, 0] * P[1, 1] + P[0, 1] * P[1, 0]) * mode.xv
        return sure + mode.multiplicity * self.sigma**2 * self.decay * self.sine**2 / 2

    def _quadratic(self, row: int, mode: Mode) -> sympy.Expr:
        a, b = self.propagator[row, 0], self.propagator[row, 1]
        return a**2 * mode.xx + 2 * a * b * mode.xv + b**2 * mode.vv

    @cached_property
    def _noise(self) -> sympy.Expr:
        """Energy that noise has brought in: sigma^2/2 (1 - e^(-gamma t))/gamma - sigma^2 gamma/4 e^(-gamma t) S^2."""
        import sympy

        gamma, time = self.gamma, self.time
        if gamma.is_zero:
            return self.sigma**2 * time / 2
        lasting = (1 - self.decay) / gamma
        if not gamma.is_nonzero and sign(gamma) is None:
            lasting = sympy.Piecewise((time, sympy.Eq(gamma, 0)), (lasting, True))
        return self.sigma**2 * lasting / 2 - self.sigma**2 * gamma * self.decay * self.sine**2 / 4


def response(eigenvalue: sympy.Expr, gamma: sympy.Expr, sigma: sympy.Expr, time: sympy.Symbol, regime: str) -> Response:
    """The response of a mode whose regime is known."""
    import sympy

    rate = sympy.sqrt(abs_discriminant(eigenvalue, gamma, regime))
    if regime == "critical":
        pair = sympy.Integer(1), time
    elif regime == "underdamped":
        pair = sympy.cos(rate * time), sympy.sin(rate * time) / rate
    else:
        pair = sympy.cosh(rate * time), sympy.sinh(rate * time) / rate
    return Response(eigenvalue, gamma, sigma, time, *pair)


def abs_discriminant(eigenvalue: sympy.Expr, gamma: sympy.Expr, regime: str) -> sympy.Expr:
    """|gamma^2/4 - lambda|, with the sign that the regime gives it."""
    discriminant = gamma**2 / 4 - eigenvalue
    return -discriminant if regime == "underdamped" else discriminant


@cache
def verify_regime(regime: str, frictionless: bool, noisy: bool) -> tuple[Step, ...]:
    """The closed form of a regime against the equations of motion, in symbols, so for all modes of that regime.

    Raises ExactnessError at a step that sympy does not confirm.
    """
    steps = _regime_steps(regime, frictionless, noisy)
    for step in steps:
        if not step.holds:
            raise ExactnessError(f"{regime} mode: this step does not hold: {step}")
    return steps


def _regime_steps(regime: str, frictionless: bool, noisy: bool) -> tuple[Step, ...]:
    import sympy

    time = sympy.Symbol("t", nonnegative=True)
    gamma = sympy.Integer(0) if frictionless else sympy.Symbol("gamma", positive=True)
    sigma = sympy.Symbol("sigma", positive=True) if noisy else sympy.Integer(0)
    rate = sympy.Symbol("omega" if regime == "underdamped" else "kappa", positive=True)
    size = {"underdamped": -(rate**2), "critical": sympy.Integer(0), "overdamped": rate**2}[regime]
    eigenvalue = gamma**2 / 4 - size
    found = response(eigenvalue, gamma, sigma, time, regime)
    mode = Mode(eigenvalue, 1, *sympy.symbols("xx xv vv", real=True))
    drift = sympy.Matrix([[0, 1], [-eigenvalue, -gamma]])
    P, moved = found.propagator, found.propagator.diff(time) - drift * found.propagator
    energy, square = found.energy(mode), found.square_velocity(mode)
    position, overlap = found.square_position(mode), found.overlap(mode)
    zero = sympy.Integer(0)
    texts = [("x' = v", 0), ("v' = -gamma v - lambda x", 1)]
    motion = [
        Step(f"{text}, from {start}", moved[row, column], zero)
        for text, row in texts
        for column, start in enumerate(("x0", "v0"))
    ]
    start = [Step("starts from the identity", P[k].subs(time, 0), sympy.eye(2)[k]) for k in range(4)]
    moments = [
        Step("d E[lambda x^2]/dt = 2 lambda E[x v]", position.diff(time), 2 * eigenvalue * overlap),
        Step(
            "d E[x v]/dt = E[v^2] - gamma E[x v] - E[lambda x^2]",
            overlap.diff(time),
            square - gamma * overlap - position,
        ),
        Step(
            "d E[v^2]/dt = -2 gamma E[v^2] - 2 lambda E[x v] + sigma^2",
            square.diff(time),
            -2 * gamma * square - 2 * eigenvalue * overlap + sigma**2,
        ),
        Step("E[lambda x^2] at the start", position.subs(time, 0), eigenvalue * mode.xx),
        Step("E[x v] at the start", overlap.subs(time, 0), mode.xv),
        Step("E[v^2] at the start", square.subs(time, 0), mode.vv),
    ]
    balance = [
        Step("the energy is half of E[v^2] + E[lambda x^2]", energy, (square + position) / 2),
        Step("d E[E]/dt = -gamma E[v^2] + sigma^2/2", energy.diff(time), -gamma * square + sigma**2 / 2),
    ]
    return (*motion, *start, *moments, *balance)
