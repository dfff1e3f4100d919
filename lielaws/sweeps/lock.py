"""A lock that the system takes back when its process ends, however it ends."""

from __future__ import annotations

import os
from pathlib import Path

from lielaws.errors import InvalidArgumentError


class FileLock:
    """An exclusive lock on a side file, which is removed at the end."""

    def __init__(self, path: Path) -> None:
        """Take the lock. Raises InvalidArgumentError if another process has it, OSError if the file cannot be made."""
        self.path = path
        while True:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            if not _lock(self._descriptor):
                os.close(self._descriptor)
                raise InvalidArgumentError(
                    "results",
                    str(path.with_suffix("")),
                    "another sweep writes to it; wait for its end, or use a new file",
                )
            if self._is_current():
                return
            # Its holder removed the file after we had opened it.
            os.close(self._descriptor)

    def _is_current(self) -> bool:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return False
        own = os.fstat(self._descriptor)
        return (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino)

    def release(self) -> None:
        """Give the lock back."""
        try:
            if os.name != "nt":  # an open file cannot be removed there
                self.path.unlink(missing_ok=True)
        except OSError:
            pass  # such as a folder that became read-only: an unlocked side file does no harm
        os.close(self._descriptor)


def _lock(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:
        return _lock_windows(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_windows(descriptor: int) -> bool:
    import msvcrt

    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]  # not there elsewhere
    except OSError:
        return False
    return True
