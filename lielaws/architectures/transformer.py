"""Transformers: a pre-norm block over generic inputs, and a small language model over tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lielaws.architectures.activations import find_activation
from lielaws.architectures.attention import Heads, checked_positions, positioned
from lielaws.architectures.embedding import Sequences, checked_sequences, written_sequences
from lielaws.architectures.family import Architecture, Array, Namespace, Operations, Recipe, Shape
from lielaws.architectures.normalization import Norm
from lielaws.arraytypes import FloatArray
from lielaws.checks import flag, positive_int, positive_ints
from lielaws.engine.graph.network import parameters_of
from lielaws.errors import InvalidArgumentError


class Block:
    """x + attention(norm(x)), then x + unit(norm(x)), over stacks of sequences, made of what a caller gave.

    See :func:`transformer_block`; the norm is over the model axis. Raises InvalidArgumentError.
    """

    def __init__(
        self, heads: Heads, hidden: Any, activation: Any, glu: Any, norm: Any, affine: Any, epsilon: Any
    ) -> None:
        self.heads, self.norm = heads, Norm()
        if norm not in (None, "none"):
            if norm not in ("rms", "layer"):
                raise InvalidArgumentError("norm", norm, "'rms', 'layer' or none is needed")
            self.norm = Norm(norm, affine, epsilon)
            self.norm.check_width(heads.d_model, "d_model", heads.d_model)
        self.hidden, self.activation = positive_int("hidden", hidden), find_activation(activation)
        self.glu = flag("glu", glu)

    @property
    def keywords(self) -> dict[str, Any]:
        """Those of :func:`transformer_block` but the tokens."""
        chosen = {
            key: getattr(self.heads, key) for key in ("d_model", "heads", "d_head", "kv_heads", "causal", "rotary")
        }
        unit = {"hidden": self.hidden, "activation": self.activation.name, "glu": self.glu}
        return chosen | unit | self.norm.options

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


def transformer_block(
    d_model: int,
    heads: int,
    d_head: int,
    hidden: int,
    tokens: int = 3,
    activation: str = "silu",
    glu: bool = True,
    norm: str | None = "rms",
    affine: bool = True,
    causal: bool = False,
    rotary: Sequence[Any] | None = None,
    epsilon: Any = False,
    kv_heads: int | None = None,
) -> Architecture:
    """A pre-norm block on X of shape (tokens, d_model): X + attention(norm(X)), then the same with a gated unit.

    Parameters
    ----------
    heads, d_head, kv_heads, causal, rotary : as in :func:`lielaws.attention`
    hidden, activation : of the unit C (act(A x) * (B x)), or W2 act(W1 x) without glu
    norm : "rms", "layer" or None ("none" in specs), over the model axis; affine adds gain{1,2} and, for
        "layer", shift{1,2}
    epsilon : added to the variance; False for 0, True for a symbol, or a rational number

    Parameters of the network: gain1, those of :func:`lielaws.attention`, gain2, then A, B (hidden, d_model) and
    C (d_model, hidden), or W1 (hidden, d_model) and W2 (d_model, hidden). Laws of its parts: arXiv 2506.06194,
    Thm 4.6 and 4.7; arXiv 2606.17816, Thm 4.2 and 4.3. Raises InvalidArgumentError for sizes that do not fit together.
    """
    layer = Heads(d_model, d_head, heads, kv_heads, causal=causal, rotary=rotary)
    block = Block(layer, hidden, activation, glu, norm, affine, epsilon)
    length = positive_int("tokens", tokens)

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        return block.apply(p, x.reshape(1, *x.shape), ops).reshape(x.shape)

    return Recipe.of(transformer_block, block.keywords | {"tokens": length}).build(
        block.parameters, {"X": (length, layer.d_model)}, network
    )


def transformer(
    vocabulary: int,
    d_model: int,
    heads: int,
    d_head: int,
    hidden: int,
    blocks: int = 1,
    tokens: int = 3,
    tied: bool = False,
    activation: str = "silu",
    glu: bool = True,
    norm: str | None = "rms",
    affine: bool = True,
    causal: bool = False,
    rotary: Sequence[Any] | None = None,
    epsilon: Any = False,
    kv_heads: int | None = None,
    positions: str | None = None,
    frequencies: Sequence[Any] | None = None,
    sequences: Sequence[Sequence[int]] | str | None = None,
) -> Architecture:
    """Token embedding, pre-norm blocks, a last norm and the unembedding; the output has shape (tokens, vocabulary).

    Parameters
    ----------
    blocks : number of blocks, 1 or more; the others as in :func:`transformer_block`
    tied : the embedding is the unembedding
    positions, frequencies : as in :func:`lielaws.attention`
    sequences : the sequences of tokens that are trained on, lists of indices or a text such as "0 1 2, 1 0 0". Tokens
        are discrete, so the family is that of exactly these sequences, each with its own cotangent; more of them can
        only have fewer laws. By default they are consecutive tokens that contain the vocabulary, and with sinusoidal
        positions another one from token 1 on, as a token with a single position would be free of it: where all
        sequences can be counted as well, they have the same laws

    Parameters of the network: E (vocabulary, d_model), those of the blocks with prefixes "1.", "2.", ..., gain (and
    shift) of the last norm, and U (vocabulary, d_model) unless tied. `forward` takes token indices (batch, tokens).
    """
    layer = Heads(d_model, d_head, heads, kv_heads, causal=causal, rotary=rotary)
    block = Block(layer, hidden, activation, glu, norm, affine, epsilon)
    words, depth, length = positive_ints(vocabulary=vocabulary, blocks=blocks, tokens=tokens)
    waves = checked_positions(positions, frequencies, layer.d_model)
    texts = checked_sequences(sequences, words, length, shifted=waves is not None)
    tied = flag("tied", tied)
    unembedding = "E" if tied else "U"

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        h = positioned(ops, p.E[np.array(texts)], waves)
        for number in range(1, depth + 1):
            h = block.apply(parameters_of(p, f"{number}."), h, ops)
        return block.norm.apply(p, h, ops) @ p[unembedding].T

    shapes: dict[str, Shape] = {"E": (words, layer.d_model)}
    for number in range(1, depth + 1):
        shapes |= {f"{number}.{name}": shape for name, shape in block.parameters.items()}
    shapes |= block.norm.parameters(layer.d_model) | ({} if tied else {"U": (words, layer.d_model)})
    keywords = {
        "vocabulary": words,
        "blocks": depth,
        "tokens": length,
        "tied": tied,
        "positions": positions,
        "frequencies": None if frequencies is None else waves,
        "sequences": None if sequences is None else written_sequences(texts),
    }
    recipe = Recipe.of(transformer, block.keywords | keywords)
    return recipe.build(shapes, {"tokens": (length,)}, network, lambda _, x: _indicators(texts, x))


def _indicators(texts: Sequences, x: Any) -> FloatArray:
    """Which of the sequences each sample is, (batch, sequences). Raises InvalidArgumentError for any other."""
    ids = np.asarray(x["tokens"] if isinstance(x, Mapping) else x)
    found = (ids[:, None, :] == np.array(texts)[None]).all(axis=2)
    if not found.any(axis=1).all():
        remedy = f"only the sequences {written_sequences(texts)} are known; give `sequences`"
        raise InvalidArgumentError("x", ids[~found.any(axis=1)][0].tolist(), remedy)
    return np.asarray(found, dtype=np.float64)
