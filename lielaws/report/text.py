"""The report as plain text, and in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from lielaws.report.report import Report

_MOST_GROUPS = 40
_RANKS = "(rank of the brackets up to depth 1, 2, ...)"
_KNOWN_RANKS = "(rank of the vector fields, and of all their brackets)"
_LOSSES = {"any": "any loss", "cross_entropy": "cross-entropy loss"}


def report_text(report: Report) -> str:
    header = [f"  {label:<12} {fact}" for label, fact in facts(report)]
    sentences = [f"  {sentence}" for sentence in gap_sentences(report)]
    if sentences:
        sentences = ["", f"{report.missing} of at most {report.n_laws} laws are missing.", *sentences]
    return "\n".join([report.name, *header, "", *_laws(report), *sentences]).rstrip()


def facts(report: Report) -> Iterator[tuple[str, str]]:
    """What is known, each with its label."""
    over = [str(report.flow), "any data", _LOSSES[report.potential.loss]]
    yield "setting", ", ".join(over + ([f"{report.gates} gates"] if report.potential.gates else []))
    yield "parameters", str(report.n_parameters)
    if report.dimension != report.n_parameters:
        yield "state space", f"dimension {report.dimension}"
    yield "growth", f"{' '.join(map(str, report.growth))}   {_RANKS if report.fields.theorem is None else _KNOWN_RANKS}"
    yield "symmetries", str(report.n_symmetries)
    yield "laws", verdict(report)
    if report.evidence:
        yield "proved by", report.evidence
    yield from (("assumed", hypothesis) for hypothesis in report.hypotheses)
    yield from (("warning", warning) for warning in report.warnings)


def verdict(report: Report) -> str:
    at_most = f"at most {report.n_laws} independent"
    if not report.searched:
        return f"{at_most}, none searched"
    if report.complete:
        return f"{at_most}, {len(report.laws)} found: the list is complete"
    return f"{at_most}, {len(report.laws)} found: {report.missing} missing"


def _laws(report: Report) -> Iterator[str]:
    if not report.laws:
        return
    yield "Conservation laws"
    for group in report.groups[:_MOST_GROUPS]:
        count = f"   ({len(group.laws)} laws)" if len(group.laws) > 1 else ""
        yield f"  {group}{count}"
        if group.symmetry:
            yield f"      symmetry: {group.symmetry}"
    if len(report.groups) > _MOST_GROUPS:
        rest = report.groups[_MOST_GROUPS:]
        yield f"  and {sum(len(group.laws) for group in rest)} more laws; all are in report.laws"


def gap_sentences(report: Report) -> list[str]:
    """Where laws are missing, what was looked for, and what to try."""
    if report.complete or not report.searched:
        return []
    sentences = []
    if report.stopped is not None:
        # What was not looked at says nothing of where the missing laws may be.
        return [f"The time limit of {report.stopped:g} seconds ended it: there may be fewer laws, or more to be found."]
    if report.search.degree:
        sentences.append(f"All polynomials up to degree {report.search.degree} were searched.")
    if report.search.skipped:
        sentences.append(f"Too large to search: {', '.join(report.search.skipped)}.")
    others = "rational or transcendental functions"
    if names := list(dict.fromkeys(node.static.name for node in report.potential.constants)):
        others += f", or have coefficients that depend on {', '.join(names)}"
    sentences.append(
        f"Try max_degree={report.max_degree + 1} (--max-degree on the command line); the missing laws may also be "
        f"{others}."
    )
    if not report.closed:
        sentences.append("The brackets had not closed at the depth limit, so the upper bound may be too high.")
    return sentences


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
