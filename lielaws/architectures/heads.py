"""The heads of an attention layer: checked sizes, parameters, and the layer itself over stacks of sequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lielaws.architectures.positions import Frequencies, checked_frequencies, rotate
from lielaws.checks import flag, positive_int
from lielaws.engine.graph.network import Namespace
from lielaws.engine.graph.node import Shape
from lielaws.engine.graph.operations import Operations
from lielaws.engine.graph.trace import Array
from lielaws.errors import InvalidArgumentError


@dataclass(frozen=True, slots=True)
class Heads:
    """Query heads 1..heads and key-value heads 1..groups; see :func:`lielaws.architectures.attention.attention`.

    groups : key-value heads; query head i uses number ceil(i groups / heads)
    """

    d_model: int
    d_head: int
    heads: int
    groups: int
    d_value: int
    causal: bool
    softmax: bool
    rotary: Frequencies | None
    tied: bool
    bias: bool

    @classmethod
    def checked(
        cls,
        d_model: Any,
        d_head: Any,
        heads: Any = 1,
        kv_heads: Any = None,
        d_value: Any = None,
        causal: Any = False,
        softmax: Any = True,
        rotary: Any = None,
        tied_qk: Any = False,
        bias: Any = False,
    ) -> Heads:
        """Heads from what a caller gave. Raises InvalidArgumentError for sizes that do not fit together."""
        d_model, d_head, heads = (
            positive_int(name, value) for name, value in (("d_model", d_model), ("d_head", d_head), ("heads", heads))
        )
        groups = heads if kv_heads is None else positive_int("kv_heads", kv_heads)
        if groups > heads:
            raise InvalidArgumentError("kv_heads", groups, f"at most one for each of the {heads} query heads is needed")
        tied = flag("tied_qk", tied_qk)
        if tied and groups != heads:
            raise InvalidArgumentError("kv_heads", groups, f"with tied_qk every head has its own keys: take {heads}")
        return cls(
            d_model,
            d_head,
            heads,
            groups,
            d_head if d_value is None else positive_int("d_value", d_value),
            flag("causal", causal),
            flag("softmax", softmax),
            None if rotary is None else _checked_rotary(rotary, d_head),
            tied,
            flag("bias", bias),
        )

    @property
    def options(self) -> dict[str, Any]:
        """The keywords of the constructor beside the sizes, as plain values."""
        return {
            "heads": self.heads,
            "kv_heads": None if self.groups == self.heads else self.groups,
            "d_value": None if self.d_value == self.d_head else self.d_value,
            "causal": self.causal,
            "softmax": self.softmax,
            "rotary": None if self.rotary is None else [str(f) for f in self.rotary],
            "tied_qk": self.tied,
            "bias": self.bias,
        }

    @property
    def parameters(self) -> dict[str, Shape]:
        """Q, K of shape (d_head, d_model), V, O of shape (d_value, d_model), then biases."""
        key, value = (self.d_head, self.d_model), (self.d_value, self.d_model)
        groups = 0 if self.tied else self.groups
        shapes: dict[str, Shape] = _numbered("Q", self.heads, key) | _numbered("K", groups, key)
        shapes |= _numbered("V", self.groups, value) | _numbered("O", self.heads, value)
        if self.bias:
            shapes |= _numbered("bq", self.heads, key[:1]) | _numbered("bk", groups, key[:1])
            shapes |= _numbered("bv", self.groups, value[:1]) | {"bo": (self.d_model,)}
        return shapes

    def apply(self, p: Namespace, x: Array, y: Array, ops: Operations) -> Array:
        """Queries from x, keys and values from y, both (sequences, tokens, d_model); (sequences, tokens, d_model)."""
        queries = self._projected(p, "Q", "bq", self.heads, x, ops)
        if self.tied:
            keys = self._projected(p, "Q", "bq", self.heads, y, ops)
        else:
            keys = self._projected(p, "K", "bk", self.groups, y, ops)
        values = self._projected(p, "V", "bv", self.groups, y, ops)
        if self.rotary is not None:
            queries, keys = (rotate(ops, a, self.rotary) for a in (queries, keys))
        group = [(i * self.groups - 1) // self.heads for i in range(1, self.heads + 1)]
        logits = queries @ keys[:, group].transpose(0, 1, 3, 2)
        mixed = self._mixed(logits, values[:, group], ops)
        output = ops.einsum("shtv,hvd->std", mixed, ops.stack([p[f"O{i}"] for i in range(1, self.heads + 1)]))
        return output + p.bo if self.bias else output

    def _projected(self, p: Namespace, name: str, bias: str, count: int, x: Array, ops: Operations) -> Array:
        """(sequences, count, tokens, rows)"""
        projected = ops.einsum("std,hed->shte", x, ops.stack([p[f"{name}{i}"] for i in range(1, count + 1)]))
        if not self.bias:
            return projected
        return projected + ops.stack([p[f"{bias}{i}"] for i in range(1, count + 1)]).reshape(count, 1, -1)

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


def _checked_rotary(rotary: Any, d_head: int) -> Frequencies:
    if d_head % 2:
        raise InvalidArgumentError(
            "d_head", d_head, "rotary positions turn pairs of coordinates: an even size is needed"
        )
    return checked_frequencies("rotary", rotary, d_head // 2, "one for each pair of head coordinates")
