"""Each line of the recursion against SGD as PyTorch has it: predicted from the start, and equal to rounding."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lielaws.training import LawBalance
from tests.unit.training.loops import KINDS, Loop, Sgd, law_of, problem, run

ROUNDING = 1e-13
MOMENTA = (
    {},
    {"momentum": 0.9},
    {"momentum": 0.9, "dampening": 0.3},
    {"momentum": 0.8, "nesterov": True},
    {"dampening": 0.5},  # without momentum it does nothing
)
DECAYS = (
    {},
    {"weight_decay": 0.05},
    {"decoupled_decay": 0.1},
    {"weight_decay": 0.05, "decoupled_decay": 0.1},
)


def _exact(summary):
    assert not summary.alarm
    assert summary.largest_residual.max() < ROUNDING
    assert summary.largest_from_start.max() < ROUNDING


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("momentum", "decay"), list(itertools.product(MOMENTA, DECAYS)))
def test_every_variant_on_every_kind_of_law(kind, momentum, decay):
    """Quadratic, mixed and linear laws of real networks, with a learning rate that changes and minibatches."""
    settings = {"lr": 0.05, **momentum, **decay}
    loop = Loop(problem(kind), Sgd(**settings), np.random.default_rng(3), lambda t: 0.08 / (1 + t / 10))
    summary = run(loop, LawBalance(problem(kind).report, **settings), 40)
    _exact(summary)
    if decay or kind != "softmax":
        assert np.abs(summary.drift / summary.scale).max() > 1e-5


def test_linear_laws_do_not_move_without_decay_and_shrink_with_it():
    case = problem("softmax")
    linear = [law for law in case.report.laws if law.degree == 1]
    assert len(linear) == 5
    for decay, factor in ((0.0, 1.0), (0.5, 0.98**20)):
        settings = {"lr": 0.04, "momentum": 0.0, "decoupled_decay": decay}
        summary = run(Loop(case, Sgd(**settings), np.random.default_rng(0)), LawBalance(linear, **settings), 20)
        _exact(summary)
        np.testing.assert_allclose(summary.end, factor * summary.start, atol=1e-13)


@pytest.mark.parametrize("momentum", MOMENTA)
def test_gradient_scaling(momentum):
    """A factor that differs by step, negative ones (the optimizer maximizes) among them."""
    case, rng = problem("relu+bias"), np.random.default_rng(5)
    sgd = Sgd(lr=0.02, weight_decay=0.1, **momentum)
    balance = LawBalance(case.report, lr=0.02, weight_decay=0.1, **momentum)
    params = case.start()
    for step in range(30):
        grads = case.gradient(params, rng)
        norm = np.sqrt(sum((g**2).sum() for g in grads.values()))
        scale = min(1.0, 0.5 / norm) * (-1 if step % 7 == 3 else 1)
        balance.step(params, grads, scale=scale)
        params = sgd.step(params, grads, scale=scale)
    _exact(balance.finish(params))


def test_momentum_and_decays_that_change_from_step_to_step():
    """A momentum of 0 in between neither uses nor touches the buffer; dampening is left out when the buffer is made."""
    case, rng = problem("exp+bias"), np.random.default_rng(5)
    sgd = Sgd(lr=0.02, dampening=0.2)
    balance = LawBalance(case.report, dampening=0.2)
    params = case.start()
    for step in range(30):
        sgd.momentum = (0.0, 0.9, 0.5)[step % 3]
        sgd.weight_decay, sgd.decoupled_decay = 0.1 * (step % 2), 0.2 * (step % 5)
        grads = case.gradient(params, rng)
        balance.step(
            params,
            grads,
            lr=0.02,
            momentum=sgd.momentum,
            weight_decay=sgd.weight_decay,
            decoupled_decay=sgd.decoupled_decay,
        )
        params = sgd.step(params, grads)
    _exact(balance.finish(params))


def test_groups_with_settings_of_their_own():
    """Laws of different layers may have different settings; those of one law may not (see the bad input)."""
    case, rng = problem("relu"), np.random.default_rng(2)
    twice = {f"{name}{copy}": value for copy in "ab" for name, value in case.params.items()}
    shapes = {name: value.shape for name, value in twice.items()}
    first = {(k, k): 1 for k in range(6)} | {(30 + 5 * i, 30 + 5 * i): -1 for i in range(3)}
    laws = [law_of({tuple(c + 45 * n for c in m): v for m, v in first.items()}, shapes) for n in range(2)]
    assert [law.name for law in laws] == ["|W1a[0,:]|^2 - |W2a[:,0]|^2", "|W1b[0,:]|^2 - |W2b[:,0]|^2"]

    def per_group(a, b):
        return {"W1a": a, "W2a": a, "W1b": b, "W2b": b}

    settings = {
        "lr": per_group(0.1, 0.03),
        "momentum": per_group(0.9, 0.0),
        "nesterov": per_group(True, False),
        "weight_decay": per_group(0.0, 0.1),
        "decoupled_decay": per_group(0.2, 0.0),
    }
    sgd, balance, params = Sgd(**settings), LawBalance(laws, **settings), twice
    for _ in range(25):
        grads = {}
        for copy in "ab":
            part = case.gradient({name: params[name + copy] for name in case.params}, rng)
            grads |= {name + copy: value for name, value in part.items()}
        scale = per_group(0.7, 1.3)
        balance.step(params, grads, scale=scale)
        params = sgd.step(params, grads, scale=scale)
    _exact(balance.finish(params))


def test_plain_sgd_changes_a_quadratic_law_by_the_law_of_the_step():
    """h(theta - eta g) - h(theta) = eta^2 q(g), with no error term at all."""
    case = problem("relu")
    params = case.start()
    grads = case.gradient(params, np.random.default_rng(0))
    balance = LawBalance(case.report, lr=0.3)
    balance.step(params, grads)
    after = {name: params[name] - 0.3 * grads[name] for name in params}
    result = balance.check(after)
    moved = np.array([0.3**2 * law.evaluate(grads) for law in case.report.laws])
    np.testing.assert_allclose(result.measured, [law.evaluate(after) for law in case.report.laws], rtol=1e-13)
    np.testing.assert_allclose(result.measured - balance.summary().start, moved, atol=1e-13)
    assert np.abs(moved).max() > 1e-3


def test_a_run_that_is_resumed_with_its_buffer():
    case, rng = problem("linear"), np.random.default_rng(1)
    settings = {"lr": 0.03, "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.02}
    sgd, params = Sgd(**settings), case.start()
    for _ in range(10):
        params = sgd.step(params, case.gradient(params, rng))
    balance = LawBalance(case.report, **settings, buffer=sgd.buffers)
    without = LawBalance(case.report, **settings)
    for _ in range(10):
        grads = case.gradient(params, rng)
        balance.step(params, grads)
        without.step(params, grads)
        params = sgd.step(params, grads)
    _exact(balance.finish(params))
    assert without.finish(params).first_alarm.step == 1


def test_float32_is_followed_in_float64():
    """The loop runs in float32; only its own rounding shows."""
    case = problem("relu+bias")
    settings = {"lr": 0.05, "momentum": 0.9, "weight_decay": 1e-3}
    balance = LawBalance(case.report, **settings)
    loop = Loop(case, Sgd(**settings), np.random.default_rng(3))
    summary = run(loop, balance, 300, dtype=np.float32)
    assert (balance.tolerance, balance.step_tolerance) == (1e-4, 1e-6)
    assert not summary.alarm
    assert 1e-12 < summary.largest_residual.max() < 3e-7
    assert 1e-10 < summary.largest_from_start.max() < 1e-5
    assert np.abs(summary.drift / summary.scale).max() > 1e-2
