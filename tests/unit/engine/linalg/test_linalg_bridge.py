"""The direct route, and what happens where it cannot be taken."""

from __future__ import annotations

import ctypes
import sys

import numpy as np
import pytest

from lielaws.engine.linalg import bridge

P = 2**31 - 1


@pytest.fixture
def direct():
    found = bridge.direct_elimination(bridge.find_library)
    if found is None:
        pytest.skip("FLINT's library is not found on this platform")
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the wheel for Linux has a shared libflint")
def test_direct_way_is_taken_on_linux():
    assert bridge.elimination() is not bridge.through_lists


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (17, 40), (40, 17), (150, 120)])
def test_both_ways_agree(direct, shape):
    rng = np.random.default_rng(shape)
    for density in (0.1, 0.5, 1.0):
        matrix = rng.integers(0, P, shape) * (rng.random(shape) < density)
        reduced, rank = direct(matrix, P)
        expected, expected_rank = bridge.through_lists(matrix, P)
        assert np.array_equal(reduced, expected)
        assert rank == expected_rank


def test_strided_input(direct):
    matrix = np.random.default_rng(1).integers(0, P, (9, 12))
    assert np.array_equal(direct(matrix[::-2, ::3], P)[0], direct(matrix[::-2, ::3].copy(), P)[0])


def test_input_is_left_as_it_is(direct):
    matrix = np.random.default_rng(2).integers(0, P, (5, 5))
    before = matrix.copy()
    direct(matrix, P)
    assert np.array_equal(matrix, before)


def test_no_library():
    assert bridge.direct_elimination(lambda: None) is None


def test_library_without_the_functions():
    assert bridge.direct_elimination(lambda: ctypes.CDLL(None)) is None


def test_library_that_cannot_be_loaded():
    assert bridge.direct_elimination(lambda: ctypes.CDLL("/nowhere/libflint.so")) is None


@pytest.mark.parametrize(
    "wrong",
    [
        lambda reduced, rank: (reduced, max(1, rank - 1)),
        lambda reduced, rank: (reduced[::-1], rank),
        # What is read in one piece from a version that swaps rows by swapping pointers.
        lambda reduced, rank: (np.roll(reduced, 1, axis=0), rank),
    ],
)
def test_self_check_refuses_wrong_results(direct, monkeypatch, wrong):
    monkeypatch.setattr(bridge, "through_memory", lambda _: lambda matrix, p: wrong(*direct(matrix, p)))
    assert bridge.direct_elimination(bridge.find_library) is None


def test_lists_where_nothing_is_found(monkeypatch):
    monkeypatch.setattr(bridge, "find_library", lambda: None)
    bridge.elimination.cache_clear()
    try:
        assert bridge.elimination() is bridge.through_lists
    finally:
        bridge.elimination.cache_clear()
