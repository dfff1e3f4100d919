"""The parts of the checker, each against something that works differently."""

from __future__ import annotations

import ast
import itertools
import math
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy

import lielaws.certificate
from lielaws.checker.arrays import Array, contract
from lielaws.checker.blocks import Reader
from lielaws.checker.bounds import Bounds
from lielaws.checker.brackets import Brackets, Member
from lielaws.checker.functions import Functions
from lielaws.checker.jets import Jets, random_prime
from lielaws.checker.networks import FAMILIES, Network, build_network
from lielaws.checker.tape import Gradient, compiled, evaluate
from lielaws.engine.graph.constants import constant_value
from lielaws.errors import CertificateError
from tests.certificate.cases import MAKERS, make, record

PRIME = 2**61 - 1
ALLOWED = {"lielaws.errors", "lielaws.spec.language", "lielaws.certificate.record", "lielaws.checker", "flint"}
STANDARD = {
    "__future__",
    "collections",
    "dataclasses",
    "fractions",
    "itertools",
    "math",
    "os",
    "re",
    "secrets",
    "stat",
    "string",
}


def test_the_checker_imports_nothing_of_the_search() -> None:
    folder = Path(lielaws.checker.__file__).parent
    for path in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for module in modules:
                own = module.startswith("lielaws.checker.")
                assert own or module in ALLOWED or module.partition(".")[0] in STANDARD | {"types", "typing"}, path


def network_of(name: str) -> Network:
    found = record(name)
    return build_network(found["architecture"], found["dimension"], flow=found["setting"]["flow"])


class Rationals:
    """Rational numbers and sympy expressions."""

    def constant(self, value: Fraction) -> Any:
        return int(value) if value.denominator == 1 else value

    def add(self, a: Any, b: Any) -> Any:
        return a + b

    def multiply(self, a: Any, b: Any) -> Any:
        return a * b

    def inverse(self, a: Any) -> Any:
        return 1 / a if isinstance(a, sympy.Expr) else 1 / Fraction(a)


REAL: dict[str, Any] = {name: getattr(math, name) for name in ("exp", "log", "cos", "sin", "sqrt")}
REAL["gauss"] = lambda a: math.sqrt(math.pi / 2) * math.erf(a / math.sqrt(2))


def tape_value(network: Network, leaves: dict[int, Any]) -> Any:
    values: list[Any] = []
    for wire, step in enumerate(network.tape.steps):
        if step[0] == "leaf":
            values.append(leaves.get(wire, 0))
        elif step[0] == "function":
            values.append(Fraction(REAL[step[1]](float(values[step[2]]))))
        else:
            values.append(evaluate(compiled(step, Rationals()), values, Rationals()))
    return values[network.potential]


@pytest.mark.parametrize("name", MAKERS)
def test_the_potential_is_the_network_that_users_train(name: str) -> None:
    """At integer parameters and data, with the real gates: <w, forward(params, x)>."""
    architecture, network, generator = make(name), network_of(name), np.random.default_rng(3)
    for _ in range(5):
        params = {key: generator.integers(1, 5, shape) * 1.0 for key, shape in architecture.parameters.items()}
        if name not in ("phi", "roots of products", "roots without data"):
            params = {key: value * generator.choice([-1, 1], value.shape) for key, value in params.items()}
        x = {
            key: generator.integers(-4 if name != "roots of products" else 1, 5, (1, *shape)) * 1.0
            for key, shape in architecture.data.items()
        }
        output = architecture.forward(params, x).ravel()
        w = generator.integers(-4, 5, len(output))
        leaves = dict(zip(network.parameters, np.concatenate([params[k].ravel() for k in params]), strict=True))
        for key, wires in network.data.items():
            leaves |= dict(zip(wires, x[key].ravel(), strict=True))
        leaves |= dict(zip(network.cotangent, w, strict=True))
        for key, wires in network.constants.items():
            leaves |= dict.fromkeys(wires, constant_value(key))
        real = architecture.gates(params, x) if network.gates.pieces else {}
        assert len(real) == len(network.gates.pieces)
        for k, gates in enumerate(network.gates.pieces):
            for (number, is_reversed), gate in zip(gates, real[f"gate{k}"].ravel(), strict=True):
                leaves[network.gates.leaves[number]] = 1 - gate if is_reversed else gate
        exact = {wire: Fraction(float(value)) for wire, value in leaves.items()}
        assert float(tape_value(network, exact)) == pytest.approx(float(w @ output), rel=1e-9, abs=1e-9)


WORDS: list[Any] = [0, [0, 1], [2, [1, 0]], [[1, 0], 2], [[0, 1], [2, 3]], [[2, [0, 1]], 3]]


