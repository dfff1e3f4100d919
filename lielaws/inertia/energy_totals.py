"""Totals of an energy ledger."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lielaws.inertia.entries import MEANINGS, PARTS, LedgerEntry
from lielaws.inertia.recording import Stop

# Rounding of the optimizer's own arithmetic counts as a move that it does not explain; it is not worth a line.
_NEGLIGIBLE = 1e-9


@dataclass(frozen=True, slots=True)
class LedgerSummary:
    """What a ledger says in sum.

    steps : number of steps with an entry
    time : time of the flow behind them
    start, end : energy before and after them; NaN while there is no entry
    totals : change of energy by part
    residual : largest size of what the parts leave over in one entry: rounding
    above_limit, first_above : number of steps that were too large for the curvature along them, and the first entry
        with one (the number of its last step), or None
    sharpest : largest ratio of curvature to its limit, NaN if no curvature was measured
    mismatches, first_mismatch : the same for moves that the optimizer does not explain
    stopped : at which step the ledger stopped, and why; None if it did not
    """

    steps: int
    time: float
    start: float
    end: float
    totals: dict[str, float]
    residual: float
    above_limit: int
    first_above: int | None
    sharpest: float
    mismatches: int
    first_mismatch: int | None
    stopped: Stop | None

    @classmethod
    def of(cls, entries: Sequence[LedgerEntry], start: float | None, stopped: Stop | None) -> LedgerSummary:
        ratios = [entry.curvature / entry.limit for entry in entries if not math.isnan(entry.curvature)]
        return cls(
            steps=sum(entry.steps for entry in entries),
            time=entries[-1].time if entries else 0.0,
            start=math.nan if start is None else start,
            end=entries[-1].energy if entries else math.nan,
            totals={part: math.fsum(getattr(entry, part) for entry in entries) for part in PARTS},
            residual=max((abs(entry.residual) for entry in entries), default=0.0),
            above_limit=sum(entry.above_limit for entry in entries),
            first_above=next((entry.step for entry in entries if entry.above_limit), None),
            sharpest=max(ratios, default=math.nan),
            mismatches=sum(entry.mismatches for entry in entries),
            first_mismatch=next((entry.step for entry in entries if entry.mismatches), None),
            stopped=stopped,
        )

    @property
    def change(self) -> float:
        """Of the energy over all steps."""
        return self.end - self.start

    def to_dict(self) -> dict[str, Any]:
        """All numbers; NaN becomes None, which JSON can hold."""
        table = asdict(self)
        return {
            name: None if isinstance(value, float) and math.isnan(value) else value for name, value in table.items()
        }

    def __str__(self) -> str:
        if not self.steps:
            return "Energy ledger: no step is complete" + (f"; {self.stopped}" if self.stopped else "")
        lines = [
            f"Energy ledger of {self.steps} steps, t = {self.time:.6g}",
            f"  energy {self.start:.8g} -> {self.end:.8g}, change {self.change:.6g}",
        ]
        least = _NEGLIGIBLE * max(map(abs, self.totals.values()))
        shown = [part for part in PARTS if abs(self.totals[part]) > least or part in {"friction", "discretization"}]
        lines += [f"    {self.totals[part]:>+14.6e}  {MEANINGS[part]}" for part in shown]
        lines.append(f"    {self.residual:>14.1e}  left over in one entry at most: rounding")
        if not math.isnan(self.sharpest):
            lines.append(f"  curvature along a step at most {self.sharpest:.3g} times the stability limit")
        if self.above_limit:
            lines.append(
                f"  {self.above_limit} steps too large for the curvature along them, first by step {self.first_above}"
            )
        if self.mismatches:
            lines.append(
                f"  {self.mismatches} steps moved otherwise than SGD does, first by step {self.first_mismatch}"
            )
        if self.stopped is not None:
            lines.append(f"  {self.stopped}; what came before is kept")
        return "\n".join(lines)
