"""The lower bound: each law is constant along all vector fields of the network, and the laws are independent.

The identity <grad h, X> = 0 is evaluated at random points modulo random primes, all drawn after the file was read. It
is tried in four ways, each for the laws that the ones before leave open:

0. functions, square roots among them, have free values, and gates any value;
1. the same after local rules have identified functions that are equal (`rules`);
2. square roots are roots, with either sign (`branches`), and gates have any value;
3. the same with gates of 0 or 1 where an output needs them: all choices.

What holds in any of these ways is a law: true values of functions, roots and gates are special ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import product
from typing import Any

import numpy as np

from lielaws.checker.lower.bounds import LARGE_PRIME_BITS, Bounds
from lielaws.checker.lower.branches import Branches, find_branches
from lielaws.checker.lower.laws import ERROR_EXPONENT, Law, check_independence, check_methods, read_laws
from lielaws.checker.lower.points import Point, attempted, cotangents, random_cotangent, random_sum
from lielaws.checker.lower.rules import rewritten
from lielaws.checker.networks.gates import Gates, affine_pieces, find_gates, own_tensors
from lielaws.checker.networks.network import Network
from lielaws.checker.networks.program import Values
from lielaws.checker.networks.steps import Budget
from lielaws.checker.numbers.residues import Residues, random_prime
from lielaws.errors import CertificateError

_LARGEST_ROUND_ERROR = -20
"""log2 of the error of one evaluation; above it, dozens of rounds would be needed"""
_MOST_NAMED = 10
"""laws that fail; a longer list helps nobody"""


def check_lower(lower: dict[str, Any], network: Network, gates: Gates, region: Any, budget: Budget) -> Iterator[str]:
    """The statements that fail. Raises CertificateError for what is malformed or too large.

    region : with realizable gates the patterns of the region
    """
    laws = read_laws(lower["laws"], network.dimension)
    check_methods(lower["verification"], bool(laws))
    yield from check_independence(lower["independence"], laws, network.dimension, budget)
    open_laws: dict[int, str] = {}
    patterns = [{}] if region is None else [gates.by_number(pattern) for pattern in region]
    for pattern in patterns if laws else ():
        own = replace(gates, values=gates.values | pattern)
        open_laws |= _open(_Trials(network, own, laws, len(patterns), budget))
    for k in sorted(open_laws)[:_MOST_NAMED]:
        yield f"lower.laws[{k}]: it is no law{open_laws[k]}"
    if len(open_laws) > _MOST_NAMED:
        yield f"lower.laws: {len(open_laws) - _MOST_NAMED} more of them are no laws"


def _open(trials: _Trials) -> dict[int, str]:
    """The laws that are not proved for some values of gates, and why."""
    network, gates, budget = trials.network, trials.gates, trials.budget
    functions = bool(network.program.functions)
    left = trials.fail_freely(range(len(trials.laws)))
    if left and functions:
        again = replace(network, program=rewritten(network.program))
        # Numbers of gates change, but only rational networks have patterns of regions.
        trials = replace(trials, network=again, gates=find_gates(again.program, budget))
        left = trials.fail_freely(left)
    if left:
        left = trials.fail_on_branches(left)
    reason = ", as it is not constant along the flow"
    # Where some patterns may not occur, or functions be related, what fails for all of them may be a law.
    if left and (functions or own_tensors(network, gates, budget) is None):
        reason = f" as far as this checker can prove{reason}"
    return dict.fromkeys(left, reason)


@dataclass(frozen=True)
class _Trials:
    """Tries laws on a network at random points.

    cases : activation patterns of a region, on each of which they are tried
    """

    network: Network
    gates: Gates
    laws: list[Law]
    cases: int
    budget: Budget

    def fail_freely(self, chosen: Sequence[int]) -> list[int]:
        """Those of some laws that fail for some free values of functions and gates."""
        bounds = Bounds(self.network.program, self.network.flow)
        failing: set[int] = set()
        for _ in range(self._rounds(chosen, bounds, self.cases)):
            failing.update(attempted(lambda: self._failing(chosen, bounds.bits)))
        return sorted(failing)

    def fail_on_branches(self, chosen: list[int]) -> list[int]:
        """Those that fail with true roots and gates. Raises CertificateError where that cannot be decided."""
        affine = affine_pieces(self.network.program, self.gates)
        if all(affine) and not self.network.program.functions:
            return chosen
        # Before a matrix of so many rows and columns is made.
        self._charge(2 * math.prod(self.network.output_shape) + 2)
        units = cotangents(self.network)
        *each, together = find_branches(self.network, self.gates, affine, np.concatenate([units, random_sum(units)]))
        outputs = [(one, units[k : k + 1]) for k, one in enumerate(each)]
        freely = outputs if together.nested else [(together, units)]
        # With free gates, and without nested roots for all outputs at once, there is less to go through.
        with suppress(CertificateError):
            chosen = self._fail_on([(replace(one, gates=()), some) for one, some in freely], chosen)
        return self._fail_on(outputs, chosen) if chosen else chosen

    def _fail_on(self, outputs: Sequence[tuple[Branches, Any]], chosen: list[int]) -> list[int]:
        """Those that fail for some outputs, cotangents with what these need."""
        groups: dict[Branches, list[Any]] = {}
        for one, units in outputs:
            groups.setdefault(one, []).append(units)
        bounds = Bounds(self.network.program, self.network.flow, max(one.drawn for one in groups))
        rounds = self._rounds(chosen, bounds, self.cases * len(groups))
        failing: set[int] = set()
        for _ in range(rounds):
            # That a number of that size is a prime takes longer to prove than many evaluations.
            primes = cache(lambda _: random_prime(LARGE_PRIME_BITS))
            for one, units in groups.items():
                left = [k for k in chosen if k not in failing]
                failing |= self._failing_on(one, left, np.concatenate(units), primes)
        return sorted(failing)

    def _rounds(self, chosen: Sequence[int], bounds: Bounds, cases: int) -> int:
        error = max(bounds.round_error(self.laws[k].degree, self.laws[k].norm) for k in chosen)
        if error > _LARGEST_ROUND_ERROR:
            remedy = "degrees or coefficients are too large to check them"
            raise CertificateError("lower.laws", f"{len(self.laws)} laws", remedy)
        return max(2, math.ceil((ERROR_EXPONENT + 2 + math.log2(len(self.laws) * cases)) / -error))

    def _failing(self, chosen: Sequence[int], bits: int) -> list[int]:
        """Those that fail at one random point modulo one random prime."""
        point = self._draw(self.gates, Residues(random_prime(bits)))
        cotangent, drift = random_cotangent(self.network, point.ring), point.ring.random((1,))
        return self._nonzero(chosen, point, point.values(), cotangent, drift)

    def _failing_on(self, one: Branches, chosen: Sequence[int], units: Any, primes: Callable[[int], int]) -> set[int]:
        """Those that fail at random points of some branch, for a random sum of cotangents that have these branches."""
        found: set[int] = set()
        for bits in product((0, 1), repeat=len(one.gates)) if chosen else ():
            own = replace(self.gates, values=self.gates.values | dict(zip(one.gates, bits, strict=True)))
            point, values = one.place(primes, partial(self._draw, own), self._charge)
            cotangent = random_sum(units) % point.ring.prime
            found.update(self._nonzero(chosen, point, values, cotangent, point.ring.random((1,))))
        return found

    def _nonzero(self, chosen: Sequence[int], point: Point, values: Values, cotangent: Any, drift: Any) -> list[int]:
        """The laws whose derivative along some of the fields at a point is not zero."""
        fields, place, prime, found = point.fields(values, cotangent, drift), point.coordinates, point.ring.prime, []
        for k in chosen:
            gradient = self.laws[k].gradient(place, prime)
            columns = fields[:, list(gradient)]
            if len(gradient) and (columns @ np.array(list(gradient.values()), dtype=object) % prime).any():
                found.append(k)
        return found

    def _draw(self, gates: Gates, ring: Residues) -> Point:
        self._charge(1, ring.weight)
        return Point.draw(self.network, gates, ring)

    def _charge(self, samples: int, weight: int = Residues.slow) -> None:
        work = samples * (self.network.program.work * weight + 100 * self.network.dimension)
        self.budget.charge(work, "lower.laws", f"{len(self.laws)} laws")
