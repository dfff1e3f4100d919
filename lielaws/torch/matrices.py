"""Products of matrices, embeddings, softmax and attention."""

from __future__ import annotations

import math
from collections.abc import Callable
from string import ascii_lowercase
from typing import Any

import numpy as np

from lielaws.architectures.family import Array, Operations
from lielaws.errors import UnsupportedError
from lielaws.torch import masks


def _linear(ops: Operations, x: Any, weight: Any, bias: Any = None) -> Array:
    """The last axis of x meets the second one of the weight."""
    lead = ascii_lowercase[: ops.array(x).ndim - 1]
    product: Array = ops.einsum(f"{lead}y,zy->{lead}z", x, weight)
    return product if bias is None else product + ops.array(bias)


def _addmm(ops: Operations, bias: Any, a: Any, b: Any, *, beta: Any = 1, alpha: Any = 1) -> Array:
    found: Array = ops.array(bias) * beta + ops.matmul(a, b) * alpha
    return found


def _softmax(ops: Operations, a: Any, axis: int, dtype: Any = None, half_to_float: bool = False) -> Array:
    return masks.softmax(ops, a, axis)


def _log_softmax(ops: Operations, a: Array, axis: int, dtype: Any = None, half_to_float: bool = False) -> Array:
    place = axis % a.ndim
    total = ops.log(ops.exp(a).sum(place))
    return a - total.reshape(*total.shape[:place], 1, *total.shape[place:])


def _bilinear(ops: Operations, a: Any, b: Any, weight: Any, bias: Any = None) -> Array:
    lead = ascii_lowercase[: a.ndim - 1]
    product: Array = ops.einsum(f"{lead}x,zxy,{lead}y->{lead}z", a, weight, b)
    return product if bias is None else product + bias


def _weight_norm(ops: Operations, v: Array, g: Array, axis: int = 0) -> Array:
    """g v / |v|, with a norm for each entry of an axis."""
    axes = tuple(k for k in range(v.ndim) if k != axis % v.ndim)
    shape = tuple(n if k == axis % v.ndim else 1 for k, n in enumerate(v.shape))
    return v * (g * ops.rsqrt((v**2).sum(axes)).reshape(shape))


def _attention(
    ops: Operations,
    q: Array,
    k: Array,
    v: Array,
    mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Array:
    if dropout_p:
        raise UnsupportedError("dropout_p", dropout_p, "dropout within attention is not supported; set it to 0")
    heads = q.shape[-3] // k.shape[-3] if enable_gqa else 1
    if heads > 1:
        k, v = (_repeated(x, heads) for x in (k, v))
    logits = (q @ k.transpose(*range(k.ndim - 2), k.ndim - 1, k.ndim - 2)) * (scale or 1 / math.sqrt(q.shape[-1]))
    if is_causal:
        mask = np.tril(np.ones(logits.shape[-2:], dtype=bool))
    found: Any = logits
    if mask is not None and not isinstance(mask, Array) and mask.dtype == bool:
        found = masks.chosen(ops, mask, logits, -math.inf)
    elif mask is not None:
        found = masks.added(ops, logits, mask) or logits + mask
    return masks.softmax(ops, found) @ v


def _repeated(x: Array, times: int) -> Array:
    """Each head so many times, one after the other."""
    axis = x.ndim - 3
    return x[(slice(None),) * axis + (np.repeat(np.arange(x.shape[axis]), times),)]


def _embedding(ops: Operations, table: Any, numbers: Any, *_: Any, **__: Any) -> Array:
    return ops.array(table)[np.asarray(numbers)]


TABLE: dict[str, Callable[..., Any]] = {
    "linear.default": _linear,
    "addmm.default": _addmm,
    **dict.fromkeys(("mm.default", "bmm.default", "matmul.default", "mv.default"), lambda ops, a, b: ops.matmul(a, b)),
    "dot.default": lambda ops, a, b: ops.dot(a, b),
    "einsum.default": lambda ops, subscripts, arrays, **_: ops.einsum(subscripts, *arrays),
    **dict.fromkeys(("softmax.int", "_softmax.default"), _softmax),
    **dict.fromkeys(("log_softmax.int", "_log_softmax.default"), _log_softmax),
    "bilinear.default": _bilinear,
    "_weight_norm.default": _weight_norm,
    "scaled_dot_product_attention.default": _attention,
    "embedding.default": _embedding,
}
