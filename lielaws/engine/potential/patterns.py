"""Activation patterns with data that show them.

A pattern is shown by parameters and data at which no argument of a gate is zero: it persists nearby. Signs are decided
by enclosures. Where a network does not have weights of its own for each gate, these are the patterns that are counted:
ties, arguments of one sign and patterns that exclude each other need no analysis, as what does not occur is not shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import BoolArray, IntArray
from lielaws.engine.arithmetic.balls import Balls
from lielaws.engine.arithmetic.enclosures import Enclosures, exact
from lielaws.engine.arithmetic.floats import Floats
from lielaws.engine.arithmetic.modular import Modular
from lielaws.engine.graph.constants import constant_array, is_generic
from lielaws.engine.graph.node import Leaf, Node, leaves_of
from lielaws.engine.graph.program import Program
from lielaws.engine.linalg import EXPLORATION_PRIME, modular
from lielaws.engine.values.free import FreeFunctions
from lielaws.errors import ExactnessError

if TYPE_CHECKING:
    from lielaws.engine.potential.gates import Gate

Draws = dict[Leaf, IntArray]

DENOMINATOR = 1024
"""of all numbers: float64 holds them, and they are too many for special points to be met by chance"""

# Twice as many show patterns that are a thousand times rarer than the most frequent ones; each takes a pass.
_DRAWS = 2000
_SCALES = (640, 1600, 4000)
# Variations are of all sizes up to 2^14 / 1024: a kink may be far out.
_LARGEST_BITS = 14
# Generations of a search for patterns with as many, and as few, open gates as there are: one gate in each suffices.
_GENERATIONS = 24
_CHILDREN = 200
_PARENTS = 20
# More than these add nothing to the span in any network that was tried; each is a row at every depth.
_MOST_PATTERNS = 192
# Arguments smaller than this are near a kink, where enclosures may not decide.
_NEAR_A_KINK = 1e-7


@dataclass(frozen=True)
class Patterns:
    """Distinct activation patterns.

    values : gate leaf -> 0 and 1, of shape (count, *shape)
    points : numerators of parameters that show each pattern, by name, of shape (count, *shape); of shape (1, *shape)
        for the patterns of one region
    samples : numerators of data that do, by name, of shape (count, *shape)
    """

    values: Mapping[Leaf, IntArray]
    count: int
    points: Mapping[str, IntArray]
    samples: Mapping[str, IntArray]

    def choose(self, numbers: IntArray) -> dict[Leaf, IntArray]:
        """The gates of the patterns with these numbers."""
        return {leaf: array[numbers][None] for leaf, array in self.values.items()}


def shown_patterns(gates: Sequence[Gate]) -> Patterns:
    """Patterns that data show at some parameters, those with many and with few open gates among them.

    Raises ExactnessError if none was met.
    """
    search = PatternSearch(gates)
    draws = search.everywhere()
    for sign in (1, -1):
        draws = _joined(draws, search.extreme(draws, sign))
    found = search.decided(search.distinct(draws))
    if not found.count:
        raise ExactnessError("no activation pattern was met that persists: some argument of an activation vanishes")
    return found


def varied_data(gates: Sequence[Gate], point: Draws, rng: np.random.Generator) -> list[Draws]:
    """Data that show as different patterns at a point as can be found, as numerators of shape (count, *shape).

    In groups: those with the most and with the fewest open gates, and one for each pattern that was met. A proposal of
    what to look at: nothing rests on it.
    """
    search = PatternSearch(gates, rng, point)
    if not search.leaves:
        return []
    draws = search.everywhere()
    ends = [search.extreme(draws, sign) for sign in (1, -1)]
    return [*ends, search.distinct(_joined(draws, _joined(*ends)))]


def patterns_at(gates: Sequence[Gate], numerators: Draws, count: int) -> tuple[dict[Leaf, IntArray], BoolArray]:
    """The gates that data show at a point, by leaf as (count, *shape), and for which data they are settled.

    numerators : of the point (1, 1, *shape) and of the data (1, count, *shape)
    """
    search = PatternSearch(gates)
    opened, certain = search.settled(numerators, count)
    return search.split(opened), certain


class PatternSearch:
    """Looks for patterns in floats; what is returned in the end is decided by enclosures.

    fixed : leaves that have one value, (1, *shape)
    """

    def __init__(
        self, gates: Sequence[Gate], rng: np.random.Generator | None = None, fixed: Draws | None = None
    ) -> None:
        self._gates, self._rng, self._fixed = gates, rng or np.random.default_rng(0), fixed or {}
        self._program = Program.of([gate.argument for gate in gates])
        leaves = leaves_of([gate.argument for gate in gates])
        self._constants = [leaf for leaf in leaves if leaf.static.role == "constant"]
        self.leaves = [leaf for leaf in leaves if leaf.static.role != "constant" and leaf.static not in self._fixed]

    def everywhere(self) -> Draws:
        """Random parameters and data of several sizes."""
        count = _DRAWS // len(_SCALES)
        parts = [
            {leaf.static: signed(self._rng, 1, scale, (count, *leaf.shape)) for leaf in self.leaves}
            for scale in _SCALES
        ]
        return {leaf.static: np.concatenate([part[leaf.static] for part in parts]) for leaf in self.leaves}

    def extreme(self, draws: Draws, sign: int) -> Draws:
        """Variations of draws, generation by generation, those with the most (or fewest) open gates going on."""
        for _ in range(_GENERATIONS):
            opened = self._patterns(draws)
            order = np.argsort(-sign * opened.sum(axis=1), kind="stable")[:_PARENTS]
            parents = {leaf: array[order] for leaf, array in draws.items()}
            chosen = self._rng.integers(0, len(order), _CHILDREN)
            children = {leaf: self._varied(array[chosen]) for leaf, array in parents.items()}
            draws = _joined(parents, children)
        return draws

    def _varied(self, array: IntArray) -> IntArray:
        rate = self._rng.choice([0.02, 0.1, 0.4], (len(array),) + (1,) * (array.ndim - 1))
        flipped = np.where(self._rng.random(array.shape) < rate, -array, array)
        size = self._rng.choice([-1, 1], array.shape) * 2.0 ** self._rng.uniform(0, _LARGEST_BITS, array.shape)
        fresh = np.rint(size)
        return np.asarray(np.where(self._rng.random(array.shape) < rate / 4, fresh, flipped), dtype=np.int64)

    def distinct(self, draws: Draws) -> Draws:
        """One draw for each pattern, the extreme ones first."""
        opened = self._patterns(draws)
        _, first = np.unique(opened, axis=0, return_index=True)
        by_size = first[np.argsort(opened[first].sum(axis=1), kind="stable")]
        ends = np.concatenate([by_size[: _MOST_PATTERNS // 4], by_size[::-1][: _MOST_PATTERNS // 4]])
        rest = self._rng.permutation(np.setdiff1d(first, ends))
        chosen = np.concatenate([np.unique(ends), rest])[:_MOST_PATTERNS]
        return {leaf: array[chosen] for leaf, array in draws.items()}

    def _patterns(self, draws: Draws) -> BoolArray:
        """(draws, gates), the arguments near a kink counting as closed."""
        values = {leaf: array / DENOMINATOR for leaf, array in (self._fixed | draws).items()}
        values |= {node.static: constant_array(node.static.name, node.shape)[None] for node in self._constants}
        with np.errstate(all="ignore"):
            return self._flat(self._program.run(Floats(), values), _number_of(draws)) > _NEAR_A_KINK

    def _flat(self, arguments: Sequence[Any], count: int) -> npt.NDArray[Any]:
        shaped = [np.broadcast_to(a, (count, *gate.leaf.shape)) for a, gate in zip(arguments, self._gates, strict=True)]
        return np.concatenate([a.reshape(count, -1) for a in shaped], axis=1)

    def decided(self, draws: Draws) -> Patterns:
        """The patterns of the draws for which each sign is certain, or its argument vanishes identically."""
        count = _number_of(draws)
        opened, first = self.distinct_settled({leaf: array[None] for leaf, array in draws.items()}, count)
        kept = np.sort(first)
        points, samples = (
            {leaf.name: array[kept] for leaf, array in draws.items() if (leaf.role == "parameter") == of_points}
            for of_points in (True, False)
        )
        return Patterns(self.split(opened[kept]), len(kept), points, samples)

    def distinct_settled(self, numerators: Draws, count: int) -> tuple[BoolArray, IntArray]:
        """Which gates are open, and the numbers of the first draws that show each settled pattern."""
        opened, settled = self.settled(numerators, count)
        shown = np.flatnonzero(settled)
        _, first = np.unique(opened[shown], axis=0, return_index=True)
        return opened, shown[first]

    def settled(self, numerators: Draws, count: int) -> tuple[BoolArray, BoolArray]:
        """Which gates are open, (count, gates), and where all values exist and all signs are certain, but those of
        arguments that vanish identically.

        numerators : of parameters and data, (1, 1 or count, *shape)
        """
        values = {leaf.static: exact(numerators[leaf.static] / DENOMINATOR) for leaf in self.leaves}
        arithmetic = Enclosures()
        values |= {node.static: constant_value(node, arithmetic) for node in self._constants}
        with np.errstate(all="ignore"):
            arguments = self._program.run(arithmetic, values)
        mid, rad = (self._flat([a[k, 0] for a in arguments], count) for k in (0, 1))
        opened, closed = mid > rad, -mid > rad
        known = opened | closed
        if not known.all():
            known |= self._dead(opened, count)
        return opened, known.all(axis=1) & arithmetic.defined(count)

    def split(self, opened: BoolArray) -> dict[Leaf, IntArray]:
        """The gates of patterns by leaf, each of shape (count, *shape)."""
        cuts = np.cumsum([gate.leaf.size for gate in self._gates])[:-1]
        pieces = np.split(opened.astype(np.int64), cuts, axis=1)
        return {
            gate.leaf.static: piece.reshape(len(opened), *gate.leaf.shape)
            for gate, piece in zip(self._gates, pieces, strict=True)
        }

    def _dead(self, opened: BoolArray, count: int) -> BoolArray:
        """Where an argument vanishes identically under a pattern, as behind a closed gate: its gate has no effect."""
        rng, prime = np.random.default_rng(1), EXPLORATION_PRIME
        lowered = [gate.lowered for gate in self._gates]
        values = {leaf: array[None] for leaf, array in self.split(opened).items()}
        for leaf in leaves_of(lowered):
            if leaf.static not in values:
                values[leaf.static] = modular.residues(rng, prime, (1, count, *leaf.shape))
        arithmetic = Modular(prime, FreeFunctions.draw(rng, prime, count))
        arguments = Program.of(lowered).run(arithmetic, values)
        return np.asarray((self._flat([a[0] for a in arguments], count) == 0) & arithmetic.defined(count)[:, None])


def signed(rng: np.random.Generator, least: int, largest: int, shape: tuple[int, ...]) -> IntArray:
    """Random integers of both signs and of sizes between two bounds."""
    return np.asarray(rng.integers(least, largest + 1, shape) * rng.choice([-1, 1], shape), dtype=np.int64)


def _number_of(draws: Draws) -> int:
    """How many draws there are: one where gates have constant arguments alone, and nothing is drawn."""
    return len(next(iter(draws.values()))) if draws else 1


def constant_value(node: Node, arithmetic: Enclosures | Balls) -> Any:
    """The value of a constant leaf, as one sample: true, or for generic constants near the float of `forward`."""
    if is_generic(node.static):
        return arithmetic.exact(generic_numerators(node)[None, None] / DENOMINATOR)
    return arithmetic.named(node.static.name)


def generic_numerators(node: Node) -> IntArray:
    """The numerators of a generic constant, none of them zero."""
    rounded = np.rint(constant_array(node.static.name, node.shape) * DENOMINATOR).astype(np.int64)
    return np.asarray(np.where(rounded == 0, 1, rounded))


def _joined(one: Draws, other: Draws) -> Draws:
    return {leaf: np.concatenate([array, other[leaf]]) for leaf, array in one.items()}
