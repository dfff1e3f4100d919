"""The growth of the rank of brackets with their depth at one point, and with it an upper bound on the number of laws.

A rank that is found can only be too small, whatever the sampling did, so `dimension - growth[-1]` is an upper bound
without any condition: modulo a prime (here) for rational networks, at real points (`real`) for those with functions.
Values of functions modulo a prime are free, so that their growth is a guess of the real one. That no bracket was missed
holds with high probability only: a random bracket lies in a proper subspace with probability at most degree / prime
(Schwartz and Zippel), and four in a row are asked for. Where activation patterns are listed, all of them are gone
through before a depth ends.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.engine.arithmetic.modular import retried
from lielaws.engine.closure.brackets import brackets_at
from lielaws.engine.closure.sparse_rows import LEAST_SPARSE, SparseRows, sparse_rows
from lielaws.engine.flows.fields import Choice, Point, VectorFields
from lielaws.engine.linalg import CentredEchelon, Echelon, dense
from lielaws.engine.linalg.centred import LARGEST_PRIME
from lielaws.engine.linalg.sparse import SparseEchelon
from lielaws.progress import Progress, TimeUpError

# Heavy ball on linear 1-6-2 closes at depth nine; a bracket of depth k costs 3^k evaluations.
_DEPTH_LIMIT = 12
# Each row in the span has probability at most degree / prime if the span is not all: four make 2^-80.
DEPENDENT_ROWS = 4
# For patterns of 0 and 1 that are drawn at random, as few of all may show a direction.
LEAST_PATIENCE = 64
# Small first chunks waste little where a depth brings few rows, large ones keep BLAS busy.
_FIRST_CHUNK = 16
LARGEST_CHUNK = 512
# Brackets in a row that have no value, as outside the domain of a function, after which a depth is given up.
_MOST_WITHOUT_VALUE = 2000

Words = tuple[Choice, ...]
"""X_1, .., X_k of several brackets [X_k, [.., [X_2, X_1]]]: each choice holds one vector field for each bracket"""


@dataclass(frozen=True, slots=True)
class Growth:
    """Ranks of the brackets up to each depth at one point.

    None is larger than the true one, but for the guess with free values of functions.

    ranks : by depth; the last one is repeated when the family was seen to be closed
    witnesses : brackets that are independent of each other, as many as the rank
    columns : coordinates on which they have full rank
    """

    ranks: tuple[int, ...]
    witnesses: tuple[Words, ...]
    columns: IntArray

    @property
    def closed(self) -> bool:
        """Whether the rank stopped growing, or filled the space, before the depth limit."""
        return _has_stopped(self.ranks)

    @property
    def rank(self) -> int:
        return self.ranks[-1]

    @property
    def evidence(self) -> str:
        """What is special about the brackets; empty if all have been eliminated as dense rows."""
        return ""


class KnownGrowth(Growth):
    """Ranks that follow from a theorem: see `engine.paths.unit_classes` and `engine.theorems.product_form`."""

    @classmethod
    def of(cls, ranks: tuple[int, ...]) -> KnownGrowth:
        return cls(ranks, (), np.zeros(0, dtype=np.int64))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModularGrowth(Growth):
    """The growth at a point modulo its prime.

    sparse : gradients of single entries with which it began, if it did
    span : the span of these and of the witnesses, which knows which of the rows are independent
    """

    at: Point
    sparse: SparseRows | None = None
    span: SparseEchelon | None = None

    @property
    def evidence(self) -> str:
        if self.sparse is None:
            return ""
        told, core = len(self.sparse.peeling.rows), self.sparse.core
        return f"sparse brackets: {told:,} gradients of single entries, beside a core of {core:,} columns"

    def complement(self, fields: VectorFields) -> IntArray:
        """What spans the gradients of all laws at the point, known in closed form or not, as rows of residues.

        By Frobenius they span the orthogonal complement of the brackets.
        """
        if self.span is not None:
            return self.span.complement()
        brackets = [brackets_at(fields, words, self.at) for words in self.witnesses]
        return dense.nullspace(np.concatenate(brackets), self.at.prime)


class Brackets(ABC):
    """Brackets of random vector fields at one point, and the span of those that were independent."""

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension

    @property
    @abstractmethod
    def rank(self) -> int: ...

    @abstractmethod
    def patience(self, depth: int) -> int:
        """How many dependent brackets in a row end a depth."""

    @abstractmethod
    def draw(self, depth: int, missing: int, turn: int) -> Words:
        """Some brackets of a depth, for a rank that may lack so much, in one of several turns."""

    @abstractmethod
    def add(self, words: Words) -> tuple[IntArray, int]:
        """The brackets that are kept, as independent of all before, and how many have a value at all."""

    def close(
        self, guess: Growth | None = None, progress: Progress | None = None
    ) -> tuple[tuple[int, ...], tuple[Words, ...]]:
        """The ranks by depth until they stop growing, and the brackets that were kept.

        guess : what is expected at most; once brackets have its ranks, no more are looked at
        """
        known = () if guess is None else guess.ranks
        largest = self.dimension if guess is None or not guess.closed else guess.rank
        ranks: list[int] = []
        witnesses: list[Words] = []
        try:
            while len(ranks) < _DEPTH_LIMIT and not _has_stopped(ranks):
                target = known[len(ranks)] if len(ranks) < len(known) else largest
                witnesses += self._extend(len(ranks) + 1, target, progress)
                ranks.append(self.rank)
                if self.rank == largest:
                    ranks.append(self.rank)
        except TimeUpError:
            # A rank that has not grown yet is none that has stopped.
            ranks += [] if ranks and ranks[-1] == self.rank else [self.rank]
        return tuple(ranks), tuple(witnesses)

    def _extend(self, depth: int, target: int, progress: Progress | None) -> Iterator[Words]:
        """Add random brackets of one depth until they have the rank that is aimed at or bring nothing new."""
        dependent = without_value = turn = 0
        while dependent < self.patience(depth) and without_value < _MOST_WITHOUT_VALUE and self.rank < target:
            words = self.draw(depth, target - self.rank, turn)
            kept, seen = self.add(words)
            if len(kept):
                yield tuple(word.select(kept) for word in words)
            dependent = (0 if len(kept) else dependent) + seen - len(kept)
            without_value = 0 if seen else without_value + words[0].count
            turn += 1
            if progress is not None:
                progress(f"brackets of depth {depth}", self.rank, self.dimension)


def _has_stopped(ranks: Sequence[int]) -> bool:
    return len(ranks) > 1 and ranks[-1] == ranks[-2]


class ModularBrackets(Brackets):
    """At a point modulo its prime."""

    def __init__(
        self, fields: VectorFields, rng: np.random.Generator, point: Point, sparse: SparseRows | None = None
    ) -> None:
        super().__init__(fields.space.dimension)
        self.fields, self._rng, self.point, self._drawn = fields, rng, point, 0
        self.echelon: CentredEchelon | Echelon | SparseEchelon
        if sparse is not None:
            self.echelon = SparseEchelon(sparse.rows, point.prime, sparse.peeling)
        else:
            kernel = CentredEchelon if point.prime <= LARGEST_PRIME else Echelon
            self.echelon = kernel(self.dimension, point.prime)

    @property
    def rank(self) -> int:
        return self.echelon.rank

    def patience(self, depth: int) -> int:
        if self.fields.generic:
            return DEPENDENT_ROWS
        if self.fields.listed is not None:
            return max(2 * self.fields.listed.count, LEAST_PATIENCE)
        return max(LEAST_PATIENCE, 2 * self.dimension)

    def draw(self, depth: int, missing: int, turn: int) -> Words:
        count = min(self.chunk(depth, turn), missing + self.patience(depth))
        # The listed patterns follow each other in X_1; the others have any.
        listed = self.fields.listed
        first = None if listed is None else (self._drawn + np.arange(count)) % listed.count
        self._drawn += count
        return tuple(self.choose(count, some) for some in [first, *[None] * (depth - 1)])

    def chunk(self, depth: int, turn: int) -> int:
        """How many brackets are evaluated together at most."""
        return min((_FIRST_CHUNK if depth == 1 else DEPENDENT_ROWS) << turn, LARGEST_CHUNK)

    def choose(self, count: int, numbers: IntArray | None) -> Choice:
        """Random vector fields; numbers : of their patterns, where these are listed."""
        return self.fields.choose(self._rng, count, self.point, numbers=numbers)

    def add(self, words: Words) -> tuple[IntArray, int]:
        return self.echelon.extend(brackets_at(self.fields, words, self.point)), words[0].count


def grow(
    fields: VectorFields, rng: np.random.Generator, *, prime: int | None = None, progress: Progress | None = None
) -> ModularGrowth:
    """Close the family under brackets at a random point modulo a prime.

    Raises ExactnessError if a denominator of the architecture vanishes at every point that is tried.
    """
    # Function values that are drawn for small residues would be equal by chance.
    is_large = fields.rational and fields.space.dimension >= LEAST_SPARSE
    modulus = fields.prime(small=is_large) if prime is None else prime
    return retried(
        lambda: grow_at(fields, rng, fields.draw_points(rng, 1, modulus), progress),
        "a denominator of the architecture vanishes at every point that was tried",
    )


def grow_at(
    fields: VectorFields,
    rng: np.random.Generator,
    point: Point,
    progress: Progress | None = None,
    guess: Growth | None = None,
) -> ModularGrowth:
    """The same at a given point, where the ranks may stall before they grow again.

    guess : ranks after which no more brackets are looked at
    """
    is_large = fields.space.dimension >= LEAST_SPARSE and point.prime <= LARGEST_PRIME
    sparse = sparse_rows(fields, point, rng) if is_large else None
    brackets = ModularBrackets(fields, rng, point, sparse)
    ranks, witnesses = brackets.close(guess, progress)
    span = brackets.echelon if isinstance(brackets.echelon, SparseEchelon) else None
    return ModularGrowth(ranks, witnesses, brackets.echelon.pivots, at=point, sparse=sparse, span=span)


def bytes_of_sparse_growth(fields: VectorFields, rng: np.random.Generator) -> float:
    """About the memory that a growth takes which begins with sparse rows; infinite if it cannot."""
    if not fields.rational or fields.space.dimension < LEAST_SPARSE:
        return np.inf
    sparse = sparse_rows(fields, fields.draw_points(rng, 1, fields.prime(small=True)), rng)
    # The columns that rows tell, and the core, are held in float64; some chunks of rows come on top.
    return np.inf if sparse is None else 24.0 * fields.space.dimension * (sparse.core + LARGEST_CHUNK)
