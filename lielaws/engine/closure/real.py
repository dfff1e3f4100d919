"""The upper bound for networks with functions: brackets at a real rational point, in rigorous enclosures.

exp, erf, log and sqrt have their true values there, so nothing has to be known of how functions are related. A rank is
proved by a square block that is not singular; it can only be too small. Near a generic point that the connected
component of the point and its data reaches there are at most `dimension - rank` independent analytic laws.

The growth modulo a prime with free values of functions says which rank to expect. If that is more than real brackets
show, functions are related, and the brackets are closed again in real arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import flint
import numpy as np

from lielaws.arraytypes import BoolArray, FloatArray, IntArray
from lielaws.engine.arithmetic.balls import Balls
from lielaws.engine.closure.ball_echelon import BallEchelon
from lielaws.engine.closure.brackets import chunks
from lielaws.engine.closure.growth import DEPENDENT_ROWS, LEAST_PATIENCE, Brackets, Growth, Words
from lielaws.engine.closure.rooted import rooted_growth
from lielaws.engine.flows.fields import VectorFields
from lielaws.engine.flows.reals import WIDE, RealFields, real_points
from lielaws.engine.linalg.nonsingular import Span, is_nonsingular, pivot_columns
from lielaws.errors import ExactnessError
from lielaws.progress import Progress, TimeUpError

# Rows to choose from beyond the rank: a better conditioned block for a few more evaluations.
_SPARE_ROWS = 6
# float64 first; then `arb`, with more bits as soon as small rows are not told from dependent ones: heads that share a
# key, on one channel, need 2,048.
_PRECISIONS = (256, 512, 1024, 2048, 4096)
# Matrices of `arb` beyond this take minutes.
_LARGEST_PRECISE = 400
# With smaller weights enclosures of norms without epsilon stay narrow; far smaller ones make directions too small.
_NARROW = 0.5
# Vector fields that are drawn to see whether the network has values at a point: most have them all.
_SAMPLES = (2, 32)
# Brackets that are evaluated together: more waste where few are missing, fewer waste the vector units.
_CHUNK = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class RealGrowth(Growth):
    """The growth at a real point.

    vector : the point, as numerators over `patterns.DENOMINATOR`, as are the values in the witnesses
    """

    vector: IntArray


def proved_growth(
    fields: VectorFields,
    guess: Growth,
    rng: np.random.Generator,
    progress: Progress | None = None,
) -> RealGrowth:
    """The ranks that real brackets have; those of the guess if they can be proved.

    Raises ExactnessError if the network has a value at none of the points that are tried, or if no rank can be proved.
    """
    for vector in real_points(fields, rng):
        here = RealFields(fields, vector, rng, thorough=False)
        if any(here.sample(count)[1].any() for count in _SAMPLES):
            attempts = _attempts(fields, vector, guess, rng, progress)
            try:
                found = next((found for found in attempts if found is not None), None)
            except TimeUpError:
                # Nothing is proved by then, and a guess is no bound.
                return RealGrowth((0,), (), np.zeros(0, dtype=np.int64), vector=vector)
            if found is None:
                raise ExactnessError(f"rank {guess.rank} of real brackets could not be proved; try another seed")
            return found
    raise ExactnessError("the network has no value at the points that were tried: a root or a logarithm has none")


def _attempts(
    fields: VectorFields, vector: IntArray, guess: Growth, rng: np.random.Generator, progress: Progress | None
) -> Iterator[RealGrowth | None]:
    """Proofs, the fastest first. Raises TimeUpError."""

    def report() -> None:
        if progress is not None:
            progress("proof of the rank with real values", 0, guess.rank)

    small = fields.space.dimension <= _LARGEST_PRECISE
    yield _guess_in_floats(RealFields(fields, vector, rng, thorough=False), guess)
    report()
    rooted = rooted_growth(fields, guess, rng)
    report()
    if small and (rooted is None or rooted.ranks == guess.ranks):
        wide = next(real_points(fields, rng, WIDE))
        yield _guess_in_floats(RealFields(fields, wide, rng, thorough=False), guess)
    guess = guess if rooted is None else rooted
    report()
    narrow = np.rint(_NARROW * vector).astype(np.int64)
    yield _guess_in_floats(RealFields(fields, narrow, rng, thorough=True), guess)
    reals = RealFields(fields, vector, rng, thorough=True)
    yield _closed_in_balls(reals, guess, progress) if small else _closed_in_floats(reals, guess, progress)


def _guess_in_floats(reals: RealFields, guess: Growth) -> RealGrowth | None:
    """The ranks of the guess, if real brackets have them and float64 suffices to prove it."""
    wanted = np.diff([0, *dict.fromkeys(guess.ranks)]).tolist()
    drawn = []
    for depth, count in enumerate(wanted, start=1):
        # As many are chosen from more.
        enough = count + _SPARE_ROWS if reals.generic else 2 * count + max(LEAST_PATIENCE, reals.turns)
        rows, good = float_rows(reals, reals.words(depth, enough))
        rows = rows.select(np.flatnonzero(good))
        if len(rows.mid) < count:
            return None
        drawn.append(rows)
    if reals.generic:
        # Random brackets are independent then, on any columns that serve modulo a prime.
        first = [rows.select(np.arange(count)) for rows, count in zip(drawn, wanted, strict=True)]
        found = _proved(reals, guess.ranks, first, guess.columns)
        if found is not None:
            return found
    span = Span(reals.fields.space.dimension)
    best = [rows.select(span.extend(rows.mid, count)) for rows, count in zip(drawn, wanted, strict=True)]
    return None if span.rank < guess.rank else _proved(reals, guess.ranks, best)


def _closed_in_floats(reals: RealFields, guess: Growth, progress: Progress | None) -> RealGrowth | None:
    """The growth of real brackets as far as float64 tells; all that were kept are proved in the end, or none."""
    brackets = _FloatBrackets(reals)
    ranks, _ = brackets.close(guess=guess, progress=progress)
    return _proved(reals, ranks, brackets.chosen)


def _closed_in_balls(reals: RealFields, guess: Growth, progress: Progress | None) -> RealGrowth:
    """The growth of real brackets, closed with `arb`; it needs no confirmation where it reaches the guess."""
    for bits in _PRECISIONS:
        brackets = _BallBrackets(reals, is_last=bits == _PRECISIONS[-1])
        with flint.ctx.workprec(bits):
            ranks, witnesses = brackets.close(guess=guess, progress=progress)
        if not brackets.echelon.imprecise:
            break
    return RealGrowth(ranks, witnesses, brackets.echelon.columns, vector=reals.vector)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Brackets with midpoints and radii of their values, (count, dimension)."""

    words: Words
    mid: FloatArray
    rad: FloatArray

    def select(self, chosen: IntArray) -> _Rows:
        return _Rows(tuple(word.select(chosen) for word in self.words), self.mid[chosen], self.rad[chosen])


