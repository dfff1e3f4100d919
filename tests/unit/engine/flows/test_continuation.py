"""Patterns are continued to a point along segments on which nothing becomes singular, and along no others."""

from __future__ import annotations

import numpy as np
import pytest

from lielaws import GradientFlow, architecture, mlp
from lielaws.engine.arithmetic.enclosures import Enclosures
from lielaws.engine.flows.continuation import AT_THE_POINT, UNCERTAIN, continued, needs_continuation
from lielaws.engine.flows.fields import Choice, vector_fields
from lielaws.engine.flows.reals import RealFields
from lielaws.engine.potential.patterns import DENOMINATOR, Patterns


def _fields(network):
    arch = architecture(network, {"a": (), "b": ()}, {"x": ()})
    return vector_fields(GradientFlow(), arch.potential)


def _continued(fields, shown, here, opened, numbers=0):
    """Whether the pattern with that gate continues from the point (a, b) and data that show it to another one."""
    listed = fields.listed
    (gate,) = listed.values
    numerators = [np.array([round(number * DENOMINATOR)]) for number in shown]
    patterns = Patterns(
        {gate: np.full((1, *listed.values[gate].shape[1:]), opened)},
        1,
        {name: array for name, array in zip("ab", numerators, strict=False) if name in listed.points},
        {"x": numerators[2]},
    )
    fields.__dict__["listed"] = patterns
    (x,) = (node.static for node in fields.outside if node.static.role == "data")
    values = {x: np.array([[round(here[2] * DENOMINATOR)]]), gate: patterns.values[gate][None] * DENOMINATOR}
    vector = np.array([round(number * DENOMINATOR) for number in here[:2]])
    return bool(continued(fields, vector, Choice(values, 1, np.array([numbers])))[0])


def squared_gate(p, x, ops):
    """sqrt(relu(b x)^2) has no value where the gate is closed, nor at its kink."""
    return p.a * ops.sqrt(ops.relu(p.b * x) ** 2) + ops.relu(p.b * x)


def shifted_root(p, x, ops):
    return p.a * ops.sqrt(p.b * x + 3) * ops.relu(p.b * x - 1)


def test_smooth_networks_need_no_continuation():
    assert not needs_continuation(vector_fields(GradientFlow(), mlp([2, 2, 1]).potential))
    exponential = _fields(lambda p, x, ops: ops.exp(ops.relu(p.a * x - 1)) * p.b)
    assert exponential.listed is not None
    assert not needs_continuation(exponential)


def test_open_gates_are_continued_where_the_argument_stays_positive():
    assert _continued(_fields(squared_gate), (1, 1, 1), (1, 2, 3), 1)


@pytest.mark.parametrize("here", [(1, -1, 1), (1, 1, -1), (1, -2, 3)])
def test_nothing_is_continued_across_a_root_of_zero(here):
    assert not _continued(_fields(squared_gate), (1, 1, 1), here, 1)


def test_a_closed_gate_under_a_root_is_not_continued():
    """sqrt(relu(b x)^2) with b x < 0 is the root of zero: there is no such vector field."""
    assert not _continued(_fields(squared_gate), (1, -1, 1), (1, -2, 1), 0)


@pytest.mark.parametrize(
    ("shown", "here", "good"),
    [
        ((1, 2, 1), (1, 1, 1), True),
        ((1, 2, 1), (1, -1, 1), True),  # the gate stays open, and b x + 3 positive
        ((1, 2, 1), (1, -4, 1), False),
        ((1, -2, -1), (1, 2, 1), True),
        ((1, -4, -4), (1, 4, 4), True),
        ((1, -1, 8), (1, 1, 1), False),  # shown where the root has no value
    ],
)
def test_roots_along_segments(shown, here, good):
    assert _continued(_fields(shifted_root), shown, here, 1) == good


def test_patterns_of_the_point_itself_need_no_segment():
    fields = _fields(shifted_root)
    assert _continued(fields, (1, 2, 1), (1, -4, 1), 1, AT_THE_POINT)
    assert not _continued(_fields(shifted_root), (1, 2, 1), (1, 1, 1), 1, UNCERTAIN)


@pytest.mark.parametrize("network", [squared_gate, shifted_root])
def test_real_fields_sample_what_has_values(network):
    fields, rng = _fields(network), np.random.default_rng(0)
    reals = RealFields(fields, np.array([50, 70]), rng, thorough=False)
    rows, good = reals.sample(100)
    assert good.any()
    assert np.isfinite(rows[:, good]).all()
    (word,) = reals.words(1, 50)
    # Nothing was evaluated yet: the patterns are those of the point itself.
    again = reals.have_values([word], Enclosures())
    assert again.shape == (50,)
    assert again.all()
