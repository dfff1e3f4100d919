"""Pairs of networks that are one real function, written in two ways by identities of analysis.

A network is a tree of operations; some of its nodes are identities, with a left and a right side. The first network
takes the left side of each, the second one the right side. Arguments that must be positive are so by construction, such
that both are defined at the same points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np


@dataclass(frozen=True)
class Identity:
    """
    arguments : one letter for each: "u" for any number, "q" for a positive one
    """

    arguments: str
    left: Callable
    right: Callable


@dataclass(frozen=True)
class Pair:
    """
    first, second : `network(p, x, ops)`
    parameters : name -> shape
    text : the tree, for a message
    """

    first: Callable
    second: Callable
    parameters: Mapping[str, tuple[int, ...]]
    data: Mapping[str, tuple[int, ...]]
    text: str


_HALF = Fraction(1, 2)

EXPONENTIALS = {
    "exp of a sum": Identity("uu", lambda o, u, v: o.exp(u + v), lambda o, u, v: o.exp(u) * o.exp(v)),
    "exp of a difference": Identity("uu", lambda o, u, v: o.exp(u - v), lambda o, u, v: o.exp(u) / o.exp(v)),
    "exp of a double": Identity("u", lambda o, u: o.exp(2 * u), lambda o, u: o.exp(u) ** 2),
    "exp of a negative": Identity("u", lambda o, u: o.exp(-u), lambda o, u: 1 / o.exp(u)),
    "exp of a half": Identity("u", lambda o, u: o.exp(u), lambda o, u: o.exp(u / 2) ** 2),
    "exp of a log": Identity("q", lambda o, q: o.exp(o.log(q)), lambda o, q: q),
    "exp of two logs": Identity("q", lambda o, q: o.exp(2 * o.log(q)), lambda o, q: q * q),
    "exp of a log and more": Identity("qu", lambda o, q, u: o.exp(o.log(q) + u), lambda o, q, u: q * o.exp(u)),
    "exp of minus a log": Identity("q", lambda o, q: o.exp(-o.log(q)), lambda o, q: 1 / q),
    "square in an exp": Identity(
        "uu",
        lambda o, u, v: o.exp(-((u - v) ** 2)),
        lambda o, u, v: o.exp(-(u**2)) * o.exp(2 * u * v) * o.exp(-(v**2)),
    ),
}
LOGARITHMS = {
    "log of an exp": Identity("u", lambda o, u: o.log(o.exp(u)), lambda o, u: u),
    "log of a product": Identity("qq", lambda o, q, r: o.log(q * r), lambda o, q, r: o.log(q) + o.log(r)),
    "log of a quotient": Identity("qq", lambda o, q, r: o.log(q / r), lambda o, q, r: o.log(q) - o.log(r)),
    "log of a cube": Identity("q", lambda o, q: o.log(q**3), lambda o, q: 3 * o.log(q)),
    "log of a multiple": Identity("q", lambda o, q: o.log(6 * q) - o.log(2 * q), lambda o, q: o.log(3 + 0 * q)),
    "log of a root": Identity("q", lambda o, q: o.log(o.sqrt(q)), lambda o, q: o.log(q) / 2),
    "log of exps": Identity("uu", lambda o, u, v: o.log(o.exp(u) + o.exp(v)), lambda o, u, v: u + o.softplus(v - u)),
}
ROOTS = {
    "root of a square": Identity("u", lambda o, u: o.sqrt(u**2), lambda o, u: o.abs(u)),
    "square of a root": Identity("q", lambda o, q: o.sqrt(q) ** 2, lambda o, q: q),
    "root of a positive square": Identity("q", lambda o, q: o.sqrt(q**2), lambda o, q: q),
    "root of a multiple": Identity("q", lambda o, q: o.sqrt(q * Fraction(4, 9)), lambda o, q: o.sqrt(q) * 2 / 3),
    "root of a product": Identity("qq", lambda o, q, r: o.sqrt(q * r), lambda o, q, r: o.sqrt(q) * o.sqrt(r)),
    "root of a quotient": Identity("qq", lambda o, q, r: o.sqrt(q / r), lambda o, q, r: o.sqrt(q) * o.rsqrt(r)),
    "root of a square times": Identity("uq", lambda o, u, q: o.sqrt(u**2 * q), lambda o, u, q: o.abs(u) * o.sqrt(q)),
    "root of a cube": Identity("q", lambda o, q: o.sqrt(q**3), lambda o, q: q * o.sqrt(q)),
    "root of an exp": Identity("u", lambda o, u: o.sqrt(o.exp(u)), lambda o, u: o.exp(u / 2)),
    "root by a log": Identity("q", lambda o, q: o.exp(o.log(q) / 2), lambda o, q: o.sqrt(q)),
    "root of a sum of roots": Identity(
        "qq",
        lambda o, q, r: o.sqrt(q + r + 2 * o.sqrt(q) * o.sqrt(r)),
        lambda o, q, r: o.sqrt(q) + o.sqrt(r),
    ),
    "root of two": Identity("u", lambda o, u: o.named_constant("sqrt_two") ** 2 * u, lambda o, u: 2 * u),
    "root of squares of gates": Identity(
        "u", lambda o, u: o.sqrt(o.relu(u) ** 2 + o.relu(-u) ** 2), lambda o, u: o.relu(u) + o.relu(-u)
    ),
    "reciprocal of a root": Identity("q", lambda o, q: o.sqrt(q) / q, lambda o, q: o.rsqrt(q)),
}
GATES = {
    "both parts": Identity("u", lambda o, u: o.relu(u) - o.relu(-u), lambda o, u: u),
    "absolute value": Identity("u", lambda o, u: o.abs(u), lambda o, u: o.relu(u) + o.relu(-u)),
    "maximum and minimum": Identity("uu", lambda o, u, v: o.maximum(u, v) + o.minimum(u, v), lambda o, u, v: u + v),
    "maximum": Identity("uu", lambda o, u, v: o.maximum(u, v), lambda o, u, v: (u + v + o.abs(u - v)) / 2),
    "minimum": Identity("uu", lambda o, u, v: o.minimum(u, v), lambda o, u, v: -o.maximum(-u, -v)),
    "gate of a gate": Identity("u", lambda o, u: o.relu(o.relu(u)), lambda o, u: o.relu(u)),
    "gate of a multiple": Identity("u", lambda o, u: o.relu(3 * u), lambda o, u: 3 * o.relu(u)),
    "leaky": Identity("u", lambda o, u: o.leaky_relu(u, _HALF), lambda o, u: (u + o.relu(u)) / 2),
    "gate of what is positive": Identity("q", lambda o, q: o.relu(q), lambda o, q: q),
    "gate of what is negative": Identity("q", lambda o, q: o.relu(-q), lambda o, q: 0 * q),
    "gate of minus a gate": Identity("u", lambda o, u: o.relu(-o.relu(u)), lambda o, u: 0 * u),
    "gate of a positive multiple": Identity("qu", lambda o, q, u: o.relu(q * u), lambda o, q, u: q * o.relu(u)),
    "product of absolute values": Identity("uu", lambda o, u, v: o.abs(u * v), lambda o, u, v: o.abs(u) * o.abs(v)),
    "square of an absolute value": Identity("u", lambda o, u: o.abs(u) ** 2, lambda o, u: u**2),
    "square of a gate": Identity("u", lambda o, u: o.relu(u) ** 2, lambda o, u: u * o.relu(u)),
    "product of both parts": Identity("u", lambda o, u: o.relu(u) * o.relu(-u), lambda o, u: 0 * u),
    "gates that exclude each other": Identity("u", lambda o, u: o.relu(u - 1) * (o.relu(u) - u), lambda o, u: 0 * u),
}
TRIGONOMETRY = {
    "sine of a double": Identity("u", lambda o, u: o.sin(2 * u), lambda o, u: 2 * o.sin(u) * o.cos(u)),
    "cosine of a double": Identity("u", lambda o, u: o.cos(2 * u), lambda o, u: 1 - 2 * o.sin(u) ** 2),
    "cosine of a triple": Identity("u", lambda o, u: o.cos(3 * u), lambda o, u: 4 * o.cos(u) ** 3 - 3 * o.cos(u)),
    "circle": Identity("u", lambda o, u: o.sin(u) ** 2 + o.cos(u) ** 2, lambda o, u: 1 + 0 * u),
    "odd sine": Identity("u", lambda o, u: o.sin(-u), lambda o, u: -o.sin(u)),
    "even cosine": Identity("u", lambda o, u: o.cos(-u), lambda o, u: o.cos(u)),
    "sine of a sum": Identity(
        "uu", lambda o, u, v: o.sin(u + v), lambda o, u, v: o.sin(u) * o.cos(v) + o.cos(u) * o.sin(v)
    ),
    "product of cosines": Identity(
        "uu", lambda o, u, v: 2 * o.cos(u) * o.cos(v), lambda o, u, v: o.cos(u + v) + o.cos(u - v)
    ),
}
ACTIVATIONS = {
    "odd part of gelu": Identity("u", lambda o, u: o.gelu(u) - o.gelu(-u), lambda o, u: u),
    "gelu": Identity("u", lambda o, u: o.gelu(u), lambda o, u: u * o.normal_cdf(u)),
    "both tails": Identity("u", lambda o, u: o.normal_cdf(u) + o.normal_cdf(-u), lambda o, u: 1 + 0 * u),
    "odd erf": Identity("u", lambda o, u: o.erf(-u), lambda o, u: -o.erf(u)),
    "erf": Identity(
        "u",
        lambda o, u: o.normal_cdf(o.named_constant("sqrt_two") * u),
        lambda o, u: (1 + o.erf(u)) / 2,
    ),
    "odd part of softplus": Identity("u", lambda o, u: o.softplus(u) - o.softplus(-u), lambda o, u: u),
    "softplus": Identity("u", lambda o, u: o.softplus(u), lambda o, u: u - o.log(o.sigmoid(u))),
    "odd part of silu": Identity("u", lambda o, u: o.silu(u) - o.silu(-u), lambda o, u: u),
    "both sigmoids": Identity("u", lambda o, u: o.sigmoid(u) + o.sigmoid(-u), lambda o, u: 1 + 0 * u),
    "sigmoid": Identity("u", lambda o, u: o.sigmoid(u), lambda o, u: o.exp(u) / (1 + o.exp(u))),
    "tanh by sigmoid": Identity("u", lambda o, u: o.tanh(u), lambda o, u: 2 * o.sigmoid(2 * u) - 1),
    "odd tanh": Identity("u", lambda o, u: o.tanh(-u), lambda o, u: -o.tanh(u)),
    "tanh of a double": Identity("u", lambda o, u: o.tanh(2 * u), lambda o, u: 2 * o.tanh(u) / (1 + o.tanh(u) ** 2)),
    "tanh by exps": Identity("u", lambda o, u: o.tanh(u), lambda o, u: (o.exp(u) - o.exp(-u)) / (o.exp(u) + o.exp(-u))),
    "mish": Identity("u", lambda o, u: o.mish(u), lambda o, u: u * (1 - 2 / (1 + (1 + o.exp(u)) ** 2))),
    "root of a sech": Identity("u", lambda o, u: o.sqrt(1 - o.tanh(u) ** 2), lambda o, u: 2 / (o.exp(u) + o.exp(-u))),
    "softmax": Identity("u", lambda o, u: o.softmax(u), lambda o, u: o.exp(u) / o.exp(u).sum()),
    "shifted softmax": Identity("u", lambda o, u: o.softmax(u + u.sum()), lambda o, u: o.softmax(u)),
    "log of softmax": Identity("u", lambda o, u: o.log(o.softmax(u)), lambda o, u: u - o.log(o.exp(u).sum())),
}
IDENTITIES = EXPONENTIALS | LOGARITHMS | ROOTS | GATES | TRIGONOMETRY | ACTIVATIONS

LEAVES = {
    "b x": lambda o, p, x: p.b * x,
    "c x": lambda o, p, x: p.c * x,
    "b x + c": lambda o, p, x: p.b * x + p.c,
    "x": lambda o, p, x: x,
    "b": lambda o, p, x: p.b + 0 * x,
    "reversed b x": lambda o, p, x: (p.b * x)[::-1],
}
PLAIN = {
    "sum": ("uu", lambda o, u, v: u + v),
    "product": ("uu", lambda o, u, v: u * v),
    "third": ("u", lambda o, u: u / 3),
    "square": ("u", lambda o, u: u**2),
    "relu": ("u", lambda o, u: o.relu(u)),
    "abs": ("u", lambda o, u: o.abs(u)),
    "tanh": ("u", lambda o, u: o.tanh(u)),
    "sin": ("u", lambda o, u: o.sin(u)),
}
POSITIVE = {
    "1 + square": ("u", lambda o, u: 1 + u**2),
    "exp": ("u", lambda o, u: o.exp(u / 2)),
    "form": ("u", lambda o, u: u**2 + u + 1),
    "1 + relu": ("u", lambda o, u: 1 + o.relu(u)),
    "sigmoid": ("u", lambda o, u: o.sigmoid(u)),
    "norm": ("u", lambda o, u: o.sqrt(1 + u**2)),
    "product": ("qq", lambda o, q, r: q * r),
}
# What f is in the network, with a parameter a, and d beside it. In the last two a difference of both sides is zero.
FRAMES = {
    "a f": lambda o, p, x, f, zero: p.a * f,
    "a f + d x": lambda o, p, x, f, zero: p.a * f + p.d * x,
    "x + a f": lambda o, p, x, f, zero: x + p.a * f,
    "a f + d f^2": lambda o, p, x, f, zero: p.a * f + p.d * f**2,
    "a d f": lambda o, p, x, f, zero: p.a * p.d * f,
    "sum of a f": lambda o, p, x, f, zero: (p.a * f).sum() + p.d,
    "a (f - g) + d x": lambda o, p, x, f, zero: p.a * zero + p.d * x + p.b * x * p.c,
    "d exp(a (f - g))": lambda o, p, x, f, zero: p.d * o.exp(p.a * zero) * f,
}
_DEEPEST = 2
_SHARE_OF_IDENTITIES = 0.5


def random_pair(seed: int) -> Pair:
    """Two networks that are one function of parameters a, b, c, d and data x of one to three entries.

    Numbers that follow each other have all identities as the outermost one in turn, and all frames.
    """
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 4))
    shapes = {name: (size,) if rng.random() < 0.5 else () for name in "abcd"}
    frame = list(FRAMES)[seed % len(FRAMES)]
    tree = _identity(rng, _DEEPEST, list(IDENTITIES)[seed % len(IDENTITIES)])

    def network(second: bool) -> Callable:
        def run(p, x, ops):
            f, difference = _value(tree, second, ops, p, x), _difference(tree, second, ops, p, x)
            return FRAMES[frame](ops, p, x, f, difference)

        return run

    return Pair(network(False), network(True), shapes, {"x": (size,)}, f"{frame}: {_text(tree)}, {shapes}, {size}")


def _identity(rng: np.random.Generator, depth: int, name: str = "") -> tuple:
    name = name or str(rng.choice(list(IDENTITIES)))
    return ("identity", name, *(_tree(rng, depth - 1, kind) for kind in IDENTITIES[name].arguments))


def _tree(rng: np.random.Generator, depth: int, kind: str) -> tuple:
    if kind == "q":
        name = str(rng.choice(list(POSITIVE)[: None if depth > 0 else -1]))
        return ("positive", name, *(_tree(rng, depth - 1, inner) for inner in POSITIVE[name][0]))
    if depth <= 0:
        return ("leaf", str(rng.choice(list(LEAVES))))
    if rng.random() < _SHARE_OF_IDENTITIES:
        return _identity(rng, depth)
    name = str(rng.choice(list(PLAIN)))
    return ("plain", name, *(_tree(rng, depth - 1, inner) for inner in PLAIN[name][0]))


def _value(tree: tuple, second: bool, ops, p, x):
    kind, name, *inputs = tree
    if kind == "leaf":
        return LEAVES[name](ops, p, x)
    values = [_value(one, second, ops, p, x) for one in inputs]
    if kind == "identity":
        return (IDENTITIES[name].right if second else IDENTITIES[name].left)(ops, *values)
    return (POSITIVE if kind == "positive" else PLAIN)[name][1](ops, *values)


def _difference(tree: tuple, second: bool, ops, p, x):
    """The difference of both sides of the outermost identity, which is zero; written so in the second network."""
    _, name, *inputs = tree
    values = [_value(one, second, ops, p, x) for one in inputs]
    if second:
        return 0 * values[0]
    return IDENTITIES[name].left(ops, *values) - IDENTITIES[name].right(ops, *values)


def _text(tree: tuple) -> str:
    _, name, *inputs = tree
    return f"{name}({', '.join(map(_text, inputs))})" if inputs else name
