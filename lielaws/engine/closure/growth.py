"""The growth of the brackets at a generic point, and with it an upper bound on the number of laws.

The rank found can only be too small, whatever the sampling did, so `dimension - growth[-1]` is an upper bound without
any condition. That no bracket was missed holds with high probability only: a random bracket lies in a proper subspace
with probability at most degree / prime (Schwartz and Zippel), and four in a row are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lielaws.engine.arithmetic.modular import BadPrimeError
from lielaws.engine.closure.brackets import brackets_at
from lielaws.engine.flows.fields import IntArray, Members, State, VectorFields
from lielaws.engine.linalg import Echelon
from lielaws.errors import ExactnessError
from lielaws.progress import Progress

DEPTH_LIMIT = 12
_DEPENDENT_ROWS = 4
_LEAST_PATIENCE = 64
_FIRST_CHUNK = 16
_LARGEST_CHUNK = 512
_ATTEMPTS = 16


@dataclass(frozen=True, slots=True)
class Witness:
    """Brackets of one depth that are independent of all earlier ones: X_1, ..., X_depth, one member a bracket."""

    words: tuple[Members, ...]


@dataclass(frozen=True, slots=True)
class Growth:
    """Ranks of the brackets up to each depth, at one point modulo one prime.

    ranks : by depth; the last one is repeated when the family was seen to be closed
    closed : whether the rank stopped growing, or filled the space, before the depth limit
    """

    ranks: tuple[int, ...]
    closed: bool
    state: State
    witnesses: tuple[Witness, ...]

    @property
    def prime(self) -> int:
        return self.state.prime

    @property
    def point(self) -> IntArray:
        """(dimension,)"""
        point: IntArray = self.state.vector[0, 0]
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
            return grow_at(fields, rng, fields.draw_state(rng, 1, prime, of_many=True), depth_limit, progress)
        except BadPrimeError:
            continue
    raise ExactnessError("a denominator of the architecture vanishes at every point that was tried")


def grow_at(
    fields: VectorFields,
    rng: np.random.Generator,
    state: State,
    depth_limit: int = DEPTH_LIMIT,
    progress: Progress | None = None,
) -> Growth:
    """The same at a given state, where the ranks may stall before they grow again."""
    echelon = Echelon(fields.space.dimension, state.prime)
    ranks: list[int] = []
    witnesses: list[Witness] = []
    while len(ranks) < depth_limit:
        depth = len(ranks) + 1
        witnesses += _extend(fields, rng, state, echelon, depth, progress)
        ranks.append(echelon.rank)
        if echelon.rank == echelon.dimension:
            return Growth((*ranks, echelon.rank), True, state, tuple(witnesses))
        if len(ranks) > 1 and ranks[-1] == ranks[-2]:
            return Growth(tuple(ranks), True, state, tuple(witnesses))
    return Growth(tuple(ranks), False, state, tuple(witnesses))


def _extend(
    fields: VectorFields,
    rng: np.random.Generator,
    state: State,
    echelon: Echelon,
    depth: int,
    progress: Progress | None,
) -> list[Witness]:
    """Add random brackets of one depth until they bring nothing new."""
    witnesses = []
    # Few of all activation patterns may show a direction.
    patience = _DEPENDENT_ROWS if fields.generic else max(_LEAST_PATIENCE, 2 * fields.space.dimension)
    dependent, chunk = 0, _FIRST_CHUNK if depth == 1 else _DEPENDENT_ROWS
    while dependent < patience and echelon.rank < echelon.dimension:
        count = min(chunk, echelon.dimension - echelon.rank + patience)
        words = tuple(fields.draw(rng, count, state) for _ in range(depth))
        kept = echelon.extend(brackets_at(fields, words, state))
        if len(kept):
            witnesses.append(Witness(tuple(word.select(kept) for word in words)))
        new = count - len(kept)
        dependent = new if fields.generic or len(kept) else dependent + new
        chunk = min(2 * chunk, _LARGEST_CHUNK)
        if progress is not None:
            progress(f"brackets of depth {depth}", echelon.rank, echelon.dimension)
    return witnesses
