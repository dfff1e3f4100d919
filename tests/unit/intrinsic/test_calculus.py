"""Derivatives of many polynomials at once, against sympy."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.terms import TermTable
from lielaws.intrinsic.calculus import Calculus, Plain

X = sp.symbols("x0:3")
TABLES = {
    "linear": [{(0,): 2}, {(1,): -1, (2,): 3}],
    "mixed degrees": [{(0, 0, 1): 1, (2,): 5}, {(0, 1, 2): -2, (1, 1): 1}, {(2, 2, 2): 4}],
    "repeated": [{(0, 0, 0, 0): 1, (0, 1, 1, 2): 7}],
}


@pytest.mark.parametrize("terms", TABLES.values(), ids=TABLES)
def test_derivatives(terms: list[dict[tuple[int, ...], int]]) -> None:
    rng = np.random.default_rng(0)
    table = TermTable.of([Polynomial.of(entry) for entry in terms], 3)
    functions = [sum(c * sp.prod(X[k] for k in m) for m, c in entry.items()) for entry in terms]
    point, direction = rng.integers(-5, 6, 3), rng.integers(-5, 6, 3)
    at = dict(zip(X, point.tolist(), strict=True))
    calculus = Calculus(table, np.array([*point.tolist(), 1], dtype=object), Plain(object))

    slopes = sp.Matrix([[sp.diff(f, x) for x in X] for f in functions])
    moved = sum((slopes.diff(x) * int(d) for x, d in zip(X, direction, strict=True)), sp.zeros(*slopes.shape))
    assert calculus.value().tolist() == [f.subs(at) for f in functions]
    assert calculus.jacobian().tolist() == slopes.subs(at).tolist()
    assert calculus.jacobian_along(direction.astype(object)).tolist() == moved.subs(at).tolist()

    f, g = rng.integers(-3, 4, (2, len(terms)))
    one, other = (sum(int(w) * h for w, h in zip(weights, functions, strict=True)) for weights in (f, g))
    inner = sum(sp.diff(one, x) * sp.diff(other, x) for x in X)
    assert calculus.gradient(f.astype(object)).tolist() == [sp.diff(one, x).subs(at) for x in X]
    found = calculus.metric_slope(f.astype(object), g.astype(object))
    assert found.tolist() == [sp.diff(inner, x).subs(at) for x in X]
