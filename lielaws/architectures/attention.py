"""Attention layers: the heads, and the positions of tokens that they or the input know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.architectures.family import Architecture, Array, Namespace, Operations, Recipe, Shape
from lielaws.checks import flag, positive_int
from lielaws.engine.graph.trace import as_rational
from lielaws.errors import InvalidArgumentError

Frequencies = tuple[Fraction, ...]

_BASE_EXPONENT = 4  # 10000 = 10^4, the usual base of sinusoidal positions


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
    shapes, other = {"X": (length, layer.d_model)}, None
    if cross is not None and cross is not False:
        if layer.causal:
            remedy = "two sequences have no common order; leave out causal or cross"
            raise InvalidArgumentError("causal", causal, remedy)
        other = length if cross is True else positive_int("cross", cross)
        shapes["Y"] = (other, layer.d_model)

    def network(p: Namespace, *data_and_ops: Any) -> Array:
        *data, ops = data_and_ops
        sequences = [positioned(ops, a, waves).reshape(1, *a.shape) for a in data]
        return layer.apply(p, sequences[0], sequences[-1], ops).reshape(length, layer.d_model)

    chosen = None if frequencies is None else waves
    keywords = vars(layer) | {"tokens": length, "positions": positions, "cross": other, "frequencies": chosen}
    return Recipe.of(attention, keywords).build(layer.parameters, shapes, network)


@dataclass
class Heads:
    """The keywords of :func:`attention` that concern its heads.

    Whatever a caller gives is checked when it is made: InvalidArgumentError for sizes that do not fit together. Then
    `kv_heads` and `d_value` are None where they have their defaults, the number of heads and d_head.
    """

    d_model: int
    d_head: int
    heads: int = 1
    kv_heads: int | None = None
    d_value: int | None = None
    causal: bool = False
    softmax: bool = True
    rotary: Sequence[Any] | None = None
    tied_qk: bool = False
    bias: bool = False

    def __post_init__(self) -> None:
        for name in ("d_model", "d_head", "heads"):
            setattr(self, name, positive_int(name, getattr(self, name)))
        for name in ("causal", "softmax", "tied_qk", "bias"):
            setattr(self, name, flag(name, getattr(self, name)))
        groups = self.heads if self.kv_heads is None else positive_int("kv_heads", self.kv_heads)
        if groups > self.heads:
            remedy = f"at most one for each of the {self.heads} query heads is needed"
            raise InvalidArgumentError("kv_heads", groups, remedy)
        if self.tied_qk and groups != self.heads:
            remedy = f"with tied_qk every head has its own keys: take {self.heads}"
            raise InvalidArgumentError("kv_heads", groups, remedy)
        values = self.d_head if self.d_value is None else positive_int("d_value", self.d_value)
        self.kv_heads = None if groups == self.heads else groups
        self.d_value = None if values == self.d_head else values
        if self.rotary is not None:
            if self.d_head % 2:
                remedy = "rotary positions turn pairs of coordinates: an even size is needed"
                raise InvalidArgumentError("d_head", self.d_head, remedy)
            what = "one for each pair of head coordinates"
            self.rotary = checked_frequencies("rotary", self.rotary, self.d_head // 2, what)

    @property
    def groups(self) -> int:
        """Number of key-value heads; query head i uses number ceil(i groups / heads)."""
        return self.kv_heads or self.heads

    @property
    def parameters(self) -> dict[str, Shape]:
        """Q, K of shape (d_head, d_model), V, O of shape (d_value, d_model), then biases."""
        key, value = (self.d_head, self.d_model), (self.d_value or self.d_head, self.d_model)
        keys = 0 if self.tied_qk else self.groups
        shapes: dict[str, Shape] = _numbered("Q", self.heads, key) | _numbered("K", keys, key)
        shapes |= _numbered("V", self.groups, value) | _numbered("O", self.heads, value)
        if self.bias:
            shapes |= _numbered("bq", self.heads, key[:1]) | _numbered("bk", keys, key[:1])
            shapes |= _numbered("bv", self.groups, value[:1]) | {"bo": (self.d_model,)}
        return shapes

    def apply(self, p: Namespace, x: Array, y: Array, ops: Operations) -> Array:
        """Queries from x, keys and values from y, both (sequences, tokens, d_model); (sequences, tokens, d_model)."""
        queries = self._projected(p, "Q", self.heads, x, ops)
        keys = self._projected(p, *(("Q", self.heads) if self.tied_qk else ("K", self.groups)), y, ops)
        values = self._projected(p, "V", self.groups, y, ops)
        if self.rotary is not None:
            queries, keys = (rotate(ops, a, self.rotary) for a in (queries, keys))
        group = [(i * self.groups - 1) // self.heads for i in range(1, self.heads + 1)]
        logits = queries @ keys[:, group].transpose(0, 1, 3, 2)
        mixed = self._mixed(logits, values[:, group], ops)
        output = ops.einsum("shtv,hvd->std", mixed, _stacked(p, "O", self.heads, ops))
        return output + p.bo if self.bias else output

    def _projected(self, p: Namespace, name: str, count: int, x: Array, ops: Operations) -> Array:
        """(sequences, count, tokens, rows)"""
        projected = ops.einsum("std,hed->shte", x, _stacked(p, name, count, ops))
        return projected + _stacked(p, f"b{name.lower()}", count, ops).reshape(count, 1, -1) if self.bias else projected

    def _mixed(self, logits: Array, values: Array, ops: Operations) -> Array:
        """Values (sequences, heads, tokens, d_value) mixed with the weights of logits (.., tokens, tokens)."""
        if not self.causal:
            return self._weighted(logits, values, ops)
        # Later positions are cut off: masked, their exponentials would still be generators.
        lengths = range(1, logits.shape[-1] + 1)
        rows = [self._weighted(logits[:, :, m - 1 : m, :m], values[:, :, :m], ops) for m in lengths]
        return ops.concatenate(rows, axis=2)

    def _weighted(self, logits: Array, values: Array, ops: Operations) -> Array:
        if not self.softmax:
            return logits @ values
        if logits.shape[-1] == 1:
            # The weight of a single token is one, whatever its logit: no generator that cancels.
            return ops.broadcast_to(values, (*logits.shape[:-1], values.shape[-1]))
        return ops.softmax(logits) @ values


def _numbered(name: str, count: int, shape: Shape) -> dict[str, Shape]:
    return {f"{name}{i}": shape for i in range(1, count + 1)}


def _stacked(p: Namespace, name: str, count: int, ops: Operations) -> Array:
    return ops.stack([p[f"{name}{i}"] for i in range(1, count + 1)])


def checked_frequencies(argument: str, values: Any, count: int, what: str) -> Frequencies:
    """Rational numbers, `count` of them; floats are read as the decimal that they print."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InvalidArgumentError(argument, values, f"{count} numbers are needed, {what}")
    given = list(values)
    numbers = [None if isinstance(value, bool) else as_rational(value) for value in given]
    checked = tuple(number for number in numbers if number is not None)
    if len(checked) < len(given):
        raise InvalidArgumentError(argument, given, "rational numbers are needed, such as [1, 0.1]")
    if len(checked) != count:
        raise InvalidArgumentError(argument, given, f"{count} numbers are needed, {what}")
    return checked


