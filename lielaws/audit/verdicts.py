"""Computes every instance, and from the agreement of its instances a verdict on each statement."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lielaws.audit.discrete_steps import step_statements
from lielaws.audit.layered_statements import layered_statements
from lielaws.audit.modern_statements import modern_statements
from lielaws.audit.momentum_statements import momentum_statements
from lielaws.audit.statement import Instance, Probe, Statement
from lielaws.check import check_laws
from lielaws.discover import discover_laws
from lielaws.errors import LieLawsError
from lielaws.report.report import Report

_CHAPTERS = "GCMS"


@dataclass(frozen=True, slots=True)
class Row:
    """One instance of a statement, computed.

    computed : number of laws; `found` of them explicit
    agrees : the count is the claimed one and every claimed law holds
    verdict : of the statement: confirmed if all instances agree, refuted if none does, else conditional
    condition : for a conditional statement, where it holds and where not; for a refuted one, the smallest
        counterexample
    report : of the discovery, None where no laws were counted
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
    report: Report | None

    def to_dict(self) -> dict[str, Any]:
        keys = ("id", "source", "instance", "claimed", "computed", "verdict", "condition", "seconds")
        return {key: getattr(self, key) for key in keys}


def statements() -> tuple[Statement, ...]:
    """All statements, by id."""
    every = (*layered_statements(), *modern_statements(), *momentum_statements(), *step_statements())
    return tuple(sorted(every, key=lambda statement: (_CHAPTERS.index(statement.id[0]), int(statement.id[1:]))))


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


def save_certificates(rows: Iterable[Row], folder: str | os.PathLike[str]) -> list[Path]:
    """Write the certificate of each instance that disagrees with its statement, as ID-NUMBER.json; the paths.

    Raises LieLawsError if the folder cannot be written.
    """
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LieLawsError(f"folder = '{folder}': it cannot be made ({error.strerror})") from error
    written: list[Path] = []
    for row in rows:
        if not row.agrees and row.report is not None:
            number = sum(path.name.startswith(f"{row.id}-") for path in written) + 1
            written.append(target / f"{row.id}-{number}.json")
            row.report.certificate.save(written[-1])
    return written


def _judge(statement: Statement) -> list[Row]:
    results = [(instance, *_compute(instance)) for instance in statement.instances]
    good = [instance.label for instance, agrees, *_ in results if agrees]
    bad = [instance.label for instance, agrees, *_ in results if not agrees]
    verdict = "confirmed" if not bad else "refuted" if not good else "conditional"
    condition = ""
    if verdict == "conditional":
        condition = f"holds for: {'; '.join(good)}. Fails for: {'; '.join(bad)}"
    elif verdict == "refuted":
        condition = _smallest([(instance, text, report) for instance, _, text, _, report in results])
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


def _smallest(failing: list[tuple[Instance | Probe, str, Report | None]]) -> str:
    """The counterexample with the fewest parameters."""
    instance, text, _ = min(failing, key=lambda case: case[2].n_parameters if case[2] is not None else 0)
    return f"smallest counterexample: {instance.label}, claimed {_claim(instance)}, computed {text}"


def _claim(instance: Instance | Probe) -> str:
    if isinstance(instance, Probe):
        return instance.claim
    text = f"{instance.claimed} laws"
    return text if instance.symmetries is None else f"{text}, at most {instance.symmetries} symmetries"


def _compute(instance: Instance | Probe) -> tuple[bool, str, float, Report | None]:
    start = time.perf_counter()
    if isinstance(instance, Probe):
        finding = instance.run()
        return finding.agrees, finding.text, time.perf_counter() - start, None
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
