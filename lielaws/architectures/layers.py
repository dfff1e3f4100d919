"""Layers in a row: widths, the activation between them, and biases, checked once for all families made of layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from lielaws.architectures.activations import find_activation
from lielaws.architectures.family import Array, Operations, Shape
from lielaws.checks import flag, positive_int
from lielaws.engine.graph.trace import as_rational
from lielaws.errors import InvalidArgumentError


class Layers:
    """Layers 1..depth; layer l maps widths[l-1] features to widths[l], and an activation follows all but the last.

    Made of what a caller gave, the widths under the name `argument`. Raises InvalidArgumentError.

    slope : of "leaky_relu" as specs write it, or None if it was not given
    bias, output_bias : whether the layers below the last, and the last, add b{l} of shape (widths[l],)
    """

    def __init__(
        self,
        argument: str,
        widths: Any,
        activation: Any,
        slope: Any = None,
        bias: Any = False,
        output_bias: Any = False,
    ) -> None:
        if isinstance(widths, str) or not isinstance(widths, Iterable):
            raise InvalidArgumentError(argument, widths, "a sequence of at least two positive integers is needed")
        self.widths = tuple(positive_int(argument, width) for width in widths)
        if len(self.widths) < 2:
            raise InvalidArgumentError(argument, list(self.widths), "at least two are needed, input and output")
        self.activation = find_activation(activation, slope)
        self.slope = None if slope is None else str(as_rational(slope))
        self.bias, self.output_bias = flag("bias", bias), flag("output_bias", output_bias)

    @property
    def numbers(self) -> range:
        """1..depth"""
        return range(1, len(self.widths))

    def is_last(self, layer: int) -> bool:
        return layer == len(self.widths) - 1

    def is_biased(self, layer: int) -> bool:
        return self.output_bias if self.is_last(layer) else self.bias

    def activated(self, layer: int, x: Array, ops: Operations) -> Array:
        """What follows on the layer: its activation, and nothing after the last."""
        return x if self.is_last(layer) else self.activation(ops, x)

    def shapes(self, of_layer: Callable[[int, int, int], dict[str, Shape]]) -> dict[str, Shape]:
        """The parameters of all layers, from those of `(layer, outputs, inputs)`."""
        found: dict[str, Shape] = {}
        for layer in self.numbers:
            found |= of_layer(layer, self.widths[layer], self.widths[layer - 1])
        return found

    def weights_and_bias(self, layer: int, outputs: int, inputs: int, *kernel: int) -> dict[str, Shape]:
        """W{l} of shape (outputs, inputs, *kernel), and b{l} where there is one."""
        weights: dict[str, Shape] = {f"W{layer}": (outputs, inputs, *kernel)}
        return weights | ({f"b{layer}": (outputs,)} if self.is_biased(layer) else {})
