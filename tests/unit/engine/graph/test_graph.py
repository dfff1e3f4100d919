"""The graph: equal expressions are one node, derivatives of all operations, programs, steps."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lielaws.engine.arithmetic.floats import Floats
from lielaws.engine.graph.constants import NUMBERS, constant_array
from lielaws.engine.graph.differentiate import pullback
from lielaws.engine.graph.network import trace
from lielaws.engine.graph.node import ancestors
from lielaws.engine.graph.program import Program
from lielaws.engine.graph.steps import graph_spec
from tests.unit.engine.arithmetic.exact_values import Rationals
from tests.unit.engine.values.random_networks import random_network

SHAPES = {"a": (), "b": (), "W": (2, 2)}


def _traced(network):
    return trace(network, SHAPES, {"x": (2,)})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda p, x, ops: p.a * x, lambda p, x, ops: x * p.a),
        (lambda p, x, ops: x + p.a * x, lambda p, x, ops: p.a * x + x),
        (lambda p, x, ops: 2 * (3 * x), lambda p, x, ops: 6 * x),
        (lambda p, x, ops: x / 3, lambda p, x, ops: Fraction(1, 3) * x),
        (lambda p, x, ops: (x**2) ** 3, lambda p, x, ops: x**6),
        (lambda p, x, ops: ops.exp(p.W @ x), lambda p, x, ops: ops.exp(p.W @ x)),
    ],
)
def test_equal_expressions_are_one_node(one, other):
    def both(p, x, ops):
        first, second = one(p, x, ops), other(p, x, ops)
        same.append(first.node is second.node)
        return first + second

    same: list[bool] = []
    _traced(both)
    assert same == [True]


def _floats(nodes, values):
    constants = {
        node.static: constant_array(node.static.name, node.shape)[None]
        for node in ancestors(nodes)
        if node.op == "leaf" and node.static.role == "constant"
    }
    with np.errstate(all="ignore"):
        return Program.of(nodes).run(Floats(), values | constants)


def _smooth(rng):
    """A random network that depends on parameters, without piecewise linear functions, which become gates first."""
    while True:
        traced = _traced(random_network(rng))
        nodes = ancestors([traced.output])
        depends = any(node.op == "leaf" and node.static.role == "parameter" for node in nodes)
        if depends and not any(node.op == "piecewise" for node in nodes):
            return traced


def _derivatives(traced, rng):
    """Along one direction at random points: by the graph, by differences, and where the network is smooth."""
    leaves = list(traced.parameters.values())
    drawn = {leaf.static: rng.normal(size=(40, *leaf.shape)) for leaf in (*leaves, *traced.data.values())}
    cotangent = traced.graph.constant([1] * traced.output.size, traced.output.shape)
    wanted = [leaf for leaf, slope in zip(leaves, pullback(traced.output, cotangent, leaves), strict=True) if slope]
    slopes = [slope for slope in pullback(traced.output, cotangent, leaves) if slope is not None]
    direction = {leaf.static: rng.normal(size=(1, *leaf.shape)) for leaf in wanted}
    found = sum(
        (np.broadcast_to(value, (40, *leaf.shape)) * direction[leaf.static]).reshape(40, -1).sum(axis=1)
        for leaf, value in zip(wanted, _floats(slopes, drawn), strict=True)
    )
    expected = []
    for h in (1e-5, 5e-6):
        moved = [drawn | {leaf: drawn[leaf] + s * h * step for leaf, step in direction.items()} for s in (1, -1)]
        up, down = (np.broadcast_to(_floats([traced.output], at)[0], (40, *traced.output.shape)) for at in moved)
        with np.errstate(all="ignore"):
            expected.append(((up - down) / (2 * h)).reshape(40, -1).sum(axis=1))
    with np.errstate(all="ignore"):
        smooth = np.isfinite(found) & (np.abs(expected[0] - expected[1]) < 1e-4 * (1 + np.abs(expected[0])))
    return found, expected[1], smooth & (np.abs(found) < 1e4)


@pytest.mark.parametrize("seed", range(60))
def test_derivatives_of_random_networks(seed):
    """Against differences of the network itself, along one direction, where that is smooth."""
    rng = np.random.default_rng(seed)
    while True:
        found, expected, smooth = _derivatives(_smooth(rng), rng)
        if smooth.any():
            break
    assert np.allclose(np.where(smooth, found, 0), np.where(smooth, expected, 0), rtol=1e-3, atol=1e-3)


def test_what_does_not_depend_on_a_parameter_has_no_derivative():
    traced = _traced(lambda p, x, ops: p.a * x)
    cotangent = traced.graph.constant([1, 1], (2,))
    slopes = pullback(traced.output, cotangent, list(traced.parameters.values()))
    assert [slope is None for slope in slopes] == [False, True, True]
    with pytest.raises(ValueError, match="cotangent of shape"):
        pullback(traced.output, traced.parameters["a"], [])


def test_programs_share_what_their_outputs_share():
    traced = _traced(lambda p, x, ops: (p.W @ x) * (p.W @ x) + ops.exp(p.W @ x))
    program = Program.of([traced.output, traced.output])
    assert len(program.steps) == sum(node.op != "leaf" for node in ancestors([traced.output]))
    ones = {
        leaf: np.ones((3, *node.shape))
        for node in ancestors([traced.output])
        for leaf in [node.static]
        if node.op == "leaf"
    }
    one, other = program.run(Floats(), ones)
    assert one is other
    assert one[0] == pytest.approx([4 + np.exp(2)] * 2)


def test_rational_values_are_exact():
    traced = _traced(lambda p, x, ops: p.W @ x / p.a - x[::-1] ** 3)
    numbers = {"a": Fraction(2, 3), "W": [[1, 2], [3, 4]], "x": [Fraction(1, 2), 5]}
    leaves = {**traced.parameters, **traced.data}
    values = {
        leaf.static: np.array(numbers[name], dtype=object)[None] for name, leaf in leaves.items() if name in numbers
    }
    (found,) = Program.of([traced.output]).run(Rationals(), values)
    assert found[0].tolist() == [
        Fraction(21, 2) * Fraction(3, 2) - 125,
        Fraction(43, 2) * Fraction(3, 2) - Fraction(1, 8),
    ]


def test_steps_are_plain_values():
    spec = graph_spec("net", _traced(lambda p, x, ops: ops.relu(p.W @ x) / 3 + ops.exp(x[::-1])))
    assert spec["parameters"] == {"a": [], "b": [], "W": [2, 2]}
    assert spec["data"] == {"x": [2]}
    assert all(max(step[1], default=-1) < k for k, step in enumerate(spec["steps"]))
    assert ["scale", "1/3"] in [[step[0], step[2]] for step in spec["steps"]]
    import json

    assert json.loads(json.dumps(spec)) == spec


def test_constants_have_one_value():
    assert (constant_array("frozen W", (3, 2)) == constant_array("frozen W", (3, 2))).all()
    assert (constant_array("frozen W", (3, 2)) != constant_array("frozen V", (3, 2))).all()
    assert constant_array("e", ()) == NUMBERS["e"]
