"""Certificates made by hand for false statements are rejected, with the reason that applies."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from lielaws.checker.verify import verify
from tests.certificate.cases import record

Record = dict[str, Any]
PRIME = 2**31 - 1


def add_law(found: Record, terms: list[Any]) -> None:
    found["lower"]["laws"].append(terms)
    bound(found, lower=found["lower_bound"] + 1)


def bound(found: Record, lower: int | None = None, upper: int | None = None) -> None:
    """Claim other bounds, with all that follows from them."""
    found["lower_bound"] = found["lower_bound"] if lower is None else lower
    found["upper_bound"] = found["upper_bound"] if upper is None else upper
    found["upper"]["rank"] = found["dimension"] - found["upper_bound"]
    found["status"] = "exact" if found["lower_bound"] == found["upper_bound"] else "gap"


def no_law(found: Record) -> None:
    found["lower"]["laws"][0] = [[1, [0, 0]]]


def one_coefficient(found: Record) -> None:
    found["lower"]["laws"][1][0][0] = 2


def law_modulo_the_prime(found: Record) -> None:
    found["lower"]["laws"][0].append([PRIME, [0, 0]])


def law_modulo_many_primes(found: Record) -> None:
    primes = (PRIME, 2**61 - 1, 2**31 - 19, 2**62 - 57)
    product = 1
    for prime in primes:
        product *= prime
    found["lower"]["laws"][0].append([product**20, [0, 0]])


def law_times_the_prime(found: Record) -> None:
    found["lower"]["laws"][0] = [[PRIME * value, place] for value, place in found["lower"]["laws"][0]]


def same_law_twice(found: Record) -> None:
    found["lower"]["laws"][1] = found["lower"]["laws"][0]


def square_of_a_law(found: Record) -> None:
    first, second = found["lower"]["laws"][:2]
    found["lower"]["laws"][2] = [[a * b, sorted(i + j)] for a, i in first for b, j in second]


def constant_as_a_law(found: Record) -> None:
    found["lower"]["laws"][2] = [[5, []]]


def empty_law(found: Record) -> None:
    found["lower"]["laws"][2] = []


def gradient_vanishes(found: Record) -> None:
    found["lower"]["independence"]["point"] = [0] * found["dimension"]


def gradients_depend_at_the_point(found: Record) -> None:
    # All laws of the linear network are linear in the directions that are left.
    point = found["lower"]["independence"]["point"]
    found["lower"]["independence"]["point"] = [1] * len(point)


def rank_too_high(found: Record) -> None:
    found["upper"]["brackets"].append(0)
    bound(found, upper=found["upper_bound"] - 1)


def rank_too_high_by_more_brackets(found: Record) -> None:
    found["upper"]["brackets"].append([[2, 3], [0, 1]])
    bound(found, upper=found["upper_bound"] - 1)


def more_laws_than_there_can_be(found: Record) -> None:
    add_law(found, [[1, [0]]])


def upper_bound_alone(found: Record) -> None:
    found["upper_bound"] += 1


def lower_bound_alone(found: Record) -> None:
    found["lower_bound"] -= 1


def status_alone(found: Record) -> None:
    found["status"] = "gap"


def composite_prime(found: Record) -> None:
    found["upper"]["prime"] = 1000003 * 1000033


def strong_pseudoprime(found: Record) -> None:
    found["upper"]["prime"] = 3215031751


def composite_for_the_laws(found: Record) -> None:
    found["lower"]["independence"]["prime"] = 3 * (2**31 - 1)


def small_prime(found: Record) -> None:
    found["upper"]["prime"] = 101


def foreign_probe(found: Record) -> None:
    found["upper"]["probes"][0]["cotangent"].append(1)


def probe_without_gates(found: Record) -> None:
    found["upper"]["probes"][0]["gates"] = {}


def bracket_of_no_probe(found: Record) -> None:
    found["upper"]["brackets"][0] = len(found["upper"]["probes"])


def negative_word(found: Record) -> None:
    found["upper"]["brackets"][0] = -1


def realizable_gates(found: Record) -> None:
    found["setting"]["gates"] = "realizable"


def hypothesis_hidden(found: Record) -> None:
    found["hypotheses"] = []


def another_hypothesis(found: Record) -> None:
    found["hypotheses"].append("the reader believes it")


def another_flow(found: Record) -> None:
    found["setting"]["flow"] = {"kind": "heavy ball", "friction": "0"}


def any_loss(found: Record) -> None:
    found["setting"]["loss"] = "any"


def cotangent_that_does_not_sum_to_zero(found: Record) -> None:
    found["upper"]["probes"][0]["cotangent"][0] ^= 1


def one_parameter_less(found: Record) -> None:
    del found["architecture"]["parameters"]["W3"]


def one_parameter_more(found: Record) -> None:
    found["architecture"]["parameters"]["W4"] = [2]


def another_loss(found: Record) -> None:
    found["setting"]["loss"] = "cross_entropy"


def the_network_of(name: str) -> Callable[[Record], None]:
    def change(found: Record) -> None:
        found["architecture"] = record(name)["architecture"]

    change.__name__ = f"the_network_of_{name}"
    return change


def _step(found: Record, operation: str) -> list[Any]:
    return next(step for step in found["architecture"]["steps"] if step[0] == operation)


def wrong_shape(found: Record) -> None:
    _step(found, "piecewise")[3] = [2]


def false_density(found: Record) -> None:
    """exp(-a^2) in place of exp(-a^2 / 2)."""
    next(step for step in found["architecture"]["steps"] if step[0] == "scale" and step[2] == "-1/2")[2] = "-1"


def unknown_constant(found: Record) -> None:
    _step(found, "leaf")
    leaf = next(step for step in found["architecture"]["steps"] if step[0] == "leaf" and step[2][0] == "constant")
    leaf[2][1] = "pi"


def modular_functions(found: Record) -> None:
    upper = found["upper"]
    found["upper"] = {key: upper[key] for key in ("point", "probes", "brackets", "rank")}
    found["upper"] |= {"arithmetic": "modular", "prime": PRIME}


def odd_denominator(found: Record) -> None:
    found["upper"]["denominator"] = 63


def numerator_too_large(found: Record) -> None:
    found["upper"]["point"][0] = 2**53


def singular_block(found: Record) -> None:
    """A row once more in place of another one."""
    found["upper"]["brackets"][1] = found["upper"]["brackets"][0]


def repeated_column(found: Record) -> None:
    found["upper"]["columns"][1] = found["upper"]["columns"][0]


def column_of_a_law(found: Record) -> None:
    """One more row and column than there are directions."""
    upper = found["upper"]
    upper["brackets"].append(0)
    upper["columns"] += [k for k in range(found["dimension"]) if k not in upper["columns"]][:1]
    bound(found, upper=found["upper_bound"] - 1)


def singular_point(found: Record) -> None:
    found["upper"]["point"] = [0] * found["dimension"]


def no_patterns(found: Record) -> None:
    del found["patterns"]


def pattern_left_out(found: Record) -> None:
    found["patterns"].pop()


def pattern_without_sign(found: Record) -> None:
    """Parameters where all arguments vanish, though not everywhere."""
    found["patterns"][0]["point"] = ["0" for _ in found["patterns"][0]["point"]]


def gates_in_place_of_patterns(found: Record) -> None:
    steps = found["architecture"]["steps"]
    sizes = [step[3] for step in steps if step[0] == "piecewise"]
    for probe in found["upper"]["probes"]:
        del probe["pattern"]
        probe["gates"] = {f"gate{j}": [0] * math.prod(size) for j, size in enumerate(sizes)}


def the_way_is_barred(found: Record) -> None:
    """The root of relu(b x) + x_0^2 is singular where the data pass through zero."""
    for one in found["patterns"]:
        one["data"]["x"] = [str(-Fraction(text)) for text in one["data"]["x"]]


def a_law_of_another_network(found: Record) -> None:
    found["lower"]["laws"] = record("linear")["lower"]["laws"][1:2]
    bound(found, lower=1)


def the_name_of_another_network(found: Record) -> None:
    """A name alone proves nothing, and the steps of another network are another network."""
    found["architecture"] = record("linear")["architecture"] | {"name": found["architecture"]["name"]}


LIES: list[tuple[str, Callable[[Record], None], str]] = [
    ("relu", no_law, "lower.laws[0]: it is no law"),
    ("relu", one_coefficient, "lower.laws[1]: it is no law"),
    ("relu", law_modulo_the_prime, "lower.laws[0]: it is no law"),
    ("relu", law_modulo_many_primes, "lower.laws[0]: it is no law"),
    ("relu", law_times_the_prime, "the gradient of law 0 vanishes"),
    ("relu", same_law_twice, "they depend on each other"),
    ("relu", square_of_a_law, "they depend on each other"),
    ("relu", constant_as_a_law, "the gradient of law 2 vanishes"),
    ("relu", constant_as_a_law, "they depend on each other"),
    ("relu", empty_law, "they depend on each other"),
    ("relu", gradient_vanishes, "lower.independence: the gradient of law 0 vanishes"),
    ("linear", gradients_depend_at_the_point, "lower.independence: the gradients of 6 laws have rank"),
    ("relu", rank_too_high, "upper.rank = 10: the brackets have rank 9"),
    ("linear", rank_too_high_by_more_brackets, "upper.rank = 7: the brackets have rank 6"),
    ("relu", more_laws_than_there_can_be, "above the upper bound"),
    ("relu", more_laws_than_there_can_be, "lower.laws[3]: it is no law"),
    ("relu", upper_bound_alone, "upper_bound = 4: the rank gives 3"),
    ("relu", lower_bound_alone, "lower_bound = 2: there are 3 laws"),
    ("relu", status_alone, "status = 'gap'"),
    ("relu", composite_prime, "it is not a prime"),
    ("relu", strong_pseudoprime, "upper.prime = 3215031751: it is not a prime"),
    ("relu", composite_for_the_laws, "lower.independence.prime = 6442450941: it is not a prime"),
    ("relu", small_prime, "upper.prime = 101: it must lie between"),
    ("relu", foreign_probe, "upper.probes[0].cotangent = '3 entries'"),
    ("relu", probe_without_gates, "upper.probes[0].gates = ['gate0']"),
    ("relu", bracket_of_no_probe, "upper.brackets[0] = 9"),
    ("relu", negative_word, "upper.brackets[0] = -1"),
    ("relu", realizable_gates, "setting.gates = 'realizable': the section region is missing"),
    ("relu", hypothesis_hidden, "hypotheses = []"),
    ("linear", another_hypothesis, "hypotheses = "),
    ("relu", another_flow, "setting.flow = "),
    ("relu", another_loss, "with cross-entropy the entries of the last axis must sum to zero"),
    ("classes", any_loss, "lower.laws[1]: it is no law"),
    ("classes of tokens", cotangent_that_does_not_sum_to_zero, "upper.probes[0].cotangent[0:3]"),
    ("classes real", cotangent_that_does_not_sum_to_zero, "upper.probes[0].cotangent[0:3]"),
    ("phi", another_loss, "setting.loss = 'cross_entropy': an output of shape () has no classes"),
    ("part", one_parameter_less, "at most one leaf for each of the parameters"),
    ("part", one_parameter_more, "dimension = 8: the architecture has 10"),
    ("relu", the_network_of("square"), "dimension = 12: the architecture has 8 parameters"),
    ("relu", the_name_of_another_network, "upper.probes[0].gates = ['gate0']"),
    ("relu", wrong_shape, "the result has shape (3,)"),
    ("relu", a_law_of_another_network, "it is no law"),
    ("gelu", false_density, "its second input must be exp(-a^2 / 2)"),
    ("gelu", unknown_constant, "no constant with this name is known"),
    ("tanh", modular_functions, "values of functions and of irrational constants are real"),
    ("tanh", odd_denominator, "a power of two is needed"),
    ("tanh", numerator_too_large, "upper.point[0]"),
    ("tanh", singular_block, "4096 bits do not prove that the block is invertible"),
    ("relu real", singular_block, "4096 bits do not prove that the block is invertible"),
    ("tanh", repeated_column, "distinct coordinates are needed"),
    ("swiglu", column_of_a_law, "4096 bits do not prove"),
    ("heavy ball real", column_of_a_law, "4096 bits do not prove"),
    ("rms", singular_point, "4096 bits do not prove"),
    ("relu patterns", no_patterns, "the section patterns is missing"),
    ("relu patterns", pattern_left_out, ".pattern = "),
    ("relu patterns", pattern_without_sign, "it is zero, so that no pattern persists"),
    ("all steps", gates_in_place_of_patterns, "patterns that data show are needed"),
    ("roots behind gates", the_way_is_barred, "may be singular on the way to the point"),
]


@pytest.mark.parametrize(("name", "lie", "reason"), LIES, ids=[lie.__name__ for _, lie, _ in LIES])
def test_a_lie_is_rejected_for_the_right_reason(name: str, lie: Callable[[Record], None], reason: str) -> None:
    found = record(name)
    lie(found)
    verification = verify(found)
    assert not verification.valid
    assert any(reason in text for text in verification.reasons), verification.reasons


def test_a_law_times_a_prime_is_still_a_law() -> None:
    """Only its independence cannot be seen modulo that prime; modulo another one it can."""
    found = record("relu")
    law_times_the_prime(found)
    found["lower"]["independence"]["prime"] = 2**31 - 19
    assert verify(found).valid


def test_gates_of_one_function_are_one_gate() -> None:
    """relu(u) and leaky_relu(-2u): the second gate is one minus the first, and free ones would prove too few laws."""
    found = record("twins")
    generator = random.Random(1)
    for k, probe in enumerate(found["upper"]["probes"]):
        first, second = (probe["gates"][name] for name in ("gate0", "gate1"))
        assert [(a + b) % PRIME for a, b in zip(first, second, strict=True)] == [1, 1]
        probe["gates"]["gate1"] = [generator.randrange(PRIME) for _ in range(2)]
        if k == 0:
            (reason,) = verify(found).reasons
            assert "upper.probes[0].gates.gate1[0]" in reason
            assert "contradicts" in reason
    assert not verify(found).valid


def test_gates_are_patterns_where_the_network_is_not_affine_in_them() -> None:
    found = record("not affine")
    gates = found["upper"]["probes"][0]["gates"]["gate0"]
    assert set(gates) <= {0, 1}
    gates[0] = 2
    (reason,) = verify(found).reasons
    assert "must be 0 or 1" in reason


def test_laws_of_gates_of_0_and_1_alone() -> None:
    found = record("idempotent")
    assert [[1, [0]], [-1, [1]]] in found["lower"]["laws"]
    assert verify(found).valid
    for k, law in enumerate(found["lower"]["laws"]):
        if law == [[1, [0]], [-1, [1]]]:
            law[1][0] = -2
            assert verify(found).reasons == (f"lower.laws[{k}]: it is no law, as it is not constant along the flow",)
            law[1][0] = -1


def test_a_point_where_a_denominator_vanishes() -> None:
    found = record("phi")
    found["upper"]["point"][1:] = [5, PRIME - 5]
    (reason,) = verify(found).reasons
    assert "denominator" in reason


def test_all_failing_statements_are_named() -> None:
    found = record("relu")
    for lie in (no_law, rank_too_high, hypothesis_hidden, gradient_vanishes):
        lie(found)
    text = "\n".join(verify(found).reasons)
    assert all(piece in text for piece in ("laws[0]", "upper.rank", "hypotheses", "lower.independence"))
