"""The answer as text and in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from lielaws.intrinsic.dynamics_record import IntrinsicDynamics
from lielaws.intrinsic.ranks import Ranks


def dynamics_text(result: IntrinsicDynamics) -> str:
    lines = [result.name, *(f"  {label:<12} {text}" for label, text in _facts(result))]
    if result.metric is not None:
        lines += ["", "Metric", *(f"  {line}" for line in str(result.metric).splitlines())]
    return "\n".join(lines)


def dynamics_html(result: IntrinsicDynamics) -> str:
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(label)}</th><td style='text-align:left'>{escape(text)}</td></tr>"
        for label, text in _facts(result)
    )
    metric = "" if result.metric is None else f"<pre>{escape(str(result.metric))}</pre>"
    return f"<div><b>{escape(result.name)}</b><table>{rows}</table>{metric}</div>"


def _facts(result: IntrinsicDynamics) -> Iterator[tuple[str, str]]:
    yield "where", result.where
    functions = (
        "too many functions phi to list" if result.n_functions is None else f"{result.n_functions} functions phi"
    )
    yield "parameters", f"{result.n_parameters}, {functions}"
    found = "all found" if result.complete else f"{len(result.laws)} found"
    yield "laws", f"at most {result.n_laws}, {found}"
    yield "ranks", rank_text(result.ranks)
    if result.nearby is not None:
        yield "nearby", rank_text(result.nearby)
    yield (
        "recoverable",
        "yes: locally, theta is a function of z and the laws" if result.recoverable else _hidden(result),
    )
    yield "intrinsic", _intrinsic(result)
    yield "proof", result.proof
    for note in result.notes:
        yield "note", note


def rank_text(ranks: Ranks) -> str:
    return f"dphi {ranks.phi}, dh {ranks.laws}, [dphi; dh] {ranks.joint}, [dphi; dh; dM] {ranks.metric}"


def _hidden(result: IntrinsicDynamics) -> str:
    count = result.ranks.hidden
    return f"no: z and the laws leave {count} direction{'s' if count > 1 else ''} of theta open"


def _intrinsic(result: IntrinsicDynamics) -> str:
    if result.intrinsic:
        return "yes: z follows z' = -M(z) grad l(z), with M given by z and the values of the laws"
    if result.ranks.intrinsic:
        return "no: M is fixed by z and the laws to first order at the point, but not where training leads from it"
    return "no: the metric M of z depends on more than z and the values of the laws"
