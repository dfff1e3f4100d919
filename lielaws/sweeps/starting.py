"""How worker processes are started: without the caller's script, without its Ctrl-C, with one thread each."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from lielaws.sweeps.worker import THREAD_VARIABLES

_one_at_a_time = threading.Lock()


@contextmanager
def quiet_start() -> Iterator[None]:
    """Processes that are started inside do not run the main script again, and inherit a mask that keeps SIGINT away.

    A spawned process imports the main script of its parent, which would start the sweep anew in scripts without
    `if __name__ == "__main__"`; workers need nothing of it. Numbers of threads are read from the environment when numpy
    is imported, so it is changed before. Dask runs its workers as daemons, which Python does not allow to have
    children; the workers here end with their parent by themselves.
    """
    with _one_at_a_time:
        yield from _changed()


def _changed() -> Iterator[None]:
    main = sys.modules["__main__"]
    config = multiprocessing.current_process()._config  # type: ignore[attr-defined]  # noqa: SLF001
    daemon = config.get("daemon")
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    mask = _block()
    try:
        sys.modules["__main__"] = ModuleType("__main__")
        config["daemon"] = False
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
        yield
    finally:
        sys.modules["__main__"] = main
        config["daemon"] = daemon
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _block() -> set[signal.Signals | int] | None:
    if not hasattr(signal, "pthread_sigmask"):
        return None
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}))
