"""A progress bar for commands that take long."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[str, int, int], None]

_DELAY = 2.0
_FORM = "{desc} {n_fmt}/{total_fmt} |{bar}| {elapsed}"


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Progress | None]:
    """A callback (stage, done, total) that draws a bar on stderr once two seconds have passed; None if quiet."""
    if quiet:
        yield None
        return
    from tqdm import tqdm

    bar = tqdm(total=1, delay=_DELAY, file=sys.stderr, leave=False, bar_format=_FORM)

    def update(stage: str, done: int, total: int) -> None:
        bar.total, bar.n = total, done
        bar.set_description_str(stage, refresh=False)
        bar.update(0)

    try:
        yield update
    finally:
        bar.close()
