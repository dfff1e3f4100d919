"""Fine-tuning by gradient steps, and distillation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.checks import count, nonnegative, positive
from lielaws.errors import InvalidArgumentError, UnsupportedError
from lielaws.modification.chain import DISTILL, FINE_TUNE, GRADIENT_STEP, Chain, Modification
from lielaws.modification.data import Data
from lielaws.modification.losses import Loss, as_loss, softmax
from lielaws.modification.model import Model, checked_gradient
from lielaws.modification.model_sources import as_model
from lielaws.modification.tensor_values import chosen_names

_MOST_STEPS = 10**7

Gradient = Callable[[Model, Data | None], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """How steps are made: theta <- theta - rate (m + decay theta), m <- momentum m + gradient, as PyTorch's SGD."""

    rate: float
    steps: int
    batch: int | None
    momentum: float
    decay: float
    frozen: tuple[str, ...]
    seed: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", positive("rate", self.rate))
        object.__setattr__(self, "momentum", nonnegative("momentum", self.momentum))
        object.__setattr__(self, "decay", nonnegative("weight_decay", self.decay))
        if count("steps", self.steps) > _MOST_STEPS:
            raise InvalidArgumentError("steps", self.steps, f"at most {_MOST_STEPS:,} steps are supported in one call")
        if self.batch is not None:
            count("batch", self.batch)
        if self.momentum >= 1:
            raise InvalidArgumentError("momentum", self.momentum, "a number from 0 to below 1 is needed")
        count("seed", self.seed, least=0)

    @property
    def settings(self) -> dict[str, Any]:
        found: dict[str, Any] = {"rate": self.rate, "steps": int(self.steps), "frozen": list(self.frozen)}
        extra = {"batch": self.batch, "momentum": self.momentum, "weight_decay": self.decay}
        return found | {name: value for name, value in extra.items() if value}


def fine_tune(
    model: Any,
    data: Any = None,
    loss: Any = "cross_entropy",
    *,
    rate: float,
    steps: int,
    batch: int | None = None,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    frozen: Iterable[str] = (),
    seed: int = 0,
) -> Modification:
    """Train a model on.

    Parameters
    ----------
    model : a Model with a pullback, or what :func:`as_model` makes one of
    data : a pair (x, y) or Data; None for losses of the parameters alone
    loss : as for :func:`certify`
    rate, steps, momentum, weight_decay : of SGD; the decay is the coupled one
    batch : samples of a step, drawn anew in each epoch; all of them by default
    frozen : names of tensors that stay
    seed : of the batches

    One step on all data, without momentum and decay, is a "gradient_step", about which the descent lemma speaks.
    Raises InvalidArgumentError if the parameters run away.
    """
    start, chosen = as_model(model), as_loss(loss)
    rule = Rule(rate, steps, batch, momentum, weight_decay, _frozen(start, frozen), seed)
    given = _data(chosen, data)
    last = start
    for after in _descend(start, given, chosen.gradient, rule):
        last = after
    plain = rule.steps == 1 and not rule.momentum and not rule.decay and (batch is None or given is None)
    return Modification(start, last, GRADIENT_STEP if plain else FINE_TUNE, rule.settings)


def gradient_steps(
    model: Any, data: Any = None, loss: Any = "cross_entropy", *, rate: float, steps: int, frozen: Iterable[str] = ()
) -> Chain:
    """A chain of single gradient steps on all data; the parameters as for :func:`fine_tune`."""
    start, chosen = as_model(model), as_loss(loss)
    rule = Rule(rate, steps, None, 0.0, 0.0, _frozen(start, frozen), 0)
    settings = {"rate": rule.rate, "steps": 1, "frozen": list(rule.frozen)}
    made, before = [], start
    for after in _descend(start, _data(chosen, data), chosen.gradient, rule):
        made.append(Modification(before, after, GRADIENT_STEP, settings))
        before = after
    return Chain(made)


