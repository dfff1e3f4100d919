"""What is known of the inside of a model: its units, and the row of layers that it may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lielaws.architectures.activations import ACTIVATIONS, Activation, find_activation
from lielaws.arraytypes import FloatArray
from lielaws.checks import choice, finite
from lielaws.errors import InvalidArgumentError

Shapes = Mapping[str, tuple[int, ...]]
Slot = tuple[str, int]
"""name of a tensor and the axis along which its entries belong to units"""

BOUNDED = tuple(name for name, row in ACTIVATIONS.items() if row.lipschitz is not None)
"""names of the activations of which a Lipschitz constant is known"""


@dataclass(frozen=True, slots=True)
class UnitLayer:
    """The units of one hidden layer.

    name : of the layer
    incoming : (tensor, axis) whose entry k along the axis computes unit k: weights and bias
    outgoing : (tensor, axis) whose entry k along the axis reads unit k
    degree : d if scaling the incoming entries of a unit by c > 0 scales its value by c^d: 1 for ReLU, leaky ReLU,
        absolute value and no activation, k for the k-th power; None if there is no such d
    """

    name: str
    incoming: tuple[Slot, ...]
    outgoing: tuple[Slot, ...]
    degree: int | None = 1

    def check(self, shapes: Shapes) -> None:
        """Raises InvalidArgumentError unless all slots exist and have one length."""
        lengths = {}
        for slots in (self.incoming, self.outgoing):
            if not isinstance(slots, tuple | list):
                raise InvalidArgumentError(f"units of '{self.name}'", slots, "pairs (tensor, axis) are needed")
        for slot in (*self.incoming, *self.outgoing):
            if not isinstance(slot, tuple | list) or len(slot) != 2 or not isinstance(slot[1], int):
                raise InvalidArgumentError(f"units of '{self.name}'", slot, "pairs (tensor, axis) are needed")
            tensor, axis = slot
            choice(f"units of '{self.name}'", tensor, shapes)
            if not -len(shapes[tensor]) <= axis < len(shapes[tensor]):
                text = f"axis {axis} of '{tensor}'"
                raise InvalidArgumentError(f"units of '{self.name}'", text, f"its shape is {shapes[tensor]}")
            lengths[f"{tensor} along axis {axis}"] = shapes[tensor][axis]
        if not self.incoming or not self.outgoing or len(set(lengths.values())) != 1:
            raise InvalidArgumentError(f"units of '{self.name}'", lengths, "one number of units is needed everywhere")

    def size(self, shapes: Shapes) -> int:
        """Number of units."""
        tensor, axis = self.incoming[0]
        return shapes[tensor][axis]


@dataclass(frozen=True, slots=True)
class Feedforward:
    """A row of layers x -> act(W x + b), without activation after the last.

    weights : names of the matrices (out, in), in order
    biases : name of the bias of each layer, or None
    activation : one of "linear", "relu", "leaky_relu", "abs", "tanh", "sin", "cos", "sigmoid", "softplus"
    slope : of the negative part of "leaky_relu"
    """

    weights: tuple[str, ...]
    biases: tuple[str | None, ...] = ()
    activation: str = "relu"
    slope: float = 0.01

    def __post_init__(self) -> None:
        for argument in ("weights", "biases"):
            value = getattr(self, argument)
            if not isinstance(value, tuple | list) or not all(isinstance(name, str | None) for name in value):
                raise InvalidArgumentError(
                    argument, value, "a tuple of names is needed; None for a bias that is not there"
                )
            object.__setattr__(self, argument, tuple(value))
        object.__setattr__(self, "biases", self.biases or (None,) * len(self.weights))
        choice("activation", self.activation, BOUNDED)
        finite("slope", self.slope)
        if not self.weights or len(self.biases) != len(self.weights):
            raise InvalidArgumentError("biases", self.biases, "one name or None for each of the weights is needed")

    @property
    def lipschitz(self) -> float:
        """The Lipschitz constant of the activation."""
        assert self._function.lipschitz is not None  # chosen so
        return self._function.lipschitz

    def check(self, shapes: Shapes) -> None:
        """Raises InvalidArgumentError unless the matrices follow on each other."""
        names = [*self.weights, *(name for name in self.biases if name is not None)]
        for name in names:
            choice("feedforward", name, shapes)
        width: int | None = None
        for weight, bias in zip(self.weights, self.biases, strict=True):
            shape = shapes[weight]
            if len(shape) != 2 or width not in (None, shape[1]) or (bias is not None and shapes[bias] != shape[:1]):
                remedy = "matrices (out, in) that follow on each other are needed, with biases (out,)"
                raise InvalidArgumentError("feedforward", f"'{weight}' of shape {shape}", remedy)
            width = shape[0]

    def act(self, a: FloatArray) -> FloatArray:
        assert self._function.floats is not None  # chosen so
        return self._function.floats(a)

    @property
    def _function(self) -> Activation:
        return find_activation(self.activation, float(self.slope) if self.activation == "leaky_relu" else None)

    def run(self, params: Mapping[str, FloatArray], x: Any) -> list[FloatArray]:
        """Inputs, hidden layers and outputs, each (samples, width)."""
        values = [np.asarray(x, dtype=np.float64).reshape(len(x), -1)]
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            a = values[-1] @ params[weight].T
            if bias is not None:
                a = a + params[bias]
            values.append(a if layer == last else self.act(a))
        return values
