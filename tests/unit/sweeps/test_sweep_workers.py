"""Workers that fail, hang, fill the memory or die: each case gets its error, and the others their answers."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lielaws.errors import LieLawsError
from lielaws.sweeps.case import Case
from lielaws.sweeps.foreign import run_on
from lielaws.sweeps.limits import Limits
from lielaws.sweeps.local import run_local
from tests.unit.sweeps.evil import Evil

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the limits are those of POSIX")

LIMITS = Limits(seconds=1.0, megabytes=700.0)
GOOD = {f"good {n}": {"family": "relu", "widths": [2, n, 2]} for n in range(1, 7)}


def questions(**evil: Evil) -> list[dict[str, Any]]:
    base = Case({"family": "relu", "widths": [1, 1]}).question()
    good, bad = ([base | {"key": key, "spec": spec} for key, spec in specs.items()] for specs in (GOOD, evil))
    return good[:3] + bad + good[3:]


def errors(outcomes: Any) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for key, outcome in outcomes:
        assert key not in found
        found[key] = outcome.row["error"]
    return found


def check(found: dict[str, str | None], expected: dict[str, str]) -> None:
    assert {key for key, error in found.items() if error is None} == {key for key in found if key.startswith("good")}
    assert set(found) == set(GOOD) | set(expected)
    for key, text in expected.items():
        assert text in str(found[key]), (key, found[key])


def test_errors_and_mild_limits_do_not_cost_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    from lielaws.sweeps import local

    started: list[local.Pool] = []
    pool = local.Pool
    monkeypatch.setattr(local, "Pool", lambda *given: started.append(pool(*given)) or started[-1])
    evil = questions(fail=Evil("fail"), sleep=Evil("sleep"), swallow=Evil("swallow"), fill=Evil("fill"))
    expected = {
        "fail": "internal error, RuntimeError: a mistake in the engine",
        "sleep": "time limit of 1 s",
        "swallow": "time limit of 1 s",
        "fill": "memory limit of 700 MB",
    }
    check(errors(run_local(evil, 2, LIMITS)), expected)
    assert len(started) == 1


def test_processes_that_die_are_replaced() -> None:
    evil = questions(hang=Evil("hang_in_c"), abort=Evil("abort"), crash=Evil("crash"), killed=Evil("be_killed"))
    expected = {
        "hang": "time limit of 1 s",
        "abort": "Aborted",
        "crash": "Segmentation fault",
        "killed": "without a word",
    }
    check(errors(run_local(evil, 2, LIMITS)), expected)


def test_c_libraries_that_abort_for_lack_of_memory() -> None:
    check(
        errors(run_local(questions(fill=Evil("fill_in_c"), leave=Evil("leave")), 2, LIMITS)),
        {"fill": "out of memory", "leave": "without a word"},
    )


def test_whoever_is_killed_without_being_to_blame_is_computed_again(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    check(
        errors(run_local(questions(**{"good luck": Evil("be_killed_once", str(flag))}), 2, LIMITS)), {"good luck": ""}
    )
    assert not flag.exists()


def test_a_worker_that_is_killed_while_it_waits_is_replaced() -> None:
    import multiprocessing

    base = questions()
    outcomes = run_local([*base, *(q | {"key": f"{q['key']} again"} for q in base)], 1, LIMITS)
    found = {}
    for number, (key, outcome) in enumerate(outcomes):
        found[key] = outcome.row["error"]
        if number == 2:
            (worker,) = multiprocessing.active_children()
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGKILL)
    assert len(found) == 12
    assert set(found.values()) == {None}


def test_stopping_ends_the_processes() -> None:
    import multiprocessing

    outcomes = run_local(questions(sleep=Evil("sleep"), other=Evil("sleep")), 2, Limits(None, None))
    next(outcomes)
    outcomes.close()  # what the cases wait for never comes
    assert not multiprocessing.active_children()


def test_threads_of_any_executor_keep_to_the_limits() -> None:
    evil = questions(sleep=Evil("sleep"), abort=Evil("abort"), fill=Evil("fill"))
    with ThreadPoolExecutor(2) as executor:
        found = errors(run_on(executor, evil, LIMITS))
    check(found, {"sleep": "time limit of 1 s", "abort": "Aborted", "fill": "memory limit"})
    assert threading.active_count() < 20


def test_an_executor_that_is_shut_down_is_an_error() -> None:
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(LieLawsError, match="ThreadPoolExecutor"):
        list(run_on(executor, questions(), LIMITS))


def test_times_and_memory_are_those_of_the_case() -> None:
    outcomes = dict(run_local(questions(slow=Evil("be_slow", 0.1)), 1, LIMITS))
    assert outcomes["slow"].row["seconds"] >= 0.3  # it is asked for three keys
    assert all(40 < outcome.row["memory"] < 400 for outcome in outcomes.values())
