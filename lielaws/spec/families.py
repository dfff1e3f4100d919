"""The families that specs can name. A new family is one entry here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType

from lielaws.spec.registry import Family

_MLP_OPTIONS = {"bias": "bool", "output_bias": "bool"}
_MLP_OPTIONS |= {"norm": "str", "affine": "bool", "epsilon": "bool_or_rational", "batch": "int"}
_CONV_OPTIONS = {"kernel": "int", "size": "int", "stride": "int", "dim": "int", "activation": "str"}
_CONV_OPTIONS |= {"bias": "bool", "output_bias": "bool", "padding": "int", "pooling": "str", "pool": "int"}


@cache
def families() -> Mapping[str, Family]:
    """Family by name. The name `power<k>` stands for power1, power2, ..."""
    every = (*_layered(), *_blocks(), *_attention(), *_composed(), *_written())
    return MappingProxyType({family.name: family for family in every})


def _layered() -> Iterator[Family]:
    from lielaws.architectures.activations import ACTIVATIONS, power
    from lielaws.architectures.convolution import conv
    from lielaws.architectures.mlp import mlp

    slope = {"slope": "rational"}
    yield Family(
        "mlp",
        mlp,
        "widths",
        {"activation": "str", **_MLP_OPTIONS, **slope},
        "fully connected network, by default with ReLU",
        "arXiv 2307.00144, section 4",
    )
    for row in (*ACTIVATIONS.values(), replace(power(2), name="power<k>")):
        options = _MLP_OPTIONS | (slope if row.name == "leaky_relu" else {})
        summary = row.summary or f"fully connected network with {row.name}"
        yield Family(row.name, mlp, "widths", options, summary, row.source, name_keyword="activation")
    yield Family(
        "conv",
        conv,
        "channels",
        {**_CONV_OPTIONS, **slope},
        "convolutional network in one or two dimensions",
        "arXiv 2506.06194, Thm 3.6",
    )


def _blocks() -> Iterator[Family]:
    from lielaws.architectures.autoencoder import tied_autoencoder
    from lielaws.architectures.convex import input_convex
    from lielaws.architectures.experts import moe
    from lielaws.architectures.gated import glu
    from lielaws.architectures.low_rank import lora_mlp, low_rank
    from lielaws.architectures.normalization import weight_norm

    act = {"activation": "str"}
    unit, experts, low = ("d_model", "hidden"), ("d_model", "hidden", "experts"), ("d_in", "d_out", "rank")
    laws = "arXiv 2606.17816, Thm 4.2"
    yield Family("glu", glu, unit, {**act, "d_out": "int"}, "gated linear unit, by default SwiGLU", laws)
    laws = "arXiv 2606.17816, Thm 4.5 to 4.7"
    yield Family("moe", moe, experts, {"gate": "str", "top_k": "int"}, "mixture of SwiGLU experts", laws)
    yield Family("weight_norm", weight_norm, "widths", act, "weight normalization", "arXiv 1602.07868")
    yield Family("low_rank", low_rank, low, {}, "low-rank adapter on a frozen matrix", "arXiv 2106.09685")
    options = {"rank": "int", **act}
    yield Family("lora_mlp", lora_mlp, "widths", options, "low-rank adapters in a frozen network", "arXiv 2106.09685")
    summary = "decoder and encoder are one matrix"
    yield Family("tied_autoencoder", tied_autoencoder, ("d", "hidden"), act, summary, "arXiv 2307.00144, section 3")
    options = {**act, "d_out": "int", "bias": "bool"}
    summary = "input-convex network with one hidden layer"
    yield Family("input_convex", input_convex, ("d", "hidden"), options, summary, "arXiv 2405.12888")


def _attention() -> Iterator[Family]:
    from lielaws.architectures.attention import attention
    from lielaws.architectures.embedding import embedding
    from lielaws.architectures.transformer import transformer, transformer_block

    head = {"kv_heads": "int", "causal": "bool", "rotary": "rationals"}
    waves = {"positions": "str", "frequencies": "rationals"}
    options = {"heads": "int", "d_value": "int", "softmax": "bool", "tied_qk": "bool", "bias": "bool", "cross": "int"}
    options |= {"tokens": "int", **head, **waves}
    laws = "arXiv 2506.06194, Cor. 3.9; arXiv 2606.17816, Thm 4.3 and 4.4; arXiv 2609.34549, Prop. 18"
    yield Family("attention", attention, ("d_model", "d_head"), options, "attention heads", laws)
    options = {"tokens": "int", "token_ids": "ints"}
    summary = "token embedding of one sequence"
    yield Family("embedding", embedding, ("vocabulary", "d_model"), options, summary)
    sizes = ("d_model", "heads", "d_head", "hidden")
    block = {"tokens": "int", "activation": "str", "glu": "bool", "norm": "str", "affine": "bool", **head}
    block |= {"epsilon": "bool_or_rational"}
    laws = "arXiv 2606.17816, Thm 4.2 and 4.3"
    yield Family("transformer_block", transformer_block, sizes, block, "pre-norm transformer block", laws)
    options = {"blocks": "int", "tied": "bool", "sequences": "str", **block, **waves}
    summary = "embedding, pre-norm blocks and unembedding"
    yield Family("transformer", transformer, ("vocabulary", *sizes), options, summary, laws)


def _composed() -> Iterator[Family]:
    from lielaws.architectures.composition import residual, sequential
    from lielaws.architectures.part import part
    from lielaws.architectures.tying import freeze, share

    yield Family("residual", residual, None, {"block": "block"}, "x + block(x)", "arXiv 2506.06194, Prop. 3.2")
    source = "arXiv 2506.06194, Thm 4.6 and 4.7"
    yield Family("sequential", sequential, None, {"blocks": "blocks"}, "blocks one after the other", source)
    yield Family(
        "part",
        part,
        None,
        {"block": "block", "parameters": "symbols"},
        "some tensors as the state, the others as data",
        source,
    )
    yield Family("share", share, None, {"block": "block", "ties": "str"}, "parameters shared: 'W2 = W1.T, W3 = W1'")
    yield Family("freeze", freeze, None, {"block": "block", "names": "str"}, "frozen parameters: 'W1, W3'")


def _written() -> Iterator[Family]:
    from lielaws.architectures.phi import from_phi
    from lielaws.spec.networks import network

    yield Family(
        "phi",
        from_phi,
        None,
        {"symbols": "symbols", "expressions": "expressions"},
        "given by its reparameterization, as expressions in symbols",
        "arXiv 2307.00144, section 2",
    )
    yield Family(
        "network",
        network,
        None,
        {"parameters": "shapes", "data": "shapes", "let": "let", "output": "expression", "name": "str"},
        "any network, written as array expressions",
    )
