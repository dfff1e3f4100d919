"""Preservation of the representation."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from lielaws.modification.clause_rows import Clause, Row, Verdict, inapplicable, shown
from lielaws.modification.evaluated_chain import Question, Step
from lielaws.modification.representation import Info

_ROUNDING = 1e-12
_MEANINGS = {
    "empirical": (
        "X uniform on the data, Z as computed and rounded to a grid: I(X; Z) = H(Z), counted; nothing is said of other "
        "inputs"
    ),
    "noisy": "X uniform on the data, Z as computed: bounds of I(X; Z + N), N Gaussian (Kolchinsky and Tracey 2017)",
}


@dataclass(eq=False)
class Preservation:
    """Info(theta') >= (1 - eps) Info(theta), with Info = I(X; Z) - I(Z; Y | X)."""

    question: Question
    _rows: list[Row] = field(default_factory=list)
    _warnings: dict[str, None] = field(default_factory=dict)
    _saturated: bool = False

    def see(self, step: Step) -> None:
        if self.question.data is None:
            self._rows.append(inapplicable(step.number, "Info", "there are no data, and so no representation", ">="))
            return
        before, after = step.before.info, step.after.info
        self._saturated |= bool(after.counts) and len(after.counts) == int(self.question.data.groups.max()) + 1
        self._warnings |= dict.fromkeys((*before.warnings, *after.warnings))
        self._rows.append(self._row(step.number, before, after))

    def _row(self, number: int, before: Info, after: Info) -> Row:
        refused = before.refused or after.refused
        if refused is not None:
            return inapplicable(number, "Info", f"no estimate is given: {refused}", ">=")
        kept = 1 - float(self.question.options.epsilon)
        left, right = (after.low + after.high) / 2, kept * (before.low + before.high) / 2
        spread = (after.high - after.low + kept * (before.high - before.low)) / 2
        tolerance = spread + _ROUNDING * (1 + abs(left) + abs(right))
        if not kept or after is before or (before.counts and before.counts == after.counts):
            # Info is never negative; so nothing is left to decide between 0, or a share of it, and itself.
            note = "the representation did not move" if after is before else ""
            return Row(number, "Info", shown(left), ">=", shown(right), "pass", note=note)
        verdict: Verdict = "undecided"
        if after.low >= kept * before.high + _ROUNDING:
            verdict = "pass"
        elif after.high < kept * before.low - _ROUNDING:
            verdict = "fail"
        note = "" if after.high == after.low else f"Info between {after.low:.4g} and {after.high:.4g}"
        if before.low <= 0 and after.status == "estimated" and math.isfinite(before.low):
            note += "; the interval before reaches down to 0"
        within = shown(tolerance) or 0.0
        return Row(number, "Info", shown(left), ">=", shown(right), verdict, after.status, within, note)

    def clauses(self) -> list[Clause]:
        options = self.question.options
        method = options.reading.method
        over = (1 - options.epsilon) ** len(self.question.chain)
        notes = [
            "Z is a function of X, so that I(Z; Y | X) = 0 and Info = I(X; Z)",
            _MEANINGS.get(method, f"estimated by '{method}', with intervals at {options.reading.confidence:.0%} each"),
            f"over the whole chain Info may fall by the factor (1 - eps)^N = {over:.4g}",
            *(
                ["where all inputs have different representations, Info is the most that these data can show"]
                * self._saturated
            ),
            *(f"warning: {warning}" for warning in self._warnings),
        ]
        claim = (
            f"Info(theta') >= (1 - eps) Info(theta), Info = I(X; Z) - I(Z; Y | X) in nats, eps = {options.epsilon:g}"
        )
        return [Clause("preservation", claim, tuple(self._rows), notes=tuple(notes))]
