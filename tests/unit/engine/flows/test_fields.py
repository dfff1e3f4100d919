"""Vector fields: they are the gradients of the network, under each flow, at points modulo primes that suit it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lielaws import GradientFlow, HeavyBall, WeightDecay, architecture, linear, mlp
from lielaws.engine.flows.fields import Choice, random_gates, vector_fields
from lielaws.engine.flows.regions import realizable_patterns
from lielaws.engine.laws.proof_families import FreeFamily
from lielaws.engine.linalg import EXPLORATION_PRIME

P = EXPLORATION_PRIME


def _evaluated(flow, arch, count=3, seed=0):
    fields, rng = vector_fields(flow, arch.potential), np.random.default_rng(seed)
    point = fields.draw_points(rng, 1, P)
    choice = fields.choose(rng, count, point)
    return fields, point, choice, fields.evaluate(point.vector, choice, point.arithmetic)[0]


def _of(fields, choice, role, name=None):
    leaves = [node.static for node in fields.outside if node.static.role == role and name in (None, node.static.name)]
    return choice.values[leaves[0]][0].astype(object)


def test_the_gradient_of_a_product_of_matrices():
    """Of w^T B A x it is (B^T w x^T, w (A x)^T)."""
    fields, point, choice, rows = _evaluated(GradientFlow(), linear([2, 3, 2]))
    theta = point.vector[0, 0].astype(object)
    a, b = theta[:6].reshape(3, 2), theta[6:].reshape(2, 3)
    for row, x, w in zip(rows, _of(fields, choice, "data"), _of(fields, choice, "cotangent"), strict=True):
        expected = [*np.outer(b.T @ w, x).ravel(), *np.outer(w, a @ x).ravel()]
        assert row.tolist() == [int(number) % P for number in expected]


def test_gates_are_those_that_are_chosen():
    fields, point, choice, rows = _evaluated(GradientFlow(), mlp([2, 3, 2]), count=5)
    theta = point.vector[0, 0].astype(object)
    a, b = theta[:6].reshape(3, 2), theta[6:].reshape(2, 3)
    parts = [_of(fields, choice, role) for role in ("data", "cotangent", "gate")]
    for row, x, w, gate in zip(rows, *parts, strict=True):
        expected = [*np.outer(gate * (b.T @ w), x).ravel(), *np.outer(w, gate * (a @ x)).ravel()]
        assert row.tolist() == [int(number) % P for number in expected]


def test_decay_and_momentum():
    arch = linear([1, 1])
    fields, point, choice, rows = _evaluated(WeightDecay(Fraction(1, 2)), arch)
    assert fields.space.dimension == 2
    drift, x, w = (_of(fields, choice, role) for role in ("flow", "data", "cotangent"))
    clock, theta = (int(number) for number in point.vector[0, 0])
    half = pow(2, -1, P)
    for row, s, u, v in zip(rows, drift.ravel(), x.ravel(), w.ravel(), strict=True):
        # The clock is exp(t / 2).
        assert row.tolist() == [s * half * clock % P, (u * v - s * half * theta) % P]
    fields, point, choice, rows = _evaluated(HeavyBall(3), arch)
    assert fields.space.dimension == 3
    drift, x, w = (_of(fields, choice, role) for role in ("flow", "data", "cotangent"))
    clock, _, velocity = (int(number) for number in point.vector[0, 0])
    for row, s, u, v in zip(rows, drift.ravel(), x.ravel(), w.ravel(), strict=True):
        assert row.tolist() == [3 * s * clock % P, s * velocity % P, (u * v - 3 * s * velocity) % P]


@pytest.mark.parametrize("flow", [GradientFlow(), WeightDecay(Fraction(1, P))])
def test_primes_divide_no_denominator(flow):
    arch = architecture(lambda p, x, ops: p.a * x / P + p.b * x / 7, {"a": (), "b": ()}, {"x": ()})
    fields = vector_fields(flow, arch.potential)
    assert fields.prime() != P
    assert fields.prime() == fields.prime()
    assert vector_fields(GradientFlow(), linear([1, 1]).potential).prime() == P
    drawn = [fields.prime(np.random.default_rng(seed), bits) for seed in range(5) for bits in (31, 61)]
    assert all(2**30 < number < 2**61 and number % P and number % 7 for number in drawn)


def test_points_and_choices_are_selected_together():
    fields, point, choice, rows = _evaluated(GradientFlow(), mlp([2, 2, 1], "tanh"), count=6)
    some = choice.select(np.array([4, 1]))
    assert some.count == 2
    again = fields.evaluate(point.vector, some, point.arithmetic)[0]
    assert (again == rows[[4, 1]]).all()


def test_samples_without_a_value_are_marked():
    arch = architecture(lambda p, x, ops: p.a / x, {"a": ()}, {"x": ()})
    fields, rng = vector_fields(GradientFlow(), arch.potential), np.random.default_rng(0)
    point = fields.draw_points(rng, 1, P)
    choice = fields.choose(rng, 3, point)
    (data,) = (node.static for node in fields.outside if node.static.role == "data")
    values = choice.values[data].copy()
    values[0, 1] = 0
    arithmetic = point.arithmetic
    fields.evaluate(point.vector, Choice(choice.values | {data: values}, 3), arithmetic)
    assert arithmetic.undefined.tolist() == [False, True, False]


def test_what_is_generic_and_rational():
    def of(arch):
        fields = vector_fields(GradientFlow(), arch.potential)
        return fields.generic, fields.rational

    assert of(mlp([2, 2, 1])) == (True, True)
    assert of(mlp([2, 2, 1], "tanh")) == (True, False)
    assert of(architecture(lambda p, x, ops: ops.exp(ops.relu(p.a * x)), {"a": ()}, {"x": ()})) == (False, False)
    assert of(architecture(lambda p, x, ops: p.a * ops.relu(x - 1), {"a": ()}, {"x": ()})) == (False, True)
    root = architecture(lambda p, x, ops: p.a * x * ops.named_constant("sqrt_two"), {"a": ()}, {"x": ()})
    assert of(root) == (True, False)


def test_a_proof_goes_through_all_patterns_of_a_region():
    potential = mlp([2, 3, 1]).potential
    region = realizable_patterns(potential, np.random.default_rng(0))
    fields = vector_fields(GradientFlow(), potential, region)
    assert fields.listed is region
    points, values = FreeFamily(fields).proof(np.random.default_rng(0), P)
    assert len(points) == len(values) == region.count > 4


def test_random_gates_are_open_in_all_shares():
    gates = random_gates(np.random.default_rng(0), (1, 300, 20))
    assert set(np.unique(gates)) == {0, 1}
    shares = gates[0].mean(axis=1)
    assert shares.min() < 0.1
    assert shares.max() > 0.9


def test_a_small_network_is_rewritten():
    same = vector_fields(GradientFlow(), mlp([4, 6, 3]).potential)
    assert same.rewritten is same
    arch = architecture(lambda p, x, ops: p.a * ops.sqrt((p.b * x) ** 2), {"a": (), "b": ()}, {"x": ()})
    other = vector_fields(GradientFlow(), arch.potential)
    assert other.rewritten is not other
    assert len(other.rewritten.potential.gates) == 1
