"""What the steps of a tape say about its polynomial: degree, size of coefficients, and how gates enter.

A wire is N / (c prod q^e) with an integer polynomial N in the leaves, an integer c, and one polynomial q for each
inverted wire. If D is that denominator and h a polynomial, then c D^2 <grad h, grad (N / D)> is an integer polynomial.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from lielaws.checker.draws import Rules
from lielaws.checker.jets import PRIME_BITS
from lielaws.checker.motions import Motion
from lielaws.checker.tape import Step, Tape, Wire
from lielaws.errors import CertificateError

_GRADIENT = Motion("gradient")
_LOG_OF_PRIME_DENSITY = 9
"""more than 2^(n - 9) primes, 3 mod 4 ones alone, lie between 2^n and 2^(n + 1) for n = 60 and 120 (Rosser and
Schoenfeld: over 3 x / (5 log x) primes between x and 2 x; nearly half of them are 3 mod 4)"""
_LARGE_PRIME_BITS = 120
_LARGEST_DEGREE = 2**40
_MOST_CONSTANT_BITS = 2**12
_MOST_MERGED = 10**7
_TOO_LARGE = "degrees or constants are too large to check"


@dataclass(frozen=True, slots=True)
class Bound:
    """
    degree, log : of N: its degree and log2 of the sum of the absolute values of its coefficients, at most
    divisor : c
    inverted : the exponents e by the wires that are inverted
    once, twice : bit sets of the gates in which the wire has a degree of at least one and of more than one
    """

    degree: int = 0
    log: float = 0.0
    divisor: int = 1
    inverted: dict[Wire, int] = field(default_factory=dict)
    once: int = 0
    twice: int = 0


class Bounds:
    """The bounds of the wires of a tape, up to one; values of functions are polynomials in what is drawn for them."""

    def __init__(
        self, tape: Tape, output: Wire, gates: Iterable[Wire], rules: Rules | None = None, motion: Motion = _GRADIENT
    ) -> None:
        self._gates = {wire: 1 << k for k, wire in enumerate(gates)}
        self._rules, self._tape, self._motion = rules or Rules(), tape, motion
        functions = [step for step in tape.steps[: output + 1] if step[0] == "function"]
        self._functions, self._roots = len(functions), sum(step[1] == "sqrt" for step in functions)
        self.prime_bits = _LARGE_PRIME_BITS if functions else PRIME_BITS
        self._wires: list[Bound] = []
        self._merged = 0
        for step in tape.steps[: output + 1]:
            bound = self._step(len(self._wires), step)
            if bound.degree > _LARGEST_DEGREE or bound.divisor.bit_length() > _MOST_CONSTANT_BITS:
                raise CertificateError("architecture", "its network", _TOO_LARGE)
            self._wires.append(bound)
        self.output = self._wires[output]

    def _step(self, wire: Wire, step: Step) -> Bound:
        match step:
            case ("leaf", _):
                return Bound(degree=1, once=self._gates.get(wire, 0))
            case ("constant", value):
                return _scaled(value, Bound())
            case ("linear", terms):
                return self._sum([_scaled(factor, self._wires[source]) for factor, source in terms])
            case ("dot", pairs):
                return self._sum([_product(self._wires[left], self._wires[right]) for left, right in pairs])
            case ("power", base, exponent):
                return _power(self._wires[base], exponent)
            case ("inverse", a):
                below = self._wires[a]
                degree, log = self._denominator(below.inverted)
                return Bound(degree, log + math.log2(below.divisor), 1, {a: 1}, below.once, below.once)
            case ("function", kind, a, *_):
                return self._function(wire, kind, a)
        raise AssertionError(step)

    def _function(self, wire: Wire, kind: str, argument: Wire) -> Bound:
        """A bound in the values that `draws` takes at random; no function is affine in a gate."""
        inside = self._wires[argument].once
        return replace(self._drawn(wire, kind, argument), once=inside, twice=inside)

    def _drawn(self, wire: Wire, kind: str, argument: Wire) -> Bound:
        """The same without gates; negative exponents are accounted for at the end."""
        rules = self._rules
        if kind == "sqrt":
            # As an algebraic function: its conjugates are counted at the end.
            below = self._wires[argument]
            return replace(below, degree=below.degree + 1, log=below.log + 1)
        if kind == "gauss" or (kind == "exp" and not rules.sequential):
            powers = rules.powers["exp"].get(wire, ([1], []))
            return Bound(max(1, sum(abs(entry) for row in powers for entry in row)))
        if kind in ("cos", "sin"):
            degree = 2 * sum(abs(entry) for row in rules.powers["angle"][argument] for entry in row)
            return Bound(degree, float(degree))
        row = rules.rule(wire)[1]
        others = [(w, n) for w, n in zip(rules.mixed.members, row, strict=False) if n and w != wire]
        terms, total = [Bound(1)], Bound(1)
        for other, exponent in others:
            _, found, below_it = self._tape.steps[other]
            if kind == "log":
                terms.append(_scaled(Fraction(exponent), self._wires[below_it if found == "exp" else other]))
                continue
            base = other if found == "exp" else below_it
            bound = self._wires[base] if exponent < 0 else self._step(base, ("inverse", base))
            total = _product(total, _power(bound, abs(exponent)))
        return self._sum(terms) if kind == "log" else total

    def _sum(self, terms: list[Bound]) -> Bound:
        if not terms:
            return Bound()
        common: dict[Wire, int] = {}
        divisor = 1
        for term in terms:
            for wire, exponent in term.inverted.items():
                common[wire] = max(exponent, common.get(wire, 0))
            divisor = math.lcm(divisor, term.divisor)
            if divisor.bit_length() > _MOST_CONSTANT_BITS:
                raise CertificateError("architecture", "its network", _TOO_LARGE)
        self._merged += len(common) * len(terms)
        if self._merged > _MOST_MERGED:
            raise CertificateError("architecture", "its denominators", "too many for this checker")
        degree, log, once, twice = 0, 0.0, 0, 0
        for term in terms:
            missing = {wire: exponent - term.inverted.get(wire, 0) for wire, exponent in common.items()}
            more, longer = self._denominator(missing) if common else (0, 0.0)
            degree = max(degree, term.degree + more)
            log = max(log, term.log + longer + math.log2(divisor // term.divisor))
            once, twice = once | term.once, twice | term.twice
        return Bound(degree, log + math.log2(len(terms)), divisor, common, once, twice)

    def _denominator(self, inverted: dict[Wire, int]) -> tuple[int, float]:
        """Degree and log2 of the norm of prod q^e."""
        degree = sum(exponent * self._wires[wire].degree for wire, exponent in inverted.items())
        return degree, sum(exponent * self._wires[wire].log for wire, exponent in inverted.items())

    def round_error(self, law_degree: int, law_norm: int) -> float:
        """log2 of the probability that one evaluation of <grad h, grad output> is zero although it is no identity.

        At a random point modulo a random prime between 2^60 and 2^61: the prime divides all coefficients of the
        identity, or the point is a zero of it modulo the prime (Schwartz and Zippel). Points where a denominator
        vanishes are drawn again, which at most doubles the bound.

        law_norm : sum of the absolute values of the coefficients of h
        """
        degree, log = self._denominator(self.output.inverted)
        total = self.output.degree + degree + law_degree + self._motion.degree
        height = self.output.log + log + math.log2(max(1, self.output.degree + degree)) + self._motion.log
        height += math.log2(max(1, law_norm)) + math.log2(max(1, law_degree))
        doubled = 1 if self.output.inverted or self._motion.inverses else 0
        bits, count = self.prime_bits, self.prime_bits - _LOG_OF_PRIME_DENSITY
        if self._functions:
            # Exponents of each value that was drawn may be negative, and circles are divided by 1 + t^2, so that up to
            # four times the degree counts for each. A root has two conjugates, and exists at half of the points.
            total *= 4 * (4 * self._functions + 1)
            height = (height + total) * 2**self._roots
            doubled += 2 * self._roots + 1
        # A hundredth more than computed: rounding is far smaller.
        unlucky = 1.01 * height / bits * 2.0**-count + total * 2.0**-bits
        return min(0.0, math.log2(unlucky) + doubled) if unlucky else -math.inf


def _scaled(factor: Fraction, a: Bound) -> Bound:
    numerator, divisor = abs(factor.numerator), a.divisor * factor.denominator
    return Bound(a.degree, a.log + math.log2(max(1, numerator)), divisor, a.inverted, a.once, a.twice)


def _product(a: Bound, b: Bound) -> Bound:
    inverted = dict(a.inverted)
    for wire, exponent in b.inverted.items():
        inverted[wire] = inverted.get(wire, 0) + exponent
    twice = a.twice | b.twice | (a.once & b.once)
    return Bound(a.degree + b.degree, a.log + b.log, a.divisor * b.divisor, inverted, a.once | b.once, twice)


def _power(a: Bound, exponent: int) -> Bound:
    if a.divisor.bit_length() * exponent > _MOST_CONSTANT_BITS:
        raise CertificateError("architecture", "its network", _TOO_LARGE)
    inverted = {wire: exponent * e for wire, e in a.inverted.items()}
    return Bound(a.degree * exponent, a.log * exponent, a.divisor**exponent, inverted, a.once, a.twice | a.once)


def most_terms(tape: Tape, output: Wire, limit: int) -> int | None:
    """At least the number of terms of any wire when it is expanded; None if that is over the limit."""
    counts: list[int] = []
    for step in tape.steps[: output + 1]:
        match step:
            case ("linear", terms):
                count = sum(counts[wire] for _, wire in terms)
            case ("dot", pairs):
                count = sum(counts[left] * counts[right] for left, right in pairs)
            case ("power", base, exponent):
                count = counts[base] ** exponent if exponent < limit.bit_length() else limit * (counts[base] - 1) + 1
            case ("inverse", _):
                return None
            case _:
                count = 1
        if count > limit:
            return None
        counts.append(count)
    return max(counts)
