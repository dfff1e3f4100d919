"""Certificates of the library are valid, whatever the family, and are checked quickly."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import sympy

import lielaws
from lielaws.checker.verify import verify, verify_file
from tests.certificate.cases import MAKERS, discovered, make, record


@pytest.mark.parametrize("name", MAKERS)
def test_certificates_are_valid(name: str) -> None:
    assert verify(record(name)).reasons == ()
    assert verify(discovered(name, seed=7).certificate).reasons == ()


@pytest.mark.parametrize("name", ["relu", "linear", "phi"])
def test_a_count_without_laws_is_valid(name: str) -> None:
    found = record(name, find_laws=False)
    assert (found["status"] == "gap") == (found["upper_bound"] > 0)
    assert verify(found).valid


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "certificate.json"
    certificate = lielaws.discover_laws(make("relu")).certificate
    certificate.save(path)
    assert verify_file(path) == verify_file(str(path)) == verify(certificate)
    assert bool(verify_file(path)) is True


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


# Rows of the table of known facts with polynomial potentials under gradient flow: dimension, laws, seconds.
@pytest.mark.parametrize(
    ("architecture", "dimension", "laws", "seconds"),
    [
        (lambda: lielaws.linear([3, 3, 3, 3]), 27, 12, 30),
        (lambda: lielaws.mlp([3, 4, 3]), 24, 4, 2),
        (lambda: lielaws.mlp([2, 3, 2], bias=True), 15, 3, 30),
        (lambda: _product_of(12), 12, 11, 30),
        (lambda: lielaws.linear([5, 12, 5]), 120, 75, 30),
        (lambda: lielaws.mlp([9] * 5, bias=True), 351, 27, 30),
        (lambda: lielaws.linear([9] * 5), 324, 135, 30),
        (lambda: lielaws.linear([10, 20, 10]), 400, 210, 30),
    ],
)
def test_known_facts_are_checked_in_time(architecture: Any, dimension: int, laws: int, seconds: float) -> None:
    certificate = lielaws.discover_laws(architecture()).certificate
    start = time.perf_counter()
    assert verify(certificate).reasons == ()
    assert time.perf_counter() - start < seconds
    assert (certificate.record["dimension"], certificate.upper_bound) == (dimension, laws)
    assert certificate.status == "exact"


NETWORK = {
    "family": "network",
    "parameters": [["W", [2, 2]], ["b", [2]]],
    "data": {"x": [2, 3]},
    "output": "sum(pairs.T @ pairs / 3, axis=1) * 2 + abs(b[0])**2 / (W[0, 1]**2 + 1)",
}


def test_networks_written_as_expressions_are_read_like_traced_ones() -> None:
    """The network of the case "all steps", written in the language of spec files."""
    let = {
        "rows": "relu(transpose(W @ x) + b)",
        "h": "concatenate([rows[0], rows[1], rows[2]])",
        "pairs": "stack([h[1:], h[:-1]])",
    }
    found = record("all steps") | {"architecture": NETWORK | {"let": let}}
    assert verify(found).reasons == ()


def test_another_expression_is_another_network() -> None:
    shapes = {"parameters": [["C", [1, 2]], ["A", [2, 2]]], "data": [["x", [2]]]}
    for output, valid in (("C @ relu(A @ x)", True), ("C @ relu(A.T @ x)", False), ("C @ (A @ x)", False)):
        found = record("user") | {"architecture": {"family": "network", "output": output, **shapes}}
        assert verify(found).valid is valid


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
