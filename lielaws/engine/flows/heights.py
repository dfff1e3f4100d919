"""Degrees and sizes of coefficients of arrays of rational functions, by nodes, without expanding anything.

Each array is N / (c * prod q^e): polynomials N with integer coefficients in the variables, an integer c, and powers of
some polynomials q, which many arrays share. Sums need the largest exponents of their terms and products their sums, so
that a residual sum does not double anything. These are the q, each a product over all entries of a node:

* of a node that is inverted, the numerators. With two entries u and v, 1 / u = v / (u v): numerators v and u, of the
  degree of the node, and e = 1. The square has degree two and e = 2, the sum with a leaf x the numerators v + x u v and
  u + x u v;
* of an exponential, its values v, as exp(-a) is drawn as 1 / exp(a);
* of an angle a, 1 + t^2, as cos(a) and sin(a) are drawn as (1 - t^2) / (1 + t^2) and 2 t / (1 + t^2).

Variables, of degree one, are entries of leaves, these v and t, and the values of other functions.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_

import numpy as np

from lielaws.engine.arithmetic.bounds import TermCount
from lielaws.engine.graph.contraction import plan_contraction
from lielaws.engine.graph.functions import FUNCTIONS
from lielaws.engine.graph.node import Node, ancestors, leaves_of
from lielaws.engine.graph.program import Program

Exponents = Counter[tuple[str, int]]
"""e, by the kind of q and the serial number of its node"""


@dataclass(frozen=True, slots=True)
class FieldBounds:
    """For all components of all members, as N / D with one D and integer polynomials N in leaves and function values.

    degree, log_norm : of N: its degree, and log2 of the sum of the absolute values of its coefficients
    below_degree, below_log_norm : of D, with the integer in it
    expanded_terms : at least the number of terms of all components together
    coincidences : the sum, over pairs of arguments of functions, of the degree of a polynomial that is zero where they
        agree; and the sum of its log2 norms
    log_drawn : log2 of how many points are drawn at most, to find some that have all true roots
    points : how many of these are looked at for each prime
    """

    degree: int
    log_norm: float
    below_degree: int = 0
    below_log_norm: float = 0.0
    expanded_terms: float = math.inf
    coincidences: tuple[float, float] = (0.0, 0.0)
    log_drawn: float = 0.0
    points: int = 1


@dataclass(frozen=True, slots=True)
class Height:
    """
    degree, log_norm : of N: its degree, and log2 of the sum of the absolute values of its coefficients
    divisor : c
    below : e for each q
    """

    degree: int = 0
    log_norm: float = 0.0
    divisor: int = 1
    below: Exponents = field(default_factory=Counter)


class Heights:
    """The heights of some nodes and of all that they need.

    roots_squared : roots are roots, and no variables: r = sqrt(N D) / D for an argument N / D, so that a polynomial of
        degree d in r and leaves has a norm of degree at most 2^n d, for n roots
    """

    def __init__(self, nodes: Sequence[Node], *, roots_squared: bool = False) -> None:
        self.nodes = ancestors(nodes)
        self._roots_squared = roots_squared
        self._known: dict[int, Height] = {}
        self._factors: dict[tuple[str, int], tuple[int, float]] = {}
        for node in self.nodes:
            self._known[node.serial] = self._height(node, [self._known[source.serial] for source in node.inputs])

    def of(self, node: Node) -> Height:
        return self._known[node.serial]

    def together(self, nodes: Sequence[Node]) -> Height:
        """With one denominator for all, and the largest bounds."""
        return self._over_common([self.of(node) for node in nodes])

    def denominator(self, height: Height) -> tuple[int, float]:
        """Degree and log2 of the norm of c prod q^e."""
        degree, norm = self._product(height.below)
        return degree, norm + math.log2(height.divisor)

    def _height(self, node: Node, inputs: Sequence[Height]) -> Height:
        match node.op:
            case "sqrt" if self._roots_squared:
                (a,), (degree, norm) = inputs, self.denominator(inputs[0])
                # Where they are free after all, roots of numbers are variables as well.
                return replace(a, degree=max(1, (a.degree + degree + 1) // 2), log_norm=(a.log_norm + norm) / 2)
            case "leaf" | "log" | "gauss" | "sqrt":
                return Height(1)
            case "constant":
                largest = max(map(abs, node.static.numerators), default=0)
                return Height(0, math.log2(max(1, largest)), node.static.denominator)
            case "exp":
                return self._drawn("exp", node, (1, 0.0), above=1)
            case "cos" | "sin":
                return self._drawn("circle", node.inputs[0], (2, 1.0), above=0)
            case "reciprocal":
                return self._reciprocal(node.inputs[0], inputs[0])
            case "add":
                return _more(self._over_common(inputs), len(inputs))
            case "scale":
                (a,), factor = inputs, node.static
                norm = a.log_norm + math.log2(max(1, abs(factor.numerator)))
                return replace(a, log_norm=norm, divisor=a.divisor * factor.denominator)
            case "contract":
                plan = plan_contraction(node.static, *(source.shape for source in node.inputs))
                a, b = inputs
                norm, divisor = a.log_norm + b.log_norm, a.divisor * b.divisor
                return _more(Height(a.degree + b.degree, norm, divisor, a.below + b.below), plan.terms)
            case "power":
                (a,), n = inputs, node.static
                below = Counter({key: n * e for key, e in a.below.items()})
                return Height(a.degree * n, a.log_norm * n, a.divisor**n, below)
            case "sum":
                return _more(inputs[0], node.inputs[0].size // max(1, node.size))
            case "scatter":
                _, counts = np.unique(node.static.values, return_counts=True)
                return _more(inputs[0], int(counts.max(initial=1)))
        return inputs[0]

    def _drawn(self, kind: str, node: Node, one: tuple[int, float], above: int) -> Height:
        """What is drawn for each entry, over the product of all denominators, each of a degree and a norm.

        above : by how much the degree of a numerator may exceed that of its denominator
        """
        degree, norm = node.size * one[0], node.size * one[1]
        self._factors[kind, node.serial] = degree, norm
        return Height(degree + above, norm, 1, Counter([(kind, node.serial)]))

    def _reciprocal(self, inverted: Node, inside: Height) -> Height:
        """c D prod (the numerators of all other entries) / q, for an argument N / (c D)."""
        degree, norm = self.denominator(inside)
        others, key = inverted.size - 1, ("reciprocal", inverted.serial)
        self._factors[key] = inverted.size * inside.degree, inverted.size * inside.log_norm
        return Height(degree + others * inside.degree, norm + others * inside.log_norm, 1, Counter([key]))

    def _over_common(self, heights: Sequence[Height]) -> Height:
        """The largest bounds, with one denominator."""
        divisor = math.lcm(*(height.divisor for height in heights))
        below: Exponents = reduce(or_, (height.below for height in heights), Counter())
        degree, norm = 0, 0.0
        for height in heights:
            more, longer = self._product(below - height.below)
            degree = max(degree, height.degree + more)
            norm = max(norm, height.log_norm + longer + math.log2(divisor // height.divisor))
        return Height(degree, norm, divisor, below)

    def _product(self, exponents: Exponents) -> tuple[int, float]:
        """Degree and log2 of the norm of prod q^e."""
        degree = sum(e * self._factors[key][0] for key, e in exponents.items())
        return degree, sum(e * self._factors[key][1] for key, e in exponents.items())


def _more(a: Height, terms: int) -> Height:
    """The sum of some terms that all have the same bound."""
    return replace(a, log_norm=a.log_norm + math.log2(max(1, terms)))


def bound_fields(components: Sequence[Node], *, roots_squared: bool = False) -> FieldBounds:
    """Bounds for the entries of some nodes.

    roots_squared : whether roots are such numbers r that r^2 is their argument; else they are variables
    """
    heights = Heights(components, roots_squared=roots_squared)
    joint = heights.together(components)
    below_degree, below_norm = heights.denominator(joint)
    functions = [node for node in heights.nodes if node.op in FUNCTIONS]
    rational = not functions and not any(node.op == "reciprocal" for node in heights.nodes)
    return FieldBounds(
        degree=joint.degree,
        log_norm=joint.log_norm,
        below_degree=below_degree,
        below_log_norm=below_norm,
        expanded_terms=_number_of_terms(components) if rational else math.inf,
        coincidences=_coincidences(heights, functions),
    )


def _number_of_terms(components: Sequence[Node]) -> float:
    ones = {leaf.static: np.ones((1, *leaf.shape)) for leaf in leaves_of(components)}
    with np.errstate(over="ignore"):
        counts = Program.of(components).run(TermCount(), ones)
    return sum(float(count.sum()) for count in counts)


def _coincidences(heights: Heights, functions: Sequence[Node]) -> tuple[float, float]:
    """For all pairs of arguments of functions of one kind, and for each with the numbers at which a value is known.

    Arguments u = N / D and v = M / E agree up to sign where N E - M D or N E + M D is zero, and u is 0 or 1 where N or
    N - D is. Of so many entries, with bounds a of N and D that add up to A, these add up to 2 entries A: each entry is
    in 2 (entries - 1) of the former and in two of the latter. A sum of two terms has one bit more.
    """
    degrees = norms = 0.0
    kinds: dict[str, dict[int, Node]] = {}
    for node in functions:
        kind = "angle" if node.op in ("cos", "sin") else node.op
        kinds.setdefault(kind, {})[node.inputs[0].serial] = node.inputs[0]
    for arguments in kinds.values():
        entries, degree, norm = 0, 0, 0.0
        for node in arguments.values():
            height = heights.of(node)
            below_degree, below_norm = heights.denominator(height)
            entries += node.size
            degree += node.size * max(height.degree, below_degree)
            norm += node.size * max(height.log_norm, below_norm)
        degrees += 2 * entries * degree
        norms += 2 * entries * norm + entries * (entries + 1)
    return degrees, norms
