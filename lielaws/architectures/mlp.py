"""Fully connected networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lielaws.architectures.activations import find_activation
from lielaws.architectures.base import Architecture
from lielaws.architectures.checks import checked_widths, flag
from lielaws.graph.operations import Operations
from lielaws.graph.potential import Namespace
from lielaws.graph.trace import Array, as_rational


def mlp(
    widths: Sequence[int],
    activation: str = "relu",
    bias: bool = False,
    output_bias: bool = False,
    slope: Any = None,
) -> Architecture:
    """A fully connected network, no activation after the last layer.

    Parameters
    ----------
    widths : input, hidden, ..., output; L + 1 positive integers
    activation : "relu", "linear", "leaky_relu", "abs", "square", "cube", "relu2", or "power<k>"
    bias : adds b1..b{L-1}; output_bias : adds b{L}
    slope : negative slope of "leaky_relu", by default 1/100

    Parameters of the network: W{l} of shape (widths[l], widths[l-1]), b{l} of shape (widths[l],). Its laws for ReLU and
    linear activations: arXiv 2307.00144, section 4; for powers: arXiv 2609.34549.
    """
    sizes = checked_widths("widths", widths)
    act = find_activation(activation, slope)
    depth = len(sizes) - 1
    biased = [flag("bias", bias)] * (depth - 1) + [flag("output_bias", output_bias)]

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        for layer in range(1, depth + 1):
            x = p[f"W{layer}"] @ x
            if biased[layer - 1]:
                x = x + p[f"b{layer}"]
            if layer < depth:
                x = act(ops, x)
        return x

    parameters: dict[str, tuple[int, ...]] = {}
    for layer in range(1, depth + 1):
        parameters[f"W{layer}"] = (sizes[layer], sizes[layer - 1])
        if biased[layer - 1]:
            parameters[f"b{layer}"] = (sizes[layer],)
    options = {"bias": bias, "output_bias": output_bias}
    spec: dict[str, Any] = {"family": "mlp", "widths": list(sizes), "activation": activation, **options}
    text = activation + "".join(f"+{name}" for name, value in options.items() if value)
    if slope is not None:
        spec["slope"] = str(as_rational(slope))
        text += f"+slope={spec['slope']}"
    name = f"{text}:{'-'.join(map(str, sizes))}"
    return Architecture(name, parameters, {"x": (sizes[0],)}, network, spec, "arXiv 2307.00144, section 4")


def linear(widths: Sequence[int]) -> Architecture:
    """A product of matrices: :func:`mlp` without activation. Laws: arXiv 2307.00144, Prop. 4.1."""
    return mlp(widths, activation="linear")
