"""Proofs go through all activation patterns, however many samples are drawn at a time."""

from __future__ import annotations

import numpy as np
import pytest

from lielaws import architecture
from lielaws.engine.flows.family import flow_fields
from lielaws.engine.flows.gradient import GradientFlow
from lielaws.engine.flows.patterns import realizable_patterns
from lielaws.engine.laws.solve import Samples


def _fields(realizable):
    def network(p, x, ops):
        h = ops.relu(p.W @ x)
        return p.a @ (h if realizable else ops.exp(h))

    potential = architecture(network, {"W": (2, 2), "a": (2,)}, {"x": (2,)}).potential
    if realizable:
        return flow_fields(GradientFlow(), potential, realizable_patterns(potential, np.random.default_rng(0)))
    return flow_fields(GradientFlow(), potential).by_patterns


@pytest.mark.parametrize("realizable", [True, False])
@pytest.mark.parametrize("steps", [(1,), (2, 1), (3, 8)])
def test_every_pattern_has_its_turn(realizable, steps):
    fields = _fields(realizable)
    assert fields.proof_rows == 4
    rng = np.random.default_rng(1)
    state = fields.draw_state(rng, 1, fields.prime())
    seen, first = [], 0
    while first < 4:
        for count in steps:
            members = fields.draw(rng, count, state, free_gates=True, first=first)
            gates = next(value for leaf, value in members.values.items() if leaf.role == "gate")
            seen += np.broadcast_to(gates, (1, count, 2))[0].tolist()
            first += count
    assert {tuple(pattern) for pattern in seen[:4]} == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_samples_go_on_where_they_stopped(monkeypatch):
    fields, begun = _fields(True), []
    draw = type(fields).draw

    def noted(self, rng, count, state, *, free_gates=False, first=0):
        begun.append((first, count))
        return draw(self, rng, count, state, free_gates=free_gates, first=first)

    monkeypatch.setattr(type(fields), "draw", noted)
    samples = Samples(fields, np.random.default_rng(0), free_gates=True)
    samples.take(1)
    samples.take(4)
    assert begun == [(0, 1), (1, 3)]
