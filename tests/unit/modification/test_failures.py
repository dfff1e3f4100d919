"""Clauses that have to fail do fail, and hypotheses that do not hold are named."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import lielaws
from lielaws.modification import (
    Chain,
    Data,
    Feedforward,
    Model,
    Modification,
    OutputLoss,
    ParameterLoss,
    QuadraticLoss,
    Smoothness,
    as_model,
    certify,
    fine_tune,
    gradient_steps,
    last_layer_smoothness,
    prune,
    prune_units,
    quantize,
    rescale,
)
from tests.unit.modification.trained import Trained, cross_entropy, hidden


def changed(model: Model, **params) -> Modification:
    return Modification(model, model.with_params(params), "by hand")


def one(trained: Trained, made: Modification, **options):
    return certify([made], trained.data, **options)


def test_a_loss_that_rises_is_no_progress(small: Trained) -> None:
    worse = changed(small.model, W2=-small.model.params["W2"])
    certificate = one(small, worse)
    assert certificate["progress"].verdict == "fail"
    assert certificate["termination"].verdict == "not applicable"
    assert certificate.admissible == (False,)


def test_a_drop_below_delta_is_no_progress(small: Trained) -> None:
    made = fine_tune(small.model, small.data, rate=0.1, steps=5)
    drop = cross_entropy(made.before.params, *small.data) - cross_entropy(made.after.params, *small.data)
    assert one(small, made, delta=0.9 * drop)["progress"].verdict == "pass"
    assert one(small, made, delta=1.1 * drop)["progress"].verdict == "fail"
    # A drop that rounding could account for is not taken for one.
    assert one(small, made, delta=drop)["progress"].verdict == "undecided"
    assert not one(small, made, delta=drop).accepted


def test_a_destroyed_layer_is_not_preserved(small: Trained) -> None:
    made = prune_units(small.model, 1.0)
    (row,) = one(small, made)["preservation"].rows
    assert (row.verdict, row.left) == ("fail", 0.0)
    assert row.right == pytest.approx(0.9 * np.log(len(small.x)))
    assert one(small, made, epsilon=1.0)["preservation"].verdict == "pass"


def test_more_modifications_than_the_loss_allows() -> None:
    values = [3.0, 2.5, 2.2, 2.1]
    models = [Model({"t": [value]}, lambda p, x: x + 0 * p["t"]) for value in values]
    chain = Chain([Modification(a, b) for a, b in pairwise(models)])
    loss = ParameterLoss(lambda p: float(p["t"][0]), lower_bound=2.0)
    x = np.arange(4.0)[:, None]
    certificate = certify(chain, (x, None), loss, delta=0.4)
    (row,) = certificate["countability"].rows
    assert (row.verdict, row.left) == ("fail", 3)
    assert row.right == pytest.approx(2.5)
    assert not certificate.accepted
    fewer = certify(chain, (x, None), loss, delta=0.09)
    assert fewer.accepted
    assert fewer["termination"].rows[0].left == 1
    assert any("as given" in text for text in fewer["countability"].hypotheses)


def test_features_that_move_too_far(small: Trained) -> None:
    made = prune(small.model, 0.5)
    moved = hidden(made.after.params, small.x) - hidden(made.before.params, small.x)
    largest = np.sqrt((moved**2).sum(axis=1)).max()
    for factor, verdict in ((0.99, "fail"), (1.01, "pass")):
        clause = one(small, made, feature_tolerance={"input of W2": factor * largest})["features"]
        assert clause.rows[0].verdict == verdict
        # The outputs have no tolerance: measured, but no pass.
        assert clause.rows[1].verdict == "not applicable"
        assert clause.verdict == ("fail" if verdict == "fail" else "not applicable")
    assert one(small, made, drift_tolerance=0.5 * largest)["drift"].verdict == "fail"
    assert one(small, made, drift_tolerance=1e6)["drift"].verdict == "pass"


def test_another_function_of_the_same_parameters(small: Trained) -> None:
    before = small.model
    after = Model(before.params, lambda p, x: -before.outputs(x), before.layers)
    certificate = one(small, Modification(before, after, "by hand"), feature_tolerance=1.0, kl_tolerance=0.1)
    assert [certificate[name].verdict for name in ("progress", "features", "distillation")] == ["fail"] * 3


def test_no_change_at_all(small: Trained) -> None:
    certificate = one(small, prune(small.model, 0.0), feature_tolerance=0.0, kl_tolerance=0.0, epsilon=0.0)
    verdicts = {clause.name: clause.verdict for clause in certificate.clauses}
    assert verdicts["progress"] == "fail"
    for name in ("preservation", "features", "distillation", "capacity", "drift"):
        assert verdicts[name] == "pass"


def test_a_student_far_from_its_teacher(small: Trained) -> None:
    made = quantize(small.model, 2)
    assert one(small, made, kl_tolerance=1e-9)["distillation"].verdict == "fail"
    assert one(small, made, kl_tolerance=100.0)["distillation"].verdict == "pass"


def test_capacity_and_lipschitz_bounds_of_the_caller(small: Trained) -> None:
    made = prune_units(small.model, 0.8)
    assert one(small, made, capacity_loss=0.1)["capacity"].verdict == "fail"
    assert one(small, made, capacity_loss=0.9)["capacity"].verdict == "pass"
    assert one(small, made, lipschitz=1e-3)["lipschitz"].verdict == "fail"
    assert one(small, made, lipschitz=1e3)["lipschitz"].verdict == "pass"
    # With a tolerance, small singular values do not count.
    assert one(small, made, rank_tolerance=1e6)["capacity"].rows[0].left == 0


def test_the_rules_of_thumb_can_fail() -> None:
    network = lielaws.linear([3, 3])
    x = np.eye(3)
    matrix = np.array([[2.0, 2.0, 1.0], [2.0, 2.0, -1.0], [1.0, -1.0, 0.5]])
    (row,) = certify([prune(as_model(network, {"W1": matrix}), 5 / 9)], (x, x), "squared_error")["capacity_rules"].rows
    assert (row.left, row.verdict, row.status) == (3.0, "fail", "heuristic")
    assert row.right == pytest.approx(4.0)
    small = as_model(network, {"W1": np.diag([1.0, 2.0**-20, 2.0**-20])})
    (row,) = certify([quantize(small, 16)], (x, x), "squared_error")["capacity_rules"].rows
    assert (row.left, row.right, row.verdict) == (3.0, 4.5, "fail")


class TestDescent:
    """Each hypothesis of the descent lemma, not met in turn."""

    def smooth(self, small: Trained) -> Smoothness:
        return last_layer_smoothness(hidden(small.model.params, small.x), "W2", "b2")

    def note(self, small: Trained, made: Modification, smoothness) -> str:
        (row,) = one(small, made, smoothness=smoothness)["descent"].rows
        assert row.verdict == "not applicable"
        return row.note

    def step(self, small: Trained, factor: float = 1.0, **options) -> Modification:
        rate = factor / float(self.smooth(small).value)
        return fine_tune(small.model, small.data, rate=rate, steps=1, **{"frozen": ["W1", "b1"], **options})

    def test_the_last_layer_has_a_proven_constant(self, small: Trained) -> None:
        clause = one(small, self.step(small), smoothness=self.smooth(small))["descent"]
        assert (clause.verdict, clause.status) == ("pass", "proved")
        (hypothesis,) = clause.hypotheses
        assert "the model computes W z + b from the features given" in hypothesis

    def test_not_given(self, small: Trained) -> None:
        assert "no constant of smoothness" in self.note(small, self.step(small), None)

    def test_too_large(self, small: Trained) -> None:
        assert "too large" in self.note(small, self.step(small, 1.001), self.smooth(small))

    def test_estimated(self, small: Trained) -> None:
        value = float(self.smooth(small).value)
        assert "estimated" in self.note(small, self.step(small), Smoothness(value, "estimated"))

    def test_of_other_tensors(self, small: Trained) -> None:
        assert "'W1' moved" in self.note(small, self.step(small, frozen=[]), self.smooth(small))

    def test_of_other_features(self, small: Trained) -> None:
        # Rescaled units compute the same function, of features that are eight times as large: another constant.
        moved = rescale(small.model, 8.0).after
        made = fine_tune(moved, small.data, rate=1 / float(self.smooth(small).value), steps=1, frozen=["W1", "b1"])
        assert "other features" in self.note(small, made, self.smooth(small))
        own = last_layer_smoothness(hidden(moved.params, small.x), "W2", "b2")
        assert float(own.value) > 10 * float(self.smooth(small).value)
        assert "too large" in self.note(small, made, own)

    def test_of_another_loss(self, small: Trained) -> None:
        squared = last_layer_smoothness(hidden(small.model.params, small.x), "W2", "b2", loss="squared_error")
        made = fine_tune(small.model, small.data, rate=1 / float(squared.value), steps=1, frozen=["W1", "b1"])
        assert "'squared_error', not of 'cross_entropy'" in self.note(small, made, squared)

    def test_proved_by_word_alone(self, small: Trained) -> None:
        claimed = Smoothness(float(self.smooth(small).value), "proved", "says the author")
        clause = one(small, self.step(small), smoothness=claimed)["descent"]
        assert clause.verdict == "pass"
        assert any("says the author" in text for text in clause.hypotheses)

    def test_no_step_along_this_gradient(self, small: Trained) -> None:
        made = self.step(small)
        other = Modification(made.before, made.before.with_params({"b2": np.ones(4)}), made.done, made.settings)
        assert "no step along the gradient" in self.note(small, other, self.smooth(small))

    def test_no_rate(self, small: Trained) -> None:
        made = self.step(small)
        assert "no rate" in self.note(small, Modification(made.before, made.after, made.done), self.smooth(small))

    def test_no_gradient(self, small: Trained) -> None:
        made = self.step(small)
        bare = [Model(m.params, small.model.forward) for m in (made.before, made.after)]
        assert "pullback" in self.note(small, Modification(*bare, made.done, made.settings), self.smooth(small))

    def test_a_given_constant_is_named_and_can_be_refuted(self, small: Trained) -> None:
        made = self.step(small, 0.5)
        clause = one(small, made, smoothness=1e-3)["descent"]
        assert clause.verdict == "pass"
        assert "0.001-smooth, as given" in clause.hypotheses[0]
        # Far too large a step for the true constant: the one that is given is wrong.
        wild = fine_tune(small.model, small.data, rate=1e5, steps=1, frozen=["W1", "b1"])
        (row,) = one(small, wild, smoothness=1e-6)["descent"].rows
        assert row.verdict == "fail"
        assert "the constant is wrong" in row.note

    def test_a_minibatch_step_is_none_of_this_loss(self, small: Trained) -> None:
        part = fine_tune(small.model, (small.x[:20], small.y[:20]), rate=1e-3, steps=1)
        assert "minibatch" in self.note(small, part, 1.0)


def test_descent_is_tight_in_one_dimension() -> None:
    """A line through the origin, fitted by one step of size 1/L: nothing to spare, and rounding on both sides."""
    x = np.array([[0.3], [1.7], [-0.9]])
    y = 0.7 * x
    smooth = last_layer_smoothness(x, "W1", loss="squared_error")
    assert float(smooth.value) == pytest.approx((x**2).mean(), rel=1e-10)
    model = as_model(lielaws.linear([1, 1]), {"W1": [[-1.1]]})
    for factor, verdict in ((1.0, "pass"), (1.01, "not applicable")):
        made = fine_tune(model, (x, y), "squared_error", rate=factor / float(smooth.value), steps=1)
        certificate = certify([made], (x, y), "squared_error", smoothness=smooth)
        assert certificate["descent"].verdict == verdict
        assert certificate["drift"].verdict == "pass"
        assert certificate["lipschitz"].verdict == "pass"


def test_decay_needs_an_objective_that_has_not_risen() -> None:
    loss = QuadraticLoss(np.eye(2), [1.0, 1.0], 1.0)
    start = Model({"t": [0.0, 0.0]})
    chain = gradient_steps(start, None, loss, rate=0.25, steps=4)
    (*rows,) = certify(chain, None, loss, weight_decay=0.5)["decay"].rows
    for row, model in zip(rows, chain.models[1:], strict=True):
        theta = model.params["t"]
        assert row.left == pytest.approx(theta @ theta)
        # F(0) = 1 and L* = 0 exactly, so C / lambda = 2 (1 - 0) / 0.5.
        assert row.right == pytest.approx(4.0)
        assert row.verdict == "pass"
    away = Modification(start, start.with_params({"t": np.array([9.0, 9.0])}))
    (row,) = certify([away], None, loss, weight_decay=0.5)["decay"].rows
    assert row.verdict == "not applicable"
    assert "rose" in row.note


def test_a_wrong_row_of_layers_is_noticed(small: Trained) -> None:
    model = small.model
    wrong = Model(model.params, model.forward, feedforward=Feedforward(("W1", "W2"), ("b1", "b2"), "tanh"))
    (row,) = one(small, changed(wrong))["lipschitz"].rows
    assert row.verdict == "not applicable"
    assert "does not compute" in row.note


def test_lower_bounds_are_those_of_the_targets() -> None:
    """Equal inputs with different targets: no network can be better than their entropy or their spread."""
    network = lielaws.mlp([2, 3, 2])
    model = as_model(network, {name: np.ones(shape) for name, shape in network.parameters.items()})
    x = np.array([[1.0, 0.0]] * 4 + [[0.0, 1.0]] * 4)
    y = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    found = certify([changed(model)], (x, y))
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25)) / 2
    assert found.settings["lower_bound"] == pytest.approx(entropy)
    assert found.settings["lower_bound"] < entropy
    targets = np.eye(2)[y]
    found = certify([changed(model)], (x, targets), "squared_error")
    assert found.settings["lower_bound"] == pytest.approx((4 * 0.75 * 0.25 * 2) / 8 / 2)
    soft = np.array([[0.5, 0.5]] * 8)
    assert certify([changed(model)], (x, soft)).settings["lower_bound"] == pytest.approx(np.log(2))
    # A function that may look at the other samples is not bound by that.
    mixing = Model(model.params, model.forward)
    assert certify([changed(mixing)], (x, y)).settings["lower_bound"] == 0


def test_losses_of_your_own(small: Trained) -> None:
    def hinge(outputs, y):
        rows = np.arange(len(y))
        return float(np.maximum(0, 1 + outputs - outputs[rows, y][:, None]).sum(axis=1).mean() - 1)

    made = changed(small.model, W2=0 * small.model.params["W2"], b2=np.zeros(4))
    certificate = certify([made], small.data, OutputLoss(hinge, lower_bound=0.0, name="hinge"))
    assert certificate["progress"].rows[0].left == pytest.approx(3.0)
    assert certificate["distillation"].verdict == "not applicable"
    assert (
        "as given" in certificate["countability"].hypotheses[0] if certificate["progress"].verdict == "pass" else True
    )


def test_information_readings(small: Trained) -> None:
    pytest.importorskip("lielaws.information")
    data = Data(small.x[:120], small.y[:120])
    gentle, rough = prune(small.model, 0.02), prune_units(small.model, 1.0)
    for method, noise, status in (("noisy", 2.0, "proved"), ("channel", 2.0, "estimated")):
        options = {"information": method, "noise": noise, "epsilon": 0.5}
        kept = certify([gentle], data, **options)["preservation"]
        assert (kept.verdict, kept.status) == ("pass", status)
        lost = certify([rough], data, **options)["preservation"]
        assert lost.verdict == "fail"
    (row,) = certify([gentle], data, information="ksg")["preservation"].rows
    assert row.verdict == "not applicable"
    assert "infinite" in row.note
    same = certify([rescale(small.model, 1.0)], data, information="noisy", noise=0.1)
    assert same["preservation"].rows[0].verdict == "pass"
