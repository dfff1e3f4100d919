"""A sweep that is killed again and again, or that finds no room, ends with the same rows as one that is left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lielaws.errors import LieLawsError
from lielaws.sweeps.results import Results
from tests.unit.sweeps.running import N_QUICK, QUICK, children_of, end_started, is_alive, run, start, timeless, wait_for

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="it needs process groups")


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    yield
    end_started()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """The results of a run that nothing happened to, and how long it took."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "sweep.toml").write_text(QUICK)
    clock = time.monotonic()
    done = run("sweep", folder / "sweep.toml", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    return folder / "sweep.sqlite", time.monotonic() - clock


def rows_of(path: Path) -> dict[str, dict[str, Any]]:
    """The rows by key; none if there is no file yet, or nothing in it."""
    try:
        return {row["key"]: row for row in Results(path)}
    except LieLawsError as error:
        if "there is no such file" in str(error) or "it is empty" in str(error):
            return {}
        raise


def certificates(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.with_name(f"{path.name}.certificates").glob("*.json")}


def same(path: Path, other: Path) -> None:
    rows = Results(path).rows()
    assert len(rows) == N_QUICK
    assert timeless(rows) == timeless(Results(other).rows())
    assert certificates(path) == certificates(other)
    assert {row["certificate"] for row in rows if row["certificate"]} == set(certificates(path))


def kill_again_and_again(folder: Path, moments: Iterable[Callable[[Path], None]]) -> Path:
    """The results after kills of the whole group, each as soon as a function returns, and a last run to the end."""
    (folder / "sweep.toml").write_text(QUICK)
    path = folder / "sweep.sqlite"
    kept: dict[str, dict[str, Any]] = {}
    for moment in moments:
        process = start("sweep", folder / "sweep.toml", "--jobs", "2", "--quiet")
        moment(path)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        found = rows_of(path)
        # Nothing is lost, and nothing is computed twice: the times are still those of the first run.
        assert {key: found[key] for key in kept} == kept
        kept = found
    done = run("sweep", folder / "sweep.toml", "--jobs", "2", "--quiet")
    assert done.returncode == 0, done.stderr
    found = rows_of(path)
    assert {key: found[key] for key in kept} == kept
    assert not path.with_name(f"{path.name}-wal").exists()
    return path


def test_kill_9(tmp_path: Path, undisturbed: tuple[Path, float]) -> None:
    rng = np.random.default_rng(3)

    def after(count: int) -> Callable[[Path], None]:
        def moment(path: Path) -> None:
            wait_for(lambda: len(rows_of(path)) >= count)
            time.sleep(rng.uniform(0, 0.05))

        return moment

    same(kill_again_and_again(tmp_path, map(after, (1, 9, 21, 40))), undisturbed[0])


@pytest.mark.slow
def test_kill_9_at_20_moments(tmp_path: Path, undisturbed: tuple[Path, float]) -> None:
    other, seconds = undisturbed
    moments = np.random.default_rng(4).uniform(0.0, 1.1, 20) * seconds
    same(kill_again_and_again(tmp_path, (lambda _, moment=moment: time.sleep(moment) for moment in moments)), other)


def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    if not Path("/proc/self/task").exists():
        pytest.skip("it looks into /proc")
    (tmp_path / "sweep.toml").write_text('[[sweep]]\nspec = ["relu:2-2-2", "linear+bias:40-40-40-40-40"]\n')
    process = start("sweep", tmp_path / "sweep.toml", "--jobs", "2", "--quiet")
    wait_for(lambda: rows_of(tmp_path / "sweep.sqlite"))
    children = children_of(process.pid)
    assert len(children) >= 2
    process.kill()
    process.communicate()
    wait_for(lambda: not any(map(is_alive, children)), 10)


def test_ctrl_c_stops_cleanly_and_the_same_command_goes_on(tmp_path: Path, undisturbed: tuple[Path, float]) -> None:
    (tmp_path / "sweep.toml").write_text(QUICK)
    path = tmp_path / "sweep.sqlite"
    process = start("sweep", tmp_path / "sweep.toml", "--jobs", "2")
    wait_for(lambda: len(rows_of(path)) > 8)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    if process.returncode == 0:
        pytest.skip("the sweep was done before the signal came")
    assert process.returncode == 130
    assert out == ""
    assert err.strip().splitlines()[-1].endswith("the same command goes on")
    assert "Traceback" not in err
    kept = rows_of(path)
    assert 8 < len(kept) < N_QUICK
    assert not path.with_name(f"{path.name}-wal").exists()
    assert run("sweep", tmp_path / "sweep.toml", "--jobs", "1").returncode == 0
    found = rows_of(path)
    assert {key: found[key] for key in kept} == kept
    same(path, undisturbed[0])


def test_a_full_disk(tmp_path: Path, undisturbed: tuple[Path, float]) -> None:
    import resource

    (tmp_path / "sweep.toml").write_text(QUICK)
    path = tmp_path / "sweep.sqlite"

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60 * 1024, resource.RLIM_INFINITY))

    done = run("sweep", tmp_path / "sweep.toml", "--jobs", "1", "--quiet", preexec_fn=limited)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("lielaws: results = ")
    assert done.stderr.count("\n") == 1
    assert "what is done so far is kept" in done.stderr
    kept = rows_of(path)
    assert 0 < len(kept) < N_QUICK
    again = run("sweep", tmp_path / "sweep.toml", "--jobs", "1", "--quiet")
    assert again.returncode == 0, again.stderr
    found = rows_of(path)
    assert {key: found[key] for key in kept} == kept
    same(path, undisturbed[0])


