"""The energy of second-order training for a loss that is not known: an undefined function of D coordinates.

The equations of motion are theta' = v and v' = -gamma v - grad L(theta) + sigma dB/dt, the energy is
E = |v|^2/2 + L(theta). arXiv 2505.19171 states that E is constant without friction, how it decays with it, and what
noise adds; the derivations, the stationary density and what follows from it are written out and checked here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lielaws.checks import count
from lielaws.errors import SizeError
from lielaws.inertia.exact_numbers import parameter
from lielaws.inertia.statements import OURS, PAPER, EnergyStatement, Step

if TYPE_CHECKING:
    import sympy

_MOST_COORDINATES = 32
_REGULAR = "L has a locally Lipschitz gradient, so that trajectories exist and are unique"
_BOUNDED = "L is bounded below, so that trajectories exist for all times and the local martingale is a martingale"


def energy_balance(dimension: int = 2, friction: Any = None) -> EnergyStatement:
    """`dE/dt = -gamma |v|^2` along every trajectory, for every loss; with `friction=0`, E is constant.

    Parameters
    ----------
    dimension : number D of coordinates
    friction : gamma; a symbol by default, or a number that is not negative, or an expression in the time `t` (such as
        3/t, as in Nesterov's method)

    The statement of arXiv 2505.19171. Differentiates E along theta(t), v(t) with L an undefined function, and inserts
    the equations of motion.
    """
    import sympy

    gamma = parameter("friction", friction, "gamma")
    time = sympy.Symbol("t", real=True)
    indices = range(1, _dimension(dimension) + 1)
    theta = [sympy.Function(f"theta{i}", real=True)(time) for i in indices]
    velocity = [sympy.Function(f"v{i}", real=True)(time) for i in indices]
    loss = sympy.Function("L", real=True)(*theta)
    slope = [loss.diff(coordinate) for coordinate in theta]
    gamma = gamma.subs({symbol: time for symbol in gamma.free_symbols if symbol.name == "t"})
    energy = sympy.Add(*(v**2 / 2 for v in velocity), loss)
    motion = {x.diff(time): v for x, v in zip(theta, velocity, strict=True)}
    motion |= {v.diff(time): -gamma * v - g for v, g in zip(velocity, slope, strict=True)}
    chain = sympy.Add(*(v * v.diff(time) + g * x.diff(time) for x, v, g in zip(theta, velocity, slope, strict=True)))
    result = -gamma * sympy.Add(*(v**2 for v in velocity))
    motion_v = (v * (v.diff(time) + gamma * v + g) for v, g in zip(velocity, slope, strict=True))
    motion_x = (g * (x.diff(time) - v) for x, v, g in zip(theta, velocity, slope, strict=True))
    moved = (
        entry
        for x, v, g in zip(theta, velocity, slope, strict=True)
        for entry in (v * motion[v.diff(time)], g * motion[x.diff(time)])
    )
    along = sympy.Add(*moved, evaluate=False)
    steps = (
        Step("chain rule", sympy.Derivative(energy, time), chain),
        Step("regroup by the equations of motion", chain, sympy.Add(result, *motion_v, *motion_x, evaluate=False)),
        Step("on the flow the brackets vanish", along, result),
    )
    constant = gamma == 0
    return EnergyStatement(
        "Energy without friction" if constant else "Energy with friction",
        "dE/dt = 0" if constant else f"dE/dt = -({gamma}) |v|^2" if friction is not None else "dE/dt = -gamma |v|^2",
        r"\frac{dE}{dt} = 0" if constant else rf"\frac{{dE}}{{dt}} = -{_factor(gamma)} |v|^2",
        PAPER,
        along,
        result,
        (_REGULAR,),
        steps,
    )


def expected_energy_balance(dimension: int = 2, friction: Any = None, noise: Any = None) -> EnergyStatement:
    """`d E[E]/dt = -gamma E|v|^2 + sigma^2 D / 2`: the generator of the noisy flow applied to the energy.

    Parameters
    ----------
    dimension : number D of coordinates
    friction, noise : gamma and sigma; symbols by default, or numbers or expressions that are not negative. The noise is
        white, of strength sigma in every coordinate of the velocity

    The statement of arXiv 2505.19171. Ito's formula gives `dE = (A E) dt + sigma <v, dB>` with the generator
    `A f = <v, grad_theta f> + <-gamma v - grad L, grad_v f> + sigma^2/2 laplace_v f`; its expectation is Dynkin's
    formula. For gamma = 0 the energy grows by sigma^2/2 in unit time and coordinate, whatever the loss.
    """
    flow = _Flow.build(dimension, friction, noise)
    energy, gamma, sigma = flow.energy, flow.gamma, flow.sigma
    drift, diffusion = flow.transport(energy), flow.diffusion(energy)
    dissipated, added = -gamma * flow.square, sigma**2 * flow.dimension / 2
    generator = drift + diffusion
    steps = (
        Step("the drift dissipates", drift, dissipated),
        Step("Ito's correction: the second derivatives", diffusion, added),
        Step("the generator applied to E", generator, dissipated + added),
    )
    text = "d E[E]/dt = -gamma E|v|^2 + sigma^2 D / 2"
    named = {"gamma": gamma, "sigma": sigma} if friction is not None or noise is not None else {}
    where = ", ".join([f"D = {flow.dimension}", *(f"{name} = {value}" for name, value in named.items())])
    return EnergyStatement(
        "Expected energy with noise",
        f"{text}, {where}",
        r"\frac{d}{dt} \mathbb{E}[E] = -\gamma\, \mathbb{E}|v|^2 + \frac{\sigma^2 D}{2}",
        PAPER,
        generator,
        dissipated + added,
        (_REGULAR, _BOUNDED),
        steps,
    )


def stationary_density(dimension: int = 2) -> EnergyStatement:
    """`exp(-2 gamma E / sigma^2)` is stationary: the adjoint of the generator maps it to zero, for every loss.

    Velocities are then Gaussian and independent of theta, with `E v_i^2 = sigma^2/(2 gamma)`: the mean kinetic
    energy is `D sigma^2/(4 gamma)`, whatever the loss. Standard for Langevin dynamics; derived here, not in the paper.
    """
    import sympy

    flow = _Flow.build(dimension, None, None)
    gamma, sigma = flow.gamma, flow.sigma
    density = sympy.exp(-2 * gamma * flow.energy / sigma**2)
    outflow = flow.adjoint(density)
    marginal = sympy.exp(-gamma * flow.velocity[0] ** 2 / sigma**2)
    line = (flow.velocity[0], -sympy.oo, sympy.oo)
    second, mass = sympy.Integral(flow.velocity[0] ** 2 * marginal, line), sympy.Integral(marginal, line)
    square = sympy.Symbol("S", nonnegative=True)
    balance = -gamma * square + sigma**2 * flow.dimension / 2
    steps = (
        Step("the Fokker-Planck equation", outflow, sympy.Integer(0)),
        Step("the velocity is a factor of the density, with E v_i^2", second / mass, sigma**2 / (2 * gamma)),
        Step(
            "the balance of the expected energy at rest, solved for E|v|^2, agrees",
            sympy.solve(balance, square)[0],
            sigma**2 * flow.dimension / (2 * gamma),
        ),
    )
    return EnergyStatement(
        "Stationary density",
        "exp(-2 gamma E / sigma^2) is stationary; E v_i^2 = sigma^2/(2 gamma) for each coordinate",
        r"\rho \propto e^{-2 \gamma E / \sigma^2}, \qquad \mathbb{E} v_i^2 = \frac{\sigma^2}{2 \gamma}",
        OURS,
        outflow,
        sympy.Integer(0),
        (_REGULAR, "gamma > 0 and exp(-2 gamma L / sigma^2) can be integrated over theta"),
        steps,
    )


@dataclass(frozen=True)
class _Flow:
    """Coordinates of the noisy flow, and its generator."""

    theta: tuple[sympy.Symbol, ...]
    velocity: tuple[sympy.Symbol, ...]
    loss: sympy.Expr
    gamma: sympy.Expr
    sigma: sympy.Expr

    @classmethod
    def build(cls, dimension: int, friction: Any, noise: Any) -> _Flow:
        import sympy

        indices = range(1, _dimension(dimension) + 1)
        theta = tuple(sympy.Symbol(f"theta{i}", real=True) for i in indices)
        velocity = tuple(sympy.Symbol(f"v{i}", real=True) for i in indices)
        loss = sympy.Function("L", real=True)(*theta)
        return cls(theta, velocity, loss, parameter("friction", friction, "gamma"), parameter("noise", noise, "sigma"))

    @property
    def dimension(self) -> int:
        return len(self.theta)

    @property
    def square(self) -> sympy.Expr:
        import sympy

        return sympy.Add(*(v**2 for v in self.velocity))

    @property
    def energy(self) -> sympy.Expr:
        return self.square / 2 + self.loss

    @property
    def force(self) -> list[sympy.Expr]:
        pairs = zip(self.theta, self.velocity, strict=True)
        return [-self.gamma * v - self.loss.diff(x) for x, v in pairs]

    def transport(self, function: sympy.Expr) -> sympy.Expr:
        """<drift, grad function>."""
        import sympy

        along = [v * function.diff(x) for x, v in zip(self.theta, self.velocity, strict=True)]
        pushed = [force * function.diff(v) for force, v in zip(self.force, self.velocity, strict=True)]
        return sympy.Add(*along, *pushed)

    def diffusion(self, function: sympy.Expr) -> sympy.Expr:
        """sigma^2/2 times the Laplacian in the velocity, written but not carried out."""
        import sympy

        return sympy.Add(*(self.sigma**2 / 2 * sympy.Derivative(function, (v, 2)) for v in self.velocity))

    def adjoint(self, density: sympy.Expr) -> sympy.Expr:
        """The right-hand side of the Fokker-Planck equation, its derivatives written but not carried out."""
        import sympy

        along = [-sympy.Derivative(v * density, x) for x, v in zip(self.theta, self.velocity, strict=True)]
        pushed = [-sympy.Derivative(force * density, v) for force, v in zip(self.force, self.velocity, strict=True)]
        return sympy.Add(*along, *pushed, self.diffusion(density))


def _dimension(dimension: Any) -> int:
    number = count("dimension", dimension)
    if number > _MOST_COORDINATES:
        raise SizeError(
            "dimension", dimension, f"at most {_MOST_COORDINATES} coordinates are written out; each is alike"
        )
    return number


def _factor(expression: sympy.Expr) -> str:
    import sympy

    return str(sympy.latex(expression)) if expression.is_Atom else rf"\left({sympy.latex(expression)}\right)"
