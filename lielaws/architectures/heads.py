"""The heads of an attention layer: checked sizes, parameters, and the layer itself over stacks of sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from lielaws.architectures.positions import Frequencies, checked_frequencies, rotate
from lielaws.checks import flag, positive_int
from lielaws.engine.graph.network import Namespace
from lielaws.engine.graph.node import Shape
from lielaws.engine.graph.operations import Operations
from lielaws.engine.graph.trace import Array
from lielaws.errors import InvalidArgumentError


@dataclass(frozen=True)
class Heads:
    """The keywords of :func:`lielaws.architectures.attention.attention` that concern its heads.

    Whatever a caller gives is checked when it is made: InvalidArgumentError for sizes that do not fit together. Then
    `kv_heads` and `d_value` are None where they have their defaults, the number of heads and d_head.
    """

    d_model: int
    d_head: int
    heads: int = 1
    kv_heads: int | None = None
    d_value: int | None = None
    causal: bool = False
    softmax: bool = True
    rotary: Sequence[Any] | None = None
    tied_qk: bool = False
    bias: bool = False

    def __post_init__(self) -> None:
        for name in ("d_model", "d_head", "heads"):
            self._set(name, positive_int(name, getattr(self, name)))
        groups = self.heads if self.kv_heads is None else positive_int("kv_heads", self.kv_heads)
        if groups > self.heads:
            remedy = f"at most one for each of the {self.heads} query heads is needed"
            raise InvalidArgumentError("kv_heads", groups, remedy)
        self._set("tied_qk", flag("tied_qk", self.tied_qk))
        if self.tied_qk and groups != self.heads:
            raise InvalidArgumentError(
                "kv_heads", groups, f"with tied_qk every head has its own keys: take {self.heads}"
            )
        values = self.d_head if self.d_value is None else positive_int("d_value", self.d_value)
        self._set("kv_heads", None if groups == self.heads else groups)
        self._set("d_value", None if values == self.d_head else values)
        for name in ("causal", "softmax"):
            self._set(name, flag(name, getattr(self, name)))
        self._set("rotary", None if self.rotary is None else _checked_rotary(self.rotary, self.d_head))
        self._set("bias", flag("bias", self.bias))

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @property
    def options(self) -> dict[str, Any]:
        """All keywords beside the sizes."""
        return {field.name: getattr(self, field.name) for field in fields(self)[2:]}

    @property
    def groups(self) -> int:
        """Number of key-value heads; query head i uses number ceil(i groups / heads)."""
        return self.kv_heads or self.heads

    @property
    def parameters(self) -> dict[str, Shape]:
        """Q, K of shape (d_head, d_model), V, O of shape (d_value, d_model), then biases."""
        key, value = (self.d_head, self.d_model), (self.d_value or self.d_head, self.d_model)
        keys = 0 if self.tied_qk else self.groups
        shapes: dict[str, Shape] = _numbered("Q", self.heads, key) | _numbered("K", keys, key)
        shapes |= _numbered("V", self.groups, value) | _numbered("O", self.heads, value)
        if self.bias:
            shapes |= _numbered("bq", self.heads, key[:1]) | _numbered("bk", keys, key[:1])
            shapes |= _numbered("bv", self.groups, value[:1]) | {"bo": (self.d_model,)}
        return shapes

    def apply(self, p: Namespace, x: Array, y: Array, ops: Operations) -> Array:
        """Queries from x, keys and values from y, both (sequences, tokens, d_model); (sequences, tokens, d_model)."""
        queries = self._projected(p, "Q", self.heads, x, ops)
        keys = self._projected(p, *(("Q", self.heads) if self.tied_qk else ("K", self.groups)), y, ops)
        values = self._projected(p, "V", self.groups, y, ops)
        if self.rotary is not None:
            queries, keys = (rotate(ops, a, self.rotary) for a in (queries, keys))
        group = [(i * self.groups - 1) // self.heads for i in range(1, self.heads + 1)]
        logits = queries @ keys[:, group].transpose(0, 1, 3, 2)
        mixed = self._mixed(logits, values[:, group], ops)
        output = ops.einsum("shtv,hvd->std", mixed, _stacked(p, "O", self.heads, ops))
        return output + p.bo if self.bias else output

    def _projected(self, p: Namespace, name: str, count: int, x: Array, ops: Operations) -> Array:
        """(sequences, count, tokens, rows)"""
        projected = ops.einsum("std,hed->shte", x, _stacked(p, name, count, ops))
        return projected + _stacked(p, f"b{name.lower()}", count, ops).reshape(count, 1, -1) if self.bias else projected

    def _mixed(self, logits: Array, values: Array, ops: Operations) -> Array:
        """Values (sequences, heads, tokens, d_value) mixed with the weights of logits (.., tokens, tokens)."""
        if not self.causal:
            return self._weighted(logits, values, ops)
        # Later positions are cut off: masked, their exponentials would still be generators.
        lengths = range(1, logits.shape[-1] + 1)
        rows = [self._weighted(logits[:, :, m - 1 : m, :m], values[:, :, :m], ops) for m in lengths]
        return ops.concatenate(rows, axis=2)

    def _weighted(self, logits: Array, values: Array, ops: Operations) -> Array:
        if not self.softmax:
            return logits @ values
        if logits.shape[-1] == 1:
            # The weight of a single token is one, whatever its logit: no generator that cancels.
            return ops.broadcast_to(values, (*logits.shape[:-1], values.shape[-1]))
        return ops.softmax(logits) @ values


def _numbered(name: str, count: int, shape: Shape) -> dict[str, Shape]:
    return {f"{name}{i}": shape for i in range(1, count + 1)}


def _stacked(p: Namespace, name: str, count: int, ops: Operations) -> Array:
    return ops.stack([p[f"{name}{i}"] for i in range(1, count + 1)])


def _checked_rotary(rotary: Any, d_head: int) -> Frequencies:
    if d_head % 2:
        remedy = "rotary positions turn pairs of coordinates: an even size is needed"
        raise InvalidArgumentError("d_head", d_head, remedy)
    return checked_frequencies("rotary", rotary, d_head // 2, "one for each pair of head coordinates")
