"""Rounding, overflow and targets that are only nearly distributions: nothing is proved by the last digit of a float."""

from __future__ import annotations

import numpy as np
import pytest

import lielaws
from lielaws.modification import (
    Model,
    Modification,
    OutputLoss,
    QuadraticLoss,
    as_model,
    certify,
    fine_tune,
    gradient_steps,
    prune,
)
from tests.unit.modification.trained import Trained


def changed(model: Model, **params) -> Modification:
    return Modification(model, model.with_params(params), "by hand")


def test_lower_bounds_hold_for_targets_that_round() -> None:
    network = lielaws.linear([1, 2])
    model = as_model(network, {"W1": np.zeros((2, 1))})
    x = np.ones((1, 1))
    # Rows that sum to one up to what is allowed: equal probabilities are the best, with the loss log 2 for sums of one.
    for total in (1 - 9e-10, 1.0, 1 + 9e-10):
        found = certify([changed(model)], (x, np.array([[0.5, 0.5]]) * total))
        assert found.settings["lower_bound"] <= np.log(2)
        assert found["countability"].verdict == "not applicable"
    # The mean of two neighbouring floats is none: about either of them the spread is twice what it is.
    y = np.array([[1e12, 0.0], [np.nextafter(1e12, 2e12), 0.0]])
    found = certify([changed(model)], (np.ones((2, 1)), y), "squared_error")
    assert found.settings["lower_bound"] <= (y[1, 0] - y[0, 0]) ** 2 / 8


def test_rounding_of_large_residuals_is_no_progress() -> None:
    """Outputs of size one beside targets of size 1e9: the loss is 1e18, and its last digits are no progress."""
    network = lielaws.linear([1, 2])
    model = as_model(network, {"W1": np.zeros((2, 1))})
    x, y = np.ones((3, 1)), np.full((3, 2), 1e9)
    made = changed(model, W1=np.full((2, 1), 1e-7))
    row = certify([made], (x, y), "squared_error")["progress"].rows[0]
    assert row.tolerance > 100
    assert row.verdict != "pass"


def test_numbers_whose_squares_are_beyond_float64() -> None:
    network = lielaws.mlp([2, 3, 2])
    rng = np.random.default_rng(0)
    model = as_model(network, {name: rng.normal(size=shape) for name, shape in network.parameters.items()})
    x, y = rng.normal(size=(8, 2)), rng.integers(0, 2, 8)
    made = changed(model, W1=1e90 * model.params["W1"], W2=1e90 * model.params["W2"])
    options = {"weight_decay": 1.0, "feature_tolerance": 1e200, "information": "noisy", "noise": 1e-70}
    certificate = certify([made], (x, y), **options)
    features = certificate["features"].rows
    moved = np.maximum(x @ made.after.params["W1"].T, 0) - np.maximum(x @ model.params["W1"].T, 0)
    assert features[0].left == pytest.approx(1e90 * np.sqrt(((moved / 1e90) ** 2).sum(axis=1)).max())
    assert features[1].left > 1e170
    # A slope of 1e180 is no slope of infinity.
    assert certificate["lipschitz"].verdict == "pass"
    assert certificate["preservation"].rows[0].verdict == "not applicable"
    assert "beside the noise" in certificate["preservation"].rows[0].note
    assert (
        "beyond float64"
        in certify([changed(model, W1=model.params["W1"] * 1e170)], (x, y), weight_decay=1.0)["decay"].rows[0].note
    )


def test_large_representations_are_told_apart(small: Trained) -> None:
    # The grid is that of the first model: far beyond it every float is a cell of its own.
    made = changed(small.model, W1=1e30 * small.model.params["W1"], b1=1e30 * small.model.params["b1"])
    again = changed(made.after, W1=1e280 * small.model.params["W1"], b1=1e280 * small.model.params["b1"])
    rows = certify([made, again], small.data, OutputLoss(lambda o, t: 0.0, 0.0))["preservation"].rows
    assert [row.verdict for row in rows] == ["pass", "pass"]
    assert rows[1].left == pytest.approx(rows[0].left)


def test_targets_in_single_precision(small: Trained) -> None:
    soft = np.random.default_rng(0).dirichlet(np.ones(4), len(small.x))
    single, double = (certify([prune(small.model, 0.5)], (small.x, y)) for y in (soft.astype(np.float32), soft))
    assert single["progress"].rows[0].left == pytest.approx(double["progress"].rows[0].left, rel=1e-6)


def test_what_the_losses_suppose_is_named(small: Trained) -> None:
    made = fine_tune(small.model, small.data, rate=0.1, steps=5)
    assert "outputs are accurate to 1e-12" in certify([made], small.data)["progress"].hypotheses[0]
    assert "outputs are accurate to 0 " in certify([made], small.data, accuracy=0.0)["progress"].hypotheses[0]
    # Exponentials and sums round, also where outputs do not.
    assert certify([made], small.data, accuracy=0.0)["progress"].rows[0].tolerance > 0
    mine = OutputLoss(lambda outputs, y: float((outputs**2).mean()), lower_bound=0.0, name="mine")
    assert "the loss 'mine'" in certify([made], small.data, mine)["progress"].hypotheses[0]
    quadratic = gradient_steps(Model({"t": [1.0]}), None, QuadraticLoss([[1.0]]), rate=0.5, steps=1)
    assert certify(quadratic, None, QuadraticLoss([[1.0]]))["progress"].hypotheses == ()


def test_the_rounding_of_a_teacher_with_large_logits_counts(small: Trained) -> None:
    teacher = small.model.with_params({"W2": 1e6 * small.model.params["W2"]})
    made = Modification(small.model, small.model, "distill", {}, teacher)
    row = certify([made], small.data, kl_tolerance=1e9)["distillation"].rows[0]
    assert row.tolerance > 1e-12 * np.abs(teacher.outputs(small.x)).max()


def test_bounds_of_the_size_allow_for_the_rounding_of_both_losses(small: Trained) -> None:
    made = fine_tune(small.model, small.data, rate=0.1, steps=20)
    for decay in (1e-6, 1e-2):
        (row,) = certify([made], small.data, weight_decay=decay)["decay"].rows
        size = sum(float((value**2).sum()) for value in made.after.params.values())
        assert row.verdict in {"pass", "not applicable"}
        assert row.left is None or size <= row.right


def test_a_gradient_whose_square_is_beyond_float64() -> None:
    model = as_model(lielaws.linear([1, 1]), {"W1": [[1e-170]]})
    x, y = np.array([[1e170]]), np.array([[1e10]])
    made = fine_tune(model, (x, y), "squared_error", rate=1e-300, steps=1)
    (row,) = certify([made], (x, y), "squared_error", smoothness=1.0)["descent"].rows
    assert row.verdict == "not applicable"
    assert "beyond float64" in row.note
