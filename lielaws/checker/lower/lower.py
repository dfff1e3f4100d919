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
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lielaws.checker.lower.bounds import LARGE_PRIME_BITS, Bounds
from lielaws.checker.lower.laws import ERROR_EXPONENT, Law, check_independence, check_methods, read_laws
from lielaws.checker.lower.points import (
    ATTEMPTS,
    Branches,
    Conjugates,
    Point,
    RootRing,
    cotangents,
    find_branches,
    never,
    random_cotangent,
)
from lielaws.checker.lower.rules import rewritten
from lielaws.checker.networks.gates import Gates, affine_pieces, find_gates, freely_gated
from lielaws.checker.networks.network import Network
from lielaws.checker.networks.program import Values
from lielaws.checker.networks.steps import Budget
from lielaws.checker.numbers.residues import Residues, random_prime
from lielaws.errors import CertificateError

_LARGEST_ROUND_ERROR = -20
"""log2 of the error of one evaluation; above it, dozens of rounds would be needed"""
_MOST_NAMED = 10
"""laws that fail; a longer list helps nobody"""
_POINTS = 8
"""points for each choice of signs: of the last root both kinds are then missed with a probability of one in a hundred,
and fewer points would leave more to the slower way"""
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
        patterns = [{}] if regions is None else regions
        for pattern in patterns:
            open_laws |= self._open(replace(gates, values=gates.values | pattern), len(patterns))
        for k in sorted(open_laws)[:_MOST_NAMED]:
            yield f"lower.laws[{k}]: it is no law{open_laws[k]}"
        if len(open_laws) > _MOST_NAMED:
            yield f"lower.laws: {len(open_laws) - _MOST_NAMED} more of them are no laws"

    def _open(self, gates: Gates, cases: int) -> dict[int, str]:
        """The laws that are not proved for some values of gates, and why."""
        network = self.network
        left = self._fail_freely(range(len(self.laws)), network, gates, cases)
        if not left:
            return {}
        if network.program.functions:
            network = replace(network, program=rewritten(network.program))
            # Numbers of gates change, but only rational networks have patterns of regions.
            gates = find_gates(network.program, self.budget)
            left = self._fail_freely(left, network, gates, cases)
        reason = ", as it is not constant along the flow"
        # An identity that is affine in each gate holds for 0 and 1 only if it holds for all values.
        if left and (network.program.functions or not all(affine_pieces(network.program, gates))):
            left = self._fail_on_branches(left, network, gates, cases)
        # Where some patterns may not occur, or functions be related, what fails for all of them may be a law.
        if left and (self.network.program.functions or not freely_gated(self.network, gates, self.budget)):
            reason = f" as far as this checker can prove{reason}"
        return dict.fromkeys(left, reason)

    def _rounds(self, chosen: Sequence[int], bounds: Bounds, cases: int) -> int:
        error = max(bounds.round_error(self.laws[k].degree, self.laws[k].norm) for k in chosen)
        if error > _LARGEST_ROUND_ERROR:
            remedy = "degrees or coefficients are too large to check them"
            raise CertificateError("lower.laws", f"{len(self.laws)} laws", remedy)
        return max(2, math.ceil((ERROR_EXPONENT + 2 + math.log2(len(self.laws) * cases)) / -error))

    def _fail_freely(self, chosen: Sequence[int], network: Network, gates: Gates, cases: int) -> list[int]:
        """Those of some laws that fail for some free values of functions and gates."""
        bounds = Bounds(network.program, network.flow)
        left = list(chosen)
        failing: set[int] = set()
        for _ in range(self._rounds(left, bounds, cases)):
            self._charge(network, 1)
            failing |= set(self._failing(left, network, gates, bounds.bits))
        return sorted(failing)

    def _failing(self, chosen: Sequence[int], network: Network, gates: Gates, bits: int) -> list[int]:
        """Those that fail at one random point modulo one random prime."""
        for _ in range(ATTEMPTS):
            try:
                point = Point.draw(network, gates, bits)
                cotangent, drift = random_cotangent(network, point.ring), point.ring.random((1,))
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

    def _fail_on_branches(self, chosen: Sequence[int], network: Network, gates: Gates, cases: int) -> list[int]:
        """Those that fail with true roots and gates. Raises CertificateError where that cannot be decided."""
        units = cotangents(network)
        self._charge(network, 2 * len(units))
        branches = find_branches(network, gates, units)
        bounds = Bounds(network.program, network.flow, max(len(one.roots) for one in branches))
        groups: dict[Branches, list[int]] = {}
        for number, one in enumerate(branches):
            groups.setdefault(one, []).append(number)
        failing: set[int] = set()
        rounds = self._rounds(chosen, bounds, cases * len(groups))
        for one, numbers in groups.items():
            for _ in range(rounds):
                left = [k for k in chosen if k not in failing]
                failing |= self._failing_on(one, left, network, gates, units[numbers])
        return sorted(failing)

    def _failing_on(self, one: Branches, chosen: Sequence[int], network: Network, gates: Gates, units: Any) -> set[int]:
        """Those that fail at random points of some branch, for a random sum of cotangents that have these branches."""
        found: set[int] = set()
        for pattern in range(1 << len(one.gates)) if chosen else ():
            first = pattern << len(one.roots)
            place = self._conjugate(one, network, gates, first) or self._with_all_roots(one, network, gates, first)
            point, ring, values = place
            self._charge(network, ring.samples)
            weights = ring.random((len(units), *[1] * (units.ndim - 1)))
            cotangent = (weights * units).sum(axis=0, keepdims=True) % ring.prime
            cotangent, drift = np.repeat(cotangent, ring.samples, axis=0), np.repeat(ring.random((1,)), ring.samples)
            found.update(self._nonzero(chosen, point, point.fields(values, cotangent, drift, ring)))
        return found

    def _conjugate(
        self, one: Branches, network: Network, gates: Gates, first: int
    ) -> tuple[Point, RootRing, Values] | None:
        """A point that stands for all signs of the roots; None if they may not be conjugate."""
        prime, conjugates, found = random_prime(LARGE_PRIME_BITS), Conjugates(one), None
        for _ in range(_POINTS << len(one.roots)):
            self._charge(network, 1)
            point = Point.draw(network, gates, LARGE_PRIME_BITS, prime)
            try:
                place = conjugates.add(point, first + secrets.randbelow(1 << len(one.roots)))
            except ZeroDivisionError:
                continue
            found = found if place is None else (point, *place)
            if found is not None and conjugates.shown:
                return found
        return None

    def _with_all_roots(
        self, one: Branches, network: Network, gates: Gates, first: int
    ) -> tuple[Point, RootRing, Values]:
        """A point at which the roots exist with all signs."""
        branches = [first + signs for signs in range(1 << len(one.roots))]
        for _ in range(ATTEMPTS << len(one.roots)):
            self._charge(network, 1)
            point = Point.draw(network, gates, LARGE_PRIME_BITS)
            try:
                # Before all branches one, as roots do not exist at most points.
                one.values(point, branches[:1])
                self._charge(network, len(branches))
                return (point, *one.values(point, branches))
            except ZeroDivisionError:
                continue
        raise CertificateError("architecture", "its square roots", "they exist at none of the points that were tried")

    def _charge(self, network: Network, samples: int) -> None:
        work = samples * (network.program.work * Residues.slow + 100 * network.dimension)
        self.budget.charge(work, "lower.laws", f"{len(self.laws)} laws")
