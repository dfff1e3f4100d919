"""Low-rank adapters on frozen weights."""

from __future__ import annotations

from collections.abc import Sequence

from lielaws.architectures.activations import find_activation
from lielaws.architectures.base import Architecture
from lielaws.architectures.shapes import checked_widths
from lielaws.architectures.tying import frozen
from lielaws.checks import positive_int
from lielaws.engine.graph.network import Namespace
from lielaws.engine.graph.operations import Operations
from lielaws.engine.graph.trace import Array


def low_rank(d_in: int, d_out: int, rank: int) -> Architecture:
    """x -> (W0 + B A) x with a frozen generic W0 of shape (d_out, d_in).

    Parameters of the network: B of shape (d_out, rank), A of shape (rank, d_in). W0 has one value in all samples; to
    run the network it is taken from the parameters where they have one of that name, else it is fixed random.

    Source: LoRA, arXiv 2106.09685. Raises InvalidArgumentError for sizes that are no positive integers.
    """
    d_in, d_out, rank = positive_int("d_in", d_in), positive_int("d_out", d_out), positive_int("rank", rank)

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        return frozen(p, "B", "W0", (d_out, d_in), ops) @ x + p.B @ (p.A @ x)

    shapes = {"B": (d_out, rank), "A": (rank, d_in)}
    spec = {"family": "low_rank", "d_in": d_in, "d_out": d_out, "rank": rank}
    return Architecture(f"low_rank:{d_in}-{d_out}-{rank}", shapes, {"x": (d_in,)}, network, spec, "arXiv 2106.09685")


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
    sizes, rank = checked_widths("widths", widths), positive_int("rank", rank)
    act = find_activation(activation)
    depth = len(sizes) - 1

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        for layer in range(1, depth + 1):
            W = frozen(p, f"B{layer}", f"W{layer}", (sizes[layer], sizes[layer - 1]), ops)
            x = W @ x + p[f"B{layer}"] @ (p[f"A{layer}"] @ x)
            x = act(ops, x) if layer < depth else x
        return x

    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(1, depth + 1):
        shapes |= {f"B{layer}": (sizes[layer], rank), f"A{layer}": (rank, sizes[layer - 1])}
    spec = {"family": "lora_mlp", "widths": list(sizes), "rank": rank, "activation": activation}
    name = f"lora_mlp+activation={activation}:{'-'.join(map(str, sizes))}+rank={rank}"
    return Architecture(name, shapes, {"x": (sizes[0],)}, network, spec, "arXiv 2106.09685")
