"""Whatever a certificate holds, nothing is executed, no file is read, and the checker answers in bounded time."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lielaws.certificate.record import Certificate
from lielaws.checker.verify import verify, verify_file
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


def phi(*expressions: str, symbols: tuple[str, ...] = ("x",)) -> dict[str, Any]:
    return {"family": "phi", "symbols": list(symbols), "expressions": list(expressions)}


def network(output: str) -> dict[str, Any]:
    shapes = {"parameters": [["A", [2, 2]]], "data": [["x", [2]]]}
    return {"family": "network", "output": output, **shapes}


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
def test_attacks_in_expressions_do_nothing(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    specs = (phi(text), phi("x", symbols=(text,)), network(text), network(f"A @ x + {text}"))
    verify(record("relu") | {"architecture": phi("x"), "dimension": 1})
    for spec in specs:
        found = record("relu") | {"architecture": spec, "dimension": 4 if spec["family"] == "network" else 1}
        with watched() as events:
            verification = verify(found)
        assert not verification.valid
        assert verification.reasons
        assert not events
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["../../../etc/passwd", "/etc/passwd", "relu\n", "__import__", "power0", "power100"])
def test_names_are_looked_up_and_nothing_else(text: str) -> None:
    spec = record("relu")["architecture"]
    for changed in ({"family": text}, {"activation": text}, {"widths": text}, {text: 1}, {"slope": text}):
        with watched() as events:
            assert not verify(record("relu") | {"architecture": spec | changed}).valid
        assert not events


@pytest.mark.parametrize(
    "text", ["zeros(shape=(99999, 99999))", "eye(9999)", "x.T.T.T.T", "x[9]", "stack([])", "sum(x, 5)"]
)
def test_functions_refuse_what_does_not_fit(text: str) -> None:
    found = record("relu") | {"architecture": network(f"A @ x + {text}"), "dimension": 4}
    assert not verify(found).valid


Record = dict[str, Any]


def _left_normed(depth: int) -> Any:
    word: Any = 0
    for k in range(1, depth):
        word = [k % 6, word]
    return word


def _balanced(depth: int) -> Any:
    return [_balanced(depth - 1)] * 2 if depth else 0


def _nested(spec: Record, depth: int) -> Record:
    for _ in range(depth):
        spec = {"family": "residual", "block": spec}
    return spec


def _widths(*widths: int, dimension: int, activation: str = "linear") -> Callable[[Record], None]:
    def change(found: Record) -> None:
        found["architecture"].update(widths=list(widths), activation=activation)
        found["dimension"] = dimension

    return change


def _law(*terms: Any) -> Callable[[Record], None]:
    def change(found: Record) -> None:
        found["lower"]["laws"][0] = list(terms)

    return change


CONV = {
    "family": "conv",
    "channels": [50, 50, 50],
    "kernel": 1,
    "size": 1000,
    "stride": 1,
    "dim": 2,
    "activation": "relu",
}
SUMS = {
    "family": "graph",
    "name": "sums",
    "parameters": {"W": [12]},
    "data": {"x": [5000]},
    "steps": [
        ["leaf", [], ["parameter", "W"], [12]],
        ["leaf", [], ["data", "x"], [5000]],
        *([["sum", [1], [0], []]] * 10**4),
    ],
}
DENOMINATORS = phi("+".join(f"1/(x+{k})" for k in range(1, 3000)))
CONSTANTS = phi("+".join(f"x/{10**80 + k}" for k in range(500)))

HUGE: dict[str, Callable[[Record], Any]] = {
    "wide": _widths(10**4, 10**4, 10**4, dimension=2 * 10**8),
    "tall": _widths(1, 2500, 1, dimension=5000),
    "powers": _widths(*([1] * 60), dimension=59, activation="power99"),
    "deep words": lambda found: found["upper"].update(brackets=[_left_normed(16)] * 100),
    "deeper words": lambda found: found["upper"].update(brackets=[_left_normed(18)]),
    "balanced words": lambda found: found["upper"].update(brackets=[_balanced(12)]),
    "many brackets": lambda found: found["upper"].update(brackets=[0] * 10**6),
    "many laws": lambda found: found["lower"].update(laws=found["lower"]["laws"] * 10**5),
    "long law": _law(*([k + 1, [k % 12] * 20] for k in range(10**5))),
    "high degree": _law([1, [0] * 10**5]),
    "huge coefficient": _law([10**1_000_000, [0]]),
    "huge rank": lambda found: found["upper"].update(rank=10**30),
    "convolution": lambda found: found.update(architecture=CONV, dimension=5000),
    "blocks": lambda found: found.update(architecture=_nested(found["architecture"], 1000)),
    "sums": lambda found: found.update(architecture=SUMS),
    "denominators": lambda found: found.update(architecture=DENOMINATORS, dimension=1),
    "constants": lambda found: found.update(architecture=CONSTANTS, dimension=1),
}


@pytest.mark.parametrize("kind", HUGE)
def test_what_is_too_large_is_refused_in_time(kind: str) -> None:
    found = record("linear")
    HUGE[kind](found)
    start = time.perf_counter()
    assert not verify(found).valid
    assert time.perf_counter() - start < 20


def test_files_that_are_none(tmp_path: Path) -> None:
    texts = {"empty": "", "half": json.dumps(record("relu"))[:500], "list": "[1, 2]", "text": "hello", "nan": "NaN"}
    texts |= {"deep": "[" * 10**6, "deep table": '{"a":' * 10**5, "digits": '{"format": ' + "9" * 10**5 + "}"}
    texts |= {"twice": json.dumps(record("relu")).replace('"rank"', '"rank": 3, "rank"', 1)}
    texts |= {"yaml": "!!python/object/apply:os.system ['true']", "bytes": "\ufeff{}"}
    for name, text in texts.items():
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        verification = verify_file(path)
        assert not verification.valid, name
        assert len(verification.reasons) == 1
        assert "\n" not in verification.reasons[0]
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "large").write_bytes(b"[" + b"[]," * 3 * 10**6 + b"[]]")
    (tmp_path / "link").symlink_to(tmp_path / "link")
    (tmp_path / "device").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    for name in ("binary", "large", "link", "device", "pipe", ".", "missing", "a\0b"):
        assert not verify_file(tmp_path / name).valid, name


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
