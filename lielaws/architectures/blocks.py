"""The pre-norm transformer block over stacks of sequences: x + attention(norm(x)), then x + mlp(norm(x))."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lielaws.architectures.activations import Activation, find_activation
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
    activation: Activation
    glu: bool
    norm: Norm

    @classmethod
    def checked(
        cls, heads: Heads, hidden: Any, activation: Any, glu: Any, norm: Any, affine: Any, epsilon: Any
    ) -> Block:
        """The block of what a caller gave. Raises InvalidArgumentError."""
        chosen = _checked_norm(norm, affine, epsilon, heads.d_model)
        act = find_activation(activation)
        return cls(heads, positive_int("hidden", hidden), act, flag("glu", glu), chosen)

    @property
    def sizes(self) -> dict[str, int]:
        heads = self.heads
        return {"d_model": heads.d_model, "heads": heads.heads, "d_head": heads.d_head, "hidden": self.hidden}

    @property
    def options(self) -> dict[str, Any]:
        """The other keywords."""
        chosen = {key: self.heads.options[key] for key in ("kv_heads", "causal", "rotary")}
        return chosen | {"activation": self.activation.name, "glu": self.glu, **self.norm.options}

    @property
    def parameters(self) -> dict[str, Shape]:
        """In the order of the computation."""
        model, inner = self.heads.d_model, (self.hidden, self.heads.d_model)
        names = ("A", "B", "C") if self.glu else ("W1", "W2")
        shapes = dict.fromkeys(names, inner) | {names[-1]: inner[::-1]}
        return self.norm.parameters(model, 1) | self.heads.parameters | self.norm.parameters(model, 2) | shapes

    def apply(self, p: Namespace, x: Array, ops: Operations) -> Array:
        """x : shape (sequences, tokens, d_model), as the result"""
        inner = self.norm.apply(p, x, ops, 1)
        x = x + self.heads.apply(p, inner, inner, ops)
        inner = self.norm.apply(p, x, ops, 2)
        if self.glu:
            return x + (self.activation(ops, inner @ p.A.T) * (inner @ p.B.T)) @ p.C.T
        return x + self.activation(ops, inner @ p.W1.T) @ p.W2.T


def _checked_norm(norm: Any, affine: Any, epsilon: Any, d_model: int) -> Norm:
    """RMSNorm or LayerNorm over the model axis, or none. Raises InvalidArgumentError."""
    if norm in (None, "none"):
        return Norm()
    if norm not in ("rms", "layer"):
        raise InvalidArgumentError("norm", norm, "'rms', 'layer' or none is needed")
    made = Norm.checked(norm, affine, epsilon)
    made.check_width(d_model, "d_model", d_model)
    return made
