"""The lower bound: each law is constant along all vector fields of the network, and the laws are independent.

The identity <grad h, X> = 0 is evaluated at random points modulo random primes, all drawn after the file was read. It
is tried in three ways, each for the laws that the ones before leave open:

0. functions, square roots among them, have free values, and gates any value;
1. the same after local rules have identified functions that are equal (`rules`);
2. square roots that an output needs are roots, with either sign, and the gates that it needs are 0 or 1: all choices.

What holds in any of these ways is a law: true values of functions, roots and gates are special ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lielaws.checker.lower.bounds import LARGE_PRIME_BITS, Bounds
from lielaws.checker.lower.branches import Branches, TooManyError, find_branches
from lielaws.checker.lower.laws import ERROR_EXPONENT, Law, check_independence, check_methods, read_laws
from lielaws.checker.lower.points import ATTEMPTS, Point, cotangents, never, random_cotangent
from lielaws.checker.lower.rules import rewritten
from lielaws.checker.networks.gates import Gates, affine_pieces, find_gates
from lielaws.checker.networks.network import Network
from lielaws.checker.networks.program import Program
from lielaws.checker.networks.steps import Budget
from lielaws.errors import CertificateError

_LARGEST_ROUND_ERROR = -20
"""log2 of the error of one evaluation; above it, dozens of rounds would be needed"""
_MOST_NAMED = 10
"""laws that fail; a longer list helps nobody"""
Regions = Sequence[dict[int, int]]
"""for each activation pattern of a region the values of all gates by their numbers"""


def check_lower(
    lower: dict[str, Any], network: Network, gates: Gates, regions: Regions | None, budget: Budget
) -> Iterator[str]:
    """The statements that fail. Raises CertificateError for what is malformed or too large."""
    laws = read_laws(lower["laws"], network.dimension)
    check_methods(lower["verification"], bool(laws))
    yield from check_independence(lower["independence"], laws, network.dimension, budget)
    if laws:
        yield from _Conservation(network, budget, laws).failures(gates, regions)


@dataclass
class _Conservation:
    network: Network
    budget: Budget
    laws: list[Law]

    def failures(self, gates: Gates, regions: Regions | None) -> Iterator[str]:
        open_laws: dict[int, str] = {}
        for pattern in [{}] if regions is None else regions:
            chosen = Gates(gates.fixed, gates.numbers, gates.reverse, gates.values | pattern, gates.count)
            open_laws |= self._open(chosen, len(regions or "1"))
        for k in sorted(open_laws)[:_MOST_NAMED]:
            yield f"lower.laws[{k}]: it is no law{open_laws[k]}"
        if len(open_laws) > _MOST_NAMED:
            yield f"lower.laws: {len(open_laws) - _MOST_NAMED} more of them are no laws"

    def _open(self, gates: Gates, cases: int) -> dict[int, str]:
        """The laws that are not proved for some values of gates, and why."""
        program = self.network.program
        left = self._fail_freely(range(len(self.laws)), program, gates, cases)
        if not left:
            return {}
        if program.functions:
            program = rewritten(program)
            # Numbers of gates change, but only rational networks have patterns of regions.
            gates = find_gates(program, self.budget)
            left = self._fail_freely(left, program, gates, cases)
        reason = ", as it is not constant along the flow"
        # An identity that is affine in each gate holds for 0 and 1 only if it holds for all values.
        if left and (program.functions or not all(affine_pieces(program, gates))):
            left, reason = self._fail_on_branches(left, program, gates, cases)
        if self.network.program.functions:
            reason = f" as far as this checker can prove{reason}"
        return dict.fromkeys(left, reason)

    def _rounds(self, chosen: Sequence[int], bounds: Bounds, cases: int) -> int:
        error = max(bounds.round_error(self.laws[k].degree, self.laws[k].norm) for k in chosen)
        if error > _LARGEST_ROUND_ERROR:
            remedy = "degrees or coefficients are too large to check them"
            raise CertificateError("lower.laws", f"{len(self.laws)} laws", remedy)
        return max(2, math.ceil((ERROR_EXPONENT + 2 + math.log2(len(self.laws) * cases)) / -error))

    def _fail_freely(self, chosen: Sequence[int], program: Program, gates: Gates, cases: int) -> list[int]:
        """Those of some laws that fail for some free values of functions and gates."""
        bounds = Bounds(program, self.network.flow)
        left = list(chosen)
        failing: set[int] = set()
        for _ in range(self._rounds(left, bounds, cases)):
            self._charge(program, 1)
            failing |= set(self._failing(left, program, gates, bounds.bits))
        return sorted(failing)

    def _failing(self, chosen: Sequence[int], program: Program, gates: Gates, bits: int) -> list[int]:
        """Those that fail at one random point modulo one random prime."""
        for _ in range(ATTEMPTS):
            try:
                point = Point.draw(self.network, program, gates, bits)
                cotangent, drift = random_cotangent(self.network, point.ring), point.ring.random((1,))
                fields = point.fields(point.values(), cotangent, drift)
            except ZeroDivisionError:
                continue
            return self._nonzero(chosen, point, fields)
        raise never()

    def _nonzero(self, chosen: Sequence[int], point: Point, fields: Any) -> list[int]:
        """The laws whose derivative along some of the fields at a point is not zero."""
        prime, place, found = point.ring.prime, point.coordinates, []
        for k in chosen:
            gradient = self.laws[k].gradient(place, prime)
            columns = fields[:, list(gradient)]
            if len(gradient) and (columns @ np.array(list(gradient.values()), dtype=object) % prime).any():
                found.append(k)
        return found

    def _fail_on_branches(
        self, chosen: Sequence[int], program: Program, gates: Gates, cases: int
    ) -> tuple[list[int], str]:
        """Those that fail, or cannot be decided, with true roots and gates; and what is to be said about them."""
        units, drift = cotangents(self.network), self.network.flow.has_time
        basis = [(units[k : k + 1], 0) for k in range(len(units))] + ([(0 * units[:1], 1)] if drift else [])
        self._charge(program, 2 * len(units))
        try:
            branches = find_branches(self.network, program, gates, units)
        except TooManyError as error:
            return list(chosen), f" that this checker can prove: {error}"
        most = max(len(one.roots) for one in branches)
        bounds = Bounds(program, self.network.flow, most)
        rounds = self._rounds(chosen, bounds, cases * len(basis))
        failing: set[int] = set()
        for number, (unit, factor) in enumerate(basis):
            one = branches[number] if number < len(branches) else Branches((), ())
            for _ in range(rounds):
                found = self._failing_on(one, [k for k in chosen if k not in failing], program, gates, unit, factor)
                failing |= set(found)
        return sorted(failing), ", as it is not constant along the flow"

    def _failing_on(
        self, one: Branches, chosen: Sequence[int], program: Program, gates: Gates, unit: Any, factor: int
    ) -> list[int]:
        """Those that fail for one cotangent on some branch, at one random point."""
        if not chosen:
            return []
        for _ in range(ATTEMPTS << len(one.roots)):
            self._charge(program, 1)
            point = Point.draw(self.network, program, gates, LARGE_PRIME_BITS)
            try:
                # Before all branches one, as roots do not exist at most points.
                one.values(point, 1)
                self._charge(program, one.count)
                ring, values = one.values(point, one.count)
                fields = point.fields(values, unit % point.ring.prime, point.ring.array([factor], (1,)), ring)
            except ZeroDivisionError:
                continue
            return self._nonzero(chosen, point, fields)
        raise CertificateError("architecture", "its square roots", "they exist at none of the points that were tried")

    def _charge(self, program: Program, samples: int) -> None:
        work = samples * (program.work * 60 + 100 * self.network.dimension)
        self.budget.charge(work, "lower.laws", f"{len(self.laws)} laws")