@pytest.mark.parametrize(
    ("name", "word"),
    [*itertools.product(["relu", "phi"], WORDS), *itertools.product(["square", "deep linear"], WORDS[1:4])],
)
def test_brackets_are_those_of_symbolic_fields(name: str, word: Any) -> None:
    network, generator = network_of(name), random.Random(5)
    theta = sympy.symbols(f"t:{len(network.parameters)}")
    others = [*network.cotangent, *network.gates.leaves, *itertools.chain(*network.data.values())]
    members = [[(wire, generator.randrange(1, 9)) for wire in others] for _ in range(4)]
    point = [generator.randrange(1, 50) for _ in theta]

    def field(values: Any) -> sympy.Matrix:
        potential = tape_value(network, dict(zip(network.parameters, theta, strict=True)) | dict(values))
        return sympy.Matrix([sympy.nsimplify(potential)]).jacobian(theta).T

    def bracket(word: Any) -> sympy.Matrix:
        if isinstance(word, int):
            return fields[word]
        x, y = map(bracket, word)
        return (y.jacobian(theta) * x - x.jacobian(theta) * y).applyfunc(sympy.expand)

    fields = [field(member) for member in members]
    exact = bracket(word).subs(dict(zip(theta, point, strict=True)))
    expected = [int(value.p) * pow(int(value.q), -1, PRIME) % PRIME for value in exact]
    family = Gradient(network.tape, network.potential, network.parameters, Jets(PRIME))
    assert Brackets(family, [Member(member, {}) for member in members]).value(word, list(point)) == expected


def test_jets_are_polynomials_with_squares_dropped() -> None:
    ring, generator = Jets(101), random.Random(2)
    e1, e2 = sympy.symbols("e1 e2")

    def draw() -> Any:
        a, b, c, d = (generator.randrange(101) for _ in range(4))
        return ((a, b), (c, d)), a + b * e1 + c * e2 + d * e1 * e2

    def dropped(expression: Any) -> Any:
        reduced = sympy.rem(sympy.rem(sympy.expand(expression), e1**2, e1), e2**2, e2)
        coefficients = sympy.Poly(reduced, e1, e2)
        monomials = ((1, e1), (e2, e1 * e2))
        return tuple(tuple(int(coefficients.coeff_monomial(m)) % 101 for m in row) for row in monomials)

    for _ in range(20):
        (x, p), (y, q) = draw(), draw()
        assert ring.multiply(x, y) == dropped(p * q)
        assert ring.add(x, y) == dropped(p + q)
        assert ring.multiply(x, 7) == ring.multiply(7, x) == dropped(7 * p)
        if x[0][0]:
            assert ring.multiply(x, ring.inverse(x)) == ((1, 0), (0, 0))
    with pytest.raises(ZeroDivisionError):
        ring.inverse((0, 5))


def test_primes_are_drawn_anew() -> None:
    primes = {random_prime() for _ in range(20)}
    assert len(primes) == 20
    assert all(sympy.isprime(p) and p.bit_length() == 61 for p in primes)


# Arrays against numpy: a wire stands for the integer that it holds.


class World:
    """Arrays of the checker next to those of numpy, for one tape."""

    def __init__(self) -> None:
        self.reader = Reader(FAMILIES)
        self.functions = Functions(self.reader)
        self.leaves: dict[int, int] = {}
        self.generator = np.random.default_rng(0)

    def array(self, *shape: int) -> tuple[Array, Any]:
        values = self.generator.integers(-9, 10, shape)
        array = self.reader.leaves(shape)
        self.leaves |= dict(zip(array.wires, map(Fraction, values.ravel().tolist()), strict=True))
        return array, values

    def value(self, array: Array) -> Any:
        values: list[Any] = []
        for wire, step in enumerate(self.reader.tape.steps):
            leaf = step[0] == "leaf"
            values.append(
                self.leaves.get(wire, 0) if leaf else evaluate(compiled(step, Rationals()), values, Rationals())
            )
        return np.array([float(values[wire]) for wire in array.wires]).reshape(array.shape)


def test_operators_follow_numpy() -> None:
    world = World()
    (a, A), (b, B), (c, C), (s, S) = world.array(3, 4), world.array(4), world.array(2, 4, 3), world.array()
    pairs = [
        (a + b, A + B),
        (a - 2 * b, A - 2 * B),
        (3 - a, 3 - A),
        (a * s / 4, A * S / 4),
        (a**3, A**3),
        (a**0, A**0),
        (a @ b, A @ B),
        (b @ c, B @ C),
        (c @ a, C @ A),
        (a.T @ a, A.T @ A),
        (c @ c.transpose(0, 2, 1), C @ C.transpose(0, 2, 1)),
        (a[1], A[1]),
        (a[-1, ::2], A[-1, ::2]),
        (c[..., 1], C[..., 1]),
        (c[0, ..., ::-1], C[0, ..., ::-1]),
        (a[1:, 2], A[1:, 2]),
        (c.sum((0, 2)), C.sum((0, 2))),
        (1 / (a * a + 1), 1 / (A * A + 1)),
    ]
    for array, expected in pairs:
        assert array.shape == np.shape(expected)
        np.testing.assert_allclose(world.value(array), expected)


