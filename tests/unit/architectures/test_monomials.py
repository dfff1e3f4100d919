"""Many functions phi as a few array operations: the same network as one step for each."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

import lielaws
from lielaws.architectures import phi
from lielaws.architectures.monomials import Monomials
from lielaws.questions import as_architecture

X = sympy.symbols("x0:6")
W = sympy.IndexedBase("W")

POLYNOMIALS = [
    X[0] * X[1],
    3 * X[2] ** 4 - X[0] / 7,
    X[5],
    sympy.Integer(0),
    sympy.Integer(4),
    X[3] ** 2 * X[4] ** 2 + 1,
]


def test_values_and_gradients_are_those_of_single_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    single = lielaws.from_phi(X, POLYNOMIALS)
    monkeypatch.setattr(phi, "_LEAST_TOGETHER", 1)
    together = lielaws.from_phi(X, POLYNOMIALS)
    assert len(together.traced.graph.nodes) != len(single.traced.graph.nodes)
    rng = np.random.default_rng(0)
    params = {str(x): rng.standard_normal() for x in X}
    data = rng.standard_normal((3, len(POLYNOMIALS)))
    assert np.allclose(together.forward(params, data), single.forward(params, data))
    slopes = [arch.pullback(params, data, np.ones(3)) for arch in (together, single)]
    assert all(np.allclose(slopes[0][name], slopes[1][name]) for name in params)
    assert [str(law) for law in lielaws.discover_laws(together).laws] == [
        str(law) for law in lielaws.discover_laws(single).laws
    ]
    assert lielaws.verify(lielaws.discover_laws(together).certificate)
    assert list(together.reparameterization()) == list(single.reparameterization())


def test_entries_of_arrays_are_symbols_as_well() -> None:
    found = Monomials.of(["W[0, 1]", "y"], [W[0, 1] * sympy.Symbol("y") ** 2])
    assert found is not None
    assert found.used == {"W[0, 1]", "y"}
    assert found.texts() == ["W[0, 1]*y**2"] or found.texts() == ["y**2*W[0, 1]"]


def test_texts_are_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phi, "_LEAST_TOGETHER", 1)
    given = lielaws.from_phi(X, POLYNOMIALS)
    assert given.spec is not None
    texts = given.spec["expressions"]
    assert [sympy.sympify(text) - expression for text, expression in zip(texts, POLYNOMIALS, strict=True)] == [0] * 6
    again = as_architecture(given.spec)
    params = {str(x): 0.5 + k for k, x in enumerate(X)}
    assert np.allclose(again.forward(params, None), given.forward(params, None))
    with pytest.raises(lielaws.LieLawsError, match="in no expression"):
        lielaws.from_phi([*X, "y"], POLYNOMIALS)
    with pytest.raises(lielaws.LieLawsError, match="not listed"):
        lielaws.from_phi(X[:5], POLYNOMIALS)


@pytest.mark.parametrize("other", [X[0] / X[1], (X[0] + X[1]) ** 2, X[0] * (X[1] + 1)])
def test_what_is_written_in_another_way_is_left_to_single_steps(other: sympy.Expr) -> None:
    names = [str(x) for x in X]
    assert Monomials.of(names, [*POLYNOMIALS, other]) is None


def test_many_arrays_are_joined_in_groups() -> None:
    def network(p: object, ops: object) -> object:
        parts = [p[f"x{k}"] for k in range(40)]  # type: ignore[index]
        return ops.concatenate([*parts[:39], ops.concatenate([parts[39], parts[0]], axis=1)], axis=1)  # type: ignore[attr-defined]

    arch = lielaws.architecture(network, {f"x{k}": (2, 1 + k % 3) for k in range(40)}, {})
    rng = np.random.default_rng(1)
    params = {name: rng.standard_normal(shape) for name, shape in arch.parameters.items()}
    wanted = np.concatenate([*params.values(), params["x0"]], axis=1)
    assert np.allclose(arch.forward(params, None)[0], wanted)
