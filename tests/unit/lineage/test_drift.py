"""What a run of gradient steps is allowed to do to laws: bounds that hold, are met, and know the decay."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lielaws.errors import InvalidArgumentError, LieLawsError, UnsupportedError
from lielaws.lineage import allowed_drift
from lielaws.lineage.response import Response, Settings
from tests.unit.lineage.models import norm, random_model, report_of, sgd
from tests.unit.training.loops import Arrays, Sgd

SCALAR = report_of("linear:1-1-1")
"""b a x with the law a^2 - b^2; the gradients of all losses are multiples of (b, a)."""


def forced(
    start: tuple[float, float], forces: list[float], lr: float, **settings: Any
) -> tuple[Arrays, float, float, float]:
    """Steps with any multiples of (b, a) as gradients: the end, and the largest gradient, squared path and size."""
    optimizer = Sgd(lr=lr, **settings)
    params = {"W1": np.array([[start[0]]]), "W2": np.array([[start[1]]])}
    largest = path = size = 0.0
    for force in forces:
        grads = {"W1": force * params["W2"], "W2": force * params["W1"]}
        largest = max(largest, norm(grads))
        after = optimizer.step(params, grads)
        size = max(size, norm(params))
        path += norm({name: after[name] - params[name] for name in params}) ** 2
        params = after
    return params, largest, path, size


def law(params: Arrays) -> float:
    return float((params["W1"] ** 2 - params["W2"] ** 2).item())


def as_params(start: tuple[float, float]) -> Arrays:
    return {"W1": np.array([[start[0]]]), "W2": np.array([[start[1]]])}


SETTINGS = st.fixed_dictionaries(
    {
        "momentum": st.sampled_from([0.0, 0.5, 0.9]),
        "nesterov": st.booleans(),
        "weight_decay": st.sampled_from([0.0, 0.1]),
        "decoupled_decay": st.sampled_from([0.0, 0.1]),
    }
).filter(lambda s: s["momentum"] > 0 or not s["nesterov"])


@given(
    st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
    st.lists(st.floats(-3, 3), min_size=1, max_size=40),
    st.sampled_from([0.01, 0.1]),
    SETTINGS,
)
def test_no_gradients_of_losses_lead_further(
    start: tuple[float, float], forces: list[float], lr: float, settings: dict[str, Any]
) -> None:
    end, largest, path, size = forced(start, forces, lr, **settings)
    first, steps = as_params(start), len(forces)
    drift = allowed_drift(SCALAR, first, steps=steps, lr=lr, gradient_bound=largest, end=end, **settings)
    assert drift.proved
    # With momentum and coupled decay, sums of squares along the run are assumed to be at most twice those of its ends.
    assumed = not settings["momentum"] or not settings["weight_decay"]
    if assumed or size**2 <= 2 * max(norm(first), norm(end)) ** 2:
        assert abs(law(end) - drift.expected[0]) <= drift.bound[0]
    if not settings["weight_decay"] and not settings["decoupled_decay"]:
        drift = allowed_drift(SCALAR, first, steps=steps, lr=lr, path=path, **settings)
        assert abs(law(end) - law(first)) <= drift.bound[0]


@pytest.mark.parametrize(("momentum", "share"), [(0.0, 0.9), (0.5, 0.3), (0.9, 0.15)])
def test_the_bounds_are_not_much_too_large(momentum: float, share: float) -> None:
    """A constant force where one entry is zero, so that nothing cancels: the worst case, nearly."""
    start, force, steps = (1.0, 0.0), 1e-3, 200
    end, largest, path, _ = forced(start, [force] * steps, 0.01, momentum=momentum)
    moved = abs(law(end) - 1)
    first = as_params(start)
    for known in ({"gradient_bound": largest}, {"path": path}):
        drift = allowed_drift(SCALAR, first, steps=steps, lr=0.01, momentum=momentum, **known)
        rounding = 1e-9 * 2
        assert share * (drift.bound[0] - rounding) <= moved <= drift.bound[0]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("decay", [{"weight_decay": 0.1}, {"decoupled_decay": 0.1}])
def test_decay_alone_shrinks_laws_by_a_known_factor(momentum: float, nesterov: bool, decay: dict[str, float]) -> None:
    if nesterov and not momentum:
        return
    settings = {"momentum": momentum, "nesterov": nesterov, **decay}
    end, _, _, _ = forced((2.0, 1.0), [0.0] * 50, 0.05, **settings)
    drift = allowed_drift(SCALAR, as_params((2.0, 1.0)), steps=50, lr=0.05, gradient_bound=0, **settings)
    assert drift.expected[0] == pytest.approx(law(end), rel=1e-12)
    assert drift.expected[0] < 3


def test_linear_parts_shrink_by_the_root() -> None:
    """2 b1[k] - |W2[:,k]|^2 under decay."""
    report = report_of("exp+bias:2-3-2")
    start = random_model(report, np.random.default_rng(0))
    drift = allowed_drift(report, start, steps=100, lr=0.1, weight_decay=0.1, gradient_bound=0)
    factor = 0.99**100
    expected = 2 * factor * start["b1"] - factor**2 * (start["W2"] ** 2).sum(axis=0)
    np.testing.assert_allclose(sorted(drift.expected), sorted(expected))


@pytest.mark.parametrize("settings", [{}, {"weight_decay": 0.1}, {"momentum": 0.9, "decoupled_decay": 0.1}])
@pytest.mark.parametrize("spec", ["relu+bias:4-5-4-3", "exp+bias:2-3-2", "linear:3-4-3"])
def test_real_runs_stay_within_the_bounds(spec: str, settings: dict[str, Any]) -> None:
    report = report_of(spec)
    start = random_model(report, np.random.default_rng(1), 0.7)
    end, run, grads = sgd(report, start, 60, np.random.default_rng(2), lr=0.02, **settings)
    largest = max(map(norm, grads))
    for known in ({"gradient_bound": largest}, {"gradients": [grads[0], grads[-1]]}):
        drift = allowed_drift(report, start, end=end, steps=60, lr=0.02, **known, **settings)
        ratio = np.abs(run.end - drift.expected) / drift.bound
        assert ratio.max() <= 1
    assert np.abs(run.drift).max() > 1e-6


def test_the_descent_lemma_bounds_full_batch_descent() -> None:
    """On b a x with the loss (b a - 1)^2 / 2, smooth with constant 6 near this path."""
    a, b, lr = 1.2, 0.1, 1 / 6
    first = as_params((a, b))
    before = (a * b - 1) ** 2 / 2
    for _ in range(30):
        r = a * b - 1
        a, b = a - lr * r * b, b - lr * r * a
    drop = before - (a * b - 1) ** 2 / 2
    drift = allowed_drift(SCALAR, first, steps=30, lr=lr, loss_drop=drop)
    moved = abs(a * a - b * b - law(first))
    assert 0.05 * drift.bound[0] < moved <= drift.bound[0]


def test_the_response_is_that_of_the_recursion() -> None:
    plain = Response.of(Settings(100, 0.1))
    assert (plain.keep, plain.keep_linear, plain.cross, plain.linear) == (1, 1, 0, 0)
    assert plain.square == pytest.approx(0.01)
    heavy = Response.of(Settings(10_000, 0.1, momentum=0.9))
    assert heavy.square == pytest.approx(0.01 / 0.1**2)
    assert heavy.cross == pytest.approx(2 * 0.9 * 0.01 / 0.1**2)
    decayed = Response.of(Settings(10**9, 1e-9, decay=1.0))
    assert decayed.keep == pytest.approx(math.exp(-2), rel=1e-6)


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({}, "gradient_bound"),
        ({"steps": 10, "lr": 0.1}, "gradient_bound"),
        ({"gradient_bound": 1.0}, "lr"),
        ({"gradient_bound": 1.0, "steps": 10}, "lr"),
        ({"gradient_bound": 1.0, "lr": 0.1}, "steps"),
        ({"gradient_bound": -1.0, "lr": 0.1, "steps": 10}, "gradient_bound"),
        ({"gradient_bound": math.nan, "lr": 0.1, "steps": 10}, "gradient_bound"),
        ({"gradient_bound": 1.0, "lr": 0.1, "steps": 0}, "steps"),
        ({"gradient_bound": 1.0, "lr": 0.1, "steps": 1.5}, "steps"),
        ({"gradient_bound": 1.0, "lr": -0.1, "steps": 5}, "lr"),
        ({"gradient_bound": 1.0, "lr": 0.1, "steps": 5, "momentum": 1.0}, "momentum"),
        ({"gradient_bound": 1.0, "lr": 0.1, "steps": 5, "nesterov": 1}, "nesterov"),
        ({"gradient_bound": 1.0, "lr": 0.1, "steps": 5, "weight_decay": 20.0}, "lr"),
        ({"gradient_bound": 1.0, "lr": 0.1, "steps": 5, "loss_drop": 1.0}, "loss_drop"),
        ({"gradients": [], "lr": 0.1, "steps": 5}, "gradients"),
        ({"gradients": "none", "lr": 0.1, "steps": 5}, "gradients"),
        ({"weight_decay": 0.1, "path": 1.0}, "steps"),
    ],
)
def test_settings_that_make_no_sense(options: dict[str, Any], argument: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        allowed_drift(SCALAR, as_params((1.0, 2.0)), **options)
    assert caught.value.argument == argument


def test_what_a_bound_does_not_cover() -> None:
    first = as_params((1.0, 2.0))
    with pytest.raises(UnsupportedError, match="weight decay"):
        allowed_drift(SCALAR, first, steps=5, lr=0.1, weight_decay=0.1, path=1.0)
    with pytest.raises(UnsupportedError, match="descent lemma"):
        allowed_drift(SCALAR, first, steps=5, lr=0.1, momentum=0.1, loss_drop=1.0)
    with pytest.raises(LieLawsError, match="gradients"):
        allowed_drift(SCALAR, first, steps=5, lr=0.1, gradients=[{"W1": [[1.0]]}])
