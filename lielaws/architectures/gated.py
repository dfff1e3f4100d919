"""Gated linear units."""

from __future__ import annotations

from typing import Any

from lielaws.architectures.activations import Activation, find_activation
from lielaws.architectures.family import Architecture, Array, Namespace, Operations, Recipe
from lielaws.checks import positive_int, positive_ints


def glu(d_model: int, hidden: int, activation: str = "silu", d_out: int | None = None) -> Architecture:
    """A gated linear unit C (act(A x) * (B x)).

    Parameters
    ----------
    d_model, hidden : sizes of the input and of the hidden layer
    activation : "silu" (SwiGLU), "gelu" (GEGLU), "sigmoid" (GLU), "relu" (ReGLU), "linear" (bilinear), or any other of
        :func:`lielaws.mlp`
    d_out : size of the output, by default d_model

    Parameters of the network: A and B of shape (hidden, d_model), C of shape (d_out, hidden). Laws for SiLU:
    arXiv 2606.17816, Thm 4.2. Raises InvalidArgumentError for sizes that are no positive integers.
    """
    d_model, hidden = positive_ints(d_model=d_model, hidden=hidden)
    outputs = d_model if d_out is None else positive_int("d_out", d_out)
    act = find_activation(activation)

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        return gated_unit(p.A, p.B, p.C, x, act, ops)

    parameters = {"A": (hidden, d_model), "B": (hidden, d_model), "C": (outputs, hidden)}
    options: dict[str, Any] = {"activation": act.name} | ({} if outputs == d_model else {"d_out": outputs})
    recipe = Recipe("glu", {"d_model": d_model, "hidden": hidden}, options, front=["activation"])
    return recipe.build(parameters, {"x": (d_model,)}, network)


def gated_unit(A: Array, B: Array, C: Array, x: Array, act: Activation, ops: Operations) -> Array:
    """C (act(A x) * (B x)) for x of shape (d_model,); the result has shape (len(C),)."""
    return C @ (act(ops, A @ x) * (B @ x))
