"""Ties: gates whose arguments are proportional are one gate, reversed for a negative factor."""

from __future__ import annotations

import pytest

from lielaws.engine.graph.network import trace
from lielaws.engine.potential.shared_gates import Tie, find_ties


def _ties(*networks):
    arguments = []

    def both(p, x, ops):
        values = [network(p, x, ops) for network in networks]
        arguments.extend(value.node for value in values)
        return ops.stack([value.sum() for value in values]).sum()

    trace(both, {"a": (), "b": (), "W": (2, 2)}, {"x": (2,)})
    return find_ties(arguments)


def u(p, x, ops):
    return p.a * x[0] + p.b


@pytest.mark.parametrize(
    ("other", "reversed_"),
    [
        (lambda p, x, ops: x[0] * p.a + p.b, False),
        (lambda p, x, ops: 3 * u(p, x, ops) / 7, False),
        (lambda p, x, ops: -u(p, x, ops), True),
        (lambda p, x, ops: -(p.a**2 * x[0] ** 2 - p.b**2) / (p.a * x[0] - p.b), True),
        (lambda p, x, ops: u(p, x, ops) * ops.exp(0 * x[0]), False),
    ],
)
def test_proportional_arguments_are_tied(other, reversed_):
    assert _ties(u, other) == {(1, 0): Tie(0, 0, reversed_)}


@pytest.mark.parametrize(
    "other",
    [
        lambda p, x, ops: p.a * x[0] - p.b,
        lambda p, x, ops: p.a * u(p, x, ops),
        lambda p, x, ops: x[1] * u(p, x, ops),
        lambda p, x, ops: u(p, x, ops) * ops.named_constant("sqrt_two"),
        lambda p, x, ops: u(p, x, ops) + 1,
        lambda p, x, ops: ops.exp(u(p, x, ops)),
    ],
)
def test_other_arguments_are_not(other):
    assert _ties(u, other) == {}


def test_entries_are_tied_one_by_one():
    ties = _ties(lambda p, x, ops: p.W @ x, lambda p, x, ops: ops.stack([p.b * x[0], -2 * (p.W @ x)[0]]))
    assert ties == {(1, 1): Tie(0, 0, True)}


def test_entries_of_one_argument_are_tied():
    assert _ties(lambda p, x, ops: ops.stack([p.a * x[0], x[1], p.a * x[0] / 5])) == {(0, 2): Tie(0, 0, False)}


def test_zeros_are_not_tied():
    assert _ties(lambda p, x, ops: x - x, u, lambda p, x, ops: 0 * u(p, x, ops)) == {}
