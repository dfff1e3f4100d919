"""The functions through which the potentials factor: known lists, sympy's derivatives, and the counted ranks."""

from __future__ import annotations

import random
import tracemalloc

import numpy as np
import pytest
import sympy

import lielaws
from lielaws.architectures import reparameterization as module
from lielaws.architectures.base import Architecture, architecture
from lielaws.architectures.composition import residual, sequential
from lielaws.architectures.convolution import conv
from lielaws.architectures.mlp import linear, mlp
from lielaws.architectures.phi import from_phi
from lielaws.engine.closure.growth import grow
from lielaws.engine.flows.fields import vector_fields
from lielaws.engine.flows.gradient import GradientFlow
from lielaws.engine.graph.trace import Array
from lielaws.errors import SizeError, UnsupportedError

A, B, C, V = (sympy.IndexedBase(name) for name in ("W1", "W2", "W3", "b1"))
x, y, z = sympy.symbols("x y z")


def _normalized(p: object, data: Array, ops: object) -> Array:
    return p.W @ data / (p.W * p.W).sum()  # type: ignore[attr-defined,no-any-return]


def _quotient() -> Architecture:
    return architecture(_normalized, parameters={"W": (2, 2)}, data={"x": (2,)})


EXAMPLES = [
    linear([2, 3, 2]),
    linear([2, 2, 2, 2]),
    mlp([2, 3, 2]),
    mlp([2, 3, 2], bias=True, output_bias=True),
    mlp([2, 2, 2, 2], bias=True),
    mlp([2, 3, 2], activation="square"),
    mlp([2, 2, 1, 2], activation="relu2"),
    mlp([2, 2, 2], activation="leaky_relu"),
    mlp([1, 3, 2], activation="abs", bias=True),
    conv([1, 2, 1], 2, 5, activation="linear"),
    conv([1, 1, 1], 2, 4, activation="relu"),
    residual(mlp([2, 3, 2])),
    sequential(linear([2, 2]), mlp([2, 2, 1])),
    from_phi([x, y, z], [x * y, (x + y) ** 2 * z, x - 3]),
    from_phi([x, y, z], [x / (y + z), 1 / (1 + 1 / x), y / 2]),
    _quotient(),
]


def _matrix(base: sympy.IndexedBase, rows: int, columns: int) -> sympy.Matrix:
    return sympy.Matrix(rows, columns, lambda i, j: base[i, j])


def test_linear_gives_the_entries_of_the_product() -> None:
    found = linear([2, 3, 2]).reparameterization()
    product = _matrix(B, 2, 3) * _matrix(A, 3, 2)
    assert found.phi == list(product)
    assert str(found) == "4 functions of 12 parameters"
    assert "linear:2-3-2" in repr(found)
    assert len(found) == 4
    assert list(found) == found.phi


def test_deep_linear_gives_the_entries_of_the_product() -> None:
    product = (_matrix(C, 2, 3) * _matrix(B, 3, 2) * _matrix(A, 2, 3)).expand()
    assert linear([3, 2, 3, 2]).reparameterization().phi == list(product)


def test_symbols_follow_the_state_vector() -> None:
    network = mlp([2, 2, 1], bias=True)
    assert network.reparameterization().symbols == (
        *(A[i, j] for i in range(2) for j in range(2)), V[0], V[1], B[0, 0], B[0, 1],
    )  # fmt: skip
    assert from_phi([y, x], [x * y]).reparameterization().symbols == (y, x)


def test_relu_gives_the_paths_in_order() -> None:
    expected = [A[k, i] * B[o, k] for o in range(2) for k in range(3) for i in range(2)]
    assert mlp([2, 3, 2]).reparameterization().phi == expected


def test_deep_relu_paths_start_at_the_output() -> None:
    paths = [(o, j, k, i) for o in range(2) for j in range(2) for k in range(3) for i in range(2)]
    expected = [A[k, i] * B[j, k] * C[o, j] for o, j, k, i in paths]
    assert mlp([2, 3, 2, 2]).reparameterization().phi == expected


def test_biases_are_paths_of_their_own() -> None:
    phi = mlp([2, 3, 2], bias=True).reparameterization().phi
    assert len(phi) == 2 * 3 * (2 + 1)
    assert phi[:3] == [A[0, 0] * B[0, 0], A[0, 1] * B[0, 0], B[0, 0] * V[0]]
    assert len(mlp([2, 3, 2], bias=True, output_bias=True).reparameterization()) == 20


