"""The families that specs can name. A new family is one row here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from types import MappingProxyType

from lielaws.architectures.activations import ACTIVATIONS
from lielaws.architectures.attention import attention
from lielaws.architectures.base import Architecture
from lielaws.architectures.composition import part, residual, sequential
from lielaws.architectures.convolution import conv
from lielaws.architectures.embedding import embedding
from lielaws.architectures.gated import glu, moe
from lielaws.architectures.low_rank import lora_mlp, low_rank
from lielaws.architectures.mlp import input_convex, mlp
from lielaws.architectures.normalization import weight_norm
from lielaws.architectures.phi import from_phi
from lielaws.architectures.transformer import transformer, transformer_block
from lielaws.architectures.tying import freeze, share, tied_autoencoder
from lielaws.spec.kinds import KIND_OF_TYPE
from lielaws.spec.networks import network


@dataclass(frozen=True)
class Family:
    """A family of architectures that specs can name.

    constructor : called with keywords, except for a `*blocks` parameter; it has the name of the family, and its
        parameters are the keywords. None is accepted where it is the default
    sizes_argument : the keyword that takes the list of sizes of a spec string; or a tuple of keywords that take one
        size each, so that `glu:3-4` means d_model=3, hidden=4; or None if there are no spec strings
    summary : one line for lists of families
    kinds : of the keywords whose types do not tell them; see lielaws.spec.kinds
    alias : another name; `power<k>` stands for power1, power2, ...
    name_keyword : the keyword, if any, that takes the name which was used, such as the activation of `relu:3-4-3`
    without : keywords that specs of this family do not have
    """

    constructor: Callable[..., Architecture]
    sizes_argument: str | tuple[str, ...] | None
    summary: str
    kinds: Mapping[str, str] = field(default_factory=dict)
    alias: str | None = None
    name_keyword: str | None = None
    without: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.alias or self.constructor.__name__

    @cached_property
    def signature(self) -> inspect.Signature:
        return inspect.signature(self.constructor)

    @cached_property
    def sizes(self) -> dict[str, str]:
        """The keywords of the sizes, with their kinds."""
        given = self.sizes_argument
        return {given: "ints"} if isinstance(given, str) else dict.fromkeys(given or (), "int")

    @cached_property
    def options(self) -> dict[str, str]:
        """The other keywords, with their kinds."""
        others = {*self.sizes, self.name_keyword, *self.without}
        types = {key: known.annotation for key, known in self.signature.parameters.items() if key not in others}
        return {key: self.kinds.get(key) or KIND_OF_TYPE[annotation] for key, annotation in types.items()}

    @cached_property
    def keywords(self) -> dict[str, str]:
        """All keywords with their kinds, those of the sizes first."""
        return self.sizes | self.options

    @property
    def required(self) -> tuple[str, ...]:
        """The keywords without a default."""
        parameters = self.signature.parameters
        return tuple(key for key in self.keywords if parameters[key].default is inspect.Parameter.empty)

    def allows_none(self, key: str) -> bool:
        return self.signature.parameters[key].default is None


_EPSILON = {"epsilon": "bool_or_rational"}
_MLP = Family(mlp, "widths", "fully connected network, by default with ReLU", {**_EPSILON, "slope": "rational"})
_UNIT = ("d_model", "hidden")
_BLOCK = ("d_model", "heads", "d_head", "hidden")
_PHI = {"symbols": "symbols", "expressions": "expressions"}

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
    Family(attention, ("d_model", "d_head"), "attention heads"),
    Family(embedding, ("vocabulary", "d_model"), "token embedding of one sequence"),
    Family(transformer_block, _BLOCK, "pre-norm transformer block", _EPSILON),
    Family(transformer, ("vocabulary", *_BLOCK), "embedding, pre-norm blocks and unembedding", _EPSILON),
    Family(residual, None, "x + block(x)"),
    Family(sequential, None, "blocks one after the other", {"blocks": "blocks"}),
    Family(part, None, "some tensors as the state, the others as data"),
    Family(share, None, "parameters shared: 'W2 = W1.T, W3 = W1'"),
    Family(freeze, None, "frozen parameters: 'W1, W3'"),
    Family(from_phi, None, "given by its reparameterization, as expressions in symbols", _PHI, alias="phi"),
    Family(network, None, "any network, written as array expressions"),
)


_SUMMARIES = {
    "linear": "product of matrices, or of affine maps",
    "relu": "fully connected ReLU network",
    "leaky_relu": "fully connected leaky ReLU network, by default with slope 1/100",
    "abs": "fully connected network with absolute values",
    "square": "fully connected network with squares",
    "cube": "fully connected network with cubes",
    "relu2": "fully connected network with squared ReLU",
    "power<k>": "fully connected network with k-th powers",
}


@cache
def families() -> Mapping[str, Family]:
    """Family by name: those above, and each activation as the name of a fully connected network with it."""
    activations = map(_with_activation, (*ACTIVATIONS, "power<k>"))
    return MappingProxyType({family.name: family for family in (*_FAMILIES, *activations)})


def _with_activation(name: str) -> Family:
    without = () if name == "leaky_relu" else ("slope",)
    summary = _SUMMARIES.get(name, f"fully connected network with {name}")
    return replace(_MLP, summary=summary, alias=name, name_keyword="activation", without=without)
