"""True square roots: of networks that people train, of squares that are written out, nested ones, and of products."""

from __future__ import annotations

import copy
import json
import random
from functools import cache
from typing import Any

import numpy as np
import pytest

import lielaws
from lielaws.checker.lower import branches
from lielaws.checker.lower.lower import check_lower
from lielaws.checker.lower.roots import RootJets, RootResidues
from lielaws.checker.networks.gates import find_gates
from lielaws.checker.networks.network import read_network
from lielaws.checker.networks.steps import Budget
from lielaws.checker.numbers.residues import random_prime
from lielaws.checker.verify import verify
from lielaws.engine.graph.steps import graph_spec

Record = dict[str, Any]
NO_LAW = "as far as this checker can prove"
TRAINED = {
    "six units": lambda: lielaws.weight_norm([5, 6, 5]),
    "twelve units": lambda: lielaws.weight_norm([3, 12, 2]),
    "sixteen units": lambda: lielaws.weight_norm([3, 16, 3]),
    "layer norm": lambda: lielaws.mlp([2, 3, 13, 2], "relu", norm="layer", epsilon=False),
    "batch norm": lambda: lielaws.mlp([2, 4, 6, 2], "relu", norm="batch", epsilon=False),
}


@cache
def _text(name: str) -> str:
    return lielaws.discover_laws(TRAINED[name]()).certificate.to_json()


@pytest.mark.parametrize("name", TRAINED)
def test_laws_of_networks_that_people_train(name: str) -> None:
    found = json.loads(_text(name))
    assert found["status"] == "exact"
    assert verify(found).reasons == ()


@pytest.mark.parametrize("name", TRAINED)
def test_a_changed_law_of_these_is_refused(name: str) -> None:
    """Another coefficient, or one square less of those that make a norm."""
    found = json.loads(_text(name))
    longest = max(found["lower"]["laws"], key=len)
    for changed in ([[2 * longest[0][0], longest[0][1]], *longest[1:]], longest[1:], longest[:-1]):
        lie = copy.deepcopy(found)
        lie["lower"]["laws"][found["lower"]["laws"].index(longest)] = changed
        (reason,) = verify(lie).reasons
        assert NO_LAW in reason or "they exist at none of the points" in reason


# Coefficients c of a network a c + b x, and whether they vanish, so that `a` is a law, and whether that is proved. A
# square is written out where the rules for proofs would see its root.


def _square(t: Any) -> Any:
    return (t + 1) * (t + 1) - 2 * t - 1


def _norms(u: Any, x: Any, ops: Any) -> Any:
    return ops.sqrt(u * u + 1), ops.sqrt(x * x + 2)


def _nested(u: Any, ops: Any) -> Any:
    return ops.sqrt(1 + ops.sqrt(u * u + 1))


def _squares(u: Any, ops: Any, count: int) -> Any:
    product = 1
    for k in range(count):
        product = product * (ops.sqrt(_square(u + k)) - u - k)
    return product


