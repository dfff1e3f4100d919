"""The command `lielaws conjecture`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from lielaws.errors import InvalidArgumentError

if TYPE_CHECKING:
    from lielaws.formulas.result import Conjecture

_PROGRESS_DELAY = 2.0


@click.command("conjecture")
@click.argument("file")
@click.option("--family", metavar="NAME", help="Only rows of this family; by default one formula for each.")
@click.option(
    "--where", multiple=True, metavar="NAME=VALUE", help="Only rows with this value, such as flow=gradient; repeatable."
)
@click.option(
    "--fresh", default=8, show_default=True, metavar="N", help="Fresh cases to check on, at least; 0 for none."
)
@click.option("--seed", default=0, show_default=True, help="Of what is held back, and of fresh cases.")
@click.option("--latex", is_flag=True, help="Print the formula in LaTeX.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def conjecture_command(
    file: str,
    family: str | None,
    where: tuple[str, ...],
    fresh: int,
    seed: int,
    latex: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Find the formula behind the counts in FILE: the results of a sweep, or rows as CSV, JSON or JSON lines.

    The simplest formula in the sizes that fits all the data exactly, the conditions that separate its pieces, and what
    the data leave open. It is checked on fresh, larger cases.
    """
    from lielaws.formulas.files import rows_of_file
    from lielaws.formulas.rows import families_of

    wanted = dict(_pair(text) for text in where)
    rows = list(rows_of_file(file))
    names: list[str | None] = [family]
    if family is None and "family" not in wanted:
        names = [*families_of(rows)] or [None]
    with _progress(quiet) as progress:
        found = [_conjecture(rows, name, wanted, fresh, seed, progress) for name in names]
    if as_json:
        shown = [each.to_dict() for each in found]
        click.echo(json.dumps(shown if len(shown) > 1 else shown[0], indent=1, ensure_ascii=False, default=str))
    else:
        click.echo("\n\n".join(each.latex() if latex else str(each) for each in found))


def _conjecture(
    rows: list[Any], family: str | None, where: dict[str, str], fresh: int, seed: int, progress: Any
) -> Conjecture:
    from lielaws.formulas.search import conjecture

    return conjecture(rows, family=family, where=where, fresh=fresh, seed=seed, progress=progress)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise InvalidArgumentError("where", text, "NAME=VALUE is needed, such as flow=gradient")
    return name.strip(), value.strip()


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """A callback that draws a progress bar on stderr once two seconds have passed."""
    if quiet:
        yield None
        return
    from tqdm import tqdm

    form = "{desc} {n_fmt}/{total_fmt} |{bar}| {elapsed}"
    bar = tqdm(total=1, delay=_PROGRESS_DELAY, file=sys.stderr, leave=False, bar_format=form)

    def update(stage: str, done: int, total: int) -> None:
        bar.total, bar.n = total, done
        bar.set_description_str(stage, refresh=False)
        bar.update(0)

    try:
        yield update
    finally:
        bar.close()
