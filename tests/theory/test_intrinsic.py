"""Published facts on intrinsic dynamics, and closed metrics against the flow of the parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import lielaws
from lielaws.intrinsic import intrinsic_dynamics
from tests.strategies import flatten, random_params, unflatten

GRAM = "W1 W1^T - W2^T W2"
X, Y, Z = sp.symbols("x y z")
Array = np.ndarray


@pytest.mark.parametrize(
    "widths", [(1, 1, 1), (2, 2, 2), (2, 3, 2), (3, 2, 2, 1), (2, 2, 2, 2), (2, 3, 3, 2), (1, 2, 2, 2, 1)]
)
@pytest.mark.parametrize("bias", [False, True])
def test_relu_networks_of_any_depth_are_recoverable(widths: tuple[int, ...], bias: bool) -> None:
    """arXiv 2508.07370: the path-lifting of ReLU networks has the intrinsic dynamic property."""
    found = intrinsic_dynamics(lielaws.mlp(list(widths), bias=bias))
    assert found.recoverable
    assert found.certain


@given(entries=st.lists(st.integers(-3, 3), min_size=3, max_size=3), widths=st.sampled_from([(2, 2, 2), (3, 2, 2)]))
def test_two_layer_linear_networks_are_intrinsic_if_relaxed_balanced_only(
    entries: list[int], widths: tuple[int, ...]
) -> None:
    """arXiv 2508.07370: for full-rank factors, if and only if U^T U - V^T V is a multiple of the identity."""
    a, b, c = entries
    found = intrinsic_dynamics(lielaws.linear(list(widths)), law_values={GRAM: [[a, b], [b, c]]})
    assert found.intrinsic == (a == c and b == 0)
    assert not found.recoverable


@given(
    base=st.lists(st.integers(-3, 3), min_size=4, max_size=4),
    scale=st.integers(1, 4),
    change=st.tuples(st.integers(0, 3), st.integers(-1, 1)),
)
def test_points_of_two_layer_linear_networks(base: list[int], scale: int, change: tuple[int, int]) -> None:
    """The same at given points: multiples of rotations are relaxed balanced, and one entry is changed."""
    a, b, c, d = base
    turn, back = np.array([[a, -b], [b, a]]), np.array([[c, -d], [d, c]])
    w1, w2 = scale * turn, back.copy()
    place, amount = change
    w2.flat[place] += amount
    found = intrinsic_dynamics("linear:2-2-2", at={"W1": w1, "W2": w2})
    gap = w1 @ w1.T - w2.T @ w2
    full = bool(np.any(turn)) and (w2[0, 0] * w2[1, 1] != w2[0, 1] * w2[1, 0])
    if full:
        assert found.intrinsic == (gap[0, 0] == gap[1, 1] and gap[0, 1] == 0)


@pytest.mark.parametrize(("widths", "depth"), [((2, 2, 2), 2), ((3, 2, 3, 2), 3), ((2, 3, 2), 2), ((2, 2, 2, 2, 2), 4)])
def test_balanced_linear_networks_have_the_metric_of_matrix_powers(widths: tuple[int, ...], depth: int) -> None:
    """arXiv 1802.06509, Thm 1: M(W) w = sum over j of (W W^T)^((L-j)/L) w (W^T W)^((j-1)/L)."""
    arch = lielaws.linear(list(widths))
    generic, balanced = intrinsic_dynamics(arch), intrinsic_dynamics(arch, law_values="balanced")
    assert (generic.intrinsic, balanced.intrinsic) == (False, True)
    assert balanced.metric is not None
    rng = np.random.default_rng(0)
    z, w = rng.normal(size=(widths[-1], widths[0])), rng.normal(size=(widths[-1], widths[0]))
    left, singular, right = _svd(z)
    expected = sum(
        (left * singular ** (2 * (depth - j) / depth))
        @ left.T
        @ w
        @ (right.T * singular ** (2 * (j - 1) / depth))
        @ right
        for j in range(1, depth + 1)
    )
    if widths[0] == widths[-1]:
        np.testing.assert_allclose(balanced.metric.evaluate(z.ravel()) @ w.ravel(), expected.ravel(), rtol=1e-9)


def _svd(matrix: Array) -> tuple[Array, Array, Array]:
    from scipy.linalg import svd

    return svd(matrix, full_matrices=False)


@pytest.mark.parametrize(
    ("options", "recoverable"),
    [
        ({"channels": [1, 1, 1], "kernel": 2, "size": 5, "dim": 2}, True),
        ({"channels": [1, 1, 1], "kernel": 2, "size": 6, "stride": 2}, True),
        ({"channels": [1, 1, 1, 1], "kernel": 2, "size": 15, "stride": 2}, True),
    ],
)
def test_linear_convolutions_with_one_channel(options: dict[str, Any], recoverable: bool) -> None:
    """Achour, Kohn, Rauhut, "The Riemannian Geometry Associated to Gradient Flows of Linear Convolutional Networks":
    with D >= 2 axes, or strides above one, the flow is Riemannian for any initialization."""
    found = intrinsic_dynamics(lielaws.conv(**options, activation="linear"))
    assert found.recoverable == recoverable
    assert found.intrinsic


def test_products_of_scalars() -> None:
    """arXiv 2307.00144, section 2: z = x y z with differences of squares; balanced, M(z) = D z^(2 - 2/D)."""
    found = intrinsic_dynamics(([X, Y, Z], [X * Y * Z]), law_values=0)
    assert found.metric is not None
    for z in (0.1, 1.0, -3.0):
        assert found.metric.evaluate([z])[0, 0] == pytest.approx(3 * abs(z) ** (2 - 2 / 3), rel=1e-12)
    pair = intrinsic_dynamics(([X, Y], [X * Y])).metric
    assert pair is not None
    assert pair.evaluate([2.0], [3.0])[0, 0] == pytest.approx(5.0, rel=1e-12)


# Closed metrics against the flow of the parameters


def flow(slope: Callable[[Array], Array], start: Array, times: Array) -> Array:
    solution = solve_ivp(lambda _, y: slope(y), (0.0, times[-1]), start, "DOP853", times, rtol=1e-11, atol=1e-12)
    assert solution.success
    return solution.y.T


def compare_flows(arch: lielaws.Architecture, params: Mapping[str, Array], metric: Any, values: Any, rng: Any) -> float:
    """The largest difference between phi along theta' = -d phi^T grad l and z along z' = -M(z) grad l."""
    known = arch.reparameterization()
    phi = sp.lambdify(known.symbols, list(known.phi))
    jacobian = sp.lambdify(known.symbols, known.jacobian)
    size = len(known.phi)
    mixing, target = rng.normal(size=(size + 1, size)), rng.normal(size=size + 1)

    def loss_slope(z: Array) -> Array:
        return mixing.T @ np.tanh(mixing @ z - target)

    def theta_slope(theta: Array) -> Array:
        return -np.asarray(jacobian(*theta), dtype=float).T @ loss_slope(np.asarray(phi(*theta), dtype=float))

    def z_slope(z: Array) -> Array:
        return -metric.evaluate(z, values) @ loss_slope(z)

    times, start = np.linspace(0.0, 1.0, 5), flatten(params)
    images = np.array([phi(*theta) for theta in flow(theta_slope, start, times)], dtype=float)
    followed = flow(z_slope, images[0], times)
    assert np.abs(images[-1] - images[0]).max() > 1e-2
    return float(np.abs(images - followed).max())


@pytest.mark.parametrize(
    "arch",
    [
        lielaws.mlp([2, 2, 2]),
        lielaws.mlp([2, 2, 1], bias=True, output_bias=True),
        lielaws.linear([2, 1, 2]),
        lielaws.linear([2, 1, 1, 2]),
        lielaws.from_phi([X, Y, Z], [X * Y * Z]),
        lielaws.from_phi([X, Y, Z], [X**2 * Y, 2 * Z]),
    ],
    ids=lambda arch: arch.name,
)
def test_z_follows_the_closed_metric(arch: lielaws.Architecture) -> None:
    rng = np.random.default_rng(3)
    metric, params = intrinsic_dynamics(arch).metric, random_params(arch, rng)
    values = [law.evaluate(params) for law in lielaws.discover_laws(arch).laws]
    assert compare_flows(arch, params, metric, values, rng) < 1e-8


@pytest.mark.parametrize(("widths", "value"), [((2, 2, 2), 0), ((2, 2, 2), 1), ((3, 2, 2), 0), ((2, 2, 2, 2), 0)])
def test_z_follows_the_metric_of_balanced_networks(widths: tuple[int, ...], value: int) -> None:
    from scipy.linalg import qr

    arch, rng = lielaws.linear(list(widths)), np.random.default_rng(4)
    # W1 W1^T - W2^T W2 = value, all other layers balanced.
    turns, free = [qr(rng.normal(size=(n, n)))[0] for n in widths], rng.exponential(size=min(widths))
    params = {}
    for k in range(len(widths) - 1):
        diagonal = np.zeros((widths[k + 1], widths[k]))
        np.fill_diagonal(diagonal, np.sqrt(free + (value if k == 0 else 0)))
        params[f"W{k + 1}"] = turns[k + 1] @ diagonal @ turns[k].T
    metric = intrinsic_dynamics(arch, law_values={GRAM: value} if value else 0).metric
    assert compare_flows(arch, params, metric, None, rng) < 1e-8


def test_z_of_an_unbalanced_linear_network_follows_no_flow_of_its_own() -> None:
    """The same z and laws at two points, and different metrics: the answer "no" of 2-2-2 seen in numbers.

    A rotation R between the layers keeps z; it changes W1 W1^T - W2^T W2 to its conjugate. With equal laws, the other
    point is found by moving along the common kernel of d phi and d h.
    """
    arch = lielaws.linear([2, 2, 2])
    known, laws = arch.reparameterization(), lielaws.discover_laws(arch).laws
    functions = [*known.phi, *(law.expr for law in laws)]
    values = sp.lambdify(known.symbols, functions)
    slopes = sp.lambdify(known.symbols, sp.Matrix([[sp.diff(f, s) for s in known.symbols] for f in functions]))

    def hidden(theta: Array) -> Array:
        _, _, right = _full_svd(np.asarray(slopes(*theta), dtype=float))
        direction = right[-1]
        return direction * np.sign(direction[np.abs(direction).argmax()])

    start = flatten(random_params(arch, np.random.default_rng(5), 1.0))
    end = flow(hidden, start, np.array([0.0, 0.05]))[-1]
    np.testing.assert_allclose(values(*end), values(*start), atol=1e-8)
    first, second = (np.asarray(slopes(*theta), dtype=float)[:4] for theta in (start, end))
    assert np.abs(first @ first.T - second @ second.T).max() > 1e-3


def _full_svd(matrix: Array) -> tuple[Array, Array, Array]:
    from scipy.linalg import svd

    return svd(matrix)


def test_a_trained_relu_network_follows_the_metric_of_its_neurons() -> None:
    """The real network on data, with the gates of the start: z_k = W2[:,k] W1[k,:]^T for each neuron k."""
    arch, rng = lielaws.mlp([2, 2, 2]), np.random.default_rng(6)
    params, x, y = random_params(arch, rng, 1.0), rng.normal(size=(6, 2)), rng.normal(size=(6, 2))
    gates = arch.gates(params, x)
    open_units = (x @ params["W1"].T > 0).astype(float)

    def theta_slope(theta: Array) -> Array:
        point = unflatten(arch, theta)
        error = (arch.forward(point, x, gates=gates) - y) / len(x)
        return -flatten(arch.pullback(point, x, error, gates=gates))

    known = arch.reparameterization()
    phi = sp.lambdify(known.symbols, list(known.phi))
    # The output is linear in z: sum over k of gate_k(x) z_k x, so its slope is read off one column at a time.
    names = {str(f): place for place, f in enumerate(known.phi)}
    mixing = np.zeros((len(x), 2, len(names)))
    for text, place in names.items():
        k, o, i = next(
            (k, o, i) for k, o, i in np.ndindex(2, 2, 2) if f"W2[{o}, {k}]" in text and f"W1[{k}, {i}]" in text
        )
        mixing[:, o, place] = open_units[:, k] * x[:, i]
    metric = intrinsic_dynamics(arch).metric
    values = [law.evaluate(params) for law in lielaws.discover_laws(arch).laws]
    assert metric is not None

    def z_slope(z: Array) -> Array:
        error = (mixing @ z - y) / len(x)
        return -metric.evaluate(z, values) @ np.einsum("no,nop->p", error, mixing)

    times = np.linspace(0.0, 2.0, 5)
    images = np.array([phi(*theta) for theta in flow(theta_slope, flatten(params), times)])
    followed = flow(z_slope, images[0], times)
    assert np.abs(images[-1] - images[0]).max() > 1e-2
    np.testing.assert_allclose(followed, images, atol=1e-8)
