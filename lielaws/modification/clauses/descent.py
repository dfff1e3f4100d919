"""Gradient steps whose progress the descent lemma guarantees."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from lielaws.checks import positive
from lielaws.modification.chain import GRADIENT_STEP
from lielaws.modification.clause_rows import Clause, Row, compare, inapplicable
from lielaws.modification.evaluated_chain import Question, Step
from lielaws.modification.losses import CrossEntropy, SquaredError
from lielaws.modification.model import checked_gradient
from lielaws.modification.quadratic_losses import QuadraticLoss
from lielaws.modification.smoothness import LastLayer, Smoothness
from lielaws.modification.tensor_values import chosen_names, exact_number

_WHAT = "loss after the step"
# How far outputs may be from those of the layer that a constant is of, in units of their rounding.
_ALIKE = 100
# Of the residual of a step, relative to what it adds up: whatever is more is no rounding.
_STRAY = 1e-9


@dataclass(frozen=True)
class Vectors:
    """Gradient and what remains of the move once the step is taken off it, as exact numbers where the loss is exact.

    squared : |g|^2; mixed : <g, r>; residual : |r|^2, with theta' = theta - eta g + r
    """

    squared: Fraction
    mixed: Fraction
    residual: Fraction
    stray: bool


@dataclass(eq=False)
class Descent:
    """For a gradient step with eta <= 1/L_smooth: L(theta') <= L(theta) - eta/2 |grad L|^2.

    With theta' = theta - eta g + r, r the rounding of the step, L-smoothness gives the drop of at least
    eta (1 - eta L/2) |g|^2 - (1 - eta L) <g, r> - L/2 |r|^2; where that is less than eta/2 |g|^2, the difference is
    allowed for: it vanishes with r.
    """

    question: Question
    _rows: list[Row] = field(default_factory=list)
    _hypotheses: dict[str, None] = field(default_factory=dict)

    def see(self, step: Step) -> None:
        if step.modification.done == GRADIENT_STEP:
            self._rows.append(self._row(step))

    def _row(self, step: Step) -> Row:
        settings = step.modification.settings
        try:
            rate = exact_number(settings["rate"])
            frozen = chosen_names("frozen", settings.get("frozen", ()), step.before.model.params, ())
            positive("rate", rate)
        except (KeyError, TypeError, ValueError, OverflowError):
            return inapplicable(step.number, _WHAT, "the settings of the modification name no rate, or no tensors")
        smoothness = self._smoothness
        reason = self._refusal(step, rate, smoothness)
        if reason or smoothness is None:
            return inapplicable(step.number, _WHAT, reason or "")
        gradient = self.question.loss.gradient(step.before.model, self.question.data)
        if gradient is None:
            return inapplicable(step.number, _WHAT, "the gradient of the loss is not known: give the model a pullback")
        exact = isinstance(self.question.loss, QuadraticLoss)
        vectors = (_exact if exact else _rounded)(step, rate, gradient, frozen, self.question)
        if vectors is None:
            return inapplicable(step.number, _WHAT, "|grad L|^2 is beyond float64")
        if vectors.stray:
            text = "the move is no step along the gradient of this loss on these data, as that of a minibatch is not"
            return inapplicable(step.number, _WHAT, text)
        if smoothness.layer is not None and self._knows(smoothness.layer):
            self._hypotheses["the model computes W z + b from the features given with the constant, as on the data"] = (
                None
            )
        elif not exact:
            self._hypotheses[f"the loss is {float(smoothness.value):.6g}-smooth, {smoothness.reason}"] = None
        return self._compared(step, rate, smoothness.exact, vectors, exact)

    def _compared(self, step: Step, rate: Fraction, L: Fraction, vectors: Vectors, exact: bool) -> Row:
        wanted = rate / 2 * vectors.squared
        certain = (
            rate * (1 - rate * L / 2) * vectors.squared - (1 - rate * L) * vectors.mixed - L / 2 * vectors.residual
        )
        slack = max(Fraction(0), wanted - certain)
        tolerance = Fraction(0)
        if not exact:
            accuracy = Fraction(self.question.options.accuracy)
            tolerance = step.drop_rounding + 10 * accuracy * rate * (vectors.squared + 1)
        target = step.before.loss.value - wanted + slack
        note = f"guarantees progress {float(wanted):.4g}"
        if exact and not slack:
            note += ", exactly"
        row = compare(
            step.number, _WHAT, step.after.loss.value, "<=", target, tolerance=tolerance, note=note, theorem=True
        )
        if row.verdict == "fail":
            text = f"the loss is not {float(L):.6g}-smooth along this step: the constant is wrong"
            return Row(row.member, row.what, row.left, "<=", row.right, "fail", "proved", row.tolerance, text)
        return row

    @cached_property
    def _smoothness(self) -> Smoothness | None:
        given, loss = self.question.options.smoothness, self.question.loss
        if not isinstance(loss, QuadraticLoss):
            return given
        if given is None:
            # A constant loss is smooth with any constant.
            return Smoothness(loss.smoothness or Fraction(1, 2**64), "proved", "largest sum of |A| along a row")
        if given.kind == "estimated" or not loss.is_smooth(given.exact):
            return given
        return Smoothness(given.value, "proved", "no eigenvalue of A is larger, decided exactly")

    def _refusal(self, step: Step, rate: Fraction, smoothness: Smoothness | None) -> str | None:
        """The hypothesis that does not hold."""
        if smoothness is None:
            return "no constant of smoothness is known; give smoothness=..."
        if smoothness.kind == "estimated":
            return "the constant of smoothness is only estimated, so nothing is guaranteed"
        L, loss = smoothness.exact, self.question.loss
        if isinstance(loss, QuadraticLoss) and smoothness.kind != "proved":
            return f"the loss is not {float(L):.6g}-smooth: A has a larger eigenvalue, decided exactly"
        # The float nearest to 1/L is what callers mean by it, also where it is above by less than rounding.
        if rate * L > 1 and rate != Fraction(1 / float(L)):
            return f"the step is too large: eta = {float(rate):.6g} > 1/L_smooth = {float(1 / L):.6g}"
        if smoothness.tensors is not None:
            moved = [
                n for n, v in step.after.model.params.items() if not np.array_equal(v, step.before.model.params[n])
            ]
            others = [name for name in moved if name not in smoothness.tensors]
            if others:
                return f"'{others[0]}' moved, and the constant is that of {', '.join(smoothness.tensors)} alone"
        return None if smoothness.layer is None else self._other(step, smoothness.layer)

    def _knows(self, layer: LastLayer) -> bool:
        """Whether the loss is the one that the constant is of."""
        return isinstance(self.question.loss, CrossEntropy | SquaredError) and self.question.loss.name == layer.loss

    def _other(self, step: Step, layer: LastLayer) -> str | None:
        """Why a constant that was proved for a last layer is not that of this step; None if it is."""
        loss = self.question.loss
        if isinstance(loss, CrossEntropy | SquaredError) and not self._knows(layer):
            return f"the constant is that of the loss '{layer.loss}', not of '{loss.name}'"
        for view in (step.before, step.after):
            found = None if self.question.data is None else layer.outputs(view.model.params)
            if (
                found is None
                or found.shape != view.outputs.shape
                or (np.abs(found - view.outputs) > _ALIKE * view.slack()).any()
            ):
                return f"the constant is proved for other features than those that '{layer.weight}' reads here"
        return None

    def clauses(self) -> list[Clause]:
        claim = "a gradient step with eta <= 1/L_smooth lowers the loss by eta/2 |grad L|^2 or more"
        notes = (
            ("grad L is that in the tensors that are trained",)
            if self._rows
            else ("no member is a single gradient step",)
        )
        return [Clause("descent", claim, tuple(self._rows), tuple(self._hypotheses), notes)]


def _exact(step: Step, rate: Fraction, _: Any, frozen: Iterable[str], question: Question) -> Vectors:
    loss = question.loss
    assert isinstance(loss, QuadraticLoss)
    before, after = loss.exactly(step.before.model), loss.exactly(step.after.model)
    free = [name not in frozen for name, value in step.before.model.params.items() for _ in range(value.size)]
    slope = [g if f else Fraction(0) for g, f in zip(loss.slope(before), free, strict=True)]
    residual = [b - a + rate * g for a, b, g in zip(before, after, slope, strict=True)]
    size = max(abs(t) for t in (*before, *(rate * g for g in slope)))
    return Vectors(
        sum((g * g for g in slope), Fraction(0)),
        sum((g * r for g, r in zip(slope, residual, strict=True)), Fraction(0)),
        sum((r * r for r in residual), Fraction(0)),
        any(abs(r) > Fraction(_STRAY) * size for r in residual),
    )


def _rounded(step: Step, rate: Fraction, gradient: Any, frozen: Iterable[str], question: Question) -> Vectors | None:
    """None for what is beyond float64."""
    del question
    slopes, residuals, scales = [], [], []
    found = checked_gradient(step.before.model, gradient, frozen)
    for name, value in step.before.model.params.items():
        g = found[name]
        slopes.append(g.ravel())
        residuals.append((step.after.model.params[name] - value + float(rate) * g).ravel())
        scales.append((np.abs(value) + float(rate) * np.abs(g)).ravel())
    g, r, scale = (np.concatenate(parts) for parts in (slopes, residuals, scales))
    stray = bool((np.abs(r) > _STRAY * scale.max(initial=0.0)).any())
    products = [float(one @ two) for one, two in ((g, g), (g, r), (r, r))]
    if not np.isfinite(products).all():
        return None
    squared, mixed, residual = (Fraction(product) for product in products)
    return Vectors(squared, mixed, residual, stray)
