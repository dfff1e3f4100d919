"""One step, predicted before it is made and measured after it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from lielaws.arraytypes import FloatArray, IntArray
from lielaws.errors import InvalidArgumentError
from lielaws.training.balance_records import StepBalance
from lielaws.training.forms import LawForms
from lielaws.training.recursion import GradientForms, LawState, Rule, advance

_THETA, _GRADIENT, _BUFFER = range(3)
_PAIRS = (
    (_THETA, _THETA),
    (_THETA, _BUFFER),
    (_BUFFER, _BUFFER),
    (_GRADIENT, _GRADIENT),
    (_BUFFER, _GRADIENT),
    (_THETA, _GRADIENT),
)


@dataclass(frozen=True, slots=True)
class Before:
    """What is measured before a step, each by law.

    state, gradient : of the parameters with the buffer, and of the gradient as it was given
    scale : the sum of squares of the entries involved
    """

    state: LawState
    gradient: GradientForms
    scale: FloatArray

    @classmethod
    def of(cls, forms: LawForms, theta: FloatArray, gradient: FloatArray, buffer: FloatArray, when: str) -> Before:
        """Raises InvalidArgumentError for numbers whose squares are beyond float64."""
        vectors = np.stack([theta, gradient, buffer])
        square, overlap, buffer_square, gradient_square, cross, slope = forms.bilinear(vectors, _PAIRS)
        linear, gradient_linear, buffer_linear = forms.linear_of(vectors)
        scale = scale_of(forms, theta, when)
        state = LawState(square, linear, overlap + buffer_linear / 2, buffer_square, buffer_linear)
        given = GradientForms(gradient_square, cross, gradient_linear, slope + gradient_linear / 2)
        for form in (gradient_square, cross, slope):
            if not np.isfinite(form).all():
                raise _too_large("grads", gradient, when)
        return cls(state, given, scale)


@dataclass(frozen=True, slots=True)
class Prediction:
    """The step to come, by law and without the constants of the laws.

    again, from_start : predicted from the laws measured before the step, and from the start of the run
    executed : what the rule makes of the gradient as it was given
    scale, largest_scale : the sum of squares of the entries before the step, and the largest so far
    forms, rule : what was used of the gradient, and the factors by tensor
    """

    again: LawState
    from_start: LawState
    executed: FloatArray
    scale: FloatArray
    largest_scale: FloatArray
    forms: GradientForms
    rule: Rule

    @classmethod
    def of(
        cls,
        before: Before,
        from_start: LawState,
        largest_scale: FloatArray,
        rule: Rule,
        forms: LawForms,
        tensor_of_law: IntArray,
    ) -> Prediction:
        lawful = before.gradient.lawful(forms.purely_linear)
        # One call for all three: the arrays are short, and each operation costs about the same for one as for three.
        after = advance(
            LawState(*_stacked(before.state, from_start, before.state)),
            GradientForms(*_stacked(lawful, lawful, before.gradient)),
            rule.at(tensor_of_law),
        )
        again, course, executed = (LawState(*(part[k] for part in _fields(after))) for k in range(3))
        return cls(
            again=again,
            from_start=course,
            executed=executed.value,
            scale=before.scale,
            largest_scale=np.maximum(largest_scale, before.scale),
            forms=lawful,
            rule=rule,
        )

    def compared(
        self, forms: LawForms, value: FloatArray, scale: FloatArray, step: int, tolerances: tuple[float, float]
    ) -> StepBalance:
        """The outcome, with the value and the scale after the step; tolerances of a step, and from the start."""
        return StepBalance(
            step=step,
            laws=forms.laws,
            measured=forms.constant + value,
            predicted=forms.constant + self.again.value,
            predicted_from_start=forms.constant + self.from_start.value,
            executed=forms.constant + self.executed,
            scale=np.maximum(self.scale, scale),
            scale_from_start=np.maximum(self.largest_scale, scale),
            step_tolerance=tolerances[0],
            tolerance=tolerances[1],
            forms=self.forms,
            rule=self.rule,
        )

    @property
    def course(self) -> tuple[LawState, FloatArray]:
        """What the prediction from the start goes on with."""
        return self.from_start, self.largest_scale

    def anchored(self) -> Prediction:
        """With the measurement before the step as the start."""
        return replace(self, from_start=self.again)


def _stacked(*values: LawState | GradientForms) -> list[FloatArray]:
    """Field by field, shape (len(values), laws)."""
    return [np.stack(parts) for parts in zip(*map(_fields, values), strict=True)]


def _fields(value: LawState | GradientForms) -> tuple[FloatArray, ...]:
    return tuple(getattr(value, field.name) for field in fields(value))


def start_of(forms: LawForms, value: FloatArray, scale: FloatArray, tolerances: tuple[float, float]) -> StepBalance:
    """The laws where nothing was predicted yet."""
    laws = forms.constant + value
    return StepBalance(0, forms.laws, laws, laws, laws, laws, scale, scale, *tolerances)


def value_of(forms: LawForms, theta: FloatArray) -> FloatArray:
    """The laws without their constants."""
    return np.asarray(forms.bilinear(theta[None], [(0, 0)])[0] + forms.linear_of(theta[None])[0])


def scale_of(forms: LawForms, theta: FloatArray, when: str) -> FloatArray:
    scale = forms.scale(theta)
    if not np.isfinite(scale).all():
        raise _too_large("params", theta, when)
    return scale


def _too_large(argument: str, vector: FloatArray, when: str) -> InvalidArgumentError:
    text = f"entries up to {np.abs(vector).max():.1e}"
    remedy = f"{when}: their squares are beyond float64, the run has diverged; what was recorded before is kept"
    return InvalidArgumentError(argument, text, remedy)
