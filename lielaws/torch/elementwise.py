"""Operations of ATen on single entries, and sums of them. Each takes the operations of a network first."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from lielaws.architectures.family import Array, Operations
from lielaws.errors import UnsupportedError
from lielaws.torch import masks


def _add(ops: Operations, a: Any, b: Any, *, alpha: Any = 1) -> Any:
    if (cut := masks.added(ops, a, b)) is not None:
        return cut
    return ops.array(a) + (ops.array(b) if alpha == 1 else ops.array(b) * alpha)


def _sub(ops: Operations, a: Any, b: Any, *, alpha: Any = 1) -> Any:
    return _add(ops, a, b, alpha=-alpha)


def _power(ops: Operations, a: Any, exponent: Any) -> Array:
    twice = Fraction(exponent) * 2
    if twice.denominator != 1:
        raise UnsupportedError("exponent", exponent, "multiples of 1/2 are supported")
    array, (whole, is_half) = ops.array(a), divmod(int(twice), 2)
    if not is_half:
        return array**whole
    # a^(-1/2) is a root and no more.
    root = ops.sqrt(array)
    return root**-1 if whole == -1 else root * array**whole if whole else root


def _gelu(ops: Operations, a: Any, *, approximate: str = "none") -> Array:
    return ops.gelu(a) if approximate == "none" else ops.gelu_tanh(a)


def _softplus(ops: Operations, a: Any, beta: Any = 1, threshold: Any = 20) -> Array:
    # Above the threshold torch returns its argument, which differs by less than 10^-8.
    found: Array = ops.softplus(ops.array(a) * beta) / beta
    return found


def _clamped(ops: Operations, a: Any, low: Any = None, high: Any = None) -> Array:
    below = ops.array(a) if low is None else ops.maximum(a, low)
    return below if high is None else ops.minimum(below, high)


def _prelu(ops: Operations, a: Array, slope: Array) -> Array:
    """The slopes are those of the channels, the second axis."""
    channels = slope.reshape(-1, *[1] * max(0, a.ndim - 2)) if a.ndim > 1 else slope
    return ops.relu(a) - channels * ops.relu(-a)


def _glu(ops: Operations, a: Array, axis: int = -1) -> Array:
    index: list[slice] = [slice(None)] * a.ndim
    half = a.shape[axis] // 2
    parts = []
    for part in (slice(0, half), slice(half, None)):
        index[axis % a.ndim] = part
        parts.append(a[tuple(index)])
    return parts[0] * ops.sigmoid(parts[1])


def _norm(
    ops: Operations, a: Any, order: Any = 2, axes: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Array:
    if order != 2:
        raise UnsupportedError("ord", order, "the Euclidean norm is supported")
    return ops.sqrt(_reduced("sum")(ops, ops.array(a) ** 2, axes, keepdim))


def _hardsigmoid(ops: Operations, a: Any) -> Array:
    return _clamped(ops, ops.array(a) + 3, 0, 6) / 6


def _reduced(name: str) -> Callable[..., Array]:
    def reduced(ops: Operations, a: Any, axes: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Array:
        array = ops.array(a)
        chosen = (
            tuple(range(array.ndim))
            if axes in (None, [])
            else tuple(axes if isinstance(axes, list | tuple) else [axes])
        )
        found: Array = getattr(array, name)(chosen)
        kept = {axis % array.ndim for axis in chosen}
        shape = tuple(1 if axis in kept else n for axis, n in enumerate(array.shape))
        return found.reshape(shape) if keepdim else found

    return reduced


def _named(name: str) -> Callable[..., Array]:
    return lambda ops, a: getattr(ops, name)(a)


_SAME_NAMES = (
    *("relu", "abs", "square", "reciprocal", "exp", "log", "sqrt", "rsqrt", "sin", "cos"),
    *("sigmoid", "tanh", "silu", "mish", "erf"),
)

TABLE: dict[str, Callable[..., Any]] = {
    **{f"{name}.default": _named(name) for name in _SAME_NAMES},
    **dict.fromkeys(("add.Tensor", "add.Scalar"), _add),
    **dict.fromkeys(("sub.Tensor", "sub.Scalar"), _sub),
    "rsub.Scalar": lambda ops, a, b: b - ops.array(a),
    **dict.fromkeys(("mul.Tensor", "mul.Scalar"), lambda ops, a, b: ops.array(a) * ops.array(b)),
    **dict.fromkeys(("div.Tensor", "div.Scalar"), lambda ops, a, b: ops.array(a) / b),
    **dict.fromkeys(("where.self", "where.ScalarOther", "where.ScalarSelf", "where.Scalar"), masks.chosen),
    **dict.fromkeys(
        ("masked_fill.Scalar", "masked_fill.Tensor"), lambda ops, a, mask, b: masks.chosen(ops, mask, b, a)
    ),
    "neg.default": lambda ops, a: -ops.array(a),
    "pow.Tensor_Scalar": _power,
    "gelu.default": _gelu,
    "softplus.default": _softplus,
    "leaky_relu.default": lambda ops, a, slope=0.01: ops.leaky_relu(a, slope),
    "maximum.default": lambda ops, a, b: ops.maximum(a, b),
    "minimum.default": lambda ops, a, b: ops.minimum(a, b),
    **dict.fromkeys(("clamp.default", "hardtanh.default"), _clamped),
    "prelu.default": _prelu,
    "glu.default": _glu,
    "linalg_vector_norm.default": _norm,
    "relu6.default": lambda ops, a: _clamped(ops, a, 0, 6),
    "hardsigmoid.default": _hardsigmoid,
    "hardswish.default": lambda ops, a: ops.array(a) * _hardsigmoid(ops, a),
    **dict.fromkeys(("sum.default", "sum.dim_IntList"), _reduced("sum")),
    **dict.fromkeys(("mean.default", "mean.dim"), _reduced("mean")),
}
"""by name in ATen, for functions of (ops, arguments)"""
