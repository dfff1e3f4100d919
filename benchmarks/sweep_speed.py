"""Speed of sweeps: 2,000 architectures of up to 60 parameters with their laws, in one and in two processes.

The processor time tells what two processes cost more than one, also where other programs share the machine.
"""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lielaws
from lielaws.sweeps.description import read_description

COUNT = 2000
SIZES = {"from": 1, "to": 5}
SMALL = {"from": 1, "to": 3}
TABLES: list[dict[str, Any]] = [
    {"family": ["linear", "relu", "square"], "widths": {"layers": [2, 3], "each": SIZES}, "sample": 700},
    {"family": ["relu", "leaky_relu"], "widths": {"layers": [2, 3], "each": SIZES}, "bias": True, "sample": 300},
    {"family": ["gelu", "silu", "tanh"], "widths": {"layers": 2, "each": SIZES}, "sample": 200},
    {"family": "linear", "widths": {"layers": 2, "each": SMALL}, "flow": ["heavy_ball:1/2", "mirror:entropic"]},
    {"family": ["linear", "relu"], "widths": {"layers": 3, "each": SIZES}, "flow": "weight_decay:0.1", "sample": 150},
    {"family": "glu", "d_model": SIZES, "hidden": SIZES, "activation": ["silu", "linear", "relu"]},
    {"family": "attention", "d_model": SIZES, "d_head": SMALL, "heads": [1, 2], "softmax": [True, False]},
    {"family": "conv", "channels": {"layers": 2, "each": SMALL}, "kernel": [1, 2], "size": 4},
    {"family": "weight_norm", "widths": {"layers": 2, "each": SIZES}, "sample": 80},
    {"family": "low_rank", "d_in": SIZES, "d_out": SIZES, "rank": SMALL},
    {"family": "tied_autoencoder", "d": SIZES, "hidden": SIZES, "activation": ["relu", "linear"]},
    {"family": "relu", "widths": {"layers": 3, "each": SIZES}, "loss": "cross_entropy", "filter": "widths[-1] > 1"},
    {"family": "relu", "widths": {"layers": 2, "each": SIZES}, "gates": "realizable", "sample": 100},
]


def run(cases: list[Any], jobs: int, folder: Path) -> tuple[float, float, list[dict[str, Any]]]:
    """Seconds, seconds of processors, and the rows."""
    start, processors = time.perf_counter(), processor_time()
    results = lielaws.sweep(cases, folder / f"{jobs}.sqlite", jobs=jobs)
    return time.perf_counter() - start, processor_time() - processors, results.rows()


def processor_time() -> float:
    """Of this process, and of all that it has started and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    cases = list(read_description({"filter": "D <= 60", "sweep": TABLES}).cases)
    if len(cases) < COUNT:
        sys.exit(f"only {len(cases)} cases")
    cases = sorted(cases, key=lambda case: case.key)[:COUNT]
    seconds = {}
    with TemporaryDirectory() as name:
        for jobs in (1, 2):
            seconds[jobs], processors, rows = run(cases, jobs, Path(name))
            done = [row for row in rows if row["error"] is None]
            gaps = sum(not row["complete"] for row in done)
            errors = len(rows) - len(done)
            cost = f"{seconds[jobs]:.1f} s, {processors:.1f} s of processors"
            print(f"{jobs} processes: {len(rows)} cases in {cost}, {gaps} gaps, {errors} errors", flush=True)
    print(f"one process / two processes: {seconds[1] / seconds[2]:.2f}")
    by_start = sorted(done, key=lambda row: row["started"])
    tenth = len(by_start) // 10
    for title, part in (("first", by_start[:tenth]), ("last", by_start[-tenth:])):
        print(f"memory, {title} tenth of the cases: {max(row['memory'] for row in part):.0f} MB")
    families: dict[str, list[float]] = defaultdict(list)
    for row in done:
        families[f"{row['family']} {row['flow']}"].append(row["seconds"])
    print(f"\n{'family and flow':<34} {'cases':>6} {'seconds':>9} {'slowest':>9}")
    for title, found in sorted(families.items(), key=lambda item: -sum(item[1])):
        print(f"{title:<34} {len(found):>6} {sum(found):>9.1f} {max(found):>9.2f}")


if __name__ == "__main__":
    main()
