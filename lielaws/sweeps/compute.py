"""One case computed: a question as plain values in, an outcome as plain values out. Runs wherever the executor is."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from typing import Any

from lielaws.errors import LieLawsError

_LONGEST_ERROR = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    row : columns of the results that are known after the computation
    certificate : its JSON text, if it was asked for
    """

    row: Mapping[str, Any]
    certificate: str | None = None


def compute(question: Mapping[str, Any]) -> Outcome:
    """The laws of one case. Raises what `lielaws.discover_laws` raises."""
    from lielaws.discover import discover_laws

    report = discover_laws(
        question["spec"],
        flow=question["flow"],
        loss=question["loss"],
        gates=question["gates"],
        parameters=question["parameters"],
        max_degree=question["max_degree"],
        find_laws=question["find_laws"],
        seed=question["seed"],
    )
    row = {
        "architecture": report.name,
        "n_parameters": report.n_parameters,
        "dimension": report.dimension,
        "n_laws": report.n_laws,
        "n_found": len(report.laws),
        "complete": report.complete,
        "n_symmetries": report.n_symmetries,
        "growth": list(report.growth),
        "closed": report.closed,
        "laws": [str(group) for group in report.groups],
        "hypotheses": list(report.hypotheses),
    }
    return Outcome(row, report.certificate.to_json() if question["certificate"] else None)


def failed(message: str, started: float | None = None) -> Outcome:
    """The outcome of a case that has no answer."""
    text = " ".join(message.split())
    now = time.time()
    row = {"error": text if len(text) <= _LONGEST_ERROR else text[: _LONGEST_ERROR - 3] + "..."}
    times = {"seconds": now - started if started else 0.0, "started": instant(started or now), "finished": instant(now)}
    return Outcome({**row, **times, "versions": versions()})


def described(error: BaseException) -> str:
    """An error as the text that is recorded."""
    if isinstance(error, LieLawsError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory"
    return f"internal error, {type(error).__name__}: {error}"


def instant(seconds: float) -> str:
    """A time as text, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


@cache
def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    found = {"lielaws": "lielaws", "numpy": "numpy", "scipy": "scipy", "sympy": "sympy", "flint": "python-flint"}
    return {"python": platform.python_version(), **{name: metadata.version(package) for name, package in found.items()}}
