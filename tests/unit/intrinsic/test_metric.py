"""Closed metrics against d phi d phi^T."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy.linalg import qr

import lielaws
from lielaws.errors import InvalidArgumentError
from lielaws.intrinsic import Metric, intrinsic_dynamics
from lielaws.intrinsic.metric_of_z import squares_of
from lielaws.questions import as_architecture

X, Y, Z, W = sp.symbols("x y z w")
GRAM, SECOND = "W1 W1^T - W2^T W2", "W2 W2^T - W3^T W3"
GENERIC = [
    "relu:2-2-2",
    "relu+bias:2-3-2",
    "relu+bias+output_bias:1-2-1",
    "linear:3-1-2",
    "linear:2-1-1-2",
    "relu:1-1-1-1",
    lielaws.conv([1, 1, 1], 2, 4),
    ([X, Y, Z], [X * Y * Z]),
    ([X, Y], [3 * X * Y]),
    ([X, Y, Z], [X**2 * Y * Z**3]),
    ([X, Y, Z, W], [X * Y / 2, Z**2, W]),
    ([X, Y, Z], [X * Y, X * Z]),
    ([X, Y], [X**2 + Y**2, X * Y]),
    ([X, Y, Z], [X**2 + Y**2 + X, Z]),
    lielaws.tied_autoencoder(3, 2, "linear"),
]


def by_definition(arch: lielaws.Architecture, params: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """phi and d phi d phi^T at float parameters, from sympy's expressions."""
    known = arch.reparameterization()
    entries = [float(entry) for name in arch.parameters for entry in np.ravel(params[name])]
    point = dict(zip(known.symbols, entries, strict=True))
    z = np.array([float(f.xreplace(point)) for f in known.phi])
    slopes = np.array(known.jacobian.xreplace(point).tolist(), dtype=float)
    return z, slopes @ slopes.T


def metric_of(arch: Any, **where: Any) -> Metric:
    metric = intrinsic_dynamics(arch, **where).metric
    assert metric is not None
    assert metric.verified
    return metric


@pytest.mark.parametrize("arch", GENERIC, ids=str)
def test_generic_metrics(arch: Any) -> None:
    made, rng = as_architecture(arch), np.random.default_rng(0)
    metric, laws = metric_of(made), lielaws.discover_laws(made).laws
    assert metric.laws == tuple(law.name for law in laws)
    for _ in range(3):
        params = {name: rng.normal(size=shape) for name, shape in made.parameters.items()}
        values = [law.evaluate(params) for law in laws]
        z, expected = by_definition(made, params)
        np.testing.assert_allclose(metric.evaluate(z, values), expected, rtol=1e-9, atol=1e-9)
        by_name = dict(zip(metric.laws, values, strict=True))
        np.testing.assert_array_equal(metric.evaluate(z, by_name), metric.evaluate(z, values))


def test_a_frozen_tensor_beside_a_neuron_changes_nothing() -> None:
    z = np.outer([1.0, -2.0], [1.0, 2.0, 0.5]).ravel()
    # The laws are |B|^2 - |A|^2 and |W1|^2 - |W2|^2, with B in the place of W2.
    (law,), (other,) = (lielaws.discover_laws(arch).laws for arch in (lielaws.low_rank(3, 2, 1), "linear:3-1-2"))
    assert (law.name, other.name) == ("|B|^2 - |A|^2", "|W1|^2 - |W2|^2")
    adapter, plain = metric_of(lielaws.low_rank(3, 2, 1)), metric_of("linear:3-1-2")
    np.testing.assert_allclose(adapter.evaluate(z, [0.7]), plain.evaluate(z, [-0.7]), rtol=1e-12)


