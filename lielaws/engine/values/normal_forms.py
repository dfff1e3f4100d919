"""Normal forms of numbers: polynomial relations between atoms, applied wherever numbers are multiplied.

    gates       g^2 = g; a product of two gates by which of their arguments is larger, or by the gate of their product
    sines       sin^2 = 1 - cos^2
    roots       sqrt(q)^2 = q, sqrt(q) sqrt(r) = sqrt(q r), sqrt(q^2 r) = |q| sqrt(r), where the left side has a value

Arguments of functions have no gates (see `rules`) but in factors 2 g - 1 of denominators, which are 1 or -1. So they
are analytic functions up to a sign, and one that is zero on an open set is zero everywhere. So where sqrt(q^2 r) has
values, sqrt(r) has, unless q is zero everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations
from typing import Any

import flint

from lielaws.engine.arithmetic.ratios import Ratio, TooManyTermsError
from lielaws.engine.linalg import as_fmpq, as_fraction
from lielaws.engine.values.function_field import Atoms, common_exponent, context, whole

_MOST_MONOMIALS = 2000
"""above, a network takes seconds to read; below, products of five sums of four terms are not read"""
_LARGEST_FACTORED = 2**64
"""above, integers take too long to factor; below, their roots and logarithms are related to no others"""
Exponents = tuple[int, ...]


@dataclass(slots=True)
class Relations(Atoms):
    """Normal forms, remembered by monomial and by pair of gates."""

    _simpler: dict[Exponents, Any] = field(default_factory=dict)
    _open: dict[tuple[int, int], Any] = field(default_factory=dict)

    def forget(self) -> None:
        """Monomials are to be read again, with the atoms that were met since."""
        self._simpler.clear()
        self._open.clear()

    def normal(self, value: Ratio) -> Ratio:
        above, below = self.reduced(value.above), self.reduced(value.below)
        for k in self.of("sqrt"):
            if common_exponent(below, k):
                # 1 / r = r / q for the root r of q.
                root = context().gens()[k]
                above, below = self.reduced(above * root), self.reduced(below * root)
        common = above.gcd(below)
        above, below = divmod(above, common)[0], divmod(below, common)[0]
        lead = below.leading_coefficient()
        return Ratio(above / lead, below / lead)

    def reduced(self, polynomial: Any) -> Any:
        """A polynomial in which no relation applies."""
        kept, changed = {}, context().constant(0)
        for exponents, coefficient in polynomial.to_dict().items():
            if exponents not in self._simpler:
                if len(self._simpler) == _MOST_MONOMIALS:
                    raise TooManyTermsError
                self._simpler[exponents] = self._simplified(exponents)
            simpler = self._simpler[exponents]
            if simpler is None:
                kept[exponents] = coefficient
            else:
                changed += simpler * coefficient
        return polynomial if len(kept) == len(polynomial) else context().from_dict(kept) + self.reduced(changed)

    def _simplified(self, exponents: Exponents) -> Any:
        """A monomial by the first relation that applies; None if none does."""
        gates, sines, roots = ([k for k in self.of(kind) if exponents[k]] for kind in ("gate", "sin", "sqrt"))
        for k in gates:
            if exponents[k] > 1:
                return _replaced(exponents, {k: 1}, context().constant(1))
        for pair in combinations(gates, 2):
            if pair not in self._open:
                self._open[pair] = self._both_open(*pair)
            if self._open[pair] is not None:
                return _replaced(exponents, dict.fromkeys(pair, 0), self._open[pair])
        for k in (*sines, *roots):
            if exponents[k] > 1:
                return _replaced(exponents, {k: exponents[k] % 2}, self._square(k) ** (exponents[k] // 2))
        if len(roots) > 1:
            first, second = roots[:2]
            under_one_root = self.root(self.atoms[first].argument.above * self.atoms[second].argument.above)
            return _replaced(exponents, {first: 0, second: 0}, under_one_root)
        return None

    def _square(self, k: int) -> Any:
        """The square of a root or of a sine."""
        atom = self.atoms[k]
        return atom.argument.above if atom.kind == "sqrt" else 1 - self.function("cos", atom.argument).above ** 2

    def _both_open(self, first: int, second: int) -> Any:
        """The product of two gates; None if it is not known."""
        g, h = context().gens()[first], context().gens()[second]
        p, q = self.atoms[first].argument.above, self.atoms[second].argument.above
        if difference := self.sign(q - p):
            return g if difference > 0 else h
        if total := self.sign(q + p):
            return g + h - 1 if total > 0 else context().constant(0)
        sign, rest = self._signed(p * q)
        if rest == 1 or self.is_known("gate", whole(rest)):
            # (2 g - 1) (2 h - 1) is the sign of p q.
            return (sign * self._signum(rest) + 2 * g + 2 * h - 1) / 4
        return None

    # Functions of products. The arguments are polynomials without gates.

    def root(self, polynomial: Any) -> Any:
        if polynomial == 0:
            return polynomial
        constant, factors = polynomial.factor()
        outside, rest = _square_part(as_fraction(constant))
        base, inside = context().constant(as_fmpq(outside)), context().constant(rest)
        for factor, exponent in factors:
            base *= factor ** (exponent // 2)
            inside *= factor ** (exponent % 2)
        root = self.absolute(base)
        return self.reduced(root if inside == 1 else root * self.function("sqrt", whole(inside)).above)

    def absolute(self, polynomial: Any) -> Any:
        if polynomial == 0:
            return polynomial
        sign, rest = self._signed(polynomial)
        return self.reduced(sign * self._signum(rest) * polynomial)

    def _signed(self, polynomial: Any) -> tuple[int, Any]:
        """1 or -1, and a product of distinct factors of unknown sign: together they have the sign of a polynomial."""
        constant, factors = polynomial.factor()
        sign, rest = 1 if constant > 0 else -1, context().constant(1)
        for factor, exponent in factors:
            if exponent % 2:
                known = self.sign(factor)
                sign *= known or 1
                rest *= 1 if known else factor
        return sign, rest

    def _signum(self, polynomial: Any) -> Any:
        """The sign of a product of distinct factors of unknown sign, by its gate."""
        return polynomial if polynomial == 1 else 2 * self.function("gate", whole(polynomial)).above - 1


def _replaced(exponents: Exponents, new: dict[int, int], factor: Any) -> Any:
    """A monomial with other exponents of some atoms, times a polynomial."""
    rest = tuple(new.get(k, exponent) for k, exponent in enumerate(exponents))
    return context().from_dict({rest: 1}) * factor


def _square_part(constant: Fraction) -> tuple[Fraction, int]:
    """s and t with constant = s^2 t, such that no square divides t."""
    root, rest = Fraction(1, constant.denominator), -1 if constant < 0 else 1
    for prime, exponent in prime_powers(abs(constant.numerator) * constant.denominator):
        root *= prime ** (exponent // 2)
        rest *= prime ** (exponent % 2)
    return root, rest


def prime_powers(integer: int) -> list[tuple[int, int]]:
    """A positive integer as a product of powers of primes; itself if it is too large."""
    if integer > _LARGEST_FACTORED:
        return [(integer, 1)]
    return [(int(prime), int(exponent)) for prime, exponent in flint.fmpz(integer).factor()]
