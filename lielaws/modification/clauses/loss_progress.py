"""Progress with one delta, the count that follows from it, and termination."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction

from lielaws.modification.clause_rows import Clause, Row, Verdict, compare, inapplicable
from lielaws.modification.evaluated_chain import Question, Step
from lielaws.modification.losses import CrossEntropy, Measured, SquaredError
from lielaws.modification.quadratic_losses import QuadraticLoss
from lielaws.modification.tensor_values import exact_number

_NO_DELTA = "no member makes progress, so there is no delta > 0"


@dataclass(eq=False)
class Progress:
    """L(theta') <= L(theta) - delta with one delta > 0; N <= (L(theta_0) - L*) / delta; termination.

    The losses are compared as the rational numbers that the computed floats are, so that the count follows from the
    progress of the members without any rounding: N delta <= sum of the drops = L(theta_0) - L(theta_N).
    """

    question: Question
    _steps: list[tuple[Measured, Measured, Fraction]] = field(default_factory=list)

    def see(self, step: Step) -> None:
        self._steps.append((step.before.loss, step.after.loss, step.drop_rounding))

    @property
    def delta(self) -> Fraction | None:
        """The caller's; else the largest one that every member with progress has for certain. None if none has any."""
        if self.question.options.delta is not None:
            return exact_number(self.question.options.delta)
        certain = [before.value - after.value - rounding for before, after, rounding in self._steps]
        return min((drop for drop in certain if drop > 0), default=None)

    def clauses(self) -> list[Clause]:
        progress = self._progress()
        return [progress, self._count(), self._termination(progress)]

    def _progress(self) -> Clause:
        delta, rows = self.delta, []
        for number, (before, after, rounding) in enumerate(self._steps, 1):
            target = before.value - (delta or 0)
            row = compare(number, "loss", after.value, "<=", target, tolerance=rounding)
            if delta is None:
                left, right = float(after.value), float(before.value)
                verdict: Verdict = "undecided" if before.value - after.value > 0 else "fail"
                row = Row(number, "loss", left, "<=", right, verdict, "proved", float(rounding), _NO_DELTA)
            rows.append(row)
        chosen = "" if self.question.options.delta is not None else "; the largest that the members show"
        given = "" if delta is None else f"delta = {float(delta):.6g}{chosen}"
        return Clause(
            "progress",
            "L(theta') <= L(theta) - delta, with one delta > 0 for the whole chain",
            tuple(rows),
            hypotheses=self._accuracy(),
            notes=tuple(filter(None, [given, "the loss of these data; nothing is said of others"])),
        )

    def _accuracy(self) -> tuple[str, ...]:
        """What has to be true of the computed losses."""
        loss, accuracy = self.question.loss, self.question.options.accuracy
        rounds = not accuracy or any(rounding for _, _, rounding in self._steps)
        if isinstance(loss, QuadraticLoss) or not rounds:
            return ()
        if not isinstance(loss, CrossEntropy | SquaredError):
            return (f"the loss '{loss.name}' is computed with an error of at most {accuracy:g} (1 + |loss|)",)
        return (f"outputs are accurate to {accuracy:g} of the largest of them",)

    def _count(self) -> Clause:
        claim = "N <= (L(theta_0) - L*) / delta"
        bound, delta, count = self.question.bound, self.delta, len(self._steps)
        notes = (f"L* = {float(bound.value):.6g}: {bound.reason}",)
        hypotheses = (f"L* = {float(bound.value):.6g} is a lower bound of the loss, as given",) if bound.given else ()
        if delta is None:
            return Clause("countability", claim, (inapplicable(None, "N", _NO_DELTA),), hypotheses, notes)
        start = self._steps[0][0]
        most = (start.value - bound.value) / delta
        row = compare(None, "N", count, "<=", most, tolerance=start.rounding / delta, note=f"at most {_whole(most)}")
        return Clause("countability", claim, (row,), hypotheses, notes)

    def _termination(self, progress: Clause) -> Clause:
        claim = "every chain of modifications that each make progress delta ends: after this one, at most M more"
        bound, delta = self.question.bound, self.delta
        hypotheses = (f"L* = {float(bound.value):.6g} is a lower bound of the loss, as given",) if bound.given else ()
        if delta is None or progress.verdict != "pass":
            note = "not all members make progress delta, and nothing bounds the length of such a chain"
            return Clause("termination", claim, (inapplicable(None, "M", note, ">="),), hypotheses)
        end = self._steps[-1][1]
        left = (end.value + end.rounding - bound.value) / delta
        row = compare(None, "M", math.floor(left), ">=", 0, note=f"(L(theta_N) - L*) / delta = {float(left):.6g}")
        return Clause("termination", claim, (row,), hypotheses)


def _whole(value: Fraction) -> str:
    return f"{math.floor(value):,} modifications make this progress"
