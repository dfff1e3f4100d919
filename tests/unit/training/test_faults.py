"""Planted bugs: those that break a law are caught at once, others by no law, and correct loops are quiet."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lielaws.training import LawBalance
from tests.unit.training.loops import Arrays, Loop, Sgd, law_of, problem, run

AT, STEPS = 8, 14
SETTINGS = {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01}

Fault = Callable[[Loop, Arrays, Arrays], tuple[Arrays, Arrays]]


def _with_gradient(change: Callable[[Loop, Arrays], Arrays]) -> Fault:
    """The gradient is wrong, and is used as it is."""

    def step(loop: Loop, params: Arrays, grads: Arrays) -> tuple[Arrays, Arrays]:
        wrong = change(loop, {name: value.copy() for name, value in grads.items()})
        return wrong, loop.sgd.step(params, wrong, loop.lr)

    return step


def _with_optimizer(**settings: object) -> Fault:
    """The optimizer has other settings than the monitor was told."""

    def step(loop: Loop, params: Arrays, grads: Arrays) -> tuple[Arrays, Arrays]:
        for name, value in settings.items():
            setattr(loop.sgd, name, value)
        return grads, loop.sgd.step(params, grads, loop.lr)

    return step


def _with_weights(change: Callable[[Loop, Arrays, Arrays], Arrays]) -> Fault:
    """Something happens to the weights after the update."""

    def step(loop: Loop, params: Arrays, grads: Arrays) -> tuple[Arrays, Arrays]:
        return grads, change(loop, params, loop.sgd.step(params, grads, loop.lr))

    return step


def _one_entry(loop, grads):
    grads["W1"][0, 0] *= 1.01
    return grads


def _noise(loop, grads):
    return {name: value + 1e-4 * loop.rng.normal(size=value.shape) for name, value in grads.items()}


def _one_layer_scaled(loop, grads):
    return grads | {"W2": 1.001 * grads["W2"]}


def _clipped_by_entry(loop, grads):
    return {name: np.clip(value, -0.02, 0.02) for name, value in grads.items()}


def _clipped_by_tensor(loop, grads):
    return {name: 0.1 * value / np.sqrt((value**2).sum()) for name, value in grads.items()}


def _stale(loop, grads):
    return loop.seen[-2]


def _accumulated(loop, grads):
    return {name: value + loop.seen[-2][name] for name, value in grads.items()}


def _rounded(loop, grads):
    return {name: value.astype(np.float16).astype(float) for name, value in grads.items()}


def _wrong_activation(loop, params, grads):
    """The backward pass of a leaky ReLU for the forward pass of a ReLU."""
    case = loop.problem
    rows = loop.rng.integers(0, len(case.x), 16)
    x, y = case.x[rows], case.y[rows]
    inner = x @ params["W1"].T
    active = np.maximum(inner, 0)
    slope = (active @ params["W2"].T - y) / 16
    back = (slope @ params["W2"]) * np.where(inner > 0, 1.0, 0.1)
    wrong = {"W1": back.T @ x, "W2": slope.T @ active}
    return wrong, loop.sgd.step(params, wrong, loop.lr)


def _left_out(loop, params, after):
    return after | {"W2": params["W2"]}


def _twice(loop, params, grads):
    once = loop.sgd.step(params, grads, loop.lr)
    return grads, once | {"W1": 2 * once["W1"] - params["W1"]}


def _two_steps(loop, params, grads):
    return grads, loop.sgd.step(loop.sgd.step(params, grads, loop.lr), grads, loop.lr)


def _clamped(loop, params, after):
    return {name: np.clip(value, -0.6, 0.6) for name, value in after.items()}


def _overwritten(loop, params, after):
    return after if loop.count > AT else loop.problem.start()


def _noisy_weights(loop, params, after):
    return {name: value + 1e-6 * loop.rng.normal(size=value.shape) for name, value in after.items()}


def _rounded_weights(loop, params, after):
    return {name: value.astype(np.float32).astype(float) for name, value in after.items()}


def _normalized(loop, params, after):
    return {name: value / np.sqrt((value**2).mean()) for name, value in after.items()}


def _decay_of_one(loop, params, after):
    return after | {"W1": after["W1"] - 0.05 * 0.01 * params["W1"]}


def _emptied_buffer(loop, params, grads):
    if loop.count == AT:
        loop.sgd.buffers.clear()
    return loop.correct(params, grads)


def _skipped(loop, params, grads):
    return grads, params if loop.count == AT else loop.sgd.step(params, grads, loop.lr)


def _old_buffer(loop, params, grads):
    """The buffer is not updated."""
    kept = dict(loop.sgd.buffers)
    after = loop.sgd.step(params, grads, loop.lr)
    loop.sgd.buffers = kept
    return grads, after


def _uphill(loop, params, grads):
    return grads, loop.sgd.step(params, grads, -loop.lr)


def _other_rate(loop, params, grads):
    return grads, loop.sgd.step(params, grads, 1.02 * loop.lr)


def _adam(loop, params, grads):
    return grads, {name: params[name] - 0.001 * np.sign(grads[name]) for name in params}


def _clipped_after_the_monitor(loop, params, grads):
    return grads, loop.sgd.step(params, {name: 0.5 * value for name, value in grads.items()}, loop.lr)


SEEN: dict[str, Fault] = {
    "one entry of the gradient is off by 1 percent": _with_gradient(_one_entry),
    "noise in the gradient": _with_gradient(_noise),
    "the gradient of one layer has another factor": _with_gradient(_one_layer_scaled),
    "gradients clipped entry by entry": _with_gradient(_clipped_by_entry),
    "gradients clipped tensor by tensor": _with_gradient(_clipped_by_tensor),
    "gradient of the parameters before": _with_gradient(_stale),
    "gradients not set to zero": _with_gradient(_accumulated),
    "gradients in half precision": _with_gradient(_rounded),
    "backward pass of another activation": _wrong_activation,
    "a group left out": _with_weights(_left_out),
    "a layer updated twice": _twice,
    "two steps with one gradient": _two_steps,
    "weights clamped": _with_weights(_clamped),
    "weights overwritten once": _with_weights(_overwritten),
    "noise in the weights": _with_weights(_noisy_weights),
    "weights kept in float32": _with_weights(_rounded_weights),
    "weights normalized": _with_weights(_normalized),
    "decay of one layer twice": _with_weights(_decay_of_one),
    "no decay": _with_optimizer(weight_decay=0.0),
    "decay decoupled": _with_optimizer(weight_decay=0.0, decoupled_decay=0.01),
    "another momentum": _with_optimizer(momentum=0.89),
    "dampening": _with_optimizer(dampening=0.1),
    "Nesterov": _with_optimizer(nesterov=True),
    "another learning rate": _other_rate,
    "buffer emptied": _emptied_buffer,
    "buffer not updated": _old_buffer,
    "an update skipped": _skipped,
    "gradient clipped after the monitor": _clipped_after_the_monitor,
    "uphill, with momentum": _uphill,
    "another optimizer": _adam,
}


CASES = [(name, kind) for name in SEEN for kind in ("relu", "linear") if kind == "relu" or "activation" not in name]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_bug_that_a_law_can_see_is_caught_within_three_steps(name, kind):
    balance = LawBalance(problem(kind).report, **SETTINGS)
    summary = run(Loop(problem(kind), Sgd(**SETTINGS), np.random.default_rng(11)), balance, STEPS, SEEN[name], AT)
    assert AT < summary.first_alarm.step <= AT + 3
    assert np.abs(summary.first_alarm.residual).max() > summary.step_tolerance


def test_gradients_and_updates_are_told_apart():
    """The first alarm says whether the gradient or the update was wrong."""

    def first(fault):
        loop = Loop(problem("relu"), Sgd(**SETTINGS), np.random.default_rng(11))
        return run(loop, LawBalance(problem("relu").report, **SETTINGS), STEPS, fault, AT).first_alarm

    for name in ("noise in the gradient", "gradient of the parameters before", "backward pass of another activation"):
        alarm = first(SEEN[name])
        assert np.abs(alarm.gradient_fault).max() > 1e-6
        assert np.abs(alarm.update_fault).max() < 1e-12
        assert "the gradient is none" in alarm.cause
        assert "rule" not in alarm.cause
    for name in ("a group left out", "weights clamped", "no decay", "another momentum"):
        alarm = first(SEEN[name])
        assert np.abs(alarm.update_fault).max() > 1e-8
        assert np.abs(alarm.gradient_fault).max() < 1e-12
        assert "the gradient is none" not in alarm.cause
        assert "rule" in alarm.cause


@pytest.mark.parametrize(
    "name",
    [
        "the gradient of one layer has another factor",
        "gradient of the parameters before",
        "backward pass of another activation",
        "a group left out",
        "a layer updated twice",
        "weights clamped",
        "weights overwritten once",
        "decay of one layer twice",
        "no decay",
        "buffer emptied",
        "an update skipped",
        "two steps with one gradient",
        "another optimizer",
    ],
)
def test_float32_hides_none_of_the_coarser_bugs(name):
    balance = LawBalance(problem("relu").report, **SETTINGS)
    loop = Loop(problem("relu"), Sgd(**SETTINGS), np.random.default_rng(11))
    summary = run(loop, balance, STEPS, SEEN[name], AT, dtype=np.float32)
    assert balance.tolerance == 1e-4
    assert AT < summary.first_alarm.step <= AT + 3


def _other_labels(loop, params, grads):
    rows = loop.rng.integers(0, 64, 16)
    wrong = loop.problem.gradient_at(params, rows, labels=loop.problem.y[::-1])
    return wrong, loop.sgd.step(params, wrong, loop.lr)


def _same_batch(loop, params, grads):
    same = loop.problem.gradient_at(params, np.arange(4))
    return same, loop.sgd.step(params, same, loop.lr)


def _other_loss(loop, params, grads):
    case, rows = loop.problem, loop.rng.integers(0, 64, 16)
    cotangent = np.sign(case.network.forward(params, case.x[rows]) - case.y[rows]) / 16
    wrong = {name: np.asarray(g) for name, g in case.network.pullback(params, case.x[rows], cotangent).items()}
    return wrong, loop.sgd.step(params, wrong, loop.lr)


UNSEEN: dict[str, Fault] = {
    "sign of the loss": _with_gradient(lambda loop, grads: {name: -value for name, value in grads.items()}),
    "factor of the loss": _with_gradient(lambda loop, grads: {name: 0.1 * value for name, value in grads.items()}),
    "wrong labels": _other_labels,
    "the same batch again and again": _same_batch,
    "another loss": _other_loss,
}


@pytest.mark.parametrize("kind", ["relu", "linear", "relu+bias"])
@pytest.mark.parametrize("name", UNSEEN)
def test_what_gives_the_gradient_of_some_loss_is_seen_by_no_law(name, kind):
    balance = LawBalance(problem(kind).report, **SETTINGS)
    summary = run(Loop(problem(kind), Sgd(**SETTINGS), np.random.default_rng(11)), balance, 40, UNSEEN[name], AT)
    assert not summary.alarm
    assert summary.largest_from_start.max() < 1e-13


@pytest.mark.parametrize("kind", ["relu", "linear"])
def test_what_only_plain_sgd_hides(kind):
    """Uphill and coupled for decoupled decay: no difference without momentum, an alarm with it."""

    def alarm(told, fault):
        loop = Loop(problem(kind), Sgd(**told), np.random.default_rng(11))
        return run(loop, LawBalance(problem(kind).report, **told), STEPS, fault, AT).alarm

    assert not alarm({"lr": 0.05}, _uphill)
    assert alarm({"lr": 0.05, "momentum": 0.9}, _uphill)
    assert alarm({"lr": 0.05, "weight_decay": 0.01}, _uphill)
    decoupled = _with_optimizer(weight_decay=0.0, decoupled_decay=0.01)
    assert not alarm({"lr": 0.05, "weight_decay": 0.01}, decoupled)
    assert alarm({"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01}, decoupled)
    for flag in ({"dampening": 0.5}, {"nesterov": True}):
        assert not alarm({"lr": 0.05}, _with_optimizer(**flag))


def test_decay_of_all_tensors_alike_does_not_show_where_the_law_is_zero():
    """Balanced weights: q(theta) = 0, and scaling theta leaves it so. Decay of one of the tensors does show."""
    case = problem("relu")
    balanced = case.start()
    balanced["W2"] *= np.sqrt((balanced["W1"] ** 2).sum(axis=1) / (balanced["W2"] ** 2).sum(axis=0))
    balance = LawBalance(case.report, lr=0.1)
    balance.step(balanced, {name: 0 * value for name, value in balanced.items()})
    assert not balance.check({name: 0.9 * value for name, value in balanced.items()}).alarm
    assert balance.check(balanced | {"W1": 0.9999 * balanced["W1"]}).alarm


CORRECT = (
    {"lr": 0.1},
    {"lr": 0.5},
    {"lr": 1e-4},
    {"lr": 0.02, "momentum": 0.9},
    {"lr": 0.02, "momentum": 0.99},
    {"lr": 0.05, "momentum": 0.9, "nesterov": True},
    {"lr": 0.05, "momentum": 0.9, "dampening": 0.9},
    {"lr": 0.05, "weight_decay": 0.1},
    {"lr": 0.05, "momentum": 0.9, "weight_decay": 5e-4, "nesterov": True},
    {"lr": 0.05, "momentum": 0.9, "decoupled_decay": 0.1},
    {"lr": 0.05, "momentum": 0.5, "dampening": 0.1, "weight_decay": 0.01, "decoupled_decay": 0.01},
    {"lr": 0.0, "momentum": 0.9, "weight_decay": 0.01},
)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("settings", CORRECT)
def test_correct_loops_raise_no_alarm(settings, dtype):
    for kind in ("relu", "relu+bias", "linear"):
        loop = Loop(problem(kind), Sgd(**settings), np.random.default_rng(11))
        summary = run(loop, LawBalance(problem(kind).report, **settings), 100, dtype=dtype)
        assert (summary.steps, summary.alarms) == (100, 0)


def test_what_a_linear_law_sees_of_a_wrong_gradient_is_not_hidden_by_decay():
    """Its value is l(theta), so that the whole of lr l(G) must show, though l(G) would be at hand to predict it."""
    law = law_of({(0,): 1, (1,): 1}, {"b": (2,)})
    balance = LawBalance([law], lr=0.1, momentum=0.9, weight_decay=0.3, decoupled_decay=0.5)
    sgd = Sgd(lr=0.1, momentum=0.9, weight_decay=0.3, decoupled_decay=0.5)
    theta, wrong = {"b": np.array([1.0, 2.0])}, {"b": np.array([0.5, 0.25])}
    balance.step(theta, wrong)
    result = balance.check(sgd.step(theta, wrong))
    np.testing.assert_allclose(result.measured - result.predicted, [-0.1 * 0.75], rtol=1e-12)
    np.testing.assert_allclose(result.gradient_fault, result.residual, rtol=1e-12)
