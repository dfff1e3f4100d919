"""Local rules: what is equal by analysis is equal for free values of functions, and nothing changes over the reals."""

from __future__ import annotations

import numpy as np
import pytest

from lielaws import mlp, transformer_block
from lielaws.engine.graph.network import trace
from lielaws.engine.graph.node import ancestors
from lielaws.engine.values.rules import simplified
from tests.theory.test_roots_and_gates import CASES
from tests.unit.engine.values.free import ComplexFloats, float_values, free_values
from tests.unit.engine.values.random_networks import random_network

ZEROS = {}
SHAPES = {"a": (), "b": (), "W": (2, 2)}

# Where log(x) or sqrt(x - 1) has a value, x is positive; and x is not read as the square of sqrt(x): no rule does.
NOT_SHOWN = {"domain_of_a_logarithm", "domain_of_a_root", "exponential_of_a_logarithm", "sum_of_roots"}


def _vanishes(network):
    ZEROS[network.__name__] = network
    return network


@_vanishes
def gates_that_exclude_each_other(p, x, ops):
    u = p.b * x[0]
    return ops.relu(u - 1) * (ops.relu(u) - u)


@_vanishes
def gate_of_a_definite_form(p, x, ops):
    v = (p.b * x[0]) ** 2 + p.b * x[0] + 1
    return ops.relu(v) - v


@_vanishes
def root_of_squares_of_gates(p, x, ops):
    u = p.b * x[0]
    return ops.sqrt(ops.relu(u) ** 2 + ops.relu(-u) ** 2) - ops.relu(u) - ops.relu(-u)


@_vanishes
def power_by_a_logarithm(p, x, ops):
    u = p.b * x[0]
    return ops.sqrt(ops.exp(2 * ops.log(u))) - u


@_vanishes
def root_of_an_exponential(p, x, ops):
    u = p.b * x[0]
    return ops.sqrt(ops.exp(u)) - ops.exp(ops.log(ops.sqrt(ops.exp(u))))


@_vanishes
def square_of_the_root_of_two(p, x, ops):
    return ops.named_constant("sqrt_two") ** 2 - 2 + 0 * x[0]


@_vanishes
def gate_of_a_negative_gate(p, x, ops):
    return ops.relu(-ops.relu(p.b * x))


@_vanishes
def gate_of_a_square(p, x, ops):
    return ops.relu((p.b * x) ** 2) - (p.b * x) ** 2


@_vanishes
def odd_part_of_softplus(p, x, ops):
    return ops.softplus(p.b * x) - ops.softplus(-p.b * x) - p.b * x


@_vanishes
def odd_part_of_gelu(p, x, ops):
    return ops.gelu(p.b * x) - ops.gelu(-p.b * x) - p.b * x


@_vanishes
def double_argument_of_tanh(p, x, ops):
    return ops.tanh(2 * p.b * x) - 2 * ops.tanh(p.b * x) / (1 + ops.tanh(p.b * x) ** 2)


@_vanishes
def double_angle(p, x, ops):
    return ops.cos(2 * p.b * x) - 1 + 2 * ops.sin(p.b * x) ** 2


@_vanishes
def sum_of_angles(p, x, ops):
    return ops.sin(p.a * x + p.b) - ops.sin(p.a * x) * ops.cos(p.b) - ops.cos(p.a * x) * ops.sin(p.b)


@_vanishes
def logarithm_of_softmax(p, x, ops):
    return ops.log(ops.softmax(p.b * x)) - p.b * x + ops.log(ops.exp(p.b * x).sum())


@_vanishes
def sum_of_exponents(p, x, ops):
    return ops.exp(p.W @ x + p.a) - ops.exp(p.a) * ops.exp(p.W @ x)


@_vanishes
def exponent_written_out(p, x, ops):
    return ops.exp(p.W @ x)[0] - ops.exp(p.W[0, 0] * x[0]) * ops.exp(p.W[0, 1] * x[1])


@_vanishes
def shift_of_softmax(p, x, ops):
    return ops.softmax(p.W @ x + p.a) - ops.softmax(p.W @ x)


@_vanishes
def sigmoid_by_tanh(p, x, ops):
    return ops.sigmoid(p.b * x) - (1 + ops.tanh(p.b * x / 2)) / 2


