"""Networks written as expressions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lielaws.errors import SizeError
from lielaws.spec import network_function, parse


class NumpyOps:
    """A table of functions over numpy arrays."""

    @staticmethod
    def table() -> dict[str, Any]:
        return {"relu": lambda a: np.maximum(a, 0), "zeros": np.zeros, "eye": lambda n: np.eye(int(n))}


def run(output: str, let: dict[str, str] | None = None, **arrays: Any) -> Any:
    parameters = {name: array for name, array in arrays.items() if name != "x"}
    parsed = {name: parse(text, where=f"let.{name}") for name, text in (let or {}).items()}
    network = network_function(parameters, ["x"], parse(output, where="output"), parsed)
    return network(parameters, arrays["x"], NumpyOps())


def test_a_network_is_its_expressions() -> None:
    generator = np.random.default_rng(0)
    A, C, x = generator.normal(size=(4, 3)), generator.normal(size=(2, 4)), generator.normal(size=3)
    expected = C @ np.maximum(A @ x, 0)
    assert np.allclose(run("C @ h", {"u": "A @ x", "h": "relu(u)"}, A=A, C=C, x=x), expected)
    assert np.allclose(run("C @ relu(A @ x)", A=A, C=C, x=x), expected)
    assert np.allclose(run("1/2*A @ x + 0*zeros(shape=(4,))", A=A, x=x), A @ x / 2)


@pytest.mark.parametrize(
    ("output", "let", "pieces"),
    [
        ("A @ y", {}, ["output = 'A @ y'", "'y'"]),
        ("A @ u", {"u": "v + x", "v": "x"}, ["let.u", "'v'", "unknown"]),
        ("A @ x", {"x": "x + 1"}, ["let = 'x'", "taken"]),
        ("A @ x", {"u": "x + 1"}, ["['u']", "not used"]),
        ("A @ A", {}, ["['x']", "not used"]),
        ("rellu(A @ x)", {}, ["'rellu'", "'relu'"]),
    ],
)
def test_mistakes_in_networks(output: str, let: dict[str, str], pieces: list[str], refused: Any) -> None:
    refused(pieces, run, output, let, A=np.eye(3), x=np.ones(3))


def test_names_are_given_once(refused: Any) -> None:
    refused(["data = 'x'", "rename"], network_function, ["x"], ["x"], parse("x"))


@pytest.mark.parametrize("text", ["zeros(shape=(99999, 99999))", "zeros(shape=2000000)", "eye(n=5000)", "eye(5000)"])
def test_huge_arrays_are_refused_before_they_are_made(text: str, refused: Any) -> None:
    assert isinstance(refused(["output", "entries"], run, f"A @ x + {text}", A=np.eye(3), x=np.ones(3)), SizeError)
