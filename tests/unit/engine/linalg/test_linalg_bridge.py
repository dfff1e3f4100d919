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
    route = bridge.direct_route(bridge.find_library)
    if route is None:
        pytest.skip("no direct route on this platform")
    return route


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the wheel for Linux has a shared libflint")
def test_direct_route_is_taken_on_linux():
    assert bridge.route().name == "direct"


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (17, 40), (40, 17)])
def test_routes_agree(direct, shape, in_place):
    if in_place and not direct.keeps_rows_in_place:
        pytest.skip("this FLINT swaps row pointers")
    direct.keeps_rows_in_place = in_place
    lists = bridge.ListRoute()
    rng = np.random.default_rng(shape)
    for density in (0.1, 0.5, 1.0):
        matrix = rng.integers(0, P, shape) * (rng.random(shape) < density)
        reduced, rank = direct.rref(matrix, P)
        expected, expected_rank = lists.rref(matrix, P)
        assert np.array_equal(reduced, expected)
        assert rank == expected_rank == direct.rank(matrix, P) == lists.rank(matrix, P)


def test_strided_input(direct):
    matrix = np.random.default_rng(1).integers(0, P, (9, 12))
    assert np.array_equal(direct.rref(matrix[::-2, ::3], P)[0], direct.rref(matrix[::-2, ::3].copy(), P)[0])


def test_no_library():
    assert bridge.direct_route(lambda: None) is None


def test_library_without_the_functions():
    assert bridge.direct_route(lambda: ctypes.CDLL(None)) is None


def test_library_that_cannot_be_loaded():
    assert bridge.direct_route(lambda: ctypes.CDLL("/nowhere/libflint.so")) is None


def test_self_check_refuses_wrong_ranks(direct, monkeypatch):
    monkeypatch.setattr(bridge.DirectRoute, "rank", lambda *_: 1)
    assert bridge.direct_route(bridge.find_library) is None


def test_self_check_refuses_wrong_entries(direct, monkeypatch):
    right = bridge.DirectRoute.rref
    monkeypatch.setattr(bridge.DirectRoute, "rref", lambda *a: (right(*a)[0][::-1], right(*a)[1]))
    assert bridge.direct_route(bridge.find_library) is None


def test_self_check_refuses_a_struct_that_does_not_fit(direct, monkeypatch):
    monkeypatch.setattr(bridge.DirectRoute, "inspect", lambda *_: (False, True))
    assert bridge.direct_route(bridge.find_library) is None


def test_rows_are_read_one_by_one_if_they_move(direct, monkeypatch):
    monkeypatch.setattr(bridge.DirectRoute, "inspect", lambda *_: (True, False))
    route = bridge.direct_route(bridge.find_library)
    assert route is not None
    assert not route.keeps_rows_in_place


def test_library_is_found_without_package_files(direct, monkeypatch):
    monkeypatch.setattr(bridge, "_in_wheel", list)
    assert bridge.direct_route(bridge.find_library) is not None


def test_list_route_where_nothing_is_found(monkeypatch):
    monkeypatch.setattr(bridge, "find_library", lambda: None)
    bridge.route.cache_clear()
    try:
        assert bridge.route().name == "lists"
    finally:
        bridge.route.cache_clear()
