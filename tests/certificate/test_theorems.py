"""Certificates that rest on theorems: small, valid for what they are about, and for nothing else.

LIELAWS_TAMPERING sets the number of mutants, 1000 by default.
"""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lielaws
from lielaws import discover as stages
from lielaws.certificate.record import parse_record
from lielaws.engine.graph.steps import graph_spec
from lielaws.engine.paths.streams import NotGatedError
from lielaws.engine.paths.unit_classes import unit_classes
from lielaws.engine.theorems.recognition import product_form
from tests.certificate.cases import graph_architecture
from tests.certificate.mutations import mutant

MUTANTS = int(os.environ.get("LIELAWS_TAMPERING", "1000"))
Record = dict[str, Any]


def _stream(p: Any, x: Any, ops: Any) -> Any:
    s = ops.relu(p.S @ x)
    return p.O @ ops.relu(s + p.C @ ops.relu(p.A @ s + p.a))


KNOWN: dict[str, Callable[[], lielaws.Architecture]] = {
    "layers": lambda: lielaws.mlp([2, 3, 2], bias=True),
    "deep": lambda: lielaws.mlp([2, 2, 3, 2], "leaky_relu", output_bias=True),
    "convolution": lambda: lielaws.conv([1, 2, 2], 2, 5, bias=True, padding=1, pooling="max"),
    "plane": lambda: lielaws.conv([1, 2, 2], 2, 4, dim=2, activation="abs"),
    "stream": lambda: lielaws.architecture(
        _stream, {"S": (2, 2), "A": (3, 2), "a": (3,), "C": (2, 3), "O": (2, 2)}, {"x": (2,)}
    ),
    "classes": lambda: lielaws.mlp([2, 3, 3], bias=True),
    "pair": lambda: lielaws.linear([3, 2, 4]),
    "wide pair": lambda: lielaws.linear([2, 5, 1]),
    "chain": lambda: lielaws.linear([2, 3, 2, 2]),
    "long chain": lambda: lielaws.linear([3, 2, 2, 1, 2]),
    "attention": lambda: lielaws.attention(3, 2, heads=2, tokens=2),
    "causal": lambda: lielaws.attention(2, 1, heads=3, kv_heads=2, causal=True),
    "gated unit": lambda: lielaws.glu(2, 3),
    "gelu unit": lambda: lielaws.glu(2, 2, "gelu", d_out=1),
}
LOSSES = {"classes": "cross_entropy"}


@cache
def _text(name: str) -> str:
    least = stages.LEAST_BY_THEOREM
    stages.LEAST_BY_THEOREM = 0
    try:
        report = lielaws.discover_laws(KNOWN[name](), loss=LOSSES.get(name, "any"))
    finally:
        stages.LEAST_BY_THEOREM = least
    return report.certificate.to_json()


def record(name: str) -> Record:
    return json.loads(_text(name))


@pytest.mark.parametrize("name", KNOWN)
def test_a_certificate_has_a_few_bytes_beside_the_network(name: str) -> None:
    found = record(name)
    assert lielaws.verify(found)
    assert len(json.dumps({"upper": found["upper"], "lower": found["lower"]})) < 300


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("other", KNOWN)
def test_that_of_one_network_does_not_pass_for_another(name: str, other: str) -> None:
    if name == other:
        return
    assert not lielaws.verify(record(name) | {"architecture": record(other)["architecture"]})


def test_nor_for_one_of_the_same_sizes() -> None:
    found = record("layers")
    linear = lielaws.mlp([2, 3, 2], "linear", bias=True)
    assert not lielaws.verify(found | {"architecture": graph_spec("relu+bias:2-3-2", linear.traced)})


def _statement(found: Record, generator: random.Random) -> None:
    """Other bounds, with whatever follows from them."""
    rank = found["upper"]["rank"] + generator.choice((-2, -1, 1, 2))
    lower = found["lower_bound"] + generator.choice((-1, 0, 1))
    found["upper"]["rank"] = rank
    if "units" in found["lower"]:
        found["lower"]["units"] = lower
    found["upper_bound"] = found["dimension"] - rank
    found["lower_bound"] = generator.choice((lower, found["upper_bound"]))
    found["status"] = "exact" if found["lower_bound"] == found["upper_bound"] else "gap"