@pytest.mark.parametrize(
    "subscripts", ["ij,jk->ik", "ij,jk->ki", "ij,jk->j", "ij,jk->", "ii,ij->j", "ij,ij->ij", "ij,kl->lijk"]
)
def test_contractions_follow_einsum(subscripts: str) -> None:
    world = World()
    (a, A), (b, B) = world.array(3, 3), world.array(3, 3)
    np.testing.assert_allclose(world.value(contract(subscripts, a, b)), np.einsum(subscripts, A, B))


def test_functions_follow_numpy() -> None:
    world = World()
    f, (a, A), (b, B), (v, V) = world.functions, world.array(2, 3), world.array(2, 3), world.array(5)
    windows = np.lib.stride_tricks.sliding_window_view(A, 2, axis=1)
    pairs = [
        (f.concatenate([a, b], 1), np.concatenate([A, B], 1)),
        (f.concatenate([a, b]), np.concatenate([A, B])),
        (f.stack([a, b], axis=-1), np.stack([A, B], axis=-1)),
        (f.mean(a, axis=0), A.mean(axis=0)),
        (f.sum(a), A.sum()),
        (f.outer(v, v), np.outer(V, V)),
        (f.dot(v, v), V @ V),
        (f.transpose(a), A.T),
        (f.broadcast_to(v, (2, 5)), np.broadcast_to(V, (2, 5))),
        (f.patches(a, 2), windows),
        (f.patches(v.reshape((1, 5)), 2, 2), np.array([[V[0:2], V[2:4]]])),
        (f.array([1, Fraction(1, 2)]), np.array([1, 0.5])),
        (f.eye(3), np.eye(3)),
        (f.zeros((2, 2)), np.zeros((2, 2))),
        (f.ones(3), np.ones(3)),
        (f.square(f.power(f.reciprocal(f.ones(2)), 3)), np.ones(2)),
        (f.identity(f.matmul(a, f.transpose(b))), A @ B.T),
    ]
    for array, expected in pairs:
        assert array.shape == np.shape(expected)
        np.testing.assert_allclose(world.value(array), expected)


def test_gates_are_shared_by_proportional_arguments() -> None:
    world = World()
    f, (a, _) = world.functions, world.array(2)
    u = f.array([a[0] + a[1], 2 * a[0] + 2 * a[1], -a[0] - a[1], a[0] - a[1], a[0] * a[0], a[0] - a[0]])
    f.relu(u)
    f.abs(Fraction(-1, 7) * u)
    f.relu(u)
    first, second = world.reader.gates.pieces
    assert first == [(0, False), (0, False), (0, True), (1, False), (2, False), (3, False)]
    assert second == [(0, True), (0, True), (0, False), (1, True), (2, True), (4, False)]


def test_gates_in_which_a_network_is_not_affine_are_found() -> None:
    assert network_bounds("relu2").output.twice == 0
    assert network_bounds("not affine").output.twice == 0b11
    assert network_bounds("relu").output.once == 0b111


def network_bounds(name: str) -> Bounds:
    network = network_of(name)
    return Bounds(network.tape, network.potential, network.gates.leaves)


@pytest.mark.parametrize("name", ["linear", "leaky", "power", "phi product", "relu"])
def test_bounds_hold_for_the_expanded_potential(name: str) -> None:
    network, bound = network_of(name), network_bounds(name).output
    symbols = {wire: sympy.Symbol(f"z{wire}") for wire, step in enumerate(network.tape.steps) if step[0] == "leaf"}
    exact = sympy.nsimplify(sympy.expand(sympy.nsimplify(tape_value(network, symbols))))
    polynomial = sympy.Poly(exact * bound.divisor, *symbols.values())
    coefficients = [abs(value) for value in polynomial.coeffs()]
    assert all(value.is_integer for value in coefficients)
    assert polynomial.total_degree() <= bound.degree
    assert math.log2(sum(coefficients)) <= bound.log + 1e-9


def test_bounds_of_quotients() -> None:
    """x y z w1 + x / (y + z) w2, over the denominator y + z."""
    bounds = network_bounds("phi")
    assert (bounds.output.degree, len(bounds.output.inverted)) == (6, 1)
    assert bounds.round_error(2, 10) < -50
    assert bounds.round_error(2, 10**10**4) > bounds.round_error(2, 10)


def test_errors_are_one_line() -> None:
    with pytest.raises(CertificateError, match="dimension = 7: the architecture has 12 parameters"):
        build_network(record("relu")["architecture"], 7)
