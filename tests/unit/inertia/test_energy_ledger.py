"""The ledger: exact parts, flags, what it accepts, and how it stops."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lielaws.errors import InvalidArgumentError, LieLawsError
from lielaws.inertia import EnergyLedger, LedgerEntry, MomentumMap
from lielaws.inertia.entries import PARTS
from tests.unit.inertia.losses import Quadratic, Regression


class Tensor:
    """What the ledger uses of a PyTorch tensor: it cannot be read by numpy while it requires a gradient."""

    def __init__(self, values, kind="float32"):
        self.values, self.dtype, self.ready = np.array(values, dtype=kind), f"torch.{kind}", False

    def detach(self):
        copy = Tensor(self.values, self.values.dtype.name)
        copy.ready = True
        return copy

    def cpu(self):
        return self

    def double(self):
        self.values = self.values.astype(np.float64)
        return self

    def __array__(self, dtype=None, copy=None):
        assert self.ready, "can't call numpy() on a tensor that requires grad"
        return self.values if dtype is None else self.values.astype(dtype)


class SGD:
    """PyTorch's SGD on a vector."""

    def __init__(self, momentum=0.0, dampening=0.0, nesterov=False, weight_decay=0.0):
        self.momentum, self.dampening, self.nesterov, self.decay = momentum, dampening, nesterov, weight_decay
        self.buffer = None

    def step(self, theta, gradient, lr, momentum=None):
        mu = self.momentum if momentum is None else momentum
        g = gradient + self.decay * theta
        self.buffer = g.copy() if self.buffer is None else mu * self.buffer + (1 - self.dampening) * g
        return theta - lr * (g + mu * self.buffer if self.nesterov else self.buffer)


def run_quadratic(A, start, lr, momentum, steps, **keywords):
    """A ledger of full-batch SGD with momentum on a quadratic loss, and the last position."""
    problem, optimizer, theta = Quadratic(A), SGD(momentum), np.array(start, dtype=float)
    ledger = EnergyLedger(lr, momentum, **keywords)
    for _ in range(steps):
        gradient = problem.gradient(theta)
        ledger.step(theta, gradient, problem.loss(theta))
        theta = optimizer.step(theta, gradient, lr)
    ledger.finish(theta, problem.loss(theta), problem.gradient(theta))
    return ledger, theta


def check_parts(ledger):
    """Parts sum to the measured change, and changes to the difference of the energies, up to rounding."""
    energy = np.concatenate([[ledger.summary().start], ledger.column("energy")])
    scale = 1e-12 * (1 + np.abs(energy[1:]) + np.abs(energy[:-1]) + sum(np.abs(ledger.column(part)) for part in PARTS))
    assert np.all(np.abs(np.diff(energy) - ledger.column("change")) < scale)
    assert np.all(np.abs(sum(ledger.column(part) for part in PARTS) - ledger.column("change")) < scale)
    assert np.array_equal(ledger.column("kinetic") + ledger.column("potential"), ledger.column("energy"))


