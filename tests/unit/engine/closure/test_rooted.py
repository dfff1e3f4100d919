"""The growth with true square roots is that of the real network where free roots have more."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lielaws import GradientFlow, architecture, mlp, transformer
from lielaws.engine.closure.growth import grow
from lielaws.engine.closure.real import proved_growth
from lielaws.engine.closure.rooted import rooted_growth
from lielaws.engine.flows.fields import vector_fields

ROOTED = {
    "rms": mlp([3, 4, 2], "relu", norm="rms", epsilon=False),
    "layer": mlp([3, 4, 2], "linear", norm="layer", epsilon=False),
    "batch": mlp([2, 3, 2], "tanh", norm="batch", epsilon=False),
    "roots of roots": mlp([2, 3, 3, 2], "linear", norm="rms", epsilon=False),
    "tokens": transformer(3, 2, 1, 1, 2, tokens=2),
}


def _fields(arch):
    return vector_fields(GradientFlow(), arch.potential)


def _rooted(fields, rng):
    return rooted_growth(fields, grow(fields, rng), rng)


@pytest.mark.parametrize("name", ROOTED)
def test_the_ranks_are_those_of_real_brackets(name):
    fields, rng = _fields(ROOTED[name]), np.random.default_rng(0)
    guess = grow(fields, rng)
    found = rooted_growth(fields, guess, rng)
    assert found.rank < guess.rank
    assert found.ranks == proved_growth(fields, guess, rng).ranks
    assert len(found.columns) == found.rank


def _scalar(network):
    return _fields(architecture(network, {"a": (), "b": ()}, {"x": ()}))


@pytest.mark.parametrize(
    "network",
    [
        lambda p, x, ops: p.a * ops.exp(p.b * x),
        lambda p, x, ops: p.a * (ops.sqrt((p.b * x + 1) ** 2) - p.b * x) + p.b * x,
        lambda p, x, ops: p.a * ops.sqrt(2 * p.b**2 + 1) * ops.sqrt(4 * p.b**2 + 2) + p.b * x,
    ],
    ids=["no roots", "a root of a square", "roots of proportional numbers"],
)
def test_there_is_none_without_roots_or_where_signs_matter(network):
    assert _rooted(_scalar(network), np.random.default_rng(0)) is None


@pytest.mark.parametrize("epsilon", [True, Fraction(1, 100)])
def test_there_is_none_where_a_constant_is_added_below_each_root(epsilon):
    """Free roots have the true ranks then."""
    fields, rng = _fields(mlp([2, 3, 2], "relu", norm="layer", epsilon=epsilon)), np.random.default_rng(0)
    guess = grow(fields, rng)
    assert _rooted(fields, rng) is None
    assert proved_growth(fields, guess, rng).ranks == guess.ranks


def test_there_is_none_where_too_many_roots_depend_on_roots():
    fields = _fields(mlp([2, 2, 13, 1], "linear", norm="batch", epsilon=False))
    assert _rooted(fields, np.random.default_rng(0)) is None


@pytest.mark.parametrize("seed", range(6))
def test_what_is_one_of_two_vector_fields_at_a_point_takes_patience(seed):
    """Of one input x a norm is x^2 v, and its root one of two numbers times x: most brackets are zero."""
    fields, rng = _fields(mlp([1, 3, 1], "linear", norm="layer", epsilon=False)), np.random.default_rng(seed)
    assert _rooted(fields, rng).ranks == (2, 3, 4, 5, 7, 7)
