"""What the entries of nodes can be at real points, positive, negative or zero, as far as their operations tell."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction
from functools import lru_cache, reduce
from typing import Any

from lielaws.arraytypes import ObjectArray
from lielaws.engine.arithmetic.base import Shape
from lielaws.engine.arithmetic.polynomials import EntryArithmetic, each, objects
from lielaws.engine.graph.constants import is_positive
from lielaws.engine.graph.functions import FUNCTIONS
from lielaws.engine.graph.node import Leaf, Node, ancestors, depending_on, leaves_of
from lielaws.engine.graph.program import Program

POSITIVE, NEGATIVE, ZERO = 1, 2, 4
ANY = POSITIVE | NEGATIVE | ZERO

_OPPOSITE = {mask: (mask & ZERO) | (mask & POSITIVE) << 1 | (mask & NEGATIVE) >> 1 for mask in range(8)}


class _SignMasks(EntryArithmetic):
    def total(self, entries: Iterable[int]) -> int:
        return reduce(_sum, entries, ZERO)

    def constant(self, constant: Any, shape: Shape) -> ObjectArray:
        return objects([_of_number(number) for number in constant.numerators], shape)

    def scale(self, factor: Fraction, a: ObjectArray) -> ObjectArray:
        sign = _of_number(factor)
        return each(lambda x: _product(sign, x), a)

    def contract(self, plan: Any, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        # The product of an array with itself is made of squares.
        return self.contracted(plan, a, b, _square if a is b and plan.pairs_alike else _product)

    def power(self, a: ObjectArray, exponent: int) -> ObjectArray:
        return each(lambda x: _square(x, x), a) if exponent % 2 == 0 else a

    def piecewise(self, a: ObjectArray, below: Fraction, above: Fraction) -> ObjectArray:
        left, right = _OPPOSITE[_of_number(below)], _of_number(above)
        return each(lambda x: (right if x & POSITIVE else 0) | (left if x & NEGATIVE else 0) | (x & ZERO), a)

    def _positive(self, a: ObjectArray, *_: Any) -> ObjectArray:
        return objects([POSITIVE] * a.size, a.shape)

    def reciprocal(self, a: ObjectArray) -> ObjectArray:
        return each(lambda x: x & ~ZERO or ANY, a)

    def _unknown(self, a: ObjectArray, *_: Any) -> ObjectArray:
        return objects([ANY] * a.size, a.shape)

    exp = sqrt = _positive
    log = cos = sin = _unknown

    def gauss(self, a: ObjectArray, density: ObjectArray, node: Any) -> ObjectArray:
        return a


def _sum(a: int, b: int) -> int:
    signs = (a | b) & ~ZERO
    vanishes = signs == POSITIVE | NEGATIVE or (a & ZERO and b & ZERO)
    return signs | (ZERO if vanishes else 0)


def _product(a: int, b: int) -> int:
    signs = (b if a & POSITIVE else 0) | (_OPPOSITE[b] if a & NEGATIVE else 0)
    return (signs & ~ZERO) | ((a | b) & ZERO)


def _of_number(number: Fraction | int) -> int:
    return POSITIVE if number > 0 else NEGATIVE if number < 0 else ZERO


def _square(x: int, _: int) -> int:
    return (POSITIVE if x & ~ZERO else 0) | (x & ZERO)


def sign_masks(nodes: Sequence[Node]) -> list[ObjectArray]:
    """For each entry of each node a mask: what it can be, of positive, negative and zero."""

    def mask(leaf: Leaf) -> int:
        return POSITIVE | ZERO if leaf.role == "gate" else POSITIVE if is_positive(leaf) else ANY

    leaves = {leaf.static: objects([mask(leaf.static)] * leaf.size, leaf.shape) for leaf in leaves_of(nodes)}
    return Program.of(nodes).run(_SignMasks(), leaves)


@lru_cache(maxsize=64)
def singular(output: Node) -> tuple[tuple[str, Node], ...]:
    """The operations that may be singular, each with its argument.

    None for rational networks, of which a power of the denominators clears the divisions.
    """
    nodes = ancestors([output])
    if not any(node.op in FUNCTIONS for node in nodes):
        return ()
    found = [node for node in nodes if node.op in ("sqrt", "log", "reciprocal")]
    masks = sign_masks([node.inputs[0] for node in found])
    return tuple(
        (node.op, node.inputs[0])
        for node, array in zip(found, masks, strict=True)
        if any(mask & ZERO or (node.op != "reciprocal" and mask != POSITIVE) for mask in array.ravel().tolist())
    )


def regular_between_patterns(output: Node, own: Collection[Leaf]) -> bool:
    """Whether patterns change without coming near a singularity: no argument of a root, logarithm or division that may
    vanish depends on gates, or on the tensors by which gates change.
    """
    moving = [leaf for leaf in leaves_of([output]) if leaf.static.role == "gate" or leaf.static in own]
    moved = depending_on([output], moving)
    return not any(argument in moved for _, argument in singular(output))
