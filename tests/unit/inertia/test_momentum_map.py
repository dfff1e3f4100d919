"""SGD with momentum as second-order training: settings, orders and stability limits, measured."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from lielaws.errors import LieLawsError
from lielaws.inertia import MomentumMap
from lielaws.inertia.sgd_momentum import SCHEMES

A = np.array([[1.0, -0.5], [-0.5, 3.0]])


def slope(x):
    return A @ x + np.array([x[0] ** 3, 0.0])


def sgd(gradient, start, settings, steps):
    """PyTorch's recursion from an empty buffer, but for the first step, which is dampened like the others."""
    theta, buffer = np.array(start, dtype=float), np.zeros(len(start))
    for _ in range(steps):
        g = gradient(theta)
        buffer = settings.momentum * buffer + (1 - settings.dampening) * g
        theta = theta - settings.lr * (g + settings.momentum * buffer if settings.nesterov else buffer)
    return theta, buffer


def flow(gamma, start, times):
    def field(_, state):
        return np.concatenate([state[2:], -gamma * state[2:] - slope(state[:2])])

    state = np.concatenate([start, np.zeros(2)])
    found = solve_ivp(field, (0, max(times)), state, rtol=1e-11, atol=1e-13, dense_output=True)
    return [found.sol(time) for time in times]


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_measured_order(scheme, nesterov):
    gamma, end, start, errors = 0.8, 4.0, [1.0, -0.7], []
    for steps in (80, 160, 320):
        settings = MomentumMap.from_flow(end / steps, gamma, 0.0 if nesterov else 0.2, nesterov, scheme)
        theta, buffer = sgd(slope, start, settings, steps)
        times = [settings.position_time(steps), steps * settings.time_step]
        position, velocity = flow(gamma, start, times)
        gap = np.abs(theta - position[:2]).max(), np.abs(-settings.velocity_scale * buffer - velocity[2:]).max()
        errors.append(gap)
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert settings.order == (1 if nesterov or scheme == "euler" else 2)
    assert np.all(np.abs(orders[-1] - settings.order) < 0.15)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_there_and_back(scheme):
    settings = MomentumMap.from_flow(0.1, 0.5, 0.3, scheme=scheme)
    assert settings.time_step == pytest.approx(0.1, rel=1e-14)
    assert settings.friction == pytest.approx(0.5, rel=1e-12)


def test_what_is_usually_said():
    settings = MomentumMap(0.01, 0.9, scheme="euler")
    assert settings.time_step == pytest.approx(0.1)
    assert settings.friction == pytest.approx(-np.log(0.9) / 0.1)
    assert settings.velocity_scale == pytest.approx(0.1)


def test_no_friction_is_leapfrog():
    settings = MomentumMap(0.04, 1.0)
    assert settings.friction == 0
    assert settings.time_step == pytest.approx(0.2)
    assert MomentumMap(0.04, 1.0, scheme="exponential").friction == 0


@pytest.mark.parametrize(
    "settings",
    [MomentumMap(0.1, 0.7), MomentumMap(0.1, 0.7, 0.2), MomentumMap(0.1, 0.7, 0.0, True), MomentumMap(0.1, 0.0)],
)
def test_the_stability_limit_is_sharp(settings):
    for factor, bounded in ((0.999, True), (1.001, False)):
        curvature = settings.largest_curvature * factor
        theta, _ = sgd(lambda x, c=curvature: c * x, [1.0], settings, 20_000)
        assert bool(np.abs(theta[0]) < 1e3) == bounded


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((0.0, 0.9), "lr = 0.0: must be positive"),
        ((-0.1, 0.9), "lr = -0.1"),
        ((0.1, -0.1), "momentum = -0.1: must not be negative"),
        ((0.1, 1.1), "momentum = 1.1: .*negative friction"),
        ((0.1, 0.9, 1.0), "dampening = 1.0"),
        ((0.1, 0.9, 0.1, True), "nesterov"),
        ((0.1, 0.0, 0.0, True), "nesterov"),
        ((0.1, 0.9, 0.0, "yes"), "nesterov = 'yes'"),
        ((0.1, 0.9, 0.0, False, "centrl"), "did you mean 'central'"),
        ((0.1, 0.0, 0.0, False, "euler"), "momentum = 0.0: is infinite friction"),
        ((float("nan"), 0.9), "lr = nan"),
        (("fast", 0.9), "lr = 'fast'"),
    ],
)
def test_bad_settings(arguments, error):
    with pytest.raises(LieLawsError, match=error):
        MomentumMap(*arguments)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((0.1, -1.0), "friction = -1.0"),
        ((0.0, 1.0), "step = 0.0"),
        ((0.5, 5.0), "at most 0.4"),
        ((0.1, 1.0, 0.0, False, "x"), "scheme"),
    ],
)
def test_bad_flows(arguments, error):
    with pytest.raises(LieLawsError, match=error):
        MomentumMap.from_flow(*arguments)


def test_text():
    assert "order 2" in str(MomentumMap(0.01, 0.9))
    assert "nesterov" in str(MomentumMap(0.01, 0.9, nesterov=True))
