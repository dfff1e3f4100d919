"""Brackets and their growth modulo a prime, and the echelon of balls."""

from __future__ import annotations

import flint
import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from lielaws import GradientFlow, from_phi, linear, mlp
from lielaws.engine.closure.ball_echelon import BallEchelon
from lielaws.engine.closure.brackets import brackets_at
from lielaws.engine.closure.growth import grow, grow_at
from lielaws.engine.flows.fields import vector_fields
from lielaws.engine.linalg import EXPLORATION_PRIME, Echelon

P = EXPLORATION_PRIME
X, Y = sympy.symbols("x y")


def _fields(arch):
    return vector_fields(GradientFlow(), arch.potential)


def test_brackets_are_those_of_sympy():
    """[X2, X1] = DX1.X2 - DX2.X1 and [X3, [X2, X1]] of gradients of w . phi."""
    symbols = sympy.symbols("a b c")
    phi = [symbols[0] ** 2 * symbols[1], symbols[1] * symbols[2] ** 3, symbols[0] / symbols[2]]
    fields, rng = _fields(from_phi(symbols, phi)), np.random.default_rng(0)
    point = fields.draw_points(rng, 1, P)
    words = tuple(fields.choose(rng, 4, point) for _ in range(3))
    x, w = (node.static for role in ("data", "cotangent") for node in fields.outside if node.static.role == role)

    def gradient(word, k):
        weights = [sympy.Integer(int(word.values[w][0, k]) * int(number)) for number in word.values[x][0, k]]
        return sympy.Matrix([sum(v * f for v, f in zip(weights, phi, strict=True)).diff(s) for s in symbols])

    def bracket(x, y):
        return y.jacobian(symbols) * x - x.jacobian(symbols) * y

    at = dict(zip(symbols, map(sympy.Integer, point.vector[0, 0].tolist()), strict=True))
    for depth in (1, 2, 3):
        rows = brackets_at(fields, words[:depth], point)
        for k in range(4):
            expected = gradient(words[0], k)
            for word in words[1:depth]:
                expected = bracket(gradient(word, k), expected)
            values = [sympy.Rational(entry.subs(at)) for entry in expected]
            assert rows[k].tolist() == [int(v.p) * pow(int(v.q), -1, P) % P for v in values]


@pytest.mark.parametrize(
    ("arch", "ranks"),
    [
        (linear([2, 3, 2]), (4, 6, 6)),
        (linear([1, 3, 1]), (1, 1)),
        (mlp([2, 3, 2]), (9, 9)),
        (from_phi([X, Y], [X * Y]), (1, 1)),
        (from_phi([X, Y], [X, X**4 * Y]), (2, 2)),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_ranks(arch, ranks):
    fields = _fields(arch)
    found = grow(fields, np.random.default_rng(0))
    assert found.ranks == ranks
    assert found.closed
    assert len(found.columns) == found.rank
    # The witnesses have that rank, on those columns.
    rows = np.concatenate([brackets_at(fields, words, found.at) for words in found.witnesses])
    assert len(Echelon(found.rank, found.at.prime).extend(np.ascontiguousarray(rows[:, found.columns]))) == found.rank


def test_a_depth_limit_is_no_count(monkeypatch):
    monkeypatch.setattr("lielaws.engine.closure.growth._DEPTH_LIMIT", 1)
    found = grow(_fields(linear([3, 3, 3])), np.random.default_rng(0))
    assert not found.closed
    assert found.ranks == (9,)


def test_ranks_stall_and_grow_again_at_special_points():
    """phi = (x, x^4 y) at (0, 1): 1, 1, 1, 1, 2."""
    fields = _fields(from_phi([X, Y], [X, X**4 * Y]))
    point = fields.point_at(np.array([0, 1]), P)
    stalled = grow_at(fields, np.random.default_rng(0), point)
    assert stalled.ranks == (1, 1)
    for depth, rank in ((4, 1), (5, 2)):
        echelon, rng = Echelon(2, P), np.random.default_rng(1)
        for k in range(1, depth + 1):
            words = tuple(fields.choose(rng, 12, point) for _ in range(k))
            echelon.extend(brackets_at(fields, words, point))
        assert echelon.rank == rank


@given(seed=st.integers(0, 2**32), rank=st.integers(0, 5))
def test_balls_have_the_rank_of_their_numbers(seed, rank):
    rng = np.random.default_rng(seed)
    rows = rng.integers(-9, 10, (7, rank)) @ rng.integers(-9, 10, (rank, 6))
    echelon = BallEchelon()
    kept = [echelon.add(_balls(row)) for row in rows]
    expected = flint.fmpz_mat([[int(x) for x in row] for row in rows]).rank()
    assert sum(kept) == echelon.rank == expected
    assert len(set(echelon.columns.tolist())) == expected
    assert not echelon.imprecise


def test_wide_balls_are_not_independent():
    echelon = BallEchelon()
    assert echelon.add(_balls([1, 2, 0]))
    assert not echelon.add(_balls([1, 2, 0], radius=0.5))
    assert echelon.imprecise
    assert echelon.rank == 1


def _balls(row, radius=0.0):
    entries = np.empty(len(row), dtype=object)
    entries[:] = [flint.arb(int(number), radius) for number in row]
    return entries