OPTIMIZERS = [
    {},
    {"momentum": 0.9},
    {"momentum": 1.0},
    {"momentum": 0.8, "dampening": 0.4},
    {"momentum": 0.9, "nesterov": True},
    {"momentum": 0.9, "weight_decay": 0.05},
    {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
]


@pytest.mark.parametrize("scheduled", [False, True])
@pytest.mark.parametrize("settings", OPTIMIZERS, ids=str)
def test_parts_sum_to_the_change(settings, scheduled):
    """Minibatches, schedules of learning rate and momentum, and moves from outside, on a network with kinks."""
    problem, rng = Regression(), np.random.default_rng(0)
    theta, optimizer, ledger = (
        problem.start,
        {name: SGD(**settings) for name in problem.start},
        EnergyLedger(**settings),
    )
    for step in range(60):
        lr = 0.05 * (1 + 0.9 * math.sin(step)) if scheduled else 0.05
        mu = settings.get("momentum", 0) * (1 - 0.3 * (step % 3)) if scheduled else None
        if settings.get("nesterov") and mu is not None:
            mu = max(mu, 0.1)
        batch = rng.choice(40, size=10, replace=False)
        used, full = problem.gradient(theta, batch), problem.gradient(theta)
        entry = ledger.step(theta, used, problem.loss(theta), full_grads=full, lr=lr, momentum=mu)
        assert (entry is None) == (step == 0)
        theta = {name: optimizer[name].step(value, used[name], lr, mu) for name, value in theta.items()}
        if step % 10 == 5:
            theta = {name: 0.99 * value for name, value in theta.items()}
    ledger.finish(theta, problem.loss(theta))
    assert len(ledger.entries) == 60
    check_parts(ledger)
    total = ledger.summary().totals
    assert total["friction"] <= 0
    assert total["friction"] < 0 or settings.get("momentum") == 1.0
    assert total["noise"] != 0
    assert (total["lookahead"] != 0) == settings.get("nesterov", False)
    assert total["external"] != 0
    assert total["unresolved"] == 0
    assert [entry.step for entry in ledger.entries if entry.mismatches] == [6, 16, 26, 36, 46, 56]


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 0.9), st.floats(0, 0.5))
def test_parts_are_algebra(seed, momentum, dampening, decay):
    """They sum to the change for losses, gradients and positions without any relation to each other."""
    rng = np.random.default_rng(seed)
    ledger = EnergyLedger(momentum=momentum, dampening=dampening, weight_decay=decay)
    for _ in range(8):
        params, used, full = rng.normal(size=(3, 4))
        lr = float(rng.choice([0, 0.1, 3.0]))
        ledger.step(params, used, rng.normal(), full_grads=full, lr=lr)
    ledger.finish(rng.normal(size=4), rng.normal())
    assert len(ledger.entries) == 8
    check_parts(ledger)


def test_friction_is_that_of_the_flow():
    """gamma h |(v + v')/2|^2 with v from the positions alone."""
    problem, lr, mu = Quadratic([[2, 1], [1, 3]]), 0.05, 0.8
    flow, theta, optimizer, path = MomentumMap(lr, mu), np.array([1.0, -1.0]), SGD(mu), []
    ledger = EnergyLedger(lr, mu)
    for _ in range(30):
        path.append(theta)
        ledger.step(theta, problem.gradient(theta), problem.loss(theta))
        theta = optimizer.step(theta, problem.gradient(theta), lr)
    ledger.finish(theta, problem.loss(theta))
    path = np.array([path[0], *path, theta])
    velocity = np.diff(path, axis=0) / flow.time_step
    middle = (velocity[1:] + velocity[:-1]) / 2
    expected = -flow.friction * flow.time_step * np.sum(middle**2, axis=1)
    assert np.allclose(ledger.column("friction"), expected, rtol=1e-12)
    assert np.allclose(ledger.column("kinetic"), np.sum(velocity[1:] ** 2, axis=1) / 2, rtol=1e-12)
    assert np.allclose(ledger.column("time"), flow.time_step * np.arange(1, 31))
    assert ledger.momentum_map() == flow


def test_on_a_quadratic_loss_the_discretization_comes_back():
    """It is the change of <d, H d>/4, so that its sum stays bounded while the step is stable."""
    A = np.array([[2.0, 1], [1, 3]])
    ledger, _ = run_quadratic(A, [1.0, -1.0], 0.1, 1.0, 400)
    total = np.cumsum(ledger.column("discretization"))
    assert np.allclose(total, ledger.column("energy") - ledger.summary().start, atol=1e-12)
    assert np.abs(total).max() < 0.25 * ledger.summary().start
    assert np.all(total >= -1e-12)


def test_without_friction_the_modified_energy_is_exact():
    A = np.array([[2.0, 1], [1, 3]])
    problem, theta, optimizer, moves = Quadratic(A), np.array([1.0, -1.0]), SGD(1.0), []
    ledger = EnergyLedger(0.1, 1.0)
    for _ in range(50):
        ledger.step(theta, problem.gradient(theta), problem.loss(theta))
        later = optimizer.step(theta, problem.gradient(theta), 0.1)
        moves.append(later - theta)
        theta = later
    ledger.finish(theta, problem.loss(theta))
    borrowed = np.array([move @ A @ move / 4 for move in moves])
    assert np.allclose(ledger.column("energy") - borrowed, ledger.summary().start, rtol=1e-12)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize(("factor", "unstable"), [(0.97, False), (1.03, True)])
