"""Architectures over all families, each with its certificate."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import sympy

import lielaws
from lielaws.architectures.composition import part
from lielaws.engine.arithmetic.base import IndexMap
from lielaws.engine.graph import functions, primitives
from lielaws.engine.graph.constants import FROZEN
from lielaws.engine.graph.trace import Array
from tests.certificate.real_points import real_certificate
from tests.certificate.related import RELATED


def _user(p: Any, x: Any, ops: Any) -> Any:
    return p.C @ ops.relu(p.A @ x)


def _twins(p: Any, x: Any, ops: Any) -> Any:
    """Three activations, two of which have proportional arguments."""
    u = p.A @ x
    return p.C @ ops.concatenate([ops.relu(u), ops.leaky_relu(-2 * u)]) * ops.relu(p.s)


def _all_steps(p: Any, x: Any, ops: Any) -> Any:
    """Every kind of step that a traced network can have."""
    h = ops.relu(ops.einsum("ij,jk->ki", p.W, x) + p.b).reshape(-1)
    pairs = ops.stack([h[1:], h[:-1]])
    return (pairs.T @ pairs / 3).sum(1) * 2 + ops.abs(p.b[0]) ** 2 / (p.W[0, 1] ** 2 + 1)


def _not_affine(p: Any, x: Any, ops: Any) -> Any:
    """A product of a gate with itself that is not written as a power."""
    h = ops.leaky_relu(p.A @ x)
    return p.c * h * h


def _idempotent(p: Any, x: Any, ops: Any) -> Any:
    """c - d is a law for gates of 0 and 1 alone: the gates of a power are merged, those of a product are not."""
    h = ops.relu(p.A @ x)
    return p.c * h * h + p.d * h**2


def _roots_behind_gates(p: Any, x: Any, ops: Any) -> Any:
    """The root exists for some data only, and its argument depends on a gate."""
    return p.a @ ops.sqrt(ops.relu(p.b * x) + x[0] ** 2)


def _beside(p: Any, x: Any, ops: Any) -> Any:
    return p.a * ops.relu(p.u @ x) + p.b * ops.exp(p.v @ x) * ops.relu(ops.exp(p.u @ x) - 2)


def _phi(names: str, *texts: str) -> lielaws.Architecture:
    symbols = sympy.symbols(names)
    return lielaws.from_phi(symbols, [sympy.sympify(text) for text in texts])


MAKERS: dict[str, Callable[[], lielaws.Architecture]] = {
    "relu": lambda: lielaws.mlp([2, 3, 2]),
    "linear": lambda: lielaws.linear([2, 3, 2]),
    "deep linear": lambda: lielaws.linear([2, 2, 2, 2]),
    "bias": lambda: lielaws.mlp([2, 2, 2, 1], bias=True, output_bias=True),
    "leaky": lambda: lielaws.mlp([2, 2, 2], "leaky_relu", slope=0.1),
    "square": lambda: lielaws.mlp([2, 2, 2], "square"),
    "relu2": lambda: lielaws.mlp([2, 2, 2], "relu2"),
    "power": lambda: lielaws.mlp([2, 2, 1], "power4", bias=True),
    "conv": lambda: lielaws.conv([1, 2, 1], kernel=2, size=4),
    "conv 2d": lambda: lielaws.conv([1, 2, 1], kernel=2, size=5, stride=2, dim=2, activation="abs"),
    "residual": lambda: lielaws.residual(lielaws.mlp([2, 2, 2])),
    "sequential": lambda: lielaws.sequential(lielaws.mlp([2, 2, 2]), lielaws.residual(lielaws.linear([2, 1, 2]))),
    "phi": lambda: _phi("x y z", "x*y*z", "x/(y + z)"),
    "phi product": lambda: _phi("x1 x2 x3 x4", "x1*x2*x3*x4", "-3*x1*x2/2"),
    "user": lambda: lielaws.architecture(_user, {"C": (1, 2), "A": (2, 2)}, {"x": (2,)}),
    "twins": lambda: lielaws.architecture(_twins, {"C": (2, 4), "A": (2, 2), "s": ()}, {"x": (2,)}),
    "all steps": lambda: lielaws.architecture(_all_steps, {"W": (2, 2), "b": (2,)}, {"x": (2, 3)}),
    "not affine": lambda: lielaws.architecture(_not_affine, {"c": (2,), "A": (2, 2)}, {"x": (2,)}),
    "idempotent": lambda: lielaws.architecture(_idempotent, {"c": (1,), "d": (1,), "A": (1, 2)}, {"x": (2,)}),
    "part": lambda: part(lielaws.mlp([2, 2, 2, 2], bias=True), ["W2", "W3"]),
    "part of a part": lambda: part(part(lielaws.linear([2, 2, 2, 2]), ["W2", "W3"]), ["W3"]),
    "classes": lambda: lielaws.linear([2, 2, 3]),
    "classes of tokens": lambda: lielaws.architecture(
        lambda p, x, ops: x @ p.A @ p.B, {"A": (2, 2), "B": (2, 3)}, {"x": (2, 2)}
    ),
    **{
        name: lambda name=name: lielaws.mlp([2, 2, 2], name)
        for name in ("tanh", "silu", "gelu", "softplus", "mish", "exp", "sin", "erf", "gelu_tanh")
    },
    "swiglu": lambda: lielaws.glu(2, 2),
    "attention": lambda: lielaws.attention(2, 1, tokens=2),
    "rms": lambda: lielaws.mlp([2, 2, 2], "linear", norm="rms"),
    **RELATED,
    "layer": lambda: lielaws.mlp([2, 3, 2], "tanh", norm="layer"),
    "relu behind a norm": lambda: lielaws.mlp([2, 2, 2], norm="layer"),
    "relu and attention": lambda: lielaws.transformer_block(2, 1, 1, 2, tokens=2, glu=False, activation="relu"),
    "relu beside exp": lambda: lielaws.architecture(_beside, {"a": (), "b": (), "u": (2,), "v": (2,)}, {"x": (2,)}),
    "roots behind gates": lambda: lielaws.architecture(_roots_behind_gates, {"a": (2,), "b": (2,)}, {"x": (2,)}),
    "relu patterns": lambda: lielaws.mlp([2, 2, 2]),
    "twins patterns": lambda: lielaws.architecture(_twins, {"C": (2, 4), "A": (2, 2), "s": ()}, {"x": (2,)}),
    "leaky patterns": lambda: lielaws.mlp([2, 2, 2], "leaky_relu", slope=0.1),
    "relu real": lambda: lielaws.mlp([2, 3, 2]),
    "heavy ball real": lambda: lielaws.linear([2, 2, 2]),
    "classes real": lambda: lielaws.linear([2, 2, 3]),
    "decay": lambda: lielaws.mlp([2, 2, 2]),
    "no decay": lambda: lielaws.linear([2, 2, 1]),
    "heavy ball": lambda: lielaws.linear([2, 2, 2]),
    "frictionless": lambda: lielaws.linear([1, 2, 1]),
    "nesterov": lambda: lielaws.linear([1, 2, 1]),
    "entropic": lambda: lielaws.linear([2, 2, 2]),
    "input convex": lambda: lielaws.input_convex(2, 2),
    "weighted": lambda: lielaws.linear([2, 2, 2]),
    "rational metric": lambda: lielaws.linear([1, 2, 1]),
    "entropic momentum": lambda: lielaws.linear([1, 2, 1]),
    "weighted momentum": lambda: lielaws.linear([1, 2, 1]),
    "attention with momentum": lambda: lielaws.attention(2, 2, tokens=2, softmax=False),
}

FUNCTIONS = ("exp", "log", "cos", "sin", "sqrt", "gauss")

SETTINGS: dict[str, dict[str, Any]] = {
    "classes": {"loss": "cross_entropy"},
    "classes of tokens": {"loss": "cross_entropy"},
    "classes real": {"loss": "cross_entropy"},
    "heavy ball real": {"flow": lielaws.HeavyBall("1/2")},
    "decay": {"flow": lielaws.WeightDecay("1/10")},
    "no decay": {"flow": lielaws.WeightDecay(0)},
    "heavy ball": {"flow": lielaws.HeavyBall("1/2")},
    "frictionless": {"flow": lielaws.HeavyBall(0)},
    "nesterov": {"flow": lielaws.Nesterov()},
    "entropic": {"flow": lielaws.MirrorFlow()},
    "input convex": {"flow": lielaws.MirrorFlow("entropic", ["U"])},
    "weighted": {"flow": lielaws.MetricFlow({"W1": [[1, 2], [1, "1/2"]], "W2": 3})},
    "rational metric": {"flow": lielaws.MetricFlow("(x**2 + 1)/(2*x + 3)")},
    "entropic momentum": {"flow": lielaws.HeavyBall(2, lielaws.MirrorFlow())},
    "weighted momentum": {"flow": lielaws.HeavyBall(1, lielaws.MetricFlow({"W1": 2}))},
    "attention with momentum": {"flow": lielaws.HeavyBall(1)},
}
"""options of the discovery, where they are not the default"""

PATTERNED = ("all steps", "relu patterns", "twins patterns", "leaky patterns", "roots behind gates")
"""networks whose gates are the patterns that witnesses show"""
REAL_TOO = ("relu real", "heavy ball real", "classes real")
"""rational networks with real points"""

TAMPERED = (
    "relu",
    "linear",
    "bias",
    "leaky",
    "square",
    "conv",
    "sequential",
    "phi product",
    "twins",
    "not affine",
    "idempotent",
    "part",
    "classes of tokens",
    "decay",
    "heavy ball",
    "nesterov",
    "entropic",
    "weighted momentum",
    "tanh",
    "gelu",
    "rms",
    "swiglu",
    "relu behind a norm",
    "all steps",
    "relu patterns",
    "roots behind gates",
    "heavy ball real",
    "classes real",
)


@cache
def make(name: str) -> lielaws.Architecture:
    return MAKERS[name]()


def discovered(name: str, **options: Any) -> lielaws.Report:
    return lielaws.discover_laws(MAKERS[name](), **SETTINGS.get(name, {}), **options)


def certified(name: str, **options: Any) -> dict[str, Any]:
    """The record of a certificate: that of the library, or one with real points made by the tests."""
    report = discovered(name, **options)
    if name in PATTERNED or name in REAL_TOO:
        found = real_certificate(report, options.get("seed", 0), patterns=True if name in PATTERNED else None)
        return json.loads(json.dumps(found))
    return json.loads(report.certificate.to_json())


@cache
def _text(name: str, find_laws: bool) -> str:
    return json.dumps(certified(name, find_laws=find_laws))


def record(name: str, find_laws: bool = True) -> dict[str, Any]:
    """A fresh copy of the record of a certificate, as it is read from a file."""
    return json.loads(_text(name, find_laws))


def graph_architecture(spec: Mapping[str, Any]) -> lielaws.Architecture:
    """The architecture of the steps in a certificate, with its parameters in the order of the steps."""
    order = [step[2][1] for step in spec["steps"] if step[0] == "leaf" and step[2][0] == "parameter"]
    names = [*order, *sorted(spec["parameters"].keys() - set(order))]

    def network(p: Any, *rest: Any) -> Any:
        *arrays, ops = rest
        leaves = {"parameter": p, "data": dict(zip(spec["data"], arrays, strict=True))}
        values: list[Any] = []
        for operation, inputs, fixed, shape in spec["steps"]:
            if operation == "leaf":
                values.append(leaves[fixed[0]][fixed[1]] if fixed[0] != "constant" else _constant(ops, fixed[1], shape))
            else:
                values.append(_rebuilt(ops, operation, [values[k] for k in inputs], fixed, tuple(shape)))
        return values[-1]

    shapes = {name: tuple(spec["parameters"][name]) for name in names}
    return lielaws.architecture(network, shapes, {name: tuple(shape) for name, shape in spec["data"].items()})


def _constant(ops: Any, name: str, shape: list[int]) -> Any:
    return ops.frozen(name.removeprefix(FROZEN), tuple(shape)) if name.startswith(FROZEN) else ops.named_constant(name)


def _places(fixed: list[Any], shape: tuple[int, ...]) -> Any:
    """One by one, or the first place with the strides."""
    if len(fixed) == 2 and isinstance(fixed[1], list):
        lines = np.ix_(*(stride * np.arange(n) for stride, n in zip(fixed[1], shape, strict=True)))
        return (fixed[0] + sum(lines, np.zeros(shape, dtype=np.int64))).ravel()
    return fixed


def _rebuilt(ops: Any, operation: str, inputs: list[Any], fixed: Any, shape: tuple[int, ...]) -> Any:
    nodes = [array.node for array in inputs]
    match operation:
        case "constant":
            return ops.array([sympy.Rational(value, fixed[1]) for value in fixed[0]]).reshape(shape)
        case "add":
            return inputs[0] + inputs[1]
        case "scale":
            return inputs[0] * sympy.Rational(fixed)
        case "contract":
            return ops.einsum(fixed, *inputs)
        case "power" | "reciprocal":
            return inputs[0] ** (fixed or -1)
        case "reshape":
            return inputs[0].reshape(shape)
        case "permute":
            return inputs[0].transpose(*fixed)
        case "sum":
            return inputs[0].sum(tuple(fixed))
        case "broadcast":
            return Array(primitives.broadcast(nodes[0], shape, tuple(fixed)))
        case "gather" | "scatter":
            index = _places(fixed, shape if operation == "gather" else nodes[0].shape)
            return Array(getattr(primitives, operation)(nodes[0], IndexMap.of(index), shape))
        case "exp" | "log" | "cos" | "sin" | "sqrt" | "gauss":
            return Array(getattr(functions, operation)(nodes[0]))
        case "piecewise":
            return ops.piecewise(inputs[0], *map(sympy.Rational, fixed))
    raise AssertionError(operation)
