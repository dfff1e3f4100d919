"""The algebra behind lielaws.inertia.sgd_momentum and lielaws.inertia.entries, checked by sympy for one coordinate.

All identities are sums over coordinates of one and the same, so that one coordinate stands for any number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lielaws.inertia.statements import OURS, EnergyStatement, Step

if TYPE_CHECKING:
    import sympy

_TERMS = 7


def momentum_statement() -> EnergyStatement:
    """Heavy-ball SGD is a scheme of second order for the flow with friction; see :class:`MomentumMap`.

    The steps: the change of variables, both schemes that it is equal to, what friction takes in one step, the order
    (the Taylor series of a solution put into the scheme), and the stability limit.
    """
    import sympy

    mu, tau, h, g, m, theta, lam = sympy.symbols("mu tau h g m theta lambda", positive=True)
    lr = h**2 * (1 + mu) / (2 * (1 - tau))
    gamma = 2 * (1 - mu) / ((1 + mu) * h)
    v, later = -lr / h * m, -lr / h * (mu * m + (1 - tau) * g)
    ahead, behind = theta + h * later, theta - h * v
    kicked = mu * (v - h * g / 2) - h * g / 2
    middle = (v + later) / 2
    z = sympy.Symbol("z")
    growth = z**2 - (1 + mu - lr * (1 - tau) * lam) * z + mu
    bound = 2 * (1 + mu) / (lr * (1 - tau))
    zero = sympy.Integer(0)
    steps = (
        Step("theta' = theta - lr m' is a drift by h v'", theta - lr * (mu * m + (1 - tau) * g), theta + h * later),
        Step("v' is half a kick, friction mu, half a kick", later, kicked),
        Step(
            "central differences of theta'' + gamma theta' + g",
            (ahead - 2 * theta + behind) / h**2 + gamma * (ahead - behind) / (2 * h) + g,
            zero,
        ),
        Step(
            "kinetic energy: friction takes gamma h |(v + v')/2|^2, the force works along the mean",
            (later**2 - v**2) / 2,
            -gamma * h * middle**2 - h * g * middle,
        ),
        _order_step(),
        Step(
            "at the stability limit the growth polynomial has the root z = -1",
            growth.subs(lam, bound),
            (z + 1) * (z + mu),
        ),
    )
    last = steps[2]
    return EnergyStatement(
        "SGD with momentum as second-order training",
        "h = sqrt(2 lr (1 - tau)/(1 + mu)), gamma h = 2 (1 - mu)/(1 + mu), v = -(lr/h) m: central differences, order 2",
        r"h^2 = 2 \eta (1 - \tau)/(1 + \mu), \quad \gamma h = 2 (1 - \mu)/(1 + \mu), \quad v = -\eta m/h",
        OURS,
        last.left,
        last.right,
        ("g = grad L(theta), no Nesterov momentum, lr = h^2 (1 + mu)/(2 (1 - tau))",),
        steps,
    )


def _order_step() -> Step:
    """Central differences of a smooth x(t), put in as a Taylor polynomial: what is left begins with h^2."""
    import sympy

    h, gamma = sympy.symbols("h gamma", positive=True)
    x = sympy.symbols(f"x0:{_TERMS}")

    def taylor(sign: int) -> sympy.Expr:
        return sympy.Add(*(x[k] * (sign * h) ** k / sympy.factorial(k) for k in range(_TERMS)))

    scheme = (taylor(1) - 2 * x[0] + taylor(-1)) / h**2 + gamma * (taylor(1) - taylor(-1)) / (2 * h)
    rest = h**2 * (x[4] / 12 + gamma * x[3] / 6) + h**4 * (x[6] / 360 + gamma * x[5] / 120)
    return Step("order 2: what is left of x'' + gamma x' begins with h^2", scheme, x[2] + gamma * x[1] + rest)


def ledger_statement() -> EnergyStatement:
    """The parts of :class:`LedgerEntry` sum to the change of energy, whatever the losses, gradients and moves are.

    In symbols for one coordinate, with dampening, Nesterov's momentum, schedules, noise and moves that the optimizer
    does not explain; the losses at the three positions are symbols without any relation.
    """
    import sympy

    names = "eta eta0 mu mu0 tau s m g G L L0 L1 d0 a0 e e0"
    eta, eta0, mu, mu0, tau, s, m, g, G, L, L0, L1, d0, a0, e, e0 = sympy.symbols(names, real=True)
    switch = sympy.Symbol("n", real=True)
    later = mu * m + s * g
    update = later + switch * (g + (mu - 1) * later)
    moved = -eta * update + e
    ahead = eta * (later - update)
    weight, weight0 = eta * (1 + mu) / (4 * (1 - tau)), eta0 * (1 + mu0) / (4 * (1 - tau))
    # What the step before moved by: its buffer, its lookahead and what was strange about it.
    before = -eta0 * m + a0 + e0
    change = weight * later**2 + (L + L1) / 2 - weight0 * m**2 - (L0 + L) / 2
    mean = (m + later) / 2
    parts = {
        "friction": -eta * (1 - mu) / (1 - tau) * mean**2,
        "noise": eta * (g - G) * mean,
        "discretization": (L1 - L - G * moved) / 2 + (L - L0 - G * d0) / 2,
        "lookahead": G * (ahead + a0) / 2,
        "schedule": (weight - weight0) * m**2 + (eta - eta0) / 2 * G * m + eta * (s / (1 - tau) - 1) * g * mean,
        "external": G * (e + e0) / 2,
    }
    total = sympy.Add(*parts.values())
    bare = {s: 1 - tau}
    steps = (
        Step(
            "with equal settings the kinetic energy changes by friction and the work of the gradient",
            (weight * (later**2 - m**2)).subs(bare),
            (parts["friction"] + eta * g * mean).subs(bare),
        ),
        Step("all parts", change, total.subs(d0, before)),
    )
    return EnergyStatement(
        "The energy ledger",
        "change = friction + noise + discretization + lookahead + schedule + external",
        r"\Delta E = " + " + ".join(rf"\text{{{name}}}" for name in parts),
        OURS,
        change,
        total.subs(d0, before),
        ("n = 1 with Nesterov's momentum, else 0; s = 1 - tau, or 1 on the first step",),
        steps,
    )
