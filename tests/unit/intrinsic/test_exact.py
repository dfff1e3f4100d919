"""Ranks at rational points against sympy, and against the decision at a generic point."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import lielaws
from lielaws.engine.closure.point import rational_point
from lielaws.intrinsic import intrinsic_dynamics
from lielaws.intrinsic.curve import ranks_along
from lielaws.intrinsic.phi_derivatives import functions_of
from lielaws.intrinsic.rank_over_q import ranks_at, residues_of
from tests.unit.intrinsic.oracle import oracle_ranks

X, Y, Z = sp.symbols("x y z")
CASES = [
    lielaws.linear([2, 2, 2]),
    lielaws.linear([1, 2, 1]),
    lielaws.linear([2, 2, 1]),
    lielaws.mlp([2, 2, 1]),
    lielaws.mlp([1, 2, 1], bias=True, output_bias=True),
    lielaws.mlp([1, 1, 2, 1]),
    lielaws.tied_autoencoder(2, 2, "linear"),
    lielaws.conv([1, 2, 1], 2, 3, activation="linear"),
    lielaws.from_phi([X, Y, Z], [X * Y * Z]),
    lielaws.from_phi([X, Y, Z], [X * Y / 3, Y * Z**2 + X]),
    lielaws.from_phi([X, Y, Z], [X / (1 + Y**2), Y * Z]),
]
DRAWN = {arch.name: lielaws.discover_laws(arch).laws for arch in CASES}


@settings(max_examples=40)
@given(data=st.data(), arch=st.sampled_from(CASES))
def test_ranks_agree_with_sympy(data: st.DataObject, arch: lielaws.Architecture) -> None:
    entry = st.one_of(st.integers(-2, 2), st.fractions(-3, 3, max_denominator=4))
    params = {}
    for name, shape in arch.parameters.items():
        size = int(np.prod(shape))
        drawn = data.draw(st.lists(entry, min_size=size, max_size=size))
        params[name] = np.array([*drawn, None], dtype=object)[:-1].reshape(shape)
    found = intrinsic_dynamics(arch, at=params)
    expected = oracle_ranks(arch, found.laws, params)
    ranks = found.ranks
    assert (ranks.phi, ranks.laws, ranks.joint) == expected[:3]
    assert ranks.metric <= expected[3]
    assert found.recoverable == (expected[2] == found.n_parameters)
    assert ranks.intrinsic == (expected[2] == expected[3])
    # Gradients of laws are orthogonal to those of phi.
    assert ranks.joint == ranks.phi + ranks.laws


@pytest.mark.parametrize("arch", CASES, ids=lambda arch: arch.name)
def test_random_integer_points_are_generic(arch: lielaws.Architecture) -> None:
    rng = np.random.default_rng(4)
    generic = intrinsic_dynamics(arch)
    for seed in range(2):
        params = {name: rng.integers(-(10**6), 10**6, shape) for name, shape in arch.parameters.items()}
        found = intrinsic_dynamics(arch, at=params, seed=seed)
        assert found.ranks == generic.ranks
        assert found.nearby is None
        assert (found.recoverable, found.intrinsic) == (generic.recoverable, generic.intrinsic)


@pytest.mark.parametrize("arch", CASES[:-1], ids=lambda arch: arch.name)
def test_residues_at_a_point_give_the_ranks_over_the_rationals(arch: lielaws.Architecture) -> None:
    rng = np.random.default_rng(5)
    params = {name: rng.integers(-1, 2, shape) for name, shape in arch.parameters.items()}
    point = rational_point(arch.parameters, params)
    functions, laws = functions_of(arch), [law.polynomial for law in DRAWN[arch.name]]
    exact = ranks_at(functions, laws, point, rng)
    residues, prime = residues_of(point, rng)
    assert ranks_along(functions.table, laws, residues[:, None], prime, rng) == exact


@pytest.mark.parametrize("arch", CASES, ids=lambda arch: arch.name)
def test_functions_are_those_of_the_reparameterization(arch: lielaws.Architecture) -> None:
    functions, known = functions_of(arch), arch.reparameterization()
    assert functions.count == len(known.phi)
    if hasattr(functions, "terms"):
        for terms, expected in zip(functions.terms, known.phi, strict=True):
            written = sp.Add(
                *(
                    sp.Rational(value.numerator, value.denominator) * sp.Mul(*(known.symbols[k] for k in monomial))
                    for monomial, value in terms.items()
                )
            )
            assert sp.expand(written - expected) == 0


def test_frozen_tensors_do_not_matter() -> None:
    plain, adapter = lielaws.linear([3, 2, 3]), lielaws.low_rank(3, 3, 2)
    assert intrinsic_dynamics(plain).ranks == intrinsic_dynamics(adapter).ranks
    params = {"B": [[1, 2], [3, 4], [5, 7]], "A": [[1, 0, 2], [3, 1, 1]]}
    at_point = intrinsic_dynamics(adapter, at=params)
    assert at_point.ranks == intrinsic_dynamics(plain, at={"W1": params["A"], "W2": params["B"]}).ranks
