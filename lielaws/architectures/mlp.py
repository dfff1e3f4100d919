"""Fully connected networks: of any depth, and input-convex ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lielaws.architectures.activations import ACTIVATIONS, find_activation
from lielaws.architectures.family import Architecture, Array, Namespace, Operations, Recipe, Shape, not_default
from lielaws.architectures.layers import Layers
from lielaws.architectures.normalization import Norm
from lielaws.checks import flag, positive_ints
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
    Its laws for ReLU and linear activations: arXiv 2307.00144, section 4; for powers: arXiv 2609.34549; for smooth
    ones: arXiv 2606.17816, Thm 4.1. Raises InvalidArgumentError for a normalization of single entries, and for options
    that have no effect.
    """
    layers = Layers("widths", widths, activation, slope, bias, output_bias)
    chosen = Norm(norm, affine, epsilon, batch)
    if len(layers.widths) == 2 and chosen.kind != "none":
        remedy = "there is no hidden layer to normalize; give at least three widths"
        raise InvalidArgumentError("norm", chosen.kind, remedy)
    for width in layers.widths[1:-1]:
        chosen.check_width(width, "widths", list(layers.widths))

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        for layer in layers.numbers:
            x = p[f"W{layer}"] @ x if x.ndim == 1 else x @ p[f"W{layer}"].T
            if layers.is_biased(layer):
                x = x + p[f"b{layer}"]
            if not layers.is_last(layer):
                x = chosen.apply(p, x, ops, layer)
            x = layers.activated(layer, x, ops)
        return x

    def shapes(layer: int, outputs: int, inputs: int) -> dict[str, Shape]:
        gains = {} if layers.is_last(layer) else chosen.parameters(outputs, layer)
        return layers.weights_and_bias(layer, outputs, inputs) | gains

    inputs = layers.widths[:1] if chosen.batch is None else (chosen.batch, layers.widths[0])
    biases = {"bias": layers.bias, "output_bias": layers.output_bias}
    extra = {} if chosen.kind == "none" else {**chosen.options, "batch": chosen.batch}
    options = {"activation": layers.activation.name, **biases, **not_default(mlp, {**extra, "slope": layers.slope})}
    unnamed = ["activation", *(name for name, value in biases.items() if not value)]
    # The name begins with the activation, and has all options before the widths.
    recipe = Recipe("mlp", {"widths": layers.widths}, options, list(options), unnamed, layers.activation.name)
    return recipe.build(layers.shapes(shapes), {"x": inputs}, network)


def linear(widths: Sequence[int]) -> Architecture:
    """A product of matrices: :func:`mlp` without activation. Laws: arXiv 2307.00144, Prop. 4.1."""
    return mlp(widths, activation="linear")


def input_convex(d: int, hidden: int, activation: str = "relu", d_out: int = 1, bias: bool = True) -> Architecture:
    """U s(V x + b): convex in x where U has no negative entries, which the entropic metric on U preserves.

    Parameters
    ----------
    d, hidden, d_out : sizes of input, hidden layer and output
    activation : a convex one: "relu", "softplus", "exp", "square", ...
    bias : False leaves b out

    Parameters of the network: U of shape (d_out, hidden), V of shape (hidden, d), b of shape (hidden,). Laws under the
    entropic metric on U: arXiv 2405.12888. Raises InvalidArgumentError for an activation that is not convex.
    """
    d, hidden, d_out = positive_ints(d=d, hidden=hidden, d_out=d_out)
    act = find_activation(activation)
    if not act.convex:
        convex = ", ".join(name for name, row in ACTIVATIONS.items() if row.convex)
        remedy = f"it is not convex; one of {convex} or an even power is needed"
        raise InvalidArgumentError("activation", activation, remedy)
    biased = flag("bias", bias)

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        u = p.V @ x
        return p.U @ act(ops, u + p.b if biased else u)

    parameters: dict[str, tuple[int, ...]] = {"U": (d_out, hidden), "V": (hidden, d)}
    if biased:
        parameters["b"] = (hidden,)
    options: dict[str, Any] = {"activation": act.name, "d_out": d_out, "bias": biased}
    recipe = Recipe("input_convex", {"d": d, "hidden": hidden}, options, unnamed=["bias"] if biased else [])
    return recipe.build(parameters, {"x": (d,)}, network)
