"""Computes every instance, and from the agreement of its instances a verdict on each statement."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from lielaws.audit.layered import layered_statements
from lielaws.audit.modern import modern_statements
from lielaws.audit.statement import Instance, Statement
from lielaws.check import check_laws
from lielaws.discover import discover_laws
from lielaws.report.report import Report


@dataclass(frozen=True, slots=True)
class Row:
    """One instance of a statement, computed.

    computed : number of laws; `found` of them explicit
    agrees : the count is the claimed one and every claimed law holds
    verdict : of the statement: confirmed if all instances agree, refuted if none does, else conditional
    condition : for a conditional statement, where it holds and where not
    """

    id: str
    source: str
    statement: str
    instance: str
    claimed: str
    computed: str
    agrees: bool
    verdict: str
    condition: str
    seconds: float
    report: Report

    def to_dict(self) -> dict[str, Any]:
        keys = ("id", "source", "instance", "claimed", "computed", "verdict", "condition", "seconds")
        return {key: getattr(self, key) for key in keys}


def statements() -> tuple[Statement, ...]:
    """All statements that can be computed so far, by id."""
    every = (*layered_statements(), *modern_statements())
    return tuple(sorted(every, key=lambda statement: (statement.id[0] != "G", int(statement.id[1:]))))


def audit(
    chosen: Iterable[Statement] | None = None, progress: Callable[[str, int, int], None] | None = None
) -> list[Row]:
    """The rows of all statements, or of some."""
    selected = statements() if chosen is None else tuple(chosen)
    rows: list[Row] = []
    for number, statement in enumerate(selected):
        if progress is not None:
            progress(f"audit: {statement.id}", number, len(selected))
        rows += _judge(statement)
    return rows


def _judge(statement: Statement) -> list[Row]:
    results = [(instance, *_compute(instance)) for instance in statement.instances]
    good = [instance.label for instance, agrees, *_ in results if agrees]
    bad = [instance.label for instance, agrees, *_ in results if not agrees]
    verdict = "confirmed" if not bad else "refuted" if not good else "conditional"
    condition = f"holds for: {'; '.join(good)}. Fails for: {'; '.join(bad)}" if verdict == "conditional" else ""
    return [
        Row(
            statement.id,
            statement.source,
            statement.text,
            instance.label,
            _claim(instance),
            computed,
            agrees,
            verdict,
            condition,
            round(seconds, 3),
            report,
        )
        for instance, agrees, computed, seconds, report in results
    ]


def _claim(instance: Instance) -> str:
    text = f"{instance.claimed} laws"
    return text if instance.symmetries is None else f"{text}, at most {instance.symmetries} symmetries"


def _compute(instance: Instance) -> tuple[bool, str, float, Report]:
    start = time.perf_counter()
    architecture = instance.build()
    report = discover_laws(architecture, **instance.settings)
    holds = not instance.laws or check_laws(architecture, list(instance.laws), **instance.settings).all_hold
    few = instance.symmetries is None or report.n_symmetries <= instance.symmetries
    found = "all explicit" if report.complete else f"{len(report.laws)} explicit"
    text = f"{report.n_laws} laws ({found})"
    text += "" if instance.symmetries is None else f", {report.n_symmetries} symmetries"
    text += "" if holds else ", a claimed law fails"
    agrees = report.n_laws == instance.claimed and holds and few
    return agrees, text, time.perf_counter() - start, report
