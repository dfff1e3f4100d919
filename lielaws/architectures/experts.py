"""Mixtures of experts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.architectures.activations import find_activation
from lielaws.architectures.base import Architecture
from lielaws.architectures.gated import gated_unit
from lielaws.architectures.rebuilding import Recipe
from lielaws.checks import choice, positive_int
from lielaws.engine.graph.network import Namespace
from lielaws.engine.graph.operations import Operations
from lielaws.engine.graph.trace import Array
from lielaws.errors import InvalidArgumentError, SizeError

_SCORES: dict[str, Callable[[Operations, Array], Array]] = {
    "softmax": lambda ops, logits: ops.relative_exp(logits),
    "sigmoid": lambda ops, logits: ops.sigmoid(logits),
    "normalized_sigmoid": lambda ops, logits: ops.sigmoid(logits),
}
"""positive scores of the experts by gate; weights are scores, divided by their sum where the gate is normalized"""

_MOST_SETS = 500  # the traced network has an output for each of them


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
    sizes = {"d_model": d_model, "hidden": hidden, "experts": experts}
    sizes = {key: positive_int(key, value) for key, value in sizes.items()}
    d_model, hidden, experts = sizes.values()
    choice("gate", gate, _SCORES)
    sets = _expert_sets(experts, top_k)
    score, act = _SCORES[gate], find_activation("silu")
    normalized = gate != "sigmoid" or sets is not None

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        numbers = range(1, experts + 1)
        outputs = ops.stack([gated_unit(p[f"A{e}"], p[f"B{e}"], p[f"C{e}"], x, act, ops) for e in numbers])
        scores = score(ops, p.G @ x)
        if sets is None:
            return (scores / scores.sum() if normalized else scores) @ outputs
        chosen = ops.array(_indicators(sets, experts))
        weights = ops.einsum("se,e,s->se", chosen, scores, (chosen @ scores) ** -1)
        return weights @ outputs

    parameters = {"G": (experts, d_model)}
    for expert in range(1, experts + 1):
        shapes = {"A": (hidden, d_model), "B": (hidden, d_model), "C": (d_model, hidden)}
        parameters |= {f"{key}{expert}": shape for key, shape in shapes.items()}
    options: dict[str, Any] = {"gate": gate} | ({} if sets is None else {"top_k": len(sets[0])})
    recipe = Recipe("moe", sizes, options, front=["gate"])
    if sets is None:
        return recipe.build(parameters, {"x": (d_model,)}, network, "arXiv 2606.17816, Thm 4.5 and 4.7")
    return recipe.build(
        parameters,
        {"x": (d_model,)},
        network,
        "arXiv 2606.17816, Thm 4.6",
        patterns=lambda params, x: _chosen_sets(params, x, sets, experts),
    )


def _expert_sets(experts: int, top_k: Any) -> list[tuple[int, ...]] | None:
    """All sets of top_k experts, or None for the dense mixture."""
    if top_k is None:
        return None
    count = positive_int("top_k", top_k)
    if count > experts:
        raise InvalidArgumentError("top_k", top_k, f"there are only {experts} experts; at most that many can be chosen")
    if math.comb(experts, count) > _MOST_SETS:
        number = math.comb(experts, count)
        remedy = f"there are {number:,} sets of {count} among {experts} experts; at most {_MOST_SETS} are supported"
        raise SizeError("top_k", top_k, remedy)
    return list(combinations(range(experts), count))


def _indicators(sets: list[tuple[int, ...]], experts: int) -> npt.NDArray[np.int64]:
    """1 where an expert belongs to a set, shape (sets, experts)."""
    indicators = np.zeros((len(sets), experts), dtype=np.int64)
    for row, members in enumerate(sets):
        indicators[row, list(members)] = 1
    return indicators


def _chosen_sets(
    params: Mapping[str, Any], x: Any, sets: list[tuple[int, ...]], experts: int
) -> npt.NDArray[np.float64]:
    """The set of the experts with the largest logits for each sample, as indicators (batch, sets)."""
    samples = np.asarray(x["x"] if isinstance(x, Mapping) else x, dtype=np.float64)
    logits = samples @ np.asarray(params["G"], dtype=np.float64).T
    # A stable order, so that the first of equal logits is taken.
    largest = np.argsort(-logits, axis=1, kind="stable")[:, : len(sets[0])]
    members = np.zeros((len(samples), experts), dtype=np.int64)
    np.put_along_axis(members, largest, 1, axis=1)
    agreement = members @ _indicators(sets, experts).T
    return np.asarray(agreement == len(sets[0]), dtype=np.float64)
