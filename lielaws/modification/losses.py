"""Losses with a proven lower bound: of outputs and targets, or of the parameters themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.checks import called, finite
from lielaws.errors import InvalidArgumentError, nearest
from lielaws.modification.data import Data
from lielaws.modification.loss_bounds import LowerBound, entropy_bound, spread_bound
from lielaws.modification.model import Model, Params
from lielaws.modification.tensor_values import exact_number, finite_array

_UNIT = 2.0**-53
# Distributions in single precision sum to one up to this; they are divided by their sums.
_SUM = 1e-5


@dataclass(frozen=True, slots=True)
class Measured:
    """A computed number, as the exact rational that the float is, and how far the true one may be from it.

    rounding : 0 if the number was computed exactly
    """

    value: Fraction
    rounding: Fraction = Fraction(0)


class Loss(Protocol):
    """What a certificate needs of a loss. `data` is None for losses of the parameters alone."""

    @property
    def name(self) -> str: ...

    @property
    def needs_data(self) -> bool: ...

    def measure(self, model: Model, data: Data | None, accuracy: float) -> Measured:
        """The loss, with the rounding that follows from outputs that are accurate to `accuracy` of their largest."""
        ...

    def gradient(self, model: Model, data: Data | None) -> Mapping[str, Any] | None:
        """The gradient by name; None if it is not known."""
        ...

    def bound(self, model: Model, data: Data | None) -> LowerBound:
        """A proven lower bound over all parameters."""
        ...


@dataclass(frozen=True, slots=True)
class CrossEntropy:
    """Mean over samples of -log softmax(outputs)[y], in nats; y are labels, or a distribution in each row."""

    name = "cross_entropy"
    needs_data = True

    def targets(self, outputs: FloatArray, data: Data) -> FloatArray:
        """The target distribution of each sample, (samples, classes)."""
        if outputs.ndim != 2 or outputs.shape[1] < 2 or len(outputs) != data.size:
            remedy = "logits of shape (samples, classes) are needed, with at least two classes"
            raise InvalidArgumentError("outputs", f"array of shape {outputs.shape}", remedy)
        classes = outputs.shape[1]
        if data.y is not None and data.y.shape == outputs.shape and data.y.ndim == 2:
            soft = np.asarray(data.y, dtype=np.float64)
            sums = soft.sum(axis=1)
            if (soft < 0).any() or not (np.abs(sums - 1) <= _SUM).all():
                text = f"a matrix with row sums from {sums.min():.6g} to {sums.max():.6g}"
                raise InvalidArgumentError("y", text, "each row must be a distribution: not negative, with sum 1")
            # The bound of the loss and its smoothness need sums of exactly one.
            return np.asarray(soft / soft.sum(axis=1, keepdims=True))
        return np.eye(classes)[data.labels(classes)]

    def measure(self, model: Model, data: Data | None, accuracy: float) -> Measured:
        assert data is not None
        outputs = model.outputs(data.x)
        targets = self.targets(outputs, data)
        values = -(targets * log_softmax(outputs)).sum(axis=1)
        # The gradient in the logits is p - y, of 1-norm at most 2; exponentials and sums over the classes round too.
        classes, largest = outputs.shape[1], 1 + float(np.abs(outputs).max())
        slack = 2 * accuracy * largest + 8 * (classes + 8) * _UNIT * (largest + math.log(classes))
        return Measured(_mean("cross_entropy", values), Fraction(slack))

    def gradient(self, model: Model, data: Data | None) -> Mapping[str, Any] | None:
        assert data is not None
        outputs = model.outputs(data.x)
        return model.gradient(data.x, (softmax(outputs) - self.targets(outputs, data)) / data.size)

    def bound(self, model: Model, data: Data | None) -> LowerBound:
        assert data is not None
        return entropy_bound(self.targets(model.outputs(data.x), data), data, model.samplewise)


@dataclass(frozen=True, slots=True)
class SquaredError:
    """Mean over samples of |outputs - y|^2 / 2."""

    name = "squared_error"
    needs_data = True

    def residuals(self, outputs: FloatArray, data: Data) -> FloatArray:
        """outputs - y, one row for each sample."""
        if data.y is None or data.y.shape != outputs.shape:
            found = None if data.y is None else f"array of shape {data.y.shape}"
            raise InvalidArgumentError("y", found, f"targets of the shape of the outputs, {outputs.shape}, are needed")
        return np.asarray(outputs - data.y).reshape(data.size, -1)

    def measure(self, model: Model, data: Data | None, accuracy: float) -> Measured:
        assert data is not None
        outputs = model.outputs(data.x)
        rows = self.residuals(outputs, data)
        slack = accuracy * (1 + float(np.abs(outputs).max())) * (1 + float(np.abs(rows).sum(axis=1).max()))
        value = _mean("squared_error", (rows**2).sum(axis=1) / 2)
        # Large targets make large residuals, and their squares and sums round.
        return Measured(value, Fraction(slack) + 4 * (rows.shape[1] + 8) * Fraction(_UNIT) * value)

    def gradient(self, model: Model, data: Data | None) -> Mapping[str, Any] | None:
        assert data is not None
        outputs = model.outputs(data.x)
        rows = self.residuals(outputs, data)
        return model.gradient(data.x, (rows / data.size).reshape(outputs.shape))

    def bound(self, model: Model, data: Data | None) -> LowerBound:
        assert data is not None
        self.residuals(model.outputs(data.x), data)
        return spread_bound(data, model.samplewise)


@dataclass(frozen=True, slots=True)
class OutputLoss:
    """A loss of your own: `function(outputs, y)` gives the mean over the samples.

    lower_bound : a number that the loss cannot fall below, whatever the outputs are
    cotangent : `cotangent(outputs, y)` gives its gradient in the outputs; None if no gradients are needed

    Raises InvalidArgumentError for a loss that is not bounded below: no count of modifications follows for it.
    """

    function: Callable[[FloatArray, Any], float]
    lower_bound: float
    cotangent: Callable[[FloatArray, Any], Any] | None = None
    name: str = "loss"
    needs_data = True

    def __post_init__(self) -> None:
        _check_function("function", self.function)
        check_bounded("lower_bound", self.lower_bound)

    def measure(self, model: Model, data: Data | None, accuracy: float) -> Measured:
        assert data is not None
        value = _called(self.name, self.function, model.outputs(data.x), data.y)
        return Measured(_number(self.name, value), Fraction(accuracy * (1 + abs(float(value)))))

    def gradient(self, model: Model, data: Data | None) -> Mapping[str, Any] | None:
        assert data is not None
        if self.cotangent is None:
            return None
        outputs = model.outputs(data.x)
        slope = finite_array("cotangent(outputs, y)", _called(self.name, self.cotangent, outputs, data.y))
        if slope.shape != outputs.shape:
            text = f"array of shape {slope.shape}"
            raise InvalidArgumentError("cotangent(outputs, y)", text, f"the shape {outputs.shape} is needed")
        return model.gradient(data.x, slope)

    def bound(self, model: Model, data: Data | None) -> LowerBound:
        return LowerBound(exact_number(self.lower_bound), f"given with the loss '{self.name}'", given=True)


@dataclass(frozen=True, slots=True)
class ParameterLoss:
    """A loss of the parameters alone: `function(params)`. The rest as for :class:`OutputLoss`.

    slope : `slope(params)` gives its gradient by name
    """

    function: Callable[[Params], float]
    lower_bound: float
    slope: Callable[[Params], Mapping[str, Any]] | None = None
    name: str = "loss"
    needs_data = False

    def __post_init__(self) -> None:
        _check_function("function", self.function)
        check_bounded("lower_bound", self.lower_bound)

    def measure(self, model: Model, data: Data | None, accuracy: float) -> Measured:
        value = _called(self.name, self.function, model.params)
        return Measured(_number(self.name, value), Fraction(accuracy * (1 + abs(float(value)))))

    def gradient(self, model: Model, data: Data | None) -> Mapping[str, Any] | None:
        return None if self.slope is None else _called(self.name, self.slope, model.params)

    def bound(self, model: Model, data: Data | None) -> LowerBound:
        return LowerBound(exact_number(self.lower_bound), f"given with the loss '{self.name}'", given=True)


NAMED: dict[str, type[CrossEntropy | SquaredError]] = {
    "cross_entropy": CrossEntropy,
    "squared_error": SquaredError,
}
_NEEDED = ("name", "needs_data", "measure", "gradient", "bound")


def as_loss(value: Any) -> Loss:
    """A loss by its name, or as it is."""
    if isinstance(value, str):
        if value not in NAMED:
            raise InvalidArgumentError("loss", value, nearest(value, NAMED))
        return NAMED[value]()
    if not isinstance(value, type) and all(hasattr(value, name) for name in _NEEDED):
        found: Loss = value
        return found
    remedy = "'cross_entropy', 'squared_error', OutputLoss, ParameterLoss or QuadraticLoss is needed"
    if callable(value):
        remedy = "wrap it as OutputLoss(function, lower_bound): nothing is counted without a proven lower bound"
    raise InvalidArgumentError("loss", value, remedy)


def softmax(outputs: FloatArray) -> FloatArray:
    """Distributions over the last axis."""
    return np.asarray(np.exp(log_softmax(outputs)))


def log_softmax(outputs: FloatArray) -> FloatArray:
    """Their logarithms, without overflow."""
    shifted = outputs - outputs.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def check_bounded(name: str, value: Any) -> float:
    """A finite lower bound."""
    remedy = "the loss must be bounded below by a finite number, or no count of modifications follows"
    if value is None:
        raise InvalidArgumentError(name, value, remedy)
    try:
        return finite(name, value)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(name, value, remedy) from error


def _mean(name: str, values: FloatArray) -> Fraction:
    return _number(name, math.fsum(values.tolist()) / len(values) if np.isfinite(values).all() else math.nan)


def _number(name: str, value: Any) -> Fraction:
    try:
        return Fraction(finite(f"loss '{name}'", value))
    except InvalidArgumentError as error:
        remedy = "the loss must be a finite number at every model of the chain"
        raise InvalidArgumentError(f"loss '{name}'", value, remedy) from error


def _called(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    return called("loss", name, "its function failed ({})", function, *arguments)


def _check_function(name: str, value: Any) -> None:
    if not callable(value):
        raise InvalidArgumentError(name, value, "a function is needed")
