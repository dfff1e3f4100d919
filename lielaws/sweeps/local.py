"""Cases on worker processes of this machine; one that takes its process down is found, and the others go on."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from lielaws.errors import LieLawsError
from lielaws.sweeps.compute import Outcome, described, failed
from lielaws.sweeps.limits import Limits
from lielaws.sweeps.pool import Pool, blame, ended_itself

Question = Mapping[str, Any]
_MOST_IDLE_BREAKS = 3
_IDLE = "the worker processes end while they compute nothing; what is done is kept"


def run_local(questions: Iterable[Question], jobs: int, limits: Limits) -> Generator[tuple[str, Outcome], None, None]:
    """The outcomes of cases by key, in the order in which they are done.

    Raises LieLawsError if worker processes cannot be started or keep dying without a case.
    """
    waiting = deque(questions)
    idle_breaks = 0
    while waiting:
        lost, journals = yield from _until_broken(waiting, jobs, limits)
        if not lost:
            continue
        guilty = {key for key, said in journals.items() if ended_itself(said)}
        alone = [] if guilty else [question for question in lost if question["key"] in journals]
        idle_breaks = 0 if guilty or alone else idle_breaks + 1
        if idle_breaks > _MOST_IDLE_BREAKS:
            raise LieLawsError(_IDLE)
        for question in lost:
            if question["key"] in guilty:
                yield question["key"], blame(journals[question["key"]], limits)
            elif question not in alone:
                waiting.append(question)
        # Nobody knows which of these was to blame.
        yield from _one_by_one(alone, limits)


def _until_broken(
    waiting: deque[Question], jobs: int, limits: Limits
) -> Generator[tuple[str, Outcome], None, tuple[list[Question], dict[str, str]]]:
    """Outcomes until all is done or a worker dies; returns the cases that were lost, and the journals."""
    flying: dict[Future[Outcome], Question] = {}
    lost: list[Question] = []
    pool = Pool(min(jobs, len(waiting)), limits)
    try:
        pool.check()
        while (waiting or flying) and not lost:
            # Twice as many as there are workers, so that none waits for us.
            while waiting and len(flying) < 2 * jobs + 1 and not lost:
                _submit(pool, waiting, flying, lost)
            done, _ = wait(flying, return_when=FIRST_COMPLETED)
            for future in done:
                question = flying.pop(future)
                outcome = _outcome(future)
                if outcome is None:
                    lost.append(question)
                else:
                    yield question["key"], outcome
        for future, question in flying.items():
            # All of these fail soon, except for those that were done just before.
            outcome = _outcome(future)
            if outcome is None:
                lost.append(question)
            else:
                yield question["key"], outcome
        return lost, pool.journals()
    finally:
        pool.close()


def _submit(
    pool: Pool, waiting: deque[Question], flying: dict[Future[Outcome], Question], lost: list[Question]
) -> None:
    question = waiting.popleft()
    try:
        flying[pool.submit(question)] = question
    except BrokenProcessPool:
        lost.append(question)


def _outcome(future: Future[Outcome]) -> Outcome | None:
    """The outcome of a case; None if its worker died."""
    try:
        return future.result()
    except BrokenProcessPool:
        return None
    except Exception as error:  # noqa: BLE001  such as a result that cannot be sent; recorded
        return failed(described(error))


def _one_by_one(questions: Iterable[Question], limits: Limits) -> Iterator[tuple[str, Outcome]]:
    alone = Alone(limits)
    try:
        for question in questions:
            yield question["key"], alone.run(question)
    finally:
        alone.close()


class Alone:
    """One worker process, and a new one after each case that it did not survive."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._pool: Pool | None = None

    def run(self, question: Question) -> Outcome:
        """The outcome of a case, whatever happens to the process."""
        for _ in range(_MOST_IDLE_BREAKS):
            if self._pool is None:
                self._pool = Pool(1, self.limits)
                self._pool.check()
            try:
                outcome = _outcome(self._pool.submit(question))
            except BrokenProcessPool:
                # It died while it had nothing to do: no fault of this case.
                self.close()
                continue
            if outcome is None:
                said = self._pool.journals().get(question["key"], "")
                self.close()
                return blame(said, self.limits)
            return outcome
        raise LieLawsError(_IDLE)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None
