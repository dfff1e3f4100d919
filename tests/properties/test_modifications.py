"""What certificates of modifications never get wrong, over thousands of random cases."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from lielaws import conv, mlp
from lielaws.modification import (
    Chain,
    Model,
    Modification,
    ParameterLoss,
    QuadraticLoss,
    Smoothness,
    argmax_pair,
    as_model,
    certify,
    exact_rank,
    fine_tune,
    gradient_steps,
    imitation,
    prune,
    quantize,
    rescale,
    spectral_bound,
    tolerant_rank,
    truncate,
)

seeds = st.integers(0, 2**32 - 1)
X, Y = np.array([[1.0], [2.0], [3.0]]), np.zeros(3)


def line(value: float) -> Model:
    """A model with one parameter, which is its loss up to a factor; its features tell all inputs apart."""
    return Model({"t": np.array([value])}, lambda p, x: x + 0 * p["t"])


def random_chain(rng: np.random.Generator) -> tuple[list[Fraction], Chain, ParameterLoss]:
    """Losses that mostly fall, by steps of all sizes, and sometimes rise or stay."""
    lowest = float(rng.normal())
    values = [lowest + 10.0 ** rng.uniform(-3, 3)]
    for _ in range(rng.integers(1, 9)):
        share = rng.choice([rng.uniform(0, 1), 1e-17, 0.0, -0.1], p=[0.85, 0.05, 0.05, 0.05])
        values.append(lowest + (values[-1] - lowest) * (1 - share))
    models = [line(value) for value in values]
    chain = Chain([Modification(before, after) for before, after in pairwise(models)])
    loss = ParameterLoss(lambda p: float(p["t"][0]), lower_bound=min(lowest, *values))
    return [Fraction(value) for value in values], chain, loss


def test_no_accepted_chain_exceeds_the_count_over_1000_random_chains() -> None:
    rng = np.random.default_rng(0)
    accepted = refused = 0
    for number in range(1000):
        values, chain, loss = random_chain(rng)
        drops = [before - after for before, after in pairwise(values)]
        delta = [None, float(10.0 ** rng.uniform(-4, 2)), float(max(drops[-1], 0)) or 1e-3][number % 3]
        certificate = certify(chain, (X, Y), loss, delta=delta, accuracy=0.0)
        if not certificate.accepted:
            refused += 1
            # Nothing is refused without a reason: without a delta of the caller, any drop everywhere would do.
            assert min(drops) < (Fraction(delta) if delta else Fraction(1, 10**300))
            continue
        accepted += 1
        used = min(drops) if delta is None else Fraction(delta)
        assert used > 0
        assert len(chain) * used <= values[0] - Fraction(loss.lower_bound)
        assert all(drop >= used for drop in drops)
    assert accepted > 200
    assert refused > 200


NETWORK = mlp([2, 3, 2], bias=True)
CHANGES = (
    *(
        lambda m, d, r, s=s: fine_tune(m, d, rate=float(r.uniform(0.01, s)), steps=1)
        for s in (0.3, 0.3, 0.3, 0.3, 30.0)
    ),
    lambda m, d, r: fine_tune(m, d, rate=0.2, steps=10, batch=5, seed=int(r.integers(99))),
    lambda m, d, r: prune(m, float(r.uniform(0, 0.3))),
    lambda m, d, r: quantize(m, int(r.integers(4, 12))),
    lambda m, d, r: rescale(m, seed=int(r.integers(99))),
)


def log_loss(model: Model, x: np.ndarray, y: np.ndarray) -> float:
    p = model.params
    z = np.maximum(x @ p["W1"].T + p["b1"], 0) @ p["W2"].T
    return float(np.mean(np.logaddexp(z[:, 0], z[:, 1]) - z[np.arange(len(y)), y]))


def test_no_accepted_chain_of_real_modifications_exceeds_the_count_over_1000_chains() -> None:
    """Pruned, quantized, rescaled and trained networks, on labels that differ where inputs are equal: L* > 0."""
    rng = np.random.default_rng(3)
    accepted = refused = 0
    for _ in range(1000):
        x = rng.integers(-2, 3, (15, 2)).astype(float)
        y = rng.integers(0, 2, 15)
        start = as_model(NETWORK, {name: rng.normal(size=shape) for name, shape in NETWORK.parameters.items()})
        few = rng.integers(0, 5 if rng.integers(3) else len(CHANGES), int(rng.integers(1, 5)))
        chain = Chain.build(start, [lambda m, k=k, data=(x, y): CHANGES[k](m, data, rng) for k in few])
        delta = float(10.0 ** rng.uniform(-5, -1)) if rng.integers(2) else None
        certificate = certify(chain, (x, y), delta=delta, epsilon=0.5)
        losses = [log_loss(model, x, y) for model in chain.models]
        drops = -np.diff(losses)
        groups = [y[(x == row).all(axis=1)] for row in np.unique(x, axis=0)]
        shares = [np.bincount(group, minlength=2) / len(group) for group in groups]
        lowest = sum(len(g) / 15 * -sum(q * math.log(q) for q in s if q) for g, s in zip(groups, shares, strict=True))
        assert certificate.settings["lower_bound"] == pytest.approx(lowest, abs=1e-9)
        # No training goes below the bound, and no member that fell short of delta is let through.
        assert min(losses) >= certificate.settings["lower_bound"] - 1e-12
        if certificate.accepted:
            used = drops.min() if delta is None else delta
            assert drops.min() >= used - 1e-12
            assert len(chain) <= (losses[0] - lowest) / used * (1 + 1e-9)
            accepted += 1
        else:
            refused += 1
    assert accepted > 200
    assert refused > 200


def quadratic(rng: np.random.Generator, size: int) -> tuple[QuadraticLoss, int]:
    """An integer quadratic and an integer that no eigenvalue exceeds by proof, often the largest eigenvalue itself."""
    if rng.integers(2):
        diagonal = rng.integers(1, 9, size)
        return QuadraticLoss(np.diag(diagonal.astype(float)), rng.integers(-4, 5, size).astype(float)), int(
            diagonal.max()
        )
    factor = rng.integers(-2, 3, (size, size))
    matrix = (factor @ factor.T + np.eye(size)).astype(float)
    return QuadraticLoss(matrix, rng.integers(-4, 5, size).astype(float)), math.ceil(
        scipy.linalg.eigvalsh(matrix)[-1] + 1e-9
    )


def test_descent_holds_exactly_on_quadratic_losses_and_is_refused_beyond() -> None:
    rng = np.random.default_rng(1)
    tight = 0
    for _ in range(200):
        size = int(rng.integers(1, 5))
        loss, smoothness = quadratic(rng, size)
        start = Model({"t": rng.integers(-8, 9, size).astype(float)})
        for rate in (1 / smoothness, 1 / smoothness * rng.uniform(0.01, 1)):
            chain = gradient_steps(start, None, loss, rate=rate, steps=3)
            certificate = certify(chain, None, loss, smoothness=smoothness)
            rows = certificate["descent"].rows
            assert [row.verdict for row in rows] == ["pass"] * 3
            assert all(row.tolerance == 0 for row in rows)
            before = [float(entry) for entry in start.params["t"]]
            slope = loss.A @ before - loss.b
            value = before @ loss.A @ before / 2 - loss.b @ before
            assert rows[0].right == pytest.approx(value - rate / 2 * slope @ slope, rel=1e-12, abs=1e-12)
            after = chain[0].after.params["t"]
            assert rows[0].left == pytest.approx(after @ loss.A @ after / 2 - loss.b @ after, rel=1e-12, abs=1e-12)
            tight += rows[0].left == rows[0].right
        too_large = gradient_steps(start, None, loss, rate=np.nextafter(1 / smoothness, 2), steps=1)
        (row,) = certify(too_large, None, loss, smoothness=smoothness)["descent"].rows
        assert row.verdict == "not applicable"
        assert "too large" in row.note
    # In one dimension with eta = 1/L there is nothing to spare: only exact arithmetic decides that.
    assert tight > 10


def test_a_constant_that_is_too_small_or_estimated_never_passes() -> None:
    loss = QuadraticLoss(np.diag([4.0, 1.0]))
    chain = gradient_steps(Model({"t": [1.0, 1.0]}), None, loss, rate=0.1, steps=1)
    for smoothness in (3.999999999999999, Smoothness(4.0, "estimated", "largest curvature seen")):
        (row,) = certify(chain, None, loss, smoothness=smoothness)["descent"].rows
        assert row.verdict == "not applicable"
    assert certify(chain, None, loss, smoothness=4)["descent"].verdict == "pass"
    assert certify(chain, None, loss)["descent"].verdict == "pass"


def test_pinsker_over_1000_random_pairs_of_predictive_distributions() -> None:
    rng = np.random.default_rng(2)
    broken_by_arg_max = 0
    for _ in range(1000):
        samples, classes = int(rng.integers(1, 6)), int(rng.integers(2, 6))
        teacher = rng.normal(size=(samples, classes)) * 10.0 ** rng.uniform(-2, 1)
        student = teacher + rng.normal(size=teacher.shape) * 10.0 ** rng.uniform(-3, 1)
        p, q = (np.exp(v - v.max(axis=1, keepdims=True)) for v in (teacher, student))
        p, q = (v / v.sum(axis=1, keepdims=True) for v in (p, q))
        labels = rng.integers(0, classes, samples)
        found = imitation(np.log(p), np.log(q), np.eye(classes)[labels])
        divergence = float(np.mean((p * np.log(p / q)).sum(axis=1)))
        chosen = np.arange(samples), labels
        lost = float(np.mean(p[chosen] - q[chosen]))
        assert found.divergence == pytest.approx(divergence, rel=1e-9, abs=1e-14)
        assert found.drawn[0] - found.drawn[1] == pytest.approx(lost, abs=1e-14)
        assert abs(lost) <= math.sqrt(divergence / 2) + 1e-9 <= math.sqrt(2 * divergence) + 1e-9
        broken_by_arg_max += found.most_likely[0] - found.most_likely[1] > math.sqrt(2 * divergence)
    # The most likely class does lose more, also among random pairs.
    assert broken_by_arg_max > 0


@pytest.mark.parametrize("margin", [1e-6, 0.01, 0.1])
def test_the_pair_that_the_arg_max_breaks(margin: float) -> None:
    pair = argmax_pair(margin)
    divergence = 2 * margin * math.log((0.5 + margin) / (0.5 - margin))
    assert pair.divergence == pytest.approx(divergence, rel=1e-6)
    assert pair.drawn == pytest.approx((0.5 + margin, 0.5 - margin))
    assert pair.most_likely == (1.0, 0.0)
    assert pair.most_likely[0] - pair.most_likely[1] > math.sqrt(2 * divergence)
    assert pair.drawn[0] - pair.drawn[1] <= pair.bound + 1e-15


@given(seeds, st.integers(2, 16), st.sampled_from(["symmetric", "affine"]), st.sampled_from(["tensor", "row"]))
def test_quantization_moves_each_weight_by_half_a_step_at_most(seed: int, bits: int, scheme: str, per: str) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(4, 6)) * 10.0 ** rng.integers(-8, 8) + rng.normal() * rng.integers(0, 3)
    if rng.integers(3) == 0:
        # Ties, and their neighbours.
        weights = np.nextafter(rng.integers(-8, 9, (4, 6)) / 16, rng.choice([-1.0, 1.0], (4, 6)))
    made = quantize(Model({"W": weights}), bits, scheme=scheme, per=per)
    sizes = np.broadcast_to(np.reshape(made.settings["step"]["W"], (-1, 1)), (4, 6))
    for old, new, step in zip(weights.flat, made.after.params["W"].flat, sizes.flat, strict=True):
        assert abs(Fraction(float(old)) - Fraction(float(new))) <= Fraction(float(step)) / 2
        assert not step or (Fraction(float(new)) / Fraction(float(step))).denominator == 1
    groups = made.after.params["W"] if per == "row" else [made.after.params["W"]]
    assert all(len(np.unique(group)) <= 2**bits for group in groups)


@given(seeds, st.sampled_from(["relu", "leaky_relu", "abs", "linear", "square", "relu2"]), st.booleans())
def test_rescaling_leaves_the_function_unchanged(seed: int, activation: str, convolution: bool) -> None:
    rng = np.random.default_rng(seed)
    network = conv([1, 3, 2], 2, 5, activation=activation) if convolution else mlp([3, 4, 5, 2], activation, bias=True)
    model = as_model(network, {name: rng.normal(size=shape) for name, shape in network.parameters.items()})
    x = rng.normal(size=(4, *next(iter(network.data.values()))))
    powers = rescale(model, seed=seed % 1000)
    assert (powers.after.outputs(x) == model.outputs(x)).all()
    assert any((powers.after.params[name] != value).any() for name, value in model.params.items())
    factors = {layer.name: rng.uniform(0.1, 10, layer.size(model.shapes)) for layer in model.units}
    np.testing.assert_allclose(rescale(model, factors).after.outputs(x), model.outputs(x), rtol=1e-9, atol=1e-9)


@given(seeds)
def test_ranks_and_norms(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns, rank = rng.integers(1, 9, 3).tolist()
    matrix = (
        rng.integers(-9, 10, (rows, rank)) @ rng.integers(-9, 10, (rank, columns)) * 2.0 ** int(rng.integers(-40, 40))
    )
    values = scipy.linalg.svdvals(matrix)
    assert exact_rank(matrix).value == int((values > 1e-9 * max(values[0], 1e-300)).sum())
    assert exact_rank(matrix).proved
    assert values[0] * (1 - 1e-12) <= spectral_bound(matrix) <= values[0] * 1.02
    tolerance = float(values[0]) * rng.uniform(0.05, 0.95)
    if abs(values - tolerance).min() > 1e-9 * values[0]:
        assert tolerant_rank(matrix, tolerance).value == int((values > tolerance).sum())


@given(seeds)
def test_truncation_has_the_rank_exactly_and_is_nearly_the_nearest(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape, rank = tuple(rng.integers(2, 12, 2).tolist()), int(rng.integers(1, 6))
    matrix = rng.normal(size=shape) * 10.0 ** rng.integers(-20, 20)
    made = truncate(Model({"W": matrix}), rank)
    values = scipy.linalg.svdvals(matrix)
    best = math.sqrt((values[rank:] ** 2).sum())
    assert exact_rank(made.after.params["W"]).value == min(rank, *shape)
    assert made.settings["errors"]["W"] <= best * (1 + 1e-6) + 1e-6 * values[0]


@given(seeds, st.floats(0, 1))
def test_pruning_takes_the_smallest(seed: int, share: float) -> None:
    weights = np.random.default_rng(seed).normal(size=(3, 7))
    left = prune(Model({"W": weights, "b": np.ones(3)}), share).after.params
    gone = left["W"] == 0
    assert gone.sum() == round(share * 21)
    assert (left["W"][~gone] == weights[~gone]).all()
    assert not gone.any() or gone.all() or np.abs(weights[gone]).max() <= np.abs(weights[~gone]).min()
    assert (left["b"] == 1).all()
