"""Networks that are functions of their parameters alone, such as a matrix factorization."""

from __future__ import annotations

import numpy as np
import pytest

from lielaws import Architecture, architecture, discover_laws, residual, verify
from lielaws.errors import InvalidArgumentError


def factorization() -> Architecture:
    return architecture(lambda p, ops: p.P @ p.Q.T, {"P": (4, 2), "Q": (5, 2)}, {}, name="factorization")


def test_its_laws_are_those_of_a_linear_network() -> None:
    report = discover_laws(factorization())
    assert (report.n_laws, report.complete) == (3, True)
    assert verify(report.certificate).valid


def test_it_runs_as_one_sample() -> None:
    rng = np.random.default_rng(0)
    made = factorization()
    params = {name: rng.normal(size=shape) for name, shape in made.parameters.items()}
    np.testing.assert_allclose(made.forward(params, None), (params["P"] @ params["Q"].T)[None])
    cotangent = rng.normal(size=(1, 4, 5))
    np.testing.assert_allclose(made.pullback(params, None, cotangent)["P"], cotangent[0] @ params["Q"])


def test_gates_are_those_of_the_parameters() -> None:
    made = architecture(lambda p, ops: ops.relu(p.u * p.v), {"u": (2,), "v": (2,)}, {})
    (pattern,) = made.gates({"u": np.array([1.0, -1.0]), "v": np.ones(2)}, None).values()
    assert pattern.tolist() == [[1.0, 0.0]]


def test_what_needs_an_input_says_so() -> None:
    with pytest.raises(InvalidArgumentError, match="a block takes one input, this one has 0"):
        residual(factorization())
    with pytest.raises(InvalidArgumentError, match="at least one name"):
        architecture(lambda p, ops: ops.zeros((1,)), {}, {})
