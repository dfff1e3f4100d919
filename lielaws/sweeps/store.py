"""Results while they are written: one transaction for each case, so that nothing done is lost, whatever happens."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lielaws.errors import InvalidArgumentError, LieLawsError
from lielaws.sweeps.compute import Outcome
from lielaws.sweeps.lock import FileLock
from lielaws.sweeps.schema import APPLICATION, CREATE, VERSION, check_file, insert

_PATIENCE = 60.0
_SYNC_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Known:
    """What the file says of a case: whether it ended in an error, and whether its certificate is there."""

    failed: bool
    certified: bool


class Store:
    """The file of results of a running sweep.

    The certificate of a case is in place before its row is. The database is in write-ahead mode, in which readers do
    not wait; at the end it becomes a single file again.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file, for this process alone.

        Raises InvalidArgumentError if it cannot be written, is no file of results, or another sweep writes to it.
        """
        self.path = path
        self._lock = _locked(path)
        self._synced = 0.0
        try:
            self._connection = self._open()
        except BaseException:
            self._lock.release()
            raise

    @property
    def certificates(self) -> Path:
        """The folder of the certificates."""
        return certificates_of(self.path)

    def _open(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(self.path, isolation_level=None, timeout=_PATIENCE)
        except sqlite3.Error as error:
            raise _unusable(self.path, error) from error
        try:
            known = check_file(connection, self.path)
            # Where shared memory is missing, SQLite keeps its rollback journal.
            connection.execute("PRAGMA journal_mode = WAL")
            if not known:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(CREATE)
                connection.execute(f"PRAGMA application_id = {APPLICATION}")
                connection.execute(f"PRAGMA user_version = {VERSION}")
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            connection.close()
            raise _unusable(self.path, error) from error
        except LieLawsError:
            connection.close()
            raise
        return connection

    def known(self) -> dict[str, Known]:
        """The cases that have a row, by key."""
        rows = self._connection.execute("SELECT key, error, certificate FROM cases")
        return {key: Known(error is not None, self._is_kept(name)) for key, error, name in rows}

    def _is_kept(self, name: str | None) -> bool:
        return name is not None and (self.certificates / name).is_file()

    def write(self, row: Mapping[str, Any], outcome: Outcome) -> None:
        """Keep the outcome of a case. Raises LieLawsError if the disk is full or fails; earlier rows are safe then."""
        whole = {**row, **outcome.row}
        try:
            if outcome.certificate is not None:
                whole["certificate"] = self._keep(row["key"], outcome.certificate)
            self._choose_durability()
            insert(self._connection, whole)
        except (sqlite3.Error, OSError) as error:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            remedy = "what is done so far is kept; make room, and start the sweep again to go on"
            raise LieLawsError(f"results = '{self.path}': a row cannot be written ({reason}); {remedy}") from error

    def _choose_durability(self) -> None:
        """Wait for the disk once a second at most.

        Whatever is committed survives the end of this process; waiting is for the end of the power, which costs a
        second of quick cases, and a slow case never.
        """
        now = time.monotonic()
        is_due = now > self._synced + _SYNC_SECONDS
        self._connection.execute(f"PRAGMA synchronous = {'FULL' if is_due else 'NORMAL'}")
        if is_due:
            self._synced = now

    def _keep(self, key: str, text: str) -> str:
        """Write a certificate so that the file is either whole or not there."""
        self.certificates.mkdir(exist_ok=True)
        name = f"{key}.json"
        temporary = self.certificates / f"{name}.part"
        try:
            with temporary.open("w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.certificates / name)
        except OSError:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        return name

    def close(self) -> None:
        """Merge the log into the file, and let others write."""
        try:
            # Neither a reader nor a full disk is a reason to fail: all rows are in the log, which the next one merges.
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA busy_timeout = 0")
                self._connection.execute("PRAGMA journal_mode = DELETE")
            with suppress(sqlite3.Error):
                self._connection.close()
        finally:
            self._lock.release()


def certificates_of(path: Path) -> Path:
    """The folder of the certificates beside a file of results."""
    return path.with_name(path.name + ".certificates")


def _locked(path: Path) -> FileLock:
    if path.is_dir():
        raise InvalidArgumentError("results", str(path), "this is a directory; give the name of a file")
    if not path.parent.is_dir():
        raise InvalidArgumentError("results", str(path), "there is no such directory; create it first")
    try:
        return FileLock(path.with_name(path.name + ".lock"))
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> InvalidArgumentError:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return InvalidArgumentError("results", str(path), f"it cannot be written ({reason}); give another place")
