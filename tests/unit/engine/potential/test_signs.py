"""Masks of signs: what is possible at real points is among what the mask allows."""

from __future__ import annotations

import numpy as np
import pytest

from lielaws.engine.arithmetic.floats import Floats
from lielaws.engine.graph.constants import constant_array
from lielaws.engine.graph.network import trace
from lielaws.engine.graph.node import ancestors
from lielaws.engine.graph.program import Program
from lielaws.engine.potential.signs import ANY, NEGATIVE, POSITIVE, ZERO, sign_masks
from tests.unit.engine.values.random_networks import random_network

CASES = [
    ("squares", lambda p, x, ops: (p.a * x) ** 2, POSITIVE | ZERO),
    ("sum of squares", lambda p, x, ops: (x * x).sum() + 1, POSITIVE),
    ("relu", lambda p, x, ops: ops.relu(p.a * x), POSITIVE | ZERO),
    ("negated relu", lambda p, x, ops: -ops.relu(p.a * x), NEGATIVE | ZERO),
    ("relu that is closed", lambda p, x, ops: ops.relu(-(x**2)), ZERO),
    ("exponential", lambda p, x, ops: ops.exp(p.a * x), POSITIVE),
    ("root", lambda p, x, ops: ops.sqrt(x), POSITIVE),
    ("reciprocal of a square", lambda p, x, ops: 1 / x**2, POSITIVE),
    ("odd power", lambda p, x, ops: x**3, ANY),
    ("difference", lambda p, x, ops: ops.exp(x) - 1, ANY),
    ("epsilon", lambda p, x, ops: ops.named_constant("epsilon") + x**2, POSITIVE),
    ("negative", lambda p, x, ops: -1 - x**2, NEGATIVE),
]


@pytest.mark.parametrize(("name", "network", "mask"), CASES, ids=[case[0] for case in CASES])
def test_masks(name, network, mask):
    traced = trace(network, {"a": ()}, {"x": (2,)})
    (found,) = sign_masks([traced.output])
    assert set(found.ravel().tolist()) == {mask}


@pytest.mark.parametrize("seed", range(60))
def test_what_happens_is_allowed(seed):
    rng = np.random.default_rng(seed)
    traced = trace(random_network(rng), {"a": (), "b": (), "W": (2, 2)}, {"x": (2,)})
    nodes = [node for node in ancestors([traced.output]) if node.op not in ("leaf", "constant")]
    leaves = [node for node in ancestors([traced.output]) if node.op == "leaf"]
    if not nodes:
        return
    values = {leaf.static: rng.normal(size=(50, *leaf.shape)) for leaf in leaves}
    values |= {
        leaf.static: constant_array(leaf.static.name, leaf.shape)[None]
        for leaf in leaves
        if leaf.static.role == "constant"
    }
    with np.errstate(all="ignore"):
        found = Program.of(nodes).run(Floats(), values)
    for node, mask, value in zip(nodes, sign_masks(nodes), found, strict=True):
        for allowed, column in zip(mask.ravel().tolist(), np.reshape(value, (len(value), -1)).T, strict=True):
            # What rounds to zero has any sign.
            seen = column[np.isfinite(column) & (np.abs(column) > 1e-9)]
            assert allowed & POSITIVE or not (seen > 0).any(), node
            assert allowed & NEGATIVE or not (seen < 0).any(), node
