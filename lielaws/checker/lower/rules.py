"""Local rules that identify equal functions: the network written again for proofs of laws, and for nothing else.

exp(a + b) = exp(a) exp(b), exp(k log v) = v^k, exp(k a) = exp(a)^k, log(exp a) = a, sqrt(q^2 r) = |q| sqrt(r), the
product of sqrt(q) and sqrt(r) is sqrt(q r), and a piecewise linear function of a number of one sign is linear. Each
holds wherever its left side is defined, so that a law of the network that is written again is a law of the network.
(The upper bound reads the network as it was written.)
"""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from functools import reduce

from lielaws.checker.networks.program import Program
from lielaws.checker.networks.signs import ZERO, Signs
from lielaws.checker.networks.steps import Step, Steps
from lielaws.checker.numbers.residues import rational_root

_LARGEST_COMMON = 12
"""of denominators of multiples of exponents; with larger ones powers grow, and nobody writes them"""
_SMALL_PRIMES = (2, 3, 5, 7, 11, 13)
"""whose squares are taken out of roots; 12 x and 3 x are written, multiples of 289 are not"""
_ONE = Fraction(1)


def rewritten(program: Program) -> Program:
    """The same functions, with what the rules identify as one."""
    common = math.lcm(*(_denominators(program)))
    return _Rewriter(program, common if common <= _LARGEST_COMMON else 1).run()


def _denominators(program: Program) -> list[int]:
    """Of the factors in arguments of exponentials, and of their halves below a root."""
    found, inside = [1], set[int]()
    for k in reversed(program.needed):
        step = program.steps[k]
        if step.op == "exp" or (k in inside and step.op in ("add", "scale", "gather")):
            inside.update(step.inputs)
            found += [step.fixed.denominator] if step.op == "scale" else []
        if step.op == "sqrt" and program.steps[step.inputs[0]].op == "exp":
            found.append(2)
    return found


