"""The command line. Exit status 0: done (a gap is an answer); 1: a law or a certificate that fails; 2: bad input."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import reduce
from pathlib import Path
from typing import Any

import click

from lielaws.errors import LieLawsError
from lielaws.formulas.command import conjecture_command
from lielaws.modification.modification_commands import modification
from lielaws.progress import progress_bar
from lielaws.sweeps.commands import results_command, sweep_command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lielaws")
def cli() -> None:
    """Discover the conservation laws of neural-network training, exactly."""


_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_quiet = click.option("--quiet", is_flag=True, help="No progress bar.")


def _names(context: Any, option: Any, text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",")]


_FLOWS = "gradient, weight_decay:0.1, heavy_ball:0.5, nesterov, mirror:entropic, metric:1/x."
_SEED = "Of the random points; the count does not depend on it."
_QUESTION = (
    click.argument("arch"),
    click.option("--seed", default=0, show_default=True, help=_SEED),
    _json,
    click.option("--flow", metavar="FLOW", help=_FLOWS),
    click.option("--loss", default="any", show_default=True, help="any or cross_entropy."),
    click.option("--gates", default="free", show_default=True, help="free or realizable."),
    click.option("--parameters", metavar="NAMES", callback=_names, help="Laws of these tensors only, such as W1,W2."),
)


def _question(command: Callable[..., None]) -> Callable[..., None]:
    """ARCH, --json, and the settings of a question, which :func:`lielaws.discover_laws` has as well."""
    return reduce(lambda decorated, option: option(decorated), reversed(_QUESTION), command)


@cli.command()
@_question
@click.option("--latex", is_flag=True, help="Print the laws in LaTeX.")
@click.option("--max-degree", default=2, show_default=True, help="Largest degree of the polynomials that are searched.")
@click.option("--count-only", is_flag=True, help="Count, but do not look for laws.")
@click.option("--certificate", metavar="FILE", help="Write the certificate to FILE.")
@click.option("--time-limit", type=float, metavar="S", help="Seconds, after which it ends with what is known.")
@_quiet
def discover(
    arch: str,
    as_json: bool,
    latex: bool,
    max_degree: int,
    count_only: bool,
    certificate: str | None,
    time_limit: float | None,
    quiet: bool,
    **settings: Any,
) -> None:
    """Find all conservation laws of ARCH, a spec such as relu:3-4-3 or the path of a spec file."""
    from lielaws.discover import discover_laws

    with progress_bar(quiet) as progress:
        chosen: dict[str, Any] = {"max_degree": max_degree, "find_laws": not count_only, "time_limit": time_limit}
        report = discover_laws(arch, progress=progress or _nothing, **chosen, **settings)
    if certificate is not None:
        report.certificate.save(certificate)
    if as_json:
        seconds = {stage: round(value, 6) for stage, value in report.seconds.items()}
        click.echo(json.dumps(report.to_dict() | {"seconds": seconds}, indent=1, ensure_ascii=False, default=str))
    elif latex:
        click.echo(report.latex())
    else:
        click.echo(str(report))
        stages = ", ".join(f"{stage} {value:.3f}" for stage, value in report.seconds.items())
        click.echo(f"\n{sum(report.seconds.values()):.3f} seconds ({stages})")


def _nothing(stage: str, done: int, total: int) -> None:
    """Shows nothing, where else a bar would come by itself."""


@cli.command()
@_question
@click.argument("laws", nargs=-1, required=True)
def check(arch: str, laws: tuple[str, ...], as_json: bool, **settings: Any) -> None:
    """Check a list of LAWS of ARCH: which hold, are they independent, and are they all?

    Each of LAWS is an expression such as "W1 @ W1.T - W2.T @ W2" or "W1[0,0]**2 - W2[0,0]**2", or a file with one
    expression a line.
    """
    from lielaws.check import check_laws

    result = check_laws(arch, [_law_text(law) for law in laws], **settings)
    click.echo(json.dumps(result.to_dict(), indent=1, default=str) if as_json else str(result))
    if not result.all_hold:
        sys.exit(1)


@cli.command()
@click.argument("files", nargs=-1, required=True)
@_json
def verify(files: tuple[str, ...], as_json: bool) -> None:
    """Check certificates, without trusting what made them. One line a file; status 0 only if all are valid."""
    from lielaws.checker.verify import verify

    results = [(file, verify(file)) for file in files]
    if as_json:
        rows = [{"file": file, "valid": result.valid, "reasons": list(result.reasons)} for file, result in results]
        click.echo(json.dumps(rows, indent=1))
    else:
        for file, result in results:
            click.echo(f"{file}: valid" if result.valid else f"{file}: NOT VALID: {'; '.join(result.reasons)}")
    if not all(result.valid for _, result in results):
        sys.exit(1)


@cli.command("audit")
@_json
@click.option("--markdown", is_flag=True, help="Print a Markdown table.")
@click.option("--certificates", metavar="DIR", help="Write the certificate of each instance that disagrees to DIR.")
@_quiet
def audit_command(as_json: bool, markdown: bool, certificates: str | None, quiet: bool) -> None:
    """Compute instances of published statements, and say which are confirmed, conditional or refuted."""
    from lielaws.audit.table import markdown_table, text_table
    from lielaws.audit.verdicts import audit, save_certificates

    with progress_bar(quiet) as progress:
        rows = audit(progress=progress)
    if certificates is not None:
        save_certificates(rows, certificates)
    if as_json:
        click.echo(json.dumps([row.to_dict() for row in rows], indent=1))
    else:
        click.echo(markdown_table(rows) if markdown else text_table(rows))


@cli.command("list")
@_json
def list_command(as_json: bool) -> None:
    """List the families of architectures and some named ones with their sources."""
    from lielaws.catalogue import CATALOGUE
    from lielaws.spec.families import families

    known = sorted(families().values(), key=lambda family: family.name)
    if as_json:
        rows = [{"name": f.name, "summary": f.summary, "options": sorted(f.options)} for f in known]
        click.echo(json.dumps({"families": rows, "catalogue": [asdict(entry) for entry in CATALOGUE]}, indent=1))
        return
    click.echo("Families")
    for family in known:
        click.echo(f"  {family.name:<12} {family.summary}")
    click.echo("\nCatalogue")
    for entry in CATALOGUE:
        click.echo(f"  {entry.spec:<46} {entry.note} ({entry.source})")


cli.add_command(sweep_command)
cli.add_command(results_command)
cli.add_command(modification)
cli.add_command(conjecture_command)


def _law_text(argument: str) -> str:
    """The argument itself, or the contents of the file that it names."""
    from lielaws.spec import read_text

    path, is_file = Path(argument), False
    with suppress(OSError, ValueError):
        is_file = path.is_file()
    return read_text(path) if is_file else argument


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; every mistake of the caller ends in one line on stderr and status 2."""
    try:
        given = None if arguments is None else list(arguments)
        status = cli.main(args=given, prog_name="lielaws", standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except LieLawsError as error:
        _fail(str(error))
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(2)
    except click.ClickException as error:
        _fail(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        _fail("stopped", 130)
    except BrokenPipeError:
        # The reader of our output is gone; nothing is left to say, also not by the interpreter at exit.
        sys.stdout = None
        sys.exit(0)
    except MemoryError:
        _fail("out of memory; make the architecture smaller")


def _fail(message: str, status: int = 2) -> None:
    click.echo("lielaws: " + " ".join(message.split()), err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
