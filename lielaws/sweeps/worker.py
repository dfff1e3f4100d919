"""What runs in a worker process: one case at a time, within limits of time and memory that hold for C code, too.

Three guards, from mild to hard. A timer signal raises an exception between two instructions of Python. If that does not
help, a thread of `faulthandler`, which needs no interpreter lock, ends the process a little later. The address space is
limited by the system, so that allocations fail instead of taking the machine down. Before each case, the process writes
its key to a file of its own, and `faulthandler` adds there why it ended, so that whoever started it can tell which case
was to blame.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lielaws.sweeps.compute import Outcome, compute, described, failed, instant, versions
from lielaws.sweeps.limits import Limits

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

THREAD_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "BLIS_NUM_THREADS",
)
_GRACE = 0.25
_LEAST_GRACE = 2.0
_AGAIN = 0.5
_MEGABYTE = 2**20
_HAS_TIMER = hasattr(signal, "setitimer")


class TimeLimitReached(BaseException):
    """Raised by the timer. No `except Exception` of the computation stops it."""


class _Journal:
    """The file in which a worker notes what it is doing."""

    def __init__(self, folder: str) -> None:
        path = Path(folder) / f"{os.getpid()}"
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)

    def write(self, text: str) -> None:
        # A full disk costs the knowledge of who was to blame, not the case.
        with suppress(OSError):
            os.ftruncate(self.descriptor, 0)
            os.lseek(self.descriptor, 0, os.SEEK_SET)
            os.write(self.descriptor, text.encode())


_journal: _Journal | None = None


def start_worker(folder: str, limits: Limits) -> None:
    """Prepare a fresh worker process.

    Parameters
    ----------
    folder : where its journal is to be written
    limits : its memory is limited from now on
    """
    global _journal  # noqa: PLW0603  one for each process
    # Ctrl-C reaches the whole group; the process that started this one decides what to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _journal = _Journal(folder)
    # What C libraries say before they abort belongs there, too, and nothing on the output of the caller.
    for stream in (1, 2):
        os.dup2(_journal.descriptor, stream)
    faulthandler.enable(_journal.descriptor, all_threads=False)
    _warm_up()
    if limits.megabytes is not None:
        _limit_memory(limits.megabytes)


def ready() -> bool:
    """Whether a worker process has started."""
    return True


def run_case(question: Mapping[str, Any], limits: Limits) -> Outcome:
    """Compute one case within its limits; whatever goes wrong becomes the error of its row."""
    started = time.time()
    clock = time.perf_counter()
    _reset_peak()
    try:
        outcome = _guarded(question, limits.seconds)
    except TimeLimitReached:
        _disarm()
        return failed(f"time limit of {limits.seconds:g} s exceeded", started)
    except MemoryError:
        return failed(_out_of_memory(limits), started)
    except (Exception, SystemExit) as error:  # noqa: BLE001  recorded: one failing case must not stop the others
        return failed(described(error), started)
    seconds = time.perf_counter() - clock
    row = {
        **outcome.row,
        "error": None,
        "seconds": round(seconds, 6),
        "memory": _peak_megabytes(),
        "started": instant(started),
        "finished": instant(time.time()),
        "versions": versions(),
    }
    return Outcome(row, outcome.certificate)


def _out_of_memory(limits: Limits) -> str:
    limit = "" if limits.megabytes is None else f": memory limit of {limits.megabytes:g} MB exceeded"
    return f"out of memory{limit}"


def _guarded(question: Mapping[str, Any], seconds: float | None) -> Outcome:
    if _journal is not None:
        _journal.write(f"{question['key']}\n")
    try:
        with _timer(seconds):
            return compute(question)
    finally:
        if _journal is not None:
            _journal.write("")


@contextmanager
def _timer(seconds: float | None) -> Iterator[None]:
    """Raise TimeLimitReached after so many seconds, and end the process if that did not stop it."""
    if seconds is None:
        yield
        return
    if _journal is not None:
        last = seconds + max(_LEAST_GRACE, _GRACE * seconds)
        faulthandler.dump_traceback_later(last, exit=True, file=_journal.descriptor)
    try:
        if _HAS_TIMER:
            signal.signal(signal.SIGALRM, _raise)
            # Again and again, as an exception inside a callback of C code may get lost.
            signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
        yield
    finally:
        _disarm()


def _disarm() -> None:
    """Stop both timers. The exception of a signal that comes in the middle of it only makes it start again."""
    while True:
        try:
            if _HAS_TIMER:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, signal.SIG_IGN)
            faulthandler.cancel_dump_traceback_later()
        except TimeLimitReached:
            continue
        return


def _raise(signum: int, frame: Any) -> None:
    raise TimeLimitReached


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, even if it was killed."""
    from multiprocessing import connection, parent_process

    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _warm_up() -> None:
    """Import what most cases need, so that it counts neither as their time nor as their memory."""
    import flint

    flint.ctx.threads = 1
    compute(
        {
            "spec": "relu+bias:2-2-1",
            "flow": "gradient",
            "loss": "any",
            "gates": "free",
            "parameters": None,
            "max_degree": 1,
            "find_laws": True,
            "seed": 0,
            "certificate": True,
        }
    )


def _limit_memory(megabytes: float) -> None:
    """Limit the address space to what it is now beyond the memory in use, plus so much."""
    if resource is None or sys.platform == "darwin":
        return  # macOS accepts the limit and ignores it
    size, resident = _pages()
    limit = size - resident + int(megabytes * _MEGABYTE)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _pages() -> tuple[int, int]:
    """The address space and the memory of this process in bytes."""
    try:
        size, resident = Path("/proc/self/statm").read_text(encoding="ascii").split()[:2]
    except OSError:
        return 0, 0
    page = os.sysconf("SC_PAGE_SIZE")
    return int(size) * page, int(resident) * page


def _reset_peak() -> None:
    """Make the kernel measure the peak of the memory anew, where it can."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def _peak_megabytes() -> float | None:
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        status = ""
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024, 1)
    if resource is None:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (_MEGABYTE if sys.platform == "darwin" else 1024), 1)
