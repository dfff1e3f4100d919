"""Jets: products and chain rules against derivatives by sympy, in residues, enclosures and balls alike."""

from __future__ import annotations

from fractions import Fraction

import flint
import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from lielaws.engine.arithmetic.balls import Balls
from lielaws.engine.arithmetic.enclosures import Enclosures, as_arb, exact
from lielaws.engine.arithmetic.jets import subset_pairs
from lielaws.engine.arithmetic.modular import Modular
from lielaws.engine.graph.network import trace
from lielaws.engine.graph.program import Program
from lielaws.engine.values.free import FreeFunctions
from tests.unit.engine.arithmetic.programs import constants

P = 2**31 - 1
E1, E2, X = sympy.symbols("e1 e2 x")
POINT, FIRST, SECOND, BOTH = Fraction(3, 4), Fraction(2), Fraction(-5, 4), Fraction(1, 2)


def test_pairs_of_subsets():
    left, right, starts = subset_pairs(4)
    pairs = sorted(zip(left.tolist(), right.tolist(), strict=True))
    assert pairs == [(a, b) for a in range(4) for b in range(4) if not a & b]
    unions = (left | right)[starts]
    assert unions.tolist() == [0, 1, 2, 3]


@given(
    a=st.lists(st.integers(0, P - 1), min_size=8, max_size=8), b=st.lists(st.integers(0, P - 1), min_size=8, max_size=8)
)
def test_products(a, b):
    """(sum a_S e_S)(sum b_T e_T), with e_S e_T = 0 where S and T meet."""
    found = Modular(P).multiply(*(np.array(c).reshape(8, 1) for c in (a, b)))[:, 0]
    expected = [sum(a[s] * b[u ^ s] for s in range(8) if s & u == s) % P for u in range(8)]
    assert found.tolist() == expected


def test_values_without_infinitesimal_part_meet_the_others():
    rng, arithmetic = np.random.default_rng(0), Modular(P)
    short, full = rng.integers(0, P, (1, 3, 2)), rng.integers(0, P, (4, 3, 2))
    padded = np.concatenate([short, np.zeros((3, 3, 2), dtype=np.int64)])
    assert (arithmetic.multiply(short, full) == arithmetic.multiply(padded, full)).all()
    assert (arithmetic.add(short, full) == arithmetic.plus(padded, full)).all()
    assert (arithmetic.add(full, short) == arithmetic.plus(padded, full)).all()


FUNCTIONS = {
    "reciprocal": (lambda u, ops: 1 / u, lambda u: 1 / u),
    "powers": (lambda u, ops: u**7 - 3 * u**2 / 5, lambda u: u**7 - 3 * u**2 / 5),
    "exp": (lambda u, ops: ops.exp(u), sympy.exp),
    "log": (lambda u, ops: ops.log(u), sympy.log),
    "sqrt": (lambda u, ops: ops.sqrt(u), sympy.sqrt),
    "erf": (lambda u, ops: ops.normal_cdf(u), lambda u: (1 + sympy.erf(u / sympy.sqrt(2))) / 2),
    "cos": (lambda u, ops: ops.cos(u), sympy.cos),
    "sin": (lambda u, ops: ops.sin(u), sympy.sin),
    "tanh": (lambda u, ops: ops.tanh(u), sympy.tanh),
    "nested": (
        lambda u, ops: ops.exp(ops.sin(u) / ops.sqrt(1 + u**2)),
        lambda u: sympy.exp(sympy.sin(u) / sympy.sqrt(1 + u**2)),
    ),
}


def _expected(function) -> list[sympy.Expr]:
    """The coefficients of 1, e1, e2 and e1 e2."""
    argument = X + FIRST * E1 + SECOND * E2 + BOTH * E1 * E2
    value = function(argument)
    parts = [value, value.diff(E1), value.diff(E2), value.diff(E1, E2)]
    at = {E1: 0, E2: 0, X: sympy.Rational(POINT.numerator, POINT.denominator)}
    return [part.subs(at) for part in parts]


def _program(network):
    traced = trace(lambda p, x, ops: network(x, ops), {}, {"x": ()})
    return Program.of([traced.output]), traced.data["x"].static, traced.output


@pytest.mark.parametrize("name", FUNCTIONS)
def test_chain_rules_of_real_numbers(name):
    network, function = FUNCTIONS[name]
    program, leaf, output = _program(network)
    jet = [POINT, FIRST, SECOND, BOTH]
    one = {leaf: exact(np.array([[float(c)] for c in jet]))}
    (floats,) = program.run(Enclosures(), one | constants(output, Enclosures()))
    with flint.ctx.workprec(200):
        entries = np.empty(4, dtype=object)
        entries[:] = [as_arb(c) for c in jet]
        (balls,) = program.run(Balls(), {leaf: entries.reshape(4, 1)} | constants(output, Balls()))
        for k, part in enumerate(_expected(function)):
            true = flint.arb(str(sympy.N(part, 50)), 1e-40)
            assert balls[k, 0].overlaps(true), part
            assert float(balls[k, 0].rad()) < 1e-40
            mid, rad = (float(floats[i, k].ravel()[0]) for i in (0, 1))
            assert flint.arb(mid, rad).overlaps(true), part
            assert rad < 1e-10


@pytest.mark.parametrize("name", ["reciprocal", "powers"])
def test_chain_rules_of_residues(name):
    network, function = FUNCTIONS[name]
    program, leaf, _ = _program(network)
    residues = [c.numerator * pow(c.denominator, -1, P) % P for c in (POINT, FIRST, SECOND, BOTH)]
    (found,) = program.run(Modular(P), {leaf: np.array(residues).reshape(4, 1)})
    for k, part in enumerate(_expected(function)):
        assert found[k, 0] == int(part.p) * pow(int(part.q), -1, P) % P


def test_derivatives_of_free_values():
    """exp' = exp, (r^2)' = q' and log' = 1 / u hold for free values, as do the derivatives of sine and cosine."""
    rng = np.random.default_rng(3)
    arithmetic, jet = Modular(P, FreeFunctions.draw(rng, P)), rng.integers(1, P, (4, 1))

    def value(network):
        program, leaf, _ = _program(network)
        return program.run(arithmetic, {leaf: jet})[0]

    u = value(lambda u, ops: u)
    e, r, logarithm = (value(lambda u, ops, f=f: getattr(ops, f)(u)) for f in ("exp", "sqrt", "log"))
    cos, sin = (value(lambda u, ops, f=f: getattr(ops, f)(u)) for f in ("cos", "sin"))
    first = lambda a: int(a[1, 0])  # noqa: E731  the coefficient of e1
    base = lambda a: int(a[0, 0])  # noqa: E731
    assert first(e) == base(e) * first(u) % P
    assert 2 * base(r) * first(r) % P == first(u)
    assert first(logarithm) * base(u) % P == first(u)
    assert first(cos) == -base(sin) * first(u) % P
    assert first(sin) == base(cos) * first(u) % P
    product = arithmetic.multiply(e, value(lambda u, ops: ops.exp(-u)))
    assert product[:, 0].tolist() == [1, 0, 0, 0]