def checked_positions(positions: Any, frequencies: Any, d_model: int) -> Frequencies | None:
    """The frequencies of sinusoidal positions; None for no positions."""
    if positions is None:
        if frequencies is not None:
            raise InvalidArgumentError("frequencies", frequencies, "only positions='sinusoidal' have frequencies")
        return None
    if positions != "sinusoidal":
        raise InvalidArgumentError("positions", positions, "'sinusoidal' or none is needed")
    pairs = (d_model + 1) // 2
    if frequencies is not None:
        return checked_frequencies("frequencies", frequencies, pairs, "one for each pair of coordinates")
    exponents = [Fraction(2 * _BASE_EXPONENT * j, d_model) for j in range(pairs)]
    if any(exponent.denominator > 1 for exponent in exponents):
        remedy = f"10000^(-2 j / {d_model}) is irrational; give rational `frequencies`, or take 1, 2, 4 or 8"
        raise InvalidArgumentError("d_model", d_model, remedy)
    return tuple(Fraction(1, 10 ** int(exponent)) for exponent in exponents)


def positioned(ops: Operations, a: Array, frequencies: Frequencies | None) -> Array:
    """Add sin(m f_j) to coordinate 2 j and cos(m f_j) to 2 j + 1 of token m, for (..., tokens, d_model)."""
    if frequencies is None:
        return a
    tokens, d_model = a.shape[-2:]
    angles = _angles(ops, frequencies, tokens)
    joined = ops.stack([ops.sin(angles), ops.cos(angles)], axis=-1)
    return a + joined.reshape(tokens, 2 * len(frequencies))[:, :d_model]


def rotate(ops: Operations, a: Array, frequencies: Sequence[Fraction]) -> Array:
    """Rotate coordinates (2 j, 2 j + 1) of token m by the angle m f_j. `a` has shape (..., tokens, 2 pairs)."""
    angles = _angles(ops, frequencies, a.shape[-2])
    cos, sin = ops.cos(angles), ops.sin(angles)
    even, odd = a[..., 0::2], a[..., 1::2]
    return ops.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1).reshape(a.shape)


def _angles(ops: Operations, frequencies: Sequence[Fraction], tokens: int) -> Array:
    """(tokens, frequencies)"""
    return ops.array(np.array([[m * f for f in frequencies] for m in range(tokens)], dtype=object))
