"""The growth of the brackets at a generic point modulo a prime, and with it an upper bound on the number of laws.

For rational networks the rank found can only be too small, whatever the sampling did, so `dimension - growth[-1]` is an
upper bound without any condition. For networks with functions, whose values are free here, it is a guess that `real`
proves. That no bracket was missed holds with high probability only: a random bracket lies in a proper subspace with
probability at most degree / prime (Schwartz and Zippel), and four in a row are asked for. Where activation patterns are
listed, all of them are gone through before a depth ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.engine.arithmetic.modular import BadPrimeError
from lielaws.engine.closure.brackets import brackets_at
from lielaws.engine.flows.fields import Choice, Point, VectorFields
from lielaws.engine.linalg import Echelon
from lielaws.errors import ExactnessError
from lielaws.progress import Progress

# Heavy ball on linear 1-6-2 closes at depth nine; a bracket of depth k costs 3^k evaluations.
DEPTH_LIMIT = 12
# Each row in the span has probability at most degree / prime if the span is not all: four make 2^-80.
_DEPENDENT_ROWS = 4
# For patterns of 0 and 1 that are drawn at random, as few of all may show a direction.
_LEAST_PATIENCE = 64
# Small first chunks waste little where a depth brings few rows, large ones keep BLAS busy.
_FIRST_CHUNK = 16
_LARGEST_CHUNK = 512
# Points at which a denominator vanishes have probability degree / prime; more than a few mean that it always does.
_ATTEMPTS = 16


@dataclass(frozen=True, slots=True)
class Witness:
    """Brackets of one depth that are independent of all earlier ones: X_1, ..., X_depth, one of each a bracket."""

    words: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Growth:
    """Ranks of the brackets up to each depth, at one point modulo one prime.

    ranks : by depth; the last one is repeated when the family was seen to be closed
    columns : coordinates on which the brackets have full rank
    """

    ranks: tuple[int, ...]
    at: Point
    witnesses: tuple[Witness, ...]
    columns: IntArray

    @property
    def closed(self) -> bool:
        """Whether the rank stopped growing, or filled the space, before the depth limit."""
        return _has_stopped(self.ranks)

    @property
    def prime(self) -> int:
        return self.at.prime

    @property
    def point(self) -> IntArray:
        """(dimension,)"""
        point: IntArray = self.at.vector[0, 0]
        return point

    @property
    def rank(self) -> int:
        return self.ranks[-1]


def grow(
    fields: VectorFields,
    rng: np.random.Generator,
    *,
    prime: int | None = None,
    depth_limit: int = DEPTH_LIMIT,
    progress: Progress | None = None,
) -> Growth:
    """Close the family under brackets at a random point modulo a prime.

    Raises ExactnessError if a denominator of the architecture vanishes at every point that is tried.
    """
    prime = fields.prime() if prime is None else prime
    for _ in range(_ATTEMPTS):
        try:
            return grow_at(fields, rng, fields.draw_points(rng, 1, prime), depth_limit, progress)
        except BadPrimeError:
            continue
    raise ExactnessError("a denominator of the architecture vanishes at every point that was tried")


def grow_at(
    fields: VectorFields,
    rng: np.random.Generator,
    point: Point,
    depth_limit: int = DEPTH_LIMIT,
    progress: Progress | None = None,
) -> Growth:
    """The same at a given point, where the ranks may stall before they grow again."""
    echelon = Echelon(fields.space.dimension, point.prime)
    ranks: list[int] = []
    witnesses: list[Witness] = []
    while len(ranks) < depth_limit and not _has_stopped(ranks):
        depth = len(ranks) + 1
        witnesses += _extend(fields, rng, point, echelon, depth, progress)
        ranks.append(echelon.rank)
        if echelon.rank == echelon.dimension:
            ranks.append(echelon.rank)
    return Growth(tuple(ranks), point, tuple(witnesses), echelon.pivots)


def _has_stopped(ranks: Sequence[int]) -> bool:
    return len(ranks) > 1 and ranks[-1] == ranks[-2]


def _extend(
    fields: VectorFields,
    rng: np.random.Generator,
    point: Point,
    echelon: Echelon,
    depth: int,
    progress: Progress | None,
) -> list[Witness]:
    """Add random brackets of one depth until they bring nothing new."""
    witnesses = []
    patterns = fields.listed.count if fields.listed is not None else 0
    patience = _patience(fields)
    dependent, chunk, drawn = 0, _FIRST_CHUNK if depth == 1 else _DEPENDENT_ROWS, 0
    while dependent < patience and echelon.rank < echelon.dimension:
        count = min(chunk, echelon.dimension - echelon.rank + patience)
        # The listed patterns follow each other in X_1; the others have any.
        first = (drawn + np.arange(count)) % patterns if patterns else None
        words = tuple(fields.choose(rng, count, point, numbers=None if k else first) for k in range(depth))
        drawn += count
        kept = echelon.extend(brackets_at(fields, words, point))
        if len(kept):
            witnesses.append(Witness(tuple(word.select(kept) for word in words)))
        new = count - len(kept)
        dependent = new if fields.generic or len(kept) else dependent + new
        chunk = min(2 * chunk, _LARGEST_CHUNK)
        if progress is not None:
            progress(f"brackets of depth {depth}", echelon.rank, echelon.dimension)
    return witnesses


def _patience(fields: VectorFields) -> int:
    """How many dependent rows in a row end a depth."""
    if fields.generic:
        return _DEPENDENT_ROWS
    if fields.listed is not None:
        return max(2 * fields.listed.count, _LEAST_PATIENCE)
    return max(_LEAST_PATIENCE, 2 * fields.space.dimension)
