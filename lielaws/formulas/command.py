"""The command `lielaws conjecture`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from lielaws.errors import InvalidArgumentError, LieLawsError
from lielaws.progress import progress_bar

if TYPE_CHECKING:
    from lielaws.formulas.conjecture_record import Conjecture


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
    from lielaws.formulas.row_files import rows_of_file
    from lielaws.formulas.rows import families_of

    wanted = dict(_pair(text) for text in where)
    rows = list(rows_of_file(file))
    names: list[str | None] = [family]
    if family is None and "family" not in wanted:
        names = [*families_of(rows)] or [None]
    with progress_bar(quiet) as progress:
        found = _each_family(rows, names, where=wanted, fresh=fresh, seed=seed, progress=progress)
    if as_json:
        shown = [{"error": str(each)} if isinstance(each, LieLawsError) else each.to_dict() for each in found]
        click.echo(json.dumps(shown if len(shown) > 1 else shown[0], indent=1, ensure_ascii=False, default=str))
    else:
        click.echo(
            "\n\n".join(each.latex() if latex and not isinstance(each, LieLawsError) else str(each) for each in found)
        )


def _each_family(
    rows: list[Any], names: list[str | None], where: dict[str, str], **options: Any
) -> list[Conjecture | LieLawsError]:
    """The formulas of each family, or why there is none; raised if there is none for any."""
    found: list[Conjecture | LieLawsError] = []
    for name in names:
        found += _each_setting(rows, name, where, **options)
    failures = [each for each in found if isinstance(each, LieLawsError)]
    if len(failures) == len(found):
        raise failures[0].__cause__ or failures[0]
    return found


def _each_setting(
    rows: list[Any], family: str | None, where: dict[str, str], **options: Any
) -> list[Conjecture | LieLawsError]:
    """The formula of a family; where its counts depend on a setting, one for each value of it."""
    from lielaws.formulas.conjecturing import conjecture
    from lielaws.formulas.rows import MixedRowsError

    try:
        return [conjecture(rows, family=family, where=where, **options)]
    except MixedRowsError as error:
        for name, values in error.separating.items():
            parts = [_each_setting(rows, family, {**where, name: value}, **options) for value in values]
            return [each for part in parts for each in part]
        return [_named(error, family, where)]
    except LieLawsError as error:
        return [_named(error, family, where)]


def _named(error: LieLawsError, family: str | None, where: dict[str, str]) -> LieLawsError:
    chosen = [*([] if family is None else [family]), *(f"{name} = {value}" for name, value in where.items())]
    named = LieLawsError(f"{', '.join(chosen)}: {error}" if chosen else str(error))
    named.__cause__ = error
    return named


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise InvalidArgumentError("where", text, "NAME=VALUE is needed, such as flow=gradient")
    return name.strip(), value.strip()