def test_steps_beyond_the_stability_limit_are_flagged(factor, unstable, nesterov):
    lr, mu = 0.1, 0.9
    curvature = factor * MomentumMap(lr, mu, nesterov=nesterov).largest_curvature
    problem, theta = Quadratic(np.diag([curvature, 1.0])), np.array([1.0, 0.1])
    optimizer, ledger = SGD(mu, nesterov=nesterov), EnergyLedger(lr, mu, nesterov=nesterov)
    for _ in range(300):
        ledger.step(theta, problem.gradient(theta), problem.loss(theta))
        theta = optimizer.step(theta, problem.gradient(theta), lr)
    summary = ledger.summary()
    assert (summary.above_limit > 0) == unstable
    assert summary.sharpest == pytest.approx(factor, rel=1e-2)
    assert (summary.end > summary.start) == unstable
    if unstable:
        assert summary.first_above < 5
        assert summary.totals["discretization"] > 10 * summary.start
        assert "too large" in str(ledger)


def test_minibatch_noise_is_told_from_the_finite_step_only_with_full_gradients():
    problem, rng = Regression(), np.random.default_rng(3)
    theta, ledger = problem.start, EnergyLedger(0.02, 0.9, minibatch=True)
    optimizer = {name: SGD(0.9) for name in theta}
    for step in range(40):
        used = problem.gradient(theta, rng.choice(40, size=4))
        full = problem.gradient(theta) if step % 2 else None
        ledger.step(theta, used, problem.loss(theta), full_grads=full)
        theta = {name: optimizer[name].step(value, used[name], 0.02) for name, value in theta.items()}
    check_parts(ledger)
    unresolved = ledger.column("unresolved") != 0
    assert unresolved.tolist() == [step % 2 == 0 for step in range(39)]
    assert np.all((ledger.column("noise") == 0) == unresolved)
    assert np.all(np.isnan(ledger.column("curvature")))


def test_noise_injects_what_theory_says():
    """With gradient noise of variance s^2, a step of h adds (h s)^2/2 ((1 + mu)/2)^2 to |v|^2/2 in the mean."""
    rng, lr, mu, spread, size = np.random.default_rng(0), 1e-3, 0.9, 2.0, 4_000
    theta, optimizer, ledger = np.zeros(size), SGD(mu), EnergyLedger(lr, mu)
    for _ in range(50):
        gradient = spread * rng.standard_normal(size)
        ledger.step(theta, gradient, 0.0, full_grads=np.zeros(size))
        theta = optimizer.step(theta, gradient, lr)
    h = MomentumMap(lr, mu).time_step
    # <g - G, p> = -h <noise, (v + v')/2>, and v' holds -h (1 + mu)/2 of the present noise.
    expected = size * (h * spread) ** 2 * (1 + mu) / 4
    noise = ledger.column("noise")
    assert noise.mean() == pytest.approx(expected, rel=0.02)


def test_weight_decay_is_part_of_the_loss():
    problem, decay = Quadratic([[2, 1], [1, 3]]), 0.3
    with_decay, plain = EnergyLedger(0.05, 0.9, weight_decay=decay), EnergyLedger(0.05, 0.9)
    theta, optimizer = np.array([1.0, 2.0]), SGD(0.9, weight_decay=decay)
    for _ in range(20):
        gradient, loss = problem.gradient(theta), problem.loss(theta)
        with_decay.step(theta, gradient, loss)
        plain.step(theta, gradient + decay * theta, loss + decay / 2 * theta @ theta)
        theta = optimizer.step(theta, gradient, 0.05)
    assert with_decay.entries == plain.entries
    assert with_decay.summary().mismatches == 0


@pytest.mark.parametrize("fault", ["lr", "momentum", "sign", "late"])
def test_a_loop_that_is_not_what_was_said_is_noticed(fault):
    problem, theta, optimizer = Quadratic([[2, 1], [1, 3]]), np.array([1.0, 2.0]), SGD(0.9)
    ledger = EnergyLedger(0.02, 0.9)
    for step in range(20):
        gradient = problem.gradient(theta)
        ledger.step(theta, gradient, problem.loss(theta))
        wrong = step == 12
        lr = 0.021 if wrong and fault == "lr" else 0.02
        mu = 0.89 if wrong and fault == "momentum" else 0.9
        used = -gradient if wrong and fault == "sign" else gradient
        theta = optimizer.step(theta, used, lr, mu)
        if wrong and fault == "late":
            theta = theta + 1e-8
    summary = ledger.summary()
    assert summary.first_mismatch == 13
    check_parts(ledger)
    assert "otherwise than SGD" in str(summary)


