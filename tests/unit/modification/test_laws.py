"""How the modifications move conservation laws, recomputed from the arrays."""

from __future__ import annotations

import numpy as np
import pytest

import lielaws
from lielaws.errors import LieLawsError
from lielaws.lineage import law_change, lineage
from lielaws.modification import (
    Modification,
    as_model,
    distill,
    fine_tune,
    law_changes,
    prune,
    prune_units,
    quantize,
    rescale,
    truncate,
)

NETWORK = lielaws.mlp([4, 6, 5, 3], bias=True)
REPORT = lielaws.discover_laws(NETWORK)
RNG = np.random.default_rng(0)
MODEL = as_model(NETWORK, {name: RNG.normal(size=shape) for name, shape in NETWORK.parameters.items()})
DATA = RNG.normal(size=(40, 4)), RNG.integers(0, 3, 40)


def laws(params) -> np.ndarray:
    """|incoming weights and bias|^2 - |outgoing weights|^2 of each hidden unit."""
    pairs = (("1", "2"), ("2", "3"))
    rows = [
        (params[f"W{k}"] ** 2).sum(axis=1) + params[f"b{k}"] ** 2 - (params[f"W{j}"] ** 2).sum(axis=0) for k, j in pairs
    ]
    return np.concatenate(rows)


MADE = {
    "prune": (prune(MODEL, 0.3), {"predicted"}),
    "prune_units": (prune_units(MODEL, 0.5), {"predicted", "removed"}),
    "quantize": (quantize(MODEL, 5), {"bounded"}),
    "quantize by row": (quantize(MODEL, 5, per="row", scheme="affine"), {"bounded"}),
    "rescale": (rescale(MODEL, {"hidden 1": RNG.uniform(0.3, 3, 6), "hidden 2": 0.7}), {"predicted"}),
    "rescale by powers of two": (rescale(MODEL, seed=4), {"predicted"}),
    "truncate": (truncate(MODEL, 2), {"moved"}),
    "gradient step": (fine_tune(MODEL, DATA, rate=0.05, steps=1), {"predicted"}),
    "fine-tune": (fine_tune(MODEL, DATA, rate=0.05, steps=5), {"moved"}),
    "distill": (distill(MODEL, as_model(NETWORK, MODEL.params), DATA, rate=0.1, steps=3), {"unchanged", "moved"}),
}


@pytest.mark.parametrize("name", MADE)
def test_each_kind_moves_laws_as_it_must(name: str) -> None:
    made, statuses = MADE[name]
    found = law_changes(REPORT, made)
    assert {law.status for law in found.laws} <= statuses
    assert not found.violated
    np.testing.assert_allclose(np.sort(found.before), np.sort(laws(MODEL.params)), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(np.sort(found.after), np.sort(laws(made.after.params)), rtol=1e-12, atol=1e-12)
    for law in found.laws:
        if law.status == "bounded":
            assert abs(law.change) <= law.bound
        elif law.status == "predicted":
            assert abs(law.after - law.predicted) <= law.bound + 1e-15


def test_a_gradient_step_moves_laws_by_the_square_of_the_rate() -> None:
    made, _ = MADE["gradient step"]
    slopes = {name: (MODEL.params[name] - made.after.params[name]) / 0.05 for name in MODEL.params}
    found = law_changes(REPORT, made)
    np.testing.assert_allclose(np.sort(found.change), np.sort(0.05**2 * laws(slopes)), atol=1e-12)
    # A move that is no step along the gradient of any loss is none.
    other = made.after.with_params({"W1": made.after.params["W1"] + 0.01})
    assert law_changes(REPORT, Modification(MODEL, other, made.done, made.settings)).violated


def test_half_of_the_units_lose_their_laws() -> None:
    found = law_changes(REPORT, MADE["prune_units"][0])
    # Whoever loses its unit loses what it held; a neighbour loses only what it exchanged with it.
    assert len(found.removed) == 3 + 2
    assert all(law.after == 0 for law in found.removed)


def test_settings_that_are_not_so_are_found_out() -> None:
    made = MADE["quantize"][0]
    smaller = {name: step / 4 for name, step in made.settings["step"].items()}
    assert law_changes(REPORT, Modification(MODEL, made.after, "quantize", {"step": smaller})).violated
    wrong = Modification(MODEL, made.after, "rescale", MADE["rescale"][0].settings)
    assert law_changes(REPORT, wrong).violated
    with pytest.raises(LieLawsError, match="no factors"):
        law_changes(REPORT, Modification(MODEL, made.after, "rescale"))
    for done, settings in (
        ("quantize", {"step": {"W1": "small"}}),
        ("quantize", {"step": {"W1": [0.1, 0.2]}}),
        ("rescale", {"factors": {"hidden 1": [1.0, 2.0]}}),
        ("rescale", {"factors": {"hidden 1": -1.0}}),
        ("gradient_step", {"rate": "slow"}),
        ("fine_tune", {"frozen": ["W9"]}),
    ):
        with pytest.raises(LieLawsError):
            law_changes(REPORT, Modification(MODEL, made.after, done, settings))
    with pytest.raises(LieLawsError, match="Modification is needed"):
        law_changes(REPORT, MODEL)
    assert law_changes(REPORT, Modification(MODEL, made.after, "polish")).what is None


def test_models_stand_for_their_arrays() -> None:
    made = MADE["prune"][0]
    one = law_change(REPORT, made.before, made.after, what="pruning")
    two = law_change(REPORT, made.before.params, made.after.params, what="pruning")
    assert one.to_dict() == two.to_dict()
    assert lineage(REPORT, MODEL, MODEL).decision == lineage(REPORT, MODEL.params, MODEL.params).decision
