"""How the cost of brackets grows with the number of parameters, by stage and by family.

Each case runs in a process of its own.

python benchmarks/scaling.py                  everything
python benchmarks/scaling.py linear conv      some of the families
python benchmarks/scaling.py --case relu 30 30 30 30    one case, as JSON
"""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
import time
from typing import Any

FAMILIES: dict[str, list[tuple[int, ...]]] = {
    "linear": [(5, 5, 5), (10, 10, 10), (20, 20, 20), (30, 30, 30), (40, 40, 40)],
    "relu": [(5, 5, 5, 5), (10, 10, 10, 10), (15, 15, 15, 15), (20, 20, 20, 20), (30, 30, 30, 30)],
    "conv": [(1, 2, 1), (2, 4, 2), (4, 8, 4), (6, 12, 6), (8, 16, 8)],
}
STAGES = ("architecture", "count", "laws")
LIMIT_SECONDS = 600
KERNEL, POSITIONS = 3, 8


def build(family: str, sizes: tuple[int, ...]) -> Any:
    import lielaws

    if family == "conv":
        return lielaws.conv(list(sizes), kernel=KERNEL, size=POSITIONS)
    return lielaws.mlp(list(sizes), activation=family)


def measure(family: str, sizes: tuple[int, ...]) -> dict[str, Any]:
    """Discover one case in this process, by brackets whatever theorems there are."""
    import lielaws
    from lielaws import discover

    discover.LEAST_BY_THEOREM = sys.maxsize
    # The fixed cost of the first discovery is no part of the growth.
    lielaws.discover_laws(build(family, (2,) * len(sizes)))
    start = time.perf_counter()
    report = lielaws.discover_laws(build(family, sizes))
    wall = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "name": report.name.partition("+")[0],
        "parameters": report.n_parameters,
        "laws": report.n_laws,
        "complete": report.complete,
        "seconds": dict(report.seconds),
        "wall": wall,
        # Kilobytes on Linux, bytes on macOS.
        "megabytes": peak / (2**20 if sys.platform == "darwin" else 2**10),
    }


def measure_apart(family: str, sizes: tuple[int, ...]) -> dict[str, Any]:
    """The same in a process of its own, so that its peak memory is its own."""
    command = [sys.executable, __file__, "--case", family, *map(str, sizes)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    if run.returncode:
        raise SystemExit(f"{family} {sizes}: {run.stderr.strip()}")
    result: dict[str, Any] = json.loads(run.stdout)
    return result


def print_family(family: str) -> bool:
    """One table, with the ratio to the row before and the exponent a of cost ~ D^a; whether all are complete."""
    print(f"\n{family}")
    names = f"{'case':<18}{'D':>6}{'laws':>6}{'complete':>10}" + "".join(f"{stage:>14}" for stage in STAGES)
    print(f"{names}{'total':>10}{'ratio':>7}{'exponent':>10}{'memory':>10}")
    before: dict[str, Any] | None = None
    complete = True
    for sizes in FAMILIES[family]:
        case = measure_apart(family, sizes)
        complete &= case["complete"]
        stages = "".join(f"{case['seconds'].get(stage, 0.0):>12.3f} s" for stage in STAGES)
        name, answer = f"{case['name']:<18}{case['parameters']:>6}", "yes" if case["complete"] else "no"
        growth = growth_columns(case, before)
        total, memory = f"{case['wall']:>8.2f} s", f"{case['megabytes']:>7.0f} MB"
        print(f"{name}{case['laws']:>6}{answer:>10}{stages}{total}{growth}{memory}", flush=True)
        before = case
    return complete


def growth_columns(case: dict[str, Any], before: dict[str, Any] | None) -> str:
    if before is None:
        return f"{'':>17}"
    factor = case["wall"] / before["wall"]
    return f"{factor:>7.1f}{math.log(factor) / math.log(case['parameters'] / before['parameters']):>10.1f}"


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--case"]:
        print(json.dumps(measure(arguments[1], tuple(map(int, arguments[2:])))))
        return 0
    if unknown := sorted(set(arguments) - set(FAMILIES)):
        print(f"unknown: {', '.join(unknown)}; known: {', '.join(FAMILIES)}", file=sys.stderr)
        return 2
    complete = [print_family(family) for family in arguments or FAMILIES]
    return 0 if all(complete) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
