"""What a certificate says: clauses, each with the numbers on both sides, a verdict and a status."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from lielaws.errors import CertificateError, InvalidArgumentError, nearest

Verdict = Literal["pass", "fail", "undecided", "not applicable"]
Status = Literal["proved", "estimated", "heuristic"]
Relation = Literal["<=", ">="]

FORMAT = "lielaws-conservation-certificate"
VERSION = 1
STATUSES: tuple[Status, ...] = ("proved", "estimated", "heuristic")
VERDICTS: tuple[Verdict, ...] = ("fail", "undecided", "not applicable", "pass")
"""from the one that decides for a clause to the one that needs all rows"""
CORE = ("progress", "preservation", "countability")
"""the clauses that a chain has to pass to be accepted: the three conditions of the theorem"""
_LARGEST_FILE = 64 * 2**20


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


@dataclass(frozen=True, eq=False)
class ConservationCertificate:
    """What holds of a chain of modifications, clause by clause.

    clauses : in the order of the statement
    modifications : what was done, in order
    settings : tolerances and choices that the clauses used, as plain values
    """

    clauses: tuple[Clause, ...]
    modifications: tuple[str, ...]
    settings: Mapping[str, Any]

    def clause(self, name: str) -> Clause:
        """The clause of that name."""
        for clause in self.clauses:
            if isinstance(name, str) and clause.name == name:
                return clause
        raise InvalidArgumentError("name", name, nearest(str(name), [clause.name for clause in self.clauses]))

    def __getitem__(self, name: str) -> Clause:
        return self.clause(name)

    @property
    def accepted(self) -> bool:
        """Whether the chain as a whole is admissible: progress, preservation and countability pass."""
        return all(self.clause(name).verdict == "pass" for name in CORE)

    @property
    def admissible(self) -> tuple[bool, ...]:
        """For each modification, whether it makes progress and preserves the representation."""
        rows = [row for name in ("progress", "preservation") for row in self.clause(name).rows]
        passed = [{row.verdict for row in rows if row.member == k} for k in range(1, len(self.modifications) + 1)]
        return tuple(found == {"pass"} for found in passed)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as in the file."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "accepted": self.accepted,
            "admissible": list(self.admissible),
            "modifications": list(self.modifications),
            "settings": dict(self.settings),
            "clauses": [clause.to_dict() for clause in self.clauses],
        }

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the JSON record. Raises CertificateError if that is not possible."""
        try:
            Path(path).write_text(self.to_json(), encoding="utf-8")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise CertificateError("path", str(path), f"the certificate cannot be written ({reason})") from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ConservationCertificate:
        """Read a record; its verdicts are compared with its numbers. Raises CertificateError for anything else."""
        from lielaws.modification.reading import read_certificate

        try:
            if Path(path).stat().st_size > _LARGEST_FILE:
                raise CertificateError("path", str(path), f"larger than {_LARGEST_FILE >> 20} MB; no certificate is")
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            if isinstance(error, CertificateError):
                raise
            reason = getattr(error, "strerror", None) or "not a text file"
            raise CertificateError("path", str(path), f"cannot be read ({reason})") from error
        return read_certificate(text, str(path))

    def __str__(self) -> str:
        from lielaws.modification.report import text_report

        return text_report(self)

    def __repr__(self) -> str:
        verdicts = ", ".join(f"{clause.name}: {clause.verdict}" for clause in self.clauses)
        return f"ConservationCertificate({len(self.modifications)} modifications, {verdicts})"


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
