"""The pre-norm transformer block over stacks of sequences: x + attention(norm(x)), then x + mlp(norm(x))."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lielaws.architectures.activations import find_activation
from lielaws.architectures.heads import Heads
from lielaws.architectures.normalization import Norm
from lielaws.checks import flag, positive_int
from lielaws.engine.graph.network import Namespace
from lielaws.engine.graph.node import Shape
from lielaws.engine.graph.operations import Operations
from lielaws.engine.graph.trace import Array
from lielaws.errors import InvalidArgumentError


@dataclass(frozen=True, slots=True)
class Block:
    """See :func:`lielaws.architectures.transformer.transformer_block`."""

    heads: Heads
    hidden: int
    activation: str
    gated: bool
    norm: Norm | None

    @classmethod
    def checked(cls, heads: Heads, hidden: Any, activation: Any, glu: Any, norm: Norm | None) -> Block:
        """The block of what a caller gave. Raises InvalidArgumentError."""
        find_activation(activation)
        return cls(heads, positive_int("hidden", hidden), activation, flag("glu", glu), norm)

    @property
    def parameters(self) -> dict[str, Shape]:
        """In the order of the computation."""
        model, inner = self.heads.d_model, (self.hidden, self.heads.d_model)
        names = ("A", "B", "C") if self.gated else ("W1", "W2")
        shapes = dict.fromkeys(names, inner) | {names[-1]: inner[::-1]}
        gains = [{} if self.norm is None else self.norm.parameters(model, suffix) for suffix in (1, 2)]
        return gains[0] | self.heads.parameters | gains[1] | shapes

    def apply(self, p: Namespace, x: Array, ops: Operations) -> Array:
        """x : shape (sequences, tokens, d_model), as the result"""
        inner = self._normalized(p, x, ops, 1)
        x = x + self.heads.apply(p, inner, inner, ops)
        inner = self._normalized(p, x, ops, 2)
        act = find_activation(self.activation)
        if self.gated:
            return x + (act(ops, inner @ p.A.T) * (inner @ p.B.T)) @ p.C.T
        return x + act(ops, inner @ p.W1.T) @ p.W2.T

    def _normalized(self, p: Namespace, x: Array, ops: Operations, suffix: int) -> Array:
        return x if self.norm is None else self.norm.apply(p, x, ops, suffix)


def checked_norm(norm: Any, affine: Any, epsilon: Any, d_model: int) -> Norm | None:
    """RMSNorm or LayerNorm over the model axis, or None. Raises InvalidArgumentError."""
    if norm not in (None, "none", "rms", "layer"):
        raise InvalidArgumentError("norm", norm, "'rms', 'layer' or none is needed")
    if norm in (None, "none"):
        return None
    made = Norm.checked(norm, affine, epsilon, None)
    if made is not None:
        made.check_width(d_model, "d_model", d_model)
    return made


def norm_options(norm: Norm | None) -> Mapping[str, Any]:
    """The keywords of a normalization as plain values."""
    if norm is None:
        return {"norm": "none"}
    epsilon = norm.epsilon if isinstance(norm.epsilon, bool) else str(norm.epsilon)
    return {"norm": norm.kind, "affine": norm.affine, "epsilon": epsilon}
