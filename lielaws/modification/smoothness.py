"""Constants of smoothness: proved, given by the caller, or only estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.checks import choice, nonnegative, positive
from lielaws.errors import InvalidArgumentError
from lielaws.modification.losses import as_loss
from lielaws.modification.norms import spectral_bound
from lielaws.modification.tensor_values import exact_number, finite_array

Kind = Literal["proved", "given", "estimated"]


@dataclass(frozen=True, slots=True, eq=False)
class LastLayer:
    """A last layer z -> W z + b whose inputs are known.

    features : what it reads, (samples, width)
    weight, bias : names of W and b, or None
    loss : the name of the loss of its outputs
    """

    features: FloatArray
    weight: str
    bias: str | None
    loss: str

    def outputs(self, params: Mapping[str, FloatArray]) -> FloatArray | None:
        """What the layer computes with some parameters, (samples, classes); None if they do not fit it."""
        W = params.get(self.weight)
        b = params.get(self.bias) if self.bias is not None else np.zeros(())
        if W is None or b is None or W.ndim != 2 or W.shape[1] != self.features.shape[1]:
            return None
        return None if b.ndim and b.shape != W.shape[:1] else self.features @ W.T + b


@dataclass(frozen=True, slots=True)
class Smoothness:
    """A number L with L(theta + d) <= L(theta) + <grad L(theta), d> + L |d|^2 / 2 for all theta and d.

    value : L > 0
    kind : "proved" if it follows from computed quantities, "given" if the caller states it, "estimated" if it was only
        measured at some points. No clause passes on an estimated one
    reason : where it is from
    tensors : the parameters that d may move; None for all of them
    layer : what a proved constant was computed from; certificates look whether that is what the model computes. One
        that comes without counts as given
    """

    value: float | Fraction
    kind: Kind = "given"
    reason: str = "as given"
    tensors: tuple[str, ...] | None = None
    layer: LastLayer | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        positive("smoothness", self.value)
        choice("kind", self.kind, ("proved", "given", "estimated"))
        if self.tensors is not None and not (
            isinstance(self.tensors, tuple | list) and all(isinstance(name, str) for name in self.tensors)
        ):
            raise InvalidArgumentError("tensors", self.tensors, "names of parameters are needed, or None")
        if self.layer is not None and not isinstance(self.layer, LastLayer):
            raise InvalidArgumentError("layer", self.layer, "it is set by last_layer_smoothness")

    @property
    def exact(self) -> Fraction:
        """The constant as the rational that it is."""
        return exact_number(self.value)

    @classmethod
    def of(cls, value: Any) -> Smoothness | None:
        """From a number, which counts as given, or None."""
        return value if value is None or isinstance(value, Smoothness) else cls(value)


def last_layer_smoothness(
    features: Any, weight: str, bias: str | None = None, *, loss: Any = "cross_entropy", weight_decay: float = 0.0
) -> Smoothness:
    """The smoothness of the loss in a last layer z -> W z + b alone, everything before it frozen; proved.

    features : what the layer reads, (samples, width)
    weight, bias : names of W (classes, width) and b
    loss : "cross_entropy" or "squared_error"
    weight_decay : lambda, if lambda |theta|^2 / 2 is part of the loss

    The Hessian is the mean over samples of C (x) z z^T, with C = diag(p) - p p^T for the cross-entropy, of norm at most
    1/2 (the sum of absolute values in row i is 2 p_i (1 - p_i)), and C = 1 for the squared error; so L is |Z|_2^2 / n
    times 1/2 or 1. It is that of these features: once an earlier layer has moved, a new one is needed.
    """
    z = finite_array("features", features)
    if z.ndim < 2 or not z.size:
        raise InvalidArgumentError("features", f"array of shape {z.shape}", "an array (samples, width) is needed")
    rows = features_alone = z.reshape(len(z), -1)
    if bias is not None:
        rows = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
    name = as_loss(loss).name
    factor = {"cross_entropy": Fraction(1, 2), "squared_error": Fraction(1)}.get(name)
    if factor is None:
        raise InvalidArgumentError("loss", name, "'cross_entropy' or 'squared_error' is needed")
    bound = Fraction(spectral_bound(rows)) ** 2 / len(rows) * factor + Fraction(
        nonnegative("weight_decay", weight_decay)
    )
    if not bound:
        raise InvalidArgumentError("features", "zeros", "the loss does not depend on this layer")
    tensors = (weight,) if bias is None else (weight, bias)
    text = f"|Z|_2^2 / n * {factor} for the last layer, Z its inputs"
    return Smoothness(bound, "proved", text, tensors, LastLayer(features_alone.copy(), weight, bias, name))
