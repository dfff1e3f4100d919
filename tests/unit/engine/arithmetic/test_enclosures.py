"""Every enclosure contains the true value: of numbers of all sizes, long sums, functions, and whole networks."""

from __future__ import annotations

from fractions import Fraction

import flint
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lielaws.engine.arithmetic.enclosures import Enclosures, exact, of_arb, of_fractions
from tests.unit.engine.arithmetic.programs import contains, enclosed, in_balls
from tests.unit.engine.values.random_networks import random_network

numbers = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [0.0, 5e-324, -5e-324, 2.0**-1022, 2.0**-1000, 1.5 * 2.0**-540, 2.0**500, 1.7e308, -1.7e308, 1.0, -1.0]
)
radii = st.floats(0, 1e3, allow_nan=False) | st.sampled_from([0.0, 5e-324, 2.0**-1030, 1e-17, 1e-300])
balls = st.tuples(numbers, radii)
unit = st.fractions(-1, 1, max_denominator=97)


def _array(pairs) -> np.ndarray:
    """Enclosures of shape (2, 1, 1, count)."""
    return np.array(pairs, dtype=np.float64).T.reshape(2, 1, 1, -1)


def _inside(ball, where: Fraction) -> Fraction:
    """A number within the radius of the midpoint."""
    return Fraction(ball[0]) + where * Fraction(ball[1])


def _holds(result: np.ndarray, true: Fraction, position=()) -> bool:
    mid, rad = (float(part[position] if position else part.ravel()[0]) for part in result)
    return not np.isfinite(mid) or not np.isfinite(rad) or abs(Fraction(mid) - true) <= Fraction(rad)


def _quiet(function, *arguments):
    with np.errstate(all="ignore"):
        return function(*arguments)


@given(a=balls, b=balls, at=unit, bt=unit, factor=st.fractions(max_denominator=10**6) | st.just(Fraction(1, 3)))
def test_field_operations(a, b, at, bt, factor):
    arithmetic, x, y = Enclosures(), _array([a]), _array([b])
    u, v = _inside(a, at), _inside(b, bt)
    assert _holds(_quiet(arithmetic.plus, x, y), u + v)
    assert _holds(_quiet(arithmetic.minus, x, y), u - v)
    assert _holds(_quiet(arithmetic.times, x, y), u * v)
    assert _holds(_quiet(arithmetic.scale, factor, x), factor * u)
    inverse = _quiet(arithmetic.inverse, x)
    if arithmetic.undefined is None:
        assert _holds(inverse, 1 / u)
    else:
        assert np.isinf(inverse[1]).all()


@given(a=balls, at=unit)
def test_roots(a, at):
    arithmetic, u = Enclosures(), _inside(a, at)
    mid, rad = (float(part.ravel()[0]) for part in _quiet(arithmetic.value, "sqrt", _array([a])))
    if arithmetic.undefined is not None:
        assert rad == np.inf
    elif np.isfinite(rad):
        assert u > 0
        low, high = Fraction(mid) - Fraction(rad), Fraction(mid) + Fraction(rad)
        assert max(low, 0) ** 2 <= u <= high**2


@pytest.mark.parametrize("number", [0.0, -1.0, -5e-324, np.inf, np.nan])
def test_roots_and_logarithms_that_do_not_exist_are_marked(number):
    for kind in ("sqrt", "log"):
        arithmetic = Enclosures()
        values = _quiet(arithmetic.value, kind, exact(np.array([[[1.0], [number], [4.0]]]).reshape(1, 3, 1)))
        assert arithmetic.undefined.tolist() == [False, True, False], kind
        assert np.isfinite(values[:, 0, [0, 2]]).all()


def test_a_root_is_not_taken_of_what_may_be_zero():
    arithmetic = Enclosures()
    _quiet(arithmetic.value, "sqrt", _array([(1.0, 1.0)]))
    assert arithmetic.undefined.all()


@given(
    kind=st.sampled_from(["exp", "log", "gauss"]),
    mid=st.floats(-60, 60),
    rad=st.sampled_from([0.0, 1e-16, 1e-9, 0.25]),
    at=unit,
)
def test_functions(kind, mid, rad, at):
    arithmetic = Enclosures()
    found = _quiet(arithmetic.value, kind, _array([(mid, rad)]))
    if arithmetic.undefined is not None:
        assert kind == "log"
        assert mid - rad <= 0
        return
    function = {"exp": lambda x: x.exp(), "log": lambda x: x.log(), "gauss": _gauss}[kind]
    with flint.ctx.workprec(_PRECISE):
        assert _contains(found, function(_as_arb(_inside((mid, rad), at))))


# At the 53 bits of floats the true values would be as wide as what is to be tested.
_PRECISE = 300


def _as_arb(number):
    return flint.arb(flint.fmpq(*number.as_integer_ratio()))


def _contains(found, true):
    mid, rad = (float(part.ravel()[0]) for part in found)
    return rad == np.inf or abs(true - flint.arb(mid)) <= flint.arb(rad)


