"""Answers that an upper bound with real values and laws with free values must give.

The networks are those that a careful enemy writes: a difference that vanishes over the reals hides a parameter, so that
it is conserved, or a root, a gate or a constant makes a wrong count look right. None needs a hypothesis on functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest

from lielaws import architecture, check_laws, discover_laws, mlp, verify
from lielaws.architectures.base import Architecture
from lielaws.errors import InvalidArgumentError

SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Case:
    """A network and its answer.

    laws : those that it has
    proved : whether they are found; otherwise the report has a gap
    certified : whether the checker proves what was found, with its own few rules
    """

    network: Callable[..., Any]
    parameters: dict[str, tuple[int, ...]]
    data: dict[str, tuple[int, ...]]
    laws: tuple[str, ...]
    proved: bool
    certified: bool

    @property
    def architecture(self) -> Architecture:
        return architecture(self.network, self.parameters, self.data)


CASES: dict[str, Case] = {}


def _case(
    *laws: str, parameters: Any = "ab", data: Any = "x", proved: bool = True, certified: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds a network of scalars, or of tensors of the given shapes."""

    def keep(network: Callable[..., Any]) -> Callable[..., Any]:
        shapes = [names if isinstance(names, dict) else dict.fromkeys(names, ()) for names in (parameters, data)]
        CASES[network.__name__] = Case(network, *shapes, laws, proved, certified)
        return network

    return keep


# Roots


@_case(
    *(f"w[{i}]**2 + b[{i}]**2 - a**2" for i in range(5)), parameters={"a": (), "w": (5,), "b": (5,)}, data={"x": (5,)}
)
def product_of_roots_less_their_arguments(p, x, ops):
    t = p.a
    for i in range(5):
        u = p.w[i] * x[i] + p.b[i]
        t = t * (ops.sqrt(u**2) - u)
    return t


@_case("a")
def logarithm_of_a_root(p, x, ops):
    root = ops.sqrt(ops.exp(p.b * x))
    return p.a * (root - ops.exp(ops.log(root))) + p.b * x


@_case("a")
def root_of_two_squared(p, x, ops):
    return p.a * (ops.named_constant("sqrt_two") ** 2 - 2) + p.b * x


@_case("a")
def root_of_an_exponential_of_a_logarithm(p, x, ops):
    return p.a * (ops.sqrt(ops.exp(2 * ops.log(p.b * x))) - p.b * x) + p.b * x


@_case("a", certified=False)
def root_of_squared_gates(p, x, ops):
    u = p.b * x
    r, s = ops.relu(u), ops.relu(-u)
    return p.a * (ops.sqrt(r**2 + s**2) - r - s) + u


@_case()
def gaussian_of_a_root_of_a_gaussian(p, x, ops):
    return ops.normal_cdf(p.a * ops.sqrt(ops.normal_cdf(p.b * x)))


# Gates


@_case("a", certified=False)
def gate_that_opens_with_another(p, x, ops):
    return p.a * ops.relu(p.b * x - 1) * (ops.relu(p.b * x) - p.b * x) + p.b * x


@_case("a", certified=False)
def gate_of_a_positive_polynomial(p, x, ops):
    v = (p.b * x) ** 2 + p.b * x + 1
    return p.a * (ops.relu(v) - v) + p.b * x


@_case("a")
def gate_of_a_negated_gate(p, x, ops):
    return p.a * ops.relu(-ops.relu(p.b * x)) + p.b * x


@_case("a")
def gate_of_a_square(p, x, ops):
    return p.a * (ops.relu((p.b * x) ** 2) - (p.b * x) ** 2) + p.b * x


@_case("a", data={"x": (2,)}, certified=False)
def denominator_with_a_root(p, x, ops):
    u = p.b * x[0]
    return p.a * (ops.sqrt(u**2) - u) / (ops.sqrt(u**2) + u) + p.b * x[1]


@_case("a", data={"x": (2,)}, certified=False)
def denominator_that_a_closed_gate_makes_zero(p, x, ops):
    u = p.b * x[0]
    return p.a * (ops.relu(u) - u) / ops.relu(u) + p.b * x[1]


@_case("b", "V - d", parameters="Vbd", certified=False)
def quotient_of_an_argument_and_its_size(p, x, ops):
    return p.V * ops.abs(p.b * x / ops.sqrt((p.b * x) ** 2)) + p.d


@_case("a", proved=False)
def gate_of_a_constant(p, x, ops):
    number = ops.named_constant("sqrt_two") - 1
    return p.a * (ops.relu(number) - number) + p.b * x


@_case("a", certified=False)
def gate_that_no_data_open(p, x, ops):
    return p.a * ops.relu(p.b * x - ops.relu(p.b * x)) + p.b * x


@_case(parameters={"w": (7,)})
def seven_nested_gates(p, x, ops):
    for i in range(7):
        x = ops.tanh(ops.relu(p.w[i] * x))
    return x


# Constants, primes, logarithms


@_case()
def denominator_that_is_a_prime(p, x, ops):
    return p.a * x * Fraction(1, 2**31 - 1) + p.b


@_case(parameters="s")
def normalizing_flow(p, x, ops):
    return p.s * x + ops.log(ops.abs(p.s))


@_case("w**2 - s**2", parameters="ws")
def normalizing_flow_with_its_determinant(p, x, ops):
    return ops.stack([p.w * p.s * x, ops.log(ops.abs(p.w)) + ops.log(ops.abs(p.s))])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", CASES)
def test_answers(name, seed):
    case = CASES[name]
    arch = case.architecture
    report = discover_laws(arch, seed=seed)
    assert report.n_laws == len(case.laws)
    assert report.complete == case.proved
    assert all(text.startswith(("free gates", "generic constants")) for text in report.certificate.hypotheses)
    check = verify(report.certificate)
    assert check.valid == case.certified, check.reasons
    if case.laws and case.proved:
        checked = check_laws(arch, list(case.laws), seed=seed)
        assert checked.all_hold, str(checked)
        assert checked.complete, str(checked)


@pytest.mark.parametrize("seed", SEEDS)
def test_layer_norm_of_one_input(seed):
    report = discover_laws(mlp([1, 3, 1], "linear", norm="layer", epsilon=False), seed=seed)
    assert report.n_laws == 5


@pytest.mark.parametrize("name", ["eps", "sqrt2", "pi", "frozen epsilon", ""])
def test_constants_that_are_not_known_are_refused(name):
    with pytest.raises(InvalidArgumentError, match="constant") as refused:
        architecture(lambda p, x, ops: p.a * x + ops.named_constant(name), {"a": ()}, {"x": ()})
    assert "ops.frozen" in str(refused.value)
    if name == "eps":
        assert "epsilon" in str(refused.value)


@pytest.mark.parametrize(
    "name", ["sub", "joined", "get", "items", "keys", "values", "_arrays", "parameters_of", "self", "1.a"]
)
def test_a_parameter_may_have_any_name(name):
    arch = architecture(lambda p, x, ops: getattr(p, name) * p.b * x, {name: (), "b": ()}, {"x": ()})
    assert arch.forward({name: 3.0, "b": 2.0}, [1.0]).tolist() == [6.0]
    report = discover_laws(arch)
    assert (report.n_laws, len(report.laws)) == (1, 1)
