"""Attention layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lielaws.architectures.base import Architecture
from lielaws.architectures.heads import Heads
from lielaws.architectures.positions import checked_positions, positioned
from lielaws.architectures.rebuilding import Recipe
from lielaws.checks import positive_int
from lielaws.engine.graph.network import Namespace
from lielaws.engine.graph.trace import Array
from lielaws.errors import InvalidArgumentError


def attention(
    d_model: int,
    d_head: int,
    heads: int = 1,
    kv_heads: int | None = None,
    d_value: int | None = None,
    tokens: int = 3,
    causal: bool = False,
    softmax: bool = True,
    rotary: Sequence[Any] | None = None,
    tied_qk: bool = False,
    bias: bool = False,
    positions: str | None = None,
    frequencies: Sequence[Any] | None = None,
    cross: int | bool | None = None,
) -> Architecture:
    """Attention without scaling: the sum over heads of softmax(X Q^T K X^T) X V^T O, X of shape (tokens, d_model).

    Parameters
    ----------
    heads, kv_heads : query head i uses key-value head ceil(i kv_heads / heads); by default each has its own
    d_value : rows of V and O, by default d_head
    tokens : three are enough for the generic count, and all laws of two or one hold for more; with one token the
        softmax is constant, and every entry of Q and K is a law
    causal : token m sees tokens up to m only
    softmax : False for linear attention, in which the logits themselves are the weights
    rotary : a frequency for each pair (2 j, 2 j + 1) of head coordinates; token m is turned by the angle m f_j
    tied_qk : the queries are the keys; there is no K
    bias : adds bq{i}, bk{i} of shape (d_head,), bv{i} of shape (d_value,), and bo of shape (d_model,)
    positions : "sinusoidal" adds sin(m f_j) and cos(m f_j) to coordinates 2 j and 2 j + 1 of the input
    frequencies : those f_j, by default 10000^(-2 j / d_model)
    cross : tokens of a second input Y (cross, d_model) that keys and values come from; True for as many as X has

    Parameters of the network: Q1..Qh, K1..Kg of shape (d_head, d_model), V1..Vg, O1..Oh of shape (d_value, d_model).
    Laws: arXiv 2506.06194, Cor. 3.9; several heads and rotary positions: arXiv 2606.17816, Thm 4.3 and 4.4; shared
    keys and values: arXiv 2609.34549, Prop. 18. Raises InvalidArgumentError for sizes that do not fit together.
    """
    layer = Heads(d_model, d_head, heads, kv_heads, d_value, causal, softmax, rotary, tied_qk, bias)
    length = positive_int("tokens", tokens)
    waves = checked_positions(positions, frequencies, layer.d_model)
    other = _checked_cross(cross, length, layer.causal)
    shapes = {"X": (length, layer.d_model)} | ({} if other is None else {"Y": (other, layer.d_model)})

    def network(p: Namespace, *data_and_ops: Any) -> Array:
        *data, ops = data_and_ops
        sequences = [positioned(ops, a, waves).reshape(1, *a.shape) for a in data]
        return layer.apply(p, sequences[0], sequences[-1], ops).reshape(length, layer.d_model)

    given = layer.options | {"tokens": length, "positions": positions, "cross": other}
    given["frequencies"] = None if frequencies is None else waves
    recipe = Recipe.of(attention, {"d_model": layer.d_model, "d_head": layer.d_head}, given)
    return recipe.build(layer.parameters, shapes, network)


def _checked_cross(cross: Any, tokens: int, causal: bool) -> int | None:
    if cross is None or cross is False:
        return None
    if causal:
        raise InvalidArgumentError("causal", causal, "two sequences have no common order; leave out causal or cross")
    return tokens if cross is True else positive_int("cross", cross)
