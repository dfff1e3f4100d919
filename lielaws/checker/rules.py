"""Local rules that identify equal functions: the network written again for proofs of laws, and for nothing else.

exp(a + b) = exp(a) exp(b), exp(k log v) = v^k, exp(k a) = exp(a)^k, log(exp a) = a, sqrt(q^2 r) = |q| sqrt(r), and a
piecewise linear function of a number of one sign is linear. Each holds wherever its left side is defined, so that a law
of the network that is written again is a law of the network. (The upper bound reads the network as it was written.)
"""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

from lielaws.checker.gates import Signs
from lielaws.checker.program import Program
from lielaws.checker.steps import Step, Steps

_MOVES = ("reshape", "permute", "broadcast", "gather")
_LARGEST_COMMON = 12
"""of denominators of multiples of exponents; with larger ones powers grow, and nobody writes them"""
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
        if step.op == "exp" or (k in inside and step.op in ("add", "scale", *_MOVES)):
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
        self.extra: list[int] = []

    def run(self) -> Program:
        for k in self.old.below_gates:
            step = self.old.steps[k]
            self.new[k] = self._step(step, [self.new[a] for a in step.inputs])
        arguments = [self.new[argument] for argument in self.old.arguments]
        return Program(self.steps, self.new[self.old.output], [*arguments, *self.extra])

    def _step(self, step: Step, inputs: list[int]) -> int:
        steps = self.steps
        match step.op:
            case "scale":
                return steps.scale(step.fixed, inputs[0])
            case "contract":
                return steps.contract(step.fixed, *inputs)
            case "power":
                return steps.power(inputs[0], step.fixed)
            case "gated":
                return self._gated(inputs[0], *step.fixed)
            case "exp":
                return self._exp(inputs[0])
            case "log" if self.old.steps[step.inputs[0]].op == "exp":
                return self.new[self.old.steps[step.inputs[0]].inputs[0]]
            case "sqrt" if self.old.steps[step.inputs[0]].op == "exp":
                exponent = self.new[self.old.steps[step.inputs[0]].inputs[0]]
                return self._exp(steps.scale(Fraction(1, 2), exponent))
            case "sqrt":
                return self._sqrt(inputs[0])
        return steps.put(step.op, inputs, step.fixed, step.shape)

    def _gated(self, a: int, piece: int, below: Fraction, above: Fraction) -> int:
        gate = self.signs.fixed(a)
        if gate is not None:
            return self.steps.scale(above if gate else below, a)
        return self.steps.gated(a, piece, below, above)

    def _moved(self, move: Step, a: int) -> int:
        return self.steps.put(move.op, [a], move.fixed, move.shape)

    # Exponentials

    def _exp(self, a: int) -> int:
        factors = [self._exp_of_multiple(base, factor) for base, factor in self._terms(a).items()]
        result = factors[0]
        for factor in factors[1:]:
            result = self.steps.multiply(result, factor)
        return result

    def _terms(self, a: int) -> dict[int, Fraction]:
        """A sum of multiples, by what is multiplied; moves of entries stand before everything else."""
        step = self.steps[a]
        if step.op in _MOVES:
            return {self._moved(step, base): factor for base, factor in self._terms(step.inputs[0]).items()}
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
        if step.op in _MOVES:
            return self._moved(step, self._exp_of_multiple(step.inputs[0], factor))
        if step.op == "log" and (2 * factor).denominator == 1:
            value, whole = step.inputs[0], factor.numerator // factor.denominator
            powers = [self._integer_power(value, whole)] if whole or factor == 0 else []
            powers += [self._sqrt(value)] if factor != whole else []
            return powers[0] if len(powers) == 1 else self.steps.multiply(*powers)
        count = factor * self.common
        if count.denominator != 1:
            return self.steps.put("exp", [self.steps.scale(factor, base)], None, step.shape)
        unit = self.steps.put("exp", [self.steps.scale(Fraction(1, self.common), base)], None, step.shape)
        return self._integer_power(unit, int(count))

    def _integer_power(self, a: int, exponent: int) -> int:
        if exponent == 0:
            shape = self.steps.shape(a)
            return self.steps.put("constant", [], ((1,) * math.prod(shape), 1), shape)
        power = self.steps.power(a, abs(exponent))
        return self.steps.reciprocal(power) if exponent < 0 else power

    # Square roots

    def _sqrt(self, a: int) -> int:
        step = self.steps[a]
        if step.op in _MOVES:
            return self._moved(step, self._sqrt(step.inputs[0]))
        factor, powers, roots = self._factors(a)
        outside = _root_of(factor)
        if factor <= 0:
            return self.steps.put("sqrt", [a], None, step.shape)
        parts = [*roots, *(self._absolute_power(base, e // 2) for base, e in powers.items() if e // 2)]
        inside = [base for base, e in powers.items() if e % 2]
        if outside is None or inside:
            rest = self._product(inside, step) if inside else self._integer_power(a, 0)
            parts.append(
                self.steps.put("sqrt", [self.steps.scale(_ONE if outside else factor, rest)], None, step.shape)
            )
        return self.steps.scale(outside or _ONE, self._product(parts, step))

    def _product(self, factors: list[int], like: Step) -> int:
        if not factors:
            return self.steps.put("constant", [], ((1,) * like.size, 1), like.shape)
        result = factors[0]
        for factor in factors[1:]:
            result = self.steps.multiply(result, factor)
        return result

    def _factors(self, a: int) -> tuple[Fraction, Counter[int], list[int]]:
        """A product: a number, powers of steps, and steps whose squares are the other factors."""
        step = self.steps[a]
        match step.op:
            case "scale":
                factor, powers, roots = self._factors(step.inputs[0])
                return factor * step.fixed, powers, roots
            case "power":
                factor, powers, roots = self._factors(step.inputs[0])
                if roots:
                    return _ONE, Counter({step.inputs[0]: step.fixed}), []
                return factor**step.fixed, Counter({k: e * step.fixed for k, e in powers.items()}), []
            case "reciprocal":
                factor, powers, roots = self._factors(step.inputs[0])
                if factor and not roots:
                    return 1 / factor, Counter({k: -e for k, e in powers.items()}), []
            case "contract" if len(set(step.fixed.replace("->", ",").split(","))) == 1:
                (f, p, r), (g, q, s) = (self._factors(source) for source in step.inputs)
                powers = Counter(p)
                powers.update(q)
                return f * g, powers, r + s
            case "gated" if (root := self._root_of_gated(step)) is not None:
                return _ONE, Counter(), [root]
        return _ONE, Counter({a: 1}), []

    def _root_of_gated(self, step: Step) -> int | None:
        """The root of below * u^(2 k) or above * u^(2 k), depending on the sign of u."""
        power, (piece, below, above) = self.steps[step.inputs[0]], step.fixed
        low, high = _root_of(below), _root_of(above)
        if power.op != "power" or power.fixed % 2 or low is None or high is None:
            return None
        half = power.fixed // 2
        return self.steps.gated(self.steps.power(power.inputs[0], half), piece, -low if half % 2 else low, high)

    def _absolute_power(self, a: int, exponent: int) -> int:
        return self._integer_power(a if exponent % 2 == 0 else self._absolute(a), exponent)

    def _absolute(self, a: int) -> int:
        step, gate = self.steps[a], self.signs.fixed(a)
        if gate is not None:
            return self.steps.scale(Fraction(1 if gate else -1), a)
        if step.op == "gated":
            piece, below, above = step.fixed
            # The sign of an even power of the argument is not what the gate tells.
            if self.steps[step.inputs[0]].op != "power":
                return self.steps.gated(step.inputs[0], piece, -abs(below), abs(above))
        self.extra.append(a)
        return self.steps.gated(a, len(self.old.arguments) + len(self.extra) - 1, Fraction(-1), _ONE)


def _root_of(value: Fraction) -> Fraction | None:
    """The rational root of a rational number, if it has one."""
    if value < 0:
        return None
    root = Fraction(math.isqrt(value.numerator), math.isqrt(value.denominator))
    return root if root * root == value else None
