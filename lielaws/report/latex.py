"""The report in LaTeX."""

from __future__ import annotations

import re

from lielaws.report.report import Report

_INDEXED = re.compile(r"([A-Za-z]+)(\d*)\[([^\]]*)\]")
_EXPONENTIAL = re.compile(r"exp\(([^()]*)\)")
_VELOCITY = re.compile(r"(?<![A-Za-z\\])d([A-Za-z]+)(?=[\^_ ,)]|$)")
_NAMED = re.compile(r"(?<![A-Za-z\\_{])([A-Za-z]+)(\d+)(?![\d}\]])")


def report_latex(report: Report) -> str:
    moving = bool(report.space.velocities)
    items = "\n".join(rf"  \item ${to_latex(group.text, moving)}$ {group.scope}".rstrip() for group in report.groups)
    head = f"% {report.name}: {report.n_parameters} parameters, {len(report.laws)} of at most {report.n_laws} laws"
    return f"{head}\n\\begin{{itemize}}\n{items}\n\\end{{itemize}}"


def to_latex(text: str, velocities: bool = False) -> str:
    """The text of a group in LaTeX: norms, inner products, indices, transposes, exponentials of time, velocities."""
    text = re.sub(r"\|([^|]*)\|\^2", r"\\lVert \1 \\rVert^2", text)
    text = re.sub(r"<([^<>]*), ([^<>]*)>", r"\\langle \1, \2 \\rangle", text)
    text = text.replace("^T", r"^{\top}").replace("sum ", r"\textstyle\sum ")
    text = _EXPONENTIAL.sub(r"e^{\1}", text)
    text = _INDEXED.sub(_index, text)
    text = _NAMED.sub(r"\1_{\2}", text)
    return _VELOCITY.sub(r"\\dot{\1}", text) if velocities else text


def _index(match: re.Match[str]) -> str:
    name, number, inside = match.groups()
    inside = inside.replace(":", r"\cdot")
    base = f"{name}^{{({number})}}" if number else name
    return f"({base})_{{{inside}}}" if number else f"{base}_{{{inside}}}"
