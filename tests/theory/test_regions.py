"""Real activation patterns: a network can have more laws in its region than with free gates."""

from __future__ import annotations

import numpy as np
import pytest

from lielaws import architecture, check_laws, discover_laws, mlp, verify
from lielaws.errors import UnsupportedError


@pytest.mark.parametrize(("widths", "free", "allowed"), [([1, 3, 1], 3, {4, 5}), ([2, 3, 3, 2], 6, set(range(6, 12)))])
def test_counts_of_regions(widths, free, allowed):
    """DESIGN 2.3: relu 1-3-1 has 3 laws with free gates and 4 or 5 in a region; 2-3-3-2 has 6, somewhere 10 or 11."""
    assert discover_laws(mlp(widths)).n_laws == free
    counts = set()
    for seed in range(8):
        report = discover_laws(mlp(widths), gates="realizable", seed=seed)
        assert report.complete
        counts.add(report.n_laws)
        assert any("realizable" in text for text in report.certificate.hypotheses)
    assert counts <= allowed
    assert max(counts) > free


def test_laws_of_a_region_hold_at_its_point():
    arch = mlp([1, 3, 1])
    report = discover_laws(arch, gates="realizable", seed=1)
    point = {name: np.array(value, dtype=float) for name, value in report.region.items()}
    rng = np.random.default_rng(0)
    for _ in range(20):
        x, w = rng.normal(size=(1, 1)), rng.normal(size=(1, 1))
        slope = arch.pullback(point, x, w)
        for law in report.laws:
            gradient = law.gradient(point)
            assert sum(np.sum(gradient[name] * slope[name]) for name in slope) == pytest.approx(0.0, abs=1e-9)


def test_networks_without_gates_are_what_they_are():
    assert discover_laws(mlp([2, 3, 2], "square"), gates="realizable").n_laws == 3


def test_signs_that_cannot_be_computed_are_refused():
    def net(p, x, ops):
        return p.C @ ops.relu(ops.tanh(p.A @ x))

    from lielaws import architecture

    with pytest.raises(UnsupportedError, match="gates"):
        discover_laws(architecture(net, {"A": (2, 2), "C": (1, 2)}, {"x": (2,)}), gates="realizable")


def test_a_false_law_of_a_region_is_refused_whatever_pattern_is_met():
    """W1[0,0] is constant where unit 0 is closed; it is no law as soon as one pattern opens it."""
    for seed in range(6):
        assert not check_laws(mlp([1, 3, 1]), ["W1[0,0]"], gates="realizable", seed=seed).all_hold


def test_a_region_of_data_without_axes_is_certified():
    arch = architecture(lambda p, x, ops: p.a * ops.relu(p.b * x), {"a": (), "b": ()}, {"x": ()})
    report = discover_laws(arch, gates="realizable")
    assert [str(law) for law in report.laws] == ["a^2 - b^2"]
    assert verify(report.certificate).valid


@pytest.mark.parametrize(
    ("network", "law"),
    [
        (lambda p, x, ops: p.a * ops.maximum(p.b * x, (p.b * x)[::-1]), "a**2 - b[0]**2 - b[1]**2 - b[2]**2"),
        (lambda p, x, ops: p.a * ops.relu(p.b * x - p.b * x) + p.b * x, "a"),
    ],
)
def test_gates_whose_arguments_are_zero_are_of_no_effect_in_a_region(network, law):
    arch = architecture(network, {"a": (), "b": (3,)}, {"x": (3,)})
    report = discover_laws(arch, gates="realizable")
    assert (report.n_laws, len(report.laws)) == (1, 1)
    assert report.contains(law)