@_vanishes
def power_by_a_logarithm_and_more(p, x, ops):
    return ops.exp(ops.log(1 + x**2) * 3 + p.b) - (1 + x**2) ** 3 * ops.exp(p.b)


@_vanishes
def maximum_and_minimum(p, x, ops):
    return ops.maximum(p.b * x, p.a * x) + ops.minimum(p.a * x, p.b * x) - p.a * x - p.b * x


@_vanishes
def absolute_value_by_gates(p, x, ops):
    return ops.abs(p.b * x) - ops.relu(p.b * x) - ops.relu(-p.b * x)


@_vanishes
def positive_factor_of_a_gate(p, x, ops):
    return ops.relu(x**2 * p.b + p.b) - (x**2 + 1) * ops.relu(p.b)


@_vanishes
def exponential_of_a_concatenation(p, x, ops):
    u = ops.concatenate([x * p.b + p.a, x], axis=0)
    return ops.exp(u) - ops.concatenate([ops.exp(x * p.b) * ops.exp(p.a), ops.exp(x)], axis=0)


@_vanishes
def square_of_a_norm(p, x, ops):
    return ops.sqrt((x * x).sum()) ** 2 - (x * x).sum()


@_vanishes
def norm_of_the_normalized(p, x, ops):
    h = x * p.b
    n = h * ops.rsqrt((h * h).sum())
    return (n * n).sum() - 1


@_vanishes
def logarithm_of_a_root(p, x, ops):
    return ops.log(ops.sqrt(p.b * x)) * 2 - ops.log(p.b * x)


@_vanishes
def root_by_a_logarithm(p, x, ops):
    return ops.exp(ops.log(x) / 2) - ops.sqrt(x)


@_vanishes
def root_of_a_quotient(p, x, ops):
    return ops.sqrt(x / (p.b * p.b)) - ops.sqrt(x) / ops.abs(p.b)


@_vanishes
def odd_part_of_silu(p, x, ops):
    return ops.silu(p.b * x) - ops.silu(-p.b * x) - p.b * x


@_vanishes
def gates_of_opposite_arguments(p, x, ops):
    return ops.relu(p.b * x) * ops.relu(-p.b * x)


@_vanishes
def square_of_an_absolute_value(p, x, ops):
    return ops.abs(p.b * x) ** 2 - (p.b * x) ** 2


@_vanishes
def maximum_by_a_root(p, x, ops):
    return ops.maximum(x, p.b) - (x + p.b + ops.sqrt((x - p.b) ** 2)) / 2


@_vanishes
def erf_by_the_normal_distribution(p, x, ops):
    return ops.erf(p.b * x) - 2 * ops.normal_cdf(ops.named_constant("sqrt_two") * p.b * x) + 1


@_vanishes
def distributed_exponent(p, x, ops):
    return ops.exp((p.a + p.b) * x) - ops.exp(p.a * x) * ops.exp(p.b * x)


@_vanishes
def logarithm_of_a_sum_of_exponentials(p, x, ops):
    return ops.log(ops.exp(p.a * x) + ops.exp(p.b * x)) - p.a * x - ops.softplus((p.b - p.a) * x)


@_vanishes
def completed_square(p, x, ops):
    return ops.exp(-0.5 * (x - p.a) ** 2) - ops.exp(-(x**2) / 2) * ops.exp(x * p.a) * ops.exp(-(p.a**2) / 2)


@_vanishes
def exponential_times_a_square_under_a_root(p, x, ops):
    return ops.sqrt(ops.exp(p.a * x) * (1 + x**2) ** 2) - ops.exp(p.a * x / 2) * (1 + x**2)


def _shown(values):
    """Where values are large, roundings of exponentials show; where one is not finite, the network is not defined."""
    samples = values.reshape(len(values), -1)
    return np.isfinite(samples).all(axis=1) & (abs(samples).max(axis=1) < 1e6)


def _same_over_the_reals(output, rewritten, spread=1.0):
    """Of a function by cases, the case that is not meant has the factor zero and need not have a real value."""
    before = float_values(output, spread=spread)
    gated = any(node.op == "piecewise" for node in ancestors([rewritten]))
    after = float_values(rewritten, spread=spread, arithmetic=ComplexFloats() if gated else None)
    shown = _shown(before)
    return shown.any() and np.allclose(before[shown], after[shown], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ZEROS)