def _gauss(x):
    return (flint.arb.pi() / 2).sqrt() * (x / flint.arb(2).sqrt()).erf()


@given(mid=st.floats(-1e6, 1e6), rad=st.sampled_from([0.0, 1e-12, 1.0]), at=unit)
def test_circle(mid, rad, at):
    cos, sin = Enclosures().circle(_array([(mid, rad)]))
    with flint.ctx.workprec(_PRECISE):
        inside = _as_arb(_inside((mid, rad), at))
        for found, true in ((cos, inside.cos()), (sin, inside.sin())):
            assert _contains(found, true)


@given(
    seed=st.integers(0, 2**32),
    terms=st.sampled_from([1, 2, 7, 50, 400]),
    size=st.sampled_from([-510, -300, 0, 300]),
)
def test_long_sums_and_products_of_matrices(seed, terms, size):
    rng = np.random.default_rng(seed)
    scales = 2.0 ** rng.integers(-12, 13, (2, terms))
    a, b = (rng.normal(size=terms) * scale * 2.0**size for scale in scales)
    # The exact sum nearly cancels: rounding is all there is.
    a[terms // 2 :], b[terms // 2 :] = -a[: terms - terms // 2], b[: terms - terms // 2]
    radii = np.abs(rng.normal(size=(2, terms))) * 2.0**size * rng.choice([0.0, 1e-15])
    x, y = np.stack([a, radii[0]]), np.stack([b, radii[1]])
    inside = [[_inside(pair, _unit(rng)) for pair in part.T.tolist()] for part in (x, y)]
    arithmetic = Enclosures()
    product = _quiet(arithmetic.matrix_product, x.reshape(2, 1, 1, 1, terms), y.reshape(2, 1, 1, terms, 1))
    assert _holds(product, sum((u * v for u, v in zip(*inside, strict=True)), Fraction(0)))
    total = sum(inside[0], Fraction(0))
    assert _holds(_quiet(arithmetic.sum, x.reshape(2, 1, 1, terms), (0,)), total)
    assert _holds(_quiet(arithmetic.grouped, x.reshape(2, terms, 1), np.array([0])), total)


def _unit(rng) -> Fraction:
    return Fraction(int(rng.integers(-8, 9)), 8)


@given(a=balls, at=unit, below=st.sampled_from([Fraction(0), Fraction(1, 100), Fraction(-1)]))
def test_piecewise_linear_functions(a, at, below):
    u = _inside(a, at)
    found = _quiet(Enclosures().piecewise, _array([a]), below, Fraction(1))
    assert _holds(found, u if u > 0 else below * u)


@given(numerator=st.integers(-(10**400), 10**400), denominator=st.integers(1, 10**400))
def test_numbers(numerator, denominator):
    assert _holds(of_fractions([Fraction(numerator, denominator)], (1,)), Fraction(numerator, denominator), (0,))


def test_what_is_not_finite_is_not_enclosed():
    assert of_arb([flint.arb.nan(), flint.arb(1)], (2,))[1].tolist()[0] == np.inf


NETWORKS = {
    "layer": lambda p, x, ops: p.W @ ops.tanh(p.W @ x),
    "norm": lambda p, x, ops: x * ops.rsqrt((x * x).sum() + 1),
    "softmax": lambda p, x, ops: ops.softmax(p.W @ x) @ x,
    "gelu": lambda p, x, ops: ops.gelu(p.W @ x) * p.a,
    "quotient": lambda p, x, ops: p.a / (p.a - x) + (x**5).sum(),
    "gates": lambda p, x, ops: ops.relu(p.W @ x) + ops.leaky_relu(x) * ops.abs(p.a),
    "waves": lambda p, x, ops: ops.sin(p.W @ x) * ops.cos(x[::-1]),
    "logarithm": lambda p, x, ops: ops.log(p.a * x),
}
entries = st.fractions(-4, 4, max_denominator=64) | st.sampled_from([Fraction(0), Fraction(1, 10**9), Fraction(300)])


@given(name=st.sampled_from(sorted(NETWORKS)), drawn=st.lists(entries, min_size=7, max_size=7))
def test_networks(name, drawn):
    _compare(NETWORKS[name], drawn)


@pytest.mark.parametrize("seed", range(60))
def test_random_networks(seed):
    rng = np.random.default_rng(seed)
    drawn = [Fraction(int(number), 64) for number in rng.integers(-150, 151, 8)]
    while not _compare(random_network(rng), drawn):
        pass


def _compare(network, drawn) -> bool:
    """Whether the network has a value there, which is as it should be then."""
    values = {"a": drawn[0], "W": np.array(drawn[1:5], dtype=object).reshape(2, 2), "x": drawn[5:7]}
    if len(drawn) > 7:
        values["b"] = drawn[7]
    mid, rad, defined = enclosed(network, values)
    true, exists = in_balls(network, values)
    if not defined:
        return False
    # Where floats see a value there is one, and they contain it.
    assert exists
    assert contains(np.broadcast_to(mid, true.shape), np.broadcast_to(rad, true.shape), true)
    return True
