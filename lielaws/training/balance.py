"""Follow laws through the steps of a training loop, and say where it left the rule. See :mod:`lielaws.training`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.checks import choice, positive, positive_int
from lielaws.engine.flows.gradient import GradientFlow
from lielaws.engine.laws.law import Law
from lielaws.errors import InvalidArgumentError, LieLawsError, UnsupportedError
from lielaws.training.balance_records import BalanceError, RunBalance, StepBalance
from lielaws.training.forms import LawForms
from lielaws.training.framework_tensors import TOLERANCES, coarsest
from lielaws.training.ledger import Ledger
from lielaws.training.optimizer import Optimizer, Tensors, names_of
from lielaws.training.prediction import Before, Prediction, scale_of, start_of, value_of
from lielaws.training.recursion import GradientForms, LawState, Rule, replay

if TYPE_CHECKING:
    from lielaws.report.report import Report

ON_ALARM = ("record", "raise")
STEPS_PER_TOLERANCE = 100

_KEPT_NUMBERS = 10**7
_NUMBERS_PER_LAW = 12


class LawBalance:
    """A monitor of a training loop: each law of degree at most two is predicted exactly through each step of SGD.

    Parameters
    ----------
    laws : a Report of the gradient flow, or Law objects of degree 1 or 2
    lr : learning rate; None if it is given with each step
    momentum, dampening, nesterov, weight_decay : as in torch.optim.SGD; the decay is coupled, part of the gradient
    decoupled_decay : theta is multiplied by 1 - lr * decoupled_decay before the update, as in AdamW
    tolerance : for |measured - predicted from the start|, relative to the sum of squares of the entries of the law; by
        default 1e-9 for float64, 1e-4 for float32 and almost none for half precision, by the coarsest type that is seen
    step_tolerance : for one step alone; by default a hundredth of `tolerance`
    frozen : names of tensors that are not trained; laws that join them with trained ones are refused
    buffer : name -> momentum buffer before the first step, for a run that is resumed
    on_alarm : "record", or "raise" a BalanceError
    keep : so many steps at most stay in `history`; by default what fits in about 100 MB. Totals count all steps

    Each setting from `lr` to `decoupled_decay` may be a mapping of tensor names to values, for parameter groups. Where
    they differ within one law, the law is in no balance and is refused; different laws may have different ones.

    For each step of the optimizer call :meth:`step` with the parameters *before* the update and the gradients that it
    is made with, and :meth:`finish` with the last parameters:

        for x, y in batches:
            loss(model(x), y).backward()
            result = balance.step(params, grads)    # measures the step before, predicts the coming one
            optimizer.step()
        summary = balance.finish(params)

    Arrays, nested lists and tensors are read at the call and copied; sums are made in float64 whatever their type.
    Raises a LieLawsError for whatever cannot be used, NaN among it; such a call changes nothing.
    """

    def __init__(
        self,
        laws: Report | Sequence[Law],
        lr: float | Mapping[str, float] | None = None,
        momentum: float | Mapping[str, float] = 0.0,
        dampening: float | Mapping[str, float] = 0.0,
        nesterov: bool | Mapping[str, bool] = False,
        weight_decay: float | Mapping[str, float] = 0.0,
        decoupled_decay: float | Mapping[str, float] = 0.0,
        *,
        tolerance: float | None = None,
        step_tolerance: float | None = None,
        frozen: Iterable[str] = (),
        buffer: Mapping[str, Any] | None = None,
        on_alarm: str = "record",
        keep: int | None = None,
    ) -> None:
        chosen = _laws_of(laws)
        self._forms = LawForms.of(chosen)
        known = {name for law in chosen for name in law.space.shapes}
        self._tensors = Tensors(self._forms, names_of("frozen", frozen, known))
        self._optimizer = Optimizer.of(self._tensors, lr, momentum, dampening, nesterov, weight_decay, decoupled_decay)
        self._tolerance = None if tolerance is None else _positive("tolerance", tolerance)
        self._step_tolerance = None if step_tolerance is None else _positive("step_tolerance", step_tolerance)
        choice("on_alarm", on_alarm, ON_ALARM)
        self._on_alarm = on_alarm
        room = max(100, _KEPT_NUMBERS // (_NUMBERS_PER_LAW * self._forms.count))
        self._keep = room if keep is None else positive_int("keep", keep)
        self._started = np.full(len(self._tensors.names), buffer is not None)
        self._buffer = np.zeros(int(self._forms.layout.sizes.sum()))
        if buffer is not None:
            self._buffer, _ = self._forms.layout.read("buffer", buffer, "at the start", self._tensors.frozen)
        self._type = "float64"
        self._first: LawState | None = None
        self._ledger: Ledger | None = None
        self._open: Prediction | None = None

    @property
    def laws(self) -> tuple[Law, ...]:
        """In the order of all arrays in results."""
        return self._forms.laws

    @property
    def steps(self) -> int:
        """How many updates were measured."""
        return 0 if self._ledger is None else self._ledger.steps

    @property
    def tolerance(self) -> float:
        """For the law predicted from the start; by the types seen so far, unless it was given."""
        return self._tolerances(self._type)[1]

    @property
    def step_tolerance(self) -> float:
        """For one step alone."""
        return self._tolerances(self._type)[0]

    @property
    def history(self) -> tuple[StepBalance, ...]:
        """The steps measured so far, oldest first; the last `keep` of them."""
        return () if self._ledger is None else tuple(self._ledger.history)

    def step(
        self,
        params: Mapping[str, Any],
        grads: Mapping[str, Any],
        lr: float | Mapping[str, float] | None = None,
        scale: float | Mapping[str, float] = 1.0,
        *,
        momentum: float | Mapping[str, float] | None = None,
        weight_decay: float | Mapping[str, float] | None = None,
        decoupled_decay: float | Mapping[str, float] | None = None,
    ) -> StepBalance:
        """Measure the step before, and predict the one that the optimizer makes next.

        Parameters
        ----------
        params : name -> array, the parameters before the update
        grads : name -> array, the gradients of the loss at these parameters
        lr, momentum, weight_decay, decoupled_decay : of the coming step, where they differ from those of the balance
        scale : the optimizer uses `scale * grads`: a clipping factor, or one over a loss scale. 1 if `grads` are what
            the optimizer gets; -1 where it maximizes

        Returns what is known about the step before, with `step` 0 in the first call. Its alarm is about that step.
        """
        if self._ledger is not None and self._open is None:
            raise LieLawsError("step: the balance was finished; make a new LawBalance for another run")
        done = self.steps + (self._open is not None)
        rule = self._optimizer.rule(self._started, scale, lr, momentum, weight_decay, decoupled_decay)
        theta, kind = self._read(params, done)
        gradient, gradient_kind = self._forms.layout.read("grads", grads, f"step {done + 1}", self._tensors.frozen)
        kind = coarsest({kind, gradient_kind})
        with np.errstate(all="ignore"):
            before = Before.of(self._forms, theta, gradient, self._buffer, f"step {done + 1}")
            result = self._compare(before.state.value, before.scale, done, kind)
            known = (before.state, before.scale) if self._open is None else self._open.course
            opened = Prediction.of(before, *known, rule, self._forms, self._tensors.of_law)
            buffer = self._pushed(theta, gradient, rule)
        # Nothing can fail from here on: a call that raises for its input has changed nothing.
        self._type, self._open, self._buffer = kind, opened, buffer
        self._started = self._started | (rule.enter != 0)
        if self._ledger is None:
            self._first, self._ledger = before.state, Ledger(result, self._keep)
        else:
            self._ledger.record(result)
        return self._alerted(result)

    def check(self, params: Mapping[str, Any]) -> StepBalance:
        """Measure the open step at the parameters after it, without recording anything.

        For a look right after `optimizer.step()`; the next :meth:`step` measures again, and sees whether the parameters
        were changed in between.
        """
        return self._alerted(self._look(params, "check")[0])

    def finish(self, params: Mapping[str, Any]) -> RunBalance:
        """Measure the last step at the final parameters, and sum up. No step can follow."""
        result, self._type = self._look(params, "finish")
        assert self._ledger is not None
        self._ledger.record(result)
        self._open = None
        self._alerted(result)
        return self.summary()

    def summary(self) -> RunBalance:
        """The run as far as it was measured."""
        return self._recorded("summary").summary()

    def drift(self) -> FloatArray:
        """How far each law has moved from the start, measured, shape (laws,)."""
        return self.summary().drift

    def anchor(self) -> None:
        """Predict "from the start" anew from the last measured parameters: to go on after an alarm was dealt with."""
        self._open = self._opened("anchor").anchored()

    def predict(self, lr: float | Sequence[float] | None = None) -> FloatArray:
        """The laws along the recorded run, from their start and three recorded numbers for each gradient alone.

        Parameters
        ----------
        lr : another learning rate, or one for each step: what the laws would do if gradients and buffer had the forms
            q(G), b(m, G), l(G) of the recorded run. By default as recorded, which is exact

        Shape (steps + 1, laws). Raises a LieLawsError if `history` does not reach back to the start.
        """
        ledger = self._recorded("predict")
        assert self._first is not None
        if len(ledger.history) < ledger.steps:
            remedy = f"only {len(ledger.history)} of {ledger.steps} steps were kept; make the balance with a larger one"
            raise InvalidArgumentError("keep", self._keep, remedy)
        rates = [lr] * ledger.steps if np.ndim(lr) == 0 else list(lr)  # type: ignore[arg-type]
        if len(rates) != ledger.steps:
            raise InvalidArgumentError("lr", lr, f"one learning rate for each of the {ledger.steps} steps is needed")
        return self._forms.constant + replay(self._first, self._replayed(ledger.history, rates))

    def __repr__(self) -> str:
        return f"LawBalance({len(self.laws)} laws of {', '.join(self._tensors.names)}, {self.steps} steps measured)"

    def _replayed(self, history: Iterable[StepBalance], rates: Iterable[Any]) -> Iterator[tuple[GradientForms, Rule]]:
        for result, rate in zip(history, rates, strict=True):
            assert result.forms is not None
            assert result.rule is not None
            rule = result.rule if rate is None else self._optimizer.with_rate(result.rule, rate)
            yield result.forms, rule.at(self._tensors.of_law)

    def _tolerances(self, kind: str) -> tuple[float, float]:
        """For one step, and from the start."""
        total = TOLERANCES[kind] if self._tolerance is None else self._tolerance
        return total / STEPS_PER_TOLERANCE if self._step_tolerance is None else self._step_tolerance, total

    def _read(self, params: Any, done: int) -> tuple[FloatArray, str]:
        vector, kind = self._forms.layout.read("params", params, f"after step {done}" if done else "at the start")
        return vector, coarsest({self._type, kind})

    def _compare(self, value: FloatArray, scale: FloatArray, step: int, kind: str) -> StepBalance:
        tolerances = self._tolerances(kind)
        if self._open is None:
            return start_of(self._forms, value, scale, tolerances)
        return self._open.compared(self._forms, value, scale, step, tolerances)

    def _look(self, params: Any, caller: str) -> tuple[StepBalance, str]:
        self._opened(caller)
        step = self.steps + 1
        theta, kind = self._read(params, step)
        with np.errstate(all="ignore"):
            scale = scale_of(self._forms, theta, f"after step {step}")
            return self._compare(value_of(self._forms, theta), scale, step, kind), kind

    def _pushed(self, theta: FloatArray, gradient: FloatArray, rule: Rule) -> FloatArray:
        """The momentum buffer after the step."""
        buffer = np.empty_like(theta)
        for k, part in enumerate(self._forms.layout.parts):
            push = rule.scale[k] * gradient[part] + rule.decay[k] * theta[part]
            buffer[part] = rule.keep[k] * self._buffer[part] + rule.enter[k] * push
        return buffer

    def _opened(self, caller: str) -> Prediction:
        if self._open is None:
            reason = "the balance was finished" if self._ledger else "call step(params, grads) before the update"
            raise LieLawsError(f"{caller}: no step is open; {reason}")
        return self._open

    def _recorded(self, caller: str) -> Ledger:
        if self._ledger is None:
            raise LieLawsError(f"{caller}: nothing was measured yet; call step(params, grads) before each update")
        return self._ledger

    def _alerted(self, result: StepBalance) -> StepBalance:
        if self._on_alarm == "raise" and result.alarm:
            raise BalanceError(result)
        return result


def _laws_of(laws: Any) -> tuple[Law, ...]:
    """The laws of a report of the gradient flow, or of a sequence."""
    flow = getattr(laws, "flow", None)
    if flow is not None and not isinstance(flow, GradientFlow):
        remedy = (
            f"these are laws of another flow ({flow}); the balance follows those of the gradient flow through momentum "
            "and decay, discover them with flow=GradientFlow()"
        )
        raise UnsupportedError("laws", laws, remedy)
    chosen = getattr(laws, "laws", laws)
    if isinstance(chosen, Law):
        chosen = (chosen,)
    if isinstance(chosen, str | Mapping) or not isinstance(chosen, Iterable):
        raise InvalidArgumentError("laws", laws, "a Report from discover_laws, or a sequence of Law objects is needed")
    result = tuple(chosen)
    if not result:
        raise InvalidArgumentError("laws", laws, "there is no law to follow; at least one is needed")
    return result


def _positive(argument: str, value: Any) -> float:
    return positive(argument, value, "a number is needed", "a number above 0 is needed")
