"""The families that specs can name. A new family is one entry here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType

from lielaws.spec.registry import Family

_MLP_OPTIONS = {"bias": "bool", "output_bias": "bool"}


@cache
def families() -> Mapping[str, Family]:
    """Family by name. The name `power<k>` stands for power1, power2, ..."""
    return MappingProxyType({family.name: family for family in (*_layered(), *_composed(), *_written())})


def _layered() -> Iterator[Family]:
    from lielaws.architectures.convolution import conv
    from lielaws.architectures.mlp import mlp

    laws = "arXiv 2307.00144, section 4"
    slope = {"slope": "rational"}
    yield Family(
        "mlp",
        mlp,
        "widths",
        {"activation": "str", **_MLP_OPTIONS, **slope},
        "fully connected network, by default with ReLU",
        laws,
    )
    for activation, summary, source in (
        ("linear", "product of matrices, or of affine maps", "arXiv 2307.00144, Prop. 4.1"),
        ("relu", "fully connected ReLU network", laws),
        ("leaky_relu", "fully connected leaky ReLU network, by default with slope 1/100", laws),
        ("abs", "fully connected network with absolute values", laws),
        ("square", "fully connected network with squares", "arXiv 2609.34549"),
        ("cube", "fully connected network with cubes", "arXiv 2609.34549"),
        ("relu2", "fully connected network with squared ReLU", "arXiv 2609.34549"),
        ("power<k>", "fully connected network with k-th powers", "arXiv 2609.34549"),
    ):
        options = _MLP_OPTIONS | (slope if activation == "leaky_relu" else {})
        yield Family(activation, mlp, "widths", options, summary, source, name_keyword="activation")
    yield Family(
        "conv",
        conv,
        "channels",
        {"kernel": "int", "size": "int", "stride": "int", "dim": "int", "activation": "str", **slope},
        "convolutional network in one or two dimensions, without padding",
        "arXiv 2506.06194, Thm 3.6",
    )


def _composed() -> Iterator[Family]:
    from lielaws.architectures.composition import residual, sequential

    yield Family("residual", residual, None, {"block": "block"}, "x + block(x)", "arXiv 2506.06194, Prop. 3.2")
    source = "arXiv 2506.06194, Thm 4.6 and 4.7"
    yield Family("sequential", sequential, None, {"blocks": "blocks"}, "blocks one after the other", source)


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