def test_two_sweeps_on_one_file(tmp_path: Path) -> None:
    count = {"n": 20, "m": 15}
    ranges = ", ".join(f"{name} = {{from = 1, to = {last}}}" for name, last in count.items())
    text = f'[[sweep]]\nspec = "linear:{{n}}-1-{{m}}"\nvariables = {{{ranges}}}\n'
    (tmp_path / "sweep.toml").write_text(text)
    path = tmp_path / "sweep.sqlite"
    first = start("sweep", tmp_path / "sweep.toml", "--jobs", "1", "--quiet")
    wait_for(lambda: rows_of(path))
    # It pauses in the middle, so that it is not done before a slow machine has started the second one.
    first.send_signal(signal.SIGSTOP)
    try:
        assert 0 < len(rows_of(path)) < count["n"] * count["m"]
        second = run("sweep", tmp_path / "sweep.toml", "--jobs", "1", "--quiet")
        assert second.returncode == 2
        assert "another sweep" in second.stderr
        assert second.stderr.count("\n") == 1
        # Who only reads need not wait.
        assert run("results", path).returncode == 0
    finally:
        first.send_signal(signal.SIGCONT)
        out, _ = first.communicate(timeout=100)
    assert first.returncode == 0, out
    assert len(rows_of(path)) == count["n"] * count["m"]
    assert not path.with_name(f"{path.name}.lock").exists()


@pytest.mark.slow
def test_many_sweeps_at_the_same_moment(tmp_path: Path) -> None:
    (tmp_path / "sweep.toml").write_text('[[sweep]]\nspec = "linear:{n}-1-1"\nvariables = {n = {from = 1, to = 9}}')
    together: list[subprocess.Popen[str]] = [
        start("sweep", tmp_path / "sweep.toml", "--jobs", "1", "--quiet") for _ in range(3)
    ]
    ends = [process.communicate(timeout=100) for process in together]
    codes = sorted(process.returncode for process in together)
    assert codes[0] == 0
    assert set(codes) <= {0, 2}
    assert all("another sweep" in err for (_, err), process in zip(ends, together, strict=True) if process.returncode)
    assert len(rows_of(tmp_path / "sweep.sqlite")) == 9
