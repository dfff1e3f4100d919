"""Specs that do to a worker process what bad luck does: computed like any other, they end it, stall it or fill it."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

FAMILY = {"family": "relu", "widths": [2, 2, 2]}
_FOREVER = 60


class Evil(Mapping[str, Any]):
    """A mapping that is read once, in the worker."""

    def __init__(self, deed: str, argument: Any = None) -> None:
        self.deed, self.argument = deed, argument

    def __contains__(self, key: object) -> bool:
        getattr(self, self.deed)()
        return key in FAMILY

    def __getitem__(self, key: str) -> Any:
        return FAMILY[key]

    def __iter__(self) -> Iterator[str]:
        return iter(FAMILY)

    def __len__(self) -> int:
        return len(FAMILY)

    def abort(self) -> None:
        """As FLINT does when it has no memory left."""
        os.abort()

    def crash(self) -> None:
        ctypes.string_at(0)

    def be_killed(self) -> None:
        """As the kernel does when the machine has no memory left."""
        os.kill(os.getpid(), signal.SIGKILL)

    def be_killed_once(self) -> None:
        """The same, but only for the first one who gets to remove the file."""
        try:
            os.remove(self.argument)  # noqa: PTH107
        except FileNotFoundError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

    def leave(self) -> None:
        os._exit(3)

    def sleep(self) -> None:
        time.sleep(_FOREVER)

    def swallow(self) -> None:
        """A loop that stops at no exception that it can catch."""
        end = time.monotonic() + _FOREVER
        while time.monotonic() < end:
            try:
                time.sleep(0.01)
            except Exception:  # noqa: BLE001, S112
                continue

    def hang_in_c(self) -> None:
        """No signal arrives, and the interpreter lock is held, as in a long call of a C library."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        ctypes.PyDLL(None).sleep(_FOREVER)

    def fill(self) -> None:
        self.memory = np.zeros(2**34)

    def fill_in_c(self) -> None:
        import flint

        self.memory = [flint.nmod_mat(4000, 4000, 7) for _ in range(100)]

    def fail(self) -> None:
        raise RuntimeError("a mistake\nin the engine")

    def be_slow(self) -> None:
        time.sleep(self.argument)
