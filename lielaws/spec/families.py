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

    unit, low = ("d_model", "hidden"), ("d_in", "d_out", "rank")
    yield Family.of(glu, unit, "gated linear unit, by default SwiGLU", "arXiv 2606.17816, Thm 4.2")
    yield Family.of(moe, (*unit, "experts"), "mixture of SwiGLU experts", "arXiv 2606.17816, Thm 4.5 to 4.7")
    yield Family.of(weight_norm, "widths", "weight normalization", "arXiv 1602.07868")
    yield Family.of(low_rank, low, "low-rank adapter on a frozen matrix", "arXiv 2106.09685")
    yield Family.of(lora_mlp, "widths", "low-rank adapters in a frozen network", "arXiv 2106.09685")
    tied = "decoder and encoder are one matrix"
    yield Family.of(tied_autoencoder, ("d", "hidden"), tied, "arXiv 2307.00144, section 3")
    yield Family.of(input_convex, ("d", "hidden"), "input-convex network with one hidden layer", "arXiv 2405.12888")


def _attention() -> Iterator[Family]:
    from lielaws.architectures.attention import attention
    from lielaws.architectures.embedding import embedding
    from lielaws.architectures.transformer import transformer, transformer_block

    laws = "arXiv 2506.06194, Cor. 3.9; arXiv 2606.17816, Thm 4.3 and 4.4; arXiv 2609.34549, Prop. 18"
    yield Family.of(attention, ("d_model", "d_head"), "attention heads", laws, cross="int")
    yield Family.of(embedding, ("vocabulary", "d_model"), "token embedding of one sequence")
    sizes, laws = ("d_model", "heads", "d_head", "hidden"), "arXiv 2606.17816, Thm 4.2 and 4.3"
    yield Family.of(transformer_block, sizes, "pre-norm transformer block", laws, epsilon="bool_or_rational")
    summary, kinds = "embedding, pre-norm blocks and unembedding", {"epsilon": "bool_or_rational", "sequences": "str"}
    yield Family.of(transformer, ("vocabulary", *sizes), summary, laws, **kinds)


def _composed() -> Iterator[Family]:
    from lielaws.architectures.composition import residual, sequential
    from lielaws.architectures.part import part
    from lielaws.architectures.tying import freeze, share

    yield Family.of(residual, None, "x + block(x)", "arXiv 2506.06194, Prop. 3.2", block="block")
    laws = "arXiv 2506.06194, Thm 4.6 and 4.7"
    yield Family.of(sequential, None, "blocks one after the other", laws, blocks="blocks")
    summary = "some tensors as the state, the others as data"
    yield Family.of(part, None, summary, laws, block="block", parameters="symbols")
    yield Family.of(share, None, "parameters shared: 'W2 = W1.T, W3 = W1'", block="block", ties="str")
    yield Family.of(freeze, None, "frozen parameters: 'W1, W3'", block="block", names="str")


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
    kinds = {"parameters": "shapes", "data": "shapes", "let": "let", "output": "expression"}
    yield Family.of(network, None, "any network, written as array expressions", **kinds)
