"""Potentials: cotangents of the two losses, constants, and what is rational."""

from __future__ import annotations

import numpy as np
import pytest

from lielaws import architecture, linear, low_rank, mlp
from lielaws.engine.arithmetic.floats import Floats
from lielaws.engine.graph.program import Program
from lielaws.engine.potential.potentials import build_potential
from lielaws.errors import InvalidArgumentError


def test_any_loss_has_any_cotangent():
    potential = linear([2, 3]).potential
    assert potential.cotangent is potential.free_cotangent
    assert potential.cotangent.shape == (3,)
    assert potential.dimension == 6


def test_cotangents_of_cross_entropy_sum_to_zero():
    potential = build_potential(linear([2, 3]).potential.traced, "cross_entropy")
    assert potential.free_cotangent.shape == (2,)
    drawn = np.random.default_rng(0).normal(size=(5, 2))
    (found,) = Program.of([potential.cotangent]).run(Floats(), {potential.free_cotangent.static: drawn})
    assert found[:, :2] == pytest.approx(drawn)
    assert found.sum(axis=1) == pytest.approx(0)


@pytest.mark.parametrize("shape", [(), (1,)])
def test_cross_entropy_needs_two_outputs(shape):
    arch = architecture(lambda p, x, ops: p.a * x, {"a": ()}, {"x": shape})
    with pytest.raises(InvalidArgumentError, match="two outputs"):
        build_potential(arch.potential.traced, "cross_entropy")


@pytest.mark.parametrize(
    ("arch", "rational", "constants"),
    [
        (mlp([2, 2, 1]), True, 0),
        (mlp([2, 2, 1], "tanh"), False, 0),
        (mlp([2, 2, 1], norm="layer"), False, 1),
        (low_rank(2, 2, 1), True, 1),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_functions_and_constants(arch, rational, constants):
    assert arch.potential.is_rational == rational
    assert len(arch.potential.constants) == constants
