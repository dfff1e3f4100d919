"""What networks with exp, tanh, GELU, softmax and square roots cost: processor seconds to discover and to check.

python benchmarks/functions.py                      everything
python benchmarks/functions.py "two blocks" tanh    the cases whose names contain one of the texts
python benchmarks/functions.py --against PATH       also with the library in another checkout, and the ratio new / old
python benchmarks/functions.py --limit 300          processor seconds for each case, 600 by default
python benchmarks/functions.py --case NAME          one case in this process, as JSON

Each case runs in a process of its own, on one processor, so that its peak memory is its own. `cost` is the time to
discover in units of a reference, the growth of a rational network modulo a prime in the same process: so machines, and
a machine that other programs share, can be compared.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

# Read when numpy is first imported, which is when a case runs.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

# Below a thousand parameters, so that its brackets are counted.
REFERENCE = "relu:19-20-20-10"
LIMIT_SECONDS = 600
# Cases that take less are run again, and the fastest run counts.
_REPEAT_SECONDS = 1.0


@dataclass(frozen=True)
class Case:
    """A network and the settings of its discovery, as functions of the library: nothing is imported before it runs."""

    name: str
    build: Callable[[Any], Any]
    settings: Callable[[Any], Mapping[str, Any]] = field(default=lambda library: {})


def _embedding(words: int, positions: int) -> Callable[[Any], Any]:
    """Tables of tokens and positions, layer norm, a linear map: the input of BERT, with a root for each pair."""

    def network(p: Any, unused: Any, ops: Any) -> Any:
        h = ops.stack([p.E[v] + p.P[t] for v in range(words) for t in range(positions)])
        c = h - h.mean(1).reshape(-1, 1)
        scale = ops.rsqrt((c**2).mean(1) + Fraction(1, 10**12))
        return c * scale.reshape(-1, 1) @ p.U.T

    shapes = {"E": (words, 3), "P": (positions, 3), "U": (2, 3)}
    return lambda library: library.architecture(network, shapes, {"unused": ()})


def _gpt(blocks: int) -> Callable[[Any], Any]:
    options = {"norm": "layer", "glu": False, "activation": "gelu", "causal": True, "epsilon": True}
    return lambda library: library.transformer(5, 4, 2, 2, 4, blocks=blocks, **options)


def _two_blocks(library: Any) -> Any:
    blocks = [library.transformer_block(3, 1, 2, 3, activation="relu", glu=False) for _ in range(2)]
    return library.sequential(*blocks)


LARGE = [
    Case("roots: embedding 3 + 3", _embedding(3, 3)),
    Case("roots: embedding 4 + 3", _embedding(4, 3)),
    Case("roots: embedding 4 + 4", _embedding(4, 4)),
    Case("gpt, one block", _gpt(1)),
    Case("gpt, two blocks", _gpt(2)),
    Case("relu transformer, two blocks", _two_blocks),
    Case("batch norms of 8 units", lambda lib: lib.mlp([2, 8, 8, 2], "relu", norm="batch")),
    Case("tanh+bias:20-20-20-10", lambda lib: lib.mlp([20, 20, 20, 10], "tanh", bias=True)),
    Case("large transformer block", lambda lib: lib.transformer_block(8, 2, 4, 30, epsilon=True, causal=True)),
]
SMALL = [
    Case("tanh+bias:5-7-4-3", lambda lib: lib.mlp([5, 7, 4, 3], "tanh", bias=True)),
    Case("gelu:5-6-6-4", lambda lib: lib.mlp([5, 6, 6, 4], "gelu")),
    Case("softplus:6-8-6", lambda lib: lib.mlp([6, 8, 6], "softplus")),
    Case("tanh:3-4-3, heavy ball", lambda lib: lib.mlp([3, 4, 3], "tanh"), lambda lib: {"flow": lib.HeavyBall(0.5)}),
    Case("gelu:5-6-6, cross-entropy", lambda lib: lib.mlp([5, 6, 6], "gelu"), lambda lib: {"loss": "cross_entropy"}),
    Case("swiglu 5, 8", lambda lib: lib.glu(5, 8)),
    Case("attention 4, 3, 3 heads", lambda lib: lib.attention(4, 3, heads=3)),
    Case("grouped queries 6, 3", lambda lib: lib.attention(6, 3, heads=2, kv_heads=1, causal=True)),
    Case("mixture of 3 experts", lambda lib: lib.moe(3, 4, 3)),
    Case("layer norm, tanh", lambda lib: lib.mlp([4, 6, 5], "tanh", norm="layer")),
    Case("rms norm, epsilon 0", lambda lib: lib.mlp([4, 6, 5], "relu", norm="rms", epsilon=False)),
    Case("weight norm 5-6-5", lambda lib: lib.weight_norm([5, 6, 5])),
    Case("transformer block 4", lambda lib: lib.transformer_block(4, 2, 2, 4)),
    Case("transformer, tokens", lambda lib: lib.transformer(3, 4, 1, 2, 4)),
]
CASES = {case.name: case for case in [*LARGE, *SMALL]}


def _fastest(run: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds of the fastest of some runs, and the result."""
    seconds: list[float] = []
    while not seconds or sum(seconds) + min(seconds) < _REPEAT_SECONDS:
        start = time.process_time()
        result = run()
        seconds.append(time.process_time() - start)
    return min(seconds), result


