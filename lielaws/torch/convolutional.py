"""Convolutions, pooling and norms."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import numpy as np

from lielaws.architectures.family import Array, Operations
from lielaws.engine.arithmetic.base import IndexMap
from lielaws.engine.graph import primitives
from lielaws.errors import UnsupportedError
from lielaws.torch.movement import each, moved, numbers_of, windows

_PLACES, _KERNEL = "pqr", "klm"


def _convolution(
    ops: Operations,
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Array:
    """Cross-correlation over the last axes: windows of x, contracted with the kernel."""
    rank = weight.ndim - 2
    if isinstance(padding, str):
        spans = [gap * (size - 1) for gap, size in zip(each(dilation, rank), weight.shape[2:], strict=True)]
        if padding == "same" and any(span % 2 for span in spans):
            raise UnsupportedError("padding", padding, "kernels of even length are padded on one side")
        padding = [span // 2 if padding == "same" else 0 for span in spans]
    patches = moved([x], windows(x.shape, weight.shape[2:], stride, padding, dilation), ops)
    places, kernel = _PLACES[:rank], _KERNEL[:rank]
    if groups == 1:
        found = ops.einsum(f"nc{places}{kernel},oc{kernel}->no{places}", patches, weight)
    else:
        split = patches.reshape(patches.shape[0], groups, -1, *patches.shape[2:])
        found = _joined(ops.einsum(f"ngc{places}{kernel},goc{kernel}->ngo{places}", split, _in_groups(weight, groups)))
    return _with_bias(found, bias)


def _transposed(
    ops: Operations,
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Array:
    """Each entry of x is spread over a window of the result: the transpose of a convolution."""
    rank = weight.ndim - 2
    steps, pads, more, gaps = (each(value, rank) for value in (stride, padding, output_padding, dilation))
    places, kernel = _PLACES[:rank], _KERNEL[:rank]
    split = x.reshape(x.shape[0], groups, -1, *x.shape[2:])
    found = _joined(ops.einsum(f"ngc{places},gco{kernel}->ngo{places}{kernel}", split, _in_groups(weight, groups)))
    sizes = [gap * (k - 1) + 1 for gap, k in zip(gaps, weight.shape[2:], strict=True)]
    spans = [s * (n - 1) + k for s, n, k in zip(steps, x.shape[2:], sizes, strict=True)]
    whole = (*found.shape[:2], *spans)
    # The windows of the result are those of a convolution over it.
    into = windows(whole, weight.shape[2:], steps, 0, gaps) - 1
    full = Array(primitives.scatter(found.node, IndexMap.of(into.ravel()), whole))
    wanted = [span - 2 * pad + extra for span, pad, extra in zip(spans, pads, more, strict=True)]
    numbers = np.pad(numbers_of(whole), [(0, 0), (0, 0), *((0, extra) for extra in more)])
    cut = numbers[(slice(None), slice(None), *(slice(p, p + n) for p, n in zip(pads, wanted, strict=True)))]
    return _with_bias(moved([full], cut, ops), bias)


def _in_groups(weight: Array, groups: int) -> Array:
    """The kernels of each group, along a first axis."""
    return weight.reshape(groups, -1, *weight.shape[1:])


def _joined(a: Array) -> Array:
    """Channels of all groups, (samples, groups, channels, ..), along one axis."""
    return a.reshape(a.shape[0], -1, *a.shape[3:])


def _with_bias(a: Array, bias: Array | None) -> Array:
    """One number for each channel, the second axis."""
    return a if bias is None else a + bias.reshape(-1, *[1] * (a.ndim - 2))


def _max_pool(
    rank: int,
    ops: Operations,
    x: Any,
    kernel: Any,
    stride: Any = (),
    padding: Any = 0,
    dilation: Any = 1,
    ceil: bool = False,
) -> Array:
    if ceil:
        raise UnsupportedError("ceil_mode", ceil, "windows that end outside are not supported")
    sizes = each(kernel, rank)
    places = windows(x.shape, sizes, stride or sizes, padding, dilation)
    flat = places.reshape(*places.shape[: x.ndim], -1)
    if flat.min(initial=1) > 0:
        parts = [moved([x], flat[..., k], ops) for k in range(flat.shape[-1])]
        return reduce(ops.maximum, parts)
    # Zeros of the padding are no candidates: an entry that is there stands for each that is not.
    inside = np.where(flat > 0, flat, flat.max(axis=-1, keepdims=True))
    return reduce(ops.maximum, [moved([x], inside[..., k], ops) for k in range(flat.shape[-1])])


def _mean_pool(
    rank: int,
    ops: Operations,
    x: Any,
    kernel: Any,
    stride: Any = (),
    padding: Any = 0,
    ceil: bool = False,
    count_include_pad: bool = True,
    divisor: Any = None,
) -> Array:
    if ceil or divisor is not None or (not count_include_pad and any(each(padding, rank))):
        raise UnsupportedError("avg_pool", "ceil_mode, or a divisor of its own", "means of whole windows are supported")
    sizes = each(kernel, rank)
    found = moved([x], windows(x.shape, sizes, stride or sizes, padding, 1), ops)
    return found.mean(tuple(range(x.ndim, x.ndim + rank)))


def _adaptive(rank: int, ops: Operations, x: Any, sizes: Any) -> Array:
    """The mean of windows, as many as are asked for."""
    wanted, given = each(sizes, rank), x.shape[-rank:]
    if any(n % m for n, m in zip(given, wanted, strict=True)):
        raise UnsupportedError("output_size", list(wanted), f"it must divide the size {list(given)} of the input")
    return _mean_pool(rank, ops, x, [n // m for n, m in zip(given, wanted, strict=True)])


def _normalized(ops: Operations, x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    shape = tuple(1 if axis in axes else n for axis, n in enumerate(x.shape))
    centred = x - x.mean(axes).reshape(shape)
    return centred * ops.rsqrt((centred**2).mean(axes).reshape(shape) + epsilon)


def _affine(x: Array, weight: Any, bias: Any, shape: tuple[int, ...]) -> Array:
    scaled = x if weight is None else x * weight.reshape(shape)
    return scaled if bias is None else scaled + bias.reshape(shape)


def _layer_norm(
    ops: Operations, x: Any, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5, *_: Any
) -> Array:
    axes = tuple(range(x.ndim - len(shape), x.ndim))
    return _affine(_normalized(ops, x, axes, eps), weight, bias, tuple(shape))


def _rms_norm(ops: Operations, x: Any, shape: Any, weight: Any = None, eps: float | None = None) -> Array:
    axes = tuple(range(x.ndim - len(shape), x.ndim))
    kept = tuple(1 if axis in axes else n for axis, n in enumerate(x.shape))
    epsilon = np.finfo(np.float64).eps.item() if eps is None else eps
    return _affine(x * ops.rsqrt((x**2).mean(axes).reshape(kept) + epsilon), weight, None, tuple(shape))


def _group_norm(
    ops: Operations, x: Any, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5, *_: Any
) -> Array:
    split = x.reshape(x.shape[0], groups, -1)
    channels = (1, x.shape[1], *[1] * (x.ndim - 2))
    return _affine(_normalized(ops, split, (2,), eps).reshape(x.shape), weight, bias, channels)


def _batch_norm(
    ops: Operations, x: Any, weight: Any, bias: Any, mean: Any, variance: Any, training: bool, _: Any, eps: float
) -> Any:
    """Running statistics are frozen in evaluation, and have no part in training; the output is the first of several."""
    channels = (1, x.shape[1], *[1] * (x.ndim - 2))
    if training:
        axes = (0, *range(2, x.ndim))
        return (_affine(_normalized(ops, x, axes, eps), weight, bias, channels),)
    scaled = (x - mean.reshape(channels)) * ops.rsqrt(variance.reshape(channels) + eps)
    return (_affine(scaled, weight, bias, channels),)


def _frozen_norm(
    ops: Operations, x: Any, weight: Any, bias: Any, mean: Any, variance: Any, momentum: Any, eps: float
) -> Any:
    return _batch_norm(ops, x, weight, bias, mean, variance, False, momentum, eps)


TABLE: dict[str, Callable[..., Any]] = {
    **{f"conv{rank}d.{kind}": _convolution for rank in (1, 2, 3) for kind in ("default", "padding")},
    **{f"conv_transpose{rank}d.{kind}": _transposed for rank, kind in ((1, "default"), (2, "input"), (3, "input"))},
    **{f"max_pool{rank}d.default": partial(_max_pool, rank) for rank in (1, 2, 3)},
    **{f"avg_pool{rank}d.default": partial(_mean_pool, rank) for rank in (1, 2, 3)},
    **{f"adaptive_avg_pool{rank}d.default": partial(_adaptive, rank) for rank in (1, 2, 3)},
    "layer_norm.default": _layer_norm,
    "rms_norm.default": _rms_norm,
    "group_norm.default": _group_norm,
    "batch_norm.default": lambda *args: _batch_norm(*args[:9])[0],
    "_native_batch_norm_legit_functional.default": _batch_norm,
    "_native_batch_norm_legit_no_training.default": _frozen_norm,
}
