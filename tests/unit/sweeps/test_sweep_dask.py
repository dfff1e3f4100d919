"""Sweeps on a real Dask cluster: a scheduler and several workers on this machine, one of which is killed."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lielaws
from lielaws.errors import LieLawsError
from tests.unit.sweeps.evil import Evil
from tests.unit.sweeps.running import N_QUICK, QUICK, run, timeless

pytestmark = [pytest.mark.dask, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")]
distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=3, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", host="127.0.0.1"
    ) as made:
        yield made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "sweep.toml").write_text(QUICK)
    return tmp_path / "sweep.toml"


def test_a_worker_is_killed_in_the_middle(file: Path, cluster: Any, tmp_path: Path) -> None:
    with distributed.Client(cluster, set_as_default=False) as client:
        victims = list(client.run(os.getpid).values())
    assert len(set(victims)) == 3
    killed: list[int] = []

    def kill_one(stage: str, done: int, total: int) -> None:
        if done >= N_QUICK // 3 and not killed:
            killed.append(victims[0])
            os.kill(victims[0], signal.SIGKILL)

    address = cluster.scheduler_address
    found = lielaws.sweep(file, executor="dask", scheduler=address, progress=kill_one)
    assert killed
    assert len(found) == N_QUICK
    here = lielaws.sweep(file, tmp_path / "here.sqlite", jobs=2)
    assert timeless(found.rows()) == timeless(here.rows())
    assert {row["key"] for row in found.errors} == {row["key"] for row in here.errors}


def test_the_command_line(file: Path, cluster: Any) -> None:
    arguments = ["sweep", file, "--executor", "dask", "--scheduler", cluster.scheduler_address, "--quiet"]
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    assert f"{N_QUICK} cases" in done.stdout


def test_limits_hold_on_a_cluster(cluster: Any) -> None:
    from lielaws.sweeps.case import Case
    from lielaws.sweeps.cluster import Cluster
    from lielaws.sweeps.foreign import run_on
    from lielaws.sweeps.limits import Limits

    base = Case({"family": "relu", "widths": [2, 2, 2]}).question()
    bad = {deed: base | {"key": deed, "spec": Evil(deed)} for deed in ("sleep", "hang_in_c", "abort", "fill")}
    connection = Cluster(cluster.scheduler_address)
    try:
        outcomes = run_on(connection.executor(), [base, *bad.values()], Limits(1.0, 700.0))
        found = {key: outcome.row["error"] for key, outcome in outcomes}
    finally:
        connection.close()
    assert found.pop(base["key"]) is None
    expected = {"sleep": "time limit", "hang_in_c": "time limit", "abort": "Aborted", "fill": "memory limit"}
    assert set(found) == set(expected)
    assert all(text in found[deed] for deed, text in expected.items())


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:{port}", "nonsense", "", None, "ftp://127.0.0.1:1", "host", "a:b", "::", 3]
)
def test_an_unreachable_scheduler(address: Any, tmp_path: Path) -> None:
    scheduler = address.format(port=closed_port()) if isinstance(address, str) else address
    with pytest.raises(LieLawsError, match="scheduler = "):
        lielaws.sweep(["relu:1-1"], tmp_path / "a.sqlite", executor="dask", scheduler=scheduler)
    assert not (tmp_path / "a.sqlite").exists()


def test_something_else_listens_there(tmp_path: Path) -> None:
    """Neither a long wait, nor a client that nobody closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(LieLawsError, match="no Dask scheduler answers there"):
            lielaws.sweep(["relu:1-1"], tmp_path / "a.sqlite", executor="dask", scheduler=address)
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)
    assert not (tmp_path / "a.sqlite").exists()


def test_a_cluster_without_workers(tmp_path: Path) -> None:
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0", host="127.0.0.1") as empty,
        pytest.raises(LieLawsError, match="no workers"),
    ):
        lielaws.sweep(["relu:1-1"], tmp_path / "a.sqlite", executor="dask", scheduler=empty.scheduler_address)
