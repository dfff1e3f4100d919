"""The commands `lielaws sweep` and `lielaws results`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

_SHOWN_ERRORS = 5
_PROGRESS_DELAY = 2.0
_SMOOTHING = 0.05


@click.command("sweep")
@click.argument("file")
@click.option("--results", "-o", metavar="OUT", help="SQLite file of the results; by default FILE with suffix .sqlite.")
@click.option("--jobs", "-j", type=int, metavar="N", help="Worker processes; by default one for each processor.")
@click.option("--time-limit", metavar="S", help="Seconds for each case, or none.  [default: 600]")
@click.option(
    "--memory-limit", metavar="MB", help="Megabytes for each case, or none.  [default: a share of the memory]"
)
@click.option("--retry-errors", is_flag=True, help="Compute the cases again that ended in an error.")
@click.option("--certificates", is_flag=True, help="Keep the certificates, in OUT.certificates.")
@click.option(
    "--executor", default="processes", show_default=True, metavar="processes|dask", help="Where the cases are computed."
)
@click.option("--scheduler", metavar="ADDRESS", help="Of the Dask cluster, such as tcp://host:8786.")
@click.option("--list", "only_list", is_flag=True, help="Show the cases, and compute nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def sweep_command(
    file: str,
    results: str | None,
    jobs: int | None,
    time_limit: str | None,
    memory_limit: str | None,
    retry_errors: bool,
    certificates: bool,
    executor: str,
    scheduler: str | None,
    only_list: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compute the laws of all architectures that the TOML file FILE describes.

    Each case is kept as soon as it is done. The same command goes on where a sweep was stopped, in whatever way.
    """
    if only_list:
        _list_cases(file, as_json)
        return
    from lielaws.sweeps.run import results_path, sweep

    try:
        with _remaining(quiet) as progress:
            found = sweep(
                file,
                results,
                jobs=jobs,
                executor=executor,
                scheduler=scheduler,
                progress=progress,
                time_limit=time_limit,
                memory_limit=memory_limit,
                retry_errors=retry_errors,
                certificates=certificates,
            )
    except KeyboardInterrupt:
        path = results_path(file, results)
        click.echo(f"lielaws: stopped; what is done is kept in {path}, the same command goes on", err=True)
        sys.exit(130)
    counts = found.summary()
    if as_json:
        click.echo(json.dumps({"results": str(found.path), **counts}, indent=1))
        return
    parts = [f"{counts['complete']} with a complete list of laws", f"{counts['gaps']} with a gap"]
    parts += [f"{counts['counted']} counted only"] if counts["counted"] else []
    click.echo(f"{found.path}: {counts['cases']} cases, {', '.join(parts)}, {counts['errors']} with an error")
    for row in found.errors[:_SHOWN_ERRORS]:
        click.echo(f"  {row['architecture']}: {row['error']}")
    if counts["errors"] > _SHOWN_ERRORS:
        click.echo(f"  ... all of them: lielaws results {found.path} --errors")


def _list_cases(file: str, as_json: bool) -> None:
    from lielaws.sweeps.description import read_description

    found = read_description(file)
    if as_json:
        click.echo(json.dumps([case.question() for case in found.cases], indent=1, ensure_ascii=False))
        return
    for case in found.cases:
        click.echo(case.title)
    click.echo(f"{len(found.cases)} cases" + (f", {found.excluded} excluded by filters" if found.excluded else ""))


@click.command("results")
@click.argument("file")
@click.option(
    "--filter", "filters", multiple=True, metavar="COND", help="Such as 'D <= 60' or 'family == relu'; repeatable."
)
@click.option("--columns", metavar="NAMES", help="Columns or sizes, such as architecture,widths[1],n_laws.")
@click.option(
    "--pivot", nargs=2, metavar="ROWS COLUMNS", help="A table over two sizes, such as widths[0] widths[1], of the laws."
)
@click.option("--value", default="n_laws", show_default=True, help="What stands in the table of --pivot.")
@click.option("--errors", is_flag=True, help="Only the cases that failed.")
@click.option("--csv", "csv_path", metavar="OUT", help="Write CSV.")
@click.option("--jsonl", "jsonl_path", metavar="OUT", help="Write JSON lines.")
@click.option("--parquet", "parquet_path", metavar="OUT", help="Write Parquet (extra 'parquet').")
@click.option(
    "--plot",
    "plots",
    nargs=2,
    multiple=True,
    metavar="KIND OUT",
    help="Draw laws:SIZE, heat:SIZE,SIZE, time or growth (extra 'plot'); repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def results_command(
    file: str,
    filters: tuple[str, ...],
    columns: str | None,
    pivot: tuple[str, str] | None,
    value: str,
    errors: bool,
    csv_path: str | None,
    jsonl_path: str | None,
    parquet_path: str | None,
    plots: tuple[tuple[str, str], ...],
    as_json: bool,
) -> None:
    """Show the results in FILE, or write them in another format."""
    from lielaws.sweeps.results import Results

    found = Results(file).filter(*filters, *(["error != none"] if errors else []))
    outputs: list[tuple[str | None, Callable[[str], Any]]] = [
        (csv_path, found.to_csv),
        (jsonl_path, found.to_jsonl),
        (parquet_path, found.to_parquet),
    ]
    for path, write in outputs:
        if path is not None:
            write(path)
            click.echo(f"{path}: written")
    for kind, path in plots:
        from lielaws.sweeps.plots import save_plot

        save_plot(found, kind, path)
        click.echo(f"{path}: written")
    if plots or any(path for path, _ in outputs):
        return
    if pivot:
        table = found.pivot(*pivot, value)
        click.echo(json.dumps(table.to_dict(), indent=1) if as_json else str(table))
    elif as_json:
        click.echo(json.dumps(found.rows(), indent=1, ensure_ascii=False))
    else:
        names = [name.strip() for name in columns.split(",")] if columns else None
        click.echo(str(found.table(names)))


@contextmanager
def _remaining(quiet: bool) -> Iterator[Any]:
    """A callback that draws a bar with the remaining time on stderr."""
    if quiet:
        yield None
        return
    from tqdm import tqdm

    bar: Any = None

    def update(stage: str, done: int, total: int) -> None:
        nonlocal bar
        if bar is None:
            # What was done before says nothing about the speed.
            bar = tqdm(
                total=total,
                initial=done,
                desc=stage,
                unit="case",
                delay=_PROGRESS_DELAY,
                smoothing=_SMOOTHING,
                file=sys.stderr,
                leave=False,
            )
        bar.update(done - bar.n)

    try:
        yield update
    finally:
        if bar is not None:
            bar.close()
