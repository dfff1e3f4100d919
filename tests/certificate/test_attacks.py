"""Whatever a certificate holds, nothing is executed, no file is read, and the checker answers in bounded time."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lielaws.certificate.record import Certificate
from lielaws.checker.verify import verify
from tests.certificate.cases import record

_WATCHED = ("open", "exec", "compile", "import", "os.", "subprocess.", "socket.", "shutil.", "ctypes.")
_events: list[str] = []
_watching = False


def _hook(event: str, arguments: Any) -> None:
    if _watching and event.startswith(_WATCHED):
        _events.append(f"{event} {arguments}"[:200])


@contextmanager
def watched() -> Iterator[list[str]]:
    """All that a block opens, imports, compiles or executes."""
    global _watching  # noqa: PLW0603  audit hooks cannot be removed
    if not hasattr(sys, "_lielaws_watched"):
        sys.addaudithook(_hook)
        sys._lielaws_watched = True  # type: ignore[attr-defined]
    _events.clear()
    _watching = True
    try:
        yield _events
    finally:
        _watching = False


def places_for(text: str) -> Iterator[dict[str, Any]]:
    """Certificates with a text in each place of the steps where one is read."""
    for number, key in ((3, 0), (3, 2), (4, 0), (0, 2), (2, 2)):
        found = record("relu")
        found["architecture"]["steps"][number][key] = text
        yield found
    for operation, fixed in (("scale", text), ("contract", text), ("piecewise", [text, "1"]), ("leaf", ["data", text])):
        found = record("relu")
        steps = found["architecture"]["steps"]
        steps.append([operation, [] if operation == "leaf" else [0, 0][: 1 + (operation == "contract")], fixed, [3, 2]])
        yield found
    for section in ("parameters", "data"):
        found = record("relu")
        found["architecture"][section] = {text: [2]}
        yield found
    for section, key in (("setting", "flow"), ("setting", "loss"), ("upper", "arithmetic")):
        found = record("relu")
        found[section][key] = text
        yield found


ATTACKS = [
    "__import__('os').system('touch stolen')",
    "(lambda: x)()",
    "x.__class__.__mro__",
    "().__class__",
    "x.real",
    "open('/etc/passwd')",
    "eval('x')",
    "exec('x')",
    "[x for x in (1, 2)]",
    "f'{x}'",
    "x if x else x",
    "x := 3",
    "!!python/object/apply:os.system ['true']",
    "../../../etc/passwd",
    "file:///etc/passwd",
    "x; import os",
    "x\nimport os",
    "@x",
    "x()",
    "9**9**9**9",
    "x**10**10",
    "x**99999999",
    "(((((x**1000)**1000)**1000)**1000)**1000)",
    "(" * 5000 + "x" + ")" * 5000,
    "-" * 50_000 + "x",
    "1/0*x",
    "x/(x - x)",
    "x[" * 1000,
    "\u202ex",
    "\ud800x",
    "\x00",
    "",
]


@pytest.mark.parametrize("text", ATTACKS)
def test_attacks_in_texts_do_nothing(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    verify(record("relu"))
    for found in places_for(text):
        with watched() as events:
            verification = verify(found)
        assert not verification.valid
        assert verification.reasons
        assert not events
    assert not list(tmp_path.iterdir())


Record = dict[str, Any]


def _left_normed(depth: int) -> Any:
    word: Any = 0
    for k in range(1, depth):
        word = [k % 6, word]
    return word


def _balanced(depth: int) -> Any:
    return [_balanced(depth - 1)] * 2 if depth else 0


def _large_prime(found: Record) -> None:
    """Products of residues of 61 bits take as long as many of 31 bits."""
    _steps(["broadcast", [0], [0], [1500, 12]], ["sum", [2], [0, 1], []])(found)
    found["upper"] |= {"prime": 2**61 - 1, "probes": [{"data": {"x": [1, 1]}, "cotangent": [1], "gates": {}}]}
    found["upper"]["brackets"] = [[[[[[[0, 0], 0], 0], 0], 0], 0]] * 12


def _many_leaves(found: Record) -> None:
    names = [f"p{k}" for k in range(19_000)]
    _steps()(found)
    found["architecture"]["parameters"] = {name: [] for name in names}
    found["architecture"]["steps"] = [["leaf", [], ["parameter", name], []] for name in names]


def _law(*terms: Any) -> Callable[[Record], None]:
    def change(found: Record) -> None:
        found["lower"]["laws"][0] = list(terms)

    return change


def _steps(*steps: Any, data: int = 2, parameters: int = 12) -> Callable[[Record], None]:
    """A network of these steps, after the leaves W and x."""

    def change(found: Record) -> None:
        leaves = [["leaf", [], ["parameter", "W"], [parameters]], ["leaf", [], ["data", "x"], [data]]]
        found["architecture"] = {"name": "", "parameters": {"W": [parameters]}, "data": {"x": [data]}}
        found["architecture"]["steps"] = [*leaves, *steps]
        found |= {"dimension": parameters, "upper_bound": parameters, "status": "gap"}
        # No bracket is stated, so that nothing but the network is too large.
        rational = not any(step[0] in ("exp", "sqrt") for step in steps)
        found["upper"] = {"point": [1] * parameters, "probes": [], "brackets": [], "rank": 0}
        found["upper"] |= {"arithmetic": "modular", "prime": 2**31 - 1} if rational else {"arithmetic": "real"}
        found["upper"] |= {} if rational else {"denominator": 1024, "columns": []}

    return change


def _chain(operation: str, fixed: Any, count: int) -> list[Any]:
    return [[operation, [0 if k == 0 else k + 1], fixed, [12]] for k in range(count)]


def _outer(size: int) -> list[Any]:
    return [["contract", [0, 1], "a,b->ab", [12, size]]]


HUGE: dict[str, tuple[Callable[[Record], Any], str]] = {
    "wide": (_steps(*_outer(10**6), data=10**6), "architecture.data = 'its entries'"),
    "tall": (_steps(["sum", [0], [0], []], parameters=10**6), "architecture = 'parameters'"),
    "long": (_steps(*_chain("scale", "2", 10**5)), "'100002 steps'"),
    "outer": (_steps(*_outer(10**5), ["contract", [2, 2], "ab,cb->acb", [12, 12, 10**5]], data=10**5), "'its arrays'"),
    "axes": (_steps(["reshape", [0], None, [1] * 1000 + [12]]), "'1001 axes'"),
    "huge axes": (_steps(["broadcast", [0], [0, 1, 2], [10**6, 10**6, 10**6, 12]]), "'its arrays'"),
    "powers": (_steps(*_chain("power", 1000, 60)), "exponent = 1000000"),
    "squares": (_steps(*[["contract", [k, k], "a,a->a", [12]] for k in (0, *range(2, 80))]), "exponent = 1024"),
    "products": (
        _steps(*[["contract", [0, k], "a,a->a", [12]] for k in (0, *range(2, 3000))]),
        "lower.laws[0]: it is no law",
    ),
    "exponentials": (_steps(*_chain("exp", None, 100)), "lower.laws[0]: it is no law"),
    "roots": (_steps(*_chain("sqrt", None, 3000)), "lower.laws = '6 laws': too large"),
    "gates": (_steps(*_chain("piecewise", ["0", "1"], 15_000)), "'its gates'"),
    "inverses": (_steps(*_chain("reciprocal", None, 3000)), "degrees or constants are too large"),
    "scales": (_steps(*_chain("scale", "1/" + "9" * 300, 5000)), "'its constants'"),
    "deep words": (lambda found: found["upper"].update(brackets=[_left_normed(16)] * 100), "'100 brackets': too many"),
    "deeper words": (lambda found: found["upper"].update(brackets=[_left_normed(18)]), "at most 16 deep"),
    "balanced words": (lambda found: found["upper"].update(brackets=[_balanced(12)]), "upper.brackets[0] = "),
    "nested words": (lambda found: found["upper"].update(brackets=[_left_normed(14)]), "upper.brackets = '1 brackets'"),
    "large prime": (_large_prime, "too large for this checker"),
    "many leaves": (_many_leaves, "the architecture has 19000 parameters"),
    "many brackets": (lambda found: found["upper"].update(brackets=[0] * 10**6), "'1000000 brackets'"),
    "many laws": (lambda found: found["lower"].update(laws=found["lower"]["laws"] * 10**5), "'too large'"),
    "long law": (_law(*([k + 1, [k % 12] * 20] for k in range(10**5))), "the laws are too large"),
    "high degree": (_law([1, [0] * 10**5]), "the laws are too large"),
    "huge coefficient": (_law([10**1_000_000, [0]]), "Exceeds the limit (4300 digits)"),
    "huge rank": (lambda found: found["upper"].update(rank=10**30), "upper.rank = 1000000000"),
}
"""what is too large, and what is said of it: some is small enough, and wrong"""


@pytest.mark.parametrize("kind", HUGE)
def test_what_is_too_large_is_refused(kind: str) -> None:
    found, (change, reason) = record("linear"), HUGE[kind]
    change(found)
    assert reason in verify(found).reasons[0]


def test_what_is_written_many_times_is_checked_once() -> None:
    """The output has no parameters, so that everything is a law."""
    found = record("linear")
    _steps(*([["sum", [1], [0], []]] * 10**4), data=5000)(found)
    assert verify(found).valid


def test_files_that_are_none(tmp_path: Path) -> None:
    texts = {"empty": "", "half": json.dumps(record("relu"))[:500], "list": "[1, 2]", "text": "hello", "nan": "NaN"}
    texts |= {"deep": "[" * 10**6, "deep table": '{"a":' * 10**5, "digits": '{"format": ' + "9" * 10**5 + "}"}
    texts |= {"twice": json.dumps(record("relu")).replace('"rank"', '"rank": 3, "rank"', 1)}
    texts |= {"yaml": "!!python/object/apply:os.system ['true']", "bytes": "\ufeff{}"}
    for name, text in texts.items():
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        verification = verify(path)
        assert not verification.valid, name
        assert len(verification.reasons) == 1
        assert "\n" not in verification.reasons[0]
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "large").write_bytes(b"[" + b"[]," * 3 * 10**6 + b"[]]")
    (tmp_path / "link").symlink_to(tmp_path / "link")
    (tmp_path / "device").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    for name in ("binary", "large", "link", "device", "pipe", ".", "missing", "a\0b"):
        assert not verify(tmp_path / name).valid, name


class Hostile(dict[str, Any]):
    """A mapping that lies about itself."""

    def items(self) -> Any:
        raise RuntimeError("no\nway")


@pytest.mark.parametrize(
    "content",
    [None, 3, "text", [], {}, {1: 2}, {"format": {}}, Hostile(a=1), {"a": object()}, {"a": 1.5}, {"a": float("nan")}],
)
def test_any_content_is_answered(content: Any) -> None:
    for foreign in (content, Certificate(content)):
        verification = verify(foreign)
        assert not verification.valid
        assert verification.reasons
        assert "\n" not in verification.reasons[0]


def test_content_that_contains_itself() -> None:
    found = record("relu")
    found["versions"]["self"] = found
    assert not verify(found).valid