FALSE = {
    "a square": lambda u, x, ops: ops.sqrt(u * u + 2 * u + 1) - (u + 1),
    "a square with the other sign": lambda u, x, ops: ops.sqrt(u * u + 2 * u + 1) + (u + 1),
    "a positive square": lambda u, x, ops: ops.sqrt(_square(u * u + 1)) + u * u + 1,
    "one of two": lambda u, x, ops: (ops.sqrt(_square(u)) - u) * (ops.sqrt(_square(x)) - x),
    "twenty squares": lambda u, x, ops: _squares(u, ops, 20),
    "a multiple": lambda u, x, ops: ops.sqrt(2 * u) + ops.named_constant("sqrt_two") * ops.sqrt(u),
    "three times": lambda u, x, ops: ops.sqrt(3 * u) + ops.sqrt(3 + 0 * u) * ops.sqrt(u),
    "a product": lambda u, x, ops: ops.sqrt(u * u + 1) * ops.sqrt(x * x + 2) + ops.sqrt((u * u + 1) * (x * x + 2)),
    "a product of three": lambda u, x, ops: (
        ops.sqrt(u * x + u) * ops.sqrt(x * u + x) + ops.sqrt(u * x) * ops.sqrt(u + 1) * ops.sqrt(x + 1)
    ),
    "a nested one": lambda u, x, ops: _nested(u, ops) ** 2 - 1 + ops.sqrt(u * u + 1),
    "nested squares": lambda u, x, ops: ops.sqrt(_square(_nested(u, ops))) + _nested(u, ops),
    "a difference of roots": lambda u, x, ops: (
        ops.sqrt(_square(_norms(u, x, ops)[0] - _norms(u, x, ops)[1])) - _norms(u, x, ops)[0] + _norms(u, x, ops)[1]
    ),
    "conjugates": lambda u, x, ops: (
        ops.sqrt(ops.sqrt(u * u + 1) + 1) * ops.sqrt(ops.sqrt(u * u + 1) - 1) + ops.sqrt(u * u)
    ),
    "numbers": lambda u, x, ops: ops.sqrt(4 - 2 * ops.sqrt(3 + 0 * u)) - 1 + ops.sqrt(3 + 0 * u),
    "an exponential": lambda u, x, ops: ops.exp(ops.sqrt(_square(u))) - ops.exp(u),
    "opposite exponents": lambda u, x, ops: ops.exp(ops.sqrt(u * u + 1)) - ops.exp(-ops.sqrt(u * u + 1)),
    "behind a gate": lambda u, x, ops: ops.sqrt(_square(ops.relu(u) + 1)) - u - 1,
}
TRUE = {
    "both signs": lambda u, x, ops: (ops.sqrt(_square(u)) - u) * (ops.sqrt(_square(u)) + u),
    "a product": lambda u, x, ops: ops.sqrt(u * u + 1) * ops.sqrt(x * x + 2) - ops.sqrt((u * u + 1) * (x * x + 2)),
    "a nested one": lambda u, x, ops: (_nested(u, ops) * _nested(u, ops) - 1) ** 2 - u * u - 1,
    "nested in nested": lambda u, x, ops: ops.sqrt(x + _nested(u, ops)) ** 2 - x - _nested(u, ops),
    "equal to one": lambda u, x, ops: ops.sqrt(_square(u / ops.sqrt(u * u)) + 0 * u) ** 2 - 1,
    "numbers": lambda u, x, ops: (ops.sqrt(4 - 2 * ops.sqrt(3 + 0 * u)) ** 2 - 4) ** 2 - 12,
    "opposite exponents": lambda u, x, ops: ops.exp(ops.sqrt(_square(u))) * ops.exp(-ops.sqrt(_square(u))) - 1,
    "equal exponents": lambda u, x, ops: ops.exp(ops.sqrt(u * u + 1) ** 2) - ops.exp(u * u + 1),
    "exponents of roots": lambda u, x, ops: (
        (ops.exp(ops.sqrt(_square(u))) - ops.exp(u)) * (ops.exp(ops.sqrt(_square(u))) - ops.exp(-u))
    ),
    "behind a gate": lambda u, x, ops: ops.sqrt(_square(ops.relu(u)) + x * x) ** 2 - ops.relu(u) ** 2 - x * x,
}


def _reasons(coefficient: Any) -> list[str]:
    """What the checker says of the law `a`."""

    def network(p: Any, x: Any, ops: Any) -> Any:
        return p.a * coefficient(p.b * x[0], x[1], ops) + p.b * x[0]

    made = lielaws.architecture(network, {"a": (), "b": ()}, {"x": (2,)})
    spec = {key: graph_spec("", made.traced)[key] for key in ("name", "parameters", "data", "steps")}
    one, budget = read_network(spec, {"kind": "gradient"}, "any", Budget()), Budget()
    lower = {"laws": [[[1, [0]]]], "verification": [{"method": "expansion"}]}
    lower["independence"] = {"prime": 2**31 - 1, "point": [2, 3]}
    try:
        return list(check_lower(lower, one, find_gates(one.program, budget), None, budget))
    except lielaws.LieLawsError as error:
        return [str(error)]


@pytest.mark.parametrize("name", FALSE)
def test_no_law_that_rests_on_a_sign(name: str) -> None:
    for _ in range(4):
        assert any(NO_LAW in reason for reason in _reasons(FALSE[name]))


