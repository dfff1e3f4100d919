"""Low-rank adapters on frozen weights."""

from __future__ import annotations

from collections.abc import Sequence

from lielaws.architectures.family import Architecture, Array, Namespace, Operations, Recipe, Shape
from lielaws.architectures.layers import Layers
from lielaws.checks import positive_int, positive_ints


def low_rank(d_in: int, d_out: int, rank: int) -> Architecture:
    """x -> (W0 + B A) x with a frozen generic W0 of shape (d_out, d_in).

    Parameters of the network: B of shape (d_out, rank), A of shape (rank, d_in). W0 has one value in all samples; to
    run the network it is taken from the parameters where they have one of that name, else it is fixed random.

    Source: LoRA, arXiv 2106.09685. Raises InvalidArgumentError for sizes that are no positive integers.
    """
    d_in, d_out, rank = positive_ints(d_in=d_in, d_out=d_out, rank=rank)

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        return ops.frozen("W0", (d_out, d_in)) @ x + p.B @ (p.A @ x)

    recipe = Recipe("low_rank", {"d_in": d_in, "d_out": d_out, "rank": rank}, {})
    shapes = {"B": (d_out, rank), "A": (rank, d_in)}
    return recipe.build(shapes, {"x": (d_in,)}, network)


def lora_mlp(widths: Sequence[int], rank: int, activation: str = "relu") -> Architecture:
    """A fully connected network with frozen generic weights W{l} and a trained adapter B{l} A{l} in each layer.

    Parameters
    ----------
    widths : input, hidden, ..., output; L + 1 positive integers
    rank : of each adapter
    activation : as in :func:`lielaws.mlp`; none after the last layer

    Parameters of the network: B{l} of shape (widths[l], rank), A{l} of shape (rank, widths[l-1]), l = 1..L; W{l} as W0
    in :func:`low_rank`. Source: arXiv 2106.09685.
    """
    layers, rank = Layers("widths", widths, activation), positive_int("rank", rank)
    sizes = layers.widths

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        for layer in layers.numbers:
            x = ops.frozen(f"W{layer}", (sizes[layer], sizes[layer - 1])) @ x + p[f"B{layer}"] @ (p[f"A{layer}"] @ x)
            x = layers.activated(layer, x, ops)
        return x

    def shapes(layer: int, outputs: int, inputs: int) -> dict[str, Shape]:
        return {f"B{layer}": (outputs, rank), f"A{layer}": (rank, inputs)}

    options = {"rank": rank, "activation": layers.activation.name}
    recipe = Recipe("lora_mlp", {"widths": sizes}, options, front=["activation"])
    return recipe.build(layers.shapes(shapes), {"x": sizes[:1]}, network)