def test_powers_of_a_gate_are_merged() -> None:
    network = mlp([1, 1, 1, 1], activation="relu2")
    assert network.reparameterization().phi == [A[0, 0] ** 4 * B[0, 0] ** 2 * C[0, 0]]
    twice = architecture(lambda p, x, ops: ops.relu(p.a * x) * ops.relu(p.a * x), parameters={"a": ()}, data={"x": ()})
    assert twice.reparameterization().phi == [sympy.Symbol("a") ** 2]


def test_square_activation() -> None:
    phi = mlp([2, 1, 1], activation="square").reparameterization().phi
    assert phi == [A[0, 0] ** 2 * B[0, 0], A[0, 0] * A[0, 1] * B[0, 0], A[0, 1] ** 2 * B[0, 0]]


def test_leaky_relu_has_no_fractions() -> None:
    phi = mlp([1, 2, 1], activation="leaky_relu").reparameterization().phi
    paths = [A[0, 0] * B[0, 0], A[1, 0] * B[0, 1]]
    assert phi == [*paths, sum(paths)]


def test_linear_convolutions_give_the_coefficients_of_the_product() -> None:
    t = sympy.Symbol("t")
    first, second = (sum(base[0, 0, k] * t**k for k in range(3)) for base in (A, B))
    product = sympy.Poly(sympy.expand(first * second), t).all_coeffs()[::-1]
    assert conv([1, 1, 1], 3, 8, activation="linear").reparameterization().phi == product


def test_residual_keeps_the_identity_where_it_meets_a_parameter() -> None:
    assert residual(mlp([2, 3, 2])).reparameterization().phi == mlp([2, 3, 2]).reparameterization().phi
    phi = residual(linear([2, 2])).reparameterization().phi
    assert phi == [A[0, 0] + 1, A[0, 1], A[1, 0], A[1, 1] + 1]


def test_given_functions_come_back() -> None:
    given = [2 * x * y, (x + y) ** 2, x**4 * y - z]
    assert from_phi([x, y, z], given).reparameterization().phi == given
    rational = [x / (y + z), (x + y) / (1 + 1 / z) - 2]
    assert from_phi([x, y, z], rational).reparameterization().phi == rational


def test_given_functions_are_listed_once() -> None:
    square, ratio = (x + y) ** 2, x / (y + z)
    given = [x * y, -3 * x * y, sympy.Integer(7), square, square.expand(), ratio, ratio * (x + z) / (2 * x + 2 * z)]
    assert from_phi([x, y, z], given).reparameterization().phi == [x * y, square, ratio]


def test_rational_functions_are_in_lowest_terms() -> None:
    weights = sympy.IndexedBase("W")
    norm = sum(weights[i, j] ** 2 for i in range(2) for j in range(2))
    assert _quotient().reparameterization().phi == [weights[i, j] / norm for i in range(2) for j in range(2)]
    scalars = {"a": (), "b": ()}
    one = architecture(lambda p, u, ops: p.a * p.b / p.a * u + u * p.b / p.b, parameters=scalars, data={"u": ()})
    assert one.reparameterization().phi == [sympy.Symbol("b") + 1]


def test_large_common_denominators_are_left_apart() -> None:
    names = sympy.symbols("t0:16")
    total = sum(1 / (names[k] + names[k + 1]) for k in range(15))
    found = from_phi(names, [total]).reparameterization()
    assert found.phi == [total]
    assert found.jacobian.shape == (1, 16)
    assert found.jacobian[0, 0] == -1 / (names[0] + names[1]) ** 2


def test_division_by_data_is_refused() -> None:
    network = architecture(lambda p, u, ops: p.a / (p.a + u), parameters={"a": ()}, data={"u": ()}, name="ratio")
    with pytest.raises(UnsupportedError, match="'ratio': the potential is not polynomial in the data"):
        network.reparameterization()


@pytest.mark.parametrize("zero", [lambda a: a - a, lambda a: a / a - 1])
def test_division_by_zero_is_refused(zero: object) -> None:
    network = architecture(lambda p, u, ops: u / zero(p.a), parameters={"a": ()}, data={"u": ()})  # type: ignore[operator]
    with pytest.raises(UnsupportedError, match="zero everywhere"):
        network.reparameterization().phi  # noqa: B018


def test_other_functions_are_refused() -> None:
    def network(p: object, u: Array, ops: object) -> Array:
        argument = (p.a * u).node  # type: ignore[attr-defined]
        return Array(argument.graph.node("airy", (argument,), None, argument.shape))

    with pytest.raises(UnsupportedError, match="airy"):
        architecture(network, parameters={"a": ()}, data={"u": ()}).reparameterization()


