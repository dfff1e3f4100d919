"""One clear error for whatever cannot be used; such a call changes nothing."""

from __future__ import annotations

import re

import numpy as np
import pytest

import lielaws
from lielaws.errors import InvalidArgumentError, LieLawsError, UnsupportedError
from lielaws.training import LawBalance
from tests.unit.training.loops import Sgd, law_of, problem

SHAPES = {"W1": (5, 6), "W2": (3, 5)}


def _report():
    return problem("relu").report


def _zeros():
    return {name: np.zeros(shape) for name, shape in SHAPES.items()}


def _fails(match, call, kind=LieLawsError):
    with pytest.raises(kind, match=match) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("laws", "match"),
    [
        (None, "a Report from discover_laws"),
        ("relu:2-3-2", "a Report from discover_laws"),
        (3, "a Report from discover_laws"),
        ({"h": 1}, "a Report from discover_laws"),
        ([], "no law to follow"),
        (["W1[0,0]"], r"laws\[0\] = 'W1\[0,0\]': a Law is needed"),
        ([None], "a Law is needed"),
        ([law_of({(0, 0, 1): 1}, {"a": (2,)})], "a\\[0\\]\\^2 a\\[1\\].*degree 3; only up to degree 2"),
        ([law_of({(): 5}, {"a": (2,)})], "a constant is no law"),
        ([law_of({}, {"a": (2,)})], "a constant is no law"),
        (
            [law_of({(0, 0): 1}, {"a": (2,)}), law_of({(0, 0): 1}, {"a": (3,)})],
            r"'a' has shape \(2,\).*and \(3,\) here",
        ),
        ([law_of({(0, 0): 10**400}, {"a": (2,)})], "beyond float64"),
    ],
)
def test_laws(laws, match):
    _fails(match, lambda: LawBalance(laws, lr=0.1))


def test_a_report_without_laws():
    _fails("no law to follow", lambda: LawBalance(lielaws.discover_laws("tanh:2-2-2"), lr=0.1))


@pytest.mark.parametrize("flow", [lielaws.WeightDecay("1/2"), lielaws.HeavyBall("1/2")])
def test_laws_of_other_flows(flow):
    report = lielaws.discover_laws("linear:2-2-2", flow=flow)
    assert report.laws
    _fails("laws of another flow", lambda: LawBalance(report, lr=0.1), UnsupportedError)
    _fails("time or velocities", lambda: LawBalance(report.laws, lr=0.1), UnsupportedError)


@pytest.mark.parametrize("name", ["lr", "momentum", "weight_decay", "decoupled_decay", "dampening"])
@pytest.mark.parametrize(
    "value", ["0.1", float("nan"), float("inf"), [0.1], np.array([0.1]), True, {}, {"W1": 0.1}, {"W1": 0.1, "W2": "x"}]
)
def test_settings(name, value):
    _fails(f"{name}", lambda: LawBalance(_report(), **({"lr": 0.1} | {name: value})))


@pytest.mark.parametrize("name", ["lr", "momentum", "weight_decay", "decoupled_decay"])
def test_negative_settings(name):
    _fails(f"{name} = -0.1: a number of at least 0", lambda: LawBalance(_report(), **({"lr": 0.1} | {name: -0.1})))
    if name != "lr":
        return
    balance = LawBalance(_report())
    _fails("lr = -0.1", lambda: balance.step(_zeros(), _zeros(), lr=-0.1))


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"nesterov": True}, "momentum above 0"),
        ({"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "no dampening"),
        ({"nesterov": 1, "momentum": 0.9}, "True or False"),
        ({"nesterov": "yes", "momentum": 0.9}, "True or False"),
        ({"tolerance": 0}, "above 0"),
        ({"tolerance": -1e-9}, "above 0"),
        ({"tolerance": "tight"}, "a number is needed"),
        ({"step_tolerance": float("nan")}, "finite"),
        ({"on_alarm": "explode"}, "unknown; known: raise, record"),
        ({"on_alarm": None}, "unknown"),
        ({"keep": 0}, "positive integer"),
        ({"keep": 2.5}, "positive integer"),
        ({"frozen": "W1"}, "a list of names"),
        ({"frozen": 3}, "a list of names"),
        ({"frozen": ["W3"]}, "unknown; known: W1, W2"),
        ({"frozen": [["W1"]]}, "unknown"),
        ({"frozen": ["W1"]}, r"joins 'W1' with trained tensors"),
        ({"buffer": {"W1": np.zeros((5, 6))}}, r"'W2' of shape \(3, 5\) is missing"),
        ({"buffer": 3}, "a mapping of names to arrays"),
        ({"buffer": {"W1": np.zeros((5, 6)), "W2": np.zeros((5, 3))}}, "transposed"),
    ],
)
def test_options(settings, match):
    _fails(match, lambda: LawBalance(_report(), lr=0.1, **settings))


