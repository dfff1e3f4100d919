"""Cases on executors that others made: any of `concurrent.futures`."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait

from lielaws.errors import LieLawsError
from lielaws.sweeps.compute import Outcome, failed, versions
from lielaws.sweeps.limits import Limits
from lielaws.sweeps.local import Alone, Question

_MOST_FLYING = 256
_PROBE_SECONDS = 300.0
_idle: list[Alone] = []
_guard = threading.Lock()


def run_isolated(question: Question, limits: Limits) -> Outcome:
    """Compute a case in a process of its own, which is kept for the next one; called by threads of an executor.

    The limits hold as on one machine, in threads, too, and whatever happens to the process, the executor survives.
    """
    alone = _taken(limits)
    try:
        return alone.run(question)
    finally:
        with _guard:
            _idle.append(alone)


def _taken(limits: Limits) -> Alone:
    with _guard:
        fitting = [alone for alone in _idle if alone.limits == limits]
        if not fitting:
            return Alone(limits)
        _idle.remove(fitting[-1])
        return fitting[-1]


def end_isolated() -> None:
    """End the processes that :func:`run_isolated` keeps and that have nothing to do."""
    with _guard:
        ended = _idle.copy()
        _idle.clear()
    for alone in ended:
        alone.close()


def run_on(
    executor: Executor, questions: Iterable[Question], limits: Limits
) -> Generator[tuple[str, Outcome], None, None]:
    """The outcomes of cases by key, in the order in which the executor has them.

    Raises LieLawsError if the executor cannot run lielaws or does not work any more.
    """
    _probe(executor)
    waiting = deque(questions)
    flying: dict[Future[Outcome], Question] = {}
    window = min(_MOST_FLYING, 4 * max(_workers(executor), os.cpu_count() or 1))
    try:
        while waiting or flying:
            while waiting and len(flying) < window:
                question = waiting.popleft()
                flying[_submitted(executor, question, limits)] = question
            done, _ = wait(flying, return_when=FIRST_COMPLETED)
            for future in done:
                question = flying.pop(future)
                yield question["key"], _outcome(future)
    finally:
        for future in flying:
            future.cancel()
        end_isolated()


def _submitted(executor: Executor, question: Question, limits: Limits) -> Future[Outcome]:
    try:
        return executor.submit(run_isolated, question, limits)
    except RuntimeError as error:
        raise _dead(executor, error) from error


def _outcome(future: Future[Outcome]) -> Outcome:
    try:
        return future.result()
    except (BrokenExecutor, CancelledError) as error:
        raise _dead(None, error) from error
    except LieLawsError:
        raise
    except Exception as error:  # noqa: BLE001  such as a worker of a cluster that died again and again; recorded
        return failed(f"the executor failed: {type(error).__name__}: {error}")


def _dead(executor: Executor | None, error: BaseException) -> LieLawsError:
    name = f"{type(executor).__name__} " if executor is not None else ""
    reason = " ".join(str(error).split()) or type(error).__name__
    return LieLawsError(
        f"the executor {name}does not work any more ({reason}); what is done is kept, start again to go on"
    )


def _probe(executor: Executor) -> None:
    """Refuse an executor that cannot run lielaws before thousands of cases fail on it."""
    try:
        executor.submit(versions).result(_PROBE_SECONDS)
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise LieLawsError(f"executor = {type(executor).__name__}: it cannot run lielaws ({reason})") from error


def _workers(executor: Executor) -> int:
    found = getattr(executor, "_max_workers", 1)
    return found if isinstance(found, int) else 1
