"""A whole sweep: rows, resuming, certificates, executors, scripts; and files that cannot be used."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import lielaws
from lielaws.errors import LieLawsError
from lielaws.sweeps import foreign, run, store
from lielaws.sweeps.limits import Limits
from lielaws.sweeps.results import Results, settings_of
from lielaws.sweeps.schema import COLUMNS
from lielaws.sweeps.worker import run_case
from tests.unit.sweeps.running import timeless

FEW = ["relu:2-3-2", "linear:1-2-2-1", {"family": "glu", "d_model": 2, "hidden": 2}]


FLOWS = ["gradient", "heavy_ball:1", lielaws.MirrorFlow("entropic", ["W1"])]


class Inline(Executor):
    """Runs what it is given at once, as far as a test about files needs it."""

    def __init__(self) -> None:
        self.computed: list[str] = []

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if function is foreign.run_isolated:
            self.computed.append(args[0]["key"])
            future.set_result(run_case(args[0], Limits(None, None)))
        else:
            future.set_result(function(*args, **kwargs))
        return future


@pytest.fixture
def inline() -> Inline:
    return Inline()


def test_rows_are_what_discover_laws_says(tmp_path: Path) -> None:
    tables = [{"spec": FEW[:2], "flow": FLOWS}, {"spec": FEW[2], "parameters": ["A", "C"], "seed": 5}]
    found = lielaws.sweep({"sweep": tables}, tmp_path / "a.sqlite", jobs=2)
    assert len(found) == 7
    for row in found:
        report = lielaws.discover_laws(row["spec"], **settings_of(row))
        assert list(row) == list(COLUMNS)
        assert row["architecture"] == report.name
        assert (row["n_parameters"], row["dimension"]) == (report.n_parameters, report.dimension)
        assert (row["n_laws"], row["n_found"], row["n_symmetries"]) == (
            report.n_laws,
            len(report.laws),
            report.n_symmetries,
        )
        assert (row["growth"], row["complete"]) == (list(report.growth), report.complete)
        assert row["laws"] == [str(group) for group in report.groups]
        assert (row["error"], row["certificate"], row["loss"]) == (None, None, "any")
        assert row["versions"]["python"] == sys.version.split()[0]
        assert 0 < row["seconds"] < 60
        assert row["started"] <= row["finished"]


def test_what_is_done_is_not_done_again(tmp_path: Path, inline: Inline) -> None:
    calls: list[tuple[str, int, int]] = []
    first = lielaws.sweep(FEW[:2], tmp_path / "a.sqlite", executor=inline).rows()
    again = lielaws.sweep(
        FEW[:2], tmp_path / "a.sqlite", executor=inline, progress=lambda *now: calls.append(now)
    ).rows()
    assert again == first
    assert calls == [("sweep", 2, 2)]
    more = lielaws.sweep(
        FEW[1:], tmp_path / "a.sqlite", executor=inline, progress=lambda *now: calls.append(now)
    ).rows()
    assert calls[1:] == [("sweep", 1, 2), ("sweep", 2, 2)]
    assert len(inline.computed) == len(set(inline.computed)) == len(more) == 3
    assert all(row in more for row in first)


def test_errors_are_kept_until_somebody_asks_to_try_again(tmp_path: Path) -> None:
    cases = ["linear+bias:30-30-30-30-30", "relu:2-2-2"]
    path = tmp_path / "a.sqlite"
    first = lielaws.sweep(cases, path, jobs=1, time_limit=0.3)
    (failed,) = first.errors
    assert failed["error"] == "time limit of 0.3 s exceeded"
    assert (failed["architecture"], failed["n_parameters"]) == ("linear+bias:30-30-30-30-30", 3690)
    assert lielaws.sweep(cases, path, jobs=1).rows() == first.rows()
    (again,) = lielaws.sweep(cases, path, jobs=1, time_limit=0.4, retry_errors=True).errors
    assert again["error"] == "time limit of 0.4 s exceeded"
    assert len(Results(path)) == 2


def test_certificates_are_added_and_valid(tmp_path: Path, inline: Inline) -> None:
    path = tmp_path / "a.sqlite"
    lielaws.sweep(FEW, path, executor=inline)
    found = lielaws.sweep(FEW, path, executor=inline, certificates=True)
    assert len(inline.computed) == 6
    for row in found:
        assert row["certificate"] == f"{row['key']}.json"
        certificate = found.certificate(row["key"])
        assert certificate.upper_bound == row["n_laws"]
        assert lielaws.verify(certificate).valid
    removed = next(iter(found))["key"]
    (tmp_path / "a.sqlite.certificates" / f"{removed}.json").unlink()
    lielaws.sweep(FEW, path, executor=inline, certificates=True)
    lielaws.sweep(FEW, path, executor=inline)
    assert inline.computed[6:] == [removed]
    with pytest.raises(LieLawsError):
        found.certificate("nothing")


def test_impossible_cases_are_rows(tmp_path: Path, inline: Inline) -> None:
    table = {"spec": "relu:{n}-{n-1}-1", "variables": {"n": [1, 2]}, "loss": ["any", "cross_entropy"]}
    found = {
        (row["sizes"]["n"], row["loss"]): row for row in lielaws.sweep({"sweep": table}, tmp_path / "a.sqlite", jobs=1)
    }
    assert "sizes start at 1" in found[1, "any"]["error"]
    assert "at least two outputs" in found[2, "cross_entropy"]["error"]
    assert found[2, "cross_entropy"]["n_parameters"] == 3
    assert found[2, "any"]["error"] is None
    assert found[1, "any"]["family"] == "relu"


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_executors_of_others(kind: Any, tmp_path: Path) -> None:
    import multiprocessing

    settings = {"mp_context": multiprocessing.get_context("spawn")} if kind is ProcessPoolExecutor else {}
    with kind(1, **settings) as executor:
        found = lielaws.sweep(FEW, tmp_path / "a.sqlite", executor=executor)
    assert timeless(found.rows()) == timeless(lielaws.sweep(FEW, tmp_path / "b.sqlite", executor=Inline()).rows())


SCRIPT = """
import lielaws
print(len(lielaws.sweep(["relu:2-2-2", "relu:1-2-2"], "a.sqlite", jobs=2)))
"""


@pytest.mark.parametrize("by", ["file", "stdin"])
def test_a_script_needs_no_main_guard(by: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    arguments = ["script.py"] if by == "file" else ["-"]
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path,
        input=SCRIPT if by == "stdin" else None,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env=os.environ | {"PYTHONWARNINGS": "error"},
    )
    assert (done.stdout, done.stderr) == ("2\n", "")


def test_the_environment_is_as_before(tmp_path: Path) -> None:
    before = dict(os.environ), sys.modules["__main__"]
    lielaws.sweep(FEW[:1], tmp_path / "a.sqlite", jobs=1)
    assert (dict(os.environ), sys.modules["__main__"]) == before


class Broken(Executor):
    """Fails as soon as there is something to compute."""

    # Without an address, as the names of tests must be the same in all processes.
    def __repr__(self) -> str:
        return "Broken()"

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        raise RuntimeError("no workers\nat all")


BAD: list[dict[str, Any]] = [
    {"jobs": 0},
    {"jobs": 1.5},
    {"jobs": True},
    {"executor": "threads"},
    {"executor": "dask"},
    {"executor": 3},
    {"executor": ThreadPoolExecutor},
    {"executor": Broken()},
    {"scheduler": "tcp://127.0.0.1:1"},
    {"time_limit": 0},
    {"time_limit": -1},
    {"time_limit": float("nan")},
    {"time_limit": "soon"},
    {"time_limit": [1]},
    {"memory_limit": 1},
    {"memory_limit": float("inf")},
    {"memory_limit": True},
    {"results": None},
    {"results": ""},
    {"results": 3},
]


@pytest.mark.parametrize("settings", BAD, ids=str)
def test_bad_settings(settings: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(LieLawsError) as caught:
        lielaws.sweep(FEW, **({"results": tmp_path / "a.sqlite", "executor": "processes"} | settings))
    assert "\n" not in str(caught.value)


def database(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def spoil(path: Path, how: str) -> None:
    if how == "text":
        path.write_text("this is no database, but long enough to look like one " * 50)
    elif how == "other tables":
        database(path, "CREATE TABLE t (x)")
    elif how == "other program":
        database(path, "PRAGMA application_id = 7")
    elif how == "later version":
        lielaws.sweep(["relu:1-1"], path, executor=Inline())
        database(path, "PRAGMA user_version = 2")
    elif how == "directory":
        path.mkdir()


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("text", "no file of results"),
        ("other tables", "another program"),
        ("other program", "another program"),
        ("later version", "version 2, this lielaws knows version 1"),
        ("directory", "directory"),
    ],
)
def test_files_of_others_are_left_alone(how: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    spoil(path, how)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(LieLawsError, match=expected) as caught:
        lielaws.sweep(FEW, path, executor=Inline())
    assert str(path) in str(caught.value)
    with pytest.raises(LieLawsError, match=expected):
        lielaws.results(path)
    assert before is None or path.read_bytes() == before
    assert {entry.name for entry in tmp_path.iterdir()} == {"a.sqlite"}


def test_an_empty_file_is_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    path.touch()
    with pytest.raises(LieLawsError, match="it is empty"):
        lielaws.results(path)
    assert len(lielaws.sweep(["relu:1-1"], path, executor=Inline())) == 1


def unwritable(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "missing" / "a.sqlite"
    yield Path("/proc/a.sqlite")
    if os.name != "nt" and os.geteuid() != 0:
        (tmp_path / "locked").mkdir(mode=0o500)
        yield tmp_path / "locked" / "a.sqlite"


def test_places_that_cannot_be_written(tmp_path: Path, inline: Inline) -> None:
    for path in unwritable(tmp_path):
        with pytest.raises(LieLawsError, match="results = "):
            lielaws.sweep(FEW, path, executor=inline)
    assert not inline.computed


def test_read_only_results_are_readable(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    lielaws.sweep(FEW, path, executor=Inline())
    path.chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        assert len(lielaws.results(path)) == 3
    finally:
        tmp_path.chmod(0o700)


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    first = store.Store(path)
    with pytest.raises(LieLawsError, match="another sweep writes to it"):
        store.Store(path)
    first.close()
    store.Store(path).close()
    assert {entry.name for entry in tmp_path.iterdir()} == {"a.sqlite"}


@pytest.mark.parametrize(
    "error", [sqlite3.OperationalError("database or disk is full"), OSError(28, "No space left on device")]
)
def test_a_write_error_loses_nothing(error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Any] = []
    insert = store.insert

    def failing(connection: Any, row: Any) -> None:
        if len(written) == 2:
            raise error
        written.append(row)
        insert(connection, row)

    path = tmp_path / "a.sqlite"
    with monkeypatch.context() as patch:
        patch.setattr(store, "insert", failing)
        with pytest.raises(LieLawsError, match="what is done so far is kept"):
            lielaws.sweep(FEW, path, executor=Inline(), certificates=True)
    assert {row["key"] for row in lielaws.results(path)} == {row["key"] for row in written}
    rest = Inline()
    found = lielaws.sweep(FEW, path, executor=rest, certificates=True)
    assert len(rest.computed) == 1
    assert timeless(found.rows()) == timeless(
        lielaws.sweep(FEW, tmp_path / "b.sqlite", executor=Inline(), certificates=True).rows()
    )


def test_a_certificate_is_there_before_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    insert = store.insert

    def checked(connection: Any, row: Any) -> None:
        assert (tmp_path / "a.sqlite.certificates" / row["certificate"]).is_file()
        insert(connection, row)

    monkeypatch.setattr(store, "insert", checked)
    assert len(lielaws.sweep(FEW, tmp_path / "a.sqlite", executor=Inline(), certificates=True)) == 3


def test_the_default_memory_limit_is_a_share_of_the_machine() -> None:
    one, four = (run._share_of_memory(jobs) for jobs in (1, 4))
    assert one is not None
    assert four is not None
    assert 512 <= four <= one


def test_whatever_stops_a_sweep_ends_its_processes(tmp_path: Path) -> None:
    import multiprocessing

    def stop(stage: str, done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        lielaws.sweep([*FEW, "linear+bias:40-40-40-40-40"], tmp_path / "a.sqlite", jobs=2, progress=stop)
    # While the exception is still around, and with it all that its traceback holds.
    assert caught.value is not None
    assert not multiprocessing.active_children()
    assert len(lielaws.results(tmp_path / "a.sqlite")) == 1
