"""The size of parameters under weight decay."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction

from lielaws.modification.clause_rows import Clause, Row, compare, inapplicable
from lielaws.modification.evaluated_chain import Question, Step, View
from lielaws.modification.tensor_values import exact_number

_ROUNDING = Fraction(1, 10**12)
_WHAT = "|theta|^2"


@dataclass(eq=False)
class Decay:
    """|theta|^2 <= C / lambda with C = 2 (F(theta_0) - L*), where F = L + lambda/2 |theta|^2 has not risen.

    For then lambda/2 |theta|^2 = F(theta) - L(theta) <= F(theta_0) - L*. Nothing follows where F has risen, whatever
    the loss alone did.
    """

    question: Question
    _rows: list[Row] = field(default_factory=list)

    def see(self, step: Step) -> None:
        rate = self.question.options.weight_decay
        if rate is None:
            return
        decay = exact_number(rate)
        if not math.isfinite(step.after.squared_norm + step.first.squared_norm):
            self._rows.append(inapplicable(step.number, _WHAT, "|theta|^2 is beyond float64"))
            return
        first, last = self._objective(step.first, decay), self._objective(step.after, decay)
        if last > first + step.first.loss.rounding:
            text = f"the loss with decay rose from {float(first):.6g} to {float(last):.6g}, so nothing is bounded"
            self._rows.append(inapplicable(step.number, _WHAT, text))
            return
        constant = 2 * (first - self.question.bound.value)
        size = Fraction(step.after.squared_norm)
        rounding = step.first.loss.rounding + step.after.loss.rounding
        slack = 6 * rounding / decay + _ROUNDING * (size + Fraction(step.first.squared_norm) + constant / decay)
        note = f"C = {float(constant):.6g}"
        self._rows.append(compare(step.number, _WHAT, size, "<=", constant / decay + slack, note=note))

    def _objective(self, view: View, decay: Fraction) -> Fraction:
        return view.loss.value + decay / 2 * Fraction(view.squared_norm)

    def clauses(self) -> list[Clause]:
        rate, bound = self.question.options.weight_decay, self.question.bound
        claim = "|theta|^2 <= C / lambda, C = 2 (F(theta_0) - L*), if F = L + lambda/2 |theta|^2 has not risen"
        notes = ("no weight decay was given",) if rate is None else (f"lambda = {rate:g}",)
        hypotheses = (f"L* = {float(bound.value):.6g} is a lower bound of the loss, as given",) if bound.given else ()
        return [Clause("decay", claim, tuple(self._rows), hypotheses if rate is not None else (), notes)]
