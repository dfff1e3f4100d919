"""Estimates against known answers, and how often their intervals hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lielaws.information import conditional_information, entropy_bounds, mutual_information
from lielaws.information.discrete import entropy
from lielaws.information.gaussian import log_determinant
from lielaws.information.neighbours import Metric, ksg_terms, tied_terms
from tests.unit.information.truth import gaussian_pair, overlapping_classes, rectified, table_information

# A binomial count at rate 0.95 is below this share of 60 with probability 2e-4.
LEAST_COVERAGE = 0.83


@pytest.mark.parametrize(
    ("method", "count", "width", "rho"),
    [
        ("ksg", 200, 1, 0.0),
        ("ksg", 200, 1, 0.6),
        ("ksg", 200, 1, 0.9),
        ("ksg", 150, 2, 0.6),
        ("ksg", 200, 3, 0.9),
        ("gaussian", 100, 1, 0.6),
        ("gaussian", 100, 3, 0.9),
        ("gaussian", 200, 10, 0.3),
        ("gaussian", 80, 10, 0.0),
    ],
)
def test_intervals_hold_the_truth_at_their_rate(method: str, count: int, width: int, rho: float) -> None:
    rng = np.random.default_rng([count, width, int(10 * rho)])
    hits, widths, trials = 0, [], 60
    for seed in range(trials):
        x, z, truth = gaussian_pair(count, width, rho, rng)
        found = mutual_information(x, z, method=method, resamples=40, seed=seed)
        assert found.refused is None
        assert found.low <= found.value <= found.high
        hits += found.low <= truth + 1e-12 and truth <= found.high
        widths.append(found.high - found.low)
    assert hits / trials >= LEAST_COVERAGE
    # Not by being so wide that they say nothing.
    assert np.mean(widths) < 0.35 + 0.6 * truth


@pytest.mark.parametrize(("width", "noise"), [(1, 0.5), (3, 1.0), (10, 2.0)])
def test_noise_makes_a_deterministic_representation_finite(width: int, noise: float) -> None:
    truth, hits = width / 2 * math.log(1 + 1 / noise**2), 0
    for seed in range(40):
        x = np.random.default_rng(seed).normal(size=(200, width))
        found = mutual_information(x, x @ np.eye(width), deterministic=True, noise=noise, resamples=40, seed=seed)
        assert found.method == "channel"
        assert f"{noise:.6g}" in found.quantity
        hits += found.low <= truth <= found.high
    assert hits >= 33


def test_a_channel_that_is_too_fine_for_the_samples_is_a_lower_bound_with_a_proper_upper_one() -> None:
    truth = 10 / 2 * math.log(1 + 1 / 0.25)
    x = np.random.default_rng(1).normal(size=(200, 10))
    found = mutual_information(x, x, deterministic=True, noise=0.5, resamples=40)
    assert found.value <= math.log(200) < truth <= found.high
    assert "lower bound" in found.warnings[0]


def test_ties_far_apart_are_told_apart_by_the_smallest_noise() -> None:
    """Two values with noise of a billionth: log 2, which differences of large squares would not give."""
    z = np.repeat([1e6, -1e6], 50)
    found = mutual_information(np.arange(100.0), z, deterministic=True, noise=1e-3, resamples=20)
    assert found.value == pytest.approx(math.log(2), abs=1e-9)


def test_the_noise_is_not_the_stream_from_which_callers_draw() -> None:
    x = np.random.default_rng(0).normal(size=2000)
    found = mutual_information(x, x, deterministic=True, noise=1.0, seed=0, resamples=40)
    assert found.low <= math.log(2) / 2 <= found.high


def test_classes_and_a_continuous_variable() -> None:
    hits = 0
    for seed in range(30):
        x, z, truth = overlapping_classes(200, 4, np.random.default_rng(seed))
        found = mutual_information(x, z, resamples=40)
        assert found.method == "mixed"
        assert found == mutual_information(x, z, method="mixed", resamples=40)
        hits += found.low <= truth <= found.high
    assert hits >= 24


def test_no_more_than_the_entropy_of_a_class() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 150)
    far = labels[:, None] * 10 + rng.normal(size=(150, 12))
    found = mutual_information(labels, far, resamples=20)
    assert found.value > 0.65
    assert found.high <= math.log(2)


def test_names_are_classes() -> None:
    x, z, _ = overlapping_classes(200, 4, np.random.default_rng(0))
    names = np.array(["a", "b", "c", "d"])[x.astype(int)]
    assert mutual_information(names, z, resamples=20).value == mutual_information(x, z, resamples=20).value
    assert mutual_information(z, names, resamples=20).method == "mixed"


def test_a_rectified_variable() -> None:
    hits = 0
    for seed in range(30):
        x, z, truth = rectified(300, 0.8, np.random.default_rng(seed))
        found = mutual_information(x, z, resamples=40)
        assert found.method == "mixed"
        hits += found.low <= truth <= found.high
    assert hits >= 24


def test_discrete_variables() -> None:
    rng = np.random.default_rng(3)
    table = rng.dirichlet(np.ones(12)).reshape(3, 4)
    truth, hits = table_information(table), 0
    for seed in range(60):
        cells = rng.choice(12, size=300, p=table.ravel())
        found = mutual_information(cells // 4, cells % 4, resamples=40, seed=seed)
        assert found.method == "discrete"
        hits += found.low <= truth <= found.high
    assert hits / 60 >= LEAST_COVERAGE


def test_without_ties_both_estimators_by_neighbours_agree() -> None:
    x, z, _ = gaussian_pair(150, 2, 0.7, np.random.default_rng(0))
    everything = np.arange(150)
    first, second = ksg_terms(Metric(x), Metric(z), everything), tied_terms(Metric(x), Metric(z), everything)
    np.testing.assert_array_equal(first, second)


def test_with_ties_only_the_tied_estimator_is_that_of_frequencies() -> None:
    """Where all neighbours coincide, the terms are those of Grassberger's entropies."""
    rng = np.random.default_rng(5)
    x = rng.integers(0, 2, (400, 1)).astype(float)
    z = (x + (rng.random((400, 1)) < 0.2)) % 2
    table = np.array([[0.4, 0.1], [0.1, 0.4]])
    assert tied_terms(Metric(x), Metric(z), np.arange(400)).mean() == pytest.approx(table_information(table), abs=0.06)


