"""Statements on momentum, weight decay and metrics."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Any

from lielaws.architectures.attention import attention
from lielaws.architectures.gated import glu
from lielaws.architectures.mlp import input_convex, linear, mlp
from lielaws.audit.statement import Finding, Instance, Probe, Statement
from lielaws.check import check_laws
from lielaws.discover import discover_laws
from lielaws.engine.flows.dynamics import Flow
from lielaws.engine.flows.gradient import WeightDecay
from lielaws.engine.flows.metric import MirrorFlow
from lielaws.engine.flows.momentum import HeavyBall, Nesterov

_PAPER = "arXiv 2405.12888"
_SKEW = "(W1 @ dW1.T - dW1 @ W1.T + W2.T @ dW2 - dW2.T @ W2)"


def _rotations(widths: tuple[int, int, int], flow: Flow, factor: str) -> Instance:
    """The antisymmetric law of a two-layer linear network, r(r-1)/2 entries."""
    n, r, m = widths
    laws = (f"{factor}*{_SKEW}",) if r > 1 else ()
    return Instance(f"{n}-{r}-{m}, {flow}", partial(linear, [n, r, m]), r * (r - 1) // 2, laws, {"flow": flow})


def _heavy_balls() -> tuple[Instance, ...]:
    common = ((2, 2, 2), (3, 2, 3), (2, 3, 2), (2, 1, 3), (1, 6, 2), (2, 8, 2))
    unusual = ((1, 2, 1), (1, 3, 1), (1, 8, 2))
    cases = [_rotations(widths, HeavyBall(1), "exp(t)") for widths in (*common, *unusual)]
    return (*cases, *(_rotations((2, 3, 2), HeavyBall(g), f"exp({g}*t)") for g in (0, Fraction(1, 2), 3)))


def _fewer(widths: list[int], wanted: bool) -> Probe:
    """Whether the heavy ball has fewer laws than gradient flow."""

    def run() -> Finding:
        plain, heavy = (
            discover_laws(linear(widths), flow=flow, find_laws=False).n_laws for flow in (None, HeavyBall(1))
        )
        return Finding((heavy < plain) == wanted, f"{plain} laws of gradient flow, {heavy} of the heavy ball")

    regime = "" if wanted else " (over-parameterized)"
    return Probe(f"linear {'-'.join(map(str, widths))}{regime}", "fewer laws" if wanted else "no fewer laws", run)


def _no_law(architecture: Any, label: str, flow: Flow) -> Instance:
    return Instance(f"{label}, {flow}", architecture, 0, (), {"flow": flow})


def _factorization(widths: tuple[int, int, int]) -> Instance:
    n, r, m = widths
    settings = {"flow": MirrorFlow()}
    laws = tuple(f"sum(W1[{k},:]) - sum(W2[:,{k}])" for k in range(r))
    return Instance(f"{n}-{r}-{m}, no momentum", partial(linear, [n, r, m]), r, laws, settings)


def _convex(d: int, hidden: int) -> Instance:
    laws = tuple(f"sum(U[:,{k}]) - (norm2(V[{k},:]) + b[{k}]**2)/2" for k in range(hidden))
    settings = {"flow": MirrorFlow("entropic", ["U"])}
    return Instance(f"d {d}, hidden {hidden}", partial(input_convex, d, hidden), hidden, laws, settings)


def _decaying(label: str, build: Any, laws: tuple[str, ...], rate: Any = 1) -> Probe:
    """Whether as many laws are left with decay as there are without, and those of degree 2 grow as exp(2 rate t)."""

    def run() -> Finding:
        flow = WeightDecay(rate)
        plain, decayed = (discover_laws(build(), flow=f).n_laws for f in (None, flow))
        timed = [f"exp({2 * flow.rate}*t)*({law})" for law in laws]
        holds = not timed or check_laws(build(), timed, flow=flow).all_hold
        return Finding(plain == decayed and holds, f"{plain} laws without decay, {decayed} with")

    return Probe(f"{label}, rate {rate}", "as many laws as without decay, H(exp(rate t) theta)", run)


def _energy(friction: Any) -> Probe:
    """For one data set and a squared loss, dE/dt = -friction |v|^2; for all losses E is no law."""

    def run() -> Finding:
        import sympy

        names = [*(f"u{k}" for k in range(2)), *(f"w{k}" for k in range(2))]
        theta, v = sympy.symbols(names), sympy.symbols([f"d{name}" for name in names])
        output = theta[0] * theta[2] + theta[1] * theta[3]
        loss = sum((output * x - y) ** 2 for x, y in ((1, 2), (-3, 1))) / 4
        energy = sum(entry**2 for entry in v) / 2 + loss
        rate = sympy.Rational(str(friction))
        change = sum(
            sympy.diff(energy, a) * b + sympy.diff(energy, b) * (-rate * b - sympy.diff(loss, a))
            for a, b in zip(theta, v, strict=True)
        )
        kept = sympy.expand(change + rate * sum(entry**2 for entry in v)) == 0
        names_of = {theta[0]: "W1[0,0]", theta[1]: "W1[1,0]", theta[2]: "W2[0,0]", theta[3]: "W2[0,1]"}
        text = " + ".join(f"d{name}**2/2" for name in names_of.values())
        written = str(loss)
        for symbol, name in names_of.items():
            written = written.replace(str(symbol), name)
        for_all = check_laws(linear([1, 2, 1]), f"{text} + {written}", flow=HeavyBall(friction)).all_hold
        sign = "conserved" if not rate else "dE/dt = -friction |v|^2"
        return Finding(
            kept and not for_all, f"{sign if kept else 'not so'} for the loss, {'a' if for_all else 'no'} law for all"
        )

    return Probe(
        f"linear 1-2-1, squared loss on two data, friction {friction}",
        "conserved for one loss" if not friction else "dE/dt = -friction |v|^2 for one loss",
        run,
    )


def momentum_statements() -> tuple[Statement, ...]:
    """M1 to M8."""
    return (
        Statement(
            "M1",
            "heavy ball, two-layer linear: exp(gamma t) (U^T U' - U'^T U + V^T V' - V'^T V), r(r-1)/2 laws",
            _PAPER,
            _heavy_balls(),
        ),
        Statement(
            "M2",
            "the heavy ball has fewer laws than gradient flow on linear networks, except where they are sufficiently "
            "over-parameterized",
            _PAPER,
            tuple(_fewer(w, True) for w in ([2, 2, 2], [3, 2, 3], [2, 3, 2], [1, 2, 1], [2, 4, 2], [2, 2, 2, 2]))
            + tuple(_fewer(w, False) for w in ([1, 3, 1], [2, 8, 2])),
        ),
        Statement(
            "M3",
            "heavy ball, ReLU: no law",
            _PAPER,
            tuple(
                _no_law(partial(mlp, widths, bias=bias), f"{'-'.join(map(str, widths))}{' with bias' * bias}", flow)
                for widths, bias in (([2, 3, 2], False), ([1, 1, 1], False), ([2, 2, 2, 2], False), ([1, 3, 2], True))
                for flow in (HeavyBall(1), HeavyBall(0))
            ),
        ),
        Statement(
            "M4",
            "NMF with the entropic metric: sum_i U_ik - sum_j V_jk, r laws; none with momentum",
            _PAPER,
            tuple(
                _factorization(widths) for widths in ((2, 3, 2), (1, 1, 1), (3, 2, 1), (2, 5, 2), (1, 2, 1), (1, 3, 1))
            )
            + tuple(
                _no_law(partial(linear, widths), "-".join(map(str, widths)), HeavyBall(friction, MirrorFlow()))
                for widths in ([2, 3, 2], [1, 2, 1])
                for friction in (1, 0)
            ),
        ),
        Statement(
            "M5",
            "input-convex network U s(V x + b), entropic metric on U: sum_i U_ik - (|V_k|^2 + b_k^2)/2, one per unit",
            _PAPER,
            (_convex(3, 4), _convex(1, 1), _convex(2, 3)),
        ),
        Statement(
            "M6",
            "weight decay: the laws are H(exp(lambda t) theta) with H a law without decay",
            "arXiv 2506.06194 Thm 2.1",
            (
                _decaying("linear 2-3-2", partial(linear, [2, 3, 2]), ("W1 @ W1.T - W2.T @ W2",)),
                _decaying("relu 2-3-2 with bias", partial(mlp, [2, 3, 2], bias=True), (), "1/10"),
                _decaying("attention", partial(attention, 3, 2), ("Q1 @ Q1.T - K1 @ K1.T",)),
                _decaying("SwiGLU", partial(glu, 2, 2), ("diag(C.T @ C - B @ B.T)",)),
                _decaying("exp 2-2-2 with bias", partial(mlp, [2, 2, 2], "exp", bias=True), (), "1/3"),
            ),
        ),
        Statement(
            "M7",
            "friction 3/t: as M1 with t^3 in place of the exponential",
            "follows from arXiv 2405.12888",
            tuple(
                _rotations(widths, Nesterov(), "t**3")
                for widths in ((2, 2, 2), (2, 3, 2), (2, 1, 3), (3, 4, 2), (1, 3, 1), (1, 8, 2))
            ),
        ),
        Statement(
            "M8",
            "the energy |v|^2/2 + L is conserved without friction, for one given loss, and is no law for all losses",
            "arXiv 2505.19171",
            (_energy(0), _energy("1/2")),
        ),
    )
