"""True square roots modulo a prime: r^2 = q, roots of equal arguments, and when all signs are conjugate."""

from __future__ import annotations

import numpy as np
import pytest

from lielaws.engine.linalg import EXPLORATION_PRIME
from lielaws.engine.values.branches import RootedFunctions
from lielaws.engine.values.free import FreeFunctions

P = EXPLORATION_PRIME
COUNT = 256


def _functions(roots, rng, *, signs=None, **keywords):
    chosen = rng.random((COUNT, roots)) < 0.5 if signs is None else signs
    return RootedFunctions(FreeFunctions.draw(rng, P, COUNT), tuple(range(roots)), chosen, **keywords)


def _evaluated(arguments, **keywords):
    """The roots of some arguments, one after the other, each of shape (count,)."""
    rng = np.random.default_rng(1)
    functions = _functions(len(arguments), rng, **keywords)
    return functions, [functions.value("sqrt", a.reshape(1, COUNT, 1))[0, :, 0] for a in arguments]


@pytest.fixture
def q():
    """Random residues, one array for each of five numbers."""
    return np.random.default_rng(0).integers(1, P, (5, COUNT))


def test_the_square_of_a_root_is_its_argument(q):
    functions, (root,) = _evaluated(q[:1])
    assert functions.defined is not None
    assert 90 < functions.defined.sum() < 166  # half of the residues are squares
    assert (root[functions.defined] ** 2 % P == q[0][functions.defined]).all()
    assert ((root * root - q[0]) % P)[~functions.defined].all()


def test_signs_choose_the_root(q):
    signs = np.zeros((COUNT, 1), dtype=bool)
    _, (plus,) = _evaluated(q[:1], signs=signs)
    _, (minus,) = _evaluated(q[:1], signs=~signs)
    assert ((plus + minus) % P == 0).all()


def test_equal_arguments_share_a_root(q):
    functions, (one, other) = _evaluated([q[0], q[0]])
    assert (one == other).all()
    assert len(functions.exists) == 1


def test_arguments_that_are_equal_at_some_points_share_it_there(q):
    some = np.where(np.arange(COUNT) % 2 == 0, q[0], q[1])
    _, (one, other) = _evaluated([q[0], some])
    assert (one == other)[::2].all()


def test_a_root_of_zero_counts_as_undefined():
    functions, _ = _evaluated([np.zeros(COUNT, dtype=np.int64)])
    assert not functions.defined.any()


def test_roots_that_are_not_true_are_free(q):
    rng = np.random.default_rng(1)
    functions = RootedFunctions(FreeFunctions.draw(rng, P, COUNT), (1,), np.zeros((COUNT, 1), dtype=bool))
    both = functions.value("sqrt", np.stack([q[0], q[1]], axis=1)[None])[0]
    free = functions.free.value("sqrt", q[0].reshape(1, COUNT, 1))[0, :, 0]
    assert (both[:, 0] == free).all()
    assert functions.count == 2
    defined = functions.defined
    assert (both[defined, 1] ** 2 % P == q[1][defined]).all()


def test_one_free_root_is_changed_where_that_is_asked_for(q):
    rng = np.random.default_rng(1)
    free = FreeFunctions.draw(rng, P)
    arguments = q[:3, 0].reshape(1, 1, 3)
    base = RootedFunctions(free).value("sqrt", arguments)[0, 0]
    shifted = RootedFunctions(free, shifted=np.arange(3)).value("sqrt", arguments)[0]
    assert ((shifted != base) == np.eye(3, dtype=bool)).all()


def _independent(arguments):
    return _evaluated(arguments)[0].independent()


def test_independent_roots_are_shown_to_be(q):
    assert _independent(q[:1])
    assert _independent(q[:3])
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


def test_a_square_in_the_field_of_an_earlier_root_is_not_independent(q):
    """(1 + sqrt(q))^2 = 1 + q + 2 sqrt(q)"""
    rng = np.random.default_rng(1)
    functions = _functions(2, rng)
    root = functions.value("sqrt", q[0].reshape(1, COUNT, 1))
    functions.value("sqrt", (1 + q[0].reshape(1, COUNT, 1) + 2 * root) % P)
    assert not functions.independent()


def test_circle_and_other_functions_are_those_of_free_values(q):
    functions, _ = _evaluated([])
    a = q[0].reshape(1, COUNT, 1)
    assert (functions.value("exp", a) == functions.free.value("exp", a)).all()
    assert (functions.circle(a)[0] == functions.free.circle(a)[0]).all()
    assert functions.defined is None
