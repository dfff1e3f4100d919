"""Residues modulo a prime, and jets over them.

A value is an int64 array of shape (jets, samples, *shape). The jets axis runs over the subsets of nilpotents
e1..ek (e_i^2 = 0) as bit masks: 2^k coefficients, or just one for values without infinitesimal part. Arrays of one
sample stand for all samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.engine.arithmetic import jets
from lielaws.engine.arithmetic.base import Shape, StructuralArithmetic
from lielaws.engine.linalg import modular

IntArray = npt.NDArray[np.int64]


Bases = Mapping[int, Any]
"""values of functions at the base point by the serial of their node: (1, samples, *shape); `circle_key` for pairs"""


def circle_key(node: Any) -> int:
    """Under which cosine and sine of one argument are kept: one generator, whose argument may be a function itself."""
    return ~int(node.inputs[0].serial)


class BadPrimeError(Exception):
    """The prime divides a denominator of the architecture, or a value that is to be inverted; draw again."""


@lru_cache(maxsize=32)
def subset_pairs(masks: int) -> tuple[IntArray, IntArray, IntArray]:
    """All pairs of disjoint subsets (left, right), ordered by their union, and where each union starts."""
    pairs = [(left | right, left, right) for left in range(masks) for right in range(masks) if not left & right]
    table = np.array(sorted(pairs), dtype=np.int64)
    return table[:, 1], table[:, 2], np.flatnonzero(np.r_[True, table[1:, 0] != table[:-1, 0]])


class Modular(StructuralArithmetic):
    """Arithmetic in F_p[e1..ek] / (e_i^2), vectorized over samples. Primes from 2^31 on are slow: objects."""

    lead = 2

    def __init__(self, prime: int, bases: Bases | None = None) -> None:
        self.prime = prime
        self.bases = bases or {}
        self._constants: dict[tuple[Any, Shape], IntArray] = {}

    def with_bases(self, bases: Bases) -> Modular:
        """The same arithmetic with other base values of functions."""
        return Modular(self.prime, bases) if bases else self

    def constant(self, constant: Any, shape: Shape) -> IntArray:
        known = self._constants.get((constant, shape))
        if known is None:
            inverse = self._inverse_of_integer(constant.denominator)
            residues = [number % self.prime * inverse % self.prime for number in constant.numerators]
            dtype = np.int64 if modular.fits_words(self.prime) else object
            known = np.array(residues, dtype=dtype).reshape((1, 1, *shape))
            self._constants[(constant, shape)] = known
        return known

    def residue(self, number: Fraction) -> int:
        return number.numerator % self.prime * self._inverse_of_integer(number.denominator) % self.prime

    def _inverse_of_integer(self, number: int) -> int:
        if number % self.prime == 0:
            raise BadPrimeError(f"{self.prime} divides {number}")
        return pow(number, -1, self.prime)

    def finish_sum(self, a: IntArray) -> IntArray:
        return a % self.prime

    def add(self, a: IntArray, b: IntArray) -> IntArray:
        if a.shape[0] == b.shape[0]:
            return (a + b) % self.prime
        if a.shape[0] < b.shape[0]:
            a, b = b, a
        # A value without infinitesimal part meets only the coefficient of the empty subset.
        total = np.array(np.broadcast_to(a, (a.shape[0], *np.broadcast_shapes(a.shape[1:], b.shape[1:]))))
        total[0] = (total[0] + b[0]) % self.prime
        return total

    def scale(self, factor: Fraction, a: IntArray) -> IntArray:
        return a * self.residue(factor) % self.prime

    def contract(self, plan: Any, a: IntArray, b: IntArray) -> IntArray:
        return plan.apply(a, b, self.lead, self.multiply, self._matmul)  # type: ignore[no-any-return]

    def multiply(self, a: IntArray, b: IntArray) -> IntArray:
        return self._bilinear(lambda x, y: x * y % self.prime, a, b)

    def _matmul(self, a: IntArray, b: IntArray) -> IntArray:
        return self._bilinear(lambda x, y: modular.matmul(x, y, self.prime), a, b)

    def _bilinear(self, product: Callable[[IntArray, IntArray], IntArray], a: IntArray, b: IntArray) -> IntArray:
        masks = min(a.shape[0], b.shape[0])
        if masks == 1:
            return product(a, b)
        left, right, starts = subset_pairs(masks)
        # At most 2^k terms below 2^31 are added for a coefficient: no overflow for k up to 32.
        return np.add.reduceat(product(a[left], b[right]), starts, axis=0) % self.prime

    def power(self, a: IntArray, exponent: int) -> IntArray:
        result: IntArray | None = None
        while exponent:
            if exponent & 1:
                result = a if result is None else self.multiply(result, a)
            exponent >>= 1
            if exponent:
                a = self.multiply(a, a)
        assert result is not None
        return result

    def reciprocal(self, a: IntArray) -> IntArray:
        if a.shape[0] == 1:
            try:
                return modular.inverse(a, self.prime)
            except ZeroDivisionError:
                raise BadPrimeError("a denominator vanishes at the chosen point") from None
        half = a.shape[0] // 2
        base = self.reciprocal(a[:half])
        slope = self.multiply(self.multiply(base, base), a[half:])
        return np.concatenate([base, -slope % self.prime])

    # Functions beyond rational ones: values at the base point are given, see `graph.generators`.

    def exp(self, a: IntArray, node: Any) -> IntArray:
        return jets.exp(self, a, self.bases[node.serial])

    def log(self, a: IntArray, node: Any) -> IntArray:
        return jets.log(self, a, self.bases[node.serial])

    def sqrt(self, a: IntArray, node: Any) -> IntArray:
        return jets.sqrt(self, a, self.bases[node.serial])

    def gauss(self, a: IntArray, density: IntArray, node: Any) -> IntArray:
        return jets.gauss(self, a, density, self.bases[node.serial])

    def cos(self, a: IntArray, node: Any) -> IntArray:
        return self._circle(a, node)[0]

    def sin(self, a: IntArray, node: Any) -> IntArray:
        return self._circle(a, node)[1]

    def _circle(self, a: IntArray, node: Any) -> tuple[IntArray, IntArray]:
        cos, sin = self.bases[circle_key(node)]
        return jets.circle(self, a, cos, sin)
