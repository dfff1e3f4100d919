"""The branches of an output: the signs of the square roots that it needs, and the 0 and 1 of its gates.

An identity in true roots holds if it holds for all signs of them, r^2 = q. Let n roots be such that each argument q is
no constant times a square in the field that the earlier ones generate, over an algebraic closure of F_p. Then all signs
of the n are conjugate, and one point with random signs stands for all; the signs of the other roots are gone through.

Arguments in F_p(theta, v), those of the roots that are not nested, are such if their Legendre symbols, and ones, are
independent over F_2 at some points: no product of them has the same symbol at all points then. If all these are such,
the field that they and some nested ones generate is defined over F_p and has no other constants. A later argument that
is c s^2 in it has a constant c of F_p, which is a square in F_p[i], so that it is a square at all points in F_p[i] at
which the earlier roots exist: one point where it is none suffices.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import flint
import numpy as np

from lielaws.checker.lower.bounds import LARGE_PRIME_BITS
from lielaws.checker.lower.points import ATTEMPTS, Point, attempted
from lielaws.checker.lower.roots import RootJets, RootResidues
from lielaws.checker.networks.gates import Gates
from lielaws.checker.networks.network import Network
from lielaws.checker.networks.program import Values
from lielaws.checker.numbers.jets import Jets, spread
from lielaws.checker.numbers.residues import Residues, random_prime
from lielaws.errors import CertificateError

_MOST = 12
"""gates and roots whose values are gone through, as there are 2^12 branches then; and gates and nested roots, which
exist at one of as many points"""
_SPARE = 8
"""more points than roots: independent symbols fail to show it with a probability of 2^-8, which costs one more sign"""
Draw = Callable[[Residues], Point]
"""a random point, with gates of 0 and 1 where they are needed"""
Charge = Callable[[int, int], None]
"""for so many samples, and how long a product takes"""
Root = tuple[tuple[int, int], ...]
"""the entries, as (step, place), that are one root, as they have equal arguments"""


@dataclass(frozen=True)
class Branches:
    """What one output needs.

    nested : the numbers of the roots whose arguments depend on roots
    gates : the numbers of its gates
    """

    roots: tuple[Root, ...]
    nested: tuple[int, ...]
    gates: tuple[int, ...]

    @property
    def drawn(self) -> int:
        """The points of which at most one is chosen in `place`."""
        return ATTEMPTS**2 << len(self.nested)

    def place(self, primes: Callable[[int], int], draw: Draw, charge: Charge) -> tuple[Point, Values]:
        """A point with all signs of the roots that may not be conjugate, and random ones of the others.

        primes : numbered, as the next is tried where roots of constants do not exist modulo one
        """
        self._refuse_beyond(self.nested)
        for ring in (RootResidues(primes(k)) for k in range(ATTEMPTS)):
            either = self._perhaps_dependent(draw, ring)
            self._refuse_beyond(either)
            for _ in range(ATTEMPTS << len(self.nested)):
                with suppress(ZeroDivisionError):
                    point, signs = draw(ring), self._random_signs()
                    # Before all signs one choice, as nested roots do not exist at most points.
                    found = self._on(point, signs)
                    charge(len(either) and 1 << len(either), ring.weight)
                    return self._on(point, _all_signs(signs, either)) if either else found
        raise CertificateError("architecture", "its square roots", "they exist at none of the points that were tried")

    def _perhaps_dependent(self, draw: Draw, ring: RootResidues) -> Sequence[int]:
        """The roots that are not shown to have arguments as at the head of this file."""
        plain = [number for number in range(len(self.roots)) if number not in self.nested]
        rows: list[list[int]] = []
        dependent = plain
        while dependent and len(rows) < len(plain) + _SPARE:
            rows.append([1, *attempted(lambda: self._symbols(draw(ring), plain))])
            dependent = _dependent(rows, plain)
        if dependent:
            return [*dependent, *self.nested]
        settled: set[int] = set()
        for _ in range(ATTEMPTS << len(self.nested)):
            if settled.issuperset(self.nested):
                return ()
            with suppress(ZeroDivisionError):
                self._on(draw(ring), self._random_signs(), settled)
        return self.nested[[number in settled for number in (*self.nested, -1)].index(False) :]

    def _symbols(self, point: Point, numbers: Sequence[int]) -> list[int]:
        """Whether the arguments of some roots are squares in F_p. Raises ZeroDivisionError if one is zero."""
        values, squares = point.values(), []
        for step, place in (self.roots[number][0] for number in numbers):
            argument = values[point.network.steps[step].inputs[0]].ravel()[place]
            if not argument:
                raise ZeroDivisionError
            squares.append(int(point.ring.root(argument) is not None))
        return squares

    def _random_signs(self) -> Any:
        return np.array([[secrets.choice((1, -1)) for _ in self.roots]], dtype=np.int64)

    def _on(self, point: Point, signs: Any, settled: set[int] | None = None) -> tuple[Point, Values]:
        """The point with true roots, one sample for each row of signs. Raises ZeroDivisionError if one has no value."""
        entries: dict[int, list[tuple[int, int]]] = {}
        for number, root in enumerate(self.roots):
            for step, place in root:
                entries.setdefault(step, []).append((place, number))
        jets = RootJets(point.ring, entries, signs, set() if settled is None else settled)
        there = replace(point, jets=jets, samples=len(signs))
        return there, there.values()

    def _refuse_beyond(self, roots: Sequence[int]) -> None:
        if len(roots) + len(self.gates) > _MOST:
            needed = f"{len(roots)} signs of square roots and {len(self.gates)} gates"
            remedy = "as far as this checker can prove they are no laws: it goes through all branches of fewer"
            raise CertificateError("lower.laws", f"laws of an output that needs {needed}", remedy)


def _all_signs(signs: Any, either: Sequence[int]) -> Any:
    """Rows with all signs of some roots."""
    rows = np.repeat(signs, 1 << len(either), axis=0)
    rows[:, list(either)] = 1 - 2 * (np.arange(len(rows))[:, None] >> np.arange(len(either)) & 1)
    return rows


def _dependent(rows: list[list[int]], numbers: Sequence[int]) -> list[int]:
    """The numbers of those columns over F_2, beside a first one, that are sums of earlier ones."""
    reduced, rank = flint.nmod_mat(rows, 2).rref()
    independent = {[int(entry) for entry in row].index(1) for row in reduced.tolist()[:rank]}
    return [number for k, number in enumerate(numbers, 1) if k not in independent]


def find_branches(network: Network, gates: Gates, affine: list[bool], units: Any) -> list[Branches]:
    """For each cotangent the roots and gates that <cotangent, output> depends on, with free values of them all.

    A root or gate that is left out keeps a free value, for which the identity is proved all the more. So do gates of
    functions in which the output is affine: such an identity holds for all values if it holds for 0 and 1.
    """

    def found() -> list[Branches]:
        point = Point.draw(network, gates, RootResidues(random_prime(LARGE_PRIME_BITS)))
        values = point.values()
        slopes = network.program.gradient(Jets(point.ring), values, units % point.ring.prime, of_all=True)
        rows = {step: spread(slope, len(units)) for step, slope in slopes.items() if slope is not None}
        each = [{step: row[k] for step, row in rows.items()} for k in range(len(units))]
        return [_of_output(point, affine, values, slopes_of_one) for slopes_of_one in each]

    return attempted(found)


def _of_output(point: Point, affine: list[bool], values: Values, slopes: dict[int, Any]) -> Branches:
    program, numbers = point.network.program, point.gates.numbers
    roots: dict[int, list[tuple[int, int]]] = {}
    free: set[int] = set()
    for k in sorted(slopes):
        places = np.flatnonzero(slopes[k]).tolist()
        if program.steps[k].op == "sqrt":
            squares = values[program.steps[k].inputs[0]].ravel()
            for place in places:
                if point.ring.known_root(squares[place]) is None:
                    roots.setdefault(squares[place], []).append((k, place))
        elif k in program.gates and not affine[program.gates[k]]:
            free.update(numbers[program.gates[k]].ravel()[places].tolist())
    first = [entries[0][0] for entries in roots.values()]
    deep = {k: not set(first).isdisjoint(program.ancestors(program.steps[k].inputs)) for k in set(first)}
    nested = tuple(number for number, k in enumerate(first) if deep[k])
    return Branches(tuple(map(tuple, roots.values())), nested, tuple(sorted(free - point.gates.values.keys())))
