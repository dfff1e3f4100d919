"""Whether all activation patterns are meant: each gate has weights of its own, as in the path-lifting.

A piecewise linear function whose argument is homogeneous of degree one in tensors of its own (weights and bias) changes
its pattern with them, whatever the rest of the network does. Where each has such tensors, gates are free, as in arXiv
2307.00144. In all other networks (relu(x^2 + x + 1), relu(b x - 1), a recurrence) patterns are those that data show.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np

from lielaws.engine.arithmetic.bounds import DegreeBound, Degrees
from lielaws.engine.graph.constants import FROZEN
from lielaws.engine.graph.node import Leaf, Node, leaves_of
from lielaws.engine.graph.program import Program

# A layer has weights, a bias, or the gain and shift of a norm; more tensors that enter together are not looked for.
_MOST_TENSORS = 3


class LeastDegree(DegreeBound):
    """The least degree of a term of each node in each of several groups of variables, at least."""

    def add(self, a: Degrees, b: Degrees) -> Degrees:
        return np.minimum(a, b)

    def reciprocal(self, a: Degrees) -> Degrees:
        return np.zeros(self.groups)

    def _nothing(self, a: Degrees, *_: Any) -> Degrees:
        return np.zeros(self.groups)

    exp = log = sqrt = gauss = cos = sin = _nothing

    def constant(self, constant: Any, shape: tuple[int, ...]) -> Degrees:
        return np.full(self.groups, 0.0 if any(constant.numerators) else np.inf)

    def scale(self, factor: Fraction, a: Degrees) -> Degrees:
        return a if factor else np.full(self.groups, np.inf)


def own_tensors(arguments: Sequence[Node]) -> set[Leaf] | None:
    """Tensors of parameters by which each argument, given in the order of evaluation, is homogeneous of degree one in
    some that occur in no earlier one; None if there are none for one of them."""
    found: set[Leaf] = set()
    before: set[Leaf] = set()
    for argument in arguments:
        own = _own_tensors(argument, before)
        if own is None:
            return None
        found |= own
        before |= {leaf.static for leaf in leaves_of([argument])}
    return found


def _own_tensors(argument: Node, before: Collection[Leaf]) -> set[Leaf] | None:
    leaves = [leaf.static for leaf in leaves_of([argument])]
    # Weights that are frozen at generic values stand for any.
    parameters = [leaf for leaf in leaves if leaf.role == "parameter" or leaf.name.startswith(FROZEN)]
    largest = degrees_in(argument, [{leaf} for leaf in parameters], DegreeBound)
    linear = [leaf for leaf, degree in zip(parameters, largest, strict=True) if degree == 1 and leaf not in before]
    candidates = [set(some) for size in range(1, _MOST_TENSORS + 1) for some in combinations(linear, size)]
    if not candidates:
        return None
    largest, least = (degrees_in(argument, candidates, kind) for kind in (DegreeBound, LeastDegree))
    homogeneous = np.flatnonzero((largest == 1) & (least == 1))
    return candidates[int(homogeneous[0])] if len(homogeneous) else None


def degrees_in(node: Node, groups: Sequence[Collection[Leaf]], kind: type[DegreeBound]) -> Degrees:
    """The degree of a node in each group of leaves."""
    program = Program.of([node])
    values = {leaf: np.array([float(leaf in group) for group in groups]) for leaf, _ in program.leaves}
    (degrees,) = program.run(kind(len(groups)), values)
    return np.asarray(degrees)
