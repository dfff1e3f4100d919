"""Where no number is given, where one comes with a warning, and what cannot be read."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from lielaws.errors import InvalidArgumentError, UnsupportedError
from lielaws.information import conditional_information, entropy_bounds, mutual_information
from tests.unit.information.truth import gaussian_pair

RNG = np.random.default_rng(11)
X = RNG.normal(size=(300, 3))
W = RNG.normal(size=(3, 8))


def refused(x: object, z: object, **options: object) -> str:
    found = mutual_information(x, z, resamples=20, **options)  # type: ignore[arg-type]
    assert found.refused is not None
    assert math.isnan(found.value)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["value"] is None
    assert "refused" in str(found)
    return found.refused


FUNCTIONS = {
    "identity": X,
    "linear": X @ W,
    "tanh": np.tanh(X @ W),
    "relu": np.maximum(X @ W, 0),
    "one feature": np.tanh(X @ W[:, :1]),
    "polynomial": (X**2).sum(axis=1),
    "one coordinate": X[:, 0],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_a_continuous_input_are_refused_when_they_are_declared(name: str) -> None:
    assert refused(X, FUNCTIONS[name], deterministic=True).startswith("infinite")
    assert refused(X, FUNCTIONS[name], noise=0).startswith("infinite")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_and_are_suspected_when_they_are_not(name: str) -> None:
    text = refused(X, FUNCTIONS[name])
    affine = name in {"identity", "one coordinate"}
    assert ("affine function" if affine else "larger than 300 samples can show") in text
    assert "noise=sigma" in text


def test_a_copy_among_noise_is_infinite_too() -> None:
    noise = RNG.normal(size=(300, 1))
    assert refused(X[:, :1], np.concatenate([noise, X[:, :1] + noise], axis=1)).startswith("infinite")


def test_an_affine_function_is_seen_by_covariances() -> None:
    assert refused(X, X @ W[:, :2] + 1, method="gaussian").startswith("infinite")
    assert "column of z" in refused(X, np.repeat(RNG.normal(size=(300, 1)), 2, axis=1), method="gaussian")


def test_noise_that_shows_is_not_taken_for_a_function() -> None:
    """Correlations up to 0.99 in one coordinate, with as few as 100 samples; wide ones that are weak."""
    rng = np.random.default_rng(0)
    for count, width, rho in ((100, 1, 0.9), (400, 1, 0.99), (400, 2, 0.9), (400, 5, 0.6), (400, 12, 0.3)):
        for _ in range(10):
            x, z, _ = gaussian_pair(count, width, rho, rng)
            assert mutual_information(x, z, resamples=20).refused is None


def test_a_discrete_representation_of_a_continuous_input_has_its_entropy() -> None:
    signs = np.sign(X[:, 0])
    found = mutual_information(X, signs, deterministic=True)
    assert found.refused is None
    assert found.quantity == "I(X; Z) = H(Z)"
    assert found.value == pytest.approx(math.log(2), abs=0.01)
    assert found.low <= found.value <= found.high
    many = mutual_information(X, RNG.permutation(np.repeat(np.arange(60), 5)), deterministic=True)
    assert many.value == pytest.approx(math.log(60), abs=0.15)


def test_a_constant_says_nothing() -> None:
    for x, z in ((X, np.ones(300)), (np.zeros((300, 2)), X), (np.ones(300), np.ones(300))):
        found = mutual_information(x, z)
        assert (found.value, found.low, found.high, found.exact) == (0, 0, 0, True)
    assert mutual_information(X, np.ones((300, 2)), deterministic=True).value == 0
    assert mutual_information(X, np.ones(300), noise=0.1).value == 0
    assert conditional_information(np.ones(300), X, X).exact


def test_frequencies_of_values_seen_once_are_refused() -> None:
    x, z, _ = gaussian_pair(100, 1, 0.5, RNG)
    assert "log n" in refused(x, z, method="discrete")


def test_frequencies_of_pairs_most_of_which_were_not_seen_are_refused() -> None:
    k = np.arange(200)
    assert "not seen yet" in refused(k // 10, k % 10)
    assert "not seen yet" in refused(RNG.integers(0, 40, 300), RNG.integers(0, 40, 300))


def test_too_few_samples_are_refused() -> None:
    x, z, _ = gaussian_pair(12, 1, 0.5, RNG)
    assert "12 samples" in refused(x, z, method="ksg")
    assert "covariances need" in refused(*gaussian_pair(20, 6, 0.5, RNG)[:2], method="gaussian")
    assert "occur once" in refused([f"name {k}" for k in range(100)], RNG.normal(size=100))


def warned(x: object, z: object, **options: object) -> str:
    found = mutual_information(x, z, resamples=20, **options)  # type: ignore[arg-type]
    assert found.refused is None
    text = " ".join(found.warnings)
    assert text in " ".join(str(found).split()).replace("warning: ", "")
    return text


def test_warnings_where_estimators_fail() -> None:
    rng = np.random.default_rng(2)
    assert "coordinates are many" in warned(*gaussian_pair(300, 10, 0.5, rng)[:2])
    assert "not converged" in warned(*gaussian_pair(300, 3, 0.9, rng)[:2])
    assert "lower bound" in warned(*gaussian_pair(2000, 1, 0.9995, rng)[:2])
    x, z, _ = gaussian_pair(300, 1, 0.5, rng)
    assert "share their value" in warned(x, np.maximum(z, 0), method="ksg")
    assert not warned(x, z)
    assert not warned(x, z, method="gaussian")
    assert "not Gaussian" in warned(x, x**2 + rng.normal(size=x.shape) / 4, method="gaussian")
    assert "not seen yet" in warned(rng.integers(0, 12, 300), rng.integers(0, 12, 300))
    assert "deterministic=True" in warned(x, z, noise=0.5)


def test_the_bias_in_many_coordinates_is_as_large_as_the_warning_says() -> None:
    x, z, truth = gaussian_pair(400, 10, 0.9, np.random.default_rng(0))
    found = mutual_information(x, z, resamples=20, method="ksg")
    assert found.value < truth / 2
    assert found.warnings


# Input


@pytest.mark.parametrize(
    ("x", "z", "argument"),
    [
        ([], [], "x"),
        (np.zeros((0, 3)), np.zeros((0, 3)), "x"),
        (np.zeros((5, 0)), np.zeros((5, 1)), "x"),
        ([1.0], [2.0], "x"),
        (3.0, [1.0, 2.0], "x"),
        (None, [1.0, 2.0], "x"),
        ([[1.0], [2.0, 3.0]], [1.0, 2.0], "x"),
        ([1 + 2j, 3], [1.0, 2.0], "x"),
        ([1.0, math.nan, 2.0], [1.0, 2.0, 3.0], "x"),
        ([1.0, 0.0, 2.0], [1.0, math.inf, 3.0], "z"),
        ([1.0, 2.0, 3.0], [1.0, 2.0], "z"),
        ({"a": 1}, [1.0, 2.0], "x"),
        ([1.0, "a"], [None, 2.0], "z"),
        (np.ma.masked_array([1.0, 2.0], [True, False]), [1.0, 2.0], "x"),
    ],
)
def test_samples_that_cannot_be_read(x: object, z: object, argument: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        mutual_information(x, z)
    assert caught.value.argument == argument
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"method": "kgs"}, "method"),
        ({"method": None}, "method"),
        ({"method": "channel"}, "method"),
        ({"method": "channel", "noise": 0.1}, "method"),
        ({"noise": -1}, "noise"),
        ({"noise": math.nan}, "noise"),
        ({"noise": math.inf}, "noise"),
        ({"noise": "much"}, "noise"),
        ({"noise": True}, "noise"),
        ({"noise": 0, "deterministic": False}, "noise"),
        ({"deterministic": "yes"}, "deterministic"),
        ({"deterministic": True, "noise": 1e-200}, "noise"),
        ({"resamples": 5}, "resamples"),
        ({"resamples": 30.5}, "resamples"),
        ({"confidence": 1}, "confidence"),
        ({"confidence": 95}, "confidence"),
        ({"seed": -1}, "seed"),
        ({"seed": None}, "seed"),
    ],
)
def test_settings_that_make_no_sense(options: dict[str, object], argument: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        mutual_information(X, X[:, 0], **options)  # type: ignore[arg-type]
    assert caught.value.argument == argument


def test_a_near_name_is_suggested() -> None:
    with pytest.raises(InvalidArgumentError, match="did you mean 'ksg'"):
        mutual_information(X, X, method="kgs")


def test_a_claim_that_the_samples_contradict() -> None:
    x = np.array([1.0, 2.0, 1.0, 3.0])
    for call in (
        lambda: mutual_information(x, [0, 1, 2, 3], deterministic=True),
        lambda: conditional_information([0, 1, 2, 3], x, x, deterministic=True),
    ):
        with pytest.raises(InvalidArgumentError, match="samples 0 and 2 have the same x and different z"):
            call()


def test_names_have_no_distances() -> None:
    names = np.array(["a", "b"])[RNG.integers(0, 2, 300)]
    for method in ("ksg", "gaussian"):
        with pytest.raises(InvalidArgumentError, match="names"):
            mutual_information(names, X, method=method)
    with pytest.raises(InvalidArgumentError, match="names"):
        mutual_information(names, names[::-1], method="mixed")
    with pytest.raises(InvalidArgumentError, match="names"):
        mutual_information(X, names, noise=0.1)


def test_conditional_input() -> None:
    bits = RNG.integers(0, 2, 300)
    with pytest.raises(UnsupportedError, match="x discrete"):
        conditional_information(X, X[:, 0], bits)
    with pytest.raises(InvalidArgumentError, match="as many as in z"):
        conditional_information(X, bits[:-1], X)
    with pytest.raises(InvalidArgumentError, match="method"):
        conditional_information(X, bits, X, method="channel")


def test_entropy_bounds_input() -> None:
    with pytest.raises(InvalidArgumentError, match="3 different values"):
        entropy_bounds([1, 2, 3], alphabet=2)
    with pytest.raises(InvalidArgumentError, match="alphabet"):
        entropy_bounds([1, 2, 3], alphabet=0)
    assert entropy_bounds(["a", "a"], alphabet=1).high == 0


def test_few_samples_come_with_a_warning() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=60)
    z = x + rng.normal(size=60)
    assert "30 samples are few" in mutual_information(x[:30], z[:30], method="ksg").warnings[0]
    assert not any("few" in text for text in mutual_information(x, z, method="ksg").warnings)