@pytest.mark.parametrize("network", EXAMPLES, ids=lambda network: network.name)
def test_jacobian_is_the_derivative(network: Architecture) -> None:
    found = network.reparameterization()
    expected = sympy.Matrix([[entry.diff(symbol) for symbol in found.symbols] for entry in found.phi])
    assert isinstance(found.jacobian, sympy.Matrix)
    assert found.jacobian.shape == (len(found.phi), network.dimension)
    assert (found.jacobian - expected).expand().is_zero_matrix


@pytest.mark.parametrize("network", EXAMPLES, ids=lambda network: network.name)
def test_jacobian_has_the_rank_of_the_family(network: Architecture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lielaws.engine.closure.growth._DEPTH_LIMIT", 1)
    generator = random.Random(3)
    found = network.reparameterization()
    point = {symbol: sympy.Rational(generator.randint(1, 99), generator.randint(1, 9)) for symbol in found.symbols}
    family = grow(vector_fields(GradientFlow(), network.potential), np.random.default_rng(0))
    assert found.jacobian.subs(point).rank() == family.ranks[0]


@pytest.mark.parametrize("network", EXAMPLES, ids=lambda network: network.name)
def test_expressions_are_those_that_sympy_makes(network: Architecture) -> None:
    found = network.reparameterization()
    for entry in (*found.phi, *found.jacobian):
        again = entry.func(*entry.args) if isinstance(entry, sympy.Add | sympy.Mul) else entry
        assert again == entry
        assert hash(again) == hash(entry)


def test_results_are_not_shared() -> None:
    found = mlp([2, 2, 1]).reparameterization()
    found.phi.clear()
    found.jacobian[0, 0] = 7
    assert len(found.phi) == 4
    assert found.jacobian[0, 0] == B[0, 0]


def test_latex() -> None:
    found = from_phi([x, y], [x * y, x**2]).reparameterization()
    assert found.latex() == "\\phi(\\theta) = \\left(\\begin{array}{l}\nx y \\\\\nx^{2}\n\\end{array}\\right)"


def test_nothing_depends_on_a_parameter() -> None:
    network = architecture(lambda p, u, ops: u + (p.a - p.a), parameters={"a": ()}, data={"u": ()})
    found = network.reparameterization()
    assert found.phi == []
    assert found.jacobian.shape == (0, 1)


@pytest.mark.parametrize(
    ("network", "size"),
    [
        (mlp([9] * 6), "up to 531,441 terms"),
        (linear([200, 300, 200]), "up to 12,000,000 terms"),
        (mlp([30, 4, 4], activation="power9"), "terms"),
        (mlp([9] * 40), "more than 10\\^18 terms"),
        (mlp([1] * 6, activation="power99"), "factors"),
        (architecture(lambda p, u, ops: (p.W @ u)[0], {"W": (800, 800)}, {"u": (800,)}), "640,000 terms"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_sizes_are_refused_before_they_are_taken(network: Architecture, size: str) -> None:
    network.potential  # noqa: B018  tracing is not what is measured
    tracemalloc.start()
    with pytest.raises(SizeError, match=size):
        network.reparameterization()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**26


def test_large_jacobians_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = mlp([3, 4, 4, 3]).reparameterization()
    monkeypatch.setattr(module, "_MOST_DERIVATIVE_TERMS", 431)
    with pytest.raises(SizeError, match=r"^jacobian = 'relu:3-4-4-3': 144 x 40 = 5,760 entries with 432 terms"):
        found.jacobian  # noqa: B018
    monkeypatch.setattr(module, "_MOST_DERIVATIVE_TERMS", 432)
    assert found.jacobian.shape == (144, 40)


def test_networks_of_some_size() -> None:
    found = mlp([9, 9, 9, 9]).reparameterization()
    assert len(found.phi) == 9**4
    assert found.jacobian.shape == (9**4, 243)


def test_phi_without_data_is_phi_itself():
    x, y = sympy.symbols("x y")
    arch = from_phi([x, y], [x * y, x + 2 * y])
    assert arch.forward({"x": 3.0, "y": 2.0}, None).tolist() == [6.0, 7.0]


@pytest.mark.parametrize(
    "network",
    [lielaws.low_rank(3, 3, 2), lielaws.freeze(lielaws.linear([2, 2, 2]), ["W1"])],
    ids=["low_rank", "freeze"],
)
def test_frozen_numbers_have_no_value(network):
    with pytest.raises(lielaws.LieLawsError, match="have no value"):
        network.reparameterization()
