"""Functions of numbers that have no gates, written with what their arguments have in common."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from typing import Any

from lielaws.engine.arithmetic.ratios import Ratio, TooManyTermsError
from lielaws.engine.linalg import as_fraction
from lielaws.engine.values.function_field import common_exponent, context, key, number, scaled, whole
from lielaws.engine.values.normal_forms import Relations, prime_powers

_LARGEST_POWER = 64
"""above, degrees make proofs slow; below, multiples such as 1/10 and 3 of one argument are not seen as related"""
_LARGEST_MULTIPLE = 16
"""above, cosines of multiples have too many terms; below, multiples of one angle are not related"""
_HALF = Fraction(1, 2)
Factor = tuple[Ratio, int]
"""a number and its exponent"""


@dataclass(slots=True)
class Functions(Relations):
    """
    units : for each term of exponents, and of angles, the number that its coefficients are integer multiples of
    """

    units: dict[Any, Fraction] = field(default_factory=dict)

    def times(self, a: Ratio, b: Ratio) -> Ratio:
        return self.normal(a * b)

    def power(self, a: Ratio, exponent: int) -> Ratio:
        return reduce(self.times, [a if exponent > 0 else a.inverse()] * abs(exponent), number(1))

    def exponential(self, argument: Ratio) -> Ratio:
        """exp(m a + n b + c log v) = exp(a)^m exp(b)^n v^c; v is positive where its logarithm has a value."""
        result = number(1)
        for term, coefficient in self._terms(argument):
            atom = self.single(term)
            if atom is not None and atom.kind == "log" and coefficient.denominator in (1, 2, 4):
                factor = self._rational_power(atom.argument, coefficient)
            else:
                part, multiple = self._multiple("exponent", term, coefficient, _LARGEST_POWER)
                factor = self.power(self.function("exp", part), multiple)
            result = self.times(result, factor)
        return result

    def circle(self, argument: Ratio) -> tuple[Ratio, Ratio]:
        """Cosine and sine of m a + n b."""
        total = number(1), number(0)
        for term, coefficient in self._terms(argument):
            part, multiple = self._multiple("angle", term, coefficient, _LARGEST_MULTIPLE)
            cosine, sine = self.function("cos", part), self.function("sin", part)
            for _ in range(abs(multiple)):
                total = self._rotated(total, (cosine, sine if multiple > 0 else scaled(-1, sine)))
        return total

    def _rotated(self, one: tuple[Ratio, Ratio], other: tuple[Ratio, Ratio]) -> tuple[Ratio, Ratio]:
        """Cosine and sine of a sum of two angles."""
        cosine = one[0] * other[0] + scaled(-1, one[1] * other[1])
        return self.normal(cosine), self.normal(one[1] * other[0] + one[0] * other[1])

    def gauss(self, argument: Ratio) -> Ratio:
        """An odd function."""
        if argument.above == 0:
            return argument
        # Met here, the exponential of its derivative is related to others.
        self.density(argument)
        sign = 1 if argument.above.leading_coefficient() > 0 else -1
        return scaled(sign, self.function("gauss", scaled(sign, argument)))

    def density(self, argument: Ratio) -> Ratio:
        return self.exponential(scaled(-_HALF, self.times(argument, argument)))

    def square_root(self, argument: Ratio) -> Ratio:
        """sqrt(a / b) = sqrt(a b) / |b|, and sqrt(exp(u) q) = exp(u / 2) sqrt(q)."""
        inside, outside = argument.above * argument.below, number(1)
        for k in self.of("exp"):
            exponent = common_exponent(inside, k)
            inside = divmod(inside, context().gens()[k] ** exponent)[0]
            outside = self.times(outside, self.exponential(scaled(exponent * _HALF, self.atoms[k].argument)))
        return self.normal(outside * Ratio(self.root(inside), self.absolute(argument.below)))

    def logarithm(self, argument: Ratio) -> Ratio:
        """log(c f^2 g) = log c + log(f^2) + log g for g >= 0; factors of unknown sign have one together."""
        if argument.above == 0:
            raise ZeroDivisionError
        sign, positive, unknown = self._by_signs(argument)
        if len(unknown) == 1:
            # Its sign is known where the logarithm has a value.
            positive.append((scaled(sign, unknown[0][0]), unknown[0][1]))
        elif unknown:
            positive.append((scaled(sign, reduce(self.times, [self.power(*factor) for factor in unknown])), 1))
        elif sign < 0:
            raise ZeroDivisionError
        return self.normal(sum((scaled(e, self._logarithm_of_factor(f)) for f, e in positive), start=number(0)))

    def _by_signs(self, argument: Ratio) -> tuple[int, list[Factor], list[Factor]]:
        """1 or -1, positive factors, and factors of unknown sign with odd exponents."""
        sign, positive, unknown = 1, list[Factor](), list[Factor]()
        for polynomial, side in ((argument.above, 1), (argument.below, -1)):
            constant, factors = polynomial.factor()
            sign *= 1 if constant > 0 else -1
            positive += [(number(prime), side * exponent) for prime, exponent in _prime_powers(as_fraction(constant))]
            for factor, exponent in factors:
                known = self.sign(factor)
                sign *= known**exponent if known else 1
                if known:
                    positive.append((whole(known * factor), side * exponent))
                elif exponent % 2 == 0:
                    positive.append((whole(factor**2), side * (exponent // 2)))
                else:
                    unknown.append((whole(factor), side * exponent))
        return sign, positive, unknown

    def _logarithm_of_factor(self, factor: Ratio) -> Ratio:
        atom = self.single(factor)
        if atom is not None and atom.kind == "exp":
            return atom.argument
        if atom is not None and atom.kind == "sqrt":
            return scaled(_HALF, self.logarithm(atom.argument))
        return self.function("log", factor)

    def _terms(self, argument: Ratio) -> Iterator[tuple[Ratio, Fraction]]:
        """Monomials, and quotients of monomials by the denominator, with their coefficients."""
        quotient, rest = divmod(argument.above, argument.below)
        for part, below in ((quotient, context().constant(1)), (rest, argument.below)):
            for exponents, coefficient in part.to_dict().items():
                yield self.normal(Ratio(context().from_dict({exponents: 1}), below)), as_fraction(coefficient)

    def _multiple(self, kind: str, term: Ratio, coefficient: Fraction, largest: int) -> tuple[Ratio, int]:
        """A part of arguments, and the integer that it is multiplied by here."""
        name = kind, key(term)
        known = self.units.get(name, abs(coefficient))
        below = math.lcm(known.denominator, coefficient.denominator)
        unit = Fraction(math.gcd(int(known * below), int(coefficient * below)), below)
        if abs(coefficient) > largest * unit:
            raise TooManyTermsError
        self.units[name] = unit
        return scaled(unit, term), int(coefficient / unit)

    def _rational_power(self, base: Ratio, exponent: Fraction) -> Ratio:
        """A power of a positive number with denominator 1, 2 or 4: by roots."""
        for _ in range(exponent.denominator.bit_length() - 1):
            base = self.square_root(base)
        return self.power(base, exponent.numerator)


def _prime_powers(constant: Fraction) -> list[tuple[int, int]]:
    below = [(prime, -exponent) for prime, exponent in prime_powers(constant.denominator)]
    return [*prime_powers(abs(constant.numerator)), *below]
