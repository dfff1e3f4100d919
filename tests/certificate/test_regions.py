"""Certificates about one region: the activation patterns that data show at its point."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

import lielaws
from lielaws.checker.verify import verify

Record = dict[str, Any]


def _rational(p: Any, x: Any, ops: Any) -> Any:
    return p.C @ ops.relu(p.A @ x / (1 + x[0] ** 2))


def _one_sign(p: Any, x: Any, ops: Any) -> Any:
    return p.a * ops.relu((p.b * x[0]) ** 2) + ops.relu(p.c * x[1])


def _undefined(p: Any, x: Any, ops: Any) -> Any:
    """At some of the data that the checker draws."""
    return p.C @ ops.relu(p.A @ (1 / x))


ARCHITECTURES: dict[str, Callable[[], Any]] = {
    "relu": lambda: "relu:1-3-1",
    "deep": lambda: "relu:2-3-3-2",
    "bias": lambda: "leaky_relu+bias:2-3-2",
    "square": lambda: "relu2:2-2-1",
    "no gates": lambda: "linear:2-3-2",
    "rational": lambda: lielaws.architecture(_rational, {"A": (2, 2), "C": (1, 2)}, {"x": (2,)}),
    "undefined": lambda: lielaws.architecture(_undefined, {"A": (2, 2), "C": (1, 2)}, {"x": (2,)}),
    "one sign": lambda: lielaws.architecture(_one_sign, dict.fromkeys("abc", ()), {"x": (2,)}),
}


@cache
def _found(name: str, seed: int) -> str:
    report = lielaws.discover_laws(ARCHITECTURES[name](), gates="realizable", seed=seed)
    return report.certificate.to_json()


def record(name: str, seed: int = 1) -> Record:
    found: Record = json.loads(_found(name, seed))
    return found


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_valid(name: str, seed: int) -> None:
    found = record(name, seed)
    assert verify(found).reasons == ()
    assert ("region" in found) == (name != "no gates")


def test_a_region_may_have_laws_that_free_gates_do_not_have() -> None:
    free = json.loads(lielaws.discover_laws("relu:1-3-1").certificate.to_json())
    found = record("relu")
    assert found["lower_bound"] > free["lower_bound"]
    found["setting"]["gates"] = "free"
    del found["region"]
    assert not verify(found).valid
    found["hypotheses"] = free["hypotheses"]
    assert any("it is no law" in reason for reason in verify(found).reasons)


def no_region(found: Record) -> None:
    del found["region"]


def a_region_for_free_gates(found: Record) -> None:
    found["setting"]["gates"] = "free"


def on_a_kink(found: Record) -> None:
    found["region"]["samples"][0]["x"] = ["0"]


def the_same_pattern_twice(found: Record) -> None:
    found["region"]["samples"].append(copy.deepcopy(found["region"]["samples"][0]))


def a_sample_left_out(found: Record) -> None:
    found["region"]["samples"].pop()


@pytest.mark.parametrize("name", ["rational", "undefined"])
def test_a_pattern_is_missed_wherever_other_data_are_undefined(name: str) -> None:
    found = record(name)
    a_sample_left_out(found)
    assert any("an activation pattern that is not listed" in reason for reason in verify(found).reasons)


def another_point(found: Record) -> None:
    found["region"]["point"] = ["1", "-1", "1", "1", "1", "1"]


def a_false_law(found: Record) -> None:
    """The weight of a unit is constant where that is closed, and every unit is open somewhere."""
    found["lower"]["laws"][0] = [[1, [0]]]


def a_gate_between(found: Record) -> None:
    found["upper"]["probes"][0]["gates"]["gate0"][0] = 2


def no_fraction(found: Record) -> None:
    found["region"]["point"][0] = "1/0"


def more_patterns_than_shown(found: Record) -> None:
    found["hypotheses"][0] = found["hypotheses"][0].replace("2 activation", "3 activation")


LIES: list[tuple[Callable[[Record], None], str]] = [
    (no_region, "the section region is missing"),
    (a_region_for_free_gates, "there is none with free gates"),
    (on_a_kink, "it is zero, so that no pattern persists"),
    (the_same_pattern_twice, "sample 0 has the same"),
    (a_sample_left_out, "an activation pattern that is not listed"),
    (another_point, "no sample of the region has this activation pattern"),
    (a_false_law, "it is no law"),
    (a_gate_between, "no sample of the region has this activation pattern"),
    (no_fraction, "a rational number"),
    (more_patterns_than_shown, "exactly these are used"),
]


@pytest.mark.parametrize(("lie", "reason"), LIES)
def test_a_lie_is_rejected_for_the_right_reason(lie: Callable[[Record], None], reason: str) -> None:
    found = record("relu")
    lie(found)
    reasons = verify(found).reasons
    assert any(reason in text for text in reasons), reasons


@pytest.mark.parametrize("seed", range(6))
def test_thin_cones_are_listed(seed: int) -> None:
    """Ten planes through zero cut space into up to 92 cones; the checker's own data find those that are not listed."""
    certificate = lielaws.discover_laws("relu:3-10-3", gates="realizable", seed=seed).certificate
    assert verify(certificate).valid
