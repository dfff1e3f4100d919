"""Normalization: of activations inside a network, and of weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lielaws.architectures.family import Architecture, Array, Namespace, Operations, Recipe, Shape
from lielaws.architectures.layers import Layers
from lielaws.checks import flag, positive_int
from lielaws.engine.graph.trace import as_rational
from lielaws.errors import InvalidArgumentError, nearest

NORMS = ("layer", "rms", "batch")


class Norm:
    """A normalization, made of four keywords. Raises InvalidArgumentError, also for those without effect.

    kind : "layer", "rms" or "batch"; "none" changes nothing and has no parameters
    affine : whether a gain, and except for "rms" a shift, follows
    epsilon : added to the variance; True for a symbol that stands for all but finitely many numbers, False for 0
    batch : length of the first axis of a sample, for "batch" only
    """

    def __init__(self, norm: Any = None, affine: Any = True, epsilon: Any = True, batch: Any = None) -> None:
        if batch is not None and norm != "batch":
            raise InvalidArgumentError("batch", batch, "only norm 'batch' has samples of several inputs; omit it")
        for argument, value in (("affine", affine), ("epsilon", epsilon)) if norm is None else ():
            if value is not True:
                raise InvalidArgumentError(argument, value, "without norm it has no effect; give a norm, or omit it")
        if norm is not None and norm not in NORMS:
            raise InvalidArgumentError("norm", norm, nearest(str(norm), [*NORMS, "none"]))
        number = epsilon if isinstance(epsilon, bool) else as_rational(epsilon)
        if number is None or number < 0:
            remedy = "true, false or a number that is not negative is needed"
            raise InvalidArgumentError("epsilon", epsilon, remedy)
        self.kind: str = norm or "none"
        self.affine, self.epsilon = flag("affine", affine), number or False
        size = 4 if batch is None else positive_int("batch", batch)
        self.batch = size if norm == "batch" else None
        if size == 1:
            raise InvalidArgumentError("batch", batch, "a batch of 1 equals its mean; at least 2 are needed")

    def check_width(self, width: int, argument: str, value: Any) -> None:
        """Refuse an axis that is centered and has a single entry: the result is 0, or 0/0 without epsilon."""
        if self.kind == "layer" and width < 2:
            raise InvalidArgumentError(argument, value, "norm 'layer' needs at least 2 units; a single one is its mean")

    def parameters(self, width: int, suffix: Any = "") -> dict[str, tuple[int, ...]]:
        """Shapes of gain and shift by name."""
        names = {"none": (), "rms": ("gain",)}.get(self.kind, ("gain", "shift")) if self.affine else ()
        return {f"{name}{suffix}": (width,) for name in names}

    def apply(self, p: Namespace, x: Array, ops: Operations, suffix: Any = "") -> Array:
        """The normalized array, features on the last axis; gain and shift are looked up in `p`."""
        if self.kind == "none":
            return x
        x = self._normalized(x, ops)
        if not self.affine:
            return x
        x = x * p[f"gain{suffix}"]
        return x if self.kind == "rms" else x + p[f"shift{suffix}"]

    def _normalized(self, x: Array, ops: Operations) -> Array:
        """LayerNorm or RMSNorm over the last axis, BatchNorm over the first one, without gain and shift.

        x : shape (..., features); for "batch" (batch, features)

        Sources: arXiv 1607.06450, arXiv 1910.07467, arXiv 1502.03167 (with the statistics of the batch).
        """
        axis = 0 if self.kind == "batch" else x.ndim - 1
        kept = tuple(1 if number == axis else length for number, length in enumerate(x.shape))
        if self.kind != "rms":
            x = x - x.mean(axis).reshape(kept)
        variance = (x**2).mean(axis)
        if self.epsilon is True:
            variance = variance + ops.named_constant("epsilon")
        elif self.epsilon:
            variance = variance + self.epsilon
        return x * ops.rsqrt(variance).reshape(kept)

    @property
    def options(self) -> dict[str, Any]:
        """The keywords; those of "none" are without effect."""
        if self.kind == "none":
            return {"norm": "none"}
        return {"norm": self.kind, "affine": self.affine, "epsilon": self.epsilon}


def weight_norm(widths: Sequence[int], activation: str = "relu") -> Architecture:
    """A fully connected network with normalized weights, W_l = g_l[k] V_l[k] / |V_l[k]| in each row k.

    Parameters
    ----------
    widths : input, hidden, ..., output; L + 1 positive integers
    activation : as in :func:`lielaws.mlp`; none after the last layer

    Parameters of the network: g{l} of shape (widths[l],) and V{l} of shape (widths[l], widths[l-1]), l = 1..L.
    Source: arXiv 1602.07868. Each |V_l[k]|^2 is conserved, as the network does not depend on it.
    """
    layers = Layers("widths", widths, activation)

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        for layer in layers.numbers:
            V = p[f"V{layer}"]
            x = p[f"g{layer}"] * ops.rsqrt((V**2).sum(1)) * (V @ x)
            x = layers.activated(layer, x, ops)
        return x

    def shapes(layer: int, outputs: int, inputs: int) -> dict[str, Shape]:
        return {f"g{layer}": (outputs,), f"V{layer}": (outputs, inputs)}

    options = {"activation": layers.activation.name}
    recipe = Recipe("weight_norm", {"widths": layers.widths}, options, front=options)
    return recipe.build(layers.shapes(shapes), {"x": layers.widths[:1]}, network)
