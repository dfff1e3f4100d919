"""The rules for proofs write the same function again; gates are found to be fixed, tied, free or not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lielaws
from lielaws.checker.lower.rules import rewritten
from lielaws.checker.networks.gates import affine_pieces, find_gates, own_tensors
from lielaws.checker.networks.network import read_network
from lielaws.checker.networks.program import Program
from lielaws.checker.networks.steps import FUNCTIONS, Budget
from lielaws.checker.numbers.balls import Ball, Balls
from lielaws.checker.numbers.jets import Jets
from lielaws.engine.graph.steps import graph_spec
from tests.certificate.cases import MAKERS, make
from tests.certificate.test_adversaries import CASES as ADVERSARIES
from tests.theory.test_roots_and_gates import CASES as TRAPS


def _networks() -> dict[str, Any]:
    found = {name: lambda name=name: make(name) for name in MAKERS}
    for name, (network, parameters, data, *_) in ADVERSARIES.items():
        found[name] = lambda a=network, b=parameters, c=data: lielaws.architecture(a, b, c)
    for name, (network, shapes, _) in TRAPS.items():
        found[f"trap {name}"] = lambda a=network, b=shapes: lielaws.architecture(a, b, {"x": (2,)})
    return found


NETWORKS = _networks()


def read(architecture: lielaws.Architecture) -> Any:
    spec = graph_spec(architecture.name, architecture.traced)
    spec = {key: spec[key] for key in ("name", "parameters", "data", "steps")}
    return read_network(spec, {"kind": "gradient"}, "any", Budget())


def _outputs(network: Any, program: Program, rng: np.random.Generator) -> Any:
    """An enclosure of the output at random numbers with real gates; None where it is not defined."""
    ring = Balls()
    leaves = network.true_values(ring)
    shapes = [*(("constant", *pair) for pair in network.generic.items())]
    shapes += [*(("parameter", *pair) for pair in network.parameters.items())]
    shapes += [*(("data", *pair) for pair in network.data.items())]
    for role, name, shape in shapes:
        drawn = rng.integers(1 if role == "constant" else -40, 41, (1, *shape)) / 16 + 1 / 64
        leaves[role, name] = Ball(drawn, np.zeros_like(drawn))
    sure = []

    def gates(j: int, argument: Any) -> Any:
        positive, negative = ring.signs(argument)
        sure.append((positive | negative | (argument.mid == 0)).all())
        return ring.integers(positive.astype(np.int64))

    with ring.entered():
        values = program.forward(Jets(ring), leaves, gates)
    return values[program.output] if ring.clear.all() and all(sure) else None


@pytest.mark.parametrize("name", NETWORKS)
def test_the_rules_write_the_same_function(name: str) -> None:
    network = read(NETWORKS[name]())
    program, compared = rewritten(network.program), 0
    for seed in range(40):
        first, second = (_outputs(network, one, np.random.default_rng(seed)) for one in (network.program, program))
        if first is not None and second is not None:
            assert (abs(first.mid - second.mid) <= first.rad + second.rad).all()
            compared += 1
        # Where the network is defined, what is written again is, but for numbers that vanish there.
        assert first is None or second is not None or any(network.steps[k].op in FUNCTIONS for k in program.needed)
    assert compared > 0 or name in ("domain_of_a_root", "trap domain_of_a_root")


def _gates(network: Any, **shapes: tuple[int, ...]) -> Any:
    found = read(lielaws.architecture(network, shapes, {"x": (2,)}))
    return found, find_gates(found.program, Budget())


def test_gates_of_proportional_arguments_are_tied() -> None:
    def network(p: Any, x: Any, ops: Any) -> Any:
        u = p.A @ x
        return ops.relu(u) + ops.leaky_relu(-3 * u) + ops.relu(u / 7) + ops.relu(2 * u + 1)

    _, gates = _gates(network, A=(2, 2))
    first, second, third, fourth = (numbers.tolist() for numbers in gates.numbers)
    assert first == second == third
    assert not set(first) & set(fourth)
    assert [reverse.tolist() for reverse in gates.reverse[:3]] == [[False] * 2, [True] * 2, [False] * 2]


@pytest.mark.parametrize(
    ("network", "fixed"),
    [
        (lambda p, x, ops: ops.relu((p.A @ x) ** 2), 1),
        (lambda p, x, ops: ops.relu(-ops.abs(p.A @ x)), 0),
        (lambda p, x, ops: ops.relu(ops.exp(p.A @ x) + (x * x).sum()), 1),
        (lambda p, x, ops: ops.relu(ops.relu(p.A @ x)), 1),
        (lambda p, x, ops: ops.relu(p.A @ (p.A.T @ x)), None),
        (lambda p, x, ops: ops.relu(ops.exp(p.A @ x) - 1), None),
        (lambda p, x, ops: ops.relu((p.A @ x) ** 3), None),
    ],
)
def test_gates_that_are_fixed_by_structure(network: Any, fixed: int | None) -> None:
    _, gates = _gates(network, A=(2, 2))
    assert gates.fixed[-1] == fixed


@pytest.mark.parametrize(
    ("network", "free"),
    [
        (lambda p, x, ops: p.B @ ops.relu(p.A @ x), True),
        (lambda p, x, ops: ops.relu(p.B @ ops.relu(p.A @ x) + p.b), True),
        (lambda p, x, ops: ops.relu(p.B @ (x + p.C @ ops.relu(p.A @ x))), True),
        (lambda p, x, ops: ops.relu(p.A @ x + 1), False),
        (lambda p, x, ops: ops.relu(p.A @ ops.relu(p.A @ x)), False),
        (lambda p, x, ops: ops.relu(p.A @ x - ops.relu(p.A @ x)), False),
        (lambda p, x, ops: ops.relu(ops.exp(p.A @ x) - p.b), False),
    ],
)
def test_free_gates_are_those_of_layers_with_own_weights(network: Any, free: bool) -> None:
    found, gates = _gates(network, A=(2, 2), B=(2, 2), C=(2, 2), b=(2,))
    assert (own_tensors(found, gates, Budget()) is not None) is free


def test_gates_in_which_a_network_is_affine() -> None:
    def network(p: Any, x: Any, ops: Any) -> Any:
        h, g = ops.relu(p.A @ x), ops.relu(p.B @ x)
        return h * g + ops.relu(p.C @ x) * ops.relu(-2 * (p.C @ x) + 1) + ops.exp(ops.relu(p.D @ x)) + g**2

    found, gates = _gates(network, A=(2, 2), B=(2, 2), C=(2, 2), D=(2, 2))
    assert affine_pieces(found.program, gates) == [True, True, True, True, False]

    def square(p: Any, x: Any, ops: Any) -> Any:
        h = ops.relu(p.A @ x)
        return h * ops.relu(3 * (p.A @ x))

    found, gates = _gates(square, A=(2, 2))
    assert affine_pieces(found.program, gates) == [False, False]
