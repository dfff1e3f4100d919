"""Gated linear units, alone and as a mixture of experts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from lielaws.architectures.activations import Activation, find_activation
from lielaws.architectures.family import Architecture, Array, Namespace, Operations, Recipe
from lielaws.arraytypes import FloatArray, IntArray
from lielaws.checks import choice, positive_int, positive_ints
from lielaws.errors import InvalidArgumentError, SizeError

_SCORES: dict[str, Callable[[Operations, Array], Array]] = {
    "softmax": Operations.relative_exp,
    "sigmoid": Operations.sigmoid,
    "normalized_sigmoid": Operations.sigmoid,
}
"""positive scores of the experts by gate; weights are scores, divided by their sum where the gate is normalized"""

_MOST_SETS = 500  # the traced network has an output for each of them


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


def moe(d_model: int, hidden: int, experts: int, gate: str = "softmax", top_k: int | None = None) -> Architecture:
    """A mixture of SwiGLU experts, sum_e weight_e(G x) C_e (SiLU(A_e x) * (B_e x)).

    Parameters
    ----------
    d_model, hidden : sizes of an expert
    experts : number of experts
    gate : "softmax", "sigmoid" (weights that need not sum to one) or "normalized_sigmoid"
    top_k : number of experts with the largest logits that are used, their weights divided by their sum; by default all
        experts are used, with the weights of the gate as they are

    Parameters of the network: G of shape (experts, d_model), and A{e}, B{e} of shape (hidden, d_model), C{e} of shape
    (d_model, hidden) for e = 1..experts. Laws: arXiv 2606.17816, Thm 4.5 to 4.7.

    The set of the top-k experts is part of the data that laws must hold for: the traced network stacks one output for
    each set, and the family is the span over all of them. Raises SizeError for more than 500 sets.
    """
    d_model, hidden, experts = positive_ints(d_model=d_model, hidden=hidden, experts=experts)
    choice("gate", gate, _SCORES)
    chosen = _expert_sets(experts, top_k)
    score, act = _SCORES[gate], find_activation("silu")
    numbers = range(1, experts + 1)

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        outputs = ops.stack([gated_unit(p[f"A{e}"], p[f"B{e}"], p[f"C{e}"], x, act, ops) for e in numbers])
        scores = score(ops, p.G @ x)
        if chosen is None:
            return (scores if gate == "sigmoid" else scores / scores.sum()) @ outputs
        sets = ops.array(chosen)
        weights = ops.einsum("se,e,s->se", sets, scores, (sets @ scores) ** -1)
        return weights @ outputs

    parameters = {"G": (experts, d_model)}
    for e in numbers:
        parameters |= {f"A{e}": (hidden, d_model), f"B{e}": (hidden, d_model), f"C{e}": (d_model, hidden)}
    sizes = {"d_model": d_model, "hidden": hidden, "experts": experts}
    options: dict[str, Any] = {"gate": gate} | ({} if chosen is None else {"top_k": int(chosen[0].sum())})
    patterns = None if chosen is None else partial(_real_sets, chosen)
    return Recipe("moe", sizes, options, front=["gate"]).build(parameters, {"x": (d_model,)}, network, patterns)


def _expert_sets(experts: int, top_k: Any) -> IntArray | None:
    """All sets of top_k experts as indicators (sets, experts), or None for the dense mixture."""
    if top_k is None:
        return None
    count = positive_int("top_k", top_k)
    if count > experts:
        raise InvalidArgumentError("top_k", top_k, f"there are only {experts} experts; at most that many can be chosen")
    number = math.comb(experts, count)
    if number > _MOST_SETS:
        remedy = f"there are {number:,} sets of {count} among {experts} experts; at most {_MOST_SETS} are supported"
        raise SizeError("top_k", top_k, remedy)
    return _indicators(np.array(list(combinations(range(experts), count))), experts)


def _indicators(sets: IntArray, experts: int) -> IntArray:
    """1 where an expert is in a set: (sets, experts) of lists of experts (sets, count)."""
    return np.asarray(np.eye(experts)[sets].sum(axis=1), dtype=np.int64)


def _real_sets(sets: IntArray, params: Mapping[str, Any], x: Any) -> FloatArray:
    """The set of the experts with the largest logits for each sample, as indicators (batch, sets)."""
    samples = np.asarray(x["x"] if isinstance(x, Mapping) else x, dtype=np.float64)
    logits = samples @ np.asarray(params["G"], dtype=np.float64).T
    count, experts = sets[0].sum(), sets.shape[1]
    # A stable order, so that the first of equal logits is taken.
    largest = np.argsort(-logits, axis=1, kind="stable")[:, :count]
    return np.asarray(_indicators(largest, experts) @ sets.T == count, dtype=np.float64)
