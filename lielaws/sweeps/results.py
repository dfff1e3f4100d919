"""Results of a sweep, read: rows as plain mappings, to be filtered, arranged and exported."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lielaws.errors import InvalidArgumentError, LieLawsError
from lielaws.sweeps.comparisons import Comparison, read_comparison
from lielaws.sweeps.naming import known_names, lookup, values_of
from lielaws.sweeps.schema import check_file, unpacked
from lielaws.sweeps.tabular import Table, pivoted

if TYPE_CHECKING:
    from lielaws.certificate.record import Certificate

_T = TypeVar("_T")
_PATIENCE = 30.0
_WAITS = (0.01, 0.05, 0.2, 0.5)
_ORDER = "SELECT * FROM cases ORDER BY family, flow, n_parameters, architecture, key"


@dataclass(frozen=True, init=False)
class Results:
    """The rows of a file of results, or those that fulfil conditions.

    Iteration gives plain mappings, in an order that does not depend on the run; the file is read anew each time, also
    while a sweep writes to it. Columns: see `lielaws.sweeps.schema.COLUMNS`.
    """

    path: Path
    filters: tuple[Comparison, ...] = field(default=(), repr=False)

    def __init__(self, path: str | os.PathLike[str], filters: Sequence[Comparison] = ()) -> None:
        """Raises InvalidArgumentError for a file that is missing or no file of results."""
        if not isinstance(path, str | os.PathLike):
            raise InvalidArgumentError("results", path, "the name of a file of results is needed")
        object.__setattr__(self, "path", Path(path))
        object.__setattr__(self, "filters", tuple(filters))
        _read(self.path, lambda connection: None)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows())

    def __len__(self) -> int:
        return len(self.rows())

    def rows(self) -> list[dict[str, Any]]:
        """All rows."""
        found = _read(self.path, lambda connection: [unpacked(values) for values in connection.execute(_ORDER)])
        return self._fulfilling(found)

    def _fulfilling(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if not self.filters or not rows:
            return rows
        nothing = dict.fromkeys(known_names(rows))
        for condition in self.filters:
            rows = [row for row in rows if condition.holds(nothing | values_of(row))]
        return rows

    def filter(self, *conditions: str) -> Results:
        """The rows for which conditions hold, such as "D <= 60", "widths[1] > 2" or "family == relu"."""
        return Results(self.path, (*self.filters, *map(read_comparison, conditions)))

    @property
    def errors(self) -> tuple[dict[str, Any], ...]:
        """The rows of cases that failed."""
        return tuple(row for row in self.rows() if row["error"] is not None)

    def column(self, name: str) -> list[Any]:
        """The values of a column, of a size, or of an expression such as "widths[1]" or "n + m", row by row."""
        return lookup(name, self.rows(), "column")

    def certificate(self, key: str) -> Certificate:
        """The certificate of the row with this key. Raises CertificateError if there is none."""
        from lielaws.certificate.record import Certificate
        from lielaws.sweeps.store import certificates_of

        return Certificate.load(certificates_of(self.path) / f"{key}.json")

    def pivot(self, rows: str, columns: str, value: str = "n_laws") -> Table:
        """A table over two sizes; an entry with several values shows all of them."""
        return pivoted(self.rows(), rows, columns, value)

    def table(self, columns: Sequence[str] | None = None) -> Table:
        """The rows as a table to be printed; by default of the columns that say most."""
        from lielaws.sweeps.tabular import listing

        return listing(self.rows(), columns)

    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str:
        """The rows as CSV, one column for each size; also written to a file if one is given."""
        from lielaws.sweeps.export import csv_text, written

        return written(csv_text(self.rows()), path)

    def to_jsonl(self, path: str | os.PathLike[str] | None = None) -> str:
        """The rows as JSON lines; also written to a file if one is given."""
        from lielaws.sweeps.export import jsonl_text, written

        return written(jsonl_text(self.rows()), path)

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """The rows as a Parquet file, with the columns of the CSV. Needs the extra `parquet`."""
        from lielaws.sweeps.export import write_parquet

        write_parquet(self.rows(), path)

    def to_pandas(self) -> Any:
        """The rows as a pandas DataFrame, with the columns of the CSV, and an accessor `frame.lielaws`."""
        from lielaws.sweeps.frames import frame_of

        return frame_of(self.rows())

    def summary(self) -> dict[str, int]:
        """How many rows there are, with a complete list of laws, with a gap, only counted, and with an error."""
        rows = self.rows()
        failed = sum(row["error"] is not None for row in rows)
        searched = [row for row in rows if row["error"] is None and row["find_laws"]]
        complete = sum(bool(row["complete"]) for row in searched)
        counted = len(rows) - failed - len(searched)
        gaps = len(searched) - complete
        return {"cases": len(rows), "complete": complete, "gaps": gaps, "counted": counted, "errors": failed}


def results(path: str | os.PathLike[str]) -> Results:
    """The results of a sweep. Raises InvalidArgumentError for a file that is missing or no file of results."""
    return Results(path)


def settings_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords with which `lielaws.discover_laws(row["spec"], ...)` answers the question of a row again.

    Together with "spec" or family and sizes, all but `find_laws` are keys of a table of a sweep, too.
    """
    flow = row["flow"]
    flow = json.loads(flow) if flow.startswith("{") else flow
    found = {"flow": flow, **{name: row[name] for name in ("loss", "gates", "max_degree", "seed", "find_laws")}}
    return found if row["parameters"] is None else {**found, "parameters": row["parameters"]}


def _read(path: Path, use: Callable[[sqlite3.Connection], _T]) -> _T:
    """What a function makes of the open file.

    Again where it cannot be read: a sweep may be starting, ending, or recovering from a kill at this very moment.
    """
    for wait in (*_WAITS, None):
        try:
            with closing(_connected(path)) as connection:
                return use(connection)
        except (sqlite3.Error, ValueError) as error:
            if isinstance(error, LieLawsError):
                raise
            if wait is None:
                raise InvalidArgumentError("results", str(path), f"it cannot be read ({error})") from error
        time.sleep(wait)
    raise AssertionError("the last turn returns or raises")


def _connected(path: Path) -> sqlite3.Connection:
    if path.is_dir():
        raise InvalidArgumentError("results", str(path), "this is a directory; give the path of a file")
    try:
        exists = path.is_file()
    except (OSError, ValueError):
        exists = False
    if not exists:
        raise InvalidArgumentError("results", str(path), "there is no such file; check the path")
    try:
        return _opened(path, "mode=ro")
    except sqlite3.OperationalError:
        # In a folder that cannot be written, a database with a log is only readable as one that does not change.
        log = path.with_name(f"{path.name}-wal")
        if os.access(path.parent, os.W_OK) or (log.exists() and log.stat().st_size):
            raise
        return _opened(path, "mode=ro&immutable=1")


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=_PATIENCE)
    connection.row_factory = sqlite3.Row
    try:
        if not check_file(connection, path):
            raise InvalidArgumentError("results", str(path), "it is empty; run the sweep first")
    except BaseException:
        connection.close()
        raise
    return connection
