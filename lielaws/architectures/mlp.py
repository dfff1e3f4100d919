"""Fully connected networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lielaws.architectures.activations import find_activation
from lielaws.architectures.base import Architecture
from lielaws.architectures.normalization import Norm
from lielaws.architectures.shapes import checked_widths
from lielaws.checks import flag
from lielaws.engine.graph.network import Namespace
from lielaws.engine.graph.operations import Operations
from lielaws.engine.graph.trace import Array, as_rational
from lielaws.errors import InvalidArgumentError


def mlp(
    widths: Sequence[int],
    activation: str = "relu",
    bias: bool = False,
    output_bias: bool = False,
    norm: str | None = None,
    affine: bool = True,
    epsilon: Any = True,
    *,
    slope: Any = None,
    batch: int | None = None,
) -> Architecture:
    """A fully connected network, no activation after the last layer.

    Parameters
    ----------
    widths : input, hidden, ..., output; L + 1 positive integers
    activation : "relu", "linear", "leaky_relu", "abs", "square", "cube", "relu2", "power<k>", or one of "exp", "sin",
        "cos", "sigmoid", "tanh", "softplus", "silu", "mish", "erf", "gelu", "gelu_tanh"
    bias : adds b1..b{L-1}; output_bias : adds b{L}
    norm : normalization of each hidden pre-activation: "layer", "rms" or "batch"
    affine : whether gain{l} follows it, and shift{l} except for "rms"
    epsilon : what is added to the variance: False for 0, True for a symbol that stands for all but finitely many
        numbers (1e-5 to run the network), or a number
    slope : negative slope of "leaky_relu", by default 1/100
    batch : for norm "batch", by default 4. A sample is then a batch of inputs: x has shape (batch, widths[0]), and the
        statistics are those of the batch

    Parameters of the network: W{l} of shape (widths[l], widths[l-1]); b{l}, gain{l} and shift{l} of shape (widths[l],).
    Its laws for ReLU and linear activations: arXiv 2307.00144, section 4; for powers: arXiv 2609.34549. Raises
    InvalidArgumentError for a normalization of single entries, and for options that have no effect.
    """
    sizes = checked_widths("widths", widths)
    act = find_activation(activation, slope)
    depth = len(sizes) - 1
    biased = [flag("bias", bias)] * (depth - 1) + [flag("output_bias", output_bias)]
    chosen = _checked_norm(sizes, Norm.checked(norm, affine, epsilon, batch))

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        for layer in range(1, depth + 1):
            x = p[f"W{layer}"] @ x if x.ndim == 1 else x @ p[f"W{layer}"].T
            if biased[layer - 1]:
                x = x + p[f"b{layer}"]
            if layer < depth:
                x = act(ops, x if chosen is None else chosen.apply(p, x, ops, layer))
        return x

    parameters: dict[str, tuple[int, ...]] = {}
    for layer in range(1, depth + 1):
        parameters[f"W{layer}"] = (sizes[layer], sizes[layer - 1])
        if biased[layer - 1]:
            parameters[f"b{layer}"] = (sizes[layer],)
        if chosen is not None and layer < depth:
            parameters |= chosen.parameters(sizes[layer], layer)
    options: dict[str, Any] = {"bias": bias, "output_bias": output_bias}
    spec: dict[str, Any] = {"family": "mlp", "widths": list(sizes), "activation": activation, **options}
    values = dict(chosen.options) if chosen is not None else {}
    if slope is not None:
        values["slope"] = str(as_rational(slope))
    text = activation + "".join(f"+{name}" for name, value in options.items() if value)
    text += "".join(f"+{key}={str(value).lower() if value is False else value}" for key, value in values.items())
    name = f"{text}:{'-'.join(map(str, sizes))}"
    shape = (sizes[0],) if chosen is None or chosen.batch is None else (chosen.batch, sizes[0])
    return Architecture(name, parameters, {"x": shape}, network, spec | values, "arXiv 2307.00144, section 4")


def _checked_norm(sizes: Sequence[int], norm: Norm | None) -> Norm | None:
    if norm is not None:
        if len(sizes) == 2:
            remedy = "there is no hidden layer to normalize; give at least three widths"
            raise InvalidArgumentError("norm", norm.kind, remedy)
        for width in sizes[1:-1]:
            norm.check_width(width, "widths", list(sizes))
    return norm


def linear(widths: Sequence[int]) -> Architecture:
    """A product of matrices: :func:`mlp` without activation. Laws: arXiv 2307.00144, Prop. 4.1."""
    return mlp(widths, activation="linear")
