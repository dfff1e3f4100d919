"""Random points modulo primes that nobody could foresee, at which identities of vector fields are evaluated.

With free values of functions and gates, or on the branches of an output: the signs of the square roots that it needs,
and the 0 and 1 of its gates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lielaws.checker.lower.bounds import LARGE_PRIME_BITS
from lielaws.checker.networks.flows import joined
from lielaws.checker.networks.gates import Gates, affine_pieces
from lielaws.checker.networks.network import Network
from lielaws.checker.networks.program import Leaves, Program, Values
from lielaws.checker.numbers.jets import Jets
from lielaws.checker.numbers.residues import Residues, random_prime, rational_root, small_rational
from lielaws.errors import CertificateError

ATTEMPTS = 8
"""points at which a denominator vanishes are drawn again; that all of these are bad has a probability below 2^-100"""
_MOST = 12
"""roots and gates of one output: there are 2^12 branches then, and the roots exist at one of as many points"""


@dataclass(frozen=True)
class Point:
    """Random values of everything but the cotangent.

    state : one array for each tensor of the state, with one sample
    gate_values : one value for each gate, (samples, gates)
    """

    network: Network
    gates: Gates
    ring: Residues
    leaves: Leaves
    state: list[Any]
    gate_values: Any

    @classmethod
    def draw(cls, network: Network, gates: Gates, bits: int, prime: int | None = None) -> Point:
        ring = Residues(random_prime(bits) if prime is None else prime)
        state = [ring.random((1, *shape)) for shape in network.flow.state_shapes]
        leaves = {("data", name): ring.random((1, *shape)) for name, shape in network.data.items()}
        leaves |= {("constant", name): ring.random((1, *shape)) for name, shape in network.generic.items()}
        for name, shape in network.true_constants.items():
            # Identities over Q hold for both roots of two, and for any value of what is transcendental.
            value = _root_of_two(ring) if name == "sqrt_two" else int(ring.random((1,))[0])
            leaves["constant", name] = np.full((1, *shape), value, dtype=ring.dtype)
        return cls(network, gates, ring, leaves, state, gates.random(ring)[None])

    @property
    def coordinates(self) -> list[int]:
        return [int(x) for block in self.state for x in block.ravel()]

    def values(self, ring: Residues | None = None, gate_values: Any = None) -> Values:
        """The values of the network, in another ring modulo the same prime, or with other gates, if these are given."""
        ring = self.ring if ring is None else ring
        chosen = self.gate_values if gate_values is None else gate_values
        return self.network.values(
            Jets(ring), self.state, self.leaves, lambda j, _: self.gates.of_piece(ring, chosen, j)
        )

    def fields(self, values: Values, cotangent: Any, drift: Any, ring: Residues | None = None) -> Any:
        """Vector fields for some cotangents (samples, *shape) and drift factors (samples,), as (samples, dimension)."""
        jets = Jets(self.ring if ring is None else ring)
        blocks = self.network.field(jets, self.state, values, cotangent, drift)
        return joined(jets, blocks, self.network.flow.state_shapes, len(cotangent))


def _root_of_two(ring: Residues) -> int:
    root = ring.root(2)
    assert root is not None, "two is a square modulo primes that are 7 mod 8"
    return root


def cotangents(network: Network) -> Any:
    """A basis of what cotangents may be, as integers (count, *shape of the output)."""
    size, row = math.prod(network.output_shape), network.row
    kept = [k for k in range(size) if not row or k % row < row - 1]
    return _allowed(network, np.eye(size, dtype=object)[kept].reshape(len(kept), *network.output_shape))


def random_cotangent(network: Network, ring: Residues) -> Any:
    """A random one, with one sample."""
    return _allowed(network, ring.random((1, *network.output_shape))) % ring.prime


def _allowed(network: Network, values: Any) -> Any:
    """With cross-entropy the entries of the last axis sum to zero: the last of them follows from the others."""
    if network.row:
        values[..., -1] = -values[..., :-1].sum(axis=-1)
    return values


def never() -> CertificateError:
    return CertificateError("architecture", "a denominator", "it vanished at every point that was tried")


# Branches


class MissingRootError(ZeroDivisionError):
    """A root does not exist modulo the prime; number : which."""

    def __init__(self, number: int) -> None:
        super().__init__(f"root {number}")
        self.number = number


@dataclass(frozen=True)
class Branches:
    """What one output needs.

    roots : for each root the entries, as (step, place), that are this root; equal arguments have one
    gates : the numbers of its gates
    """

    roots: tuple[tuple[tuple[int, int], ...], ...]
    gates: tuple[int, ...]

    def values(self, point: Point, branches: Any) -> tuple[RootRing, Values]:
        """The values of a network on some branches. Raises MissingRootError where a root does not exist."""
        count = len(branches)
        choices = (np.asarray(branches)[:, None] >> np.arange(len(self.roots) + len(self.gates))) & 1
        ring = RootRing(point.ring, self.roots, choices[:, : len(self.roots)])
        gate_values = np.repeat(point.gate_values, count, axis=0)
        if self.gates:
            gate_values[:, list(self.gates)] = choices[:, len(self.roots) :]
        return ring, point.values(ring, gate_values)


class Conjugates:
    """Points modulo one prime that show whether all signs of the roots of an output are conjugate.

    If the argument of each root is no constant times a square in the field that the earlier ones generate, the
    equations r^2 = q have one irreducible set of solutions, and a point with any signs stands for all. A constant times
    a square is a square at all points at which the earlier roots exist, or at none: so one point of each kind is looked
    for. Roots of rational squares have their positive values on all branches.
    """

    def __init__(self, one: Branches) -> None:
        self.one = one
        self.seen: list[set[bool]] = [set() for _ in one.roots]

    def add(self, point: Point, branch: int) -> tuple[RootRing, Values] | None:
        """The values at a point on a branch, if its roots exist."""
        try:
            ring, values = self.one.values(point, [branch])
        except MissingRootError as missing:
            for earlier in self.seen[: missing.number]:
                earlier.add(True)
            self.seen[missing.number].add(False)
            return None
        for number, known in enumerate(self.seen):
            known.update({True, False} if number in ring.rational else {True})
        return ring, values

    @property
    def shown(self) -> bool:
        return all(len(known) == 2 for known in self.seen)


class RootRing(Residues):
    """Residues where some entries of square roots are roots, with signs for each sample; the others are free."""

    def __init__(self, ring: Residues, roots: tuple[tuple[tuple[int, int], ...], ...], choices: Any) -> None:
        super().__init__(ring.prime)
        self._choices, self.samples = choices, len(choices)
        self.rational: set[int] = set()
        self._entries: dict[int, list[tuple[int, int]]] = {}
        for number, entries in enumerate(roots):
            for step, place in entries:
                self._entries.setdefault(step, []).append((place, number))

    def function(self, kind: str, a: Any, step: int) -> Any:
        value = super().function(kind, a, step)
        if step not in self._entries or kind != "sqrt":
            return value
        samples = self.samples
        flat = np.broadcast_to(value, (samples, *value.shape[1:])).reshape(samples, -1).copy()
        squares = np.broadcast_to(a, (samples, *a.shape[1:])).reshape(samples, -1)
        for place, number in self._entries[step]:
            column = squares[:, place].tolist()
            roots = {square: self._root_of_square(square) for square in set(column)}
            if all(is_rational for _, is_rational in roots.values()):
                self.rational.add(number)
            if any(root is None for root, _ in roots.values()):
                raise MissingRootError(number)
            signs = (1 - 2 * self._choices[:, number]).tolist()
            pairs = ((*roots[square], sign) for square, sign in zip(column, signs, strict=True))
            flat[:, place] = [root if is_rational else sign * root % self.prime for root, is_rational, sign in pairs]
        return flat.reshape(samples, *value.shape[1:])

    def _root_of_square(self, square: int) -> tuple[int | None, bool]:
        """Some root, if there is one; of a rational square, as of 1, the positive one, which it has on all branches."""
        value = small_rational(square, self.prime)
        exact = None if value is None else rational_root(value)
        return (self.root(square), False) if exact is None else (self.residue(exact), True)


def find_branches(network: Network, gates: Gates, units: Any) -> list[Branches]:
    """For each cotangent the roots and gates that <cotangent, output> depends on, with free values of them all.

    A root or gate that is left out keeps a free value, for which the identity is proved all the more.
    """
    for _ in range(ATTEMPTS):
        point = Point.draw(network, gates, LARGE_PRIME_BITS)
        try:
            values = point.values()
            slopes = network.program.gradient(Jets(point.ring), values, units % point.ring.prime, of_all=True)
        except ZeroDivisionError:
            continue
        slopes = {k: _spread(slope, len(units)) for k, slope in slopes.items() if slope is not None}
        # An identity that is affine in each gate holds for all values if it holds for 0 and 1.
        affine = affine_pieces(network.program, gates)
        return [_of_output(network.program, gates, affine, values, slopes, k) for k in range(len(units))]
    raise never()


def _spread(slope: Any, samples: int) -> Any:
    """(samples, entries)"""
    return np.broadcast_to(slope, (samples, *slope.shape[1:])).reshape(samples, -1)


def _of_output(
    program: Program, gates: Gates, affine: list[bool], values: Values, slopes: dict[int, Any], k: int
) -> Branches:
    roots: dict[int, list[tuple[int, int]]] = {}
    free: set[int] = set()
    for number in program.needed:
        step = program.steps[number]
        if number not in slopes or step.op not in ("sqrt", "gate"):
            continue
        places = np.flatnonzero(slopes[number][k])
        if step.op == "sqrt":
            for place in places.tolist():
                roots.setdefault(values[step.inputs[0]].flat[place], []).append((number, place))
        elif not affine[program.gates[number]]:
            free.update(gates.numbers[program.gates[number]].ravel()[places].tolist())
    free -= gates.values.keys()
    if len(roots) + len(free) > _MOST:
        steps = sorted({f"step {number}" for entries in roots.values() for number, _ in entries})
        needed = f"{len(roots)} square roots ({', '.join(steps)}) and {len(free)} gates"
        remedy = "as far as this checker can prove they are no laws: it goes through all branches of fewer"
        raise CertificateError("lower.laws", f"laws of an output that needs {needed}", remedy)
    return Branches(tuple(map(tuple, roots.values())), tuple(sorted(free)))