def _parts(found: Record, generator: random.Random) -> None:
    """Other tensors in the parts of a form, another form, or another option."""
    upper = found["upper"]
    names = [name for some in upper["parts"].values() for name in some]
    generator.shuffle(names)
    filled = iter(names)
    upper["parts"] = {part: [next(filled) for _ in some] for part, some in upper["parts"].items()}
    if generator.random() < 0.3:
        upper["form"] = generator.choice(("pair", "attention", "gated unit"))
    if "clusters" in upper and generator.random() < 0.5:
        profile, _ = generator.choice(upper["clusters"])
        profile[generator.randrange(len(profile))] += generator.choice((-1, 1))
    if generator.random() < 0.3:
        upper["option"] = generator.choice(("", "causal", "silu", "gelu", "tanh"))


def _mutant(original: Record, generator: random.Random) -> str:
    if generator.random() < 0.2:
        found = copy.deepcopy(original)
        (_parts if "parts" in found["upper"] and generator.random() < 0.5 else _statement)(found, generator)
        return json.dumps(found)
    return mutant(original, generator)


@cache
def _true_count(spec: str, loss: str) -> int:
    return lielaws.discover_laws(graph_architecture(json.loads(spec)), loss=loss, find_laws=False).n_laws


@pytest.mark.parametrize("name", KNOWN)
def test_no_tampered_certificate_lies(name: str, tmp_path: Path) -> None:
    generator, original, path = random.Random(f"{name} 0"), record(name), tmp_path / "certificate.json"
    accepted = 0
    for _ in range(-(-MUTANTS // len(KNOWN))):
        content = _mutant(original, generator)
        path.write_text(content, encoding="utf-8")
        verification = lielaws.verify(path)
        assert verification.valid or verification.reasons
        if verification.valid:
            accepted += 1
            found = dict(parse_record(content, "mutant"))
            count = _true_count(json.dumps(found["architecture"]), found["setting"]["loss"])
            assert found["upper_bound"] == found["lower_bound"] == count, content
            assert found["status"] == "exact"
    assert accepted > 0


def _trap(parameters: str, function: Callable[..., Any]) -> lielaws.Architecture:
    shapes = {"A": (3, 3), "B": (3, 3), "C": (3, 3), "a": (3,), "b": (3,), "s": ()}
    return lielaws.architecture(function, {name: shapes[name] for name in parameters}, {"x": (3,)})


def _own_slope(p: Any, x: Any, ops: Any) -> Any:
    u = p.A @ x
    return p.C @ (ops.relu(u) - p.s * ops.relu(-u))


def _twice(p: Any, x: Any, ops: Any) -> Any:
    turned = p.A.T
    return p.C @ ops.relu(turned @ x) + p.B @ ops.relu(turned @ x[::-1])


TRAPS: dict[str, Callable[[], lielaws.Architecture]] = {
    "two weights of one unit": lambda: _trap("ABC", lambda p, x, ops: p.C @ ops.relu(p.A @ x + p.B @ x)),
    "a weight beside the identity": lambda: _trap("AC", lambda p, x, ops: p.C @ ops.relu(p.A @ x + x)),
    "a skip around a weight": lambda: _trap(
        "ABC", lambda p, x, ops: p.C @ ops.relu(ops.relu(p.A @ x) + p.B @ ops.relu(p.A @ x))
    ),
    "a hidden unit without a gate": lambda: _trap("ABC", lambda p, x, ops: p.C @ (p.B @ ops.relu(p.A @ x))),
    "a shared weight": lambda: _trap("AC", lambda p, x, ops: p.C @ ops.relu(p.A @ ops.relu(p.A @ x))),
    "a tied weight": lambda: _trap("A", lambda p, x, ops: p.A.T @ ops.relu(p.A @ x)),
    "a weight that is transposed once and used twice": lambda: _trap("ABC", _twice),
    "two gates of one argument": lambda: _trap(
        "ABC", lambda p, x, ops: p.C @ ops.relu(p.A @ x) + p.B @ ops.abs(p.A @ x)
    ),
    "proportional arguments": lambda: _trap(
        "abC", lambda p, x, ops: p.C @ ops.relu(ops.stack([p.a @ x, -2 * (p.a @ x), p.b @ x]))
    ),
    "one argument twice": lambda: _trap("aC", lambda p, x, ops: p.C @ ops.relu(ops.broadcast_to(p.a @ x, (3,)))),
    "a gate of a gate": lambda: _trap("AC", lambda p, x, ops: p.C @ ops.abs(ops.relu(p.A @ x) - 1)),
    "a gate that is always open": lambda: _trap("AC", lambda p, x, ops: p.C @ ops.relu((p.A @ x) ** 2)),
    "a product of units": lambda: _trap("ABC", lambda p, x, ops: p.C @ (ops.relu(p.A @ x) * ops.relu(p.B @ x))),
    "a maximum of weights": lambda: _trap("ABC", lambda p, x, ops: p.C @ ops.maximum(p.A @ x, p.B @ x)),
    "a maximum of one unit with itself": lambda: _trap(
        "AC", lambda p, x, ops: p.C @ ops.maximum(ops.relu(p.A @ x), ops.relu(p.A @ x)[::-1])
    ),
    "a slope that is trained": lambda: _trap("ACs", _own_slope),
    "two biases": lambda: _trap("AabC", lambda p, x, ops: p.C @ ops.relu(p.A @ x + p.a + p.b)),
    "a function": lambda: _trap("AC", lambda p, x, ops: p.C @ ops.tanh(p.A @ x)),
    "a sum before the gate": lambda: _trap("AC", lambda p, x, ops: p.C[:, 0] * ops.relu((p.A @ x).sum())),
}


@pytest.mark.parametrize("name", TRAPS)
def test_networks_that_look_alike_are_refused(name: str) -> None:
    """Neither the library nor the checker counts their units, whatever a certificate says."""
    architecture = TRAPS[name]()
    with pytest.raises(NotGatedError):
        unit_classes(architecture.traced)
    report = lielaws.discover_laws(architecture)
    for units in {3, 6, report.n_laws}:
        forged = json.loads(report.certificate.to_json())
        forged.pop("patterns", None)
        forged |= {
            "upper": {"arithmetic": "units", "rank": report.dimension - units},
            "lower": {"laws": "units", "units": units, "sums": []},
            "upper_bound": units,
            "lower_bound": units,
            "status": "exact",
            "hypotheses": [report.hypotheses[0]] if report.hypotheses else [],
        }
        verification = lielaws.verify(forged)
        assert not verification
        assert "of another kind" in verification.reasons[0] or "functions or constants" in verification.reasons[0]


def _formed(parameters: dict[str, tuple[int, ...]], data: tuple[int, ...], function: Callable[..., Any]) -> Any:
    return lielaws.architecture(function, parameters, {"x": data})


_ATTENTION = {"Q": (2, 3), "K": (2, 3), "V": (2, 3), "O": (2, 3)}


def _softmax(p: Any, x: Any, ops: Any, *, queries: Any = None, keys: Any = None) -> Any:
    logits = (x @ p.Q.T if queries is None else queries) @ (x @ p.K.T if keys is None else keys).T
    return ops.softmax(logits) @ (x @ p.V.T) @ p.O


def _shared_gate(p: Any, x: Any, ops: Any) -> Any:
    return p.C @ (ops.silu(p.A @ x) * ((p.A + p.B) @ x))


OTHER_FUNCTIONS: dict[str, tuple[dict[str, Any], Callable[[], Any]]] = {
    "a pair with a skip": (
        {"form": "pair", "parts": {"U": ["A"], "V": ["C"]}, "option": ""},
        lambda: _formed({"A": (2, 3), "C": (3, 2)}, (3,), lambda p, x, ops: p.C @ (p.A @ x) + x),
    ),
    "a pair with a trained skip": (
        {"form": "pair", "parts": {"U": ["A"], "V": ["C"]}, "option": ""},
        lambda: _formed({"A": (2, 3), "C": (3, 2)}, (3,), lambda p, x, ops: p.C @ (p.A @ x) + p.A.T @ x[:2]),
    ),
    "a pair whose data are squared": (
        {"form": "pair", "parts": {"U": ["A"], "V": ["C"]}, "option": ""},
        lambda: _formed({"A": (2, 3), "C": (3, 2)}, (3,), lambda p, x, ops: p.C @ (p.A @ x**2)),
    ),
    "a chain with a skip": (
        {"form": "chain", "parts": {"W": ["A", "B", "C"]}, "option": "", "clusters": [[[1, 1, 1, 1], 2]]},
        lambda: _formed(dict.fromkeys("ABC", (2, 2)), (2,), lambda p, x, ops: p.C @ (p.B @ (p.A @ x)) + p.B @ x),
    ),
    "a chain in another order": (
        {"form": "chain", "parts": {"W": ["A", "C", "B"]}, "option": "", "clusters": [[[1, 1, 1, 1], 2]]},
        lambda: _formed(dict.fromkeys("ABC", (2, 2)), (2,), lambda p, x, ops: p.C @ (p.B @ (p.A @ x))),
    ),
    "attention of the other way": (
        {"form": "attention", "parts": {part: [part] for part in "QKVO"}, "option": ""},
        lambda: _formed(_ATTENTION, (3, 3), lambda p, x, ops: _softmax(p, x, ops, queries=x @ p.K.T, keys=x @ p.Q.T)),
    ),
    "attention without a softmax": (
        {"form": "attention", "parts": {part: [part] for part in "QKVO"}, "option": ""},
        lambda: _formed(_ATTENTION, (3, 3), lambda p, x, ops: (x @ p.Q.T) @ (x @ p.K.T).T @ (x @ p.V.T) @ p.O),
    ),
    "attention that is added": (
        {"form": "attention", "parts": {part: [part] for part in "QKVO"}, "option": ""},
        lambda: _formed(_ATTENTION, (3, 3), lambda p, x, ops: x + _softmax(p, x, ops)),
    ),
    "causal attention as another": (
        {"form": "attention", "parts": {f"{part}": [f"{part}1"] for part in "QKVO"}, "option": ""},
        lambda: lielaws.attention(3, 2, causal=True),
    ),
    "attention with turned queries": (
        {"form": "attention", "parts": {f"{part}": [f"{part}1"] for part in "QKVO"}, "option": ""},
        lambda: lielaws.attention(3, 2, rotary=[1]),
    ),
    "a bilinear unit": (
        {"form": "gated unit", "parts": {part: [part] for part in "ABC"}, "option": "silu"},
        lambda: lielaws.glu(2, 3, "linear"),
    ),
    "a unit with another activation": (
        {"form": "gated unit", "parts": {part: [part] for part in "ABC"}, "option": "gelu"},
        lambda: lielaws.glu(2, 3, "silu"),
    ),
    "a unit whose gate is shared": (
        {"form": "gated unit", "parts": {part: [part] for part in "ABC"}, "option": "silu"},
        lambda: _formed(
            {"A": (2, 3), "B": (2, 3), "C": (3, 2)},
            (3,),
            lambda p, x, ops: p.C @ (ops.silu(p.A @ x) * ((p.A + p.B) @ x)),
        ),
    ),
}


@pytest.mark.parametrize("name", OTHER_FUNCTIONS)
def test_other_functions_are_refused(name: str) -> None:
    form, make = OTHER_FUNCTIONS[name]
    architecture = make()
    report = lielaws.discover_laws(architecture)
    found = product_form(architecture.traced, np.random.default_rng(0))
    assert found is None or found.count == report.n_laws
    for count in {2, 3, 6, report.n_laws}:
        forged = json.loads(report.certificate.to_json())
        forged |= {
            "upper": {"arithmetic": "products", "rank": report.dimension - count, **form},
            "lower": {"laws": "products"},
            "upper_bound": count,
            "lower_bound": count,
            "status": "exact",
        }
        verification = lielaws.verify(forged)
        assert not verification
        assert "another function" in verification.reasons[0]
