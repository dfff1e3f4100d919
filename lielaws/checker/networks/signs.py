"""Signs by structure: what the entries of each step may be, for all values of leaves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import reduce
from operator import or_

import numpy as np

from lielaws.checker.networks.steps import FROZEN, Step, Steps

NEGATIVE, POSITIVE, ZERO = 1, 2, 4
"""bits of what the entries of an array may be"""
_ANY = NEGATIVE | POSITIVE | ZERO


class Signs:
    """What the entries of each step may be, by structure alone, for all values of leaves.

    arguments : the step of the argument of each piecewise linear function, by its number; both may grow later on
    """

    def __init__(self, steps: Steps, arguments: Mapping[int, int]) -> None:
        self._steps, self._arguments = steps, arguments
        self._known: list[int] = []

    def __getitem__(self, step: int) -> int:
        while len(self._known) <= step:
            self._known.append(self._sign(self._steps[len(self._known)]))
        return self._known[step]

    def fixed(self, step: int) -> int | None:
        """1 if no entry is negative, 0 if none is positive, else None."""
        if self[step] & NEGATIVE:
            return None if self[step] & POSITIVE else 0
        return 1

    def _sign(self, step: Step) -> int:
        inputs = [self._known[a] for a in step.inputs]
        match step.op:
            case "leaf":
                return POSITIVE if step.fixed[0] == "constant" and not step.fixed[1].startswith(FROZEN) else _ANY
            case "constant":
                return _union(POSITIVE if n > 0 else NEGATIVE if n < 0 else ZERO for n in step.fixed[0])
            case "add":
                return _sums(*inputs)
            case "scale":
                return _times(inputs[0], step.fixed)
            case "contract":
                products = _union(_times(inputs[0], Fraction(n)) for n, bit in _BITS_OF if inputs[1] & bit)
                return _sums(products, products)
            case "power":
                return inputs[0] if step.fixed % 2 else _union(_EVEN[bit] for _, bit in _BITS_OF if inputs[0] & bit)
            case "gated":
                piece, below, above = step.fixed
                if step.inputs[0] != self._arguments[piece]:
                    # A power of the argument, whose sign the gate does not follow.
                    return _times(inputs[0], below) | _times(inputs[0], above)
                low, high = _times(inputs[0] & NEGATIVE, below), _times(inputs[0] & POSITIVE, above)
                return low | high | inputs[0] & ZERO
            case "exp" | "sqrt":
                return POSITIVE | (inputs[0] & ZERO if step.op == "sqrt" else 0)
            case "log" | "cos" | "sin":
                return _ANY
            case "scatter":
                # Places to which nothing is added are zero.
                return _sums(inputs[0], inputs[0]) | (ZERO if len(np.unique(step.fixed)) < step.size else 0)
            case "reciprocal":
                return inputs[0] & ~ZERO
        # The odd and increasing "gauss" keeps the sign, as moves of entries do.
        return inputs[0]


_BITS_OF = ((-1, NEGATIVE), (0, ZERO), (1, POSITIVE))
_EVEN = {NEGATIVE: POSITIVE, POSITIVE: POSITIVE, ZERO: ZERO}


def _union(bits: Iterable[int]) -> int:
    return reduce(or_, bits, 0)


def _times(sign: int, factor: Fraction) -> int:
    if factor > 0 or not sign:
        return sign
    if factor == 0:
        return ZERO
    return sign & ZERO | (POSITIVE if sign & NEGATIVE else 0) | (NEGATIVE if sign & POSITIVE else 0)


def _sums(a: int, b: int) -> int:
    """Of sums of one or more numbers of either kind."""
    both = a | b
    if both & NEGATIVE and both & POSITIVE:
        return _ANY
    # A sum is zero only if all its terms may be.
    return both if a & b & ZERO else both & ~ZERO
