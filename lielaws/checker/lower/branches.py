"""The branches of an output: the signs of the square roots that it needs, and the 0 and 1 of its gates."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lielaws.checker.lower.bounds import LARGE_PRIME_BITS
from lielaws.checker.lower.points import ATTEMPTS, Point, attempted
from lielaws.checker.networks.gates import Gates
from lielaws.checker.networks.network import Network
from lielaws.checker.networks.program import Program, Values
from lielaws.checker.numbers.jets import Jets, spread
from lielaws.checker.numbers.residues import Residues, random_prime, rational_root, small_rational
from lielaws.errors import CertificateError

_MOST = 12
"""roots and gates of one output: there are 2^12 branches then, and the roots exist at one of as many points"""
_POINTS = 8
"""points for each choice of signs: of the last root both kinds are then missed with a probability of one in a hundred,
and fewer points would leave more to the slower way"""
Draw = Callable[[int], Point]
"""a random point modulo a prime"""
Charge = Callable[[int], None]
"""for so many samples"""
Roots = tuple[tuple[tuple[int, int], ...], ...]
"""for each root the entries, as (step, place), that are this root; equal arguments have one"""
Seen = defaultdict[int, set[bool]]
"""for each root whether it existed at points where the earlier ones did; both for what is rational, without signs"""


@dataclass(frozen=True)
class Branches:
    """What one output needs.

    gates : the numbers of its gates
    """

    roots: Roots
    gates: tuple[int, ...]

    def place(self, first: int, draw: Draw, charge: Charge) -> tuple[Point, Values]:
        """A point on the branches from `first` on, which are all signs of the roots, or one that stands for these."""
        return self._conjugate(first, draw) or self._with_all_signs(first, draw, charge)

    def _conjugate(self, first: int, draw: Draw) -> tuple[Point, Values] | None:
        """A point that stands for all signs of the roots; None if they may not be conjugate.

        If the argument of each root is no constant times a square in the field that the earlier ones generate, the
        equations r^2 = q have one irreducible set of solutions, and a point with any signs stands for all. A constant
        times a square is a square at all points at which the earlier roots exist, or at none, modulo one prime: so one
        point of each kind is looked for. Roots of rational squares have their positive values on all branches.
        """
        prime, count, found = random_prime(LARGE_PRIME_BITS), len(self.roots), None
        seen: Seen = defaultdict(set)
        for _ in range(_POINTS << count):
            point = draw(prime)
            with suppress(ZeroDivisionError):
                found = self._on(point, [first + secrets.randbelow(1 << count)], seen)
            if found is not None and all(len(seen[number]) == 2 for number in range(count)):
                return found
        return None

    def _with_all_signs(self, first: int, draw: Draw, charge: Charge) -> tuple[Point, Values]:
        """A point at which the roots exist with all signs."""
        branches = range(first, first + (1 << len(self.roots)))
        for _ in range(ATTEMPTS << len(self.roots)):
            point = draw(random_prime(LARGE_PRIME_BITS))
            with suppress(ZeroDivisionError):
                # Before all branches one, as roots do not exist at most points.
                self._on(point, branches[:1], defaultdict(set))
                charge(len(branches))
                return self._on(point, branches, defaultdict(set))
        raise CertificateError("architecture", "its square roots", "they exist at none of the points that were tried")

    def _on(self, point: Point, branches: Sequence[int], seen: Seen) -> tuple[Point, Values]:
        """The point on some branches, one for each sample. Raises ZeroDivisionError where a root does not exist."""
        choices = (np.asarray(branches)[:, None] >> np.arange(len(self.roots) + len(self.gates))) & 1
        ring = _RootRing(point.ring.prime, self.roots, 1 - 2 * choices[:, : len(self.roots)], seen)
        gate_values = np.repeat(point.gate_values, len(branches), axis=0)
        gate_values[:, list(self.gates)] = choices[:, len(self.roots) :]
        there = replace(point, ring=ring, gate_values=gate_values)
        return there, there.values()


class _RootRing(Residues):
    """Residues where some entries of square roots are roots, with signs (samples, roots); the others are free."""

    def __init__(self, prime: int, roots: Roots, signs: Any, seen: Seen) -> None:
        super().__init__(prime)
        self._signs, self._seen = signs, seen
        self._entries: dict[int, list[tuple[int, int]]] = {}
        for number, entries in enumerate(roots):
            for step, place in entries:
                self._entries.setdefault(step, []).append((place, number))

    def function(self, kind: str, a: Any, step: int) -> Any:
        value = super().function(kind, a, step)
        if step not in self._entries or kind != "sqrt":
            return value
        samples = len(self._signs)
        flat, squares = spread(value, samples).copy(), spread(a, samples)
        for place, number in self._entries[step]:
            column = squares[:, place].tolist()
            roots = {square: self._root(square) for square in set(column)}
            exists = all(root is not None for root, _ in roots.values())
            self._seen[number].add(exists)
            if not exists:
                raise ZeroDivisionError
            if all(is_rational for _, is_rational in roots.values()):
                self._seen[number].add(False)
            pairs = zip(column, self._signs[:, number].tolist(), strict=True)
            triples = ((*roots[square], sign) for square, sign in pairs)
            flat[:, place] = [root if is_rational else sign * root % self.prime for root, is_rational, sign in triples]
        return flat.reshape(samples, *value.shape[1:])

    def _root(self, square: int) -> tuple[Any, bool]:
        """Some root, or None; of a rational square, as of 1, the positive one, which it has on all branches."""
        value = small_rational(square, self.prime)
        exact = None if value is None else rational_root(value)
        return (self.root(square), False) if exact is None else (self.residue(exact), True)


def find_branches(network: Network, gates: Gates, affine: list[bool], units: Any) -> list[Branches]:
    """For each cotangent the roots and gates that <cotangent, output> depends on, with free values of them all.

    A root or gate that is left out keeps a free value, for which the identity is proved all the more. So do gates of
    functions in which the output is affine: such an identity holds for all values if it holds for 0 and 1.
    """

    def found() -> list[Branches]:
        point = Point.draw(network, gates, Residues(random_prime(LARGE_PRIME_BITS)))
        values = point.values()
        slopes = network.program.gradient(Jets(point.ring), values, units % point.ring.prime, of_all=True)
        rows = {step: spread(slope, len(units)) for step, slope in slopes.items() if slope is not None}
        each = [{step: row[k] for step, row in rows.items()} for k in range(len(units))]
        return [_of_output(network.program, gates, affine, values, slopes_of_one) for slopes_of_one in each]

    return attempted(found)


def _of_output(program: Program, gates: Gates, affine: list[bool], values: Values, slopes: dict[int, Any]) -> Branches:
    roots: dict[int, list[tuple[int, int]]] = {}
    free: set[int] = set()
    for k in sorted(slopes):
        places = np.flatnonzero(slopes[k])
        if program.steps[k].op == "sqrt":
            squares = values[program.steps[k].inputs[0]].ravel()
            for place in places.tolist():
                roots.setdefault(squares[place], []).append((k, place))
        elif k in program.gates and not affine[program.gates[k]]:
            free.update(gates.numbers[program.gates[k]].ravel()[places].tolist())
    free -= gates.values.keys()
    if len(roots) + len(free) > _MOST:
        steps = sorted({f"step {step}" for entries in roots.values() for step, _ in entries})
        needed = f"{len(roots)} square roots ({', '.join(steps)}) and {len(free)} gates"
        remedy = "as far as this checker can prove they are no laws: it goes through all branches of fewer"
        raise CertificateError("lower.laws", f"laws of an output that needs {needed}", remedy)
    return Branches(tuple(map(tuple, roots.values())), tuple(sorted(free)))
