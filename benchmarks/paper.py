"""The two experiments of arXiv 2307.00144, section 4, run again: counts of 100 networks, and laws of 20.

python benchmarks/paper.py            exit status 1 if any number differs from the published one
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lielaws

DATA = Path(__file__).with_name("paper_benchmark.json")


@dataclass(frozen=True)
class Outcome:
    """One experiment: published time in seconds on 64 cores (None if there is none), ours, and how many agree."""

    title: str
    published: float | None
    seconds: float
    right: int
    total: int


def build(case: Mapping[str, Any]) -> lielaws.Architecture:
    return lielaws.mlp(case["widths"], case["kind"], bias=case["bias"])


def run(
    title: str,
    cases: Sequence[Mapping[str, Any]],
    published: float | None,
    agrees: Callable[[lielaws.Report, int], bool],
    **settings: Any,
) -> Outcome:
    """Discover every case, from the architecture on, and compare."""
    start = time.perf_counter()
    reports = [lielaws.discover_laws(build(case), **settings) for case in cases]
    seconds = time.perf_counter() - start
    right = 0
    for case, report in zip(cases, reports, strict=True):
        good = report.n_parameters == case["parameters"] and agrees(report, case["expected"])
        right += good
        if not good:
            print(
                f"{report.name}: {report.n_parameters} parameters, at most {report.n_laws}, {len(report.laws)} found; "
                f"expected {case['parameters']} and {case['expected']}",
                file=sys.stderr,
            )
    return Outcome(title, published, seconds, right, len(cases))


def counted(report: lielaws.Report, expected: int) -> bool:
    return report.n_laws == expected


def listed(report: lielaws.Report, expected: int) -> bool:
    return report.complete and report.n_laws == len(report.laws) == expected


def quadratic(report: lielaws.Report, expected: int) -> bool:
    """The published solver looks for quadratic laws; ours must be quadratic as well."""
    return listed(report, expected) and all(law.degree == 2 for law in report.laws)


def experiments(data: Mapping[str, Any]) -> list[Outcome]:
    seconds = data["published_seconds_on_64_cores"]
    kinds = ("linear", "relu")
    counts = {kind: data[f"count_{kind}"] for kind in kinds}
    solved = {kind: data[f"solve_{kind}"] for kind in kinds}
    return [
        *(run(f"count, {kind}", counts[kind], seconds[f"count_{kind}"], counted, find_laws=False) for kind in kinds),
        *(run(f"laws and proof, {kind}", counts[kind], None, listed) for kind in kinds),
        *(run(f"quadratic laws, {kind}", solved[kind], seconds[f"solve_{kind}"], quadratic) for kind in kinds),
    ]


def print_table(outcomes: Sequence[Outcome]) -> None:
    print(f"{'experiment':<24}{'networks':>9}{'agree':>7}{'published, 64 cores':>21}{'here':>10}{'ratio':>10}")
    for outcome in outcomes:
        published = "-" if outcome.published is None else f"{outcome.published:,.0f} s"
        ratio = "-" if outcome.published is None else f"{outcome.published / outcome.seconds:,.0f}"
        counts = f"{outcome.title:<24}{outcome.total:>9}{outcome.right:>7}"
        print(f"{counts}{published:>21}{outcome.seconds:>8.2f} s{ratio:>10}")


def main() -> int:
    data = json.loads(DATA.read_text(encoding="utf-8"))
    outcomes = experiments(data)
    print_table(outcomes)
    return 0 if all(outcome.right == outcome.total for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