@pytest.mark.parametrize(
    "name", ["lr", "momentum", "dampening", "weight_decay", "decoupled_decay", "nesterov", "scale"]
)
def test_settings_that_differ_within_a_law(name):
    """The error names the law and its tensors."""
    values = {"W1": 0.1, "W2": 0.2} if name != "nesterov" else {"W1": True, "W2": False}
    match = name + r" = '\{W1: .*, W2: .*\}': the law \|W1\[0,:\]\|\^2 - \|W2\[:,0\]\|\^2 joins"

    def make():
        settings = {} if name == "scale" else {name: values}
        balance = LawBalance(_report(), **({"lr": 0.1, "momentum": 0.9} | settings))
        if name == "scale":
            balance.step(_zeros(), _zeros(), scale=values)

    _fails(match, make)
    same = LawBalance(
        _report(), **({"lr": 0.1} | ({} if name in {"scale", "nesterov"} else {name: {"W1": 0.1, "W2": 0.1}}))
    )
    same.step(_zeros(), _zeros(), scale={"W1": 0.5, "W2": 0.5, "head": 3})


@pytest.mark.parametrize("argument", ["params", "grads"])
@pytest.mark.parametrize(
    ("value", "match"),
    [
        (None, "a mapping of names to arrays"),
        ([1, 2], "a mapping of names to arrays"),
        ({}, "missing"),
        ({"W1": np.zeros((5, 6))}, "W2"),
        ({"W1": np.zeros((5, 6)), "W2": None}, "W2"),
        ({"W1": np.zeros((5, 6)), "w2": np.zeros((3, 5))}, "W2"),
        ({"W1": np.zeros((5, 6)), "W2": np.zeros((5, 3))}, r"shape \(3, 5\) is needed, transposed"),
        ({"W1": np.zeros(30), "W2": np.zeros((3, 5))}, r"shape \(5, 6\) is needed"),
        ({"W1": 1.0, "W2": np.zeros((3, 5))}, r"shape \(5, 6\) is needed"),
    ],
)
def test_params_and_grads(argument, value, match):
    balance = LawBalance(_report(), lr=0.1)
    call = {"params": _zeros(), "grads": _zeros(), argument: value}
    _fails(argument, lambda: balance.step(**call))
    _fails(match, lambda: balance.step(**call))
    assert balance.step(_zeros(), _zeros()).step == 0


@pytest.mark.parametrize("argument", ["params", "grads"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_name_the_step_and_change_nothing(argument, bad):
    case, rng = problem("relu"), np.random.default_rng(0)
    sgd, balance, params = Sgd(lr=0.05, momentum=0.9), LawBalance(case.report, lr=0.05, momentum=0.9), case.start()
    for step in range(8):
        grads = case.gradient(params, rng)
        if step == 5:
            broken = {name: value.copy() for name, value in (params if argument == "params" else grads).items()}
            broken["W2"][1, 2] = bad
            call = {"params": params, "grads": grads, argument: broken}
            when = "after step 5" if argument == "params" else "step 6"
            text = re.escape(f"{argument}['W2'] = '{bad} at [1, 2]': {when}: not a finite number")
            _fails(text, lambda call=call: balance.step(**call))
            assert (balance.steps, len(balance.history), balance.summary().steps) == (4, 4, 4)
            if argument == "params":
                _fails(text, lambda broken=broken: balance.check(broken))
                _fails(text, lambda broken=broken: balance.finish(broken))
        balance.step(params, grads)
        params = sgd.step(params, grads)
    summary = balance.finish(params)
    assert (summary.steps, summary.alarms) == (8, 0)


@pytest.mark.parametrize("argument", ["params", "grads"])
def test_numbers_whose_squares_overflow(argument):
    balance = LawBalance(_report(), lr=0.1)
    huge = {name: value + 1e200 for name, value in _zeros().items()}
    call = {"params": _zeros(), "grads": _zeros(), argument: huge}
    _fails("entries up to 1.0e\\+200.*squares are beyond float64", lambda: balance.step(**call))
    assert balance.step(_zeros(), _zeros()).step == 0
    if argument == "params":
        _fails("after step 1: their squares", lambda: balance.finish(huge))


def test_calls_out_of_order():
    balance = LawBalance(_report())
    for call in (balance.check, balance.finish):
        _fails(r"no step is open; call step\(params, grads\) before the update", lambda call=call: call(_zeros()))
    for call in (balance.summary, balance.drift, balance.predict):
        _fails("nothing was measured yet", call)
    _fails("no step is open", balance.anchor)
    _fails("lr = None: a learning rate is needed", lambda: balance.step(_zeros(), _zeros()))
    balance.step(_zeros(), _zeros(), lr=0.1)
    balance.finish(_zeros())
    _fails("step: the balance was finished", lambda: balance.step(_zeros(), _zeros(), lr=0.1))
    _fails("the balance was finished", lambda: balance.finish(_zeros()))
    _fails("the balance was finished", lambda: balance.check(_zeros()))
    assert balance.summary().steps == 1


@pytest.mark.parametrize("lr", ["fast", [0.1, 0.2], [[0.1]], {"W1": 0.1, "W2": 0.2}, -0.1, [-0.1], float("nan")])
def test_replaying_with_a_bad_rate(lr):
    balance = LawBalance(_report(), lr=0.1)
    balance.step(_zeros(), _zeros())
    balance.finish(_zeros())
    _fails("lr", lambda: balance.predict(lr), InvalidArgumentError)


@pytest.mark.parametrize("scale", ["half", None, float("inf"), [1.0], {"W1": 1.0}])
def test_scales(scale):
    _fails("scale", lambda: LawBalance(_report(), lr=0.1).step(_zeros(), _zeros(), scale=scale))