class _Rewriter:
    def __init__(self, program: Program, common: int) -> None:
        self.old, self.common = program, common
        self.steps = Steps()
        self.signs = Signs(self.steps)
        self.new: dict[int, int] = {}

    def run(self) -> Program:
        for k in self.old.below_gates:
            step = self.old.steps[k]
            self.new[k] = self._step(step, [self.new[a] for a in step.inputs])
        return Program(self.steps, self.new[self.old.output])

    def _step(self, step: Step, inputs: list[int]) -> int:
        steps = self.steps
        match step.op:
            case "scale":
                return steps.scale(step.fixed, inputs[0]) if step.fixed else self._constant(Fraction(0), step)
            case "add" if any(self.signs[a] == ZERO for a in inputs):
                return inputs[self.signs[inputs[0]] == ZERO]
            case "contract":
                return self._without_roots(steps.contract(step.fixed.subscripts, *inputs))
            case "power":
                return self._without_roots(steps.power(inputs[0], step.fixed))
            case "gather":
                return steps.gather(inputs[0], step.fixed)
            case "gated":
                # The gate follows the sign of its argument, of which the first input may be a power.
                (a, gate), (below, above) = inputs, step.fixed
                fixed = self.signs.fixed(steps[gate].inputs[0])
                return steps.gated(a, gate, below, above) if fixed is None else steps.scale((below, above)[fixed], a)
            case "exp":
                return self._exp(inputs[0])
            case "log" | "sqrt" if self.old.steps[step.inputs[0]].op == "exp":
                exponent = self.new[self.old.steps[step.inputs[0]].inputs[0]]
                return exponent if step.op == "log" else self._exp(steps.scale(Fraction(1, 2), exponent))
            case "sqrt":
                return self._sqrt(inputs[0])
        return steps.put(step.op, inputs, step.fixed, step.shape)

    # Exponentials

    def _exp(self, a: int) -> int:
        factors = [self._exp_of_multiple(base, factor) for base, factor in self._terms(a).items()]
        return self._product(factors, self.steps[a])

    def _terms(self, a: int) -> dict[int, Fraction]:
        """A sum of multiples, by what is multiplied; moves of entries stand before everything else."""
        step = self.steps[a]
        if step.op == "gather":
            return {self.steps.gather(base, step.fixed): factor for base, factor in self._terms(step.inputs[0]).items()}
        if step.op == "scale":
            return {base: factor * step.fixed for base, factor in self._terms(step.inputs[0]).items()}
        if step.op != "add":
            return {a: _ONE}
        total: dict[int, Fraction] = {}
        for source in step.inputs:
            for base, factor in self._terms(source).items():
                total[base] = total.get(base, Fraction(0)) + factor
        # What cancels leaves exp(0 * base) = 1.
        return total

    def _exp_of_multiple(self, base: int, factor: Fraction) -> int:
        step = self.steps[base]
        if step.op == "gather":
            return self.steps.gather(self._exp_of_multiple(step.inputs[0], factor), step.fixed)
        if step.op == "log" and (2 * factor).denominator == 1:
            value, whole = step.inputs[0], factor.numerator // factor.denominator
            powers = [self._integer_power(value, whole)] if whole or factor == 0 else []
            powers += [self._sqrt(value)] if factor != whole else []
            return self._product(powers, step)
        count = factor * self.common
        if count.denominator != 1:
            return self.steps.put("exp", [self.steps.scale(factor, base)], None, step.shape)
        unit = self.steps.put("exp", [self.steps.scale(Fraction(1, self.common), base)], None, step.shape)
        return self._integer_power(unit, int(count))

    def _integer_power(self, a: int, exponent: int) -> int:
        if exponent == 0:
            return self._constant(_ONE, self.steps[a])
        power = self.steps.power(a, abs(exponent))
        return power if exponent > 0 else self.steps.put("reciprocal", [power], None, self.steps.shape(a))

    # Square roots

    def _sqrt(self, a: int) -> int:
        step = self.steps[a]
        if step.op == "gather":
            return self.steps.gather(self._sqrt(step.inputs[0]), step.fixed)
        factor, powers = self._factors(a)
        if factor <= 0:
            return self.steps.put("sqrt", [a], None, step.shape)
        outside, inside = _square_part(factor)
        parts = [self._absolute_power(base, e // 2) for base, e in powers.items() if e // 2]
        odd = [base for base, e in powers.items() if e % 2]
        if odd or inside != 1:
            rest = self.steps.scale(inside, self._product(odd, step))
            parts.append(self.steps.put("sqrt", [rest], None, step.shape))
        return self.steps.scale(outside, self._product(parts, step))

    def _without_roots(self, a: int) -> int:
        """A product with one root at most: sqrt(q) sqrt(r) = sqrt(q r), sqrt(q)^2 = q."""
        step = self.steps[a]
        factor, powers = self._factors(a)
        roots = {base: e for base, e in powers.items() if self.steps[base].op == "sqrt"}
        if sum(map(abs, roots.values())) < 2:
            return a
        parts = [self._integer_power(base, e) for base, e in powers.items() if base not in roots]
        parts += [self._integer_power(self.steps[root].inputs[0], e // 2) for root, e in roots.items() if e // 2]
        odd = [self.steps[root].inputs[0] for root, e in roots.items() if e % 2]
        if odd:
            parts.append(self._sqrt(self._product(odd, step)))
        return self.steps.scale(factor, self._product(parts, step))

    def _constant(self, value: Fraction, like: Step) -> int:
        fixed = ((value.numerator,) * like.size, value.denominator)
        return self.steps.put("constant", [], fixed, like.shape)

    def _product(self, factors: list[int], like: Step) -> int:
        return reduce(self.steps.multiply, factors) if factors else self._constant(_ONE, like)

    def _factors(self, a: int) -> tuple[Fraction, Counter[int]]:
        """A product: a number, and powers of steps."""
        step = self.steps[a]
        match step.op:
            case "constant" if len(set(step.fixed[0])) == 1:
                return Fraction(step.fixed[0][0], step.fixed[1]), Counter()
            case "scale":
                factor, powers = self._factors(step.inputs[0])
                return factor * step.fixed, powers
            case "power":
                factor, powers = self._factors(step.inputs[0])
                return factor**step.fixed, Counter({k: e * step.fixed for k, e in powers.items()})
            case "reciprocal":
                factor, powers = self._factors(step.inputs[0])
                if factor:
                    return 1 / factor, Counter({k: -e for k, e in powers.items()})
            case "contract" if len(set(step.fixed.terms)) == 1:
                (f, p), (g, q) = (self._factors(source) for source in step.inputs)
                p.update(q)
                return f * g, p
            case "gated" if (root := self._root_of_gated(step)) is not None:
                return _ONE, Counter({root: 2})
        return _ONE, Counter({a: 1})

    def _root_of_gated(self, step: Step) -> int | None:
        """The root of below * u^(2 k) or above * u^(2 k), depending on the sign of u."""
        power, gate, (below, above) = self.steps[step.inputs[0]], step.inputs[1], step.fixed
        low, high = rational_root(below), rational_root(above)
        if power.op != "power" or power.fixed % 2 or low is None or high is None:
            return None
        half = power.fixed // 2
        return self.steps.gated(self.steps.power(power.inputs[0], half), gate, -low if half % 2 else low, high)

    def _absolute_power(self, a: int, exponent: int) -> int:
        return self._integer_power(a if exponent % 2 == 0 else self._absolute(a), exponent)

    def _absolute(self, a: int) -> int:
        step, gate = self.steps[a], self.signs.fixed(a)
        if gate is not None:
            return self.steps.scale(Fraction(1 if gate else -1), a)
        if step.op == "gated":
            (u, gate), (below, above) = step.inputs, step.fixed
            if u == self.steps[gate].inputs[0]:
                return self.steps.gated(u, gate, -abs(below), abs(above))
        return self.steps.gated(a, self.steps.put("gate", [a], None, step.shape), Fraction(-1), _ONE)


def _square_part(value: Fraction) -> tuple[Fraction, Fraction]:
    """A rational number as q^2 r: q, and r, which has no squares of small primes."""
    outside, rest = _ONE, value.numerator * value.denominator
    if (root := math.isqrt(rest)) ** 2 == rest:
        return Fraction(root, value.denominator), _ONE
    for prime in _SMALL_PRIMES:
        while rest % prime**2 == 0:
            outside, rest = outside * prime, rest // prime**2
    return outside / value.denominator, Fraction(rest)
