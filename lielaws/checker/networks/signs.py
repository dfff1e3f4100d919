"""Signs by structure: what the entries of each step may be, for all values of leaves."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import numpy as np

from lielaws.checker.networks.steps import FROZEN, Step, Steps

Sign = frozenset[int]
"""of -1, 0 and 1, what numbers may have as their sign"""

POSITIVE, ZERO = Sign({1}), Sign({0})
_ANY = Sign({-1, 0, 1})


class Signs:
    """The signs of steps, to which more may be added later on."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._known: list[Sign] = []

    def __getitem__(self, step: int) -> Sign:
        while len(self._known) <= step:
            self._known.append(self._sign(self._steps[len(self._known)]))
        return self._known[step]

    def fixed(self, step: int) -> int | None:
        """1 if no entry is negative, 0 if none is positive, else None."""
        return 1 if -1 not in self[step] else 0 if 1 not in self[step] else None

    def _sign(self, step: Step) -> Sign:
        inputs = [self._known[a] for a in step.inputs]
        first = inputs[0] if inputs else _ANY
        match step.op:
            case "leaf":
                return POSITIVE if step.fixed[0] == "constant" and not step.fixed[1].startswith(FROZEN) else _ANY
            case "constant":
                return _signs(step.fixed[0])
            case "add":
                return _sums(*inputs)
            case "scale":
                return _products(first, step.fixed)
            case "contract":
                return _sums(_signs(a * b for a in first for b in inputs[1]))
            case "power":
                return _signs(a**step.fixed for a in first)
            case "gate":
                return Sign({0, 1})
            case "gated":
                (a, gate), (below, above) = step.inputs, step.fixed
                if a != self._steps[gate].inputs[0]:
                    # A power of the argument, whose sign the gate does not follow.
                    return _products(first, below, above)
                return _signs(a * (above if a > 0 else below) for a in first)
            case "exp" | "sqrt":
                return POSITIVE | (first & ZERO if step.op == "sqrt" else Sign())
            case "log" | "cos" | "sin":
                return _ANY
            case "scatter":
                # Places to which nothing is added are zero.
                return _sums(first) | (ZERO if len(np.unique(step.fixed)) < step.size else Sign())
        # The odd and increasing "gauss" keeps the sign, as moves of entries do.
        return first - ZERO if step.op == "reciprocal" else first


def _signs(numbers: Iterable[Fraction | int]) -> Sign:
    return Sign((n > 0) - (n < 0) for n in numbers)


def _products(sign: Sign, *factors: Fraction) -> Sign:
    return _signs(factor * a for factor in factors for a in sign)


def _sums(*terms: Sign) -> Sign:
    """Of sums of one or more numbers of each kind."""
    either = Sign().union(*terms)
    if {-1, 1} <= either:
        return _ANY
    # A sum is zero only if all its terms may be.
    return either if all(0 in term for term in terms) else either - ZERO
