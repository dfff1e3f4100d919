"""How far a discovery has come: a bar for people who wait, records for programs, and an end when time is over."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[str, int, int], None]
"""called as progress(stage, done, total); raises TimeUpError when the time is over"""

LOGGER = logging.getLogger("lielaws")

_DELAY = 2.0
_FORM = "{desc} {n_fmt}/{total_fmt} |{bar}| {elapsed}"


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Progress | None]:
    """A callback (stage, done, total) that draws a bar on stderr once two seconds have passed; None if quiet."""
    if quiet:
        yield None
        return
    from tqdm.auto import tqdm

    bar = tqdm(total=1, delay=_DELAY, file=sys.stderr, leave=False, bar_format=_FORM)

    def update(stage: str, done: int, total: int) -> None:
        bar.total, bar.n = total, done
        bar.set_description_str(stage, refresh=False)
        bar.update(0)

    try:
        yield update
    finally:
        bar.close()


class TimeUpError(Exception):
    """The time that a discovery may take is over: it ends with what is known by then."""


class Watch:
    """Passes on how far a discovery has come, records each new stage, and raises TimeUpError when its time is over.

    over : whether that has happened
    """

    def __init__(self, progress: Progress | None, time_limit: float | None) -> None:
        self._progress, self._stage, self.over = progress, "", False
        self._end = None if time_limit is None else time.monotonic() + time_limit

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage != self._stage:
            LOGGER.info("%s: %d of %d", stage, done, total)
            self._stage = stage
        if self._progress is not None:
            self._progress(stage, done, total)
        if self._end is not None and time.monotonic() > self._end:
            self.over = True
            raise TimeUpError


@contextmanager
def watched(progress: Progress | None, time_limit: float | None) -> Iterator[Watch]:
    """With a bar of its own in a terminal or a notebook if nobody else shows how far it is."""
    with progress_bar(progress is not None or not _has_reader()) as bar:
        yield Watch(progress or bar, time_limit)


def _has_reader() -> bool:
    """Whether a person looks at the errors of this process, in a terminal or in a notebook."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules
