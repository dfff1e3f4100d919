"""Balls at any precision: what they contain gets narrower, and what has no value is marked."""

from __future__ import annotations

from fractions import Fraction

import flint
import numpy as np
import pytest

from lielaws import architecture, discover_laws
from lielaws.engine.arithmetic.balls import Balls
from lielaws.engine.arithmetic.polynomials import objects
from tests.unit.engine.arithmetic.programs import in_balls

VALUES = {"a": Fraction(2, 3), "W": [[Fraction(1), Fraction(-1, 7)], [Fraction(2), Fraction(5, 3)]]}
VALUES["x"] = [Fraction(1, 2), Fraction(3)]


def test_rational_networks_have_their_values():
    found, defined = in_balls(lambda p, x, ops: p.W @ x / p.a - x**3, VALUES)
    expected = [Fraction(1, 2) - Fraction(3, 7), Fraction(1) + 5]
    assert defined
    for ball, number, x in zip(found, expected, VALUES["x"], strict=True):
        value = number / VALUES["a"] - x**3
        assert ball.overlaps(flint.arb(flint.fmpq(value.numerator, value.denominator)))


def test_more_bits_make_narrower_balls():
    network = lambda p, x, ops: ops.gelu(p.W @ x) * ops.exp(x)  # noqa: E731
    coarse, fine = (in_balls(network, VALUES, bits)[0] for bits in (64, 256))
    for one, other in zip(coarse, fine, strict=True):
        assert float(other.rad()) < 1e-60 < float(one.rad()) < 1e-10
        assert one.overlaps(other)


def test_the_precision_is_as_before_afterwards():
    """With the root of a square there are fewer brackets than free values show, so that balls have to close them."""
    before = flint.ctx.prec
    network = architecture(lambda p, x, ops: p.a * ops.sqrt(p.b**2) * x, {"a": (), "b": ()}, {"x": ()})
    assert discover_laws(network).n_laws == 1
    assert flint.ctx.prec == before


@pytest.mark.parametrize(
    "network",
    [
        lambda p, x, ops: 1 / (p.a - p.a),
        lambda p, x, ops: ops.log(-p.a),
        lambda p, x, ops: ops.sqrt(x - 1),
        lambda p, x, ops: ops.sqrt(p.a - p.a),
    ],
)
def test_what_has_no_value_is_marked(network):
    assert not in_balls(network, VALUES)[1]


def test_gates_of_what_may_be_zero_have_both_values():
    found, defined = in_balls(lambda p, x, ops: ops.relu(ops.sqrt(p.a) ** 2 - p.a), VALUES)
    assert defined
    assert np.ravel(found)[0].contains(0)


@pytest.mark.parametrize("mid", [0.5, -0.5])
def test_what_may_have_either_sign_has_the_values_of_both_sides(mid):
    (found,) = Balls().piecewise(objects([flint.arb(mid, 1)], (1, 1, 1)), Fraction(-1), Fraction(1)).ravel()
    assert all(found.contains(value) for value in (0, 0.5, 1.5))
