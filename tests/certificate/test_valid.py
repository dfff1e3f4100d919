"""Certificates of the library are valid, whatever the family, and are checked quickly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sympy

import lielaws
from lielaws.checker.verify import verify
from tests.certificate.cases import MAKERS, certified, make, record

UNPROVED = {"softplus differences", "angles"}
"""laws that rest on relations between functions which the checker does not know"""


@pytest.mark.parametrize("name", MAKERS)
def test_certificates_are_valid(name: str) -> None:
    for found in (record(name), certified(name, seed=7)):
        reasons = verify(found).reasons
        assert all("as far as this checker can prove" in reason for reason in reasons), reasons
        assert bool(reasons) == (name in UNPROVED)


def test_the_subject_says_what_was_verified() -> None:
    verification = verify(record("relu"))
    assert verification.subject == (
        "The network 'relu:2-3-2' with 12 parameters, gradient flow, any loss, free gates. "
        "At most 3 independent laws, 3 verified: the list is complete."
    )
    assert verify(record("relu", find_laws=False)).subject.endswith("0 verified: whether there are more is open.")
    renamed = record("relu")
    renamed["architecture"]["name"] = "another"
    assert "'another'" in verify(renamed).subject
    renamed["architecture"]["steps"][0][2][1] = "W2"
    assert verify(renamed).subject == ""


def test_version_1_gets_one_line() -> None:
    (reason,) = verify(record("relu") | {"version": 1}).reasons
    assert "version 1 is no longer read; discover again" in reason


@pytest.mark.parametrize("name", ["relu", "linear", "phi"])
def test_a_count_without_laws_is_valid(name: str) -> None:
    found = record(name, find_laws=False)
    assert (found["status"] == "gap") == (found["upper_bound"] > 0)
    assert verify(found).valid


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "certificate.json"
    certificate = lielaws.discover_laws(make("relu")).certificate
    certificate.save(path)
    assert verify(path) == verify(str(path)) == verify(certificate)
    assert bool(verify(path)) is True


def test_reordered_keys_and_spaces_change_nothing() -> None:
    turned = _turned(record("sequential"))
    assert verify(json.loads(json.dumps(turned, indent=3))).valid


def _turned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _turned(value[key]) for key in reversed(value)}
    return [_turned(entry) for entry in value] if isinstance(value, list) else value


def _product_of(count: int) -> lielaws.Architecture:
    symbols = sympy.symbols(f"x1:{count + 1}")
    return lielaws.from_phi(symbols, [sympy.prod(symbols)])


# Rows of the table of known facts under gradient flow: dimension, laws.
@pytest.mark.parametrize(
    ("architecture", "dimension", "laws"),
    [
        (lambda: lielaws.linear([3, 3, 3, 3]), 27, 12),
        (lambda: lielaws.mlp([3, 4, 3]), 24, 4),
        (lambda: lielaws.mlp([2, 3, 2], bias=True), 15, 3),
        (lambda: _product_of(12), 12, 11),
        (lambda: lielaws.linear([5, 12, 5]), 120, 75),
        (lambda: lielaws.mlp([9] * 5, bias=True), 351, 27),
        (lambda: lielaws.linear([9] * 5), 324, 135),
        (lambda: lielaws.linear([10, 20, 10]), 400, 210),
        # Its block is invertible by 1,024 bits, not by 512.
        (lambda: lielaws.attention(1, 1, heads=24, kv_heads=1, tokens=2), 50, 2),
    ],
)
def test_known_facts_are_checked(architecture: Any, dimension: int, laws: int) -> None:
    certificate = lielaws.discover_laws(architecture()).certificate
    assert verify(certificate).reasons == ()
    assert (certificate.record["dimension"], certificate.upper_bound) == (dimension, laws)
    assert certificate.status == "exact"


def test_the_order_of_parameters_survives_a_file(tmp_path):
    """Coordinates are numbered in the order of the parameters, so a file must keep it."""
    spec = {
        "family": "network",
        "parameters": {"C": [2, 3], "A": [3, 2], "b": [3]},
        "data": {"x": [2]},
        "let": {"z": "A @ x + b", "h": "relu(z)"},
        "output": "C @ h",
    }
    certificate = lielaws.discover_laws(spec).certificate
    certificate.save(tmp_path / "c.json")
    assert verify(lielaws.Certificate.load(tmp_path / "c.json")).valid
