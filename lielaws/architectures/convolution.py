"""Convolutional networks in one and two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lielaws.architectures.family import Architecture, Array, Namespace, Operations, Recipe, Shape
from lielaws.architectures.layers import Layers
from lielaws.checks import positive_int, positive_ints
from lielaws.errors import InvalidArgumentError, SizeError, nearest

_MOST_PATCH_ENTRIES = 2 * 10**7  # of one layer: the indices alone take 160 MB


def conv(
    channels: Sequence[int],
    kernel: int,
    size: int,
    stride: int = 1,
    dim: int = 1,
    activation: str = "relu",
    *,
    slope: Any = None,
    bias: bool = False,
    output_bias: bool = False,
    padding: int = 0,
    pooling: str | None = None,
    pool: int | None = None,
) -> Architecture:
    """A convolutional network: cross-correlations, no activation after the last.

    Parameters
    ----------
    channels : c0, c1, ..., cL
    kernel, stride : in every layer and direction
    size : length of the input in every direction, so that x has shape (c0, size) or (c0, size, size)
    dim : 1 or 2
    activation, slope : as in :func:`lielaws.mlp`
    bias : adds b1..b{L-1}, output_bias : adds b{L}; of shape (c_l,), one number for each channel
    padding : zeros at both ends of every direction, in every layer
    pooling : "average" or "max" over windows that do not overlap, after each hidden activation; or a word for each of
        these, "none" among them: "none_max", as in VGG
    pool : length of the windows in every direction, by default 2; what does not fill a window is left out

    Parameters of the network: W{l} of shape (c_l, c_{l-1}, kernel) or (c_l, c_{l-1}, kernel, kernel). The cotangent has
    an entry at every output position. Laws: arXiv 2506.06194, Thm 3.6.

    With free gates, the maximum over a window is any of its entries, at each position for itself and whatever the
    values are. As a ReLU that is applied before has a free gate of its own, that of a winner may be closed.
    """
    layers = Layers("channels", channels, activation, slope, bias, output_bias)
    kernel, size, stride = positive_ints(kernel=kernel, size=size, stride=stride)
    if positive_int("dim", dim) > 2:
        raise InvalidArgumentError("dim", dim, "1 or 2 is needed")
    zeros = 0 if type(padding) is int and padding == 0 else positive_int("padding", padding)
    kinds, window = _checked_pool(pooling, pool, len(layers.widths) - 2)
    _check_lengths(layers.widths, kernel, size, stride, dim, zeros, [1 if kind == "none" else window for kind in kinds])
    subscripts = "oik,ipk->op" if dim == 1 else "oikl,ipqkl->opq"

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        for layer in layers.numbers:
            x = ops.einsum(subscripts, p[f"W{layer}"], ops.patches(padded(x, zeros, ops), kernel, stride))
            if layers.is_biased(layer):
                x = x + p[f"b{layer}"].reshape(-1, *(1,) * dim)
            x = layers.activated(layer, x, ops)
            if not layers.is_last(layer) and kinds[layer - 1] != "none":
                x = pooled(x, kinds[layer - 1], window, ops)
        return x

    def shapes(layer: int, outputs: int, inputs: int) -> dict[str, Shape]:
        return layers.weights_and_bias(layer, outputs, inputs, *(kernel,) * dim)

    options = {"kernel": kernel, "size": size, "stride": stride, "dim": dim, "activation": layers.activation.name}
    options |= {"slope": layers.slope, "bias": layers.bias, "output_bias": layers.output_bias}
    options |= {"padding": zeros, "pooling": pooling, "pool": None if pooling is None else window}
    recipe = Recipe("conv", {"channels": layers.widths}, {key: value for key, value in options.items() if value})
    return recipe.build(layers.shapes(shapes), {"x": (layers.widths[0],) + (size,) * dim}, network)


def padded(x: Array, padding: int, ops: Operations) -> Array:
    """Zeros before and after the entries along all axes but the first."""
    for axis in range(1, x.ndim if padding else 0):
        zeros = ops.zeros((*x.shape[:axis], padding, *x.shape[axis + 1 :]))
        x = ops.concatenate([zeros, x, zeros], axis)
    return x


def pooled(x: Array, pooling: str, window: int, ops: Operations) -> Array:
    """Averages or maxima over windows that do not overlap, along all axes but the first."""
    patches = ops.patches(x, window, window)
    positions = patches.shape[: x.ndim]
    if pooling == "average":
        return patches.mean(tuple(range(x.ndim, patches.ndim)))
    entries = patches.reshape(*positions, -1)
    winner = entries[..., 0]
    for number in range(1, entries.shape[-1]):
        winner = ops.maximum(entries[..., number], winner)
    return winner


def _checked_pool(pooling: Any, pool: Any, hidden: int) -> tuple[list[str], int]:
    """What follows on each hidden activation, and the length of a window; 1 without pooling."""
    if pooling is None:
        if pool is not None:
            raise InvalidArgumentError("pool", pool, "without pooling it has no effect; omit it")
        return ["none"] * hidden, 1
    kinds = str(pooling).split("_")
    for kind in kinds:
        if kind not in ("average", "max", "none"):
            raise InvalidArgumentError("pooling", pooling, nearest(kind, ["average", "max", "none"]))
    if len(kinds) not in (1, hidden):
        raise InvalidArgumentError("pooling", pooling, f"one word, or {hidden}, one for each hidden layer, are needed")
    return kinds * (hidden if len(kinds) == 1 else 1), 2 if pool is None else positive_int("pool", pool)


def _check_lengths(
    counts: Sequence[int], kernel: int, size: int, stride: int, dim: int, padding: int, windows: Sequence[int]
) -> None:
    length = size
    for layer, channels in enumerate(counts[:-1], start=1):
        length += 2 * padding
        if length < kernel:
            remedy = f"layer {layer} has only {length} positions for a kernel of {kernel}; make the input larger"
            raise InvalidArgumentError("size", size, remedy)
        length = (length - kernel) // stride + 1
        entries = channels * length**dim * kernel**dim
        if entries > _MOST_PATCH_ENTRIES:
            remedy = f"layer {layer} would unfold to {entries:,} entries; at most {_MOST_PATCH_ENTRIES:,} fit"
            raise SizeError("size", size, remedy)
        if layer < len(counts) - 1:
            window = windows[layer - 1]
            if length < window:
                remedy = f"layer {layer} has only {length} positions for pooling over {window}; make the input larger"
                raise InvalidArgumentError("pool", window, remedy)
            length //= window
