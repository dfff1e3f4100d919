"""The parts of the checker that nothing else would tell to be wrong: brackets, and bounds of errors, against sympy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy

import lielaws
from lielaws.checker.lower.bounds import Bounds
from lielaws.checker.networks.flows import cut
from lielaws.checker.networks.gates import find_gates
from lielaws.checker.networks.network import Network, read_network
from lielaws.checker.networks.steps import Budget
from lielaws.checker.numbers.jets import Jets
from lielaws.checker.numbers.residues import Residues
from lielaws.checker.upper.family import Evidence, grouped
from lielaws.checker.upper.probes import Probes
from lielaws.engine.graph.network import trace
from lielaws.engine.graph.steps import graph_spec
from tests.certificate.cases import record

PRIME = 2**61 - 1


# Residues


@pytest.mark.parametrize("prime", [1048583, 2**31 - 1, PRIME])
@pytest.mark.parametrize("count", [1, 2**15, 2**15 + 1])
def test_sums_of_large_residues_do_not_overflow(prime: int, count: int) -> None:
    """The largest residues are -1, so that their products are 1; and random ones, by integers of any size."""
    ring = Residues(prime)
    rows = [[prime - 1] * count, ring.random((count,)).tolist(), ring.random((count,)).tolist()]
    matrix = ring.array([entry for row in rows for entry in row], (1, 3, count))
    found = ring.einsum("...ik,...jk->...ij", matrix, matrix, count)
    assert found.tolist() == [[[sum(x * y for x, y in zip(a, b, strict=True)) % prime for b in rows] for a in rows]]
    places = np.zeros(count, dtype=int)
    assert ring.scatter(ring.array(rows[1], (1, count)), places, (2,)).tolist() == [[sum(rows[1]) % prime, 0]]


class Fractions:
    """The ring of object arrays of rational functions over Q."""

    def __init__(self, field: Any) -> None:
        self.field = field

    def array(self, entries: Sequence[Any], shape: Sequence[int]) -> Any:
        array = np.empty(len(entries), dtype=object)
        array[:] = entries
        return array.reshape(shape)

    def number(self, value: Fraction) -> Any:
        return self.field(sympy.Rational(value.numerator, value.denominator))

    def constant(self, numerators: Sequence[int], denominator: int, shape: Sequence[int]) -> Any:
        return self.array([self.number(Fraction(n, denominator)) for n in numerators], (1, *shape))

    def move(self, function: Any, a: Any) -> Any:
        return function(a)

    def add(self, a: Any, b: Any) -> Any:
        return a + b

    def scale(self, factor: Fraction, a: Any) -> Any:
        return a * self.constant([factor.numerator], factor.denominator, (1,) * (a.ndim - 1))

    def multiply(self, a: Any, b: Any) -> Any:
        return a * b

    def einsum(self, subscripts: str, a: Any, b: Any, summed: int) -> Any:
        return np.einsum(subscripts, a, b)

    def scatter(self, a: Any, index: Any, shape: Sequence[int]) -> Any:
        result = self.array([self.field(0)] * (len(a) * math.prod(shape)), (len(a), math.prod(shape)))
        np.add.at(result, (slice(None), index.ravel()), a.reshape(len(a), -1))
        return result.reshape(len(a), *shape)

    def inverse(self, a: Any) -> Any:
        return self.array([1 / entry for entry in a.ravel()], a.shape)


# Brackets

WORDS: list[Any] = [0, [0, 1], [2, [1, 0]], [[1, 0], 2], [[0, 1], [2, 3]], [[2, [0, 1]], 3]]


@pytest.mark.parametrize("name", ["relu", "phi", "square", "heavy ball", "entropic"])
def test_brackets_are_those_of_symbolic_fields(name: str) -> None:
    """[X, Y] = DY.X - DX.Y, with gradients and derivatives by sympy, at a point modulo a prime."""
    found, rng = record(name), np.random.default_rng(5)
    network = read_network(found["architecture"], found["setting"]["flow"], found["setting"]["loss"], Budget())
    probes = _drawn_probes(network, rng)
    point = rng.integers(1, 50, network.dimension)
    words = WORDS if network.dimension < 12 else WORDS[:4]
    field = sympy.QQ.frac_field(*sympy.symbols(f"t:{network.dimension}"))
    brackets = _symbolic_brackets(network, probes, field)
    ring = Residues(PRIME)
    evidence = Evidence(network, probes, {}, 1, [], words)
    nonzero = 0
    for word in words:
        ((form, _, chosen),) = grouped([word])
        parts = evidence.bracket(Jets(ring), form, chosen, cut(point.astype(object)[None], network.flow.state_shapes))
        shapes = network.flow.state_shapes
        flat = [
            np.zeros(math.prod(s), dtype=object) if a is None else np.broadcast_to(a, (1, *s)).ravel()
            for a, s in zip(parts, shapes, strict=True)
        ]
        expected = [_residue(entry, point.tolist()) for entry in brackets(word)]
        assert np.concatenate(flat).tolist() == expected, word
        nonzero += any(expected) and not isinstance(word, int)
    assert nonzero >= 3


def _drawn_probes(network: Network, rng: np.random.Generator) -> Probes:
    def draw(shape: Sequence[int]) -> Any:
        return rng.integers(1, 9, (4, *shape))

    data = {("data", key): draw(shape) for key, shape in network.data.items()}
    return Probes(data, draw(network.output_shape), [draw(shape) for shape in network.pieces], draw(()))


def _symbolic_brackets(network: Network, probes: Probes, field: Any) -> Any:
    ring, theta = Fractions(field), field.gens
    state = cut(ring.array(theta, (1, len(theta))), network.flow.state_shapes)
    parameters = dict(zip(network.parameters, network.flow.parameters(state), strict=True))

    def numbers(array: Any) -> Any:
        return ring.array([field(int(entry)) for entry in array.ravel()], (1, *array.shape))

    def member(k: int) -> list[Any]:
        leaves = {("parameter", key): value for key, value in parameters.items()}
        leaves |= {leaf: numbers(table[k]) for leaf, table in probes.data.items()}
        values = network.program.forward(Jets(ring), leaves, lambda j, _: numbers(probes.gates[j][k]))
        output = np.broadcast_to(values[network.program.output], (1, *network.output_shape))
        potential = (output * numbers(probes.cotangent[k])).sum()
        gradient = [
            ring.array([potential.diff(entry) for entry in value.ravel()], value.shape) for value in parameters.values()
        ]
        blocks = network.flow.field(Jets(ring), state, numbers(probes.drift[k]), gradient)
        return [
            entry
            for block, shape in zip(blocks, network.flow.state_shapes, strict=True)
            for entry in (
                [field(0)] * math.prod(shape) if block is None else np.broadcast_to(block, (1, *shape)).ravel()
            )
        ]

    members = [member(k) for k in range(4)]

    def bracket(word: Any) -> list[Any]:
        if isinstance(word, int):
            return members[word]
        x, y = map(bracket, word)
        return [
            sum((a.diff(t) * v - b.diff(t) * w for t, v, w in zip(theta, x, y, strict=True)), start=field(0))
            for a, b in zip(y, x, strict=True)
        ]

    return bracket


def _residue(entry: Any, point: list[int]) -> int:
    above, below = (part.evaluate(list(zip(part.ring.gens, point, strict=True))) for part in (entry.numer, entry.denom))
    quotient = Fraction(int(above.numerator), int(above.denominator)) / Fraction(
        int(below.numerator), int(below.denominator)
    )
    return quotient.numerator * pow(quotient.denominator, -1, PRIME) % PRIME


# Bounds

NETWORKS: dict[str, Any] = {
    "products": lambda p, x, ops: (p.u @ x) * p.u[0] * x[1] ** 2 * (3 * x[0] - p.u[1] / 2),
    "powers": lambda p, x, ops: (2 * p.u + x) ** 3 / 5,
    "gates": lambda p, x, ops: ops.leaky_relu(p.u * x[0], slope=Fraction(1, 3)) * ops.relu(p.u[::-1] + x),
    "reciprocals of a vector": lambda p, x, ops: 1 / (p.u + x),
    "squares of reciprocals": lambda p, x, ops: (1 / (p.u + x)) ** 2 + x,
    "sum of reciprocals": lambda p, x, ops: (p.u / (p.u + x)).sum() + 1 / (p.u + x).sum(),
    "quotients in quotients": lambda p, x, ops: 1 / (x / 3 + p.u / (1 + x**2)),
    "residual": lambda p, x, ops: x + p.u / (1 + x**2) + p.u / (2 + (x + p.u / (1 + x**2)) ** 2 / 5),
    "moved": lambda p, x, ops: ops.concatenate([1 / (x + p.u), x[::-1]]) * ops.outer(p.u, x).reshape(4),
}


def _network(name: str) -> Network:
    spec = graph_spec(name, trace(NETWORKS[name], {"u": (2,)}, {"x": (2,)}))
    return read_network(spec, {"kind": "gradient"}, "any", Budget())


def _written_out(network: Network) -> Any:
    """All steps as rational functions of the leaves and the gates."""
    gates = find_gates(network.program, Budget())
    field = sympy.QQ.frac_field(*sympy.symbols(f"u:2 x:2 g:{gates.count}"))
    ring = Fractions(field)
    leaves = {
        ("parameter", "u"): ring.array(field.gens[:2], (1, 2)),
        ("data", "x"): ring.array(field.gens[2:4], (1, 2)),
    }
    return field, network.program.forward(
        Jets(ring), leaves, lambda j, _: ring.array(field.gens[4:], (-1,))[gates.numbers[j]][None]
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_bounds_hold_for_what_is_written_out(name: str) -> None:
    """Each step is N / (c prod q^e): degree and norm of N are within their bounds, and its coefficients integers."""
    network = _network(name)
    field, values = _written_out(network)
    bounds = Bounds(network.program, network.flow)

    def below(k: int) -> Any:
        bound = bounds._steps[k]
        result = field(bound.divisor)
        for inverted, exponent in bound.inverted.items():
            for entry in values[inverted].ravel():
                result = result * (entry * below(inverted)) ** exponent
        return result

    for k in network.program.needed:
        bound, common = bounds._steps[k], below(k)
        for entry in values[k].ravel():
            whole = entry * common
            assert whole.denom.is_ground
            coefficients = [c / whole.denom.LC for c in whole.numer.coeffs()]
            assert all(c.denominator == 1 for c in coefficients)
            assert max(map(sum, whole.numer.monoms()), default=0) <= bound.degree
            assert math.log2(max(1, sum(abs(int(c)) for c in coefficients))) <= bound.log + 1e-9


@pytest.mark.parametrize("name", NETWORKS)
def test_an_error_is_at_least_what_the_identity_has(name: str) -> None:
    """A polynomial of degree d may have zeros at d points of the p: <grad h, X>, written out, is one."""
    network = _network(name)
    field, values = _written_out(network)
    bounds = Bounds(network.program, network.flow)
    u = field.gens[:2]
    gradient = [3 * 5 * u[0] ** 2 + 2 * u[1], 2 * u[0]]
    for entry in np.broadcast_to(values[network.program.output], (1, *network.output_shape)).ravel():
        identity = sum((g * entry.diff(t) for g, t in zip(gradient, u, strict=True)), start=field(0))
        degree = max(map(sum, identity.numer.monoms()), default=0)
        error = bounds.round_error(3, 7)
        assert error >= math.log2(max(1, degree)) - bounds.bits - 1


def test_errors_grow_with_everything() -> None:
    network = _network("products")
    error = Bounds(network.program, network.flow).round_error
    assert error(2, 2) < error(5, 2) < error(50, 2) < 0
    assert error(2, 2) <= error(2, 2**40) < error(2, 2**4000)
    deep = [lielaws.mlp([2] * n, "tanh") for n in (3, 4, 6)]
    read = [read_network(graph_spec("deep", a.traced), {"kind": "gradient"}, "any", Budget()) for a in deep]
    errors = [Bounds(one.program, one.flow).round_error(2, 2) for one in read]
    assert errors == sorted(errors)
    assert len(set(errors)) == 3
    rooted = lielaws.architecture(lambda p, x, ops: p.a * ops.sqrt(x**2 + p.b**2), {"a": (), "b": ()}, {"x": ()})
    one = read_network(graph_spec("root", rooted.traced), {"kind": "gradient"}, "any", Budget())
    by_points = [Bounds(one.program, one.flow, points).round_error(2, 2) for points in (0, 1, 8, 64)]
    # Each of the points of which one is chosen may be a zero.
    assert by_points[0] < by_points[1]
    assert np.diff(by_points[1:]) == pytest.approx([3, 3], abs=1e-3)
