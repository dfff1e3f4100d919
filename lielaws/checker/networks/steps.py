"""The steps of a network, as the checker keeps them: array operations in the order of evaluation, each written once.

Piecewise linear functions are products with gates here. ("gate", u) is a gate of u, one for each function in the file,
and ("gated", u, gate, (below, above)) is above * u where that is 1, and below * u where it is 0. A power of such a
function is gated once, as gates are idempotent.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from lielaws.checker.reading import Shape
from lielaws.errors import CertificateError

LARGEST_EXPONENT = 1000
"""of a power; degrees grow with it, so that errors could no longer be bounded above it"""
_MOST_OPERATIONS = 6 * 10**10
"""products of float64 numbers in one check: about a minute; certificates of a thousand parameters need a tenth"""
_MOST_BITS = 2**12
"""of factors; networks have decimals of a few digits, and larger ones make bounds useless"""
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
FROZEN = "frozen "
"""how names of weights that are frozen at generic values begin"""
FUNCTIONS = ("exp", "log", "gauss", "cos", "sin", "sqrt")


@dataclass(frozen=True)
class Limits:
    """How large a network may be.

    parameters : scalars; for brackets rows of this length for a full rank take the whole work limit, and more would
        fail later and less clearly; for units an array of them has a gigabyte
    gates : which brackets have one by one, in every probe
    entries : of all other steps together; each is held in memory, for several samples at once
    """

    parameters: int
    gates: int
    entries: int


FOR_BRACKETS = Limits(20_000, 50_000, 3_000_000)
FOR_THEOREMS = Limits(110_000_000, 30_000_000, 100_000_000)


class Budget:
    """The work that one check may take, in products of float64 numbers. It is charged before the work is done."""

    def __init__(self) -> None:
        self.left: float = _MOST_OPERATIONS

    def charge(self, amount: float, where: str, what: object) -> None:
        self.left -= amount
        if self.left < 0:
            raise CertificateError(where, what, "too large for this checker: the check would take more than minutes")


@dataclass(frozen=True)
class Step:
    """One array operation. `fixed` does not depend on values: factors, exponents, plans, index arrays, names."""

    op: str
    inputs: tuple[int, ...]
    fixed: Any
    shape: Shape

    @property
    def size(self) -> int:
        return math.prod(self.shape)


@dataclass
class Steps:
    """A list of steps that grows; what is written twice is one step.

    most, entries : how many entries they may have, and have, without those of parameters
    """

    most: int = FOR_BRACKETS.entries
    all: list[Step] = field(default_factory=list)
    entries: int = 0
    _places: int = 0
    _known: dict[Hashable, int] = field(default_factory=dict, repr=False)

    def __getitem__(self, number: int) -> Step:
        return self.all[number]

    def put(self, op: str, inputs: Sequence[int], fixed: Any, shape: Shape) -> int:
        key = (op, tuple(inputs), fixed.tobytes() if isinstance(fixed, np.ndarray) else fixed, shape)
        if key not in self._known:
            self.entries += math.prod(shape) * (op != "leaf" or fixed[0] != "parameter")
            # Sums of one array over many axes have small results, and an index of all its entries each.
            self._places += getattr(fixed, "size", 0)
            self.check(max(self.entries, self._places))
            self._known[key] = len(self.all)
            self.all.append(Step(op, tuple(inputs), fixed, shape))
        return self._known[key]

    def check(self, count: int) -> None:
        if count > self.most:
            raise CertificateError("architecture", "its arrays", f"more than {self.most:,} entries")

    def shape(self, a: int) -> Shape:
        return self.all[a].shape

    def scale(self, factor: Fraction, a: int) -> int:
        step = self.all[a]
        if step.op == "scale":
            factor, a = _bounded(factor * step.fixed, 1), step.inputs[0]
        return a if factor == 1 else self.put("scale", [a], factor, self.shape(a))

    def multiply(self, a: int, b: int) -> int:
        """The elementwise product of arrays of one shape."""
        letters = _LETTERS[: len(self.shape(a))]
        return self.contract(f"{letters},{letters}->{letters}", min(a, b), max(a, b))

    def power(self, a: int, exponent: int) -> int:
        """a ** exponent; powers of powers are merged, and gated numbers are gated once."""
        if not 1 <= exponent <= LARGEST_EXPONENT:
            raise CertificateError("exponent", exponent, f"it must lie between 1 and {LARGEST_EXPONENT}")
        step = self.all[a]
        if exponent == 1:
            return a
        if step.op == "power":
            return self.power(step.inputs[0], step.fixed * exponent)
        if step.op == "scale":
            return self.scale(_bounded(step.fixed, exponent) ** exponent, self.power(step.inputs[0], exponent))
        if step.op == "gated":
            below, above = (_bounded(slope, exponent) ** exponent for slope in step.fixed)
            return self.gated(self.power(step.inputs[0], exponent), step.inputs[1], below, above)
        return self.put("power", [a], exponent, step.shape)

    def gated(self, a: int, gate: int, below: Fraction, above: Fraction) -> int:
        if below == above:
            return self.scale(above, a)
        return self.put("gated", [a, gate], (below, above), self.shape(a))

    def contract(self, subscripts: str, a: int, b: int) -> int:
        """Einstein summation of two arrays; what is contracted with itself is a sum of squares."""
        plan = contraction(subscripts, self.shape(a), self.shape(b))
        left, right, output = plan.terms
        if a != b or left != right:
            return self.put("contract", [a, b], plan, plan.shape)
        summed = [axis for axis, index in enumerate(left) if index not in output]
        kept = [index for index in left if index in output]
        total = self.sum(self.power(a, 2), summed)
        return self.gather(total, places(self.shape(total)).transpose([kept.index(index) for index in output]))

    def gather(self, a: int, index: Any) -> int:
        """The entries of an array at some places, counted from 0 in the order of a file, in the shape of `index`."""
        step = self.all[a]
        if step.op == "gather":
            index, a = step.fixed.ravel()[index], step.inputs[0]
        if np.array_equal(index, places(self.shape(a))):
            return a
        return self.put("gather", [a], np.array(index, order="C"), index.shape)

    def scatter(self, a: int, index: Any, shape: Shape) -> int:
        """Each entry of an array added at its place in another of zeros."""
        return self.put("scatter", [a], np.array(index, order="C"), shape)

    def sum(self, a: int, axes: Sequence[int]) -> int:
        if not axes:
            return a
        rest = tuple(size for axis, size in enumerate(self.shape(a)) if axis not in axes)
        return self.scatter(a, np.broadcast_to(np.expand_dims(places(rest), tuple(axes)), self.shape(a)), rest)


def places(shape: Shape) -> Any:
    """The numbers of the entries of an array."""
    return np.arange(math.prod(shape), dtype=np.int64).reshape(shape)


def _bounded(factor: Fraction, exponent: int) -> Fraction:
    """The factor, if its power is not too large to compute with."""
    if exponent * max(factor.numerator.bit_length(), factor.denominator.bit_length()) > _MOST_BITS:
        raise CertificateError("architecture", "its constants", "they are too large to check")
    return factor


@dataclass(frozen=True)
class Contraction:
    """Einstein summation of two arrays.

    terms : the indices of both operands and of the result
    summed : the number of products that are added for one entry
    """

    subscripts: str
    terms: tuple[str, str, str]
    shape: Shape
    summed: int


@lru_cache(maxsize=4096)
def contraction(subscripts: str, left: Shape, right: Shape) -> Contraction:
    """The plan of an einsum of two operands, in which each index of one reaches the other or the result."""
    inputs, arrow, output = subscripts.partition("->")
    first, comma, second = inputs.partition(",")
    distinct = all(len(set(term)) == len(term) and set(term) <= set(_LETTERS) for term in (first, second, output))
    fits = len(first) == len(left) and len(second) == len(right)
    sizes = dict(zip(first + second, left + right, strict=False))
    if not (arrow and comma and distinct and fits) or [sizes[i] for i in first + second] != [*left, *right]:
        raise CertificateError("subscripts", subscripts, f"they do not fit shapes {left} and {right}")
    lost = (set(first) ^ set(second)) - set(output)
    if lost or not set(output) <= sizes.keys():
        raise CertificateError("subscripts", subscripts, "each index of an operand must reach the other or the result")
    summed = math.prod(sizes[i] for i in first if i not in output)
    return Contraction(subscripts, (first, second, output), tuple(sizes[i] for i in output), summed)
