"""Networks whose functions are related, each in its own way; a free value too many would prove too few laws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lielaws


def _written(network: Callable[..., Any], x: tuple[int, ...] = (2,), **shapes: tuple[int, ...]) -> Any:
    return lambda: lielaws.architecture(network, shapes, {"x": x})


def _roots(p: Any, x: Any, ops: Any) -> Any:
    q1, q2 = p.q * x[0], x[1] ** 2 + x[0]
    return p.a * (ops.sqrt(q1) * ops.sqrt(q2) - ops.sqrt(q1 * q2)) + p.b * q1


def _gelus(p: Any, x: Any, ops: Any) -> Any:
    u = p.u @ x
    return p.a * (ops.gelu(u) - ops.gelu(-u)) + p.b * u


def _logits(p: Any, x: Any, ops: Any) -> Any:
    s = p.g @ x
    return ops.softmax(ops.stack([s + p.b[0], s + p.b[1]]))[0] * x[0]


def _angles(p: Any, x: Any, ops: Any) -> Any:
    u = p.u @ x
    return p.a * (ops.sin(2 * u) - 2 * ops.sin(u) * ops.cos(u)) + p.b * u


def _fractions(p: Any, x: Any, ops: Any) -> Any:
    w = p.u @ x
    return p.a * (ops.exp(w / 2) ** 2 - ops.exp(w / 3) ** 3) + p.b * w


def _mish(p: Any, x: Any, ops: Any) -> Any:
    u = p.u @ x
    power = (1 + ops.exp(u)) ** 2
    return p.a * (ops.tanh(ops.softplus(u)) - (power - 1) / (power + 1)) + p.b * u


def _norm(p: Any, x: Any, ops: Any) -> Any:
    h = p.W1 @ x
    return p.W2 @ (h * ops.rsqrt((h * h).mean()))


RELATED: dict[str, Callable[[], lielaws.Architecture]] = {
    "softplus differences": _written(
        lambda p, x, ops: p.a * (ops.softplus(p.u @ x) - ops.softplus(-(p.u @ x))), a=(), u=(2,)
    ),
    "exp of softplus": _written(
        lambda p, x, ops: p.a * (ops.exp(ops.softplus(p.u * x)) - ops.exp(p.u * x)), (), a=(), u=()
    ),
    "gelu differences": _written(_gelus, a=(), b=(), u=(2,)),
    "roots of products": _written(_roots, a=(), b=(), q=()),
    "products of exponentials": _written(
        lambda p, x, ops: p.a * ops.exp(p.u @ x) * ops.exp(p.v @ x) + p.b * ops.exp(p.u @ x + p.v @ x),
        a=(),
        b=(),
        u=(2,),
        v=(2,),
    ),
    "opposite exponents": _written(lambda p, x, ops: p.a * ops.exp(p.u @ x) * ops.exp(-(p.u @ x)), a=(), u=(2,)),
    "exponents without data": _written(lambda p, x, ops: p.p0 * ops.exp(2 * p.p1) * x, (), p0=(), p1=()),
    "logits": _written(_logits, g=(2,), b=(2,)),
    "angles": _written(_angles, a=(), b=(), u=(2,)),
    "fractions": _written(_fractions, a=(), b=(), u=(2,)),
    "constant exponents": _written(
        lambda p, x, ops: p.a * ops.exp(p.u @ x + 1) + p.b * ops.exp(p.u @ x), a=(), b=(), u=(2,)
    ),
    "squared mish": _written(_mish, a=(), b=(), u=(2,)),
    "root mean square": _written(_norm, W1=(3, 2), W2=(2, 3)),
    "angles without data": _written(lambda p, x, ops: ops.cos(p.a) * x[0] + ops.sin(p.a + 1) * x[1], a=()),
    "gauss without data": _written(lambda p, x, ops: ops.erf(p.a) * p.b * x[0], a=(), b=()),
    "logarithms": _written(lambda p, x, ops: p.c * ops.log(p.a**2 * (x[0] ** 2 + 1)) + p.b * x[1], a=(), b=(), c=()),
    "roots without data": _written(lambda p, x, ops: ops.sqrt(p.a**2 + p.b) * x[0] + p.a * x[1], a=(), b=()),
}
