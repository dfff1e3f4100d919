"""Growth that begins with sparse rows against the dense kernel, on random networks of all kinds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import lielaws
from lielaws import Architecture, from_phi
from lielaws.architectures import phi
from lielaws.engine.closure import growth, sparse_rows
from tests.properties.test_laws_of_theorems import dense_network
from tests.strategies import architectures


@pytest.fixture(scope="module", autouse=True)
def _anywhere() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"_LEAST_DRAWN": 0, "_LARGEST_CORE": 1.0, "_LONGEST_MEAN": 10**6}.items():
            patch.setattr(sparse_rows, name, value)
        patch.setattr(phi, "_LEAST_TOGETHER", 3)
        yield


@st.composite
def many_terms(draw: st.DrawFn) -> Architecture:
    """Sums of monomials in up to twelve symbols, with parts in common."""
    rng = np.random.default_rng(draw(st.integers(0, 10**9)))
    count = int(rng.integers(2, 13))
    symbols = sympy.symbols(f"x0:{count}")
    found = []
    for _ in range(int(rng.integers(1, 2 * count))):
        terms = []
        for _ in range(int(rng.integers(1, 4))):
            chosen = rng.integers(0, count, int(rng.integers(1, 4)))
            terms.append(int(rng.integers(1, 4)) * sympy.Mul(*[symbols[k] for k in chosen]))
        found.append(sympy.Add(*terms))
    used = [x for x in symbols if any(x in expression.free_symbols for expression in found)]
    return from_phi(used, found)


@st.composite
def gated_networks(draw: st.DrawFn) -> Architecture:
    return dense_network(np.random.default_rng(draw(st.integers(0, 10**9))))


def _agree(arch: Architecture) -> None:
    counts, begun = [], []
    for least in (0, 10**9):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(growth, "LEAST_SPARSE", least)
            report = lielaws.discover_laws(arch, find_laws=False)
        counts.append(report.growth)
        begun.append(report.evidence)
        assert lielaws.verify(report.certificate)
    assert counts[0] == counts[1]
    assert not begun[1]


@settings(max_examples=250, deadline=None)
@given(many_terms())
def test_counts_of_polynomials_agree(arch: Architecture) -> None:
    _agree(arch)


@settings(max_examples=150, deadline=None)
@given(architectures)
def test_counts_of_networks_agree(arch: Architecture) -> None:
    _agree(arch)


@settings(max_examples=150, deadline=None)
@given(gated_networks())
def test_counts_of_gated_networks_agree(arch: Architecture) -> None:
    _agree(arch)
