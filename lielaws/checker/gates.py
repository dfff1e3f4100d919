"""Piecewise linear functions become products with gates; gates whose arguments are proportional are one gate.

relu(u) is gate * u, where the gate is 1 or 0. Relu(3 u) has the same gate and relu(-u) has one minus it, for all data.
Proportions are found by evaluating the arguments at random points modulo three random primes: that two arguments
which are not proportional pass as such has a probability far below 2^-100.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from lielaws.checker.jets import Jets, random_prime
from lielaws.checker.tape import Tape, Wire, compiled, evaluate, too_large
from lielaws.errors import CertificateError

_PRIMES = 3
_MOST_GATES = 5000


class Gates:
    """The gates of one network.

    leaves : the wire of each gate that is free
    arguments : the number that decides about each of them
    pieces : for each activation node in the order of evaluation, the gate of each entry: its number among the leaves,
        and whether it is reversed
    """

    def __init__(self, tape: Tape) -> None:
        self.leaves: list[Wire] = []
        self.arguments: list[Wire] = []
        self.pieces: list[list[tuple[int, bool]]] = []
        self._tape = tape
        self._samples: list[_Sample] = []
        self._known: dict[tuple[int, ...], tuple[int, tuple[int, ...]]] = {}

    def piecewise(self, arguments: Sequence[Wire], below: Fraction, above: Fraction) -> list[Wire]:
        """below * u for u < 0 and above * u elsewhere, for each argument; with equal slopes no gate is needed."""
        if below == above:
            return [self._tape.linear([(above, wire)]) for wire in arguments]
        gates = [self._gate(wire) for wire in arguments]
        self.pieces.append(gates)
        return [
            self._tape.gated(self._wire(*gate), wire, below, above) for gate, wire in zip(gates, arguments, strict=True)
        ]

    def _wire(self, number: int, is_reversed: bool) -> Wire:
        leaf = self.leaves[number]
        return self._tape.linear([(1, self._tape.constant(1)), (-1, leaf)]) if is_reversed else leaf

    def _gate(self, argument: Wire) -> tuple[int, bool]:
        """The gate of an argument, a new one unless it is proportional to an earlier one."""
        values = [sample.value(argument) for sample in self._sampled()]
        firsts, seconds = values[::2], values[1::2]
        if any(values):
            if not all(firsts):
                raise CertificateError("activation", "its argument", "it vanished at a random point; check once more")
            primes = [sample.ring.prime for sample in self._samples[::2]]
            key = tuple(b * pow(a, -1, p) % p for a, b, p in zip(firsts, seconds, primes, strict=True))
            if key in self._known:
                number, others = self._known[key]
                return number, _ratio(firsts, others, primes) < 0
            self._known[key] = (len(self.leaves), tuple(firsts))
        if len(self.leaves) == _MOST_GATES:
            raise too_large("gates", _MOST_GATES)
        self.leaves.append(self._tape.leaf("gate"))
        self.arguments.append(argument)
        return len(self.leaves) - 1, False

    def _sampled(self) -> list[_Sample]:
        if not self._samples:
            rings = [Jets(random_prime()) for _ in range(_PRIMES)]
            self._samples = [_Sample(self._tape, ring) for ring in rings for _ in range(2)]
        return self._samples


class _Sample:
    """The values of a growing tape at one random point modulo a prime."""

    def __init__(self, tape: Tape, ring: Jets) -> None:
        self.tape, self.ring = tape, ring
        self.values: list[int] = []

    def value(self, wire: Wire) -> int:
        for step in self.tape.steps[len(self.values) : wire + 1]:
            self.values.append(self._evaluate(step))
        return self.values[wire]

    def _evaluate(self, step: Any) -> int:
        if step[0] == "leaf":
            return self.ring.random()
        if step[0] == "function":
            # Free values: relations between functions are looked at afterwards, see `check_gates`.
            return self.ring.random()
        try:
            return int(evaluate(compiled(step, self.ring), self.values, self.ring))
        except ZeroDivisionError:
            raise CertificateError("architecture", "a denominator", "it vanishes identically") from None


def _ratio(numerators: Sequence[int], denominators: Sequence[int], primes: Sequence[int]) -> Fraction:
    """The rational number with these residues."""
    total, modulus = 0, 1
    for above, below, prime in zip(numerators, denominators, primes, strict=True):
        residue = above * pow(below, -1, prime) % prime
        total += modulus * ((residue - total) * pow(modulus, -1, prime) % prime)
        modulus *= prime
    remainders = [(modulus, 0), (total, 1)]
    while 2 * remainders[-1][0] ** 2 > modulus:
        (a, s), (b, t) = remainders[-2:]
        remainders.append((a % b, s - a // b * t))
    numerator, denominator = remainders[-1]
    if numerator == 0 or 2 * denominator**2 > modulus:
        raise CertificateError("activation", "two arguments", "they are proportional by a factor too unusual to check")
    return Fraction(numerator, denominator)
