"""The families that specs can name. A new family is one row here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType

from lielaws.architectures.activations import ACTIVATIONS, Activation, power
from lielaws.architectures.attention import attention
from lielaws.architectures.autoencoder import tied_autoencoder
from lielaws.architectures.composition import residual, sequential
from lielaws.architectures.convex import input_convex
from lielaws.architectures.convolution import conv
from lielaws.architectures.embedding import embedding
from lielaws.architectures.experts import moe
from lielaws.architectures.gated import glu
from lielaws.architectures.low_rank import lora_mlp, low_rank
from lielaws.architectures.mlp import mlp
from lielaws.architectures.normalization import weight_norm
from lielaws.architectures.part import part
from lielaws.architectures.phi import from_phi
from lielaws.architectures.transformer import transformer, transformer_block
from lielaws.architectures.tying import freeze, share
from lielaws.spec.networks import network
from lielaws.spec.registry import Family

_EPSILON = {"epsilon": "bool_or_rational"}
_MLP = Family(mlp, "widths", "fully connected network, by default with ReLU", {**_EPSILON, "slope": "rational"})
_UNIT = ("d_model", "hidden")
_BLOCK = ("d_model", "heads", "d_head", "hidden")

_FAMILIES = (
    _MLP,
    Family(conv, "channels", "convolutional network in one or two dimensions", {"slope": "rational"}),
    Family(glu, _UNIT, "gated linear unit, by default SwiGLU"),
    Family(moe, (*_UNIT, "experts"), "mixture of SwiGLU experts"),
    Family(weight_norm, "widths", "weight normalization"),
    Family(low_rank, ("d_in", "d_out", "rank"), "low-rank adapter on a frozen matrix"),
    Family(lora_mlp, "widths", "low-rank adapters in a frozen network"),
    Family(tied_autoencoder, ("d", "hidden"), "decoder and encoder are one matrix"),
    Family(input_convex, ("d", "hidden"), "input-convex network with one hidden layer"),
    Family(attention, ("d_model", "d_head"), "attention heads", {"cross": "int"}),
    Family(embedding, ("vocabulary", "d_model"), "token embedding of one sequence"),
    Family(transformer_block, _BLOCK, "pre-norm transformer block", _EPSILON),
    Family(
        transformer,
        ("vocabulary", *_BLOCK),
        "embedding, pre-norm blocks and unembedding",
        {**_EPSILON, "sequences": "str"},
    ),
    Family(residual, None, "x + block(x)", {"block": "block"}),
    Family(sequential, None, "blocks one after the other", {"blocks": "blocks"}),
    Family(part, None, "some tensors as the state, the others as data", {"block": "block", "parameters": "symbols"}),
    Family(share, None, "parameters shared: 'W2 = W1.T, W3 = W1'", {"block": "block", "ties": "str"}),
    Family(freeze, None, "frozen parameters: 'W1, W3'", {"block": "block", "names": "str"}),
    Family(
        from_phi,
        None,
        "given by its reparameterization, as expressions in symbols",
        {"symbols": "symbols", "expressions": "expressions"},
        alias="phi",
    ),
    Family(
        network,
        None,
        "any network, written as array expressions",
        {"parameters": "shapes", "data": "shapes", "let": "let", "output": "expression"},
    ),
)


@cache
def families() -> Mapping[str, Family]:
    """Family by name: those above, and each activation as the name of a fully connected network with it."""
    activations = map(_with_activation, (*ACTIVATIONS.values(), replace(power(2), name="power<k>")))
    return MappingProxyType({family.name: family for family in (*_FAMILIES, *activations)})


def _with_activation(row: Activation) -> Family:
    without = () if row.name == "leaky_relu" else ("slope",)
    summary = row.summary or f"fully connected network with {row.name}"
    return replace(_MLP, summary=summary, alias=row.name, name_keyword="activation", without=without)
