"""What the clauses look at: each model of a chain, evaluated once, and each modification between two of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TypeVar

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.checks import choice
from lielaws.errors import InvalidArgumentError
from lielaws.modification.chain import Chain, Modification
from lielaws.modification.data import Data
from lielaws.modification.exact_matrices import Rank, exact_rank, tolerant_rank
from lielaws.modification.loss_bounds import LowerBound
from lielaws.modification.losses import CrossEntropy, Loss, Measured, log_softmax
from lielaws.modification.model import Model
from lielaws.modification.options import Options
from lielaws.modification.representation import Info
from lielaws.modification.tensor_values import as_matrix

Result = TypeVar("Result")

OUTPUT = "output"
"""the name under which the outputs are a layer"""


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked: the chain, the data, the loss with its lower bound, and the options."""

    chain: Chain
    data: Data | None
    loss: Loss
    bound: LowerBound
    options: Options


@dataclass(frozen=True, eq=False)
class View:
    """One model of the chain, number 0 the first, evaluated where it is needed."""

    number: int
    model: Model
    question: Question
    previous: View | None = None
    first: View | None = None

    @cached_property
    def outputs(self) -> FloatArray:
        if self._repeats is not None:
            return self._repeats.outputs
        return self._named(lambda: self.model.outputs(self.data.x))

    @cached_property
    def layers(self) -> dict[str, FloatArray]:
        """Features by layer, the outputs last; each (samples, ...). Empty without data."""
        if self.question.data is None:
            return {}
        if self._repeats is not None:
            return self._repeats.layers
        features = self._named(lambda: self.model.features(self.data.x))
        for name, value in {**features, OUTPUT: self.outputs}.items():
            if not value.ndim or len(value) != self.data.size:
                remedy = f"one row for each of the {self.data.size} samples is needed"
                raise InvalidArgumentError(f"features of '{name}'", f"array of shape {value.shape}", remedy)
        return {**features, OUTPUT: self.outputs}

    @cached_property
    def loss(self) -> Measured:
        question = self.question
        if self._repeats is not None:
            return self._repeats.loss
        found = self._named(lambda: question.loss.measure(self.model, question.data, question.options.accuracy))
        if found.value + found.rounding < question.bound.value:
            text = f"{float(question.bound.value):.9g}"
            remedy = f"{self.name} has loss {float(found.value):.9g}, so this is no lower bound; give a proven one"
            raise InvalidArgumentError("lower_bound", text, remedy)
        return found

    @cached_property
    def logits(self) -> FloatArray | None:
        """The outputs if they are those of a classifier under cross-entropy, else None."""
        classifies = isinstance(self.question.loss, CrossEntropy) and self.question.data is not None
        return self.outputs if classifies else None

    @cached_property
    def log_predictions(self) -> FloatArray:
        assert self.logits is not None
        return log_softmax(self.logits)

    @cached_property
    def representation(self) -> FloatArray:
        name = self.question.options.representation
        names = list(self.layers)
        if name is None:
            name = names[-2] if len(names) > 1 else OUTPUT
        choice("representation", name, self.layers)
        return self.layers[name]

    @cached_property
    def info(self) -> Info:
        before = self.previous
        if before is not None and "info" in vars(before) and np.array_equal(before.representation, self.representation):
            return before.info
        first = self if self.first is None else self.first
        return self.question.options.reading.info(self.data, self.representation, first.representation)

    @cached_property
    def ranks(self) -> dict[str, Rank]:
        """The rank of each tensor with two axes or more, (first axis, all others); those that did not change are not
        counted again."""
        tolerance, found = self.question.options.rank_tolerance, {}
        old = {} if self.previous is None or "ranks" not in vars(self.previous) else self.previous.ranks
        for name in self.model.matrices:
            value = self.model.params[name]
            if self.previous is not None and name in old and np.array_equal(self.previous.model.params[name], value):
                found[name] = old[name]
            else:
                matrix = as_matrix(value)
                found[name] = exact_rank(matrix) if tolerance is None else tolerant_rank(matrix, tolerance)
        return found

    @property
    def data(self) -> Data:
        assert self.question.data is not None
        return self.question.data

    @cached_property
    def _repeats(self) -> View | None:
        """The model before, if nothing has changed since."""
        return self.previous if self.previous is not None and self.same_params(self.previous) else None

    @property
    def name(self) -> str:
        return f"model {self.number}"

    @property
    def squared_norm(self) -> float:
        return sum(float(np.sum(value**2)) for value in self.model.params.values())

    def slack(self, layer: str = OUTPUT) -> float:
        """How far a number of a layer may be off."""
        return self.question.options.slack(self.layers[layer])

    def same_params(self, other: View) -> bool:
        """Whether all parameters and functions are equal, so that everything computed from them is."""
        if (self.model.forward, self.model.layers) != (other.model.forward, other.model.layers):
            return False
        mine, theirs = self.model.params, other.model.params
        return all(mine[name] is theirs[name] or np.array_equal(mine[name], theirs[name]) for name in mine)

    def _named(self, function: Callable[[], Result]) -> Result:
        """Errors say which model of the chain they are about."""
        try:
            return function()
        except InvalidArgumentError as error:
            raise type(error)(f"{self.name} of the chain: {error.argument}", error.value, error.remedy) from error


@dataclass(frozen=True, eq=False)
class Step:
    """One modification between two evaluated models."""

    number: int
    modification: Modification
    before: View
    after: View
    first: View

    @property
    def question(self) -> Question:
        return self.before.question

    @property
    def drop(self) -> Fraction:
        """Loss before minus loss after, of the computed losses, exactly."""
        return self.before.loss.value - self.after.loss.value

    @property
    def drop_rounding(self) -> Fraction:
        if self.after.same_params(self.before):
            return Fraction(0)
        return self.before.loss.rounding + self.after.loss.rounding


def steps(question: Question) -> Iterator[Step]:
    """The modifications in order. Only the first model and the two around a step are held."""
    first = before = View(0, question.chain.start, question)
    for number, modification in enumerate(question.chain, 1):
        after = View(number, modification.after, question, before, first)
        yield Step(number, modification, before, after, first)
        object.__setattr__(after, "previous", None)
        before = after
