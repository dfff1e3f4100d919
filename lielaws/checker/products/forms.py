"""The normal forms, as steps, and how many laws there are: the theorems, whose hypotheses are shapes.

pair : f = V U x
chain : f = W_L .. W_1 x, see `chains`
attention : f = sum_h softmax(X Q_h^T K_h X^T) X V_h^T O_h, of two tokens or more; causal or not; query head h has key
    and value head ceil((h + 1) groups / heads) - 1
gated unit : f = C (a(A x) * (B x))

The network depends on products U^T V of matrices with r rows, of n and m columns in all, through which gradients reach
all changes of their entries: in a pair because x and the cotangents are arbitrary; in attention because exponentials of
polynomials that are linearly independent over the rationals are algebraically independent (Ax 1971), as those of x^T
M_h (x - y) with generic M_h are; in gated units because a(A_k x) and a'(A_k x) are linearly independent over rational
functions. The laws of a product are U U^T - V V^T, which have r (r + 1) / 2 independent entries, or r (n + m) - (n + m)
(n + m - 1) / 2 for r > n + m; brackets show that there are no others. Of a gated unit each row of B has the law |B_k|^2
- |C_k|^2, and A is in none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from lielaws.checker import reading
from lielaws.checker.networks.network import Network
from lielaws.checker.networks.steps import Budget
from lielaws.checker.products.chains import chain_ranks
from lielaws.errors import CertificateError

_PARTS = {"pair": "UV", "chain": "W", "attention": "QKVO", "gated unit": "ABC"}
_OPTIONS = {"pair": [""], "chain": [""], "attention": ["", "causal"], "gated unit": ["silu", "gelu", "sigmoid", "tanh"]}


@dataclass(frozen=True)
class Form:
    """parts : names of tensors; data : the name of the data; laws, missing : how many there are, and may be more"""

    kind: str
    parts: dict[str, list[str]]
    option: str
    data: str
    laws: int
    missing: int = 0


def read_form(upper: dict[str, Any], network: Network, budget: Budget) -> Form:
    """Raises CertificateError if the tensors do not fit the form."""
    kind = reading.choice(upper["form"], "upper.form", _PARTS)
    option = reading.choice(upper["option"], "upper.option", _OPTIONS[kind])
    stated = reading.table(upper["parts"], "upper.parts", _PARTS[kind])
    parts = {}
    for part, names in stated.items():
        found = reading.items(names, f"upper.parts.{part}")
        parts[part] = [reading.choice(name, f"upper.parts.{part}", network.parameters) for name in found]
    used = [name for names in parts.values() for name in names]
    if sorted(used) != sorted(network.parameters) or len(network.data) != 1:
        raise CertificateError(
            "upper.parts", sorted(used), "all parameters, each once, and one array of data are needed"
        )
    (data,) = network.data
    if kind != "chain":
        return Form(kind, parts, option, data, _count(kind, parts, network, data))
    shapes = [network.parameters[name] for name in parts["W"]]
    widths = [*network.data[data], *(shape[0] for shape in shapes)]
    if shapes != [(m, n) for n, m in pairwise(widths)] or network.output_shape != (widths[-1],) or len(widths) < 4:
        raise CertificateError("upper.parts.W", parts["W"], "three matrices or more that follow each other are needed")
    return Form(kind, parts, option, data, *chain_ranks(upper["clusters"], widths, budget))


def _count(kind: str, parts: dict[str, list[str]], network: Network, data: str) -> int:
    """The number of laws, from shapes that fit."""
    shapes = {part: [network.parameters[name] for name in names] for part, names in parts.items()}
    given, output = network.data[data], network.output_shape
    if kind == "attention":
        heads, groups = len(parts["Q"]), len(parts["K"])
        same = all(len({*shapes[a], *shapes[b]}) == 1 for a, b in ("QK", "VO"))
        fits = 1 <= groups <= heads and len(parts["V"]) == groups and len(parts["O"]) == heads and same
        if (
            fits
            and len(given) == 2
            and given[0] >= 2
            and output == given
            and shapes["Q"][0][1:] == given[1:] == shapes["V"][0][1:]
        ):
            total = 0
            for part in "KV":
                (rows, width), *_ = shapes[part]
                for number in range(groups):
                    sharing = sum(_key_of(head, heads, groups) == number for head in range(heads))
                    total += _independent(rows, (1 + sharing) * width)
            return total
    elif all(len(names) == 1 for names in parts.values()) and len(given) == len(output) == 1:
        if kind == "pair":
            (u,), (v,) = shapes["U"], shapes["V"]
            if u[1:] == given and v == (*output, u[0]):
                return _independent(u[0], u[1] + v[0])
        else:
            (a,), (b,), (c,) = (shapes[part] for part in "ABC")
            if a == b and a[1:] == given and c == (*output, a[0]):
                return a[0]
    raise CertificateError(
        "upper.parts", {part: list(some) for part, some in shapes.items()}, "shapes do not fit the form"
    )


def _independent(rows: int, columns: int) -> int:
    if rows <= columns:
        return rows * (rows + 1) // 2
    return rows * columns - columns * (columns - 1) // 2


def _key_of(head: int, heads: int, groups: int) -> int:
    return math.ceil((head + 1) * groups / heads) - 1


class Writer:
    """Writes a form as steps of the network."""

    def __init__(self, network: Network, form: Form) -> None:
        self._form, self._steps = form, network.steps
        leaves = {step.fixed: k for k, step in enumerate(network.steps.all) if step.op == "leaf"}
        self._leaves = {name: leaves.get(("parameter", name), -1) for name in network.parameters}
        self._x = leaves.get(("data", form.data), -1)
        if min([self._x, *self._leaves.values()]) < 0:
            raise CertificateError("upper.form", form.kind, "the network does not read all its parameters and data")

    def output(self) -> int:
        steps, parts = self._steps, self._form.parts
        if self._form.kind == "chain":
            value = self._x
            for name in parts["W"]:
                value = steps.contract("xy,y->x", self._leaves[name], value)
            return value
        if self._form.kind == "pair":
            hidden = steps.contract("xy,y->x", self._leaves[parts["U"][0]], self._x)
            return steps.contract("xy,y->x", self._leaves[parts["V"][0]], hidden)
        if self._form.kind == "gated unit":
            a, b = (steps.contract("xy,y->x", self._leaves[parts[part][0]], self._x) for part in "AB")
            return steps.contract("xy,y->x", self._leaves[parts["C"][0]], steps.multiply(self._activated(a), b))
        heads, groups = len(parts["Q"]), len(parts["K"])
        total = -1
        for head in range(heads):
            number = _key_of(head, heads, groups)
            names = (parts["Q"][head], parts["K"][number], parts["V"][number])
            queries, keys, values = (steps.contract("td,hd->th", self._x, self._leaves[name]) for name in names)
            mixed = self._mixed(queries, keys, values)
            one = steps.contract("tv,vd->td", mixed, self._leaves[parts["O"][head]])
            total = one if total < 0 else self._sum(total, one)
        return total

    def _sum(self, a: int, b: int) -> int:
        return self._steps.put("add", [min(a, b), max(a, b)], None, self._steps.shape(a))

    def _function(self, name: str, *inputs: int) -> int:
        return self._steps.put(name, inputs, None, self._steps.shape(inputs[0]))

    def _ones(self, a: int) -> int:
        one = self._steps.put("constant", [], ((1,), 1), ())
        return self._steps.gather(one, np.zeros(self._steps.shape(a), dtype=np.int64))

    def _sigmoid(self, a: int) -> int:
        below = self._sum(self._ones(a), self._function("exp", self._steps.scale(Fraction(-1), a)))
        return self._function("reciprocal", below)

    def _activated(self, a: int) -> int:
        steps = self._steps
        match self._form.option:
            case "silu":
                return steps.multiply(a, self._sigmoid(a))
            case "sigmoid":
                return self._sigmoid(a)
            case "tanh":
                twice = steps.scale(Fraction(2), self._sigmoid(steps.scale(Fraction(2), a)))
                return self._sum(twice, steps.scale(Fraction(-1), self._ones(a)))
        density = self._function("exp", steps.scale(Fraction(-1, 2), steps.power(a, 2)))
        root = steps.put("leaf", [], ("constant", "sqrt_two_over_pi"), ())
        half = steps.scale(Fraction(1, 2), steps.contract(",k->k", root, self._function("gauss", a, density)))
        return steps.multiply(a, self._sum(steps.scale(Fraction(1, 2), self._ones(a)), half))

    def _mixed(self, queries: int, keys: int, values: int) -> int:
        """The values of all tokens with the weights of a softmax of logits."""
        steps = self._steps
        powers = self._function("exp", steps.contract("th,sh->ts", queries, keys))
        count = steps.shape(powers)[0]
        if self._form.option == "causal":
            mask = [int(s <= t) for t in range(count) for s in range(count)]
            powers = steps.multiply(powers, steps.put("constant", [], (tuple(mask), 1), (count, count)))
        below = self._function("reciprocal", steps.sum(powers, [1]))
        return steps.contract("t,tv->tv", below, steps.contract("ts,sv->tv", powers, values))