def test_correct_loops_in_single_precision_raise_no_alarm():
    problem, rng = Regression(), np.random.default_rng(0)
    theta = {name: value.astype(np.float32) for name, value in problem.start.items()}
    buffer = {name: np.zeros_like(value) for name, value in theta.items()}
    ledger = EnergyLedger(0.05, 0.9, minibatch=True)
    for _ in range(500):
        used = {name: g.astype(np.float32) for name, g in problem.gradient(theta, rng.choice(40, size=8)).items()}
        ledger.step(
            {k: Tensor(v) for k, v in theta.items()},
            {k: Tensor(v) for k, v in used.items()},
            Tensor(problem.loss(theta)),
        )
        buffer = {name: np.float32(0.9) * buffer[name] + g for name, g in used.items()}
        theta = {name: value - np.float32(0.05) * buffer[name] for name, value in theta.items()}
    assert len(ledger.entries) == 499
    assert ledger.summary().mismatches == 0


def test_parameters_that_are_changed_in_place_are_copied():
    theta, gradient = np.array([1.0, 2.0]), np.array([1.0, 2.0])
    ledger = EnergyLedger(0.1, 0.5)
    for _ in range(3):
        ledger.step(theta, gradient, float(theta @ theta / 2))
        theta -= 0.1 * gradient
        gradient[:] = theta
    assert ledger.entries[0].potential == pytest.approx(0.5 * (2.5 + 0.81 * 2.5))


def test_rows_that_sum_several_steps():
    fine, _ = run_quadratic([[2, 1], [1, 3]], [1.0, -1.0], 0.1, 0.9, 25)
    coarse, _ = run_quadratic([[2, 1], [1, 3]], [1.0, -1.0], 0.1, 0.9, 25, record_every=10)
    assert [entry.steps for entry in coarse.entries] == [10, 10, 5]
    assert [entry.step for entry in coarse.entries] == [10, 20, 25]
    for part in PARTS:
        assert coarse.summary().totals[part] == pytest.approx(fine.summary().totals[part], rel=1e-12)
    assert coarse.entries[0].curvature == max(fine.column("curvature")[:10])
    check_parts(coarse)
    assert isinstance(fine.entries[0] + fine.entries[1], LedgerEntry)


def test_a_ledger_that_begins_in_the_middle():
    problem, theta, optimizer = Quadratic([[2, 1], [1, 3]]), np.array([1.0, -1.0]), SGD(0.9)
    whole, late = EnergyLedger(0.05, 0.9), None
    for step in range(20):
        gradient = problem.gradient(theta)
        if step == 8:
            late = EnergyLedger(0.05, 0.9, buffer=optimizer.buffer)
        for ledger in (whole, late):
            if ledger is not None:
                ledger.step(theta, gradient, problem.loss(theta))
        theta = optimizer.step(theta, gradient, 0.05)
    assert late.summary().start == pytest.approx(whole.entries[8].energy, rel=1e-14)
    assert np.allclose(late.column("change"), whole.column("change")[9:], atol=1e-14)
    assert np.allclose(late.column("friction"), whole.column("friction")[9:], atol=1e-14)
    check_parts(late)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [("loss", "the loss"), ("params", "a parameter"), ("grads", "a gradient"), ("full_grads", "a gradient")],
)
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_the_ledger_stops_at_the_step_that_is_not_finite(bad, reason, value):
    ledger = EnergyLedger(0.1, 0.9)
    for step in range(1, 11):
        given = {
            "params": np.array([1.0, 2.0]) / step,
            "grads": np.ones(2),
            "loss": 1.0 / step,
            "full_grads": np.ones(2),
        }
        if step == 7:
            given[bad] = value if bad == "loss" else np.array([1.0, value])
        entry = ledger.step(given.pop("params"), given.pop("grads"), given.pop("loss"), **given)
        assert (entry is None) == (step == 1 or step >= 7)
    assert ledger.finish(np.ones(2), 1.0) is None
    assert ledger.stopped.step == 7
    assert ledger.stopped.reason == f"{reason} is not finite"
    assert len(ledger.entries) == 5
    assert "stopped at step 7" in str(ledger)
    assert "stopped at step 7" in repr(ledger)
    check_parts(ledger)


