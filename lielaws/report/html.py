"""The report in a notebook."""

from __future__ import annotations

from html import escape

from lielaws.report.report import Report
from lielaws.report.text import facts, gap_sentences


def report_html(report: Report) -> str:
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(a)}</th><td>{escape(b)}</td></tr>" for a, b in facts(report)
    )
    laws = "".join(
        f"<tr><td style='text-align:left'><code>{escape(g.text)}</code> {escape(g.scope)}</td>"
        f"<td>{len(g.laws)}</td><td style='text-align:left'>{escape(g.symmetry)}</td></tr>"
        for g in report.groups
    )
    table = f"<table><tr><th>law</th><th>number</th><th>symmetry</th></tr>{laws}</table>" if laws else ""
    advice = "".join(f"<p>{escape(sentence)}</p>" for sentence in gap_sentences(report))
    return f"<div><b>{escape(report.name)}</b><table>{rows}</table>{table}{advice}</div>"
