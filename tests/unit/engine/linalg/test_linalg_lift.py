"""From residues back to the numbers they came from."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, isqrt

import flint
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lielaws.engine.linalg import combine, integer_row, lift_rows, rational_reconstruction, short_basis
from lielaws.errors import InvalidArgumentError

P, Q = 2**31 - 1, 1_073_741_827
BOUND = isqrt(P // 2)


def residue(fraction, m):
    return fraction.numerator * pow(fraction.denominator, -1, m) % m


@settings(deadline=None)
@given(st.integers(-BOUND, BOUND), st.integers(1, BOUND))
def test_round_trip(numerator, denominator):
    fraction = Fraction(numerator, denominator)
    assert rational_reconstruction(residue(fraction, P), P) == fraction


@pytest.mark.parametrize("m", [3, 5, 7, 11, 9, 15, 101])
def test_every_residue_of_small_moduli(m):
    """By exhaustion: at most one fraction fits, and it is the one that is found."""
    bound = isqrt(m // 2)
    fitting = {a: set() for a in range(m)}
    for n in range(-bound, bound + 1):
        for d in range(1, bound + 1):
            if gcd(n, d) == 1 and gcd(d, m) == 1:
                fitting[n * pow(d, -1, m) % m].add(Fraction(n, d))
    for a, fractions in fitting.items():
        assert len(fractions) <= 1
        assert rational_reconstruction(a, m) == next(iter(fractions), None)


def test_lift_of_arrays_and_lists():
    rows = np.array([[0, 1, P - 1], [residue(Fraction(2, 3), P), 5, 0]])
    expected = [[0, 1, -1], [Fraction(2, 3), 5, 0]]
    assert lift_rows(rows, P) == lift_rows(rows.tolist(), P) == expected


def test_lift_fails_as_a_whole():
    hopeless = next(a for a in range(BOUND + 1, P) if rational_reconstruction(a, P) is None)
    assert lift_rows([[1, 2], [3, hopeless]], P) is None


def test_lift_of_nothing():
    assert lift_rows(np.zeros((0, 4), dtype=np.int64), P) == []


@settings(deadline=None)
@given(st.lists(st.integers(-(10**27), 10**27), min_size=1, max_size=6))
def test_combine_finds_integers(values):
    primes = [P, Q, 2**30 + 7, 2**29 + 11]
    rows, modulus = combine([[[value % p for value in values]] for p in primes], primes)
    assert modulus == P * Q * (2**30 + 7) * (2**29 + 11)
    assert [value % modulus for value in values] == rows[0].tolist()
    assert all(type(entry) is int for entry in rows[0])


def test_combine_one_prime_at_a_time():
    fraction = Fraction(123_456_789_012, 98_765_432_101)
    residues = [np.array([[residue(fraction, p)]]) for p in (P, Q, 2**30 + 7)]
    rows, modulus = combine(residues[:2], [P, Q])
    rows, modulus = combine([rows, residues[2]], [modulus, 2**30 + 7])
    assert lift_rows(rows, modulus) == [[fraction]]


def test_combine_takes_lists_of_numpy_integers():
    m, value = 2**61 - 1, 2**90 + 12345
    rows, modulus = combine([[[np.int64(value % m)]], [[np.int64(value % P)]]], [m, P])
    assert rows[0, 0] == value % modulus


def test_combine_needs_a_modulus_each():
    with pytest.raises(InvalidArgumentError, match="moduli"):
        combine([[[1]]], [P, Q])
    with pytest.raises(InvalidArgumentError, match="moduli"):
        combine([], [])


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([Fraction(1, 2), Fraction(-1, 3)], [3, -2]),
        ([0, Fraction(-4), 6], [0, 2, -3]),
        ([0, 0], [0, 0]),
        ([], []),
        ([Fraction(-7, 5)], [1]),
    ],
)
def test_integer_row(row, expected):
    assert integer_row(row) == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[2, 0], [0, 2]], [[1, 0], [0, 1]]),
        ([[1, 1, 0], [1, -1, 0]], [[1, 0, 0], [0, 1, 0]]),
        ([[2, 4, 6], [1, 2, 3]], [[1, 2, 3]]),
        ([[-3, 0, 3]], [[1, 0, -1]]),
        ([[1, 0, 5, 0], [0, 1, 5, 0]], [[1, -1, 0, 0], [1, 0, 5, 0]]),
        ([[0, 0]], []),
        ([[]], []),
        ([], []),
    ],
)
def test_short_basis(rows, expected):
    assert short_basis(rows) == expected


@settings(deadline=None)
@given(st.integers(0, 4), st.integers(1, 6), st.data())
def test_short_basis_spans_every_integer_vector(count, width, data):
    entry = st.integers(-9, 9)
    rows = data.draw(st.lists(st.lists(entry, min_size=width, max_size=width), min_size=count, max_size=count))
    basis = short_basis(rows)
    rank = flint.fmpz_mat(rows).rank() if rows else 0
    assert len(basis) == rank
    if not basis:
        return
    assert flint.fmpz_mat(rows + basis).rank() == rank
    # A sublattice of Z^n is saturated if and only if all its invariant factors are 1.
    smith = flint.fmpz_mat(basis).snf()
    assert all(abs(int(smith[i, i])) == 1 for i in range(rank))
    assert all(gcd(*row) == 1 and next(entry for entry in row if entry) > 0 for row in basis)


def test_short_basis_is_deterministic_and_sorted():
    rows = [[3, 1, 4, 1, 5], [9, 2, 6, 5, 3], [5, 8, 9, 7, 9]]
    basis = short_basis(rows)
    assert basis == short_basis(rows)
    keys = [(sum(map(bool, row)), max(map(abs, row))) for row in basis]
    assert keys == sorted(keys)
