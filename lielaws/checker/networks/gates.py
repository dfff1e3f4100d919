"""The gates of piecewise linear functions: which are fixed, which are tied, and which may have any value.

relu(u) is gate * u, where the gate is 1 or 0. Relu(u) and relu(3 u) have the same gate, relu(-u) has one minus it.
Proportions are found by evaluating all arguments at two random points modulo one prime of 192 bits, with free values of
functions and gates: that two arguments which are not proportional pass as such has a probability far below 2^-100.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import chain, combinations
from typing import Any

import numpy as np

from lielaws.checker.networks.network import Network
from lielaws.checker.networks.program import Program
from lielaws.checker.networks.signs import Signs
from lielaws.checker.networks.steps import FROZEN, FUNCTIONS, Budget, Steps
from lielaws.checker.numbers.jets import Jets, spread
from lielaws.checker.numbers.residues import Residues, random_prime, small_rational
from lielaws.errors import CertificateError

_BITS = 192
"""of the prime: thousands of arguments of degree 10^6 agree by chance with a probability far below 2^-100"""
_LARGEST_SET = 3
"""tensors in a set in which an argument is homogeneous, if not all are: weights, bias and one more; sets of four are
many, and no network needs them"""
_LOOK = 1000
"""a look at one step takes as long as so many products of float64 numbers"""

Tensor = tuple[str, str]
"""a leaf, by role and name"""


@dataclass(frozen=True)
class Gates:
    """The gates of all piecewise linear functions of a network.

    fixed : for each function the gate that it has by structure, or None
    numbers, reverse : for each function the number of the gate of each entry, and whether that is reversed
    values : the gates with fixed values by their numbers
    count : of gates
    """

    fixed: list[int | None]
    numbers: list[Any]
    reverse: list[Any]
    values: dict[int, int]
    count: int

    def random(self, ring: Residues) -> Any:
        """One value for each gate, random where it is not fixed."""
        chosen = ring.random((self.count,))
        for number, value in self.values.items():
            chosen[number] = value
        return chosen

    def of_piece(self, ring: Residues, values: Any, j: int) -> Any:
        """The gates of the j-th function, from arrays of one value for each gate, (samples, gates)."""
        return self.turned(ring, values[:, self.numbers[j]], j)

    def turned(self, ring: Residues, entries: Any, j: int) -> Any:
        """The same from the values of what they are tied to, (samples, *shape)."""
        return np.where(self.reverse[j], (1 - entries) % ring.prime, entries)

    def by_number(self, pattern: Any) -> dict[int, int]:
        """The values of all gates, from those of all functions in a row."""
        numbers, reverse = self._rows
        return dict(zip(numbers.tolist(), np.where(reverse, 1 - pattern, pattern).tolist(), strict=True))

    @property
    def _rows(self) -> tuple[Any, Any]:
        """The numbers of the gates of all functions in a row, and which of them are reversed."""
        numbers, reverse = ([array.ravel() for array in arrays] for arrays in (self.numbers, self.reverse))
        return np.concatenate(numbers), np.concatenate(reverse)

    def contradictions(self, listed: Any, unit: int, prime: int | None) -> Any:
        """Where listed gates differ from those that they are tied to.

        listed : integers (samples, entries of all functions), in multiples of 1 / unit
        """
        numbers, reverse = self._rows
        values = np.where(reverse, unit - listed, listed)
        values = values if prime is None else values % prime
        expected = values[:, np.unique(numbers, return_index=True)[1]][:, numbers]
        for number, value in self.values.items():
            expected[:, numbers == number] = value * unit
        return values != expected


def find_gates(program: Program, budget: Budget) -> Gates:
    """All gates of a network, with those that are tied; see the head of this file."""
    ring = Residues(random_prime(_BITS))
    budget.charge(2 * program.work * ring.weight, "architecture", "its gates")
    signs, ties = Signs(program.steps), _Ties(ring)
    found = Gates([signs.fixed(argument) for argument in program.arguments], [], [], {}, 0)

    def gates(j: int, argument: Any) -> Any:
        pairs = spread(argument, 2).T.tolist()
        own = [ties.gate(first, second) for first, second in pairs]
        value, shape = found.fixed[j], argument.shape[1:]
        if value is not None:
            found.values.update((number, 1 - value if is_reverse else value) for number, is_reverse in own)
        found.numbers.append(np.array([number for number, _ in own], dtype=np.int64).reshape(shape))
        found.reverse.append(np.array([is_reverse for _, is_reverse in own], dtype=bool).reshape(shape))
        drawn = [ties.drawn[number] for number, _ in own]
        return found.turned(ring, np.array(drawn, dtype=object).T.reshape(2, *shape), j)

    leaves = {leaf: ring.random((2, *shape)) for leaf, shape in program.leaves.items()}
    try:
        program.forward(Jets(ring), leaves, gates)
    except ZeroDivisionError:
        raise CertificateError("architecture", "a denominator", "it vanishes identically, or check once more") from None
    return replace(found, count=len(ties.drawn))


class _Ties:
    """Gives each number at two random points its gate, a new one unless it is proportional to an earlier one."""

    def __init__(self, ring: Residues) -> None:
        self.ring = ring
        self.drawn: list[Any] = []
        self._known: dict[int, tuple[int, int]] = {}

    def gate(self, first: int, second: int) -> tuple[int, bool]:
        """Its number, and whether it is reversed."""
        p = self.ring.prime
        if first or second:
            if not first:
                raise CertificateError("architecture", "an argument", "it vanished at a random point; check once more")
            ratio = second * pow(first, -1, p) % p
            if ratio in self._known:
                number, other = self._known[ratio]
                factor = small_rational(first * pow(other, -1, p) % p, p)
                if not factor:
                    remedy = "they are proportional by a factor too unusual to check"
                    raise CertificateError("architecture", "two arguments of gates", remedy)
                return number, factor < 0
            self._known[ratio] = (len(self.drawn), first)
        self.drawn.append(self.ring.random((2,)))
        return len(self.drawn) - 1, False


def own_tensors(network: Network, gates: Gates, budget: Budget) -> set[Tensor] | None:
    """Tensors by which all free gates change at will; None if some have none.

    Each argument is homogeneous of degree one in some tensors that occur in no earlier argument, as the weights and the
    bias of its layer are; functions whose gates are all tied to earlier ones need none.
    """
    steps, seen = network.steps, set(gates.values)
    before: set[Tensor] = set()
    found: set[Tensor] = set()
    for j, argument in enumerate(network.program.arguments):
        numbers = set(gates.numbers[j].ravel().tolist())
        leaves = [steps[k].fixed for k in network.program.ancestors([argument]) if steps[k].op == "leaf"]
        # Weights that are frozen at generic values stand for any.
        tensors = [leaf for leaf in leaves if leaf[0] != "constant" or leaf[1].startswith(FROZEN)]
        if not numbers <= seen:
            own = _own(steps, argument, [t for t in tensors if t not in before], budget)
            if own is None:
                return None
            found |= own
        seen |= numbers
        before |= set(tensors)
    return found


def _own(steps: Steps, argument: int, new: list[Tensor], budget: Budget) -> set[Tensor] | None:
    """Some of the new tensors, few if possible, in which an argument is homogeneous of degree one."""
    budget.charge(_LOOK * argument * len(new), "architecture", "its gates")
    linear = [tensor for tensor in new if _degrees(steps, argument, {tensor})[1] <= 1]
    subsets = (set(chosen) for size in range(1, _LARGEST_SET + 1) for chosen in combinations(linear, size))
    for chosen in chain(subsets, [set(linear)]):
        budget.charge(_LOOK * argument, "architecture", "its gates")
        if _degrees(steps, argument, chosen) == (1, 1):
            return chosen
    return None


_NOTHING, _ANYTHING = (math.inf, -math.inf), (-math.inf, math.inf)


def _degrees(steps: Steps, argument: int, tensors: set[Tensor]) -> tuple[float, float]:
    """The least and the largest degree in some parameters; (-inf, inf) for what is no homogeneous expression.

    Zero has no terms: (inf, -inf).
    """
    degrees: list[tuple[float, float]] = []
    for step in steps.all[: argument + 1]:
        inputs = [degrees[a] for a in step.inputs]
        match step.op:
            case "leaf":
                inside = float(step.fixed in tensors)
                found = (inside, inside)
            case "constant" | "gate":
                found = (0.0, 0.0) if step.op == "gate" or any(step.fixed[0]) else _NOTHING
            case "scale" if not step.fixed:
                found = _NOTHING
            case "gated":
                found = inputs[0]
            case "contract" if _NOTHING in inputs:
                found = _NOTHING
            case "contract":
                found = (inputs[0][0] + inputs[1][0], inputs[0][1] + inputs[1][1])
            case "power":
                found = (inputs[0][0] * step.fixed, inputs[0][1] * step.fixed)
            case "reciprocal":
                # Of zero there is none.
                found = _ANYTHING if _NOTHING in inputs else (-inputs[0][1], -inputs[0][0])
            case operation if operation in FUNCTIONS:
                found = (0.0, 0.0) if inputs[0] in ((0, 0), _NOTHING) else _ANYTHING
            case _:
                found = (min(low for low, _ in inputs), max(high for _, high in inputs))
        degrees.append(found)
    return degrees[argument]


def affine_pieces(program: Program, gates: Gates) -> list[bool]:
    """For each function whether the output is affine in its gates, so that values between 0 and 1 add nothing.

    An affine function is a combination of its values at 0 and 1, so that arbitrary values span the same family.
    """
    own = [sum(1 << gate for gate in set(numbers.ravel().tolist()) - gates.values.keys()) for numbers in gates.numbers]
    # The gates on which each step may depend, and those which it may have twice, as bits.
    once: dict[int, int] = {}
    twice: dict[int, int] = {}
    for k in program.needed:
        step = program.steps[k]
        found, double = 0, 0
        for a in step.inputs:
            double |= twice[a]
            if step.op in ("contract", "gated"):
                double |= found & once[a]
            found |= once[a]
        if step.op == "gate":
            found, double = own[program.gates[k]], 0
        elif step.op in ("power", "reciprocal", *FUNCTIONS):
            double |= found
        once[k], twice[k] = found, double
    return [not twice[program.output] & bits for bits in own]
