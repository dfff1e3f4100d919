"""Balls at any precision: what they contain gets narrower, and what has no value is marked."""

from __future__ import annotations

from fractions import Fraction

import flint
import numpy as np
import pytest

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
    before = flint.ctx.prec
    with flint.ctx.workprec(777):
        assert flint.ctx.prec == 777
    assert flint.ctx.prec == before
    with pytest.raises(ZeroDivisionError), flint.ctx.workprec(777):
        Fraction(1, 0)
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
