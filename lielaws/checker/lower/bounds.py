"""How likely it is that an evaluation modulo a prime is zero although what is evaluated is not.

An entry of a step is N / (c prod q^e) with an integer polynomial N in the leaves, the gates and the values of
functions, an integer c, and polynomials q: the numerators of all entries of steps that are inverted. One bound holds
for all entries of a step. Denominators are kept as multisets, so that sums with equal ones have that one.

For the output N / D and a polynomial h, D^2 <grad h, grad (N / D)> is a polynomial. With functions, the gradient is a
sum over chains of functions f_j(u_j), each of which occurs once at most in a chain; so it is a polynomial after a
multiplication by D^2 and, for each j, by the square of the denominator of u_j and by that of the derivative of f_j.

With n true roots whose signs are conjugate, the product over all signs has degree 2^n d, and a zero of as high an order
as there are signs that make the identity zero. The orders of the zeros modulo p add up to 2^n d p^(N-1) at most for N
variables (Dvir, Kopparty, Saraf and Sudan, arXiv 0901.2529), so that a random point with random signs is a zero with
probability d / p, without 2^n. Nor has the height that factor: a prime is bad if it divides all coefficients of the
normal form, with each r^2 replaced by q, where r counts like the root of the sum of the coefficients of q.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field, replace
from fractions import Fraction

from lielaws.checker.networks.flows import Flow
from lielaws.checker.networks.program import Program
from lielaws.checker.networks.steps import FUNCTIONS, Step
from lielaws.checker.numbers.residues import PRIME_BITS
from lielaws.errors import CertificateError

_LOG_OF_PRIME_DENSITY = 9
"""more than 2^(n - 9) primes that are 7 mod 8 lie between 2^n and 2^(n + 1) for n = 60 and 120: a quarter of all, of
which there are over 3 x / (5 log x) between x and 2 x (Rosser and Schoenfeld)"""
LARGE_PRIME_BITS = 120
"""of primes for networks with functions: pairs of thousands of values may agree by chance, too often with 60 bits"""
RATIONAL_BITS = 14
"""of numerators and denominators of numbers that are told from other residues, such as 1/100^2"""
_LARGEST_DEGREE = 2**40
"""beyond it no prime of 120 bits makes an error small, and exponents may be absurd"""
_MOST_CONSTANT_BITS = 2**12
"""of denominators; larger ones take long to multiply, and no network has them"""
_MOST_INVERTED = 10**6
"""entries in all multisets of denominators together; more take seconds"""


@dataclass(frozen=True, slots=True)
class Bound:
    """
    degree, log : of N: its degree and log2 of the sum of the absolute values of its coefficients, at most
    divisor : c
    inverted : the exponents e by the step whose entries are inverted
    """

    degree: int = 0
    log: float = 0.0
    divisor: int = 1
    inverted: Counter[int] = field(default_factory=Counter)


class Bounds:
    """The bounds of a network.

    drawn : where square roots are true, the number of points of which one is chosen; 0 if they have free values
    """

    def __init__(self, program: Program, flow: Flow, drawn: int = 0) -> None:
        self._program, self._flow, self._drawn = program, flow, drawn
        self._steps: dict[int, Bound] = {}
        self._merged = 0
        for k in program.needed:
            bound = self._step(k, program.steps[k])
            if bound.degree > _LARGEST_DEGREE or bound.divisor.bit_length() > _MOST_CONSTANT_BITS:
                raise CertificateError("architecture", "its network", "degrees or constants are too large to check")
            self._steps[k] = bound
        self._values = sum(program.steps[k].size for k in program.functions)
        self.bits = LARGE_PRIME_BITS if program.functions else PRIME_BITS
        self._has_root_of_two = ("constant", "sqrt_two") in program.leaves

    def _step(self, k: int, step: Step) -> Bound:
        inputs = [self._steps[a] for a in step.inputs]
        match step.op:
            case "leaf" | "gate":
                return Bound(1)
            case "constant":
                largest = max(map(abs, step.fixed[0]), default=1)
                return Bound(0, math.log2(max(1, largest)), step.fixed[1])
            case "add":
                return self._sum(*inputs)
            case "scale":
                return _scaled(step.fixed, inputs[0])
            case "contract":
                return _longer(_product(*inputs), step.fixed.summed)
            case "power":
                below, e = inputs[0], step.fixed
                inverted = Counter({a: e * times for a, times in below.inverted.items()})
                return Bound(e * below.degree, e * below.log, below.divisor**e, inverted)
            case "reciprocal":
                below = inputs[0]
                degree, log = self._denominator(below.inverted)
                # All other entries are multiplied in, since the denominator is that of all of them.
                more = (step.size - 1) * below.degree
                log += (step.size - 1) * below.log + math.log2(below.divisor)
                return Bound(degree + more, log, 1, Counter({step.inputs[0]: 1}))
            case "gated":
                low, high = step.fixed
                factor = self._sum(_scaled(high - low, inputs[1]), _scaled(low, Bound()))
                return _product(factor, inputs[0])
            case "scatter":
                return _longer(inputs[0], self._program.steps[step.inputs[0]].size)
            case "sqrt" if self._drawn:
                # An algebraic function, sqrt(N D) / D, of half the degree and half the log of N D.
                below, (degree, log) = inputs[0], self._denominator(inputs[0].inverted)
                log += below.log + math.log2(below.divisor)
                return replace(below, degree=below.degree + degree + 1, log=log)
        return Bound(1) if step.op in FUNCTIONS else inputs[0]

    def _sum(self, *terms: Bound) -> Bound:
        common: Counter[int] = Counter()
        for term in terms:
            common |= term.inverted
        divisor = math.lcm(*(term.divisor for term in terms))
        self._merged += len(common) * len(terms)
        if self._merged > _MOST_INVERTED:
            raise CertificateError("architecture", "its denominators", "too many for this checker")
        degree, log = 0, 0.0
        for term in terms:
            more, longer = self._denominator(common - term.inverted)
            degree = max(degree, term.degree + more)
            log = max(log, term.log + longer + math.log2(divisor // term.divisor))
        return Bound(degree, log + math.log2(len(terms)), divisor, common)

    def _denominator(self, inverted: Counter[int]) -> tuple[int, float]:
        """Degree and log2 of the norm of prod q^e, over all entries of each step."""
        found = [(e * self._program.steps[k].size, self._steps[k]) for k, e in inverted.items()]
        return sum(e * bound.degree for e, bound in found), sum(e * bound.log for e, bound in found)

    def round_error(self, law_degree: int, law_norm: int) -> float:
        """log2 of the probability that one evaluation of <grad h, X> is zero although it is no identity.

        At a random point modulo a random prime: the prime divides all coefficients of the identity, or the point is a
        zero of it modulo the prime (Schwartz and Zippel), or two numbers that differ agree there, so that functions of
        them have one value. Points where a denominator vanishes are drawn again, which at most doubles the bound.

        law_norm : sum of the absolute values of the coefficients of h
        """
        output = self._steps[self._program.output]
        degree, log = self._denominator(output.inverted)
        total = output.degree + degree + law_degree + self._flow.degree + 1
        height = output.log + log + 2 * math.log2(output.divisor) + math.log2(total) + self._flow.log
        height += math.log2(max(1, law_norm)) + math.log2(max(1, law_degree))
        cases = 1.0
        for k in self._program.functions:
            below = self._steps[self._program.steps[k].inputs[0]]
            degree, log = self._denominator(below.inverted)
            size, own = self._program.steps[k].size, below.degree + degree + 1
            total += 3 * size * own
            height += 3 * size * (below.log + log + math.log2(below.divisor) + math.log2(own + 1) + 2)
        if self._values:
            # Values may have negative exponents, and points on the circle are divided by 1 + t^2.
            total *= 2 * (self._values + 1)
            height += total
            # Numbers of F_p[i] that differ also have one value if x + m y agrees, for one m.
            cases += 2 * self._values**2
        doubled = 1 + 2 * self._has_root_of_two + math.log2(max(1, self._drawn))
        unlucky = 1.01 * height / self.bits * 2.0 ** (_LOG_OF_PRIME_DENSITY - self.bits) + total * 2.0**-self.bits
        # With true roots: an argument is one of so few rational numbers by chance.
        rational = self._values * total * 2.0 ** (1 + 2 * RATIONAL_BITS - self.bits) if self._drawn else 0.0
        return min(0.0, math.log2(cases * unlucky + rational) + doubled)


def _longer(a: Bound, count: int) -> Bound:
    """The sum of so many entries."""
    return replace(a, log=a.log + math.log2(max(1, count)))


def _scaled(factor: Fraction, a: Bound) -> Bound:
    log = a.log + math.log2(max(1, abs(factor.numerator)))
    return replace(a, log=log, divisor=a.divisor * factor.denominator)


def _product(a: Bound, b: Bound) -> Bound:
    return Bound(a.degree + b.degree, a.log + b.log, a.divisor * b.divisor, a.inverted + b.inverted)
