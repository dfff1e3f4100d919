"""What the balance says of one step, and of a run."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lielaws.arraytypes import BoolArray, FloatArray
from lielaws.engine.laws.law import Law
from lielaws.errors import LieLawsError
from lielaws.training.recursion import GradientForms, Rule

_SMALLEST_SCALE = 1e-280
_MOST_LINES = 8


class BalanceError(LieLawsError):
    """Raised on an alarm, if the balance was made so.

    result : the StepBalance with the alarm
    """

    def __init__(self, result: StepBalance) -> None:
        super().__init__(" ".join(str(result).split()))
        self.result = result

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.result,)


@dataclass(frozen=True, slots=True)
class LawStep:
    """One law in one step. Residuals are relative to the scale of the law; see :class:`StepBalance`."""

    law: Law
    measured: float
    predicted: float
    residual: float
    predicted_from_start: float
    residual_from_start: float
    alarm: bool

    @property
    def name(self) -> str:
        return self.law.name


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StepBalance:
    """All laws after one step of the optimizer. Arrays have shape (laws,), in the order of `laws`.

    step : how many updates had been made; 0 is the start, where nothing is predicted yet
    measured : the laws at the parameters after the step
    predicted : what they should be, from the laws measured before this step
    predicted_from_start : what they should be, from the laws at the start of the run
    executed : what the update rule makes of the gradient as it was given, even if that violates the laws
    scale, scale_from_start : the sum of squares of the entries involved, the larger of before and after this step, and
        the largest so far; a term c x y counts as |c| (x^2 + y^2) / 2, with y = 1 for a linear term
    step_tolerance, tolerance : for the residuals of the step, and from the start
    forms, rule : what the recursion knew of the gradient, and the settings by tensor; None at the start
    """

    step: int
    laws: tuple[Law, ...]
    measured: FloatArray
    predicted: FloatArray
    predicted_from_start: FloatArray
    executed: FloatArray
    scale: FloatArray
    scale_from_start: FloatArray
    step_tolerance: float
    tolerance: float
    forms: GradientForms | None = None
    rule: Rule | None = None

    @property
    def residual(self) -> FloatArray:
        """(measured - predicted) / scale, of this step alone."""
        return relative(self.measured - self.predicted, self.scale)

    @property
    def residual_from_start(self) -> FloatArray:
        """(measured - predicted_from_start) / scale_from_start."""
        return relative(self.measured - self.predicted_from_start, self.scale_from_start)

    @property
    def gradient_fault(self) -> FloatArray:
        """The part of the residual that comes from a gradient which is not orthogonal to that of the law."""
        return relative(self.executed - self.predicted, self.scale)

    @property
    def update_fault(self) -> FloatArray:
        """The part of the residual that comes from an update which is not what the rule makes of the gradient."""
        return relative(self.measured - self.executed, self.scale)

    @property
    def alarms(self) -> BoolArray:
        """For each law, whether one of the two residuals exceeds its tolerance."""
        return ~(self.excess <= 1)

    @property
    def alarm(self) -> bool:
        return bool(np.any(self.alarms))

    @property
    def excess(self) -> FloatArray:
        """For each law the larger of the two residuals, in units of its tolerance."""
        step = np.abs(self.residual) / self.step_tolerance
        return np.maximum(step, np.abs(self.residual_from_start) / self.tolerance)

    @property
    def worst(self) -> LawStep:
        """The law with the largest excess."""
        return self[int(np.argmax(self.excess))]

    @property
    def entries(self) -> tuple[LawStep, ...]:
        """The same law by law."""
        return tuple(self[k] for k in range(len(self.laws)))

    def __len__(self) -> int:
        return len(self.laws)

    def __getitem__(self, number: int) -> LawStep:
        return LawStep(
            law=self.laws[number],
            measured=float(self.measured[number]),
            predicted=float(self.predicted[number]),
            residual=float(self.residual[number]),
            predicted_from_start=float(self.predicted_from_start[number]),
            residual_from_start=float(self.residual_from_start[number]),
            alarm=bool(self.alarms[number]),
        )

    @property
    def cause(self) -> str:
        """What an alarm says about where the fault is; empty without alarm."""
        if not self.alarm:
            return ""
        steps = np.abs(self.residual) > self.step_tolerance
        if not steps.any():
            return "small or earlier residuals have added up since the start; this step alone is within its tolerance"
        faults = {
            "the gradient is none of a loss of this network at these parameters": self.gradient_fault,
            "the parameters are not where the optimizer's rule leads with this gradient": self.update_fault,
        }
        found = [text for text, part in faults.items() if np.any(steps & (np.abs(part) > self.step_tolerance / 2))]
        return " and ".join(found)

    def __str__(self) -> str:
        if not self.step:
            return f"start: {_laws(len(self.laws))}"
        steps, totals = np.abs(self.residual).max(), np.abs(self.residual_from_start).max()
        text = f"step {self.step}: residual {steps:.1e} of {self.step_tolerance:.0e}, from the start {totals:.1e} of "
        text += f"{self.tolerance:.0e} ({_laws(len(self.laws))})"
        if not self.alarm:
            return text
        broken = np.flatnonzero(self.alarms)
        order = broken[np.argsort(-self.excess[broken], kind="stable")]
        lines = [f"ALARM, {text}", f"  {self.cause}"]
        for number in order[:_MOST_LINES]:
            law = self[int(number)]
            lines.append(
                f"  {law.name}: measured {law.measured:.9g}, predicted {law.predicted:.9g}, from the start "
                f"{law.predicted_from_start:.9g}"
            )
        if len(order) > _MOST_LINES:
            lines.append(f"  and {len(order) - _MOST_LINES} more")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"StepBalance(step={self.step}, {_laws(len(self.laws))}, alarm={self.alarm})"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RunBalance:
    """All laws over a run so far. Arrays have shape (laws,).

    steps : how many updates were measured
    start, end : the laws at the first parameters, and at the last ones that were measured
    predicted : what they should be at the end, from those at the start
    scale : the largest sum of squares of the entries involved so far
    largest_residual, largest_from_start : the largest absolute residual of a step, and from the start
    alarms : how many steps had an alarm
    first_alarm : the first of them
    """

    laws: tuple[Law, ...]
    steps: int
    start: FloatArray
    end: FloatArray
    predicted: FloatArray
    scale: FloatArray
    largest_residual: FloatArray
    largest_from_start: FloatArray
    step_tolerance: float
    tolerance: float
    alarms: int
    first_alarm: StepBalance | None = field(default=None)

    @property
    def drift(self) -> FloatArray:
        """How far each law moved from the start, measured."""
        return self.end - self.start

    @property
    def predicted_drift(self) -> FloatArray:
        return self.predicted - self.start

    @property
    def alarm(self) -> bool:
        return self.alarms > 0

    def __str__(self) -> str:
        moved = relative(self.drift, self.scale)
        lines = [
            f"{_laws(len(self.laws))} over {self.steps} step{'s' * (self.steps != 1)}",
            f"  drift               {np.abs(moved).max():.1e}   of the sum of squares of the entries, at most",
            f"  residual of a step  {self.largest_residual.max():.1e}   tolerance {self.step_tolerance:.0e}",
            f"  from the start      {self.largest_from_start.max():.1e}   tolerance {self.tolerance:.0e}",
            f"  alarms              {self.alarms}" if self.alarms else "  no alarm",
        ]
        if self.first_alarm is not None:
            lines.append("  first " + str(self.first_alarm).replace("\n", "\n  "))
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"RunBalance({_laws(len(self.laws))}, steps={self.steps}, alarms={self.alarms})"


def relative(difference: FloatArray, scale: FloatArray) -> FloatArray:
    """Laws whose entries are all zero, or too small to be squared, have no scale; only a change from there shows."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(difference / np.maximum(scale, _SMALLEST_SCALE))


def _laws(count: int) -> str:
    return f"{count} law{'s' * (count != 1)}"
