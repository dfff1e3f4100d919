"""Clauses of a certificate and their rows: comparisons that are decided in exact arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Literal

Verdict = Literal["pass", "fail", "undecided", "not applicable"]
Status = Literal["proved", "estimated", "heuristic"]
Relation = Literal["<=", ">="]

STATUSES: tuple[Status, ...] = ("proved", "estimated", "heuristic")
VERDICTS: tuple[Verdict, ...] = ("fail", "undecided", "not applicable", "pass")
"""from the one that decides for a clause to the one that needs all rows"""
CORE = ("progress", "preservation", "countability")
"""the clauses that a chain has to pass to be accepted: the three conditions of the theorem"""


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison of a clause.

    member : number of the modification, from 1; None if it is about the whole chain
    what : what is compared
    left, relation, right : the comparison; None for a number that there is not
    verdict : "pass" if it holds even if each side is off by the tolerance, "fail" if it does not hold even then,
        "undecided" in between, "not applicable" if a hypothesis does not hold. What is a theorem, once its hypotheses
        hold, is only refuted by numbers, and within the tolerance passes
    status : "proved", "estimated" or "heuristic"
    tolerance : what rounding can be responsible for, or half of the confidence intervals
    note : what else is to say, such as the hypothesis that fails
    """

    member: int | None
    what: str
    left: float | None
    relation: Relation
    right: float | None
    verdict: Verdict
    status: Status = "proved"
    tolerance: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Clause:
    """One part of the statement, for all members of a chain.

    name : short, such as "progress"
    claim : the statement
    rows : its comparisons
    hypotheses : what it supposes beyond what was computed
    notes : what else is to say
    """

    name: str
    claim: str
    rows: tuple[Row, ...]
    hypotheses: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of its rows: a pass only if all pass, and there is one."""
        found = {row.verdict for row in self.rows} or {"not applicable"}
        return next(verdict for verdict in VERDICTS if verdict in found)

    @property
    def status(self) -> Status:
        """The weakest of its rows."""
        return max((row.status for row in self.rows), key=STATUSES.index, default="proved")

    def to_dict(self) -> dict[str, Any]:
        rows = [asdict(row) for row in self.rows]
        return {
            "name": self.name,
            "claim": self.claim,
            "verdict": self.verdict,
            "status": self.status,
            "hypotheses": list(self.hypotheses),
            "notes": list(self.notes),
            "rows": rows,
        }


def decide(left: Fraction, relation: Relation, right: Fraction, tolerance: Fraction = Fraction(0)) -> Verdict:
    """Whether the comparison holds, does not, or cannot be told within the tolerance; exact."""
    margin = right - left if relation == "<=" else left - right
    if margin >= tolerance:
        return "pass"
    return "fail" if margin < -tolerance else "undecided"


def compare(
    member: int | None,
    what: str,
    left: Fraction | float,
    relation: Relation,
    right: Fraction | float,
    *,
    tolerance: Fraction | float = 0,
    status: Status = "proved",
    note: str = "",
    theorem: bool = False,
) -> Row:
    """A row whose verdict is decided in exact arithmetic; infinite numbers compare as they should.

    theorem : whether the comparison follows from hypotheses that hold, so that rounding leaves nothing open
    """
    if not (math.isfinite(left) and math.isfinite(right)):
        holds = left <= right if relation == "<=" else left >= right
        verdict: Verdict = "undecided" if math.isnan(left) or math.isnan(right) else "pass" if holds else "fail"
        return Row(member, what, shown(left), relation, shown(right), verdict, status, 0.0, note)
    verdict = decide(Fraction(left), relation, Fraction(right), Fraction(tolerance))
    if theorem and verdict == "undecided":
        verdict = "pass"
    return Row(member, what, shown(left), relation, shown(right), verdict, status, float(tolerance), note)


def inapplicable(member: int | None, what: str, note: str, relation: Relation = "<=") -> Row:
    """A row that says which hypothesis does not hold."""
    return Row(member, what, None, relation, None, "not applicable", "proved", 0.0, note)


def merged(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Rows in the order of members, those about the whole chain last."""
    return tuple(sorted(rows, key=lambda row: math.inf if row.member is None else row.member))


def shown(value: Fraction | float) -> float | None:
    """A number as JSON can hold it; None for what is beyond float64."""
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
