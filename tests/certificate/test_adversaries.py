"""Networks that careless arithmetic gets wrong: no false law, no rank too high; and most laws are proved.

Nothing here comes from the search, so that what it would not find or would get wrong is tried as well.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

import lielaws
from lielaws.checker.verify import verify
from tests.certificate.real_points import certificate_of

Record = dict[str, Any]
A = [[1, [0]]]
B = [[1, [1]]]
AB = dict.fromkeys("ab", ())
CASES: dict[str, tuple[Any, dict[str, Any], dict[str, Any], int, list[Any], bool]] = {}


def case(
    rank: int, laws: list[Any], *, proved: bool = True, parameters: Any = None, data: Any = ()
) -> Callable[..., Any]:
    """A network, its generic rank, and its laws, which the checker proves or not."""

    def keep(network: Any) -> Any:
        shapes = AB if parameters is None else parameters
        CASES[network.__name__] = (network, shapes, {"x": data}, rank, laws, proved)
        return network

    return keep


@case(
    6,
    [[[1, [w, w]], [1, [w + 5, w + 5]], [-1, [0, 0]]] for w in range(1, 6)],
    parameters={"a": (), "w": (5,), "b": (5,)},
    data=(5,),
)
def five_roots(p: Any, x: Any, ops: Any) -> Any:
    t = p.a
    for i in range(5):
        u = p.w[i] * x[i] + p.b[i]
        t = t * (ops.sqrt(u**2) - u)
    return t


@case(1, [A])
def root_of_an_exponential(p: Any, x: Any, ops: Any) -> Any:
    e = ops.sqrt(ops.exp(p.b * x))
    return p.a * (e - ops.exp(ops.log(e))) + p.b * x


@case(1, [A])
def root_of_two(p: Any, x: Any, ops: Any) -> Any:
    return p.a * (ops.named_constant("sqrt_two") ** 2 - 2) + p.b * x


@case(1, [A], proved=False)
def kink_behind_a_root(p: Any, x: Any, ops: Any) -> Any:
    return p.a * (ops.sqrt((p.b * x) ** 2) - ops.abs(p.b * x)) + p.b * x


@case(1, [A], proved=False)
def gates_that_exclude_each_other(p: Any, x: Any, ops: Any) -> Any:
    u = p.b * x
    return p.a * ops.relu(u - 1) * (ops.relu(u) - u) + u


@case(1, [A], proved=False)
def positive_polynomial(p: Any, x: Any, ops: Any) -> Any:
    v = (p.b * x) ** 2 + p.b * x + 1
    return p.a * (ops.relu(v) - v) + p.b * x


@case(1, [A], proved=False)
def root_of_both_gates(p: Any, x: Any, ops: Any) -> Any:
    u = p.b * x
    return p.a * (ops.sqrt(ops.relu(u) ** 2 + ops.relu(-u) ** 2) - ops.relu(u) - ops.relu(-u)) + u


@case(1, [A])
def root_of_a_power(p: Any, x: Any, ops: Any) -> Any:
    return p.a * (ops.sqrt(ops.exp(2 * ops.log(p.b * x))) - p.b * x) + p.b * x


@case(1, [A])
def gate_of_a_negative_number(p: Any, x: Any, ops: Any) -> Any:
    return p.a * ops.relu(-ops.relu(p.b * x)) + p.b * x


@case(1, [A])
def gate_of_a_square(p: Any, x: Any, ops: Any) -> Any:
    return p.a * (ops.relu((p.b * x) ** 2) - (p.b * x) ** 2) + p.b * x


@case(1, [A], proved=False)
def gate_that_no_data_open(p: Any, x: Any, ops: Any) -> Any:
    return p.a * ops.relu(p.b * x - ops.relu(p.b * x)) + p.b * x


@case(1, [A])
def both_signs_of_a_root(p: Any, x: Any, ops: Any) -> Any:
    r = ops.sqrt(x**2)
    return p.a * (r - x) * (r + x) + p.b * x


@case(2, [])
def a_root_with_one_sign(p: Any, x: Any, ops: Any) -> Any:
    """sqrt(q^2) + q is 2 q for a positive q, and no law, but zero for one of two roots modulo a prime."""
    q = x**4 - x**2 + 1
    return p.a * (ops.sqrt(q**2) + q) + p.b * x


@case(2, [])
def the_value_of_a_root(p: Any, x: Any, ops: Any) -> Any:
    """sqrt(x^2) - x is not zero for negative x."""
    return p.a * (ops.sqrt(x**2) - x) + p.b * x


@case(2, [])
def exponentials_that_look_alike(p: Any, x: Any, ops: Any) -> Any:
    return p.a * (ops.exp(2 * p.b * x) - ops.exp(p.b * x) ** 2 + ops.exp(p.b * x) ** 3) + p.b * x


@case(2, [])
def square_of_a_gated_number(p: Any, x: Any, ops: Any) -> Any:
    """relu(u)^2 is not u^2, although both are squares; the function makes the rules apply."""
    u = p.b * x
    return p.a * (ops.relu(u) ** 2 - u**2) + ops.exp(u)


@case(2, [])
def one_branch_of_four(p: Any, x: Any, ops: Any) -> Any:
    """Not zero only where both gates are open."""
    return p.a * ops.relu(p.b * x) * ops.relu(x - 1) + p.b * x


@case(1, [A], proved=False)
def softplus_and_its_mirror(p: Any, x: Any, ops: Any) -> Any:
    u = p.b * x
    return p.a * (ops.softplus(u) - ops.softplus(-u) - u) + u


@case(1, [A])
def gelu_and_its_mirror(p: Any, x: Any, ops: Any) -> Any:
    u = p.b * x
    return p.a * (ops.gelu(u) - ops.gelu(-u) - u) + u


@case(2, [[[1, [0]]]], parameters={"a": (), "b": (), "c": ()})
def gates_of_equal_functions(p: Any, x: Any, ops: Any) -> Any:
    """Both units of a layer have the same argument, which the rules for proofs alone know."""
    v = x**2 + 1
    h = ops.relu(p.b * ops.stack([ops.exp(2 * ops.log(v)), v**2]) - p.c)
    return p.a * (h[0] - h[1]) + p.b * x + p.c


@case(2, [])
def nested_functions(p: Any, x: Any, ops: Any) -> Any:
    return ops.normal_cdf(p.a * ops.sqrt(ops.normal_cdf(p.b * x)))


@case(2, [])
def a_prime_as_a_denominator(p: Any, x: Any, ops: Any) -> Any:
    return p.a * x / (2**31 - 1) + p.b


def made(name: str, laws: list[Any], seed: int = 0, patterns: bool | None = None) -> Record:
    network, parameters, data, rank, _, _ = CASES[name]
    for attempt in range(20):
        try:
            return certificate_of(
                lielaws.architecture(network, parameters, data), laws, (rank,), seed + 100 * attempt, patterns=patterns
            )
        except (AssertionError, lielaws.LieLawsError):
            # An unlucky point, or no pattern that persists.
            continue
    raise AssertionError(name)


@pytest.mark.parametrize("name", CASES)
def test_the_rank_and_the_laws(name: str) -> None:
    *_, laws, proved = CASES[name]
    assert verify(made(name, [])).reasons == ()
    for seed in range(3):
        reasons = verify(made(name, laws, seed)).reasons
        assert (reasons == ()) is proved, reasons
        assert all("it is no law" in reason for reason in reasons)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("law", [A, B, [[1, [0, 0]], [-1, [1, 1]]], [[1, [0, 1]]], [[1, [0]], [1, [1]]]])
def test_no_false_law(name: str, law: Any) -> None:
    if law in CASES[name][4]:
        return
    for seed in range(2):
        assert any("it is no law" in reason for reason in verify(made(name, [law], seed)).reasons)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("patterns", [None, True])
def test_no_rank_that_is_too_high(name: str, patterns: bool | None) -> None:
    """One more bracket, of any of the probes, and one more column."""
    found = made(name, [], patterns=patterns)
    if not (rest := [k for k in range(found["dimension"]) if k not in found["upper"]["columns"]]):
        return
    for word in (*range(len(found["upper"]["probes"])), [0, 1], [[0, 1], 2], [3, [2, 1]]):
        changed = copy.deepcopy(found)
        changed["upper"]["brackets"].append(word)
        changed["upper"]["columns"].append(rest[0])
        changed["upper"]["rank"] += 1
        changed["upper_bound"] -= 1
        changed["status"] = "exact" if changed["upper_bound"] == 0 else "gap"
        assert not verify(changed).valid
