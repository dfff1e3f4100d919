"""Certificates whose brackets begin with sparse rows: valid, for nothing else, and none that lies is accepted.

LIELAWS_TAMPERING sets the number of mutants, 1000 by default.
"""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import pytest
import sympy

import lielaws
from lielaws.certificate.record import parse_record
from lielaws.engine.closure import growth, sparse_rows
from lielaws.engine.graph.steps import graph_spec
from tests.certificate.mutations import mutant
from tests.certificate.truth import falsehood

MUTANTS = int(os.environ.get("LIELAWS_TAMPERING", "1000"))
Record = dict[str, Any]
X = sympy.symbols("x0:12")
_ANYWHERE = {"_LEAST_DRAWN": 0, "_LARGEST_CORE": 1.0, "_LONGEST_MEAN": 10**6}


def _looked_up(p: Any, x: Any, ops: Any) -> Any:
    """Rows of a table, chosen by data, with a frozen matrix behind."""
    return ops.relu(x @ p.E) @ ops.frozen("F", (2, 2)) * p.c


def _ratio(p: Any, x: Any, ops: Any) -> Any:
    return p.a * x / (1 + p.b * p.b)


KNOWN: dict[str, Callable[[], lielaws.Architecture]] = {
    "monomials": lambda: lielaws.from_phi(
        X[:6], [X[0] * X[1], X[1] ** 2 * X[2], X[3] * X[4], X[4] * X[5], X[0] * X[5]]
    ),
    "factorization": lambda: lielaws.from_phi(
        X,
        [
            sum(X[2 * i + k] * X[6 + 2 * j + k] for k in range(2))
            for i in range(3)
            for j in range(3)
            if (i, j) != (0, 2)
        ],
    ),
    "linear": lambda: lielaws.linear([3, 2, 3]),
    "gated": lambda: lielaws.mlp([2, 3, 2], bias=True),
    "looked up": lambda: lielaws.architecture(_looked_up, {"E": (4, 2), "c": (2,)}, {"x": (4,)}),
    "ratio": lambda: lielaws.architecture(_ratio, {"a": (3,), "b": (3,)}, {"x": (3,)}),
}


@cache
def _text(name: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        for key, value in _ANYWHERE.items():
            patch.setattr(sparse_rows, key, value)
        patch.setattr(growth, "LEAST_SPARSE", 0)
        report = lielaws.discover_laws(KNOWN[name]())
    return report.certificate.to_json()


def record(name: str) -> Record:
    return json.loads(_text(name))


@pytest.mark.parametrize("name", KNOWN)
def test_it_is_valid_and_true(name: str) -> None:
    found = record(name)
    assert found["upper"]["sparse"]["stages"]
    assert lielaws.verify(found)
    assert falsehood(found) is None


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("other", KNOWN)
def test_that_of_one_network_does_not_pass_for_another(name: str, other: str) -> None:
    if name != other:
        assert not lielaws.verify(record(name) | {"architecture": record(other)["architecture"]})


def test_nor_for_one_of_the_same_sizes() -> None:
    found = record("linear")
    gated = lielaws.mlp([3, 2, 3], "relu")
    assert not lielaws.verify(found | {"architecture": graph_spec("linear:3-2-3", gated.traced)})


def _replaced(found: Record, change: Callable[[Record], None]) -> str:
    changed = copy.deepcopy(found)
    change(changed["upper"]["sparse"])
    return " ".join(lielaws.verify(changed).reasons)


def test_what_is_wrong_is_said() -> None:
    found = record("factorization")
    sparse = found["upper"]["sparse"]
    first = sparse["stages"][0]
    told = sparse["stages"][-1][1][0][0]
    assert "order" in _replaced(found, lambda s: s["stages"].reverse())
    assert "each may be told once" in _replaced(found, lambda s: s["stages"][0][1][0].__setitem__(0, told))
    assert "each may be listed once" in _replaced(found, lambda s: s["core"].append(first[0][0][0]))
    assert "have rank" in _replaced(found, lambda s: s["stages"].pop())
    assert "keys" in _replaced(found, lambda s: s.pop("core"))
    assert "between" in _replaced(found, lambda s: s["core"].append(10**6))


def test_blocks_are_small_enough_for_exact_sums() -> None:
    # A product with the inverse of a block adds up as many terms as it has rows.
    found = record("linear")
    block = [list(range(257)), list(range(257))]
    assert "at most 256" in _replaced(found, lambda s: s["stages"].append([[block[0]], [block[1]]]))


def test_it_is_for_gradient_flow_any_loss_and_small_primes() -> None:
    found = record("linear")
    decay = lielaws.discover_laws(lielaws.linear([3, 2, 3]), flow=lielaws.WeightDecay("1/10")).certificate.to_json()
    others = [
        found | {"setting": json.loads(decay)["setting"], "dimension": 13},
        found | {"setting": found["setting"] | {"loss": "cross_entropy"}},
        found | {"upper": found["upper"] | {"prime": 2**31 - 1}},
    ]
    for changed in others:
        assert not lielaws.verify(changed)


def _rows(found: Record, generator: random.Random) -> None:
    """Other rows, coordinates, orders or values of the sparse part."""
    sparse, upper = found["upper"]["sparse"], found["upper"]
    stage = generator.choice(sparse["stages"])
    match generator.randrange(7):
        case 0:
            generator.shuffle(sparse["stages"])
        case 1:
            block = generator.randrange(len(stage[0]))
            sparse["core"] += stage[0].pop(block)
            stage[1].pop(block)
        case 2:
            side = generator.choice(generator.choice(stage))
            side[generator.randrange(len(side))] = generator.randrange(40)
        case 3:
            sparse["core"].append(generator.randrange(40))
            _raise(found)
        case 4:
            probe = generator.choice(sparse["probes"])
            pairs = generator.choice([pairs for pairs in probe.values() if pairs])
            generator.choice(pairs)[generator.randrange(2)] = generator.choice(
                (0, 1, 2, generator.randrange(upper["prime"]))
            )
        case 5:
            sparse["probes"].append(copy.deepcopy(generator.choice(sparse["probes"])))
        case 6:
            stage[0].append([generator.randrange(40)])
            stage[1].append([generator.randrange(found["dimension"])])
            _raise(found)


def _raise(found: Record) -> None:
    """The statement that follows from one more row."""
    found["upper"]["rank"] += 1
    found["upper_bound"] -= 1
    found["status"] = "exact" if found["lower_bound"] == found["upper_bound"] else "gap"


@pytest.mark.parametrize("name", KNOWN)
def test_no_tampered_certificate_lies(name: str) -> None:
    generator, original, accepted = random.Random(f"{name} 0"), record(name), 0
    for _ in range(-(-MUTANTS // len(KNOWN))):
        if generator.random() < 0.6:
            found = copy.deepcopy(original)
            for _ in range(generator.choice((1, 1, 2, 3))):
                with suppress(IndexError, ValueError):
                    _rows(found, generator)
            content = json.dumps(found)
        else:
            content = mutant(original, generator)
        with suppress(lielaws.LieLawsError):
            tampered = dict(parse_record(content, "mutant"))
            verification = lielaws.verify(tampered)
            assert verification.valid or verification.reasons
            if verification.valid:
                accepted += 1
                assert falsehood(tampered) is None, content
    assert accepted > 0
