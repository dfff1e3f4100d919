"""Products of matrices, embeddings, softmax and attention."""

from __future__ import annotations

import math
from collections.abc import Callable
from string import ascii_lowercase
from typing import Any

import numpy as np

from lielaws.architectures.family import Array, Operations
from lielaws.errors import UnsupportedError


def _linear(ops: Operations, x: Any, weight: Any, bias: Any = None) -> Array:
    """The last axis of x meets the second one of the weight."""
    lead = ascii_lowercase[: ops.array(x).ndim - 1]
    product: Array = ops.einsum(f"{lead}y,zy->{lead}z", x, weight)
    return product if bias is None else product + ops.array(bias)


def _addmm(ops: Operations, bias: Any, a: Any, b: Any, *, beta: Any = 1, alpha: Any = 1) -> Array:
    found: Array = ops.array(bias) * beta + ops.matmul(a, b) * alpha
    return found


def _softmax(ops: Operations, a: Any, axis: int, dtype: Any = None, half_to_float: bool = False) -> Array:
    return ops.softmax(a, axis)


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
    if mask is not None and isinstance(mask, Array):
        raise UnsupportedError("attn_mask", "a mask that varies", "masks are constant here")
    kept = np.tril(np.ones(logits.shape[-2:], dtype=bool)) if is_causal else None
    if mask is not None and mask.dtype == bool:
        kept = mask
    elif mask is not None:
        # Large numbers that are added cut off; others shift the logits.
        kept, shift = mask > -1e30, np.where(mask > -1e30, mask, 0)
        logits = logits + shift if shift.any() else logits
    if kept is None or kept.all():
        return ops.softmax(logits) @ v
    powers = ops.relative_exp(logits) * ops.array(np.broadcast_to(kept, logits.shape).astype(np.int64))
    total = powers.sum(powers.ndim - 1)
    return (powers * (total**-1).reshape(*total.shape, 1)) @ v


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
    "scaled_dot_product_attention.default": _attention,
    "embedding.default": _embedding,
}
