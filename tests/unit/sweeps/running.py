"""Sweeps in processes of their own, which tests may kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

QUICK = """
[[sweep]]
family = ["linear", "relu"]
widths = [{ from = 1, to = 3 }, { from = 1, to = 3 }, { from = 1, to = 3 }]

[[sweep]]
spec = "linear:{n}-{n-1}-2"
variables = { n = { from = 1, to = 6 } }
compute = "certificates"
"""
N_QUICK = 58  # two of the six are in the grid, too
TIMES = ("seconds", "memory", "started", "finished")


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "lielaws.cli", *map(str, arguments)]


def run(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False, timeout=200, **options)


_started: list[subprocess.Popen[str]] = []


def start(*arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    """A process in a session of its own, so that its whole group can be killed; see :func:`end_started`."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command(*arguments), start_new_session=True, **(pipes | options))
    _started.append(process)
    return process


def end_started() -> None:
    """Kill what is left of the started processes, as when a test failed, and close their pipes."""
    while _started:
        process = _started.pop()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def timeless(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without what depends on the clock."""
    return [{name: value for name, value in row.items() if name not in TIMES} for row in rows]


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """The first true value of a condition."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise TimeoutError("it did not happen in time")


def children_of(pid: int) -> list[int]:
    """Processes that a process has started, on Linux."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def group_of(process: subprocess.Popen[str]) -> int:
    return os.getpgid(process.pid)