def svd_network(widths: list[int], squares: list[np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Matrices with common singular vectors and the given squares of singular values."""
    turns = [qr(rng.normal(size=(n, n)))[0] for n in widths]
    params = {}
    for k, square in enumerate(squares):
        diagonal = np.zeros((widths[k + 1], widths[k]))
        np.fill_diagonal(diagonal[: len(square), : len(square)], np.sqrt(square))
        params[f"W{k + 1}"] = turns[k + 1] @ diagonal @ turns[k].T
    return params


@pytest.mark.parametrize(
    ("widths", "values", "offsets"),
    [
        ([2, 2, 2], 0, (0.0, 0.0)),
        ([3, 2, 4], 0, (0.0, 0.0)),
        ([2, 3, 2], 0, (0.0, 0.0)),
        ([3, 2, 1], 0, (0.0, 0.0)),
        ([2, 2, 3, 2], 0, (0.0, 0.0, 0.0)),
        ([3, 2, 2], {GRAM: 2}, (2.0, 0.0)),
        ([2, 2, 2], {GRAM: -0.5}, (0.0, 0.5)),
        ([2, 2, 2, 2], {GRAM: 1, SECOND: -2}, (1.0, 0.0, 2.0)),
    ],
)
def test_metrics_of_balanced_chains(widths: list[int], values: Any, offsets: tuple[float, ...]) -> None:
    arch, rng = lielaws.linear(widths), np.random.default_rng(1)
    metric = metric_of(arch, law_values=values)
    for _ in range(3):
        free = rng.exponential(size=min(widths))
        params = svd_network(widths, [free + offset for offset in offsets], rng)
        z, expected = by_definition(arch, params)
        np.testing.assert_allclose(metric.evaluate(z), expected, rtol=1e-9, atol=1e-9)


def test_directions_that_z_does_not_see() -> None:
    """2-2-1 with W1 W1^T - W2^T W2 = 3: one hidden direction is dark, and has |W1|^2 = 3 along it."""
    arch, rng = lielaws.linear([2, 2, 1]), np.random.default_rng(2)
    metric = metric_of(arch, law_values={GRAM: 3})
    turn, back = (qr(rng.normal(size=(2, 2)))[0] for _ in range(2))
    params = {"W1": turn @ np.diag(np.sqrt([5.0, 3.0])) @ back, "W2": np.sqrt([[2.0, 0.0]]) @ turn.T}
    z, expected = by_definition(arch, params)
    np.testing.assert_allclose(metric.evaluate(z), expected, atol=1e-12)


def test_the_metric_at_a_point_is_that_of_its_level() -> None:
    at = {"W1": [[2, 0], [0, 2]], "W2": [[1, 0], [0, 1]]}
    one, other = metric_of("linear:2-2-2", at=at), metric_of("linear:2-2-2", law_values={GRAM: 3})
    z = np.array([1.0, 0.5, -0.3, 2.0])
    np.testing.assert_allclose(one.evaluate(z), other.evaluate(z), rtol=1e-12)


def test_a_neuron_at_known_values_needs_no_others() -> None:
    metric = metric_of("linear:2-1-2", law_values=[5])
    z = np.outer([1.0, 2.0], [3.0, -1.0]).ravel()
    np.testing.assert_array_equal(metric.evaluate(z), metric.evaluate(z, [5.0]))


def test_no_metric_where_the_answer_is_no() -> None:
    assert intrinsic_dynamics("linear:2-2-2").metric is None
    assert intrinsic_dynamics("linear:3-2-1", law_values={GRAM: 3}).metric is None


def test_no_metric_where_none_is_known() -> None:
    found = intrinsic_dynamics("relu:2-2-2-2")
    assert found.intrinsic
    assert found.metric is None


def test_values_that_cannot_be_evaluated() -> None:
    metric = metric_of("linear:2-1-2")
    z = np.outer([1.0, 2.0], [3.0, -1.0]).ravel()
    for arguments, words in [
        ((z,), "depends on the values"),
        ((z[:3], [1.0]), "shape"),
        ((z, [1.0, 2.0]), "shape"),
        ((z * np.nan, [1.0]), "finite"),
        ((z, ["a"]), "numbers"),
        ((z, {"nothing": 1.0}), "one value for each"),
        (([1.0, 0.0, 0.0, 1.0], [1.0]), "rank one"),
        ((0 * z, [1.0]), "direction"),
    ]:
        with pytest.raises(InvalidArgumentError, match=words):
            metric.evaluate(*arguments)
    assert not metric.evaluate(0 * z, [0.0]).any()


def test_hidden_directions_of_a_matrix_of_low_rank() -> None:
    """3-2-2 with W1 W1^T - W2^T W2 = 2: a direction with a zero singular value of z still has |W1|^2 = 2."""
    metric = metric_of("linear:3-2-2", law_values={GRAM: 2})
    assert metric.evaluate([1.0, 0, 0, 0, 1.0, 0]).shape == (6, 6)
    with pytest.raises(InvalidArgumentError, match="hidden directions"):
        metric.evaluate([1.0, 0, 0, 0, 0, 0])


def test_a_matrix_of_too_large_a_rank_is_no_value_of_phi() -> None:
    metric = metric_of("linear:3-2-3", law_values=0)
    with pytest.raises(InvalidArgumentError, match="rank"):
        metric.evaluate(np.eye(3).ravel())


def test_texts() -> None:
    neurons = metric_of("relu:2-2-2")
    assert "W2[:,0] W1[0,:]^T, W2[:,1] W1[1,:]^T" in str(neurons)
    assert r"\sqrt{\lambda^2 + 4" in neurons.latex()
    assert "sqrt(lambda^2 + 4 z^2)" in str(metric_of(([X, Y], [X * Y])))
    assert "s (s + c_2) (s + c_3)" in str(metric_of(([X, Y, Z], [X * Y * Z])))
    assert "(z z^T)^(1/2) w + w (z^T z)^(1/2)" in str(metric_of("linear:2-2-2", law_values=0))
    assert "s (s - 3)" in str(metric_of("linear:2-2-2", law_values={GRAM: 3}))
    assert "and 2 more" in str(metric_of("relu:1-8-1"))


@pytest.mark.parametrize("target", [0.0, 1e-30, 1e-3, 1.0, 1e6])
@pytest.mark.parametrize("offsets", [(0.0, 3.0), (-2.0, 5.0, 5.0), (1.0,), (0.0, 0.0, 0.0)])
def test_squares_have_the_product(target: float, offsets: tuple[float, ...]) -> None:
    squares = squares_of(np.array(offsets), [1] * len(offsets), target)
    assert (squares >= 0).all()
    np.testing.assert_allclose(squares - squares.min(), np.array(offsets) - min(offsets), rtol=1e-9, atol=1e-12)
    assert np.prod(squares) == pytest.approx(target, rel=1e-9, abs=1e-300)