def measure(name: str) -> dict[str, Any]:
    """Discover and check one case in this process."""
    import lielaws

    case = CASES[name]
    # The fixed cost of the first discovery and check is no part of any case.
    lielaws.verify(lielaws.discover_laws("tanh:1-1-1").certificate)
    measured: dict[str, Any] = {}
    try:
        seconds, report = _fastest(lambda: lielaws.discover_laws(case.build(lielaws), **case.settings(lielaws)))
        measured |= {"D": report.n_parameters, "laws": report.n_laws, "found": len(report.laws), "discover": seconds}
        seconds, checked = _fastest(lambda: lielaws.verify(report.certificate))
        measured |= {"check": seconds, "valid": checked.valid}
    except lielaws.LieLawsError as error:
        measured["error"] = type(error).__name__
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kilobytes on Linux, bytes on macOS.
    measured["megabytes"] = peak / (2**20 if sys.platform == "darwin" else 2**10)
    measured["reference"] = _fastest(lambda: lielaws.discover_laws(REFERENCE, find_laws=False))[0]
    return measured


def measure_apart(name: str, limit: int, library: str | None = None) -> dict[str, Any]:
    """The same in a process of its own, with the library in another folder if one is given."""
    environment = dict(os.environ) | ({"PYTHONPATH": library} if library else {})
    command = [sys.executable, "-W", "ignore", __file__, "--case", name, "--limit", str(limit)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if run.returncode == -signal.SIGXCPU:
        return {"error": f"> {limit} s"}
    if run.returncode:
        return {"error": (run.stderr.strip().splitlines() or ["killed"])[-1].partition(":")[0][-20:]}
    result: dict[str, Any] = json.loads(run.stdout)
    return result


def row(name: str, new: Mapping[str, Any], old: Mapping[str, Any] | None) -> str:
    """One line of the table."""
    cost = f"{new['discover'] / new['reference']:.2f}" if "discover" in new else ""
    memory = f"{new['megabytes']:.0f} MB" if "megabytes" in new else ""
    counts = f"{new.get('D', ''):>6}{new.get('laws', ''):>6}{new.get('found', ''):>7}"
    text = f"{name:<30}{counts}{times(new)}{cost:>9}{memory:>9}"
    if old is None:
        return text
    ratio = f"{new['discover'] / old['discover']:.2f}" if {"discover"} <= new.keys() & old.keys() else ""
    return f"{text}{times(old)}{ratio:>8}"


def times(measured: Mapping[str, Any]) -> str:
    """Discovery and check; what stopped them in their place."""
    if "discover" not in measured:
        return f"{measured['error']:>23}{'':>10}"
    check = seconds(measured["check"]) if "check" in measured else measured["error"]
    valid = {True: "", False: " not valid", None: ""}[measured.get("valid")]
    return f"{seconds(measured['discover']):>12}{check:>11}{valid:>10}"


def seconds(value: float) -> str:
    return f"{value:.3f} s" if value < 1 else f"{value:.1f} s"


def print_table(cases: list[str], limit: int, library: str | None) -> bool:
    """Whether all cases were answered and their certificates are valid."""
    head = f"{'case':<30}{'D':>6}{'laws':>6}{'found':>7}{'discover':>12}{'check':>11}{'':>10}{'cost':>9}{'memory':>9}"
    print(head + (f"{'old':>12}{'old check':>11}{'':>10}{'new/old':>8}" if library else ""))
    references, ratios, good = [], [], True
    for name in cases:
        new = measure_apart(name, limit)
        old = measure_apart(name, limit, library) if library else None
        print(row(name, new, old), flush=True)
        good &= bool(new.get("valid"))
        references += [new["reference"]] if "reference" in new else []
        if old is not None and {"discover"} <= new.keys() & old.keys():
            ratios.append(new["discover"] / old["discover"])
    if references:
        low, middle, high = min(references), statistics.median(references), max(references)
        print(f"reference, {REFERENCE} counted: {middle:.3f} s ({low:.3f} to {high:.3f})")
    if ratios:
        print(f"new / old, geometric mean of {len(ratios)}: {math.exp(statistics.fmean(map(math.log, ratios))):.2f}")
    return good


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("texts", nargs="*", help="parts of the names of cases")
    parser.add_argument("--against", metavar="PATH", help="another checkout of the library")
    parser.add_argument("--limit", type=int, default=LIMIT_SECONDS, help="processor seconds for each case")
    parser.add_argument("--case", choices=CASES, help="one case in this process, as JSON")
    given = parser.parse_args(arguments)
    if given.case:
        resource.setrlimit(resource.RLIMIT_CPU, (given.limit, given.limit + 10))
        print(json.dumps(measure(given.case)))
        return 0
    chosen = [name for name in CASES if not given.texts or any(text in name for text in given.texts)]
    if not chosen:
        print(f"no such case; there are: {', '.join(CASES)}", file=sys.stderr)
        return 2
    return 0 if print_table(chosen, given.limit, given.against) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
