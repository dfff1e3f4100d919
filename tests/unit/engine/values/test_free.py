"""Free values of functions: the identities that hold by construction, and no others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lielaws import architecture
from lielaws.engine.values.free import FreeFunctions
from tests.unit.engine.values.free import PRIME, free_values

PRIMES = (PRIME, 10007, 2**61 - 1, 2**127 - 1)
KINDS = ("exp", "log", "sqrt", "gauss")


def _array(numbers, p):
    return np.array(numbers, dtype=np.int64 if p < 2**31 else object).reshape(1, 1, -1)


def _functions(p, seed=0, samples=1):
    return FreeFunctions.draw(np.random.default_rng(seed), p, samples)


@pytest.mark.parametrize("p", PRIMES)
@given(seed=st.integers(0, 2**32), data=st.data())
def test_identities(p, seed, data):
    functions = _functions(p, seed)
    a = _array(data.draw(st.lists(st.integers(1, p - 1), min_size=1, max_size=4)), p)
    opposite = p - a
    assert (functions.value("exp", a) * functions.value("exp", opposite) % p == 1).all()
    assert ((functions.value("gauss", a) + functions.value("gauss", opposite)) % p == 0).all()
    (cos, sin), (even, odd) = functions.circle(a), functions.circle(opposite)
    assert (cos == even).all()
    assert ((sin + odd) % p == 0).all()
    assert ((cos * cos + sin * sin) % p == 1).all()


@pytest.mark.parametrize("p", PRIMES)
def test_special_values(p):
    functions, zero, one = _functions(p), _array([0], p), _array([1], p)
    assert functions.value("exp", zero).ravel().tolist() == [1]
    assert functions.value("gauss", zero).ravel().tolist() == [0]
    assert functions.value("log", one).ravel().tolist() == [0]
    assert functions.value("sqrt", one).ravel().tolist() == [1]
    assert [part.ravel().tolist() for part in functions.circle(zero)] == [[1], [0]]


@pytest.mark.parametrize("p", PRIMES)
@pytest.mark.parametrize("kind", KINDS)
def test_equal_arguments_have_equal_values_and_others_do_not(p, kind):
    functions = _functions(p)
    found = functions.value(kind, _array([5, 77, 5, 78, 77], p)).ravel().tolist()
    assert found[0] == found[2]
    assert found[1] == found[4]
    assert len(set(found)) == 3
    assert all(0 < number < p for number in found)
    # However they are arranged, and in another call.
    assert functions.value(kind, _array([77], p)).ravel().tolist() == [found[1]]


@pytest.mark.parametrize("p", PRIMES)
def test_functions_are_unrelated(p):
    """exp(a + b) is not exp(a) exp(b), the square of a root is not its argument, exp(log(a)) is not a."""
    functions, a = _functions(p), _array([5, 6, 11], p)
    exp = functions.value("exp", a).ravel().tolist()
    assert exp[0] * exp[1] % p != exp[2]
    root = functions.value("sqrt", a).ravel().tolist()
    assert root[0] ** 2 % p != 5
    assert functions.value("exp", functions.value("log", a)).ravel().tolist() != [5, 6, 11]
    assert len({tuple(functions.value(kind, a).ravel().tolist()) for kind in KINDS}) == len(KINDS)


def test_another_point_has_other_values():
    a = _array([5, 6], PRIME)
    both = [_functions(PRIME, seed).value("exp", a).tolist() for seed in (0, 1)]
    assert both[0] != both[1]
    assert both[0] == _functions(PRIME, 0).value("exp", a).tolist()


def test_each_sample_has_functions_of_its_own():
    functions, a = _functions(PRIME, samples=3), np.full((1, 3, 2), 5)
    values = functions.value("exp", a)
    assert len(set(values[0, :, 0].tolist())) == 3
    assert (values[0, :, 0] == values[0, :, 1]).all()
    assert (functions.select([2, 0]).value("exp", a[:, :2]) == values[:, [2, 0]]).all()
    assert _functions(PRIME).select([2, 0]).keys.shape == (2, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_spread_over_all_residues(kind):
    p = 101
    found = FreeFunctions.draw(np.random.default_rng(0), p, 4000).value(kind, np.full((1, 4000, 1), 7)).ravel()
    counts = np.bincount(found, minlength=p)
    assert counts[0] == 0
    assert counts[1:].min() > 10
    assert counts[1:].max() < 90


@pytest.mark.parametrize(
    ("network", "zero"),
    [
        (lambda p, x, ops: ops.exp(p.a * x - x * p.a), False),
        (lambda p, x, ops: ops.exp((p.a + x) ** 2) - ops.exp(p.a**2 + 2 * p.a * x + x**2), True),
        (lambda p, x, ops: ops.exp(p.a * x) * ops.exp(-p.a * x) - 1, True),
        (lambda p, x, ops: ops.tanh(p.a * x) + ops.tanh(-p.a * x), True),
        (lambda p, x, ops: ops.exp(2 * p.a * x) - ops.exp(p.a * x) ** 2, False),
        (lambda p, x, ops: ops.sqrt(x) ** 2 - x, False),
    ],
)
def test_networks(network, zero):
    output = architecture(network, {"a": ()}, {"x": ()}).potential.traced.output
    assert all(not free_values(output, seed).any() for seed in range(5)) == zero
