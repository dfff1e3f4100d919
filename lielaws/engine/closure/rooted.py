"""The growth modulo a prime with true square roots: a better guess of the real one where r^2 = q matters.

The scale invariance of a norm without epsilon costs ranks that free roots have. With true roots in F_p[i] they are
those of the real network, if all signs of the roots are conjugate and no other functions are related.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.engine.arithmetic.modular import BadPrimeError, retried
from lielaws.engine.closure.brackets import chunks
from lielaws.engine.closure.growth import LARGEST_CHUNK, LEAST_PATIENCE, Growth, ModularBrackets, ModularGrowth, Words
from lielaws.engine.flows.fields import Choice, Point, VectorFields
from lielaws.engine.graph.node import Node, leaves_of
from lielaws.engine.linalg import Echelon, modular
from lielaws.engine.values.branches import RootedModular, Roots
from lielaws.errors import ExactnessError

# One of 2^12 points has so many roots of what depends on roots: with more, they take longer to meet than real brackets
# to close.
_MOST_NESTED = 12
# Choices of data among which those with the roots are looked for, for each bracket; log2.
_MOST_TRIED = 8
# More points than roots, so that these are seen to be independent, and so many at which nested ones exist: fewer seldom
# show an argument that is no square where all others are.
_SPARE, _SPARE_NESTED = 12, 8
_TRIES = 4
# Values in F_p[i] take the room of two, and products that of some more.
_ARRAYS = 6


def rooted_growth(fields: VectorFields, free: Growth, rng: np.random.Generator) -> ModularGrowth | None:
    """The growth with true roots, at most that with free ones.

    None if there are no roots that matter, too many, or if they may not be conjugate.
    """
    roots = fields.square_roots
    if all(map(_has_epsilon, roots.first)) or len(roots.nested) > _MOST_NESTED:
        return None
    with suppress(ExactnessError):
        return retried(lambda: _grown(fields, free, rng), "no point was met at which the square roots exist")
    return None


def _has_epsilon(root: Node) -> bool:
    """Whether a constant is added below the root: free roots have the ranks of true ones then."""
    (argument,) = root.inputs
    parts = argument.inputs if argument.op == "add" else ()
    return any(all(leaf.static.role == "constant" for leaf in leaves_of([part])) for part in parts)


def _enough(roots: Roots) -> int:
    """How many samples show that roots are independent."""
    return _SPARE + roots.count + (_SPARE_NESTED << len(roots.nested))


def _grown(fields: VectorFields, free: Growth, rng: np.random.Generator) -> ModularGrowth | None:
    found = next(filter(None, (_point(fields, rng) for _ in range(_TRIES))), None)
    if found is None:
        return None
    brackets = _RootedBrackets(fields, rng, *found)
    ranks, witnesses = brackets.close(guess=free)
    columns = np.unique(brackets.echelon.pivots % brackets.dimension)
    return ModularGrowth(ranks, witnesses, columns, at=brackets.point)


def _point(fields: VectorFields, rng: np.random.Generator) -> tuple[Point, IntArray] | None:
    """A point at which the roots exist for some data, and what mixes coefficients there; None if other points do not
    show that all signs are conjugate."""
    prime, roots = fields.prime(), fields.square_roots
    count = _enough(roots)
    points, mixed = fields.draw_points(rng, count, prime), modular.residues(rng, prime, (count,))
    arithmetic = RootedModular(points.functions, roots, true=range(roots.count), mixed=mixed)
    fields.meet_roots(roots.stages[-1][0], points.vector, fields.choose(rng, count, points), arithmetic)
    there = np.flatnonzero(arithmetic.rooted(count))[:1]
    if not len(there) or not arithmetic.independent(count):
        return None
    constants = {leaf: array[:, there] for leaf, array in points.constants.items()}
    return Point(prime, points.vector[:, there], constants, points.functions.select(there)), mixed[there]


class _RootedBrackets(ModularBrackets):
    """At a point modulo its prime, in F_p[i], by the real and imaginary parts of rows and of i times rows."""

    def __init__(self, fields: VectorFields, rng: np.random.Generator, point: Point, mixed: IntArray) -> None:
        super().__init__(fields, rng, point)
        self.echelon = Echelon(2 * self.dimension, point.prime)
        self._roots, self._mixed = fields.square_roots, mixed
        drawn, arithmetic = self._met(_enough(self._roots), None)
        self._generic = arithmetic.independent(drawn.count, at_a_point=True)

    def patience(self, depth: int) -> int:
        # Where a root is one of two numbers at this point, as sqrt(x^2 v) is for v without data, so are vector fields.
        return super().patience(depth) if self._generic else max(LEAST_PATIENCE, super().patience(depth))

    @property
    def rank(self) -> int:
        return self.echelon.rank // 2

    def chunk(self, depth: int, turn: int) -> int:
        # As many as are missing from the growth with free roots.
        return LARGEST_CHUNK

    def _arithmetic(self) -> RootedModular:
        return RootedModular(self.point.functions, self._roots, true=range(self._roots.count), mixed=self._mixed)

    def choose(self, count: int, numbers: IntArray | None) -> Choice:
        """Those for which the roots exist, some of them more than once if they are fewer."""
        for doubled in range(0, _MOST_TRIED + 1, 2):
            repeated = None if numbers is None else np.repeat(numbers, 1 << doubled)
            drawn, arithmetic = self._met(count << doubled, repeated)
            found = np.flatnonzero(arithmetic.rooted(drawn.count))
            if len(found) >= count:
                break
        if not len(found):
            raise BadPrimeError("no choice of data has the square roots")
        return drawn.select(found[np.arange(count) * max(1, len(found) // count) % len(found)])

    def _met(self, count: int, numbers: IntArray | None) -> tuple[Choice, RootedModular]:
        """Choices, whether or not the roots exist, and the arithmetic that knows for which they do."""
        drawn, arithmetic = super().choose(count, numbers), self._arithmetic()
        self.fields.meet_roots(self._roots.stages[-1][0], self.point.vector, drawn, arithmetic)
        return drawn, arithmetic

    def add(self, words: Words) -> tuple[IntArray, int]:
        parts, good = [], []
        for some in chunks(self.fields, words, arrays=_ARRAYS):
            arithmetic = self._arithmetic()
            lifted = [word.lifted(arithmetic.exact) for word in some]
            found = self.fields.bracket(arithmetic.exact(self.point.vector), lifted, arithmetic)[:, 0]
            parts.append(np.broadcast_to(found, (2, some[0].count, self.dimension)))
            good.append(arithmetic.rooted(some[0].count))
        there = np.flatnonzero(np.concatenate(good))
        real, imaginary = np.concatenate(parts, axis=1)[:, there]
        rows = np.stack([np.hstack([real, imaginary]), np.hstack([-imaginary % self.point.prime, real])], axis=1)
        kept = self.echelon.extend(rows.reshape(-1, 2 * self.dimension))
        return there[np.unique(kept // 2)], len(there)