def test_the_ledger_stops_where_the_energy_overflows():
    ledger, _ = run_quadratic([[1.0]], [1.0], 100.0, 0.9, 120)
    assert ledger.stopped is not None
    assert np.all(np.isfinite(ledger.column("energy")))
    assert ledger.stopped.step == len(ledger.entries) + 2


def test_a_ledger_without_entries():
    ledger = EnergyLedger(0.1)
    assert "no step is complete" in str(ledger)
    assert ledger.finish(np.ones(1), 1.0) is None
    ledger = EnergyLedger(0.1)
    ledger.step([1.0], [1.0], math.nan)
    assert "stopped at step 1" in str(ledger)


def test_json():
    ledger, _ = run_quadratic([[1.0]], [1.0], 0.1, 0.9, 5)
    table = json.loads(json.dumps(ledger.to_dict(), allow_nan=False))
    assert len(table["entries"]) == 5
    assert table["settings"]["momentum"] == 0.9
    assert table["summary"]["steps"] == 5
    json.dumps(EnergyLedger().to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"lr": -0.1}, "lr = -0.1"),
        ({"momentum": 1.5}, "negative friction"),
        ({"momentum": -0.5}, "momentum = -0.5"),
        ({"dampening": 1}, "dampening = 1"),
        ({"nesterov": True}, "nesterov"),
        ({"weight_decay": -1}, "weight_decay = -1"),
        ({"minibatch": None}, "minibatch = None"),
        ({"record_every": 0}, "record_every = 0"),
    ],
)
def test_bad_settings(arguments, error):
    with pytest.raises(LieLawsError, match=error):
        EnergyLedger(**arguments)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (([1.0, 2.0], [1.0], 1.0), "grads = 'an array of shape"),
        (([1.0, 2.0], None, 1.0), "grads = None"),
        (([1.0, 2.0], {"a": [1.0, 2.0]}, 1.0), "grads"),
        (({"a": [1.0]}, [1.0], 1.0), "a mapping is needed"),
        (({"a": [1.0]}, {"b": [1.0]}, 1.0), "names must be those of the parameters"),
        (({"a": [1.0]}, {"a": None}, 1.0), r"grads\['a'\] = None"),
        (([1.0], [1.0], [1.0, 2.0]), "loss"),
        (([1.0], [1.0], None), "loss = None"),
        (([1.0], [1.0], "low"), "loss = 'low'"),
        (([], [], 1.0), "params"),
        (({}, {}, 1.0), "params"),
    ],
)
def test_bad_steps(arguments, error):
    with pytest.raises(LieLawsError, match=error):
        EnergyLedger(0.1).step(*arguments)


def test_misuse():
    ledger = EnergyLedger()
    with pytest.raises(InvalidArgumentError, match="a learning rate is needed"):
        ledger.step([1.0], [1.0], 1.0)
    with pytest.raises(InvalidArgumentError, match="lr = -1"):
        ledger.step([1.0], [1.0], 1.0, lr=-1)
    ledger.step([1.0], [1.0], 1.0, lr=0.1)
    with pytest.raises(InvalidArgumentError, match="shape"):
        ledger.step([1.0, 2.0], [1.0, 2.0], 1.0, lr=0.1)
    with pytest.raises(InvalidArgumentError, match="did you mean 'energy'"):
        ledger.column("enrgy")
    with pytest.raises(InvalidArgumentError, match="lr = None"):
        ledger.momentum_map()
    ledger.finish([1.0], 1.0)
    with pytest.raises(InvalidArgumentError, match="finished"):
        ledger.step([1.0], [1.0], 1.0, lr=0.1)
    with pytest.raises(InvalidArgumentError, match="buffer"):
        EnergyLedger(0.1, buffer=[np.nan]).step([1.0], [1.0], 1.0)
