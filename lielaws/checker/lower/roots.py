"""True square roots modulo a prime p that is 3 modulo 4: in F_p[i] with i * i = -1, where all numbers of F_p have them.

A root is nested if its argument depends on roots. The norm of x + i y, x^2 + y^2, tells whether its root exists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.checker.lower.bounds import RATIONAL_BITS
from lielaws.checker.numbers.jets import Jets, spread
from lielaws.checker.numbers.residues import Residues, rational_root, small_rational

Entries = Mapping[int, Sequence[tuple[int, int]]]
"""by step the entries of it that are true roots, as (place, number of the root)"""


class RootResidues(Residues):
    """Residues where roots of rational squares other than 0 have their positive values, as they do everywhere."""

    slow = 4 * Residues.slow
    """a product of pairs is four products"""

    def free_value(self, kind: str, a: int) -> int:
        known = self.known_root(a) if kind == "sqrt" else None
        return super().free_value(kind, a) if known is None else known

    def known_root(self, a: int) -> int | None:
        value = small_rational(a, self.prime) if a else None
        if value is None or max(value.numerator, value.denominator) >> RATIONAL_BITS:
            return None
        root = rational_root(value)
        return None if root is None else self.residue(root)


class RootJets(Jets):
    """F_p[i] over arrays modulo p: an array is a number of F_p, a pair (x, y) is x + i y.

    These are jets with i * i = -1 in place of e * e = 0. Functions of x + i y have the free values of x + m y with a
    random m: equal ones for equal arguments, opposite arguments for opposite ones.

    signs : (samples, roots), 1 or -1
    settled : gets the number of a nested root whose argument is no square, where the earlier ones are, or is rational
    """

    def __init__(self, ring: RootResidues, entries: Entries, signs: Any, settled: set[int]) -> None:
        super().__init__(ring)
        self._entries, self._signs, self._settled = entries, signs, settled
        self._mixed = ring.random((1,))[0]

    def _bilinear(self, product: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
        found = super()._bilinear(product, a, b)
        if type(a) is not tuple or type(b) is not tuple:
            return found
        return self.add(found[0], self.scale(Fraction(-1), product(a[1], b[1]))), found[1]

    def inverse(self, a: Any) -> Any:
        if type(a) is not tuple:
            return super().inverse(a)
        conjugate = a[0], self.scale(Fraction(-1), a[1])
        return self.multiply(conjugate, self.inverse(self.multiply(a, conjugate)[0]))

    def function(self, kind: str, a: Any, density: Any, step: int) -> Any:
        x, y = a if type(a) is tuple else (a, None)
        free = self.ring.function(kind, self.add(x, None if y is None else y * self._mixed % self.ring.prime), step)
        if kind != "sqrt" or step not in self._entries:
            return free
        samples = len(self._signs)
        real = spread(free, samples).copy()
        imaginary, x, y = np.zeros_like(real), spread(x, samples), spread(real * 0 if y is None else y, samples)
        for place, number in self._entries[step]:
            for k, sign in enumerate(self._signs[:, number].tolist()):
                u, v = self._root(x[k, place], y[k, place], sign, number)
                real[k, place], imaginary[k, place] = u % self.ring.prime, v % self.ring.prime
        return real.reshape(-1, *free.shape[1:]), imaginary.reshape(-1, *free.shape[1:])

    def _root(self, x: int, y: int, sign: int, number: int) -> tuple[int, int]:
        """The root of x + i y with a sign. Raises ZeroDivisionError if there is none, or it is zero."""
        p, root = self.ring.prime, self.ring.root
        if not y:
            if not x:
                raise ZeroDivisionError
            if (known := self.ring.known_root(x)) is not None:
                self._settled.add(number)
                return known, 0
            real = root(x)
            return (sign * real, 0) if real is not None else (0, sign * root(p - x))
        size = root((x * x + y * y) % p)
        if size is None:
            self._settled.add(number)
            raise ZeroDivisionError
        # u^2 is that of (x + size) / 2 and (x - size) / 2 which is a square: their product is -y^2 / 4.
        half = (p + 1) // 2
        u = next(u for other in (size, -size) if (u := root((x + other) * half % p)) is not None)
        return sign * u, sign * y * pow(2 * u, -1, p)
