"""Chains of at least ten modifications of each kind, on real digits and on blobs; every number computed once more."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from itertools import pairwise as pairs

import flint
import numpy as np
import pytest
import scipy.linalg
from scipy.special import log_softmax

from lielaws.modification import (
    Chain,
    ConservationCertificate,
    Model,
    Modification,
    certify,
    distill,
    fine_tune,
    last_layer_smoothness,
    prune,
    prune_units,
    quantize,
    rescale,
    truncate,
)
from tests.unit.modification.trained import Trained, cross_entropy, hidden, outputs, probabilities

KINDS = ("prune", "prune_units", "quantize", "truncate", "rescale", "fine_tune", "gradient_step", "distill")
DECAY = 1e-3


def changes(kind: str, trained: Trained):
    """Ten changes of one kind, each after the next: gentle at first, rough at the end."""
    data, width = trained.data, len(trained.model.params["b1"])
    smooth = last_layer_smoothness(hidden(trained.model.params, trained.x), "W2", "b2")
    rate, first = float(1 / smooth.value), ("W1", "b1")
    return {
        "prune": [lambda m, s=s: prune(m, s) for s in (0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.5, 0.8, 0.99)],
        "prune_units": [lambda m, k=k: prune_units(m, (k + 1) / width) for k in range(8)]
        + [lambda m: prune_units(m, 0.9), lambda m: prune_units(m, 1.0)],
        "quantize": [lambda m, b=b: quantize(m, b, scheme="affine") for b in (16, 14, 12, 10, 9, 8, 7, 6, 4, 1)],
        "truncate": [lambda m, r=r: truncate(m, {"W1": max(1, r)}) for r in range(width, width - 9, -1)]
        + [lambda m: truncate(m, 1)],
        "rescale": [lambda m, s=s: rescale(m, seed=s) for s in range(9)] + [lambda m: rescale(m, 3.7)],
        "fine_tune": [lambda m, r=r: fine_tune(m, data, rate=r, steps=5, seed=1) for r in (0.05,) * 8 + (50.0, 0.05)],
        "gradient_step": [lambda m: fine_tune(m, data, rate=rate, steps=1, frozen=first)] * 9
        + [lambda m: fine_tune(m, data, rate=1e4 * rate, steps=1, frozen=first)],
        "distill": [
            lambda m, k=k: distill(m, trained.model, trained.x, rate=0.5, steps=1, seed=k, batch=32) for k in range(9)
        ]
        + [lambda m: distill(m, prune_units(m, 0.9).after, trained.x, rate=0.5, steps=40)],
    }[kind]


@cache
def certified(kind: str, trained: Trained) -> tuple[Chain, ConservationCertificate]:
    """A step of fine-tuning at both ends makes sure that there are members with progress."""
    data = trained.data
    start = trained.model
    if kind == "distill":
        start = fine_tune(start, data, rate=0.2, steps=3, batch=32, seed=7).after

    def tuned(model: Model) -> Modification:
        # The constant of smoothness is that of the features that the chain starts with.
        return fine_tune(model, data, rate=0.01, steps=2, frozen=("W1", "b1"))

    chain = Chain.build(start, [tuned, *changes(kind, trained), tuned])
    smooth = last_layer_smoothness(hidden(chain.start.params, trained.x), "W2", "b2")
    options = {"smoothness": smooth, "feature_tolerance": 1.0, "kl_tolerance": 0.01, "weight_decay": DECAY}
    return chain, certify(chain, data, **options)


@pytest.fixture(params=KINDS)
def case(request: pytest.FixtureRequest, trained: Trained) -> tuple[Trained, Chain, ConservationCertificate]:
    return trained, *certified(request.param, trained)


def test_the_network_is_trained(trained: Trained) -> None:
    assert trained.accuracy > 0.95


def test_members_are_of_the_kind_and_some_are_admissible(case) -> None:
    _, chain, certificate = case
    kinds = [entry.done for entry in chain]
    assert max(kinds.count(kind) for kind in set(kinds)) >= 9
    assert len(chain) >= 12
    assert any(certificate.admissible)
    assert not all(certificate.admissible)
    assert not certificate.accepted


def test_progress_and_count(case) -> None:
    trained, chain, certificate = case
    losses = [cross_entropy(model.params, *trained.data) for model in chain.models]
    drops = -np.diff(losses)
    # What is left of a drop once the stated rounding of both losses is taken off it.
    sizes = [1 + np.abs(outputs(model.params, trained.x)).max() for model in chain.models]
    classes = len(chain.start.params["b2"])
    each = [2e-12 * size + 8 * (classes + 8) * 2.0**-53 * (size + math.log(classes)) for size in sizes]
    slack = [sum(pair) for pair in pairs(each)]
    delta = min(drop - less for drop, less in zip(drops, slack, strict=True) if drop > less)
    rows = certificate["progress"].rows
    assert [row.left for row in rows] == pytest.approx(losses[1:], rel=1e-9)
    assert [row.right for row in rows] == pytest.approx([loss - delta for loss in losses[:-1]], rel=1e-9)
    assert [row.verdict == "pass" for row in rows] == [
        bool(d >= delta + s - 1e-15) for d, s in zip(drops, slack, strict=True)
    ]
    (count,) = certificate["countability"].rows
    assert count.left == len(chain)
    # Cross-entropy with different inputs is bounded by 0 alone.
    assert count.right == pytest.approx(losses[0] / delta, rel=1e-4)
    assert (count.verdict == "pass") == (len(chain) <= losses[0] / delta)


def test_preservation(case) -> None:
    trained, chain, certificate = case
    # Which of two neighbouring cells of the grid a number falls into is a matter of a few pairs.
    scale = 1e-9 * np.abs(hidden(chain.start.params, trained.x)).max()

    def entropy(model) -> float:
        z = np.round(hidden(model.params, trained.x) / scale + 0.1)
        _, counts = np.unique(z, axis=0, return_counts=True)
        share = counts / counts.sum()
        return float(-(share * np.log(share)).sum())

    info = [entropy(model) for model in chain.models]
    for row, before, after in zip(certificate["preservation"].rows, info[:-1], info[1:], strict=True):
        assert row.left == pytest.approx(after, abs=0.02)
        assert row.right == pytest.approx(0.9 * before, abs=0.02)
        assert (row.verdict == "pass") == (after >= 0.9 * before)
        assert row.status == "proved"


def test_descent(case) -> None:
    trained, chain, certificate = case
    rows = {row.member: row for row in certificate["descent"].rows}
    assert set(rows) == {k for k, entry in enumerate(chain, 1) if entry.done == "gradient_step"}
    z = np.c_[hidden(chain.start.params, trained.x), np.ones(len(trained.x))]
    smooth = 0.5 * scipy.linalg.eigvalsh(z.T @ z / len(z))[-1]
    for k, row in rows.items():
        before, rate = chain[k - 1].before.params, chain[k - 1].settings["rate"]
        if rate > 1 / smooth * (1 + 1e-9):
            assert row.verdict == "not applicable"
            assert "too large" in row.note
        else:
            error = (probabilities(before, trained.x) - np.eye(len(before["b2"]))[trained.y]) / len(trained.y)
            squared = ((error.T @ hidden(before, trained.x)) ** 2).sum() + (error.sum(axis=0) ** 2).sum()
            assert row.right == pytest.approx(cross_entropy(before, *trained.data) - rate / 2 * squared, rel=1e-8)
            assert row.left == pytest.approx(cross_entropy(chain[k - 1].after.params, *trained.data), rel=1e-8)
            assert row.verdict == "pass"


def test_features(case) -> None:
    trained, chain, certificate = case
    for layer, function in (("input of W2", hidden), ("output", outputs)):
        rows = [row for row in certificate["features"].rows if row.what == layer]
        for row, one in zip(rows, chain, strict=True):
            moved = function(one.after.params, trained.x) - function(one.before.params, trained.x)
            largest = np.sqrt((moved**2).sum(axis=1)).max()
            assert row.left == pytest.approx(largest, rel=1e-9, abs=1e-11)
            assert (row.verdict, row.right) == ("pass" if largest <= 1 else "fail", 1.0)


def test_distillation(case) -> None:
    trained, chain, certificate = case
    rows = certificate["distillation"].rows
    labels = np.arange(len(trained.y)), trained.y
    for k, one in enumerate(chain, 1):
        teacher = one.before if one.teacher is None else one.teacher
        p, q = (log_softmax(outputs(model.params, trained.x), axis=1) for model in (teacher, one.after))
        kl = float(np.mean((np.exp(p) * (p - q)).sum(axis=1)))
        lost = float((np.exp(p[labels]) - np.exp(q[labels])).mean())
        divergence, drawn = [row for row in rows if row.member == k]
        assert divergence.left == pytest.approx(kl, rel=1e-6, abs=1e-9)
        assert divergence.verdict == ("pass" if kl <= 0.01 else "fail")
        assert drawn.left == pytest.approx(lost, abs=1e-9)
        rounding = 4e-12 * sum(1 + np.abs(outputs(model.params, trained.x)).max() for model in (teacher, one.after))
        assert (
            math.sqrt(max(kl, 0) / 2) * (1 - 1e-6) <= drawn.right <= math.sqrt((max(kl, 0) + rounding) / 2) * (1 + 1e-6)
        )
        assert drawn.verdict == "pass"


def test_capacity_and_the_rules_of_thumb(case) -> None:
    _, chain, certificate = case

    def capacity(model) -> int:
        return sum(rank(model.params[name]) * len(model.params[name]) for name in ("W1", "W2"))

    def rank(matrix) -> int:
        # FLINT's own rank over the integers.
        exact = [[Fraction(entry) for entry in row] for row in matrix.tolist()]
        scale = max(entry.denominator for row in exact for entry in row)
        return flint.fmpz_mat([[int(entry * scale) for entry in row] for row in exact]).rank()

    counts = [capacity(model) for model in chain.models]
    rows = certificate["capacity"].rows
    assert [row.left for row in rows] == counts[1:]
    assert [row.verdict for row in rows] == [
        "pass" if after >= 0.9 * before - 1e-9 else "fail" for before, after in pairs(counts)
    ]
    assert all(row.status == "proved" for row in rows)
    rules = certificate["capacity_rules"]
    ruled = [k for k, entry in enumerate(chain, 1) if entry.done in ("prune", "prune_units", "quantize")]
    assert [row.member for row in rules.rows] == ruled
    assert all(row.status == "heuristic" for row in rules.rows)


def test_decay(case) -> None:
    trained, chain, certificate = case

    def size(model) -> float:
        return sum(float((value**2).sum()) for value in model.params.values())

    objective = [cross_entropy(model.params, *trained.data) + DECAY / 2 * size(model) for model in chain.models]
    for row, model, value in zip(certificate["decay"].rows, chain.models[1:], objective[1:], strict=True):
        if value > objective[0]:
            assert row.verdict == "not applicable"
        else:
            assert row.verdict == "pass"
            assert row.left == pytest.approx(size(model))
            assert row.right == pytest.approx(2 * objective[0] / DECAY, rel=1e-6)


def test_lipschitz(case) -> None:
    trained, chain, certificate = case
    rows = certificate["lipschitz"].rows
    assert len(rows) == len(chain)
    for row, one in zip(rows, chain, strict=True):
        norms = [scipy.linalg.svdvals(one.after.params[name])[0] for name in ("W1", "W2")]
        assert norms[0] * norms[1] * (1 - 1e-12) <= row.right <= norms[0] * norms[1] * 1.02 + 1e-290
        x, y = trained.x[:50], outputs(one.after.params, trained.x[:50])
        slopes = scipy.linalg.norm(y[1:] - y[0], axis=1) / scipy.linalg.norm(x[1:] - x[0], axis=1)
        assert slopes.max() <= row.right * (1 + 1e-9)
        assert row.verdict == "pass"


def test_drift(case) -> None:
    trained, chain, certificate = case
    for layer, function in (("input of W2", hidden), ("output", outputs)):
        values = [function(model.params, trained.x) for model in chain.models]
        lengths = [np.sqrt(((b - a) ** 2).sum(axis=1)).max() for a, b in pairs(values)]
        (row,) = [row for row in certificate["drift"].rows if row.what == f"{layer}: sum of the steps"]
        assert row.left == pytest.approx(np.sqrt(((values[-1] - values[0]) ** 2).sum(axis=1)).max(), rel=1e-9)
        assert row.right == pytest.approx(sum(lengths), rel=1e-5, abs=1e-8)
        assert row.verdict == "pass"
    (weights,) = [row for row in certificate["drift"].rows if row.what == "output: from the weights"]
    assert weights.verdict == "pass"


def test_rescaling_and_quantization(case) -> None:
    _, chain, certificate = case
    kinds = {entry.done for entry in chain}
    names = {clause.name for clause in certificate.clauses}
    assert ("invariance" in names) == ("rescale" in kinds)
    assert ("quantization" in names) == ("quantize" in kinds)
    if "rescale" in kinds:
        assert certificate["invariance"].verdict == "pass"
        # Powers of two change no digit.
        exact = [row for row in certificate["invariance"].rows if "no rounding" in row.note]
        assert len(exact) == 9
        assert all(row.left == 0 for row in exact)
    if "quantize" in kinds:
        assert certificate["quantization"].verdict == "pass"
        for one in chain:
            for name, step in one.settings.get("step", {}).items():
                moved = np.abs(one.after.params[name] - one.before.params[name]).max()
                assert moved <= step / 2 * (1 + 1e-12)
                assert len(np.unique(one.after.params[name])) <= 2 ** one.settings["bits"]


def test_the_record_survives_a_file(case, tmp_path) -> None:
    _, _, certificate = case
    certificate.save(tmp_path / "certificate.json")
    assert ConservationCertificate.load(tmp_path / "certificate.json").to_dict() == certificate.to_dict()
