"""Degrees and sizes of coefficients of arrays of rational functions, by nodes, without expanding anything.

Each array is N / (c * prod q^e): polynomials N with integer coefficients in the variables, an integer c, and for each
node that is inverted somewhere the product q of the numerators of all its entries. Sums need the largest exponents of
their terms and products their sums, so that a residual sum does not double anything.

With two entries u and v of a node, 1 / u = v / (u v): numerators v and u, of the degree of the node, and e = 1. The
square has degree two and e = 2, the sum with a leaf x the numerators v + x u v and u + x u v.

Variables, of degree one, are entries of leaves and values of functions. What is drawn for these is less than free:
exp(-a) is 1 / exp(a), and cos(a) and sin(a) are (1 - t^2) / (1 + t^2) and 2 t / (1 + t^2). So the largest exponents of
each are kept as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import reduce

import numpy as np

from lielaws.engine.graph.contraction import plan_contraction
from lielaws.engine.graph.node import Node, ancestors

Exponents = Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Height:
    """
    degree, log_norm : of N: its degree, and log2 of the sum of the absolute values of its coefficients
    divisor : c
    inverted : e, by node
    drawn : the largest exponent of one entry of a node that is an exponential, or the argument of a point on the circle
    spread : in how many entries of the array such an entry occurs, at most
    """

    degree: int = 0
    log_norm: float = 0.0
    divisor: int = 1
    inverted: Exponents = field(default_factory=dict)
    drawn: Exponents = field(default_factory=dict)
    spread: Exponents = field(default_factory=dict)


class Heights:
    """The heights of some nodes and of all that they need.

    roots_squared : roots are roots, and no variables: r = sqrt(N D) / D for an argument N / D, so that a polynomial of
        degree d in r and leaves has a norm of degree at most 2^n d, for n roots
    """

    def __init__(self, nodes: Sequence[Node], *, roots_squared: bool = False) -> None:
        self.nodes = ancestors(nodes)
        self._by_serial = {node.serial: node for node in self.nodes}
        self._roots_squared = roots_squared
        self._known: dict[int, Height] = {}
        for node in self.nodes:
            self._known[node.serial] = self._height(node)

    def of(self, node: Node) -> Height:
        return self._known[node.serial]

    def together(self, nodes: Sequence[Node]) -> Height:
        """With one denominator for all, and the largest bounds."""
        heights = [self.of(node) for node in nodes]
        return self._over_common([(height, 0.0) for height in heights], added=False)

    def denominator(self, height: Height) -> tuple[int, float]:
        """Degree and log2 of the norm of prod q^e."""
        return self._product_of(height.inverted)

    def drawn(self, height: Height) -> tuple[int, float]:
        """By how much degree and log2 of the norm grow as values are drawn by the rules of their functions."""
        degree, norm = 0, 0.0
        for serial, exponent in height.drawn.items():
            node = self._by_serial[serial]
            # exp: v^e times a polynomial in v and 1 / v. Circle: (1 + t^2)^e times one in cosine and sine.
            circle = node.op != "exp"
            degree += (2 if circle else 1) * exponent * node.size
            norm += exponent * node.size if circle else 0
        return degree, norm

    def _height(self, node: Node) -> Height:
        match node.op:
            case "leaf":
                return Height(1)
            case "constant":
                largest = max((abs(number) for number in node.static.numerators), default=0)
                return Height(0, math.log2(max(1, largest)), node.static.denominator)
            case "reciprocal":
                return self._reciprocal(node)
            case "sqrt" if self._roots_squared:
                return self._root(self.of(node.inputs[0]))
            case "exp":
                return Height(1, drawn={node.serial: 1}, spread={node.serial: 1})
            case "cos" | "sin":
                return Height(1, drawn={node.inputs[0].serial: 1}, spread={node.inputs[0].serial: 1})
            case "log" | "gauss" | "sqrt":
                return Height(1)
        return self._of_arithmetic(node, [self.of(source) for source in node.inputs])

    def _of_arithmetic(self, node: Node, inputs: Sequence[Height]) -> Height:
        match node.op:
            case "add":
                return self._over_common([(height, 0.0) for height in inputs], added=True)
            case "scale":
                return _scaled(node.static, inputs[0])
            case "contract":
                shapes = (source.shape for source in node.inputs)
                plan = plan_contraction(node.static, *shapes)
                # One entry of the left operand meets all columns of the right one, and the other way round.
                left = _wider(inputs[0], plan.right_matrix[2])
                return _more(_product(left, _wider(inputs[1], plan.left_matrix[1])), plan.terms)
            case "power":
                return _power(inputs[0], node.static)
            case "sum":
                return _more(inputs[0], node.inputs[0].size // max(1, node.size))
            case "scatter":
                _, counts = np.unique(node.static.values, return_counts=True)
                return _more(inputs[0], int(counts.max(initial=1)))
            case "broadcast":
                return _wider(inputs[0], node.size // max(1, node.inputs[0].size))
            case "gather":
                _, counts = np.unique(node.static.values, return_counts=True)
                return _wider(inputs[0], int(counts.max(initial=1)))
        return inputs[0]

    def _reciprocal(self, node: Node) -> Height:
        """c D prod (the numerators of all other entries) / q, for an argument N / (c D)."""
        below = self.of(node.inputs[0])
        degree, norm = self.denominator(below)
        others = node.size - 1
        inside = {serial: e * min(others, below.spread[serial]) for serial, e in below.drawn.items()}
        return Height(
            degree + others * below.degree,
            norm + others * below.log_norm + math.log2(below.divisor),
            1,
            {node.inputs[0].serial: 1},
            _sum(inside, self._drawn_in(below.inverted)),
            below.spread,
        )

    def _root(self, below: Height) -> Height:
        degree, norm = self.denominator(below)
        log_divisor = math.log2(below.divisor)
        return Height(
            (below.degree + degree + 1) // 2,
            (below.log_norm + norm + log_divisor) / 2,
            below.divisor,
            below.inverted,
            _sum(below.drawn, self._drawn_in(below.inverted)),
            below.spread,
        )

    def _over_common(self, terms: Sequence[tuple[Height, float]], *, added: bool) -> Height:
        """The sum of terms, or all of them, with one denominator."""
        if not terms:
            return Height()
        divisor = math.lcm(*(height.divisor for height, _ in terms))
        inverted = _largest(height.inverted for height, _ in terms)
        degree, norms, drawn = 0, [], list[Exponents]()
        for height, extra in terms:
            missing = {serial: e - height.inverted.get(serial, 0) for serial, e in inverted.items()}
            more, longer = self._product_of(missing)
            degree = max(degree, height.degree + more)
            norms.append(height.log_norm + extra + longer + math.log2(divisor // height.divisor))
            drawn.append(_sum(height.drawn, self._drawn_in(missing)))
        norm = max(norms) + (math.log2(len(norms)) if added else 0.0)
        spread = reduce(_sum, (height.spread for height, _ in terms))
        return Height(degree, norm, divisor, inverted, _largest(drawn), spread)

    def _product_of(self, exponents: Exponents) -> tuple[int, float]:
        degree, norm = 0, 0.0
        for serial, exponent in exponents.items():
            node, height = self._by_serial[serial], self._known[serial]
            degree += exponent * node.size * height.degree
            norm += exponent * node.size * max(0.0, height.log_norm)
        return degree, norm

    def _drawn_in(self, exponents: Exponents) -> Exponents:
        """The exponents of what is drawn in a product of powers of the q."""
        total: dict[int, int] = {}
        for serial, exponent in exponents.items():
            height = self._known[serial]
            for function, inside in height.drawn.items():
                count = exponent * inside * min(height.spread[function], self._by_serial[serial].size)
                total[function] = total.get(function, 0) + count
        return total


def _scaled(factor: Fraction, a: Height) -> Height:
    norm = a.log_norm + math.log2(max(1, abs(factor.numerator)))
    return replace(a, log_norm=norm, divisor=a.divisor * factor.denominator)


def _more(a: Height, terms: int) -> Height:
    """The sum of some terms that all have the same bound."""
    return replace(a, log_norm=a.log_norm + math.log2(max(1, terms)))


def _wider(a: Height, times: int) -> Height:
    """Each entry is copied so many times."""
    return a if times == 1 else replace(a, spread={serial: times * count for serial, count in a.spread.items()})


def _product(a: Height, b: Height) -> Height:
    return Height(
        a.degree + b.degree,
        a.log_norm + b.log_norm,
        a.divisor * b.divisor,
        _sum(a.inverted, b.inverted),
        _sum(a.drawn, b.drawn),
        _sum(a.spread, b.spread),
    )


def _power(a: Height, exponent: int) -> Height:
    inverted = {serial: exponent * e for serial, e in a.inverted.items()}
    drawn = {serial: exponent * e for serial, e in a.drawn.items()}
    return Height(a.degree * exponent, a.log_norm * exponent, a.divisor**exponent, inverted, drawn, a.spread)


def _sum(a: Exponents, b: Exponents) -> Exponents:
    if not a or not b:
        return a or b
    return {serial: a.get(serial, 0) + b.get(serial, 0) for serial in {**a, **b}}


def _largest(exponents: Iterable[Exponents]) -> Exponents:
    result: dict[int, int] = {}
    for each in exponents:
        for serial, exponent in each.items():
            result[serial] = max(exponent, result.get(serial, 0))
    return result
