"""Functions beyond field operations: their values in a certificate must be related as the functions are."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

import lielaws
from lielaws.architectures.part import part
from lielaws.architectures.transformer import transformer_block
from lielaws.checker.networks import build_network
from lielaws.checker.verify import verify
from lielaws.engine.graph.steps import graph_spec
from lielaws.errors import CertificateError
from tests.certificate.cases import record
from tests.certificate.related import RELATED

Record = dict[str, Any]


def kinds(found: Record) -> list[str]:
    """The kind of each function of a probe, in order."""
    order: dict[tuple[str, int], str] = {}
    for operation, inputs, *_ in found["architecture"]["steps"]:
        if operation in ("exp", "log", "gauss", "cos", "sin", "sqrt"):
            kind = "circle" if operation in ("cos", "sin") else operation
            order.setdefault((kind, inputs[0]), kind)
    return list(order.values())


def change(found: Record, kind: str, probe: int = 0, which: int = 0, add: int = 1) -> None:
    """Another value for one function of one probe."""
    place = [k for k, other in enumerate(kinds(found)) if other == kind][which]
    entries = found["upper"]["probes"][probe]["functions"][place][0]
    entries[0] = (entries[0] + add) % found["upper"]["prime"]


def second_sample(found: Record) -> None:
    """One more probe, with other data and the same values of functions."""
    probes, p = found["upper"]["probes"], found["upper"]["prime"]
    probes.append(copy.deepcopy(probes[0]))
    for values in probes[-1]["data"].values():
        values[:] = [(value + 1) % p for value in values]


def inverse_exponentials(found: Record) -> None:
    change(found, "exp")


def products_of_exponentials(found: Record) -> None:
    change(found, "exp", which=2)


def another_value_in_one_sample(found: Record) -> None:
    second_sample(found)
    change(found, "exp", probe=-1)


def wrong_root(found: Record) -> None:
    change(found, "sqrt")


def negative_root(found: Record) -> None:
    place, p = kinds(found).index("sqrt"), found["upper"]["prime"]
    entries = found["upper"]["probes"][0]["functions"][place][0]
    entries[0] = -entries[0] % p


def unequal_integrals(found: Record) -> None:
    change(found, "gauss", which=1)


def integral_of_another_sample(found: Record) -> None:
    second_sample(found)
    change(found, "gauss", probe=-1)


def no_point_on_the_circle(found: Record) -> None:
    change(found, "circle")


def turned_by_a_half(found: Record) -> None:
    """Still points on the circle, but no longer the double angle."""
    p = found["upper"]["prime"]
    for values in found["upper"]["probes"][0]["functions"][0]:
        values[0] = -values[0] % p


def half_a_power(found: Record) -> None:
    """The cube of one is still the square of the other up to sign."""
    place, p = kinds(found).index("exp"), found["upper"]["prime"]
    functions = found["upper"]["probes"][0]["functions"]
    functions[place + 1][0][0] = -functions[place + 1][0][0] % p


def free_logarithm(found: Record) -> None:
    change(found, "log", which=1)


def exponential_of_a_logarithm(found: Record) -> None:
    change(found, "exp", which=1)


def vanishing_exponential(found: Record) -> None:
    found["upper"]["probes"][0]["functions"][0][0] = [0, 0]


def no_hypothesis(found: Record) -> None:
    found["hypotheses"] = []


def no_hypothesis_on_constants(found: Record) -> None:
    found["hypotheses"].pop()


def more_hypotheses_than_used(found: Record) -> None:
    found["hypotheses"] = record("tanh")["hypotheses"]


def extra_law(found: Record) -> None:
    found["lower"]["laws"].append([[1, [0, 0]], [-1, [1, 1]]])
    found["lower_bound"] += 1
    found["status"] = "gap"


def false_density(found: Record) -> None:
    """exp(-a^2) in place of exp(-a^2 / 2)."""
    step = next(step for step in found["architecture"]["steps"] if step[:1] == ["scale"] and step[2] == "-1/2")
    step[2] = "-1"


def no_constants(found: Record) -> None:
    del found["upper"]["constants"]


def no_functions(found: Record) -> None:
    del found["upper"]["probes"][1]["functions"]


UNRELATED = "exponentials that are related have unrelated values"
LIES = [
    ("opposite exponents", inverse_exponentials, UNRELATED),
    ("products of exponentials", products_of_exponentials, UNRELATED),
    ("fractions", half_a_power, UNRELATED),
    ("tanh", vanishing_exponential, "an exponential is zero"),
    ("exponents without data", another_value_in_one_sample, "does not depend on data has different values"),
    ("logits", another_value_in_one_sample, "does not depend on data has different values"),
    ("gauss without data", integral_of_another_sample, "an integral that does not depend on data has different values"),
    ("gelu differences", unequal_integrals, "equal or opposite arguments"),
    ("angles", no_point_on_the_circle, "no point on the circle"),
    ("angles", turned_by_a_half, "angles that are related"),
    ("softplus differences", free_logarithm, "logarithms that are related"),
    ("exp of softplus", exponential_of_a_logarithm, "are related have unrelated values"),
    ("rms", wrong_root, "(p + 1) / 4-th power"),
    ("rms", negative_root, "(p + 1) / 4-th power"),
    ("roots of products", negative_root, "(p + 1) / 4-th power"),
    ("tanh", no_hypothesis, "hypotheses = []"),
    ("gelu", no_hypothesis_on_constants, "hypotheses = "),
    ("root mean square", more_hypotheses_than_used, "hypotheses = "),
    ("swiglu", extra_law, "lower.laws[2]: it is no law"),
    ("attention", extra_law, "it is no law"),
    ("gelu", false_density, "its second input must be exp(-a^2 / 2)"),
    ("gelu", no_constants, "these keys are missing"),
    ("tanh", no_functions, "these keys are missing"),
]


@pytest.mark.parametrize(("name", "lie", "reason"), LIES, ids=[f"{name}: {lie.__name__}" for name, lie, _ in LIES])
def test_a_lie_about_functions_is_rejected_for_the_right_reason(name: str, lie: Any, reason: str) -> None:
    found = record(name)
    lie(found)
    verification = verify(found)
    assert not verification.valid
    assert any(reason in text for text in verification.reasons), verification.reasons


@pytest.mark.parametrize("name", [name for name in RELATED if name != "logarithms"])
def test_free_values_in_place_of_related_ones_are_rejected(name: str) -> None:
    found, generator = record(name), random.Random(3)
    second_sample(found)
    for probe in found["upper"]["probes"]:
        for parts in probe["functions"]:
            for values in parts:
                values[:] = [generator.randrange(found["upper"]["prime"]) for _ in values]
    reasons = verify(found).reasons
    assert any(reason.startswith("upper.probes") for reason in reasons), reasons


@pytest.mark.parametrize("name", ["exponents without data", "logits", "gauss without data"])
def test_values_without_data_may_be_shared_by_samples(name: str) -> None:
    found = record(name)
    second_sample(found)
    assert verify(found).reasons == ()


@pytest.mark.parametrize(
    "architecture",
    [
        lambda: lielaws.attention(3, 2, heads=2, tokens=3),
        lambda: lielaws.attention(2, 2, tokens=2, rotary=[1]),
        lambda: lielaws.moe(2, 1, 3, top_k=2),
        lambda: lielaws.low_rank(3, 2, 1),
        lambda: part(lielaws.attention(2, 1, tokens=2), ["Q1", "K1"]),
        lambda: transformer_block(2, 2, 1, 2),
    ],
)
def test_blocks_that_people_use(architecture: Any) -> None:
    certificate = lielaws.discover_laws(architecture()).certificate
    assert certificate.status == "exact"
    assert verify(certificate).reasons == ()


def _squares(p: Any, x: Any, ops: Any) -> Any:
    """sqrt((1 + x^2)^2) is 1 + x^2, which the multiplicative root modulo p may miss by its sign."""
    return p.a * (ops.sqrt((1 + x[0] ** 2) ** 2) - 1 - x[0] ** 2) + p.b * x[1]


def _half_a_logarithm(p: Any, x: Any, ops: Any) -> Any:
    return p.a * ops.exp(ops.log(p.b**2 + x[0] ** 2) / 2)


def _twin_gates(p: Any, x: Any, ops: Any) -> Any:
    """Two gates that are one, as exp(u) exp(v) = exp(u + v)."""
    u, v = p.a * x[0], p.b * x[1]
    return p.b * ops.relu(p.a * ops.exp(u) * ops.exp(v)) + ops.relu(p.a * ops.exp(u + v))


NETWORKS = [
    (_squares, "a product of arguments of square roots may be a square"),
    (_twin_gates, "proportional arguments because of relations"),
]


@pytest.mark.parametrize(("network", "reason"), NETWORKS)
def test_what_cannot_be_decided_is_refused(network: Any, reason: str) -> None:
    certificate = lielaws.discover_laws(
        lielaws.architecture(network, {"a": (), "b": ()}, {"x": (2,)}), find_laws=False
    ).certificate
    verification = verify(certificate)
    assert not verification.valid
    assert any(reason in text for text in verification.reasons), verification.reasons


def test_roots_of_arguments_of_logarithms_are_refused() -> None:
    traced = lielaws.architecture(_half_a_logarithm, {"a": (), "b": ()}, {"x": (2,)}).traced
    with pytest.raises(CertificateError, match="a root of arguments of logarithms"):
        build_network(graph_spec("half", traced), 2)
