"""Gates in place of piecewise linear functions: the network is the same where the gates are those of its arguments."""

from __future__ import annotations

import numpy as np
import pytest

from lielaws.engine.arithmetic.floats import Floats
from lielaws.engine.graph.constants import constant_array
from lielaws.engine.graph.network import trace
from lielaws.engine.graph.node import ancestors
from lielaws.engine.graph.program import Program
from lielaws.engine.potential.gates import lower_gates
from tests.unit.engine.values.random_networks import random_network

SHAPES = {"a": (), "b": (), "W": (2, 2)}
COUNT = 30


def _lowered(network):
    traced = trace(network, SHAPES, {"x": (2,)})
    return traced.output, lower_gates(traced.output)


def _same(network, seed=0):
    """At random points, with each gate 1 or 0 as the sign of its argument says; None if it has no value there."""
    output, lowered = _lowered(network)
    rng, values = np.random.default_rng(seed), {}
    for node in ancestors([output]):
        if node.op == "leaf":
            constant = node.static.role == "constant"
            drawn = (
                constant_array(node.static.name, node.shape)[None]
                if constant
                else rng.normal(size=(COUNT, *node.shape))
            )
            values[node.static] = drawn
    with np.errstate(all="ignore"):
        arguments = Program.of([output, *(gate.argument for gate in lowered.gates)]).run(Floats(), values)
        expected = arguments.pop(0)
        gates = {
            gate.leaf.static: (np.broadcast_to(a, (COUNT, *gate.leaf.shape)) > 0).astype(float)
            for gate, a in zip(lowered.gates, arguments, strict=True)
        }
        (found,) = Program.of([lowered.output]).run(Floats(), values | gates)
    good = np.isfinite(expected) & (np.abs(expected) < 1e12)
    if not good.any():
        return None
    return np.allclose(np.where(good, found, 0), np.where(good, expected, 0), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("seed", range(60))
def test_random_networks_are_what_they_were(seed):
    rng = np.random.default_rng(seed)
    while (same := _same(random_network(rng), seed)) is None:
        pass
    assert same


@pytest.mark.parametrize(
    ("network", "signs"),
    [
        (lambda p, x, ops: ops.relu(x**2 + 1), (1,)),
        (lambda p, x, ops: ops.relu(-ops.exp(p.W @ x)), (0,)),
        (lambda p, x, ops: ops.abs(ops.relu(p.W @ x)), (0, 1)),
        (lambda p, x, ops: ops.relu(ops.relu(p.a * x)), (0, 1)),
    ],
)
def test_arguments_of_one_sign_have_no_gate(network, signs):
    assert _same(network)
    lowered = _lowered(network)[1]
    fixed = [set(node.static.numerators) for node in lowered.pieces if node.op == "constant"]
    assert fixed == [{signs[-1]}]


def test_powers_are_gated_once():
    lowered = _lowered(lambda p, x, ops: ops.relu(p.W @ x) ** 3 + ops.relu(p.W @ x) * ops.relu(p.W @ x))[1]
    assert len(lowered.gates) == 1
    assert lowered.gates[0].affine


def test_nested_gates_are_affine_and_equal_ones_are_one():
    lowered = _lowered(lambda p, x, ops: ops.relu(p.W @ ops.relu(p.W @ x)))[1]
    assert [gate.affine for gate in lowered.gates] == [True, True]
    assert not any(gate.tied for gate in lowered.gates)
    product = _lowered(lambda p, x, ops: ops.relu(p.a * x) * ops.relu(3 * p.a * x))[1]
    assert [gate.tied for gate in product.gates] == [False, True]
    assert not product.gates[0].affine


def test_functions_of_gates_are_not_affine():
    assert not _lowered(lambda p, x, ops: ops.exp(ops.relu(p.W @ x)))[1].gates[0].affine
