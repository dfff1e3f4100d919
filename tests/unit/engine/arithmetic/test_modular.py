"""Residues: field operations against Fractions, denominators that a prime divides, and large primes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lielaws.engine.arithmetic.modular import BadPrimeError, Modular
from lielaws.engine.graph.network import trace
from lielaws.engine.graph.program import Program

PRIMES = (2**31 - 1, 10007, 2**61 - 1, 2**127 - 1)


def residue(number: Fraction, p: int) -> int:
    return number.numerator * pow(number.denominator, -1, p) % p


@pytest.mark.parametrize("p", PRIMES)
@given(a=st.fractions(-50, 50, max_denominator=99), b=st.fractions(-50, 50, max_denominator=99))
def test_rational_networks(p, a, b):
    traced = trace(lambda q, x, ops: (q.a * x - 3) ** 3 / (7 + x**2) + ops.stack([x, q.a]).sum(), {"a": ()}, {"x": ()})
    leaves = {traced.parameters["a"].static: a, traced.data["x"].static: b}
    dtype = np.int64 if p < 2**31 else object
    values = {leaf: np.array([[residue(number, p)]], dtype=dtype) for leaf, number in leaves.items()}
    (found,) = Program.of([traced.output]).run(Modular(p), values)
    expected = (a * b - 3) ** 3 / (7 + b**2) + a + b
    assert int(found.ravel()[0]) == residue(expected, p)


@pytest.mark.parametrize("p", PRIMES)
def test_matrix_products_do_not_overflow(p):
    rng = np.random.default_rng(0)
    a = np.array([[p - 1 - int(k) for k in rng.integers(0, 3, 300)]], dtype=object)
    dtype = np.int64 if p < 2**31 else object
    found = Modular(p).matrix_product(a.astype(dtype)[None, None], a.T.astype(dtype)[None, None])
    assert int(found.ravel()[0]) == int((a @ a.T)[0, 0]) % p


def test_vanishing_denominators_mark_samples():
    arithmetic = Modular(10007)
    found = arithmetic.inverse(np.array([[2, 0, 5]]).reshape(1, 3, 1))
    assert arithmetic.undefined.tolist() == [False, True, False]
    assert found[0, [0, 2], 0].tolist() == [pow(2, -1, 10007), pow(5, -1, 10007)]


def test_a_vanishing_denominator_of_all_samples_is_an_error():
    with pytest.raises(BadPrimeError):
        Modular(10007).inverse(np.zeros((1, 1, 2), dtype=np.int64))


def test_primes_that_divide_a_denominator_are_refused():
    with pytest.raises(BadPrimeError, match="divides"):
        Modular(10007).residue(Fraction(1, 10007))
