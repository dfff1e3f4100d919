"""Laws stay constant along real trajectories of every flow, whatever the loss; perturbed ones do not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import lielaws
from lielaws import HeavyBall, MetricFlow, MirrorFlow, Nesterov, WeightDecay, discover_laws
from tests.strategies import architectures, flatten, random_params, unflatten

TIME = 0.7


class _Motion:
    """A flow of a network on random data, integrated on (theta, v) and time, from its equation as users know it."""

    def __init__(self, arch, flow, rng, metric=None):
        self.arch, self.flow, self.metric = arch, flow, metric or (lambda name, x: np.ones_like(x))
        self.x = rng.normal(size=(5, *next(iter(arch.data.values()))))
        self.y = rng.normal(size=(5, *arch.output_shape))
        self.gates = None

    def gradient(self, theta):
        error = (self.arch.forward(theta, self.x, gates=self.gates) - self.y) / len(self.x)
        return self.arch.pullback(theta, self.x, error, gates=self.gates)

    def run(self, theta, start=0.0, velocity=None):
        """Times, parameters and velocities at six times."""
        self.gates = self.arch.gates(theta, self.x)
        state = flatten(theta) if velocity is None else np.concatenate([flatten(theta), flatten(velocity)])
        slope = self._first if velocity is None else self._second
        times = np.linspace(start, start + TIME, 6)
        solution = solve_ivp(slope, (start, start + TIME), state, "DOP853", t_eval=times, rtol=1e-12, atol=1e-12)
        assert solution.success
        size = flatten(theta).size
        points = [unflatten(self.arch, column[:size]) for column in solution.y.T]
        moving = None if velocity is None else [unflatten(self.arch, column[size:]) for column in solution.y.T]
        return times, points, moving

    def _first(self, t, vector):
        theta, gradient = unflatten(self.arch, vector), self.gradient(unflatten(self.arch, vector))
        rate = float(getattr(self.flow, "rate", 0))
        return flatten({k: -gradient[k] / self.metric(k, theta[k]) - rate * theta[k] for k in theta})

    def _second(self, t, vector):
        theta, v = (unflatten(self.arch, half) for half in np.split(vector, 2))
        gradient = self.gradient(theta)
        friction = 3 / t if isinstance(self.flow, Nesterov) else float(self.flow.friction)
        force = {k: -friction * v[k] - gradient[k] / self.metric(k, theta[k]) for k in theta}
        return np.concatenate([flatten(v), flatten(force)])


def _drift(report, run):
    times, points, velocities = run
    values = report.evaluate(points, times, velocities)
    scale = 1 + np.abs(values).max(initial=0)
    return np.abs(values - values[0]).max(initial=0) / scale


CASES = [
    ("linear:2-3-2", WeightDecay("1/3")),
    ("relu+bias:2-3-2", WeightDecay(1)),
    ("attention:3-2", WeightDecay(1)),
    ("exp+bias:2-2-2", WeightDecay(0)),
    ("linear:2-3-2", HeavyBall(0)),
    ("linear:2-3-2", HeavyBall("1/2")),
    ("linear:1-3-1", HeavyBall(2)),
    ("linear:2-2-2-2", HeavyBall(1)),
    ("attention:3-2", HeavyBall(1)),
    ("linear:2-3-2", Nesterov()),
    ("linear:1-3-1", Nesterov()),
]


@pytest.mark.parametrize(("spec", "flow"), CASES, ids=str)
def test_laws_are_constant(spec, flow):
    rng = np.random.default_rng(5)
    report = discover_laws(spec, flow=flow)
    arch = report.architecture
    assert report.laws
    theta = random_params(arch, rng)
    velocity = None if isinstance(flow, WeightDecay) else random_params(arch, rng)
    run = _Motion(arch, flow, rng).run(theta, 1.0 if isinstance(flow, Nesterov) else 0.3, velocity)
    assert _drift(report, run) < 1e-8
    times, points, velocities = run
    law = report.laws[0]
    wrong = [
        law.evaluate(point, t, None if velocities is None else velocities[k]) + 0.1 * t
        for k, (t, point) in enumerate(zip(times, points, strict=True))
    ]
    assert np.ptp(wrong) > 1e-3
    slower = report.evaluate(points, times[:1].repeat(len(times)), velocities)
    if isinstance(flow, Nesterov) or getattr(flow, "rate", 0) or getattr(flow, "friction", 0):
        assert np.ptp(slower[:, 0]) > 1e-6


@pytest.mark.parametrize(
    ("spec", "flow", "metric"),
    [
        ("linear:2-3-2", MirrorFlow(), lambda name, x: 1 / x),
        ("relu:2-3-2", MirrorFlow(), lambda name, x: 1 / x),
        ("input_convex:2-3", MirrorFlow("entropic", "U"), lambda name, x: 1 / x if name == "U" else np.ones_like(x)),
        ("linear:2-2-2", MetricFlow({"W1": 3}), lambda name, x: 3 if name == "W1" else 1),
    ],
    ids=["linear", "relu", "input convex", "weighted"],
)
def test_laws_in_a_metric_are_constant(spec, flow, metric):
    rng = np.random.default_rng(6)
    report = discover_laws(spec, flow=flow)
    theta = {name: np.abs(value) + 0.2 for name, value in random_params(report.architecture, rng).items()}
    _, points, _ = _Motion(report.architecture, flow, rng, metric).run(theta)
    assert report.laws
    values = report.evaluate(points)
    assert np.abs(values - values[0]).max() < 1e-8
    assert max(np.abs(points[-1][name] - theta[name]).max() for name in theta) > 1e-3


def test_momentum_in_a_weighted_metric():
    rng, flow = np.random.default_rng(7), HeavyBall(2, MetricFlow({"W1": 3}))
    report = discover_laws("linear:2-3-2", flow=flow)
    # friction M^{-1} grad L: the metric of the equation is M / friction.
    motion = _Motion(report.architecture, flow, rng, lambda name, x: (3 if name == "W1" else 1) / 2)
    theta = random_params(report.architecture, rng)
    assert len(report.laws) == 3
    assert _drift(report, motion.run(theta, 0.0, random_params(report.architecture, rng))) < 1e-8


FLOWS = st.sampled_from([WeightDecay(0), WeightDecay("1/2"), HeavyBall(0), HeavyBall(1), Nesterov()])


@given(arch=architectures, flow=FLOWS, seed=st.integers(0, 2**32))
def test_random_architectures(arch, flow, seed):
    rng = np.random.default_rng(seed)
    report = discover_laws(arch, flow=flow, seed=seed)
    assert len(report.laws) <= report.n_laws <= report.n_symmetries
    size = 1 if isinstance(flow, WeightDecay) else 2
    assert report.dimension == (1 + arch.dimension if size == 1 else 1 + 2 * arch.dimension)
    assert discover_laws(arch, flow=flow, seed=seed + 1, find_laws=False).n_laws == report.n_laws
    if report.laws:
        theta = random_params(arch, rng, 0.4)
        velocity = None if size == 1 else random_params(arch, rng, 0.4)
        assert _drift(report, _Motion(arch, flow, rng).run(theta, 1.0, velocity)) < 1e-8


@given(arch=architectures, seed=st.integers(0, 2**32))
def test_gradients_are_derivatives(arch, seed):
    rng = np.random.default_rng(seed)
    theta, v = random_params(arch, rng), random_params(arch, rng)
    for law in discover_laws(arch, flow=HeavyBall(1)).laws[:2]:
        gradient = law.gradient(theta, 0.3, v)
        moved = {name: v[name] + 1e-5 * v[name] for name in v}
        ahead = law.evaluate(theta, 0.3 + 1e-5, moved) - law.evaluate(theta, 0.3, v)
        slope = gradient["t"] + sum(np.sum(gradient[f"d{name}"] * v[name]) for name in v)
        assert ahead / 1e-5 == pytest.approx(slope, abs=1e-3, rel=1e-3)
    for law in discover_laws(arch, flow=WeightDecay(1)).laws[:1]:
        assert law.evaluate(theta, 1.0) == pytest.approx(np.exp(law.degree) * law.evaluate(theta), rel=1e-9, abs=1e-12)


def test_velocities_and_times_are_asked_for():
    report = discover_laws("linear:2-2-2", flow=HeavyBall(1))
    theta = random_params(report.architecture, np.random.default_rng(0))
    with pytest.raises(lielaws.LieLawsError, match="velocity"):
        report.laws[0].evaluate(theta)
    with pytest.raises(lielaws.LieLawsError, match="times"):
        report.evaluate([theta], velocities=[theta])
    for t in (1e6, float("nan"), "x"):
        with pytest.raises(lielaws.LieLawsError, match="t = "):
            report.laws[0].evaluate(theta, t, theta)
    with pytest.raises(lielaws.LieLawsError, match="1 are needed"):
        report.evaluate([theta], times=[0, 1], velocities=[theta])
