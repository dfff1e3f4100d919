"""The report in LaTeX."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lielaws.report.report import Report

_INDEXED = re.compile(r"([A-Za-z]+)(\d*)\[([^\]]*)\]")
_NAMED = re.compile(r"(?<![A-Za-z\\_{])([A-Za-z]+)(\d+)(?![\d}\]])")


def report_latex(report: Report) -> str:
    items = "\n".join(rf"  \item ${to_latex(group.text)}$ {group.scope}".rstrip() for group in report.groups)
    head = f"% {report.name}: {report.n_parameters} parameters, {len(report.laws)} of at most {report.n_laws} laws"
    return f"{head}\n\\begin{{itemize}}\n{items}\n\\end{{itemize}}"


def to_latex(text: str) -> str:
    """The text of a group in LaTeX: norms, inner products, indices and transposes."""
    text = re.sub(r"\|([^|]*)\|\^2", r"\\lVert \1 \\rVert^2", text)
    text = re.sub(r"<([^<>]*), ([^<>]*)>", r"\\langle \1, \2 \\rangle", text)
    text = text.replace("^T", r"^{\top}").replace("sum ", r"\textstyle\sum ")
    text = _INDEXED.sub(_index, text)
    return _NAMED.sub(r"\1_{\2}", text)


def _index(match: re.Match[str]) -> str:
    name, number, inside = match.groups()
    inside = inside.replace(":", r"\cdot")
    base = f"{name}^{{({number})}}" if number else name
    return f"({base})_{{{inside}}}" if number else f"{base}_{{{inside}}}"
