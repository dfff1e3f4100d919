"""How modifications move laws: values, predictions, bounds, and claims that are not so."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lielaws
from lielaws.errors import InvalidArgumentError, LieLawsError, UnsupportedError
from lielaws.lineage import LawChanges, allowed_drift, law_change
from tests.unit.lineage.models import random_model, report_of, rescaled, sgd
from tests.unit.training.loops import Arrays, law_of

SPEC = "relu:4-6-3"
REPORT = report_of(SPEC)
BEFORE = random_model(REPORT, np.random.default_rng(0))


def exact(law: lielaws.Law, model: Arrays) -> Fraction:
    """The law in fractions, from its terms."""
    entries = np.concatenate([np.asarray(model[name], dtype=float).ravel() for name in law.space.shapes]).tolist()
    return sum(
        (
            c * math.prod((Fraction(entries[k]) for k in monomial), start=Fraction(1))
            for monomial, c in law.polynomial.terms
        ),
        start=Fraction(0),
    )


def changed(name: str, index: Any, value: float) -> Arrays:
    after = {key: array.copy() for key, array in BEFORE.items()}
    after[name][index] = value
    return after


def statuses(changes: LawChanges) -> set[str]:
    return {law.status for law in changes.laws}


def test_values_are_exact() -> None:
    huge = {name: array * 1e9 for name, array in BEFORE.items()}
    huge["W1"][0, 0] = 1e150
    found = law_change(REPORT, BEFORE, huge)
    for law in found.laws:
        assert law.before == float(exact(law.law, BEFORE))
        assert law.after == float(exact(law.law, huge))
        assert law.change == float(exact(law.law, huge) - exact(law.law, BEFORE))


def test_a_change_below_rounding_of_the_values_is_seen() -> None:
    report = report_of("relu:1-1-1")
    before = {"W1": [[1e9]], "W2": [[1.0]]}
    after = {"W1": [[1e9]], "W2": [[1.0 + 2.0**-52]]}
    (law,) = law_change(report, before, after).laws
    assert law.before == law.after
    assert law.change == float(1 - (1 + Fraction(2) ** -52) ** 2)


def test_relative_changes_are_in_sums_of_squares() -> None:
    after = changed("W1", (2, 1), 5.0)
    (law,) = (law for law in law_change(REPORT, BEFORE, after).laws if law.status == "moved")
    scale = (after["W1"][2] ** 2).sum() + (after["W2"][:, 2] ** 2).sum()
    assert law.relative == pytest.approx(law.change / scale)
    assert law.name == "|W1[2,:]|^2 - |W2[:,2]|^2"


def test_laws_beyond_floats_have_changes_that_are_relative() -> None:
    report = report_of("relu:1-1-1")
    found = law_change(report, {"W1": [[1e200]], "W2": [[1e150]]}, {"W1": [[2e200]], "W2": [[1e150]]})
    assert found.before.tolist() == [math.inf]
    assert found.relative[0] == pytest.approx(0.75)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["laws"][0]["after"] is None
    tiny = law_change(report, {"W1": [[1e-200]], "W2": [[0.0]]}, {"W1": [[2e-200]], "W2": [[0.0]]})
    assert tiny.relative[0] == pytest.approx(0.75)


def test_nothing_moved() -> None:
    found = law_change(REPORT, BEFORE, BEFORE)
    assert statuses(found) == {"unchanged"}
    assert found.explained
    assert not found.change.any()


# Pruning


def test_pruning_a_unit_removes_its_law() -> None:
    after = changed("W1", 3, 0.0)
    after["W2"][:, 3] = 0
    found = law_change(REPORT, BEFORE, after, what="pruning")
    assert [law.name for law in found.removed] == ["|W1[3,:]|^2 - |W2[:,3]|^2"]
    assert found.removed[0].after == 0
    assert found.explained
    again = law_change(REPORT, after, after, what="pruning")
    assert [law.status for law in again.laws].count("trivial") == 1


def test_pruning_one_side_of_a_unit_keeps_its_law() -> None:
    found = law_change(REPORT, BEFORE, changed("W1", 3, 0.0), what="pruning")
    assert not found.removed
    assert found.after[[law.name.startswith("|W1[3") for law in found.laws]][0] < 0


def test_pruning_takes_what_the_entries_held() -> None:
    keep = {name: np.abs(value) > 0.3 for name, value in BEFORE.items()}
    after = {name: value * keep[name] for name, value in BEFORE.items()}
    found = law_change(REPORT, BEFORE, after, what="pruning")
    assert found.explained
    lost = ((BEFORE["W1"] ** 2) * ~keep["W1"]).sum(axis=1) - ((BEFORE["W2"] ** 2) * ~keep["W2"]).sum(axis=0)
    np.testing.assert_allclose(sorted(found.change), sorted(-lost), atol=1e-14)


def test_entries_that_were_not_pruned_but_changed() -> None:
    found = law_change(REPORT, BEFORE, changed("W1", (3, 0), 0.01), what="pruning")
    assert [law.name for law in found.violated] == ["|W1[3,:]|^2 - |W2[:,3]|^2"]
    assert not found.explained
    assert "1 entries" in found.violated[0].explanation


# Rescaling


@given(st.lists(st.floats(0.01, 100), min_size=6, max_size=6))
def test_rescaling_moves_laws_as_predicted_while_the_function_stays(sizes: list[float]) -> None:
    after, factors = rescaled(BEFORE, np.array(sizes))
    found = law_change(REPORT, BEFORE, after, what="rescaling", factors=factors)
    assert statuses(found) <= {"predicted", "unchanged"}
    x = np.random.default_rng(1).normal(size=(5, 4))
    np.testing.assert_allclose(
        REPORT.architecture.forward(after, x), REPORT.architecture.forward(BEFORE, x), rtol=1e-9, atol=1e-12
    )
    squares = np.array(sizes) ** 2
    expected = (BEFORE["W1"] ** 2).sum(axis=1) * squares - (BEFORE["W2"] ** 2).sum(axis=0) / squares
    np.testing.assert_allclose(sorted(law.predicted for law in found.laws), sorted(expected), rtol=1e-9, atol=1e-9)


def test_rescaling_in_single_precision() -> None:
    single = {name: value.astype(np.float32) for name, value in BEFORE.items()}
    factor = np.linspace(0.5, 3, 6).astype(np.float32)
    after, factors = rescaled(single, factor)
    assert after["W1"].dtype == np.float32
    found = law_change(REPORT, single, after, what="rescaling", factors=factors)
    assert statuses(found) == {"predicted"}
    assert 0 < max(law.bound for law in found.laws) < 1e-5


def test_rescaling_by_other_factors_than_claimed() -> None:
    after, factors = rescaled(BEFORE, np.full(6, 2.0))
    factors["W1"] = factors["W1"] * np.array([1, 1, 1, 1, 1, 1.001])[:, None]
    found = law_change(REPORT, BEFORE, after, what="rescaling", factors=factors)
    assert [law.status for law in found.laws].count("violated") == 1
    # Entries that are wrong and happen to leave the law where it should be.
    swapped = {name: value.copy() for name, value in after.items()}
    swapped["W1"][0] = swapped["W1"][0, ::-1]
    assert law_change(REPORT, BEFORE, swapped, what="rescaling", factors=rescaled(BEFORE, np.full(6, 2.0))[1]).violated


# Quantization


def quantized(model: Arrays, bits: int) -> tuple[Arrays, dict[str, float]]:
    steps = {name: float(np.ptp(value)) / (2**bits - 1) for name, value in model.items()}
    return {name: np.round(value / steps[name]) * steps[name] for name, value in model.items()}, steps


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
def test_quantization_moves_laws_by_no_more_than_the_bound(bits: int) -> None:
    after, steps = quantized(BEFORE, bits)
    error = {name: step / 2 * (1 + 1e-12) for name, step in steps.items()}
    found = law_change(REPORT, BEFORE, after, what="quantization", error=error)
    assert statuses(found) <= {"bounded"}
    for law in found.laws:
        k = int(law.name[4])
        expected = sum(
            2 * abs(Fraction(w)) * Fraction(error[name]) + Fraction(error[name]) ** 2
            for name, part in (("W1", BEFORE["W1"][k]), ("W2", BEFORE["W2"][:, k]))
            for w in part.tolist()
        )
        assert law.bound is not None
        assert Fraction(law.bound) >= expected
        assert Fraction(math.nextafter(law.bound, 0)) < expected
        assert abs(exact(law.law, after) - exact(law.law, BEFORE)) <= expected


def test_the_bound_of_quantization_is_reached() -> None:
    """Incoming weights moved outwards and outgoing ones, of opposite sign in the law, to zero or beyond."""
    before = {"W1": np.ones((1, 2)), "W2": np.zeros((1, 1))}
    after = {"W1": np.full((1, 2), 1.25), "W2": np.zeros((1, 1))}
    (law,) = law_change(report_of("relu:2-1-1"), before, after, what="quantization").laws
    assert law.change == law.bound == 2 * (1.25**2 - 1)


@given(st.integers(0, 2**32 - 1), st.integers(2, 8))
def test_without_an_error_the_largest_change_in_each_tensor_is_taken(seed: int, bits: int) -> None:
    model = random_model(REPORT, np.random.default_rng(seed))
    found = law_change(REPORT, model, quantized(model, bits)[0], what="quantization")
    assert statuses(found) <= {"bounded", "removed"}
    assert all(abs(law.change) <= law.bound for law in found.laws)


def test_an_error_that_was_exceeded() -> None:
    after = changed("W2", (1, 4), BEFORE["W2"][1, 4] + 0.25)
    found = law_change(REPORT, BEFORE, after, what="quantization", error=0.2)
    assert [law.name for law in found.violated] == ["|W1[4,:]|^2 - |W2[:,4]|^2"]
    assert law_change(REPORT, BEFORE, after, what="quantization", error=0.2500001).explained


# Gradient steps


@pytest.mark.parametrize("settings", [{}, {"momentum": 0.9}, {"momentum": 0.5, "nesterov": True, "weight_decay": 0.01}])
def test_fine_tuning_moves_laws_by_the_balance_of_the_run(settings: dict[str, Any]) -> None:
    after, run, _ = sgd(REPORT, BEFORE, 100, np.random.default_rng(0), **settings)
    found = law_change(REPORT, BEFORE, after, what="fine-tuning", run=run)
    assert statuses(found) == {"predicted"}
    assert np.abs(found.change).max() > 1e-5
    tampered = {**after, "W1": after["W1"] * (1 + 1e-6)}
    assert law_change(REPORT, BEFORE, tampered, what="fine-tuning", run=run).violated
    with pytest.raises(InvalidArgumentError, match="did not start at these parameters"):
        law_change(REPORT, after, after, what="distillation", run=run)


def test_fine_tuning_within_what_is_allowed() -> None:
    after, _, grads = sgd(REPORT, BEFORE, 100, np.random.default_rng(0), lr=0.01)
    drift = allowed_drift(REPORT, BEFORE, steps=100, lr=0.01, gradients=grads[:5])
    found = law_change(REPORT, BEFORE, after, what="fine-tuning", drift=drift)
    assert statuses(found) == {"bounded"}
    copy, _ = rescaled(after, np.full(6, 1.5))
    assert law_change(REPORT, BEFORE, copy, what="fine-tuning", drift=drift).violated


def test_fine_tuning_of_which_nothing_is_known() -> None:
    after, _, _ = sgd(REPORT, BEFORE, 10, np.random.default_rng(0))
    found = law_change(REPORT, BEFORE, after, what="fine-tuning")
    assert statuses(found) == {"moved"}
    assert not found.explained
    assert "LawBalance" in str(found)


def test_laws_that_join_frozen_tensors_are_no_laws_of_the_run() -> None:
    after = {**BEFORE, "W2": BEFORE["W2"] * 1.1}
    drift = allowed_drift(REPORT, BEFORE, steps=1, lr=0.1, gradient_bound=1e-6)
    assert law_change(REPORT, BEFORE, after, what="fine-tuning", drift=drift).violated
    found = law_change(REPORT, BEFORE, after, what="fine-tuning", drift=drift, frozen=["W1"])
    assert statuses(found) == {"moved"}
    assert "frozen" in found[0].explanation


def test_laws_of_higher_degree_have_values_and_bounds_but_no_balance() -> None:
    law = law_of({(0, 0, 0): 1, (1, 2): -2}, {"u": (), "v": (2,)})
    before, after = {"u": 2.0, "v": [1.0, 3.0]}, {"u": 2.5, "v": [1.0, 2.0]}
    (found,) = law_change([law], before, after, what="quantization", error={"u": 0.5, "v": 1.0}).laws
    assert (found.before, found.after) == (2.0, 11.625)
    assert found.bound == (2.5**3 - 2**3) + 2 * (2 * 4 - 3)
    (found,) = law_change([law], before, after, what="fine-tuning").laws
    assert found.status == "moved"


def test_records() -> None:
    after = changed("W1", (3, 0), 0.01)
    found = law_change(REPORT, BEFORE, after, what="pruning")
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["what"] == "pruning"
    assert record["explained"] is False
    assert [law["change"] for law in record["laws"]] == found.change.tolist()
    text = str(found)
    assert text.startswith("pruning: 6 laws")
    assert "|W1[3,:]|^2 - |W2[:,3]|^2" in text.splitlines()[2]
    assert len(found) == 6
    assert "explained=False" in repr(found)


# Input


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"what": "prunning"}, "what"),
        ({"what": 3}, "what"),
        ({"what": "rescaling"}, "factors"),
        ({"what": "pruning", "error": 0.1}, "error"),
        ({"error": 0.1}, "error"),
        ({"what": "rescaling", "factors": {"W3": 2.0}}, "factors"),
        ({"what": "rescaling", "factors": {"W1": np.ones(5)}}, "factors['W1']"),
        ({"what": "rescaling", "factors": {"W1": math.nan}}, "factors"),
        ({"what": "rescaling", "factors": {"W1": "two"}}, "factors['W1']"),
        ({"what": "quantization", "error": -0.1}, "error"),
        ({"what": "quantization", "error": {"W1": -0.1}}, "error"),
        ({"what": "quantization", "error": math.inf}, "error"),
        ({"what": "quantization", "run": object()}, "run"),
        ({"what": "fine-tuning", "frozen": ["W7"]}, "frozen"),
        ({"what": "fine-tuning", "frozen": "W1"}, "frozen"),
    ],
)
def test_claims_that_make_no_sense(options: dict[str, Any], argument: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        law_change(REPORT, BEFORE, BEFORE, **options)
    assert caught.value.argument == argument


@pytest.mark.parametrize(
    ("after", "match"),
    [
        ({"W1": BEFORE["W1"]}, "'W2' of shape"),
        ({**BEFORE, "W1": BEFORE["W1"].T}, "transposed"),
        ({**BEFORE, "W1": BEFORE["W1"][:5]}, "shape"),
        ({**BEFORE, "W1": np.full((6, 4), np.nan)}, "not a finite number"),
        ([], "mapping"),
        (None, "mapping"),
    ],
)
def test_models_that_do_not_fit(after: Any, match: str) -> None:
    for call in (lambda: law_change(REPORT, BEFORE, after), lambda: law_change(REPORT, after, BEFORE)):
        with pytest.raises(InvalidArgumentError, match=match):
            call()


def test_reports_that_do_not_fit() -> None:
    with pytest.raises(InvalidArgumentError, match="no laws"):
        law_change(lielaws.discover_laws("tanh:2-2-2"), BEFORE, BEFORE)
    with pytest.raises(UnsupportedError, match="another flow"):
        law_change(lielaws.discover_laws("relu:2-2-1", flow=lielaws.WeightDecay("1/10")), BEFORE, BEFORE)
    with pytest.raises(LieLawsError, match="Report"):
        law_change("relu:2-2-1", BEFORE, BEFORE)  # type: ignore[arg-type]
    with pytest.raises(LieLawsError, match="Report"):
        law_change([1], BEFORE, BEFORE)  # type: ignore[list-item]
    with pytest.raises(LieLawsError, match="one architecture"):
        law_change([*REPORT.laws, *report_of("relu:2-1-1").laws], BEFORE, BEFORE)
