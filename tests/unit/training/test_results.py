"""What the monitor returns, keeps and says."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from lielaws.errors import LieLawsError
from lielaws.training import BalanceError, LawBalance
from tests.unit.training.loops import Loop, Sgd, law_of, problem, run

SETTINGS = {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01}


def _run(steps=6, fault=None, **options):
    balance = LawBalance(problem("relu").report, **SETTINGS, **options)
    loop = Loop(problem("relu"), Sgd(**SETTINGS), np.random.default_rng(0))
    return balance, run(loop, balance, steps, fault, at=3)


def _half(loop, params, grads):
    return grads, {name: value / 2 for name, value in params.items()}


def _trajectory(steps):
    case, sgd, rng = problem("relu"), Sgd(**SETTINGS), np.random.default_rng(0)
    params = [case.start()]
    grads = []
    for _ in range(steps):
        grads.append(case.gradient(params[-1], rng))
        params.append(sgd.step(params[-1], grads[-1]))
    return params, grads


def test_each_call_is_about_the_step_before():
    params, grads = _trajectory(4)
    report = problem("relu").report
    values = report.evaluate(params)
    balance = LawBalance(report, **SETTINGS)
    first = balance.step(params[0], grads[0])
    assert (first.step, first.alarm, balance.steps, balance.history) == (0, False, 0, ())
    np.testing.assert_allclose(first.measured, values[0], rtol=1e-13)
    for k in range(1, 4):
        looked = balance.check(params[k])
        result = balance.step(params[k], grads[k])
        assert looked.step == result.step == balance.steps == k
        assert balance.history[-1] is result
        np.testing.assert_array_equal(looked.measured, result.measured)
        np.testing.assert_allclose(result.measured, values[k], rtol=1e-13)
        np.testing.assert_allclose(result.predicted, values[k], rtol=1e-12)
        np.testing.assert_allclose(result.predicted_from_start, values[k], rtol=1e-12)
        np.testing.assert_allclose(balance.drift(), values[k] - values[0], atol=1e-13)
    summary = balance.finish(params[4])
    assert (summary.steps, len(balance.history)) == (4, 4)
    np.testing.assert_allclose(summary.end, values[4], rtol=1e-13)
    np.testing.assert_allclose(summary.drift, values[4] - values[0], atol=1e-13)
    np.testing.assert_allclose(summary.predicted_drift, summary.drift, atol=1e-13)


def test_the_scale_is_the_sum_of_squares_of_the_entries_involved():
    params, grads = _trajectory(1)
    balance = LawBalance(problem("relu").report, **SETTINGS)
    balance.step(params[0], grads[0])
    result = balance.check(params[1])
    squares = [[(p["W1"] ** 2).sum(axis=1), (p["W2"] ** 2).sum(axis=0)] for p in params]
    sums = np.array(squares).sum(axis=1)
    by_name = {f"|W1[{k},:]|^2 - |W2[:,{k}]|^2": sums[:, k].max() for k in range(5)}
    np.testing.assert_allclose(result.scale, [by_name[law.name] for law in result.laws])
    wrong = {name: value + 1e-3 for name, value in params[1].items()}
    result = balance.check(wrong)
    np.testing.assert_allclose(result.residual, (result.measured - result.predicted) / result.scale)
    total = (result.measured - result.predicted_from_start) / result.scale_from_start
    np.testing.assert_allclose(result.residual_from_start, total)


def test_a_multiple_of_a_law_has_the_same_residuals():
    shapes = {"a": (2,)}
    laws = [law_of({(0, 0): c, (1, 1): -c, (0,): 2 * c, (0, 1): c}, shapes) for c in (1, 10**6)]
    balance = LawBalance(laws, lr=0.1)
    balance.step({"a": [1.0, 2.0]}, {"a": [0.3, 0.1]})
    result = balance.check({"a": [1.5, 2.0]})
    np.testing.assert_allclose(result.residual[0], result.residual[1], rtol=1e-12)
    assert result.scale[0] == pytest.approx(1.5**2 + 4 + (1.5**2 + 1) + (1.5**2 + 4) / 2)


def test_looking_changes_nothing():
    balance = LawBalance(problem("relu").report, **SETTINGS)
    params, grads = _trajectory(3)
    balance.step(params[0], grads[0])
    before = copy.deepcopy(balance.summary().largest_residual)
    assert balance.check({name: 2 * value for name, value in params[1].items()}).alarm
    assert (balance.steps, balance.summary().alarms) == (0, 0)
    np.testing.assert_array_equal(balance.summary().largest_residual, before)
    assert not balance.step(params[1], grads[1]).alarm


def test_weights_changed_between_the_look_and_the_step_are_seen():
    params, grads = _trajectory(3)
    balance = LawBalance(problem("relu").report, **SETTINGS)
    balance.step(params[0], grads[0])
    assert not balance.check(params[1]).alarm
    params[1]["W1"][0, 0] += 1e-3
    assert balance.step(params[1], grads[1]).alarm


def test_arrays_that_change_in_place_were_copied():
    params, grads = _trajectory(3)
    balance = LawBalance(problem("relu").report, **SETTINGS)
    weights = {name: value.copy() for name, value in params[0].items()}
    slopes = {name: np.zeros_like(value) for name, value in weights.items()}
    for k in range(3):
        for name in weights:
            slopes[name][...] = grads[k][name]
        balance.step(weights, slopes)
        for name, value in weights.items():
            value[...] = params[k + 1][name]
            slopes[name][...] = 99
    assert not balance.finish(weights).alarm


def test_an_alarm_names_the_step_the_law_and_the_cause():
    balance, summary = _run(fault=_half)
    alarm = summary.first_alarm
    assert (alarm.step, alarm.alarm, summary.alarm) == (4, True, True)
    worst = alarm.worst
    assert worst.alarm
    assert abs(worst.residual) == np.abs(alarm.residual).max()
    assert worst.name in str(alarm)
    assert "ALARM, step 4" in str(alarm)
    assert "not where the optimizer's rule leads" in str(alarm)
    assert "ALARM, step 4" in str(summary)
    assert [entry.law for entry in alarm.entries] == list(balance.laws)
    assert alarm[1].measured == alarm.measured[1]
    assert len(alarm) == len(alarm.entries) == 5
    assert "alarm=True" in repr(alarm)
    assert "alarms=" in repr(summary)


def test_without_alarm_the_texts_say_so():
    balance, summary = _run()
    assert "no alarm" in str(summary)
    assert str(balance.history[-1]).startswith("step 6: residual")
    assert balance.history[-1].cause == ""
    assert repr(balance) == "LawBalance(5 laws of W1, W2, 6 steps measured)"
    assert str(LawBalance(problem("relu").report, 0.1).step(problem("relu").start(), problem("relu").start())) == (
        "start: 5 laws"
    )


def test_a_law_that_left_its_prediction_stays_away_until_anchored():
    sgd, balance = Sgd(**SETTINGS), LawBalance(problem("relu").report, **SETTINGS)
    case, rng = problem("relu"), np.random.default_rng(3)
    theta = case.start()
    alarms = []
    for step in range(8):
        slope = case.gradient(theta, rng)
        result = balance.step(theta, slope)
        alarms.append(result.alarm)
        if step == 5:
            balance.anchor()
        if step > 2 and result.alarm and step != 3:
            assert "this step alone is within its tolerance" in result.cause
        theta = sgd.step(theta, slope)
        if step == 1:
            theta = {name: 1.01 * value for name, value in theta.items()}
    assert alarms == [False, False, True, True, True, True, False, False]
    assert not balance.check(theta).alarm


def test_an_alarm_can_be_an_error():
    with pytest.raises(BalanceError, match="ALARM, step 4") as caught:
        _run(fault=_half, on_alarm="raise")
    assert caught.value.result.step == 4
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, LieLawsError)


def test_after_the_error_the_run_can_go_on():
    params, grads = _trajectory(4)
    balance = LawBalance(problem("relu").report, **SETTINGS, on_alarm="raise", step_tolerance=1e-11, tolerance=1.0)
    balance.step(params[0], grads[0])
    other = {name: 1.1 * value for name, value in params[1].items()}
    with pytest.raises(BalanceError):
        balance.check(other)
    with pytest.raises(BalanceError):
        balance.step(other, problem("relu").gradient(other, np.random.default_rng(0)))
    assert (balance.steps, balance.summary().alarms) == (1, 1)
    with pytest.raises(BalanceError):
        balance.finish(params[2])
    assert balance.summary().steps == 2


def test_the_run_is_predicted_from_three_numbers_for_each_gradient():
    balance, summary = _run(30)
    replayed = balance.predict()
    assert replayed.shape == (31, 5)
    np.testing.assert_allclose(replayed[0], summary.start, rtol=1e-13)
    np.testing.assert_allclose(replayed[-1], summary.end, rtol=1e-11)
    np.testing.assert_allclose(replayed[1:], [result.measured for result in balance.history], rtol=1e-11)
    np.testing.assert_array_equal(balance.predict(0.05), replayed)
    np.testing.assert_array_equal(balance.predict([0.05] * 30), replayed)
    np.testing.assert_array_equal(balance.predict(np.zeros(30)), np.tile(replayed[0], (31, 1)))


def test_the_drift_of_plain_sgd_grows_with_the_square_of_the_rate():
    case = problem("relu")
    balance = LawBalance(case.report, lr=0.01)
    summary = run(Loop(case, Sgd(lr=0.01), np.random.default_rng(0)), balance, 20)
    moved = balance.predict(0.03)[-1] - summary.start
    np.testing.assert_allclose(moved, 9 * summary.predicted_drift, rtol=1e-9)
    real = run(Loop(case, Sgd(lr=0.03), np.random.default_rng(0)), LawBalance(case.report, lr=0.03), 20)
    assert np.abs(moved - real.drift).max() < 0.5 * np.abs(real.drift).max()


def test_only_the_last_steps_are_kept_and_totals_are_of_all():
    balance, summary = _run(12, fault=_half, keep=3)
    assert [result.step for result in balance.history] == [10, 11, 12]
    assert (summary.steps, summary.first_alarm.step) == (12, 4)
    assert summary.alarms == 9
    with pytest.raises(LieLawsError, match=r"keep = 3: only 3 of 12 steps"):
        balance.predict()


def test_tolerances_can_be_given():
    balance, _ = _run(tolerance=1e-5)
    assert (balance.tolerance, balance.step_tolerance) == pytest.approx((1e-5, 1e-7), rel=1e-12)
    balance, _ = _run(tolerance=1e-5, step_tolerance=1e-4)
    assert (balance.tolerance, balance.step_tolerance) == (1e-5, 1e-4)
    assert (balance.history[0].tolerance, balance.history[0].step_tolerance) == (1e-5, 1e-4)
    balance, summary = _run(tolerance=1e-20)
    assert summary.alarm


def test_frozen_tensors_need_no_gradient_and_may_not_move():
    rows = law_of({(0, 0): 1}, {"F": (2,), "W1": (2, 2)})
    assert rows.support == ("F",)
    free = law_of({(2, 2): 1, (4, 4): -1}, {"F": (2,), "W1": (2, 2)})
    balance = LawBalance([rows, free], lr=0.1, momentum=0.9, weight_decay=0.1, frozen=["F"])
    theta = {"F": [1.0, 2.0], "W1": [[1.0, 0.5], [2.0, 0.0]]}
    balance.step(theta, {"W1": [[0.0, 0.0], [0.0, 0.0]], "F": None})
    after = [[value * (1 - 0.1 * 0.1) for value in row] for row in theta["W1"]]
    assert not balance.check({"F": [1.0, 2.0], "W1": after}).alarm
    assert balance.check({"F": [1.001, 2.0], "W1": after}).alarms.tolist() == [True, False]


def test_other_tensors_are_ignored():
    params, grads = _trajectory(1)
    balance = LawBalance(problem("relu").report, **SETTINGS)
    balance.step(params[0] | {"head": "anything"}, grads[0] | {"head": None})
    assert not balance.finish(params[1]).alarm


def test_all_zero_parameters_have_no_scale_but_are_followed():
    shapes = {"a": (), "b": ()}
    balance = LawBalance([law_of({(0, 0): 1, (1, 1): -1}, shapes)], lr=0.1)
    zero = {"a": 0.0, "b": 0.0}
    balance.step(zero, zero)
    assert not balance.check(zero).alarm
    assert balance.check({"a": 1e-3, "b": 0.0}).alarm


def test_history_is_bounded_by_default():
    few, many = (law_of({(k, k): 1, (k + 1, k + 1): -1}, {"a": (3,)}) for k in range(2))
    assert LawBalance([few], 0.1)._keep > LawBalance([few, many], 0.1)._keep > 10_000
    assert LawBalance([few] * 10**4, 0.1)._keep == 100
