"""Values of laws as callers give them, and the answers there."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp

import lielaws
from lielaws.errors import ExactnessError, InvalidArgumentError, UnsupportedError
from lielaws.intrinsic import intrinsic_dynamics
from lielaws.intrinsic.levels import level_at, read_level

GRAM = "W1 W1^T - W2^T W2"
UNITS = "|W1[k,:]|^2 - |W2[:,k]|^2"
X, Y, Z, W = sp.symbols("x y z w")


def test_a_matrix_gives_the_values_of_its_entries() -> None:
    report = lielaws.discover_laws("linear:2-2-2")
    level = read_level(report, {GRAM: [[1, 2], [2, 0.5]]})
    values = level.of_laws(report.laws)
    by_name = dict(zip([law.name for law in report.laws], values or [], strict=True))
    assert by_name == {
        "|W1[0,:]|^2 - |W2[:,0]|^2": 1,
        "<W1[0,:], W1[1,:]> - <W2[:,0], W2[:,1]>": 2,
        "|W1[1,:]|^2 - |W2[:,1]|^2": Fraction(1, 2),
    }


def test_a_number_for_a_matrix_is_a_multiple_of_the_identity() -> None:
    report = lielaws.discover_laws("linear:2-2-2")
    assert read_level(report, {GRAM: 3}).values == read_level(report, {GRAM: 3 * np.eye(2)}).values


def test_a_number_for_units_is_for_each_of_them() -> None:
    report = lielaws.discover_laws("relu:2-3-2")
    assert read_level(report, {UNITS: 2}).values == read_level(report, [2, 2, 2]).values


def test_balanced_means_all_entries_of_a_matrix() -> None:
    report = lielaws.discover_laws("linear:1-3-1")
    assert len(report.laws) == 5
    assert len(read_level(report, "balanced").values) == 6
    assert read_level(report, 0).values == read_level(report, "balanced").values


def test_the_level_of_a_point_has_its_values() -> None:
    report = lielaws.discover_laws("linear:2-2-2")
    level = level_at(report, [Fraction(k) for k in (1, 2, 3, 4, 1, 0, 0, 1)])
    assert level.of_laws(report.laws) == [4, 11, 24]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (3, "only 'balanced' or 0"),
        ("flat", "only 'balanced' or 0"),
        (float("nan"), "finite"),
        ([1, 2], "one value for each of the 3 laws"),
        ([[1], [2, 3]], "finite rational numbers"),
        (["a", "b", "c"], "finite rational numbers"),
        ({}, "at least one law"),
        ({"W1": 1}, "unknown"),
        ({3: 1}, "unknown"),
        ({GRAM: [[1, 2], [3, 4]]}, "symmetric"),
        ({GRAM: [1, 2, 3]}, "symmetric"),
        ({GRAM: "a"}, "finite rational numbers"),
        ({GRAM: 0, "|W1[0,:]|^2 - |W2[:,0]|^2": 1}, "twice"),
    ],
)
def test_values_that_cannot_be_read(values: Any, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match="law_values") as caught:
        intrinsic_dynamics("linear:2-2-2", law_values=values)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_architecture_without_laws_has_no_values() -> None:
    with pytest.raises(InvalidArgumentError, match="has no laws"):
        intrinsic_dynamics(lielaws.tied_autoencoder(3, 2, "linear"), law_values=0)


@pytest.mark.parametrize(
    ("arch", "values"),
    [
        ("linear:1-2-1", {GRAM: 1}),  # a a^T - b b^T = I would have two positive eigenvalues
        ("linear:1-3-1", {GRAM: np.diag([1, -1, 1])}),
        (([X, Y], [X**2 + Y**2, X * Y * 2]), [5, 5]),
    ],
)
def test_values_that_no_parameters_have(arch: Any, values: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="law_values"):
        intrinsic_dynamics(arch, law_values=values)


@pytest.mark.parametrize(
    ("arch", "values", "recoverable", "intrinsic"),
    [
        ("linear:2-2-2", "balanced", False, True),
        ("linear:2-2-2", {GRAM: -3}, False, True),
        ("linear:2-2-2", {GRAM: [[1, 0], [0, 2]]}, False, False),
        ("linear:2-2-2", {"|W1[0,:]|^2 - |W2[:,0]|^2": 0}, False, False),
        ("linear:3-2-3", {GRAM: [[1, "x"], ["x", 1]]}, None, None),
        ("linear:3-2-1", 0, False, True),
        ("linear:2-2-1", {GRAM: 3}, False, True),
        ("linear:3-2-1", {GRAM: 3}, False, False),  # z does not see which input a hidden direction came from
        ("linear:1-2-1", [1, 0, -1], True, True),
        ("linear:1-2-1", 0, False, True),
        ("relu:2-2-2", 0, True, True),
        ("relu:2-2-2", [1, -2], True, True),
        ("relu:2-2-2-2", 0, True, True),
        ("linear:2-1-2", [5], True, True),
        ("linear:2-3-1-2", 0, False, True),
        (([X, Y, Z], [X * Y * Z]), [1, -1], True, True),
        (([X, Y, Z], [X * Y * Z]), 0, True, True),
    ],
)
def test_answers_on_levels(arch: Any, values: Any, recoverable: bool | None, intrinsic: bool | None) -> None:
    if recoverable is None:
        with pytest.raises(InvalidArgumentError):
            intrinsic_dynamics(arch, law_values=values)
        return
    found = intrinsic_dynamics(arch, law_values=values)
    assert (found.recoverable, found.intrinsic) == (recoverable, intrinsic)
    assert found.error_log2 < -100
    assert found.where.startswith("parameters with ")


def test_levels_of_a_part_of_the_parameters() -> None:
    """Balanced inside, anything outside: the metric of the whole depends on what was left open."""
    found = intrinsic_dynamics("linear:2-2-2-2", law_values={GRAM: 0})
    assert not found.intrinsic
    assert "balanced points" in found.proof


def test_a_singular_level_is_refused_with_a_remedy() -> None:
    # Balanced, (x, y) = +-(z, w): two dimensions, though three laws leave one at generic values.
    arch = lielaws.from_phi([X, Y, Z, W], [X * Z + Y * W])
    assert len(lielaws.discover_laws(arch).laws) == 3
    with pytest.raises(UnsupportedError, match="at="):
        intrinsic_dynamics(arch, law_values=0)
    at = intrinsic_dynamics(arch, at={"x": 1, "y": 2, "z": 1, "w": 2})
    assert (at.recoverable, at.intrinsic) == (False, True)
    assert any("singular" in note for note in at.notes)


def test_what_cannot_be_proved_is_an_error() -> None:
    with pytest.raises(ExactnessError, match="at="):
        intrinsic_dynamics(lielaws.attention(2, 2, tokens=2, softmax=False), law_values=0)
