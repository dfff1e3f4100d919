"""The upper bound for networks with functions: brackets at a real rational point, in rigorous enclosures.

exp, erf, log and sqrt have their true values there, so nothing has to be known of how functions are related. A rank is
proved by a square block that is not singular; it can only be too small. Near a generic point that the connected
component of the point and its data reaches there are at most `dimension - rank` independent analytic laws.

The growth modulo a prime with free values of functions says which rank to expect. If that is more than real brackets
show, functions are related, and the brackets are closed again in real arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import flint
import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import ObjectArray
from lielaws.engine.arithmetic.balls import Balls
from lielaws.engine.arithmetic.enclosures import Enclosures
from lielaws.engine.closure.ball_echelon import BallEchelon
from lielaws.engine.closure.brackets import chunk_size, left_normed
from lielaws.engine.closure.growth import DEPTH_LIMIT, Growth, Witness
from lielaws.engine.flows.fields import Choice, VectorFields
from lielaws.engine.flows.reals import WIDE, RealFields, real_points
from lielaws.engine.linalg.nonsingular import Span, is_nonsingular, pivot_columns
from lielaws.errors import ExactnessError
from lielaws.progress import Progress

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

# Rows to choose from beyond the rank: a better conditioned block for a few more evaluations.
_SPARE_ROWS = 6
# float64 first; `arb` with more bits where pivots are too small for it.
_PRECISIONS = (256, 512)
# Matrices of `arb` beyond this take minutes.
_LARGEST_PRECISE = 400
# With smaller weights enclosures of norms without epsilon stay narrow; far smaller ones make directions too small.
_NARROW = 0.5
# Brackets in the span, one after the other, that end a depth: few random ones are enough in a generic family.
_PATIENCE = 4
# Draws in a row outside the domain of a function, after which a depth is given up.
_MOST_DRAWN = 2000
# The same where patterns or kinks are gone through: more, as few of all may show a direction.
_PATTERN_PATIENCE = 64
# Brackets that are evaluated together: more waste where few are missing, fewer waste the vector units.
_CHUNK = 32


@dataclass(frozen=True, slots=True)
class RealGrowth:
    """Ranks of the brackets up to each depth at a real point: none is larger than the true one.

    vector : the point, as numerators over `patterns.DENOMINATOR`, as are the values in the witnesses
    witnesses : independent brackets
    columns : the coordinates of the block that was proved not to be singular
    tentative : whether it was float64 alone that found no further brackets: as many laws as are left confirm that
    """

    ranks: tuple[int, ...]
    closed: bool
    vector: IntArray
    witnesses: tuple[Witness, ...]
    columns: IntArray
    tentative: bool = False

    @property
    def rank(self) -> int:
        return self.ranks[-1]


def proved_growth(
    fields: VectorFields,
    guess: Growth,
    rng: np.random.Generator,
    progress: Progress | None = None,
    *,
    tentative: bool = False,
) -> RealGrowth:
    """The ranks that real brackets have; those of the guess if they can be proved.

    tentative : whether ranks will do beyond which float64 finds no brackets, where the guess is too large. That takes a
        tenth of the time of `arb`, which tells small from zero

    Raises ExactnessError if the network has a value at none of the points that are tried.
    """
    small = fields.space.dimension <= _LARGEST_PRECISE
    for vector in real_points(fields, rng):
        plain = RealFields(fields, vector, rng, thorough=False)
        if not plain.sample(_CHUNK)[1].any():
            continue
        if progress is not None:
            progress("proof of the rank with real values", 0, guess.rank)
        found = _Proof(plain).in_floats(guess)
        if found is None and small:
            wide = RealFields(fields, next(real_points(fields, rng, WIDE)), rng, thorough=False)
            found = _Proof(wide).in_floats(guess)
        if found is not None:
            return found
        if small and tentative:
            narrow = np.rint(_NARROW * vector).astype(np.int64)
            found = _Proof(RealFields(fields, narrow, rng, thorough=True)).closed_in_floats(guess, clear=True)
        if found is not None:
            return replace(found, tentative=True)
        proof = _Proof(RealFields(fields, vector, rng, thorough=True))
        found = proof.in_balls(guess) if small else proof.closed_in_floats(guess)
        if found is None:
            raise ExactnessError(f"rank {guess.rank} of real brackets could not be proved; try another seed")
        return found
    raise ExactnessError("the network has no value at the points that were tried: a root or a logarithm has none")


@dataclass(frozen=True, slots=True)
class _Rows:
    """Brackets with midpoints and radii of their values, (count, dimension)."""

    words: tuple[Choice, ...]
    mid: FloatArray
    rad: FloatArray

    def select(self, chosen: IntArray) -> _Rows:
        return _Rows(tuple(word.select(chosen) for word in self.words), self.mid[chosen], self.rad[chosen])


class _Proof:
    """Brackets of random vector fields at one real point."""

    def __init__(self, reals: RealFields) -> None:
        self.reals, self.dimension = reals, reals.fields.space.dimension
        self._enclosures, self._balls = Enclosures(), Balls()

    def _float_rows(self, words: Sequence[Choice]) -> tuple[FloatArray, FloatArray, Mask]:
        """Midpoints and radii of brackets, (count, dimension), and which of them have values."""
        # Midpoints and radii take the room of two arrays, and products of theirs that of two more.
        count, chunk = words[0].count, max(1, chunk_size(self.reals.fields, len(words)) // 4)
        mids, rads, kept = [], [], []
        for start in range(0, count, chunk):
            some = [word.select(slice(start, start + chunk)) for word in words]
            self._enclosures.undefined = None
            lifted = [self.reals.lifted(word) for word in some]
            with np.errstate(all="ignore"):
                rows = left_normed(self.reals.fields, lifted, self.reals.enclosed, self._enclosures)
            rows = np.broadcast_to(rows, (2, 1, some[0].count, self.dimension))
            mids.append(rows[0, 0])
            rads.append(rows[1, 0])
            kept.append(np.isfinite(rows).all(axis=(0, 1, 3)) & self.reals.have_values(some, self._enclosures))
        return np.concatenate(mids), np.concatenate(rads), np.concatenate(kept)

    def _ball_rows(self, words: Sequence[Choice]) -> tuple[ObjectArray, Mask]:
        """The same with `arb` at the precision that is set."""
        self._balls.undefined = None
        lifted = [self.reals.lifted_to_balls(word) for word in words]
        rows = left_normed(self.reals.fields, lifted, self.reals.in_balls, self._balls)
        rows = np.broadcast_to(rows, (1, words[0].count, self.dimension))[0]
        good = np.array([all(entry.is_finite() for entry in row) for row in rows], dtype=np.bool_)
        return rows, good & self.reals.have_values(words, self._balls)

    # In floats

    def in_floats(self, guess: Growth) -> RealGrowth | None:
        """The ranks of the guess, if real brackets have them and float64 suffices to prove it."""
        wanted = np.diff([0, *dict.fromkeys(guess.ranks)]).tolist()
        drawn = []
        for depth, count in enumerate(wanted, start=1):
            words = self.reals.words(depth, self._enough(count))
            mid, rad, good = self._float_rows(words)
            rows = np.flatnonzero(good)
            if len(rows) < count:
                return None
            drawn.append(_Rows(tuple(word.select(rows) for word in words), mid[rows], rad[rows]))
        if self.reals.generic:
            # Random brackets are independent then, on any columns that serve modulo a prime.
            first = [rows.select(np.arange(count)) for rows, count in zip(drawn, wanted, strict=True)]
            found = self._proved(guess.ranks, guess.closed, first, guess.columns)
            if found is not None:
                return found
        span = Span(self.dimension)
        best = [rows.select(span.extend(rows.mid, count)) for rows, count in zip(drawn, wanted, strict=True)]
        return None if span.rank < guess.rank else self._proved(guess.ranks, guess.closed, best)

    def _enough(self, wanted: int) -> int:
        """How many brackets to choose as many from."""
        if self.reals.generic:
            return wanted + _SPARE_ROWS
        return 2 * wanted + max(_PATTERN_PATIENCE, self.reals.turns)

    def _proved(
        self, ranks: tuple[int, ...], closed: bool, chosen: Sequence[_Rows], columns: IntArray | None = None
    ) -> RealGrowth | None:
        """The growth with these brackets, if they are proved to be independent."""
        mid, rad = np.concatenate([rows.mid for rows in chosen]), np.concatenate([rows.rad for rows in chosen])
        columns = pivot_columns(mid) if columns is None else columns
        if not is_nonsingular(mid[:, columns], rad[:, columns]):
            return None
        return RealGrowth(ranks, closed, self.reals.vector, tuple(Witness(rows.words) for rows in chosen), columns)

    def closed_in_floats(self, guess: Growth, *, clear: bool = False) -> RealGrowth | None:
        """The growth of real brackets as far as float64 tells; all that were kept are proved in the end, or none.

        clear : whether to give up as well where a bracket is neither clearly new nor clearly dependent
        """
        span, chosen = Span(self.dimension), list[_Rows]()
        doubtful = False

        def add(words: Sequence[Choice]) -> tuple[IntArray, int]:
            nonlocal doubtful
            mid, rad, good = self._float_rows(words)
            rows = np.flatnonzero(good)
            kept = rows[span.extend(mid[rows])]
            doubtful |= not span.looks_dependent(mid[rows], rad[rows], noise=math.inf).all()
            chosen.append(_Rows(tuple(word.select(kept) for word in words), mid[kept], rad[kept]))
            return kept, len(rows)

        ranks, closed, _ = self._closed(add, lambda: span.rank, guess)
        return None if clear and doubtful else self._proved(ranks, closed, chosen)

    # In balls

    def in_balls(self, guess: Growth) -> RealGrowth:
        """The growth of real brackets, closed with `arb`; it needs no confirmation where it reaches the guess."""
        for bits in _PRECISIONS:
            with flint.ctx.workprec(bits):
                echelon, span = BallEchelon(), Span(self.dimension)

                def add(
                    words: Sequence[Choice], echelon: BallEchelon = echelon, span: Span = span
                ) -> tuple[IntArray, int]:
                    good, open_rows = np.ones(words[0].count, dtype=np.bool_), np.arange(words[0].count)
                    if not self.reals.generic:
                        # Floats are quick to tell most of many dependent rows; the others are looked at precisely.
                        mid, rad, good = self._float_rows(words)
                        open_rows = np.flatnonzero(~(good & span.looks_dependent(mid, rad)))
                    if not len(open_rows):
                        return open_rows, int(good.sum())
                    rows, precise = self._ball_rows([word.select(open_rows) for word in words])
                    kept = [k for k in np.flatnonzero(precise).tolist() if echelon.add(rows[k])]
                    span.extend(_as_floats(rows[kept]))
                    good[open_rows] = precise
                    return open_rows[kept], int(good.sum())

                def rank(echelon: BallEchelon = echelon) -> int:
                    return echelon.rank

                ranks, closed, witnesses = self._closed(add, rank, guess)
            if not echelon.imprecise:
                break
        return RealGrowth(ranks, closed, self.reals.vector, tuple(witnesses), echelon.columns)

    # The growth

    def _closed(
        self, add: Add, rank: Callable[[], int], guess: Growth | None = None
    ) -> tuple[tuple[int, ...], bool, list[Witness]]:
        """The ranks by depth, whether they have stopped growing, and the brackets that are independent."""
        full = self.dimension
        ranks: list[int] = []
        witnesses: list[Witness] = []
        while len(ranks) < DEPTH_LIMIT and (len(ranks) < 2 or ranks[-1] > ranks[-2]):
            # Real brackets that have the rank of the guess need not be looked at any further.
            known = guess is not None and len(guess.ranks) > len(ranks)
            target = guess.ranks[len(ranks)] if guess is not None and known else full
            witnesses += self._extended(add, rank, len(ranks) + 1, target)
            ranks.append(rank())
            if guess is not None and guess.closed and ranks[-1] == guess.rank:
                return (
                    guess.ranks if tuple(ranks) == guess.ranks[: len(ranks)] else (*ranks, ranks[-1]),
                    True,
                    witnesses,
                )
            if ranks[-1] == full:
                ranks.append(full)
        return tuple(ranks), len(ranks) > 1 and ranks[-1] == ranks[-2], witnesses

    def _extended(self, add: Add, rank: Callable[[], int], depth: int, target: int) -> Iterator[Witness]:
        """Brackets of one depth, until they have the rank that is aimed at or bring nothing new."""
        generic, dependent, drawn = self.reals.generic, 0, 0
        # Each pattern has its turn at depth one; brackets of several hardly need another that they alone show.
        patience = max(_PATTERN_PATIENCE, self.reals.turns) if depth == 1 else _PATTERN_PATIENCE // 2
        patience = _PATIENCE if generic else patience
        while dependent < patience and drawn < _MOST_DRAWN and rank() < target:
            words = self.reals.words(depth, min(_CHUNK, target - rank() + (0 if generic else patience)))
            kept, seen = add(words)
            if len(kept):
                yield Witness(tuple(word.select(kept) for word in words))
            # Samples outside the domain of a function say nothing.
            dependent = (0 if len(kept) else dependent) + seen - len(kept)
            drawn = 0 if seen else drawn + words[0].count


Add = Callable[[Sequence[Choice]], tuple[IntArray, int]]
"""adds brackets to a span: which are new, and how many had values"""


def _as_floats(rows: ObjectArray) -> FloatArray:
    return np.array([[float(entry.mid()) for entry in row] for row in rows], dtype=np.float64).reshape(rows.shape)
