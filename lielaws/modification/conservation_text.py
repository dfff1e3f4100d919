"""A certificate as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from lielaws.modification.clause_rows import CORE, VERDICTS, Clause, Row
from lielaws.modification.conservation import ConservationCertificate

_WIDTH = 116
_MOST_ROWS = 6


def text_report(certificate: ConservationCertificate, *, brief: bool = False) -> str:
    """One block for each clause: verdict, status, claim, the worst comparisons, hypotheses and notes.

    brief : one line for each clause instead: how many comparisons pass, and the worst one
    """
    settings = certificate.settings
    verdict = "accepted" if certificate.accepted else "not accepted"
    good = sum(certificate.admissible)
    count = len(certificate.modifications)
    samples = f" on {settings['samples']} samples" if settings.get("samples") is not None else ""
    lines = [
        f"Conservation certificate: {verdict} ({', '.join(f'{n} {certificate[n].verdict}' for n in CORE)})",
        f"  chain    {count} modification{'s' * (count != 1)} of {settings.get('model')}, {good} admissible",
        f"  loss     {settings.get('loss')}{samples}, L* = {settings.get('lower_bound'):.6g}",
        *(f"  {'done' if k == 1 else '    '}     {k}. {text}" for k, text in _some(certificate.modifications)),
    ]
    if brief:
        return "\n".join([*lines, "", *map(clause_line, certificate.clauses)])
    for clause in certificate.clauses:
        lines += ["", *clause_lines(clause)]
    return "\n".join(lines)


def clause_line(clause: Clause) -> str:
    """One clause in a line."""
    rows = sorted(clause.rows, key=lambda row: VERDICTS.index(row.verdict))
    good = sum(row.verdict == "pass" for row in rows)
    verdict = clause.verdict + (f" [{clause.status}]" if clause.verdict != "not applicable" else "")
    text = f"{clause.name:<15} {verdict:<18} " + (f"{good}/{len(rows)}, {row_text(rows[0])}" if rows else "")
    text = text.rstrip()
    return text if len(text) <= _WIDTH else text[: _WIDTH - 4] + " ..."


def clause_lines(clause: Clause) -> Iterator[str]:
    """The block of one clause."""
    applies = clause.verdict != "not applicable"
    yield f"{clause.name}: {clause.verdict}" + (f" [{clause.status}]" if applies else "")
    yield from _wrapped("claim", clause.claim)
    ordered = sorted(clause.rows, key=lambda row: VERDICTS.index(row.verdict))
    for row in ordered[:_MOST_ROWS]:
        yield from _wrapped(row.verdict, row_text(row))
    if len(ordered) > _MOST_ROWS:
        rest = [row.verdict for row in ordered[_MOST_ROWS:]]
        found = ", ".join(f"{rest.count(verdict)} {verdict}" for verdict in VERDICTS if verdict in rest)
        yield f"    and {len(rest)} more: {found}"
    for hypothesis in clause.hypotheses:
        yield from _wrapped("supposed", hypothesis)
    for note in clause.notes:
        yield from _wrapped("note", note)


def row_text(row: Row) -> str:
    """One comparison in a line."""
    where = f"{row.member}: " if row.member is not None else ""
    numbers = f" {_number(row.left)} {row.relation} {_number(row.right)}"
    if row.right is None:
        numbers = ""
    within = f" (within {row.tolerance:.2g})" if row.tolerance else ""
    note = f"; {row.note}" if row.note else ""
    return f"{where}{row.what}{numbers}{within}{note}"


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.9g}"


def _some(texts: tuple[str, ...]) -> list[tuple[int, str]]:
    numbered = list(enumerate(texts, 1))
    if len(numbered) <= 2 * _MOST_ROWS:
        return numbered
    return [*numbered[:_MOST_ROWS], (_MOST_ROWS + 1, "..."), *numbered[-_MOST_ROWS:]]


def _wrapped(label: str, text: str) -> Iterator[str]:
    yield from textwrap.wrap(text, _WIDTH, initial_indent=f"    {label:<15} ", subsequent_indent=" " * 20)