def _proved(
    reals: RealFields, ranks: tuple[int, ...], chosen: Sequence[_Rows], columns: IntArray | None = None
) -> RealGrowth | None:
    """The growth with these brackets, if they are proved to be independent."""
    none = np.zeros((0, reals.fields.space.dimension))
    mid, rad = (np.concatenate([none, *parts]) for parts in ([r.mid for r in chosen], [r.rad for r in chosen]))
    columns = pivot_columns(mid) if columns is None else columns
    if not is_nonsingular(mid[:, columns], rad[:, columns]):
        return None
    return RealGrowth(ranks, tuple(rows.words for rows in chosen), columns, vector=reals.vector)


def float_rows(reals: RealFields, words: Words) -> tuple[_Rows, BoolArray]:
    """Brackets, and which of them have values."""
    # Midpoints and radii take the room of two arrays, and products of theirs that of two more.
    parts = [reals.enclosed(some) for some in chunks(reals.fields, words, arrays=4)]
    mid, rad = np.concatenate([rows for rows, _ in parts], axis=1)
    return _Rows(words, mid, rad), np.concatenate([good for _, good in parts])


class _RealBrackets(Brackets):
    """At a real point."""

    def __init__(self, reals: RealFields) -> None:
        super().__init__(reals.fields.space.dimension)
        self.reals, self.span = reals, Span(self.dimension)

    def patience(self, depth: int) -> int:
        if self.reals.generic:
            return DEPENDENT_ROWS
        # Each pattern has its turn at depth one; brackets of several hardly need another that they alone show.
        return max(LEAST_PATIENCE, self.reals.turns) if depth == 1 else LEAST_PATIENCE // 2

    def draw(self, depth: int, missing: int, turn: int) -> Words:
        spare = 0 if self.reals.generic else self.patience(depth)
        return self.reals.words(depth, min(_CHUNK, missing + spare))


class _FloatBrackets(_RealBrackets):
    """In enclosures: those are kept that are independent as far as float64 tells."""

    def __init__(self, reals: RealFields) -> None:
        super().__init__(reals)
        self.chosen: list[_Rows] = []

    @property
    def rank(self) -> int:
        return self.span.rank

    def add(self, words: Words) -> tuple[IntArray, int]:
        rows, good = float_rows(self.reals, words)
        seen = np.flatnonzero(good)
        kept = seen[self.span.extend(rows.mid[seen])]
        if len(kept):
            self.chosen.append(rows.select(kept))
        return kept, len(seen)


class _BallBrackets(_RealBrackets):
    """In balls of the precision that is set: those are kept that are proved to be independent.

    is_last : whether to go on where balls are too wide to tell, as there is no higher precision to try
    """

    def __init__(self, reals: RealFields, *, is_last: bool) -> None:
        super().__init__(reals)
        self.echelon, self._is_last = BallEchelon(), is_last

    @property
    def rank(self) -> int:
        return self.echelon.rank

    def patience(self, depth: int) -> int:
        return 0 if self.echelon.imprecise and not self._is_last else super().patience(depth)

    def add(self, words: Words) -> tuple[IntArray, int]:
        waiting, dependent = np.arange(words[0].count), 0
        if not self.reals.generic:
            # Floats are quick to tell most of many dependent rows; the others are looked at precisely.
            floats, good = float_rows(self.reals, words)
            looks_dependent = good & self.span.looks_dependent(floats.mid, floats.rad)
            waiting, dependent = np.flatnonzero(~looks_dependent), int(looks_dependent.sum())
        if not len(waiting):
            return waiting, dependent
        rows, good = self.reals.brackets([word.select(waiting) for word in words], Balls())
        good &= np.array([all(entry.is_finite() for entry in row) for row in rows], dtype=np.bool_)
        kept = [k for k in np.flatnonzero(good).tolist() if self.echelon.add(rows[k])]
        self.span.extend(np.array([[float(entry.mid()) for entry in rows[k]] for k in kept], dtype=np.float64))
        return waiting[kept], dependent + int(good.sum())