@pytest.mark.parametrize("width", [2, 4])
def test_trees_and_matrices_of_distances_agree(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x, z, _ = gaussian_pair(120, width, 0.5, np.random.default_rng(width))
    chosen = np.random.default_rng(1).permutation(120)[:60]
    values = []
    for most in (1, 100):
        monkeypatch.setattr("lielaws.information.neighbours._TREE_COORDINATES", most)
        values.append(ksg_terms(Metric(x), Metric(z), chosen))
    np.testing.assert_array_equal(*values)


def test_the_terms_of_kraskov_by_their_definition() -> None:
    """Equation (8), counted one by one."""
    from scipy.special import digamma

    x, z, _ = gaussian_pair(40, 1, 0.5, np.random.default_rng(2))
    expected = []
    for i in range(40):
        dx, dz = np.abs(x - x[i])[:, 0], np.abs(z - z[i])[:, 0]
        third = sorted(np.maximum(dx, dz))[3]
        counts = [sum(d < third) - 1 for d in (dx, dz)]
        expected.append(digamma(3) + digamma(40) - digamma(counts[0] + 1) - digamma(counts[1] + 1))
    np.testing.assert_allclose(ksg_terms(Metric(x), Metric(z), np.arange(40)), expected)


def test_the_log_determinant_has_no_bias() -> None:
    rng = np.random.default_rng(0)
    root = np.array([[1.0, 0, 0], [2, 1, 0], [0, 3, 2]])
    values = [log_determinant(rng.normal(size=(12, 3)) @ root.T)[0] for _ in range(4000)]
    assert np.mean(values) == pytest.approx(2 * math.log(2), abs=5 * np.std(values) / math.sqrt(4000))


def test_units_do_not_matter() -> None:
    x, z, _ = gaussian_pair(150, 2, 0.7, np.random.default_rng(0))
    plain = mutual_information(x, z, resamples=20)
    scaled = mutual_information(x * [1e-3, 1e200], 1e-200 * z + 1e-199, resamples=20)
    assert scaled.value == pytest.approx(plain.value, abs=1e-9)


def test_the_same_seed_gives_the_same_interval() -> None:
    x, z, _ = gaussian_pair(100, 1, 0.7, np.random.default_rng(0))
    first, again, other = (mutual_information(x, z, resamples=20, seed=seed) for seed in (4, 4, 5))
    assert first == again
    assert first != other
    assert first.value == other.value


def test_further_axes_are_coordinates() -> None:
    x, z, _ = gaussian_pair(100, 4, 0.5, np.random.default_rng(0))
    images = x.reshape(100, 2, 2)
    assert mutual_information(images, z, resamples=20) == mutual_information(x, z, resamples=20)


def test_confidence_widens_the_interval() -> None:
    x, z, _ = gaussian_pair(100, 1, 0.7, np.random.default_rng(0))
    narrow, wide = (mutual_information(x, z, resamples=20, confidence=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


# I(Z; Y | X)


def test_given_its_input_a_deterministic_representation_says_nothing_more() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(80, 3)), rng.integers(0, 3, 80)
    for noise in (None, 0, 0.3):
        found = conditional_information(np.maximum(x, 0), y, x, deterministic=True, noise=noise)
        assert (found.value, found.low, found.high) == (0, 0, 0)
        assert found.exact
        assert "exactly" in str(found)
    assert conditional_information(np.maximum(x, 0), y, x, noise=0).exact


def test_conditional_information_of_gaussians() -> None:
    """Z = X + Y + W with independent normal X, Y, W: I(Z; Y | X) = log(2) / 2, and I(Z; Y) = log(3 / 2) / 2."""
    hits = {"ksg": 0, "gaussian": 0}
    for seed in range(20):
        x, y, w = np.random.default_rng(seed).normal(size=(3, 300))
        for method in hits:
            found = conditional_information(x + y + w, y, x, method=method, resamples=40)
            hits[method] += found.low <= math.log(2) / 2 <= found.high
    assert min(hits.values()) >= 15


def test_conditional_information_of_bits() -> None:
    """Z = X xor Y: I(Z; Y) = 0, I(Z; Y | X) = log 2."""
    x, y = np.random.default_rng(0).integers(0, 2, (2, 400))
    found = conditional_information(x ^ y, y, x)
    assert found.method == "discrete"
    assert found.value == pytest.approx(math.log(2), abs=0.01)
    assert mutual_information(x ^ y, y).low == 0


def test_conditional_information_about_labels() -> None:
    rng = np.random.default_rng(0)
    x, z, y = rng.normal(size=400), rng.normal(size=400), rng.integers(0, 2, 400)
    nothing, much = (conditional_information(z + shift * y, y, x, resamples=40) for shift in (0, 3))
    assert nothing.method == "mixed"
    assert nothing.low == 0
    assert 0.3 < much.value < math.log(2)


def test_given_a_constant_it_is_the_mutual_information() -> None:
    rng = np.random.default_rng(0)
    y, noise = rng.normal(size=(2, 300))
    z, nothing = y + noise, np.ones(300)
    for method in ("auto", "ksg", "gaussian"):
        found = conditional_information(z, y, nothing, method=method, resamples=40)
        assert found.value == mutual_information(y, z, method=method, resamples=40).value
        assert found.quantity == "I(Z; Y | X)"
        assert found.low <= math.log(2) / 2 <= found.high
    noisy = conditional_information(y, y, nothing, noise=1.0, resamples=40)
    assert noisy.low <= math.log(2) / 2 <= noisy.high


# Entropy


def test_entropy_bounds_hold() -> None:
    rng = np.random.default_rng(0)
    share = rng.dirichlet(np.ones(6))
    truth = float(-(share * np.log(share)).sum())
    for _ in range(50):
        found = entropy_bounds(rng.choice(6, 2000, p=share), alphabet=6)
        assert found.low <= truth <= found.high <= math.log(6)
    assert found.low > truth / 2


def test_the_correction_of_miller_and_madow() -> None:
    rng = np.random.default_rng(0)
    truth = math.log(20)
    plain, corrected = [], []
    for _ in range(300):
        codes = rng.integers(0, 20, 100)
        counts = np.bincount(codes, minlength=20) / 100
        plain.append(-sum(c * math.log(c) for c in counts if c))
        corrected.append(entropy(codes))
    assert abs(np.mean(corrected) - truth) < abs(np.mean(plain) - truth) / 5
