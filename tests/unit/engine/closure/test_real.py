"""Ranks at real points: of related functions the true one, where free values have more, and never more than that."""

from __future__ import annotations

import numpy as np
import pytest

from lielaws import GradientFlow, architecture, attention, discover_laws, glu, mlp, verify
from lielaws.engine.closure.growth import grow
from lielaws.engine.closure.real import float_rows, proved_growth
from lielaws.engine.flows.fields import vector_fields
from lielaws.engine.linalg.nonsingular import is_nonsingular
from lielaws.errors import ExactnessError

NETWORKS = {
    "exp of twice": (lambda p, x, ops: p.a * (ops.exp(2 * p.b * x) - ops.exp(p.b * x) ** 2) + p.b * x, 1),
    "exp of a logarithm": (lambda p, x, ops: p.a * (ops.exp(ops.log(p.b * x)) - p.b * x) + p.b * x, 1),
    "double angle": (lambda p, x, ops: p.a * (ops.cos(2 * p.b * x) - 1 + 2 * ops.sin(p.b * x) ** 2) + p.b * x, 1),
    "root of a square": (lambda p, x, ops: p.a * (ops.sqrt((p.b * x) ** 2) - ops.abs(p.b * x)) + p.b * x, 1),
    "root of two": (lambda p, x, ops: p.a * (ops.named_constant("sqrt_two") ** 2 - 2) + p.b * x, 1),
    "sigmoids": (lambda p, x, ops: p.a * (ops.sigmoid(p.b * x) + ops.sigmoid(-p.b * x) - 1) + p.b * x, 1),
    "a root that is not its argument": (lambda p, x, ops: p.a * (ops.sqrt((p.b * x) ** 2) - p.b * x) + p.b * x, 2),
    "nothing is related": (lambda p, x, ops: p.a * ops.exp(p.b * x), 2),
}


def _growths(arch, seed=0):
    fields, rng = vector_fields(GradientFlow(), arch.potential), np.random.default_rng(seed)
    guess = grow(fields, rng)
    return fields, guess, proved_growth(fields, guess, rng)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", NETWORKS)
def test_related_functions_have_their_true_rank(name, seed):
    network, rank = NETWORKS[name]
    _, guess, found = _growths(architecture(network, {"a": (), "b": ()}, {"x": ()}), seed)
    assert found.rank == rank <= guess.rank
    assert found.closed


@pytest.mark.parametrize(
    "arch",
    [mlp([2, 3, 2], "tanh"), mlp([2, 3, 2], "gelu", bias=True), glu(2, 2), mlp([2, 3, 1], norm="layer")],
    ids=lambda arch: arch.name,
)
def test_networks_of_layers_have_the_ranks_of_the_guess(arch):
    _, guess, found = _growths(arch)
    assert found.ranks == guess.ranks
    assert len(found.columns) == found.rank
    assert sum(words[0].count for words in found.witnesses) == found.rank


def test_the_witnesses_are_independent():
    """The block of the witnesses, evaluated again, is not singular."""
    from lielaws.engine.flows.reals import RealFields

    fields, _, found = _growths(mlp([2, 3, 2], "tanh"))
    reals = RealFields(fields, found.vector, np.random.default_rng(0), thorough=False)
    parts = [float_rows(reals, words) for words in found.witnesses]
    mid, rad = (np.concatenate([getattr(rows, name) for rows, _ in parts])[:, found.columns] for name in ("mid", "rad"))
    assert all(good.all() for _, good in parts)
    assert is_nonsingular(mid, rad)
    mid[0] = mid[1]
    assert not is_nonsingular(mid, rad)


def test_functions_without_any_value_are_an_error():
    arch = architecture(lambda p, x, ops: p.a * ops.log(-(p.b**2) * x**2 - 1), {"a": (), "b": ()}, {"x": ()})
    with pytest.raises(ExactnessError, match="no value"):
        _growths(arch)


def test_a_root_that_exists_at_some_points_only():
    arch = architecture(lambda p, x, ops: p.a * ops.sqrt(p.b), {"a": (), "b": ()}, {"x": ()})
    assert _growths(arch)[2].rank == 1


@pytest.mark.parametrize("seed", range(4))
def test_what_float64_closes_has_the_ranks_of_all_depths(seed):
    """Laws confirm the last rank alone. One of these points has 4 of the 12 directions of depth one in float64."""
    arch = mlp([2, 3, 3, 2], "tanh", norm="rms", epsilon=False)
    assert discover_laws(arch, seed=seed).growth == discover_laws(arch, seed=seed, find_laws=False).growth


def test_what_float64_closes_is_certified():
    """The last depth brings no bracket, and leaves none in the certificate."""
    report = discover_laws(mlp([2, 3, 2], "relu", norm="layer", epsilon=False), loss="cross_entropy")
    assert report.complete
    assert verify(report.certificate).valid


def test_small_directions_are_found_with_enough_bits():
    """Heads on one channel are nearly alike: 256 bits do not tell their directions from zero, nor do 512."""
    arch = attention(1, 2, heads=25, kv_heads=1, tokens=2)
    assert discover_laws(arch, find_laws=False).n_laws == 6
