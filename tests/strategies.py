"""Hypothesis strategies for architectures, and real gradient flows to test laws along."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from lielaws import Architecture, conv, from_phi, mlp, residual, sequential

ACTIVATIONS = ("linear", "relu", "leaky_relu", "abs", "square", "cube", "relu2")


@st.composite
def mlps(draw: st.DrawFn, largest: int = 4) -> Architecture:
    widths = draw(st.lists(st.integers(1, largest), min_size=2, max_size=4))
    options = {name: draw(st.booleans()) for name in ("bias", "output_bias")}
    return mlp(widths, draw(st.sampled_from(ACTIVATIONS)), **options)


@st.composite
def convs(draw: st.DrawFn) -> Architecture:
    channels = draw(st.lists(st.integers(1, 2), min_size=2, max_size=3))
    kernel, stride, dim = draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    activation = draw(st.sampled_from(("linear", "relu", "square")))
    return conv(channels, kernel, 5, stride=stride, dim=dim, activation=activation)


@st.composite
def phis(draw: st.DrawFn) -> Architecture:
    symbols = sp.symbols("a b c d")
    exponents = st.tuples(*(st.integers(0, 2) for _ in symbols))
    monomial = exponents.map(lambda powers: sp.prod(s**k for s, k in zip(symbols, powers, strict=True)))
    polynomial = st.lists(st.tuples(st.integers(1, 5), monomial), min_size=1, max_size=3)
    drawn = draw(st.lists(polynomial, min_size=1, max_size=2))
    expressions = [sum(c * m for c, m in terms) for terms in drawn]
    used = [s for s in symbols if any(sp.sympify(e).has(s) for e in expressions)]
    return from_phi(used or [symbols[0]], expressions if used else [symbols[0]])


@st.composite
def blocks(draw: st.DrawFn) -> Architecture:
    width = draw(st.integers(1, 3))
    first = residual(mlp([width, draw(st.integers(1, 3)), width], draw(st.sampled_from(ACTIVATIONS))))
    return sequential(first, mlp([width, 2, 1], draw(st.sampled_from(ACTIVATIONS))))


architectures = st.one_of(mlps(), convs(), phis(), blocks())


def random_params(arch: Architecture, rng: np.random.Generator, scale: float = 0.6) -> dict[str, np.ndarray]:
    return {name: rng.normal(0.0, scale, shape) for name, shape in arch.parameters.items()}


def flatten(params: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([np.ravel(value) for value in params.values()])


def unflatten(arch: Architecture, vector: np.ndarray) -> dict[str, np.ndarray]:
    result, start = {}, 0
    for name, shape in arch.parameters.items():
        size = int(np.prod(shape))
        result[name] = vector[start : start + size].reshape(shape)
        start += size
    return result


def gradient_flow(
    arch: Architecture,
    params: Mapping[str, np.ndarray],
    rng: np.random.Generator,
    *,
    time: float = 1.0,
    frozen: bool = True,
) -> list[dict[str, np.ndarray]]:
    """Points of theta' = -grad of the squared loss on random data, with the gates of the start if `frozen`.

    Across kinks an adaptive solver crawls, so there it is the classical method of Runge and Kutta with small steps.
    """
    samples = {name: rng.normal(size=(5, *shape)) for name, shape in arch.data.items()}
    x = samples if len(samples) > 1 else next(iter(samples.values()))
    target = rng.normal(size=(5, *arch.output_shape))
    gates = arch.gates(params, x) if frozen else None

    def slope(_: float, vector: np.ndarray) -> np.ndarray:
        point = unflatten(arch, vector)
        error = (arch.forward(point, x, gates=gates) - target) / len(target)
        return -flatten(arch.pullback(point, x, error, gates=gates))

    if not frozen:
        return [unflatten(arch, vector) for vector in _runge_kutta(slope, flatten(params), time, 2000)]
    solution = solve_ivp(
        slope, (0.0, time), flatten(params), method="DOP853", rtol=1e-12, atol=1e-12, t_eval=np.linspace(0, time, 6)
    )
    assert solution.success
    return [unflatten(arch, column) for column in solution.y.T]


def _runge_kutta(slope, vector: np.ndarray, time: float, steps: int) -> list[np.ndarray]:
    h, points = time / steps, [vector]
    for _ in range(steps):
        k1 = slope(0.0, vector)
        k2 = slope(0.0, vector + h / 2 * k1)
        k3 = slope(0.0, vector + h / 2 * k2)
        k4 = slope(0.0, vector + h * k3)
        vector = vector + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        points.append(vector)
    return points
