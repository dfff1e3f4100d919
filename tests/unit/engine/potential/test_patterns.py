"""Patterns that are listed occur: recomputed from the data that show them, in Fractions."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from lielaws import architecture
from lielaws.engine.graph.program import Program
from lielaws.engine.potential.patterns import DENOMINATOR, patterns_at, shown_patterns, varied_data
from lielaws.errors import ExactnessError
from tests.unit.engine.arithmetic.exact_values import Rationals

NETWORKS = {
    "one gate": lambda p, x, ops: ops.relu(p.b * x[0] - 1) * p.a,
    "a square and more": lambda p, x, ops: p.a * ops.relu(x[0] ** 2 + p.b * x[0] + 1),
    "nested": lambda p, x, ops: ops.relu(p.a * ops.relu(p.a * x - p.b) - x[::-1]),
    "recurrent": lambda p, x, ops: ops.relu(p.W @ ops.relu(p.W @ ops.relu(p.W @ x))),
    "a maximum": lambda p, x, ops: ops.maximum(p.a * x[0] + 1, p.b * x[1] - 1) * p.a,
    "rational": lambda p, x, ops: ops.relu(p.a / (1 + x**2) - p.b),
}


def _potential(network):
    return architecture(network, {"a": (), "b": (), "W": (2, 2)}, {"x": (2,)}).potential


def _found(patterns, gates) -> set[tuple[int, ...]]:
    flat = [patterns.values[gate.leaf.static].reshape(patterns.count, -1) for gate in gates]
    return {tuple(row) for row in np.concatenate(flat, axis=1).tolist()}


@pytest.mark.parametrize("name", NETWORKS)
def test_patterns_really_occur(name):
    potential = _potential(NETWORKS[name])
    patterns = shown_patterns(potential.gates)
    shown = {**patterns.points, **patterns.samples}
    leaves = {**potential.traced.parameters, **potential.traced.data}
    numbers = np.vectorize(lambda n: Fraction(int(n), DENOMINATOR), otypes=[object])
    values = {leaves[name].static: numbers(array) for name, array in shown.items()}
    arguments = Program.of([gate.argument for gate in potential.gates]).run(Rationals(), values)
    dead = 0
    for gate, found in zip(potential.gates, arguments, strict=True):
        argument = np.broadcast_to(found, (patterns.count, *gate.leaf.shape))
        expected = patterns.values[gate.leaf.static]
        assert ((argument > 0) == (expected == 1)).all()
        dead += int((argument == 0).sum())
    # An argument that is zero is so behind a closed gate, whatever the data.
    assert not dead or name in ("nested", "recurrent")
    assert patterns.count == len(_found(patterns, potential.gates))


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (lambda p, x, ops: p.a * ops.relu((p.b * x[0]) ** 2 + 1 + p.b * x[0]), {(1,)}),
        (lambda p, x, ops: p.a * ops.relu(x[0] - x[0] ** 2 - 3), {(0,)}),
        (lambda p, x, ops: p.a * ops.relu(p.b * x[0] - 1) * ops.relu(p.b * x[0]), {(0, 0), (0, 1), (1, 1)}),
        (lambda p, x, ops: ops.relu(p.a * x[0] + 1) * ops.relu(-1 - p.a * x[0] ** 3), set(product((0, 1), repeat=2))),
        (lambda p, x, ops: ops.relu(p.a * x) + 0 * p.b, set(product((0, 1), repeat=2))),
        (lambda p, x, ops: ops.relu(p.b - ops.relu(p.a * x[0])), {(0, 1), (0, 0), (1, 1), (1, 0)}),
    ],
    ids=["positive", "negative", "one opens with the other", "all", "two entries", "nested"],
)
def test_all_patterns_of_small_networks_are_met(network, expected):
    gates = _potential(network).gates
    assert _found(shown_patterns(gates), gates) == expected


def test_rare_patterns_are_met():
    """Of eight gates all open has probability 2^-8 times 2^-6 for data of the right sizes."""
    gates = _potential(lambda p, x, ops: ops.stack([ops.relu(p.W[0, 0] * x[0] - k) for k in range(1, 9)]).sum()).gates
    found = {sum(row) for row in _found(shown_patterns(gates), gates)}
    assert found == set(range(9))


def test_no_pattern_is_an_error():
    potential = _potential(lambda p, x, ops: ops.relu(ops.log(-(p.a**2)) * x))
    with pytest.raises(ExactnessError, match="no activation pattern"):
        shown_patterns(potential.gates)


def test_data_at_a_point():
    """At a = 1 and b = 1/2 the data decide: relu(x - 1/2), entry by entry."""
    half = DENOMINATOR // 2
    potential = _potential(lambda p, x, ops: ops.relu(p.a * x - p.b))
    leaves = {**potential.traced.parameters, **potential.traced.data}
    numerators = {
        leaves["a"].static: np.array([[DENOMINATOR]]),
        leaves["b"].static: np.array([[half]]),
        leaves["x"].static: np.array([[[DENOMINATOR, 0], [0, half + 1], [half, half - 1], [DENOMINATOR, 2 * half]]]),
    }
    gates, certain = patterns_at(potential.gates, numerators, 4)
    (opened,) = gates.values()
    assert certain.tolist() == [True, True, False, True]
    assert opened[certain].tolist() == [[1, 0], [0, 1], [1, 1]]


def test_varied_data_are_on_all_sides():
    potential = _potential(lambda p, x, ops: ops.relu(p.a * x - p.b))
    leaves = potential.traced.parameters
    point = {leaves["a"].static: np.array([DENOMINATOR]), leaves["b"].static: np.array([DENOMINATOR])}
    most, fewest, each = varied_data(potential.gates, point, np.random.default_rng(0))
    x = potential.traced.data["x"].static
    assert (most[x][0] > DENOMINATOR).all()
    assert (fewest[x][0] < DENOMINATOR).all()
    assert {tuple(row) for row in (each[x] > DENOMINATOR).tolist()} == set(product((True, False), repeat=2))
