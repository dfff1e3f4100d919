"""Bounds on degrees and coefficients against rational functions that are written out."""

from __future__ import annotations

import math

import flint
import numpy as np
import pytest

from lielaws import GradientFlow, mlp, transformer_block
from lielaws.engine.arithmetic.polynomials import Exact
from lielaws.engine.arithmetic.ratios import Ratio
from lielaws.engine.flows.exact import bound_fields
from lielaws.engine.flows.fields import vector_fields
from lielaws.engine.flows.heights import Heights
from lielaws.engine.graph.network import trace
from lielaws.engine.graph.node import ancestors
from lielaws.engine.graph.program import Program
from lielaws.engine.laws.verify import evaluation_error
from lielaws.engine.linalg import as_fmpq

NETWORKS = {
    "reciprocals of a vector": lambda p, x, ops: 1 / (p.u + x),
    "squares of reciprocals": lambda p, x, ops: (1 / (p.u + x)) ** 2 + x,
    "sum of reciprocals": lambda p, x, ops: (p.u / (p.u + x)).sum() + 1 / (p.u + x).sum(),
    "quotients in quotients": lambda p, x, ops: 1 / (x / 3 + p.u / (1 + x**2)),
    "residual": lambda p, x, ops: x + p.u / (1 + x**2) + p.u / (2 + (x + p.u / (1 + x**2)) ** 2 / 5),
    "moved": lambda p, x, ops: ops.concatenate([1 / (x + p.u), x[::-1]]) * ops.outer(p.u, x).reshape(4),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_bounds_hold(name):
    output = trace(NETWORKS[name], {"u": (2,)}, {"x": (2,)}).output
    leaves = [node for node in ancestors([output]) if node.op == "leaf"]
    context = flint.fmpq_mpoly_ctx.get([f"z{k}" for k in range(4)], flint.Ordering.lex)
    one, symbols = context.constant(1), iter(context.gens())
    values = {}
    for leaf in leaves:
        values[leaf.static] = np.empty(leaf.size, dtype=object)
        values[leaf.static][:] = [Ratio(next(symbols), one) for _ in range(leaf.size)]
    ring = Exact(lambda number: Ratio(context.constant(as_fmpq(number)), one), Ratio.inverse)
    (result,) = Program.of([output]).run(ring, values)
    bounds = bound_fields([output])
    heights = Heights([output])
    for entry in result.ravel():
        assert entry.above.total_degree() <= bounds.degree
        assert entry.below.total_degree() <= bounds.below_degree
    below = _common_denominator(heights, heights.together([output]), leaves, values, ring)
    for entry in result.ravel():
        whole = entry * below
        assert whole.below.total_degree() == 0
        coefficients = [c / whole.below.to_dict()[(0, 0, 0, 0)] for c in whole.above.to_dict().values()]
        assert all(c.q == 1 for c in coefficients)
        assert math.log2(max(1, sum(abs(int(c.p)) for c in coefficients))) <= bounds.log_norm + 1e-9


def _common_denominator(heights, joint, leaves, values, ring):
    """c prod q^e, with the numerators of all entries of what is inverted."""
    result = ring._number(joint.divisor)
    for serial, exponent in joint.inverted.items():
        node = next(node for node in heights.nodes if node.serial == serial)
        (inside,) = Program.of([node]).run(ring, {leaf.static: values[leaf.static] for leaf in leaves})
        below = _common_denominator(heights, heights.of(node), leaves, values, ring)
        for entry in inside.ravel():
            result = result * (entry * below) ** exponent
    return result


def test_residual_sums():
    def degree(count):
        return bound_fields([trace(lambda p, x, ops: _blocks(p, x, count), {"w": (12,)}, {"x": ()}).output]).degree

    # Of x + w / (1 + x), nested, these are the degrees; values of functions start anew.
    assert [degree(count) for count in (2, 3, 4)] == [4, 8, 16]
    exponentials = trace(_squashed, {"w": (12,)}, {"x": ()}).output
    assert bound_fields([exponentials]).degree < 100


def _blocks(p, x, count):
    for k in range(count):
        x = x + p.w[k] / (1 + x)
    return x


def _squashed(p, x, ops):
    for k in range(12):
        x = x + p.w[k] * ops.sigmoid(x)
    return x


@pytest.mark.parametrize(
    ("architecture", "rounds"),
    [(mlp([2, 3, 1], "tanh"), 5), (mlp([3, 4, 2], "gelu", bias=True), 6), (transformer_block(4, 2, 2, 4), 9)],
)
def test_some_rounds_modulo_small_primes_are_enough(architecture, rounds):
    fields = vector_fields(GradientFlow(), architecture.potential)
    bounds = bound_fields([slope for slope in fields.slopes if slope is not None])
    assert evaluation_error(bounds, 31) * rounds < -100


def test_drawn_values_count():
    """exp(a) and exp(-a) are v and 1 / v; v (1 / v) - 1 has degree two in both, and is zero."""
    output = trace(lambda p, x, ops: ops.exp(p.a * x) * ops.exp(-(p.a * x)), {"a": ()}, {"x": ()}).output
    assert bound_fields([output]).degree == 4
    circle = trace(lambda p, x, ops: ops.cos(x) ** 2 + ops.sin(x) ** 2, {}, {"x": ()}).output
    assert bound_fields([circle]).degree >= 4
