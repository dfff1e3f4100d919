"""True square roots in F_p[i]: r^2 = q, roots of equal arguments, and when all signs are conjugate."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lielaws.engine.graph.network import trace
from lielaws.engine.linalg import EXPLORATION_PRIME
from lielaws.engine.values.branches import RootedModular, Roots
from lielaws.engine.values.free import FreeFunctions

P = EXPLORATION_PRIME
COUNT = 256


def _roots(first, nested=()):
    return Roots(first, frozenset(nested), ())


def _arithmetic(count, *, nested=(), signs=None):
    """With some roots, whose nodes are called 0, 1, .."""
    rng = np.random.default_rng(1)
    chosen = rng.random((COUNT, count)) < 0.5 if signs is None else signs
    roots, mixed = _roots({k: k for k in range(count)}, nested), rng.integers(0, P, COUNT)
    return RootedModular(FreeFunctions.draw(rng, P, COUNT), roots, true=range(count), signs=chosen, mixed=mixed)


def _number(real, imaginary=None):
    """(2, jets, samples)"""
    return np.stack([real, 0 * real if imaginary is None else imaginary]).reshape(2, 1, COUNT)


def _rooted(arguments, **keywords):
    """The roots of some numbers, one after the other."""
    arithmetic = _arithmetic(len(arguments), **keywords)
    return arithmetic, [arithmetic.sqrt(a, k) for k, a in enumerate(arguments)]


@pytest.fixture
def q():
    """Random residues, one array for each of five numbers."""
    return np.random.default_rng(0).integers(1, P, (5, COUNT))


def test_numbers_are_those_of_a_field(q):
    arithmetic = _arithmetic(0)
    a, b = _number(q[0], q[1]), _number(q[2], q[3])
    product = arithmetic.multiply(a, b)[:, 0]
    assert (product[0] == (q[0] * q[2] - q[1] * q[3]) % P).all()
    assert (product[1] == (q[0] * q[3] % P + q[1] * q[2]) % P).all()
    assert (arithmetic.multiply(arithmetic.reciprocal(a), a) == _number(np.ones(COUNT, dtype=np.int64))).all()


def test_jets_have_the_derivatives_of_roots(q):
    """sqrt(u)^2 = u, with its derivative."""
    arithmetic = _arithmetic(1)
    u = arithmetic.joined(_number(q[0]), _number(q[1]))
    root = arithmetic.sqrt(u, 0)
    assert root.shape == (2, 2, COUNT)
    assert (arithmetic.multiply(root, root) == u).all()


def test_every_residue_has_roots(q):
    arithmetic, (root,) = _rooted([_number(q[0])])
    assert arithmetic.rooted(COUNT).all()
    assert 90 < root[0].astype(bool).sum() < 166  # half of the residues are squares, the others have imaginary roots
    assert (arithmetic.multiply(root, root) == _number(q[0])).all()


def test_of_other_numbers_half_have_roots(q):
    arithmetic, (root,) = _rooted([_number(q[0], q[1])], nested=[0])
    there = arithmetic.rooted(COUNT)
    assert 90 < there.sum() < 166
    assert (arithmetic.multiply(root, root) == _number(q[0], q[1]))[:, :, there].all()
    norm = (q[0] ** 2 + q[1] ** 2 % P) % P
    assert [pow(int(a), (P - 1) // 2, P) == 1 for a in norm] == there.tolist()


def test_numbers_that_are_residues_by_chance_have_roots(q):
    some = _number(q[0], np.where(np.arange(COUNT) % 2, q[1], 0))
    arithmetic, (root,) = _rooted([some], nested=[0])
    there = arithmetic.rooted(COUNT)
    assert there[::2].all()
    assert (arithmetic.multiply(root, root) == some)[:, :, there].all()


def test_signs_choose_the_root(q):
    signs = np.zeros((COUNT, 1), dtype=bool)
    _, (plus,) = _rooted([_number(q[0])], signs=signs)
    _, (minus,) = _rooted([_number(q[0])], signs=~signs)
    assert ((plus + minus) % P == 0).all()


def test_equal_arguments_share_a_root(q):
    arithmetic, (one, other) = _rooted([_number(q[0])] * 2)
    assert (one == other).all()
    assert arithmetic.independent(COUNT)


def test_a_root_of_zero_is_no_root(q):
    assert not _rooted([_number(0 * q[0])])[0].rooted(COUNT).any()
    assert not _rooted([_number(0 * q[0])], nested=[0])[0].rooted(COUNT).any()


def test_roots_that_are_not_true_are_free(q):
    free = FreeFunctions.draw(np.random.default_rng(1), P, COUNT)
    arithmetic = RootedModular(free, _roots({"both": 0}), true=(1,))
    arguments = np.stack([_number(q[0]), _number(q[1])], axis=-1)
    both = arithmetic.sqrt(arguments, "both")
    assert (both[..., 0] == _number(free.value("sqrt", q[:1])[0])).all()
    assert (arithmetic.multiply(both, both)[..., 1] == _number(q[1])).all()


def test_one_free_root_is_changed_where_that_is_asked_for(q):
    free, roots = FreeFunctions.draw(np.random.default_rng(1), P), _roots({"all": 0})
    arguments = np.stack([q[:3, 0], 0 * q[:3, 0]]).reshape(2, 1, 1, 3)
    base = RootedModular(free, roots).sqrt(arguments, "all")[0, 0, 0]
    shifted = RootedModular(free, roots, shifted=np.arange(3)).sqrt(arguments, "all")[0, 0]
    assert ((shifted != base) == np.eye(3, dtype=bool)).all()


def _independent(arguments):
    return _rooted([_number(a) for a in arguments])[0].independent(COUNT)


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
    one = _number(np.ones(COUNT, dtype=np.int64))
    square = arithmetic.power(arithmetic.add(arithmetic.sqrt(_number(q[0]), 0), one), 2)
    arithmetic.sqrt(arithmetic.scale(Fraction(factor), square), 1)
    assert arithmetic.rooted(COUNT).all()
    assert not arithmetic.independent(COUNT)


def test_a_root_of_what_depends_on_a_root_is_shown_to_be_independent(q):
    arithmetic = _arithmetic(2, nested=[1])
    arithmetic.sqrt(arithmetic.add(arithmetic.sqrt(_number(q[0]), 0), _number(q[1])), 1)
    assert 0.5 * COUNT < arithmetic.rooted(COUNT).sum() < COUNT
    assert arithmetic.independent(COUNT)


def test_functions_of_equal_arguments_are_equal(q):
    arithmetic, (root,) = _rooted([_number(q[0])])
    once = arithmetic.exp(arithmetic.add(root, _number(q[1])), None)
    again = arithmetic.exp(arithmetic.add(_number(q[1]), root), None)
    other = arithmetic.exp(arithmetic.add(root, _number(q[2])), None)
    assert not once[1].any()
    assert (once == again).all()
    assert (once[0] != other[0]).all()
    opposite = arithmetic.scale(Fraction(-1), arithmetic.add(root, _number(q[1])))
    assert (arithmetic.multiply(arithmetic.exp(opposite, None), once)[0] == 1).all()


def test_functions_of_residues_are_those_of_free_values(q):
    free = FreeFunctions.draw(np.random.default_rng(1), P, COUNT)
    arithmetic = RootedModular(free, _roots({}))
    assert (arithmetic.exp(_number(q[0]), None)[0] == free.value("exp", q[:1])).all()
    assert (arithmetic.cos(_number(q[0]), None)[0] == free.circle(q[:1])[0]).all()


def test_roots_are_numbered_by_their_nodes():
    """A norm of three rows, and the root of what depends on it."""

    def network(p, x, ops):
        inner = ops.sqrt((p.a * x) ** 2 + 1)
        return ops.sqrt(inner.sum() + p.b[0])

    traced = trace(network, {"a": (3,), "b": (1,)}, {"x": ()})
    roots = Roots.of([traced.output])
    assert sorted(roots.first.values()) == [0, 3]
    assert roots.nested == {3}
    assert [numbers for _, numbers in roots.stages] == [[0, 1, 2], [3]]
    assert roots.count == 4