def distill(
    student: Any,
    teacher: Any,
    data: Any,
    *,
    rate: float,
    steps: int,
    batch: int | None = None,
    momentum: float = 0.0,
    frozen: Iterable[str] = (),
    seed: int = 0,
) -> Modification:
    """Train a student to predict as a teacher does: steps along the gradient of the mean of KL(teacher || student).

    Parameters
    ----------
    student : a Model with a pullback, or what :func:`as_model` makes one of; logits (samples, classes)
    teacher : a model with logits of the same shape; it may be of another kind
    data : inputs, a pair (x, y) or Data; targets are not used

    The rest as for :func:`fine_tune`. The modification carries the teacher.
    """
    start, master = as_model(student), as_model(teacher)
    rule = Rule(rate, steps, batch, momentum, 0.0, _frozen(start, frozen), seed)
    pair = isinstance(data, tuple | list) and len(data) == 2
    x = data.x if isinstance(data, Data) else data[0] if pair else data
    logits = master.outputs(Data(x).x)
    own = start.outputs(Data(x).x)
    if logits.ndim != 2 or logits.shape != own.shape or logits.shape[1] < 2:
        text = f"outputs of shape {logits.shape}, student {own.shape}"
        raise InvalidArgumentError("teacher", text, "logits (samples, classes) are needed, the same shape for both")

    def gradient(model: Model, part: Data | None) -> Mapping[str, Any] | None:
        assert part is not None
        assert part.y is not None
        return model.gradient(part.x, (softmax(model.outputs(part.x)) - part.y) / part.size)

    last = start
    for after in _descend(start, Data(x, softmax(logits)), gradient, rule):
        last = after
    return Modification(start, last, DISTILL, rule.settings | {"teacher": master.name}, master)


def _descend(start: Model, data: Data | None, gradient: Gradient, rule: Rule) -> Iterator[Model]:
    """The models after each step."""
    model, buffers = start, dict[str, FloatArray]()
    batches = _batches(data, rule)
    for number in range(1, rule.steps + 1):
        with np.errstate(over="ignore", invalid="ignore"):
            try:
                slopes = gradient(model, next(batches))
            except InvalidArgumentError as error:
                if number == 1:
                    raise
                raise _runaway(rule, number) from error
            if slopes is None:
                remedy = "no gradient is known; give the model a pullback, or the loss a gradient"
                raise UnsupportedError("model", start.name, remedy)
            params, found = {}, checked_gradient(model, slopes, rule.frozen)
            for name, value in model.params.items():
                if name not in rule.frozen:
                    slope = found[name] + rule.decay * value
                    buffers[name] = slope if name not in buffers else rule.momentum * buffers[name] + slope
                    params[name] = value - rule.rate * buffers[name]
        if not all(np.isfinite(value).all() for value in params.values()):
            raise _runaway(rule, number)
        model = model.with_params(params)
        yield model


def _runaway(rule: Rule, number: int) -> InvalidArgumentError:
    return InvalidArgumentError("rate", rule.rate, f"the training runs away at step {number}; lower the rate")


def _batches(data: Data | None, rule: Rule) -> Iterator[Data | None]:
    if data is None or rule.batch is None or rule.batch >= data.size:
        while True:
            yield data
    rng = np.random.default_rng(rule.seed)
    while True:
        order = rng.permutation(data.size)
        for start in range(0, data.size - rule.batch + 1, rule.batch):
            yield data.take(order[start : start + rule.batch])


def _data(loss: Loss, data: Any) -> Data | None:
    if not loss.needs_data:
        return None
    if data is None:
        raise InvalidArgumentError("data", None, f"the loss '{loss.name}' needs a pair (x, y)")
    return Data.of(data)


def _frozen(model: Model, frozen: Iterable[str]) -> tuple[str, ...]:
    names = chosen_names("frozen", frozen, model.shapes, ())
    if len(names) == len(model.params):
        raise InvalidArgumentError("frozen", list(names), "all tensors are frozen; leave one to be trained")
    return names