def test_zeros(name):
    traced = trace(ZEROS[name], SHAPES, {"x": (2,)})
    before = float_values(traced.output)
    assert np.isfinite(before).any()
    assert np.allclose(before[np.isfinite(before)], 0, atol=1e-6)
    after = simplified(traced).output
    assert _same_over_the_reals(traced.output, after)
    assert not free_values(after).any()


@pytest.mark.parametrize("name", CASES)
def test_traps(name):
    """The coefficient `a` is conserved, as what it multiplies vanishes."""
    network, shapes, _ = CASES[name]
    traced = trace(network, shapes, {"x": (2,)})
    after = simplified(traced).output
    assert _same_over_the_reals(traced.output, after)
    slope = free_values(after, fixed={"a": 5}) - free_values(after, fixed={"a": 77})
    assert slope.any() == (name in NOT_SHOWN)


NONZERO = {
    "root of a square": lambda p, x, ops: ops.sqrt(x**2) - x,
    "logarithm of a square": lambda p, x, ops: ops.log(x**2) - ops.log(ops.abs(p.b * x)),
    "gate": lambda p, x, ops: ops.relu(p.b * x) - p.b * x,
    "gate of an outer product": lambda p, x, ops: ops.relu(ops.outer(x, x)) - ops.outer(x, x),
    "exponential of a product": lambda p, x, ops: ops.exp(p.a * x) - ops.exp(p.a) * ops.exp(x),
    "logarithm of a sum": lambda p, x, ops: ops.log(1 + x**2) - ops.log(x**2),
    "root of a sum": lambda p, x, ops: ops.sqrt(x**2 + p.b**2) - ops.abs(x) - ops.abs(p.b),
    "absolute value of a sum": lambda p, x, ops: ops.abs(x + p.b) - ops.abs(x) - ops.abs(p.b),
    "root of two over pi": lambda p, x, ops: ops.named_constant("sqrt_two_over_pi") ** 2 - ops.sqrt(x**2),
    "entry that is not used": lambda p, x, ops: ops.relu(-x) + 0 * ops.log(ops.stack([p.b**2 + 1, x[0]]))[0],
    "domain of another entry": lambda p, x, ops: ops.sqrt(x**2) - x + 0 * ops.log(x[0]),
    "quartic form of both signs": lambda p, x, ops: ops.relu(x**4 - 3 * x**2 + 1) - (x**4 - 3 * x**2 + 1),
    "domain with a gate": lambda p, x, ops: ops.sqrt(ops.relu(x) * p.b) + ops.relu(p.b) - p.b,
    "domain with a hidden zero": lambda p, x, ops: ops.sqrt((ops.sqrt(x**2) - x) * p.b) + ops.relu(p.b) - p.b,
    "frozen": lambda p, x, ops: ops.sqrt(ops.frozen("c", ()) ** 2) - ops.frozen("c", ()) + 0 * x,
}


@pytest.mark.parametrize("name", NONZERO)
def test_what_is_not_zero(name):
    traced = trace(NONZERO[name], SHAPES, {"x": (2,)})
    after = simplified(traced).output
    assert abs(np.nan_to_num(float_values(traced.output))).max() > 1e-3
    assert _same_over_the_reals(traced.output, after)
    assert free_values(after).any()


@pytest.mark.parametrize("seed", range(150))
def test_random_networks(seed):
    rng = np.random.default_rng(seed)
    while True:
        traced = trace(random_network(rng), SHAPES, {"x": (2,)})
        if _shown(float_values(traced.output, spread=0.7)).any():
            break
    assert _same_over_the_reals(traced.output, simplified(traced).output, spread=0.7)


NETWORKS = {
    "gelu": mlp([3, 4, 2], "gelu"),
    "tanh": mlp([4, 6, 3], "tanh", bias=True),
    "relu": mlp([4, 6, 6, 3], "relu", bias=True),
    "layer norm": mlp([3, 4, 4, 2], "silu", norm="layer", epsilon=True),
    "transformer": transformer_block(4, 2, 2, 3),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_that_people_train_are_left_as_they_are(name):
    traced = NETWORKS[name].traced
    assert simplified(traced) is traced


def test_what_would_be_much_larger_is_left_as_it_is():
    traced = trace(lambda p, x, ops: ops.softmax((p.W @ (p.W @ x) + p.a) ** 3), SHAPES, {"x": (2,)})
    assert simplified(traced) is traced
