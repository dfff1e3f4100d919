"""Ranks of products of matrices from clusters of a few units."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from lielaws import discover_laws, linear
from lielaws.engine.theorems.clusters import chain_ranks, clusters

WIDTHS = [(3, 3, 3), (2, 3, 2, 3), (5, 4, 3, 2), (2, 4, 4, 2), (3, 9, 9, 3), (1, 2, 2, 1), (20, 25, 25, 20, 25, 25, 20)]


@pytest.mark.parametrize("widths", [*WIDTHS, (784, 1000, 1000, 10), (10, 700, 30)])
def test_clusters_make_up_all_widths(widths: tuple[int, ...]) -> None:
    found = list(clusters(widths))
    assert found
    for kinds in found:
        sums = np.sum([count * np.array(profile) for profile, count in kinds.items()], axis=0)
        assert sums.tolist() == list(widths)


@pytest.mark.parametrize("widths", WIDTHS[1:6])
def test_ranks_are_at_most_those_of_brackets(widths: tuple[int, ...]) -> None:
    report = discover_laws(linear(list(widths)))
    found = [chain_ranks(kinds, np.random.default_rng(0)) for kinds in clusters(widths)]
    assert all(blocks.laws + blocks.missing >= report.n_laws for blocks in found)
    assert all(blocks.laws <= report.n_laws for blocks in found)


def test_chains_of_one_kind_are_complete() -> None:
    blocks = chain_ranks(Counter({(1, 1, 1, 1): 50}), np.random.default_rng(0))
    assert (blocks.laws, blocks.missing) == (2 * 50 * 51 // 2, 0)


def test_a_single_cluster_has_no_helper() -> None:
    """With another one beside it 1-2-2-1 would have six laws; it has seven."""
    blocks = chain_ranks(Counter({(1, 2, 2, 1): 1}), np.random.default_rng(0))
    assert blocks.missing == 1
