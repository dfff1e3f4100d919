"""Parameters that are frozen at given values: laws whose coefficients come from them are found."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lielaws import check_laws, discover_laws, freeze, mlp, sequential, verify
from lielaws.errors import InvalidArgumentError
from tests.strategies import gradient_flow, random_params

F = np.array([[1, 2], [3, 4]])


def _frozen(value=F):
    return freeze(mlp([2, 2, 2, 2], "linear"), {"W2": value})


def test_laws_with_coefficients_of_frozen_weights():
    """<W1, (F^T F)^k W1> - <W3, W3 (F F^T)^k>, for k below the width: the symmetries that are gradient fields."""
    report = discover_laws(_frozen())
    assert (report.n_laws, report.complete) == (2, True)
    left, right = F.T @ F, F @ F.T
    terms = [f"{left[i, j]}*W1[{i},{k}]*W1[{j},{k}]" for i in range(2) for j in range(2) for k in range(2)]
    terms += [f"-{right[i, j]}*W3[{k},{i}]*W3[{k},{j}]" for i in range(2) for j in range(2) for k in range(2)]
    law = " + ".join(terms).replace("+ -", "- ")
    assert check_laws(_frozen(), [law]).all_hold
    assert report.contains(law)
    assert verify(report.certificate).valid


@pytest.mark.parametrize("width", [2, 3])
def test_counts_are_those_of_generic_values(width):
    rng = np.random.default_rng(width)
    network = mlp([2, width, width, 2], "linear")
    given = discover_laws(freeze(network, {"W2": rng.integers(-9, 10, (width, width))}))
    generic = discover_laws(freeze(network, ["W2"]))
    assert given.n_laws == generic.n_laws == width
    assert given.complete
    assert "coefficients that depend on frozen W2" in str(generic)


def test_special_values_have_more_laws():
    assert discover_laws(_frozen(np.eye(2))).n_laws == discover_laws(mlp([2, 2, 2], "linear")).n_laws == 3


def test_a_real_run():
    arch, rng = _frozen(F / 10), np.random.default_rng(0)
    report = discover_laws(arch)
    params = random_params(arch, rng)
    np.testing.assert_allclose(
        arch.forward(params, np.ones((1, 2)))[0], params["W3"] @ (F / 10) @ params["W1"] @ np.ones(2)
    )
    end = gradient_flow(arch, params, rng)[-1]
    for law in report.laws:
        assert law.evaluate(end) == pytest.approx(law.evaluate(params), rel=1e-6, abs=1e-6)


def test_frozen_blocks_in_sequence():
    arch = sequential(freeze(mlp([2, 2, 2], "linear"), {"W1": [[Fraction(1, 2), 0], [1, 1]]}), mlp([2, 3, 1]))
    report = discover_laws(arch)
    assert list(arch.parameters) == ["1.W2", "2.W1", "2.W2"]
    assert report.complete
    assert verify(report.certificate).valid


@pytest.mark.parametrize(
    "values",
    [
        {"W2": [[1, 2]]},
        {"W2": [[1, float("nan")], [1, 2]]},
        {"W2": [[1, float("inf")], [1, 2]]},
        {"W2": "W3"},
        {"W2": [[1, 2], [3]]},
        {"W2": None},
        {"W9": F},
        {},
        {"W1": F, "W2": F, "W3": F},
    ],
    ids=str,
)
def test_bad_values(values):
    with pytest.raises(InvalidArgumentError, match="names"):
        freeze(mlp([2, 2, 2, 2], "linear"), values)
