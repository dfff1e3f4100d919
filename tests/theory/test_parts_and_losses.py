"""Laws of a part of the parameters, and of restricted losses."""

from __future__ import annotations

import numpy as np
import pytest

from lielaws import discover_laws, linear, mlp, residual, sequential
from lielaws.engine.closure.brackets import brackets_at
from lielaws.engine.flows.fields import vector_fields
from lielaws.engine.flows.gradient import GradientFlow
from lielaws.engine.linalg import EXPLORATION_PRIME, Echelon


def test_projecting_would_be_wrong():
    """DESIGN 2.5: linear 1-2-2-1 restricted to W1 and W3 has one law; projecting at one point would give three."""
    assert discover_laws(linear([1, 2, 2, 1]), parameters=["W1", "W3"]).n_laws == 1


def _by_adding_directions(arch, names) -> int:
    """D - dim Lie(W + span{ d_j : j outside }), by brackets in which such a direction may stand."""
    rng = np.random.default_rng(0)
    fields = vector_fields(GradientFlow(), arch.potential)
    inside = np.concatenate([fields.space.indices(name).ravel() for name in names])
    echelon = Echelon(len(inside), EXPLORATION_PRIME)
    # Brackets of d_j with vector fields are derivatives of those, which differences between points span as well.
    for depth in (1, 2, 3):
        for _ in range(40):
            vector = fields.draw_points(rng, 1, EXPLORATION_PRIME).vector.copy()
            vector[0, 0, inside] = np.arange(1, len(inside) + 1) ** 3 % 1009
            moved = fields.point_at(vector[0, 0], EXPLORATION_PRIME)
            words = tuple(fields.choose(rng, 4, moved) for _ in range(depth))
            if depth == 1:
                echelon.extend(np.ascontiguousarray(brackets_at(fields, words, moved)[:, inside]))
    return len(inside) - echelon.rank


@pytest.mark.parametrize(
    ("arch", "names"),
    [(linear([1, 2, 2, 1]), ["W1", "W3"]), (mlp([2, 3, 2]), ["W1", "W2"]), (mlp([2, 3, 3, 2]), ["W1", "W2"])],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_the_count_of_a_part_is_at_most_what_its_members_allow(arch, names):
    report = discover_laws(arch, parameters=names)
    assert report.n_laws <= _by_adding_directions(arch, names)
    assert report.complete
    assert report.dimension == sum(np.prod(arch.parameters[name]) for name in names)
    assert report.n_parameters == arch.dimension


def test_one_block_inside_a_deep_network_and_across_a_skip():
    """arXiv 2506.06194, Thm 4.6: the laws of a residual block are its own; Thm 4.7: none across the connection."""
    block = residual(mlp([2, 3, 2]))
    deep = sequential(block, block)
    inside = discover_laws(deep, parameters=["1.W1", "1.W2"])
    assert inside.n_laws == discover_laws(block).n_laws == 3
    assert inside.complete
    assert discover_laws(deep, parameters=["1.W2", "2.W1"]).n_laws == 0


def test_laws_by_tensors():
    counts = discover_laws(mlp([2, 3, 4, 2])).by_tensors()
    assert counts == {("W1", "W2"): 3, ("W2", "W3"): 4}


def test_cross_entropy_of_a_softmax_layer():
    """arXiv 2506.06194 Prop. 3.11: the column sums, complete."""
    report = discover_laws(linear([3, 4]), loss="cross_entropy")
    assert report.n_laws == 3
    assert report.complete
    assert report.groups[0].text == "sum W1[:,k]"


def test_cross_entropy_of_a_relu_network():
    report = discover_laws(mlp([2, 3, 2]), loss="cross_entropy")
    assert (report.n_laws, report.complete) == (6, True)
