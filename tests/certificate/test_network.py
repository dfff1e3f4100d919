"""The checker reads from the steps of a certificate the network that users train, and imports nothing of the search."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lielaws
import lielaws.checker
from lielaws.checker.networks.gates import _own, find_gates
from lielaws.checker.networks.network import read_network
from lielaws.checker.networks.steps import Budget
from lielaws.checker.numbers.balls import Ball, Balls
from lielaws.checker.numbers.jets import Jets
from lielaws.checker.numbers.residues import Residues, random_prime
from lielaws.checker.verify import verify
from lielaws.engine.graph.constants import constant_array
from lielaws.engine.graph.steps import graph_spec
from tests.certificate.cases import MAKERS, make, record
from tests.properties.same_functions import random_pair

ALLOWED = {"lielaws.errors", "lielaws.certificate.record", "lielaws.checker", "flint", "numpy", "scipy"}
STANDARD = {"__future__", "collections", "contextlib", "dataclasses", "fractions", "functools", "hashlib", "itertools"}
STANDARD |= {"json", "math", "operator", "os", "re", "secrets", "stat", "types", "typing"}


def test_the_checker_imports_nothing_of_the_search() -> None:
    folder = Path(lielaws.checker.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for module in modules:
                own = module.startswith("lielaws.checker.")
                assert own or module in ALLOWED or module.partition(".")[0] in STANDARD, (path, module)


def _read(name: str) -> Any:
    found = record(name)
    return read_network(found["architecture"], found["setting"]["flow"], found["setting"]["loss"], Budget())


@pytest.mark.parametrize("name", MAKERS)
def test_the_network_is_the_one_that_users_train(name: str) -> None:
    """Its values, with the gates that the signs of arguments give, and its gradient, by small differences."""
    architecture, network, rng = make(name), _read(name), np.random.default_rng(3)
    for _ in range(4):
        params = {key: rng.integers(1, 5, shape) * 1.0 for key, shape in architecture.parameters.items()}
        low = 1 if "root" in name else -4
        x = {key: rng.integers(low, 5, (1, *shape)) * 1.0 for key, shape in architecture.data.items()}
        expected = architecture.forward(params, x)
        values, _ = _evaluated(network, params, x)
        output = values[network.program.output]
        assert (abs(output.mid - expected) <= output.rad + 1e-9 * (1 + abs(expected))).all()


def _evaluated(network: Any, params: Any, x: Any) -> tuple[Any, Any]:
    ring = Balls()

    def exact(a: Any) -> Ball:
        return Ball(np.asarray(a, dtype=float), np.zeros(np.shape(a)))

    def gates(j: int, argument: Any) -> Ball:
        return ring.integers(ring.signs(argument)[0].astype(np.int64))

    leaves = {("parameter", name): exact(value[None]) for name, value in params.items()}
    leaves |= {("data", name): exact(value) for name, value in x.items()}
    leaves |= {("constant", n): exact(constant_array(n, shape)[None]) for n, shape in network.generic.items()}
    leaves |= network.true_values(ring)
    return network.program.forward(Jets(ring), leaves, gates), leaves


@pytest.mark.parametrize("name", MAKERS)
def test_reverse_mode_is_the_transpose_of_forward_mode(name: str) -> None:
    """<w, Dg.v> by jets is <grad <w, g>, v>, modulo a prime with free values of functions."""
    network = _read(name)
    ring = Residues(random_prime())
    gates = find_gates(network.program, Budget())
    chosen = gates.random(ring)[None]
    shapes = {("data", key): shape for key, shape in network.data.items()}
    shapes |= {("constant", key): shape for key, shape in (network.generic | network.true_constants).items()}
    leaves = {leaf: ring.random((1, *shape)) for leaf, shape in shapes.items()}
    point = {key: ring.random((1, *shape)) for key, shape in network.parameters.items()}
    along = {key: ring.random((1, *shape)) for key, shape in network.parameters.items()}
    w = ring.random((1, *network.output_shape))

    def values(jets: bool) -> Any:
        parameters = {("parameter", k): (point[k], along[k]) if jets else point[k] for k in point}
        return network.program.forward(Jets(ring), leaves | parameters, lambda j, _: gates.of_piece(ring, chosen, j))

    slopes = network.program.gradient(Jets(ring), values(False), w)
    steps = network.program.parameter_steps
    back = sum(int((slopes[steps[k]] * along[k]).sum()) for k in point if slopes.get(steps.get(k)) is not None)
    _, slope = values(True)[network.program.output]
    assert int((w * slope).sum()) % ring.prime == back % ring.prime


OWN: dict[str, tuple[Any, bool]] = {
    "zero by a factor": (lambda p, x, ops: p.b * x + (p.b + 0 * x), True),
    "zeros": (lambda p, x, ops: p.b * x + ops.zeros(()) ** 2 * p.c, True),
    "zero times what has no degree": (lambda p, x, ops: p.b * x + 0 * p.c * ops.exp(p.b), True),
    "one by a zero": (lambda p, x, ops: p.b * x + ops.exp(0 * p.b), False),
    "one over one and a zero": (lambda p, x, ops: p.b * x + 1 / (1 + 0 * p.b), False),
    "nothing but zero": (lambda p, x, ops: 0 * p.b, False),
    "a gate of zero": (lambda p, x, ops: p.b * x + ops.relu(0 * p.b) + x, False),
}


@pytest.mark.parametrize("name", OWN)
def test_zero_has_every_degree(name: str) -> None:
    """Whether the argument of a gate is homogeneous of degree one in a weight."""
    argument, has_own = OWN[name]
    traced = lielaws.architecture(
        lambda p, x, ops: ops.relu(argument(p, x, ops)), dict.fromkeys("bc", ()), {"x": ()}
    ).traced
    network = read_network(graph_spec("", traced), {"kind": "gradient"}, "any", Budget())
    argument = network.program.arguments[-1]
    assert (_own(network.steps, argument, [("parameter", "b")], Budget()) is not None) is has_own


def test_a_zero_in_an_argument_hides_no_weights() -> None:
    pair = random_pair(173)
    for function in (pair.first, pair.second):
        report = lielaws.discover_laws(lielaws.architecture(function, pair.parameters, pair.data))
        assert verify(report.certificate).reasons == ()
