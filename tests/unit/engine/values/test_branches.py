"""True square roots in F_p[i]: r^2 = q, roots of equal arguments, and when all signs are conjugate."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lielaws.engine.linalg import EXPLORATION_PRIME
from lielaws.engine.values.branches import RootedModular
from lielaws.engine.values.free import FreeFunctions

P = EXPLORATION_PRIME
COUNT = 256


def _arithmetic(roots, *, nested=(), signs=None):
    rng = np.random.default_rng(1)
    chosen = rng.random((COUNT, roots)) < 0.5 if signs is None else signs
    mixed = rng.integers(0, P, COUNT)
    free, first = FreeFunctions.draw(rng, P, COUNT), {k: k for k in range(roots)}
    return RootedModular(free, chosen, first, true=range(roots), nested=nested, mixed=mixed)


def _rooted(arguments, **keywords):
    """The roots of some arguments, each of shape (jets, count), one after the other."""
    arithmetic = _arithmetic(len(arguments), **keywords)
    return arithmetic, [arithmetic.sqrt(np.reshape(a, (-1, COUNT)), k) for k, a in enumerate(arguments)]


@pytest.fixture
def q():
    """Random residues, one array for each of five numbers."""
    return np.random.default_rng(0).integers(1, P, (5, 1, COUNT))


def test_numbers_are_those_of_a_field(q):
    arithmetic = _arithmetic(0)
    a, b = q[0:2, 0], q[2:4, 0]
    product = arithmetic.multiply(a, b)
    assert (product[0] == (a[0] * b[0] - a[1] * b[1]) % P).all()
    assert (product[1] == (a[0] * b[1] + a[1] * b[0] % P) % P).all()
    assert (arithmetic.multiply(arithmetic.reciprocal(a), a) == np.array([[1], [0]])).all()
    assert (arithmetic.multiply(a, q[4]) == a * q[4] % P).all()


def test_every_residue_has_roots(q):
    arithmetic, (root,) = _rooted(q[:1])
    assert arithmetic.rooted.all()
    assert 90 < root[0].astype(bool).sum() < 166  # half of the residues are squares, the others have imaginary roots
    assert (arithmetic.multiply(root, root) == np.concatenate([q[0], 0 * q[0]])).all()


def test_of_other_numbers_half_have_roots(q):
    arithmetic, (root,) = _rooted([q[:2]], nested=[0])
    there = arithmetic.rooted
    assert 90 < there.sum() < 166
    assert (arithmetic.multiply(root, root) == q[:2, 0])[:, there].all()
    norm = (q[0, 0] ** 2 + q[1, 0] ** 2 % P) % P
    assert [pow(int(a), (P - 1) // 2, P) == 1 for a in norm] == there.tolist()


def test_numbers_that_are_residues_by_chance_have_roots(q):
    some = np.concatenate([q[0], np.where(np.arange(COUNT) % 2, q[1], 0)])
    arithmetic, (root,) = _rooted([some], nested=[0])
    assert arithmetic.rooted[::2].all()
    there = arithmetic.rooted
    assert (arithmetic.multiply(root, root) == some)[:, there].all()


def test_signs_choose_the_root(q):
    signs = np.zeros((COUNT, 1), dtype=bool)
    _, (plus,) = _rooted(q[:1], signs=signs)
    _, (minus,) = _rooted(q[:1], signs=~signs)
    assert ((plus + minus) % P == 0).all()


def test_equal_arguments_share_a_root(q):
    arithmetic, (one, other) = _rooted([q[0], q[0]])
    assert (one == other).all()
    assert arithmetic.independent()


def test_a_root_of_zero_counts_as_undefined(q):
    assert not _rooted([0 * q[0]])[0].rooted.any()
    assert not _rooted([0 * q[:2]], nested=[0])[0].rooted.any()


def test_roots_that_are_not_true_are_free(q):
    rng = np.random.default_rng(1)
    free = FreeFunctions.draw(rng, P, COUNT)
    arithmetic = RootedModular(free, np.zeros((COUNT, 1), dtype=bool), {"both": 0}, true=(1,))
    both = arithmetic.sqrt(np.stack([q[0, 0], q[1, 0]], axis=1)[None], "both")
    assert (both[:, :, 0] == np.stack([free.value("sqrt", q[0])[0], 0 * q[0, 0]])).all()
    assert (arithmetic.multiply(both, both)[:, :, 1] == np.stack([q[1, 0], 0 * q[1, 0]])).all()


def test_one_free_root_is_changed_where_that_is_asked_for(q):
    free, signs = FreeFunctions.draw(np.random.default_rng(1), P), np.zeros((3, 0), dtype=bool)
    arguments = q[:3, 0, 0].reshape(1, 1, 3)
    base = RootedModular(free, signs, {"all": 0}).sqrt(arguments, "all")[0, 0]
    shifted = RootedModular(free, signs, {"all": 0}, shifted=np.arange(3)).sqrt(arguments, "all")[0]
    assert ((shifted != base) == np.eye(3, dtype=bool)).all()


def _independent(arguments):
    return _rooted(arguments)[0].independent()


def test_independent_roots_are_shown_to_be(q):
    assert _independent(q[:1])
    assert _independent(q)
    assert _independent([q[0], (q[0] + 1) % P])
    assert _independent([q[0], q[0] * q[1] % P])


@pytest.mark.parametrize("factor", [4, 9, -4, 2, -1])
def test_multiples_are_not_independent(q, factor):
    """sqrt(4 q) is 2 sqrt(q); of 2 q and -q it depends on the prime what they are, so nothing is shown."""
    assert not _independent([q[0], factor * q[0] % P])


def test_squares_and_products_are_not_independent(q):
    square = q[3] * q[3] % P
    assert not _independent([square])
    assert not _independent([q[0], q[0] * square % P])
    assert not _independent([q[0], q[1], q[0] * q[1] % P])
    assert not _independent([q[0], q[1], q[2], (9 * q[0] % P) * q[1] % P * q[2] % P])


@pytest.mark.parametrize("factor", [1, 2, -1])
def test_a_square_in_the_field_of_an_earlier_root_is_not_independent(q, factor):
    """(1 + sqrt(q))^2 = 1 + q + 2 sqrt(q), and multiples of it."""
    arithmetic = _arithmetic(2, nested=[1])
    root = arithmetic.sqrt(q[0], 0)
    square = arithmetic.power(arithmetic.add(root, np.ones_like(q[0])), 2)
    arithmetic.sqrt(arithmetic.scale(Fraction(factor), square), 1)
    assert arithmetic.rooted.all()
    assert not arithmetic.independent()


def test_a_root_of_what_depends_on_a_root_is_shown_to_be_independent(q):
    arithmetic = _arithmetic(2, nested=[1])
    root = arithmetic.sqrt(q[0], 0)
    arithmetic.sqrt(arithmetic.add(root, q[1]), 1)
    assert 0.5 * COUNT < arithmetic.rooted.sum() < COUNT
    assert arithmetic.independent()


def test_functions_of_equal_arguments_are_equal(q):
    arithmetic, (root,) = _rooted(q[:1])
    once = arithmetic.exp(arithmetic.add(root, q[1]), None)
    again = arithmetic.exp(arithmetic.add(q[1], root), None)
    other = arithmetic.exp(arithmetic.add(root, q[2]), None)
    assert once.shape == (1, COUNT)
    assert (once == again).all()
    assert (once != other).all()
    opposite = arithmetic.scale(Fraction(-1), arithmetic.add(root, q[1]))
    assert (arithmetic.multiply(arithmetic.exp(opposite, None), once) == 1).all()


def test_circle_and_other_functions_are_those_of_free_values(q):
    arithmetic = _arithmetic(0)
    free = FreeFunctions(P, arithmetic._functions.keys)
    assert (arithmetic.exp(q[0], None) == free.value("exp", q[0])).all()
    assert (arithmetic.cos(q[0], None) == free.circle(q[0])[0]).all()
    assert arithmetic.rooted.all()
