"""Sums of powers of parameters, read off the brackets of sparse networks."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

import lielaws
from lielaws.discover import prepare
from lielaws.engine.closure import growth, sparse_rows
from lielaws.engine.closure.sparse_family import SparseFamily
from lielaws.engine.laws import power_sums, search
from lielaws.questions import Settings

X = sympy.symbols("x0:8")


@pytest.fixture(autouse=True)
def _anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_LEAST_DRAWN": 0, "_LARGEST_CORE": 1.0, "_LONGEST_MEAN": 10**6}.items():
        monkeypatch.setattr(sparse_rows, name, value)
    monkeypatch.setattr(growth, "LEAST_SPARSE", 0)


def test_laws_of_monomials_have_the_kernel_of_the_exponents() -> None:
    # A c = 0 for the matrix of exponents (arXiv 2307.00144, section 2), with coefficients of many digits.
    rng = np.random.default_rng(3)
    exponents = rng.integers(1, 9, (4, 8)) * (rng.random((4, 8)) < 0.6)
    used = [k for k in range(8) if exponents[:, k].any()]
    phi = [sympy.prod([X[k] ** int(e) for k, e in enumerate(row)]) for row in exponents]
    report = lielaws.discover_laws(([X[k] for k in used], phi))
    assert report.complete
    assert report.search.tried == ("sums of powers of parameters",)
    assert len(report.laws) == len(used) - sympy.Matrix(exponents).rank()
    for law in report.laws:
        vector = [law.expr.coeff(X[k], 2) for k in range(8)]
        assert not any(sympy.Matrix(exponents) * sympy.Matrix(vector))
        assert sympy.expand(law.expr - sum(c * x**2 for c, x in zip(vector, X, strict=True))) == 0


def test_small_groups_whose_complements_meet_by_chance() -> None:
    # At two points the planes orthogonal to one gradient in three coordinates have a line in common.
    report = lielaws.discover_laws((X[:6], [X[0] * X[1] * X[2], X[3] * X[4] ** 2 * X[5]]))
    assert report.complete
    assert len(report.laws) == 4


def test_linear_laws() -> None:
    shared = lielaws.discover_laws((X[:4], [X[0] + X[1], (X[2] - X[3]) ** 2]))
    assert [str(law) for law in shared.laws] == ["x0 - x1", "x2 + x3"]
    assert shared.search.tried == ("sums of powers of parameters",)


def test_laws_of_other_forms_are_found_after_them() -> None:
    phi = [X[0] * X[2] + X[1] * X[3], X[0] * X[4] + X[1] * X[5], X[6] * X[2] + X[7] * X[3], X[6] * X[4] + X[7] * X[5]]
    report = lielaws.discover_laws((X, phi))
    assert len(report.laws) == report.n_laws == 3
    assert report.search.tried[0] == "sums of powers of parameters"


def test_too_many_dimensions_or_too_long_numbers_are_left_to_the_other_searches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    phi = [X[0] ** 701 * X[1] ** 997 * X[2] ** 883, X[1] ** 709 * X[2] ** 907 * X[3] ** 809]
    for name, value in {"_MOST_PRIMES": 1, "_LARGEST_COMPLEMENT": 1}.items():
        with monkeypatch.context() as patch:
            patch.setattr(power_sums, name, value)
            report = lielaws.discover_laws((X[:4], phi))
        assert report.complete
        assert "sums of powers of parameters" not in report.search.tried
        assert lielaws.verify(report.certificate)


def test_nothing_is_found_where_nothing_is_constant() -> None:
    _, fields = prepare(lielaws.from_phi(X[:3], [X[0] ** 2 * X[1] + X[2], X[1] + X[2] ** 3]), Settings())
    rng = np.random.default_rng(0)
    family = SparseFamily(fields, growth.grow(fields, rng), rng)
    found = power_sums.power_sums(family.complement_at, 3, 3, bool, rng)
    assert [candidates for candidates in found if candidates] == []


def test_an_ansatz_that_does_not_fall_into_blocks_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_LARGEST_BLOCK", 2)
    monkeypatch.setattr(growth, "LEAST_SPARSE", 10**9)
    report = lielaws.discover_laws((X[:4], [X[0] + X[1] + X[2] * X[3]]))
    assert "all polynomials of degree 2" in report.search.skipped
    assert not report.complete
