"""The lineage test: decisions, their reasons, and the probability that it is built on."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

import lielaws
from lielaws.errors import InvalidArgumentError, LieLawsError, UnsupportedError
from lielaws.lineage import lineage
from lielaws.lineage.chance import ORDERS, chance
from lielaws.lineage.followed import Followed
from lielaws.lineage.units import Units
from tests.unit.lineage.models import random_model, report_of, rescaled, sgd
from tests.unit.training.loops import Arrays

REPORT = report_of("relu:5-12-3")
PARENT = random_model(REPORT, np.random.default_rng(0))
CHILD, RUN, GRADS = sgd(REPORT, PARENT, 200, np.random.default_rng(1), lr=0.02)
STRANGER = random_model(REPORT, np.random.default_rng(2))
COPY = rescaled(PARENT, np.exp(np.random.default_rng(3).uniform(-0.7, 0.7, 12)))[0]

KNOWLEDGE: dict[str, dict[str, Any]] = {
    "nothing": {},
    "gradients": {"steps": 200, "lr": 0.02, "gradients": GRADS[::50]},
    "bound": {"steps": 200, "lr": 0.02, "gradient_bound": 1.5},
    "run": {"run": RUN},
    "path": {"path": 0.02},
}


@pytest.mark.parametrize("name", KNOWLEDGE)
def test_a_child_is_told_from_a_stranger_and_from_a_rescaled_copy(name: str) -> None:
    known = KNOWLEDGE[name]
    child = lineage(REPORT, PARENT, CHILD, **known)
    assert child.decision == "compatible"
    assert child.compatible
    assert child.excess <= 1
    assert child.p_value <= 0.01
    assert not len(child.violated)
    for other in (STRANGER, COPY):
        found = lineage(REPORT, PARENT, other, **known)
        assert found.decision == "not compatible"
        assert len(found.violated)
        assert REPORT.laws[found.violated[0]].name in str(found)


def test_a_rescaled_copy_computes_the_same_function() -> None:
    x = np.random.default_rng(0).normal(size=(7, 5))
    forward = REPORT.architecture.forward
    np.testing.assert_allclose(forward(COPY, x), forward(PARENT, x), rtol=1e-9, atol=1e-12)


def test_small_factors_are_found_too() -> None:
    copy, _ = rescaled(CHILD, np.where(np.arange(12) == 4, 1.01, 1.0))
    found = lineage(REPORT, PARENT, copy, run=RUN)
    assert [REPORT.laws[k].name for k in found.violated] == ["|W1[4,:]|^2 - |W2[:,4]|^2"]
    assert lineage(REPORT, CHILD, copy).decision == "not compatible"


def test_the_test_does_not_know_who_is_the_parent() -> None:
    assert lineage(REPORT, CHILD, PARENT).compatible


def test_models_from_the_same_start_pass() -> None:
    other, _, _ = sgd(REPORT, PARENT, 200, np.random.default_rng(9), lr=0.02)
    assert lineage(REPORT, CHILD, other).compatible


def test_the_same_model() -> None:
    found = lineage(REPORT, PARENT, PARENT)
    assert found.compatible
    assert found.excess == 0
    assert "same in both models" in found.notes[0]


def test_units_in_another_order_are_noted() -> None:
    order = np.random.default_rng(0).permutation(12)
    moved = {"W1": CHILD["W1"][order], "W2": CHILD["W2"][:, order]}
    for known in ({}, KNOWLEDGE["path"]):
        found = lineage(REPORT, PARENT, moved, **known)
        assert found.decision == "not compatible"
        assert "order" in found.notes[0]
        assert not lineage(REPORT, PARENT, STRANGER, **known).notes


def test_single_precision_has_its_rounding() -> None:
    single = {name: value.astype(np.float32) for name, value in CHILD.items()}
    assert lineage(REPORT, PARENT, single, run=RUN).decision == "not compatible"
    assert lineage(REPORT, PARENT, single).compatible
    assert lineage(REPORT, PARENT, single, path=0.0, tolerance=1e-2).compatible
    assert lineage(REPORT, PARENT, single, path=0.0, tolerance=0).decision == "not compatible"


@pytest.mark.parametrize(("times", "decision"), [(0.9, "compatible"), (2.0, "undecidable"), (4.0, "not compatible")])
def test_a_little_more_than_is_assumed_refutes_no_match_that_is_no_chance(times: float, decision: str) -> None:
    usual = lineage(REPORT, PARENT, CHILD)
    found = lineage(REPORT, PARENT, CHILD, wander=4.0 * usual.excess / times)
    assert found.excess == pytest.approx(times, rel=1e-3)
    assert found.decision == decision
    # What the caller says of the run is no assumption.
    bound = lineage(REPORT, PARENT, CHILD, path=1.0).excess / times
    stated = lineage(REPORT, PARENT, CHILD, path=bound)
    assert stated.excess == pytest.approx(times, rel=1e-3)
    assert stated.decision == ("compatible" if times < 1 else "not compatible")


# Weight decay


def decayed(rate: float) -> tuple[Arrays, dict[str, Any]]:
    child, _, _ = sgd(REPORT, PARENT, 200, np.random.default_rng(1), lr=0.02, weight_decay=rate)
    return child, {"steps": 200, "lr": 0.02, "weight_decay": rate}


def test_weight_decay_is_allowed_for() -> None:
    child, known = decayed(0.2)
    found = lineage(REPORT, PARENT, child, **known)
    assert found.compatible
    assert found.shrink == pytest.approx((1 - 0.02 * 0.2) ** 400)
    assert lineage(REPORT, PARENT, child, gradients=GRADS[::50], **known).compatible
    assert lineage(REPORT, PARENT, child, **KNOWLEDGE["gradients"]).decision == "not compatible"
    assert lineage(REPORT, PARENT, STRANGER, **known).decision == "not compatible"


def test_unknown_weight_decay_is_fitted() -> None:
    child, _ = decayed(0.2)
    found = lineage(REPORT, PARENT, child, weight_decay=None)
    assert found.compatible
    assert found.shrink == pytest.approx((1 - 0.02 * 0.2) ** 400, abs=0.05)
    assert "weight decay shrank" in str(found)
    assert lineage(REPORT, PARENT, STRANGER, weight_decay=None).decision == "not compatible"
    zero = {name: 0 * value for name, value in PARENT.items()}
    assert lineage(REPORT, zero, zero, weight_decay=None).decision == "undecidable"


def test_unknown_decay_of_laws_with_linear_parts() -> None:
    """2 b1[k] - |W2[:,k]|^2 is not homogeneous: one part shrinks by the root of the factor of the other."""
    report = report_of("exp+bias:2-8-2")
    parent = random_model(report, np.random.default_rng(0))
    child = {name: 0.8 * value for name, value in parent.items()}
    found = lineage(report, parent, child, weight_decay=None)
    assert found.compatible
    assert found.shrink == pytest.approx(0.64)
    np.testing.assert_allclose(found.expected, found.child)


# What the laws cannot say


def balanced(seed: int) -> Arrays:
    model = random_model(REPORT, np.random.default_rng(seed))
    model["W2"] *= np.sqrt((model["W1"] ** 2).sum(axis=1) / (model["W2"] ** 2).sum(axis=0))
    return model


def test_balanced_networks_are_undecidable() -> None:
    found = lineage(REPORT, balanced(0), balanced(1))
    assert found.decision == "undecidable"
    assert "balanced" in found.reason
    assert np.isinf(found.usual).all()


def test_an_allowance_as_large_as_the_spread_is_undecidable() -> None:
    found = lineage(REPORT, PARENT, STRANGER, steps=10**4, lr=0.1, gradient_bound=10.0)
    assert found.decision == "undecidable"
    assert "say more about the run" in found.reason


def test_a_single_unit_is_undecidable() -> None:
    report = report_of("relu:3-1-2")
    parent, child = (random_model(report, np.random.default_rng(seed)) for seed in (0, 1))
    found = lineage(report, parent, parent)
    assert found.decision == "undecidable"
    assert "no law joins" in found.reason
    assert lineage(report, parent, child, path=1e-3).decision == "not compatible"


def test_few_units_are_judged_by_a_density() -> None:
    report = report_of("relu:3-3-2")
    parent = random_model(report, np.random.default_rng(0))
    child, _, _ = sgd(report, parent, 20, np.random.default_rng(1), lr=0.01)
    found = lineage(report, parent, child)
    assert found.compatible
    assert found.chance == "a density"
    assert "densities" in found.assumptions[-1]
    mixed = {name: 0.8 * parent[name] + 0.2 * child[name] + 0.05 for name in parent}
    assert not lineage(report, parent, mixed, path=10.0).compatible


def test_a_match_by_chance_in_few_units_is_rare() -> None:
    """At most the significance of unrelated models pass, whatever is allowed."""
    for spec in ("relu:3-2-2", "relu:3-4-2"):
        report, passed = report_of(spec), 0
        for seed in range(150):
            models = [random_model(report, np.random.default_rng([seed, k])) for k in range(2)]
            passed += lineage(report, *models, path=1e6, significance=0.05, permutations=99).compatible
        # 150 draws at 5 % exceed 16 with probability 1e-3.
        assert passed <= 16


def test_the_p_value_of_unrelated_models_is_uniform() -> None:
    """Units of independent models are in no order, so the rank of the given one among others is uniform."""
    report = report_of("relu:4-7-6-3")
    followed = Followed.of(report)
    units = Units.of(followed)
    p = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        vectors = [followed.read("m", random_model(report, rng))[0] for _ in range(2)]
        values = followed.values(np.stack(vectors))
        found = chance(units, values[0], values[1], vectors[1], 0.01, 99, rng)
        assert found.how == ORDERS
        p.append(found.p_value)
    counts = np.histogram(p, bins=[0, 0.105, 0.5, 1.01])[0] / 300
    np.testing.assert_allclose(counts, [0.1, 0.4, 0.5], atol=0.09)


# Units


@pytest.mark.parametrize(
    ("spec", "sizes"),
    [
        ("relu+bias:4-5-4-3", [4, 5]),
        ("linear:3-4-3", [4]),
        ("attention:3-2+heads=2", [2, 2, 2, 2]),
        ("glu:3-4", [4]),
        ("conv:1-3-2+kernel=3+size=8", [3]),
        ("exp+bias:2-3-2", [3]),
    ],
)
def test_units_are_what_laws_join(spec: str, sizes: list[int]) -> None:
    units = Units.of(Followed.of(report_of(spec)))
    assert sorted(layer.size for layer in units.layers) == sizes
    assert units.orders == pytest.approx(math.prod(math.factorial(size) for size in sizes))


@pytest.mark.parametrize("spec", ["relu+bias:4-5-4-3", "linear:3-4-3", "conv:1-3-2+kernel=3+size=8"])
def test_another_order_of_units_is_the_same_function(spec: str) -> None:
    report = report_of(spec)
    followed = Followed.of(report)
    units, rng = Units.of(followed), np.random.default_rng(0)
    model = random_model(report, rng)
    vector, _ = followed.read("model", model)
    moved = units.reordered(vector, [np.roll(np.arange(layer.size), 1) for layer in units.layers])
    layout = followed.forms.layout
    other = {
        name: moved[part].reshape(layout.shapes[name]) for name, part in zip(layout.names, layout.parts, strict=True)
    }
    assert not np.array_equal(moved, vector)
    x = rng.normal(size=(5, *report.architecture.data["x"]))
    forward = report.architecture.forward
    np.testing.assert_allclose(forward({**model, **other}, x), forward(model, x), rtol=1e-12)


def test_sums_over_inputs_are_no_units() -> None:
    """The input entries of a network are in an order: a law for each of them is no unit that could be exchanged."""
    report = lielaws.discover_laws("linear:3-4", loss="cross_entropy")
    assert {law.degree for law in report.laws} == {1}
    assert not Units.of(Followed.of(report)).layers
    model = random_model(report, np.random.default_rng(0))
    assert lineage(report, model, model).decision == "undecidable"


@pytest.mark.parametrize("spec", ["linear:3-5-3", "attention:4-4", "relu+bias:4-6-5-3"])
def test_other_architectures(spec: str) -> None:
    report = report_of(spec)
    parent = random_model(report, np.random.default_rng(0))
    child, run, _ = sgd(report, parent, 50, np.random.default_rng(1), lr=0.01)
    stranger = random_model(report, np.random.default_rng(2))
    for known in ({}, {"run": run}):
        assert lineage(report, parent, child, significance=0.05, **known).compatible
    assert lineage(report, parent, stranger, run=run).decision == "not compatible"
    assert not lineage(report, parent, stranger, significance=0.05).compatible


# Frozen tensors, records, input


def test_frozen_tensors() -> None:
    report = report_of("relu+bias:4-6-5-3")
    parent = random_model(report, np.random.default_rng(0))
    child = {**parent, "W3": parent["W3"] * 1.3}
    assert not lineage(report, parent, child, path=1e-3).compatible
    found = lineage(report, parent, child, path=1e-3, frozen=["W1", "b1", "W2", "b2"])
    assert found.compatible
    assert len(found.laws) == 6
    assert len(found.skipped) == 5
    with pytest.raises(UnsupportedError, match="no law is left"):
        lineage(report, parent, child, frozen=["W2"])


def test_records() -> None:
    for child in (CHILD, STRANGER):
        found = lineage(REPORT, PARENT, child)
        record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
        assert record["decision"] == found.decision
        assert len(record["laws"]) == 12
        assert record["laws"][3]["child"] == found.child[3]
        assert found.decision in repr(found)
        assert str(found).startswith(found.decision)
        assert all(f"assumed: {text}" in str(found) for text in found.assumptions)
    assert lineage(REPORT, PARENT, CHILD, seed=3).p_value <= 0.01
    assert lineage(REPORT, PARENT, CHILD, gradient_bound=1.0, steps=1, lr=0.1).proved
    assert not lineage(REPORT, PARENT, CHILD).proved


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"steps": 10}, "lr"),
        ({"lr": 0.1}, "steps"),
        ({"weight_decay": 0.1}, "steps"),
        ({"weight_decay": None, "path": 1.0}, "weight_decay"),
        ({"weight_decay": -0.1, "steps": 1, "lr": 0.1}, "weight_decay"),
        ({"run": RUN, "path": 1.0}, "path"),
        ({"run": "yes"}, "run"),
        ({"wander": 0}, "wander"),
        ({"most_moved": math.nan}, "most_moved"),
        ({"significance": 0}, "significance"),
        ({"significance": 1}, "significance"),
        ({"significance": 1e-4}, "permutations"),
        ({"permutations": 10}, "permutations"),
        ({"tolerance": -1}, "tolerance"),
        ({"seed": -1}, "seed"),
        ({"seed": 0.5}, "seed"),
        ({"frozen": ["W9"]}, "frozen"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], argument: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        lineage(REPORT, PARENT, CHILD, **options)
    assert caught.value.argument == argument
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("child", "match"),
    [
        ({}, "W1"),
        ({"W1": PARENT["W1"]}, "'W2' of shape"),
        (random_model(report_of("relu:5-3-3"), np.random.default_rng(0)), "shape"),
        ({**PARENT, "W2": np.full((3, 12), math.inf)}, "not a finite number"),
        ({**PARENT, "W2": np.full((3, 12), 1e200)}, "beyond float64"),
        ([PARENT], "mapping"),
    ],
)
def test_models_that_do_not_fit(child: Any, match: str) -> None:
    with pytest.raises(LieLawsError, match=match):
        lineage(REPORT, PARENT, child)
    with pytest.raises(LieLawsError, match=match):
        lineage(REPORT, child, PARENT)


def test_reports_that_do_not_fit() -> None:
    with pytest.raises(InvalidArgumentError, match="no laws"):
        lineage(lielaws.discover_laws("tanh:2-2-2"), PARENT, CHILD)
    with pytest.raises(UnsupportedError, match="one region"):
        lineage(lielaws.discover_laws("relu:2-3-2", gates="realizable"), PARENT, CHILD)
    with pytest.raises(LieLawsError, match="Report"):
        lineage("relu:5-12-3", PARENT, CHILD)  # type: ignore[arg-type]
