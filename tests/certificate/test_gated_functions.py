"""Certificates of networks with functions of gated numbers: related in each activation pattern in a way of its own."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

import lielaws
from lielaws.checker.verify import verify
from tests.properties.test_real_ranks import random_network

Record = dict[str, Any]

SCALARS: dict[str, tuple[int, ...]] = dict.fromkeys("abc", ())
BLOCK: dict[str, tuple[int, ...]] = {"A": (3, 2), "B": (3, 3), "C": (2, 3)}
ATTENTION: dict[str, tuple[int, ...]] = {"A": (3, 2), "C": (2, 3), **dict.fromkeys("QKVO", (2, 2))}


def _attention(p: Any, x: Any, ops: Any) -> Any:
    h = x + ops.relu(x @ p.A.T) @ p.C.T
    return ops.softmax(h @ p.Q.T @ p.K @ h.T) @ h @ p.V.T @ p.O


def _norm(p: Any, x: Any, ops: Any) -> Any:
    h = ops.relu(p.A @ x)
    return p.C @ (h * ops.rsqrt((h * h).mean() + 1))


def _beside(p: Any, x: Any, ops: Any) -> Any:
    """A gate inside a function, and one outside, and an exponential that comes after the gate as it is written."""
    return p.a * ops.exp(ops.relu(p.b * x[0])) + p.b * ops.relu(p.c * x[1]) * ops.exp(-p.b * x[0])


def _of_state(p: Any, x: Any, ops: Any) -> Any:
    """exp(b), where it is not 1, is a root of exp(2 b) in all samples."""
    return p.a * ops.exp(ops.relu(p.b)) * x[0] + p.c * ops.exp(2 * p.b) * x[1]


def _by_patterns(p: Any, x: Any, ops: Any) -> Any:
    """One factor or the other is zero, but not for a gate between 0 and 1."""
    r = ops.relu(p.b * x[0])
    return p.a * (ops.exp(r) - 1) * (ops.exp(r) - ops.exp(p.b * x[0])) + p.b * x[1]


def _one_sign(p: Any, x: Any, ops: Any) -> Any:
    return p.a * ops.relu((p.b * x[0]) ** 2) + ops.exp(p.c * ops.relu(x[1])) + ops.relu(p.c * x[0])


def _square_of_a_gate(p: Any, x: Any, ops: Any) -> Any:
    """A product of a gated number with itself is its square, whichever way it is written."""
    r = ops.relu(p.b * x[0])
    return p.a * (ops.relu(r * r - x[1]) - ops.relu(r**2 - x[1])) + p.b * x[1] + p.c * ops.exp(x[0])


def _no_gate_left(p: Any, x: Any, ops: Any) -> Any:
    return p.a * ops.sqrt(1 + ops.abs(p.b * x[0]) ** 2) + p.c * ops.exp(p.c * x[1])


NETWORKS: dict[str, tuple[Any, dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]] = {
    "attention": (_attention, ATTENTION, {"x": (3, 2)}),
    "gelu": (lambda p, x, ops: p.C @ ops.gelu(p.B @ ops.relu(p.A @ x)), BLOCK, {"x": (2,)}),
    "softplus": (lambda p, x, ops: p.C @ ops.softplus(p.B @ ops.relu(p.A @ x)), BLOCK, {"x": (2,)}),
    "softmax": (lambda p, x, ops: p.C @ ops.softmax(p.B @ ops.relu(p.A @ x)), BLOCK, {"x": (2,)}),
    "cosine": (lambda p, x, ops: p.C @ ops.cos(p.B @ ops.leaky_relu(p.A @ x)), BLOCK, {"x": (2,)}),
    "norm": (_norm, {"A": (3, 2), "C": (2, 3)}, {"x": (2,)}),
    "beside": (_beside, SCALARS, {"x": (2,)}),
    "of state": (_of_state, SCALARS, {"x": (2,)}),
    "by patterns": (_by_patterns, {"a": (), "b": ()}, {"x": (2,)}),
    "square of a gate": (_square_of_a_gate, SCALARS, {"x": (2,)}),
    "no gate left": (_no_gate_left, SCALARS, {"x": (2,)}),
    "one sign": (_one_sign, SCALARS, {"x": (2,)}),
    "logarithm of two": (
        lambda p, x, ops: p.a * ops.softplus(ops.relu(p.b * x[0])) + p.c * x[1],
        SCALARS,
        {"x": (2,)},
    ),
}


@cache
def _found(name: str, seed: int) -> str:
    network, parameters, data = NETWORKS[name]
    return lielaws.discover_laws(lielaws.architecture(network, parameters, data), seed=seed).certificate.to_json()


def record(name: str, *gates: int) -> Record:
    """A certificate of a network in which the first function has each of these gates in some probe."""
    for seed in range(50):
        found: Record = json.loads(_found(name, seed))
        seen = [probe["gates"]["gate0"] for probe in found["upper"]["probes"]]
        if all([gate] in seen for gate in gates):
            return found
    raise AssertionError(f"no seed shows {gates}")


@pytest.mark.parametrize("seed", range(1000, 1015))
def test_random_networks(seed: int) -> None:
    """What the search finds is valid, or not seen through."""
    network, names = random_network(seed)
    report = lielaws.discover_laws(lielaws.architecture(network, dict.fromkeys(names, ()), {"x": (2,)}))
    assert all("they cannot be checked" in reason for reason in verify(report.certificate).reasons)


@pytest.mark.parametrize("name", NETWORKS)
def test_valid(name: str) -> None:
    assert record(name)["status"] == "exact"
    assert verify(record(name)).reasons == ()


def test_logarithms_of_numbers_are_the_same_in_all_samples() -> None:
    found = record("logarithm of two")
    _closed(found, 0)
    _closed(found, 0)
    assert verify(found).reasons == ()


def _probe(found: Record, gate: int) -> Record:
    """The first probe with this gate of the first function."""
    probe: Record = next(one for one in found["upper"]["probes"] if one["gates"]["gate0"] == [gate])
    return probe


def a_gate_between(found: Record) -> None:
    found["upper"]["probes"][0]["gates"]["gate0"] = [5]


def exponential_of_a_closed_gate(found: Record) -> None:
    for values in _probe(found, 0)["functions"]:
        values[0][0] += values[0][0] == 1


def exponential_of_an_open_gate(found: Record) -> None:
    _probe(found, 1)["functions"][0][0][0] += 1


def a_function_of_the_state(found: Record) -> None:
    """In the closed samples exp(2 b) is related to nothing else, but it is that of the open ones."""
    for probe in found["upper"]["probes"]:
        if probe["gates"]["gate0"] == [0]:
            for values in probe["functions"]:
                values[0][0] = values[0][0] if values[0][0] == 1 else values[0][0] + 1


def _closed(found: Record, shift: int) -> None:
    """One more probe, with a closed gate, where the functions are exp(0) = 1 and log(2)."""
    probes = found["upper"]["probes"]
    kinds = [step[0] for step in found["architecture"]["steps"] if step[0] in ("exp", "log")]
    known = [one["functions"][kinds.index("log")][0][0] for one in probes if one["gates"]["gate0"] == [0]]
    values = {"exp": [[1]], "log": [[(known or [17])[0] + shift]]}
    probes.append(copy.deepcopy(probes[0]))
    probes[-1] |= {"gates": {"gate0": [0]}, "functions": [values[kind] for kind in kinds]}


def logarithm_of_two(found: Record) -> None:
    _closed(found, 0)
    _closed(found, 1)


def false_law(found: Record) -> None:
    found["lower"]["laws"][0] = [[1, [1]]]


def gates_of_one_function(found: Record) -> None:
    del found["upper"]["probes"][0]["gates"]["gate1"]


LIES: list[tuple[str, tuple[int, ...], Callable[[Record], None], str]] = [
    ("beside", (), a_gate_between, "the network is not affine in this gate"),
    ("of state", (0,), exponential_of_a_closed_gate, "a function of a number does not have its value"),
    ("beside", (1,), exponential_of_an_open_gate, "exponentials that are related have unrelated values"),
    ("of state", (0, 1), a_function_of_the_state, "have"),
    ("logarithm of two", (), logarithm_of_two, "the logarithm of a number has different values"),
    ("by patterns", (), false_law, "it is no law"),
    ("one sign", (), gates_of_one_function, "these keys are missing"),
]


@pytest.mark.parametrize(("name", "gates", "lie", "reason"), LIES)
def test_a_lie_is_rejected_for_the_right_reason(
    name: str, gates: tuple[int, ...], lie: Callable[[Record], None], reason: str
) -> None:
    found = record(name, *gates)
    lie(found)
    reasons = verify(found).reasons
    assert any(reason in text for text in reasons), reasons


@pytest.mark.parametrize("name", ["softplus", "beside", "of state"])
def test_free_values_are_rejected(name: str) -> None:
    """Other values in all samples, which would make the rank no smaller."""
    found = record(name, *([0, 1] if name == "of state" else []))
    p = found["upper"]["prime"]
    for k, probe in enumerate(found["upper"]["probes"]):
        probe["functions"] = [
            [[(3 * value + k + 1) % p for value in part] for part in parts] for parts in probe["functions"]
        ]
    assert not verify(found).valid