@pytest.mark.parametrize("name", TRUE)
def test_laws_that_rest_on_roots(name: str) -> None:
    for _ in range(4):
        assert _reasons(TRUE[name]) == []


def test_too_many_signs_are_named() -> None:
    (reason,) = _reasons(FALSE["twenty squares"])
    assert "an output that needs 20 signs of square roots and 0 gates" in reason


def test_what_is_independent() -> None:
    """Columns over F_2 behind one of ones: the third is the sum of the first and the ones."""
    assert branches._dependent([[1, 0, 0, 1], [1, 1, 0, 0], [1, 0, 1, 1]], [7, 8, 9]) == [9]
    assert branches._dependent([[1, 0, 0, 1], [1, 1, 0, 0], [1, 0, 1, 1], [1, 0, 0, 0]], [7, 8, 9]) == []
    assert branches._dependent([[1, 0, 1], [1, 0, 1]], [2, 3]) == [2, 3]


# Numbers of F_p[i]


def test_arithmetic_of_pairs() -> None:
    """By the numbers of Python with i, of integers that are small enough to be exact."""
    ring, generator = RootResidues(random_prime(120)), random.Random(3)
    jets, p = RootJets(ring, {}, np.ones((1, 0), dtype=np.int64), set()), ring.prime
    for _ in range(50):
        z, w = (complex(generator.randrange(-999, 999), generator.randrange(1, 999)) for _ in range(2))
        a, b = (tuple(ring.array([int(x)], (1,)) for x in (c.real, c.imag)) for c in (z, w))
        assert [int(x[0]) for x in jets.multiply(a, b)] == [int(x) % p for x in ((z * w).real, (z * w).imag)]
        assert [int(x[0]) for x in jets.multiply(a, jets.inverse(a))] == [1, 0]
        assert [int(x[0]) for x in jets.multiply(a, b[0])] == [int(x * w.real) % p for x in (z.real, z.imag)]


def test_roots_of_pairs() -> None:
    """All residues have roots, every other pair has one; its square is the pair, with both signs."""
    ring, settled = RootResidues(random_prime(120)), set[int]()
    p, exist = ring.prime, 0
    signs = np.array([[1], [-1]], dtype=np.int64)
    jets = RootJets(ring, {5: [(0, 0)]}, signs, settled)
    for k in range(200):
        a = tuple(ring.random((2, 1))[:1] for _ in range(2)) if k % 2 else ring.random((1, 1))
        try:
            roots = jets.function("sqrt", a, None, 5)
        except ZeroDivisionError:
            assert k % 2
            continue
        exist += k % 2
        assert all(int(part[0, 0] + part[1, 0]) % p == 0 for part in roots)
        square = jets.multiply(roots, roots)
        expected = a if type(a) is tuple else (a, a * 0)
        assert all((x == y).all() for x, y in zip(square, expected, strict=True))
    assert 25 < exist < 75
    assert settled == {0}


def test_roots_of_rational_squares_are_positive() -> None:
    ring = RootResidues(random_prime(120))
    jets = RootJets(ring, {5: [(0, 0)]}, -np.ones((1, 1), dtype=np.int64), set())
    nine_quarters = ring.constant([9], 4, (1,))
    assert jets.function("sqrt", nine_quarters, None, 5)[0] == ring.constant([3], 2, (1,))
    assert jets.function("sqrt", nine_quarters, None, 6) == ring.constant([3], 2, (1,))


def test_functions_of_pairs() -> None:
    """Equal arguments have equal values, those of opposite exponents are inverse, other ones differ."""
    ring = RootResidues(random_prime(120))
    jets = RootJets(ring, {}, np.ones((1, 0), dtype=np.int64), set())
    a = ring.random((1, 1)), ring.random((1, 1))
    value = jets.function("exp", a, None, 0)
    assert value == jets.function("exp", a, None, 1) != jets.function("exp", (a[0], -a[1] % ring.prime), None, 2)
    assert jets.multiply(value, jets.function("exp", tuple(-x % ring.prime for x in a), None, 3)) == 1
