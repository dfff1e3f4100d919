"""What a certificate lets a checker hold at once is bounded: samples are evaluated a few at a time, or refused."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from itertools import combinations, islice
from typing import Any

import pytest

from lielaws.checker.networks import network
from lielaws.checker.verify import verify
from tests.certificate.cases import record

Record = dict[str, Any]
SIZE = 1000
"""of the arrays that a number is spread to"""


def stated(*steps: Any, size: int = SIZE, gates: str = "free", **more: Any) -> Record:
    """A network of one weight, a x, of which the steps make something else."""
    found = record("linear")
    leaves = [["leaf", [], ["parameter", "a"], []], ["leaf", [], ["data", "x"], []], ["contract", [0, 1], ",->", []]]
    spread = [["broadcast", [2], [0], [size]], ["constant", [], [list(range(1, size + 1)), 1], [size]]]
    found["architecture"] = {"name": "", "parameters": {"a": []}, "data": {"x": []}}
    found["architecture"]["steps"] = [*leaves, *spread, ["add", [3, 4], None, [size]], *steps]
    found |= {"dimension": 1, "upper_bound": 1, "lower_bound": 0, "status": "gap", "hypotheses": []} | more
    found["setting"]["gates"] = gates
    found["upper"] = {"arithmetic": "real", "denominator": 1024, "columns": []}
    found["upper"] |= {"point": [1024], "probes": [], "brackets": [], "rank": 0}
    found["lower"] |= {"laws": [], "verification": [], "independence": {"prime": 2**31 - 1, "point": [1]}}
    return found


def gated(size: int = SIZE, **more: Any) -> Record:
    return stated(["piecewise", [5], ["0", "1"], [size]], ["sum", [6], [0], []], size=size, **more)


def witnesses(count: int) -> list[Any]:
    return [{"point": ["1"], "data": {"x": [f"{k}"]}} for k in range(1, count + 1)]


def many_patterns() -> Record:
    return gated(patterns=witnesses(500))


def many_data() -> Record:
    """The checker draws as many as it likes."""
    region = {"point": ["1"], "samples": [{"x": [f"{2 * k + 1}/2"]} for k in range(-SIZE - 1, 1)]}
    found = gated(gates="realizable", region=region)
    found["upper"] = {key: found["upper"][key] for key in ("point", "probes", "brackets", "rank")}
    found["upper"] |= {"arithmetic": "modular", "prime": 2**31 - 1}
    return found


def many_pieces() -> Record:
    """The root is of a number that is zero between both ends."""
    steps = [["sum", [3], [0], []], ["power", [6], 4, []], ["sqrt", [7], None, []], ["piecewise", [2], ["0", "1"], []]]
    found = stated(*steps, ["add", [8, 9], None, []], patterns=witnesses(1))
    found["upper"]["probes"] = [{"data": {"x": [-3072]}, "cotangent": [1], "pattern": 0}]
    return found


@pytest.mark.parametrize("make", [many_patterns, many_data, many_pieces])
def test_samples_are_evaluated_a_few_at_a_time(make: Callable[[], Record], monkeypatch: pytest.MonkeyPatch) -> None:
    found = make()
    expected = verify(found).reasons
    monkeypatch.setattr(network, "_MOST_BYTES", 2**20)
    tracemalloc.start()
    try:
        assert verify(found).reasons == expected
        assert tracemalloc.get_traced_memory()[1] < 2**26
    finally:
        tracemalloc.stop()
    monkeypatch.setattr(network, "_MOST_BYTES", 2**10)
    assert "more than 1,024 bytes are not checked" in verify(found).reasons[0]


def wide_patterns() -> Record:
    return gated(20_000, patterns=witnesses(4000))


def wide_probes() -> Record:
    found = gated(20_000, patterns=witnesses(1))
    found["upper"]["probes"] = [{"data": {"x": [1]}, "cotangent": [1], "pattern": 0}] * 1000
    return found


def many_sums() -> Record:
    """Each of a table of 2^16 entries, over other axes."""
    chosen = [list(axes) for n in (10, 11) for axes in islice(combinations(range(16), n), 1000)]
    sums = [["sum", [6], axes, [2] * (16 - len(axes))] for axes in chosen]
    return stated(["broadcast", [2], list(range(16)), [2] * 16], *sums, ["sum", [6], list(range(16)), []])


def own_denominators() -> Record:
    """Halved, each numerator is odd over a denominator that nothing else has."""
    table = ["constant", [], [[2] * 50_000, 2 * 10**4200 + 2], [50_000]]
    return stated(table, ["sum", [6], [0], []])


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (wide_patterns, "patterns = '4000 of them': from 1 to 250 with 20000 gates"),
        (wide_probes, "upper.probes = '1000 with 20000 gates': too many"),
        (many_sums, "'its arrays': more than 3,000,000 entries"),
        (own_denominators, "'its arrays': more than 3,000,000 entries"),
    ],
)
def test_what_takes_too_much_memory_is_refused(make: Callable[[], Record], reason: str) -> None:
    assert reason in verify(make()).reasons[0]
