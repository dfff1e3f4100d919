"""Convolutional networks in one and two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lielaws.architectures.activations import find_activation
from lielaws.architectures.base import Architecture
from lielaws.architectures.checks import checked_widths, positive_int
from lielaws.errors import InvalidArgumentError, SizeError
from lielaws.graph.operations import Operations
from lielaws.graph.potential import Namespace
from lielaws.graph.trace import Array, as_rational

_MOST_PATCH_ENTRIES = 2 * 10**7


def conv(
    channels: Sequence[int],
    kernel: int,
    size: int,
    stride: int = 1,
    dim: int = 1,
    activation: str = "relu",
    slope: Any = None,
) -> Architecture:
    """A convolutional network: cross-correlations without padding, no activation after the last.

    Parameters
    ----------
    channels : c0, c1, ..., cL
    kernel, stride : in every layer and direction
    size : length of the input in every direction, so that x has shape (c0, size) or (c0, size, size)
    dim : 1 or 2
    activation, slope : as in :func:`lielaws.mlp`

    Parameters of the network: W{l} of shape (c_l, c_{l-1}, kernel) or (c_l, c_{l-1}, kernel, kernel). The cotangent has
    an entry at every output position. Laws: arXiv 2506.06194, Thm 3.6.
    """
    counts = checked_widths("channels", channels)
    kernel, size, stride = (
        positive_int(name, value) for name, value in (("kernel", kernel), ("size", size), ("stride", stride))
    )
    if positive_int("dim", dim) > 2:
        raise InvalidArgumentError("dim", dim, "1 or 2 is needed")
    act = find_activation(activation, slope)
    _check_lengths(counts, kernel, size, stride, dim)
    depth = len(counts) - 1
    subscripts = "oik,ipk->op" if dim == 1 else "oikl,ipqkl->opq"

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        for layer in range(1, depth + 1):
            x = ops.einsum(subscripts, p[f"W{layer}"], ops.patches(x, kernel, stride))
            if layer < depth:
                x = act(ops, x)
        return x

    shapes = {f"W{layer}": (counts[layer], counts[layer - 1]) + (kernel,) * dim for layer in range(1, depth + 1)}
    options: dict[str, Any] = {"kernel": kernel, "size": size, "stride": stride, "dim": dim, "activation": activation}
    if slope is not None:
        options["slope"] = str(as_rational(slope))
    name = f"conv:{'-'.join(map(str, counts))}" + "".join(f"+{key}={value}" for key, value in options.items())
    spec = {"family": "conv", "channels": list(counts), **options}
    return Architecture(name, shapes, {"x": (counts[0],) + (size,) * dim}, network, spec, "arXiv 2506.06194, Thm 3.6")


def _check_lengths(counts: Sequence[int], kernel: int, size: int, stride: int, dim: int) -> None:
    length = size
    for layer, channels in enumerate(counts[:-1], start=1):
        if length < kernel:
            remedy = f"layer {layer} has only {length} positions for a kernel of {kernel}; make the input larger"
            raise InvalidArgumentError("size", size, remedy)
        length = (length - kernel) // stride + 1
        entries = channels * length**dim * kernel**dim
        if entries > _MOST_PATCH_ENTRIES:
            remedy = f"layer {layer} would unfold to {entries:,} entries; at most {_MOST_PATCH_ENTRIES:,} fit"
            raise SizeError("size", size, remedy)
