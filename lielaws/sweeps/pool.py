"""A pool of worker processes whose members may die: which case each of them was at, and why it ended."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.util import Finalize
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from lielaws.errors import LieLawsError
from lielaws.sweeps.compute import Outcome, failed
from lielaws.sweeps.limits import Limits
from lielaws.sweeps.starting import quiet_start
from lielaws.sweeps.worker import ready, run_case, start_worker

_LONGEST_START = 300.0
_EARLY = 100


class Pool:
    """The standard pool of processes, started afresh, with a journal of each worker."""

    def __init__(self, jobs: int, limits: Limits) -> None:
        self.limits = limits
        try:
            self.folder = Path(mkdtemp(prefix="lielaws-"))
        except OSError as error:
            remedy = "set TMPDIR to another place"
            raise LieLawsError(f"no temporary folder can be made ({error.strerror}); {remedy}") from error
        self.executor = ProcessPoolExecutor(
            jobs,
            # Forked processes would inherit locks and threads in any state.
            mp_context=multiprocessing.get_context("spawn"),
            initializer=start_worker,
            initargs=(str(self.folder), limits),
        )
        # Also for pools that nobody closes, such as those of threads that end; and before multiprocessing waits for the
        # workers when this process ends.
        self._end = Finalize(self, _end, (self.executor, self.folder), exitpriority=_EARLY)

    def check(self) -> None:
        """Wait for the first worker. Raises LieLawsError if none starts."""
        try:
            with quiet_start():
                probe = self.executor.submit(ready)
            probe.result(_LONGEST_START)
        except (BrokenProcessPool, TimeoutError, OSError) as error:
            remedy = "is there too little memory, or a memory limit that is too low?"
            raise LieLawsError(f"the worker processes do not start; {remedy}") from error

    def submit(self, question: Mapping[str, Any]) -> Future[Outcome]:
        """Compute a case. Raises BrokenProcessPool if a worker has died."""
        with quiet_start():
            return self.executor.submit(run_case, question, self.limits)

    def journals(self) -> dict[str, str]:
        """For each case that a worker was at: what it said last, which is empty unless it ended by itself."""
        found = {}
        for path in self.folder.iterdir():
            with suppress(OSError):
                key, _, rest = path.read_text(encoding="utf-8", errors="replace").partition("\n")
                if key:
                    found[key] = rest.strip()
        return found

    def close(self) -> None:
        """End the workers now, whatever they are doing."""
        self._end()


def _end(executor: ProcessPoolExecutor, folder: Path) -> None:
    # All of them, as one that is killed alone may hold the lock that another one waits for.
    for process in list((executor._processes or {}).values()):  # noqa: SLF001  kill_workers() from Python 3.14
        process.kill()
    executor.shutdown(wait=True, cancel_futures=True)
    shutil.rmtree(folder, ignore_errors=True)


def ended_itself(said: str) -> bool:
    """Whether a journal tells that the process ended in its case; what else it says may be a mere warning."""
    return "Timeout (" in said or "Fatal Python error" in said


def blame(said: str, limits: Limits) -> Outcome:
    """The outcome of a case that ended its process, from what the process said."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if any(line.startswith("Timeout (") for line in lines):
        return failed(f"time limit of {limits.seconds:g} s exceeded")
    memory = "" if limits.megabytes is None else f"; the memory limit is {limits.megabytes:g} MB"
    if "allocate" in said or "memory" in said.lower():
        return failed(f"out of memory{memory}")
    if not lines:
        return failed(f"its process ended without a word, as when it is killed for lack of memory{memory}")
    reason = next((line for line in lines if line.startswith("Fatal")), lines[0])
    return failed(f"its process ended: {reason}{memory}")
