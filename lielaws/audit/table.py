"""The audit as a table: text for a terminal, Markdown for a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lielaws.audit.verdicts import Row

_HEAD = ("id", "instance", "claimed", "computed", "verdict", "seconds")


def text_table(rows: Sequence[Row]) -> str:
    """One block for each statement."""
    return "\n".join(_text(rows))


def _text(rows: Sequence[Row]) -> Iterator[str]:
    known = None
    for row in rows:
        if row.id != known:
            known = row.id
            yield f"{row.id}  {row.verdict.upper()}  {row.statement} ({row.source})"
        mark = " " if row.agrees else "!"
        yield f"    {mark} {row.instance}: claimed {row.claimed}, computed {row.computed}   {row.seconds:.2f} s"


def markdown_table(rows: Sequence[Row]) -> str:
    """A table of all rows, and the conditions below it."""
    lines = ["| " + " | ".join(_HEAD) + " |", "|" + " --- |" * len(_HEAD)]
    for row in rows:
        verdict = row.verdict if row.agrees or row.verdict != "conditional" else "conditional, fails here"
        cells = (row.id, row.instance, row.claimed, row.computed, verdict, f"{row.seconds:.2f}")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    lines += ["", "## Statements", ""]
    seen: set[str] = set()
    for row in rows:
        if row.id not in seen:
            seen.add(row.id)
            condition = f" {row.condition}." if row.condition else ""
            lines.append(f"- **{row.id}, {row.verdict}**: {row.statement} ({row.source}).{condition}")
    return "\n".join(lines)
