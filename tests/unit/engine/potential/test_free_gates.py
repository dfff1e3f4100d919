"""Which networks have tensors of their own for each gate, so that all activation patterns are meant."""

from __future__ import annotations

import pytest

from lielaws import architecture, attention, conv, glu, mlp, residual, sequential

PARAMETERS = {"A": (2, 2), "B": (2, 2), "g": (2,), "b": (2,)}


def free_gates(arch) -> bool:
    return arch.potential.free_gates


@pytest.mark.parametrize(
    "arch",
    [
        mlp([2, 3, 2]),
        mlp([2, 3, 3, 2], bias=True),
        mlp([2, 3, 3, 2], "leaky_relu"),
        mlp([2, 2, 2], norm="layer"),
        residual(mlp([2, 3, 2])),
        sequential(mlp([2, 2, 2]), residual(mlp([2, 3, 2], "abs"))),
        glu(2, 2, "relu"),
        mlp([2, 3, 2], "tanh"),
        attention(2, 1),
    ],
    ids=lambda arch: arch.name,
)
def test_networks_of_layers(arch):
    assert free_gates(arch)
    assert arch.potential.shown_patterns is None


def test_convolutions_have_fewer_weights_than_gates():
    assert free_gates(conv([1, 2, 1], 2, 6))


@pytest.mark.parametrize(
    ("network", "free"),
    [
        (lambda p, x, ops: ops.relu(p.A @ x), True),
        (lambda p, x, ops: ops.relu(p.A @ x + p.b), True),
        (lambda p, x, ops: ops.relu(p.g * (p.A @ x) + p.b), True),
        (lambda p, x, ops: ops.relu(p.B @ ops.relu(p.A @ x)), True),
        (lambda p, x, ops: ops.relu(p.B @ ops.tanh(p.A @ x)), True),
        (lambda p, x, ops: ops.relu((p.A @ x) ** 2 + (p.A @ x) + 1), False),
        (lambda p, x, ops: ops.relu(p.A @ x - 1), False),
        (lambda p, x, ops: ops.relu(p.A @ ops.relu(p.A @ x)), False),
        (lambda p, x, ops: ops.relu(ops.tanh(p.A @ x)), False),
        (lambda p, x, ops: ops.relu(x) * p.g, False),
        (lambda p, x, ops: p.B @ ops.relu(p.A @ x) + p.A @ x, True),
        (lambda p, x, ops: ops.relu(p.B @ x) + ops.relu(p.A @ (p.B @ x)), True),
    ],
)
def test_networks_that_are_written_out(network, free):
    assert free_gates(architecture(network, PARAMETERS, {"x": (2,)})) == free
