"""The upper bound for networks with functions: brackets at a real rational point, in rigorous enclosures.

exp, erf, log and sqrt have their true values there, so nothing has to be known of how functions are related. A rank is
proved by a square block that is not singular; it can only be too small. Near a generic point that the connected component
of the point and its data reaches there are at most `dimension - rank` independent analytic laws.

The growth modulo a prime with free values of functions says which rank to expect. If that is more than real brackets
show, functions are related, and the brackets are closed again in real arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import flint
import numpy as np
import numpy.typing as npt

from lielaws.engine.arithmetic.balls import Balls, precision
from lielaws.engine.arithmetic.enclosures import Enclosures, exact
from lielaws.engine.arithmetic.polynomials import ObjectArray
from lielaws.engine.closure.brackets import chunk_size, left_normed
from lielaws.engine.closure.continuation import continued
from lielaws.engine.closure.growth import DEPTH_LIMIT, Growth, Witness
from lielaws.engine.flows.fields import Choice, VectorFields, random_gates
from lielaws.engine.graph.constants import is_generic
from lielaws.engine.graph.node import Leaf, Node, ancestors
from lielaws.engine.linalg.nonsingular import Span, is_nonsingular, pivot_columns
from lielaws.engine.potential.patterns import DENOMINATOR, constant_enclosure, varied_data
from lielaws.errors import ExactnessError
from lielaws.progress import Progress

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

# Numerators: larger numbers lose bits in exponentials and norms, smaller ones make functions nearly linear.
_LEAST, _LARGEST = 12, 80
# Rows to choose from beyond the rank: a better conditioned block for a few more evaluations.
_SPARE_ROWS = 6
# Points to try: where roots or logarithms have no value, another point may have them.
_POINTS = 12
# float64 first; `arb` with more bits where pivots are too small for it.
_PRECISIONS = (128, 256, 512)
# Matrices of `arb` beyond this take minutes.
_LARGEST_PRECISE = 400
# What remains of a dependent row is rounding; if it is wider than this, more bits are needed to tell.
_WIDE = 2.0**-40
_PATIENCE = 4
# Draws in a row outside the domain of a function, after which a depth is given up.
_MOST_DRAWN = 2000
_PATTERN_PATIENCE = 64
_CHUNK = 32


@dataclass(frozen=True, slots=True)
class RealGrowth:
    """Ranks of the brackets up to each depth at a real point: none is larger than the true one.

    vector : the point, as numerators over `patterns.DENOMINATOR`, as are the values in the witnesses
    witnesses : independent brackets
    columns : the coordinates of the block that was proved not to be singular
    """

    ranks: tuple[int, ...]
    closed: bool
    vector: IntArray
    witnesses: tuple[Witness, ...]
    columns: IntArray

    @property
    def rank(self) -> int:
        return self.ranks[-1]


def proved_growth(
    fields: VectorFields,
    guess: Growth,
    rng: np.random.Generator,
    progress: Progress | None = None,
    points: int = 1,
) -> RealGrowth:
    """The ranks that real brackets have; those of the guess if they can be proved.

    Raises ExactnessError if the network has a value at none of the points that are tried.
    """
    best: RealGrowth | None = None
    tries = 0
    for vector in _points(fields, rng):
        proof = _Proof(fields, vector, rng)
        if not proof.has_values():
            continue
        if progress is not None:
            progress("proof of the rank with real values", 0, guess.rank)
        found = proof.in_floats(guess)
        if found is None and fields.space.dimension <= _LARGEST_PRECISE:
            found = proof.in_balls(guess)
        if found is None:
            found = proof.closed_in_floats()
        best = found if best is None or found.rank > best.rank else best
        tries += 1
        # Where roots have hidden kinks, the data of one point may not reach all of their sides.
        if best.rank >= guess.rank or not proof.has_kinks or tries == points:
            return best
    if best is None:
        raise ExactnessError("the network has no value at the points that were tried: a root or a logarithm has none")
    return best


def _points(fields: VectorFields, rng: np.random.Generator) -> Iterator[IntArray]:
    for attempt in range(_POINTS):
        parts = [_numerators(rng, shape, shape[-1] if len(shape) > 1 else 1) for shape in fields.space.shapes.values()]
        vector = np.concatenate([part.ravel() for part in parts])
        # Logarithms and roots of parameters, and time, ask for positive ones.
        vector[: fields.space.start] = np.abs(vector[: fields.space.start])
        yield np.abs(vector) if attempt % 2 else vector


def _numerators(rng: np.random.Generator, shape: tuple[int, ...], terms: int = 1) -> IntArray:
    """Random numerators; those of weights that sum so many terms are smaller, so that layers keep the size of numbers."""
    largest = max(_LEAST, round(_LARGEST / terms**0.5))
    return np.asarray(rng.integers(largest // 8, largest + 1, shape) * rng.choice([-1, 1], shape), dtype=np.int64)


def _varied_data(fields: VectorFields, vector: IntArray, rng: np.random.Generator) -> list[dict[Leaf, IntArray]]:
    """Data on both sides of hidden kinks, as of sqrt(u^2), found where the network shows them when it is rewritten."""
    if not any(node.op == "sqrt" for node in ancestors(fields.present)):
        return []
    gates = fields.rewritten.potential.gates
    starts = {leaf.static: start for leaf, start in zip(fields.leaves, fields.space.offsets.values(), strict=True)}
    point = {
        leaf.static: vector[start : start + leaf.size].reshape(1, *leaf.shape)
        for leaf, start in zip(fields.leaves, starts.values(), strict=True)
    }
    return varied_data(gates, point, rng) if gates else []


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

    def __init__(self, fields: VectorFields, vector: IntArray, rng: np.random.Generator) -> None:
        self.fields, self.vector, self.rng = fields, vector, rng
        self._enclosures, self._balls = Enclosures(), Balls()
        self._drawn = 0
        self._varied = _varied_data(fields, vector, rng)
        self._generic = fields.generic and not self._varied

    @property
    def has_kinks(self) -> bool:
        return bool(self._varied)

    def has_values(self) -> bool:
        """Whether vector fields can be evaluated there at all."""
        return bool(self._float_rows(self._words(1, _CHUNK))[2].any())

    # Choices

    def _words(self, depth: int, count: int) -> tuple[Choice, ...]:
        """X_1, .., X_depth for some brackets."""
        return tuple(self._choose(count, cyclic=not k) for k in range(depth))

    def _choose(self, count: int, *, cyclic: bool) -> Choice:
        fields, rng = self.fields, self.rng
        listed, gates = fields.listed, {gate.leaf.static for gate in fields.potential.gates}
        values: dict[Leaf, IntArray] = {
            node.static: _numerators(rng, (1, count, *node.shape))
            for node in fields.outside
            if node.static not in gates and node.static.role != "constant"
        }
        for k, group in enumerate(self._varied):
            # Of four choices three are of those that differ in the signs of arguments of roots.
            for leaf, array in group.items():
                values[leaf][0, k::4] = array[rng.integers(0, len(array), len(values[leaf][0, k::4]))]
        if listed is not None:
            numbers = (self._drawn + np.arange(count)) % listed.count if cyclic else rng.integers(0, listed.count, count)
            self._drawn += count if cyclic else 0
            chosen = listed.choose(numbers)
            return Choice(values | {leaf: array * DENOMINATOR for leaf, array in chosen.items()}, count, numbers)
        for gate in fields.potential.gates:
            shape = (1, count, *gate.leaf.shape)
            free = fields.potential.affine
            values[gate.leaf.static] = _numerators(rng, shape) if free else random_gates(rng, shape) * DENOMINATOR
        return Choice(values, count)

    # Evaluation

    def _float_rows(self, words: Sequence[Choice]) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
        """Midpoints and radii of brackets, (count, dimension), and which of them have values."""
        count, chunk = words[0].count, max(1, chunk_size(self.fields, len(words)) // 4)
        vector = exact(self.vector.reshape(1, 1, -1) / DENOMINATOR)
        mids, rads, kept = [], [], []
        for start in range(0, count, chunk):
            some = [word.select(slice(start, start + chunk)) for word in words]
            self._enclosures.undefined = None
            with np.errstate(all="ignore"):
                rows = left_normed(self.fields, [self._lifted(word) for word in some], vector, self._enclosures)
            rows = np.broadcast_to(rows, (2, 1, some[0].count, self.fields.space.dimension))
            good = np.isfinite(rows).all(axis=(0, 1, 3))
            if self._enclosures.undefined is not None:
                good &= ~self._enclosures.undefined
            good &= np.logical_and.reduce([continued(self.fields, self.vector, word) for word in some])
            mids.append(rows[0, 0])
            rads.append(rows[1, 0])
            kept.append(good)
        return np.concatenate(mids), np.concatenate(rads), np.concatenate(kept)

    def _lifted(self, choice: Choice) -> Choice:
        values = {leaf: exact(array / DENOMINATOR) for leaf, array in choice.values.items()}
        values |= {node.static: constant_enclosure(node) for node in self.fields.potential.constants}
        return Choice(values, choice.count)  # type: ignore[arg-type]

    def _ball_rows(self, words: Sequence[Choice]) -> tuple[ObjectArray, npt.NDArray[np.bool_]]:
        """The same with `arb` at the precision that is set."""
        vector = _as_balls(self.vector.reshape(1, 1, -1))
        self._balls.undefined = None
        lifted = []
        for word in words:
            values = {leaf: _as_balls(array) for leaf, array in word.values.items()}
            values |= {node.static: _constant_balls(node) for node in self.fields.potential.constants}
            lifted.append(Choice(values, word.count))  # type: ignore[arg-type]
        rows = left_normed(self.fields, lifted, vector, self._balls)
        rows = np.broadcast_to(rows, (1, words[0].count, self.fields.space.dimension))[0]
        good = np.array([all(entry.is_finite() for entry in row) for row in rows], dtype=np.bool_)
        if self._balls.undefined is not None:
            good &= ~self._balls.undefined
        good &= np.logical_and.reduce([continued(self.fields, self.vector, word) for word in words])
        return rows, good

    # In floats

    def in_floats(self, guess: Growth) -> RealGrowth | None:
        """The ranks of the guess, if real brackets have them and float64 suffices to prove it."""
        wanted = np.diff([0, *dict.fromkeys(guess.ranks)]).tolist()
        drawn = []
        for depth, count in enumerate(wanted, start=1):
            words = self._words(depth, self._enough(count))
            mid, rad, good = self._float_rows(words)
            rows = np.flatnonzero(good)
            if len(rows) < count:
                return None
            drawn.append(_Rows(tuple(word.select(rows) for word in words), mid[rows], rad[rows]))
        if self._generic:
            # Random brackets are independent then, on any columns that serve modulo a prime.
            first = [rows.select(np.arange(count)) for rows, count in zip(drawn, wanted, strict=True)]
            found = self._proved(guess.ranks, guess.closed, first, guess.columns)
            if found is not None:
                return found
        span = Span(self.fields.space.dimension)
        best = [rows.select(span.extend(rows.mid, count)) for rows, count in zip(drawn, wanted, strict=True)]
        return None if span.rank < guess.rank else self._proved(guess.ranks, guess.closed, best)

    def _enough(self, wanted: int) -> int:
        """How many brackets to choose as many from."""
        if self._generic:
            return wanted + _SPARE_ROWS
        return 2 * wanted + max(_PATTERN_PATIENCE, self._patterns)

    @property
    def _patterns(self) -> int:
        """How many patterns are gone through in turn."""
        listed = self.fields.listed.count if self.fields.listed is not None else 0
        return listed + (len(next(iter(self._varied[-1].values()))) if self._varied else 0)

    def _proved(
        self, ranks: tuple[int, ...], closed: bool, chosen: Sequence[_Rows], columns: IntArray | None = None
    ) -> RealGrowth | None:
        """The growth with these brackets, if they are proved to be independent."""
        mid, rad = np.concatenate([rows.mid for rows in chosen]), np.concatenate([rows.rad for rows in chosen])
        columns = pivot_columns(mid) if columns is None else columns
        if not is_nonsingular(mid[:, columns], rad[:, columns]):
            return None
        return RealGrowth(ranks, closed, self.vector, tuple(Witness(rows.words) for rows in chosen), columns)

    def closed_in_floats(self) -> RealGrowth:
        """The growth of real brackets as far as float64 tells; all that were kept are proved in the end."""
        span, chosen = Span(self.fields.space.dimension), list[_Rows]()

        def add(words: Sequence[Choice]) -> tuple[IntArray, int]:
            mid, rad, good = self._float_rows(words)
            rows = np.flatnonzero(good)
            kept = rows[span.extend(mid[rows])]
            chosen.append(_Rows(tuple(word.select(kept) for word in words), mid[kept], rad[kept]))
            return kept, len(rows)

        ranks, closed, _ = self._closed(add, lambda: span.rank)
        proved = self._proved(ranks, closed, chosen)
        if proved is None:
            raise ExactnessError(f"the rank {ranks[-1]} of real brackets could not be proved; try another seed")
        return proved

    # In balls

    def in_balls(self, guess: Growth) -> RealGrowth:
        """The growth of real brackets, closed with `arb`; it needs no confirmation where it reaches the guess."""
        for bits in _PRECISIONS:
            with precision(bits):
                echelon, span = BallEchelon(), Span(self.fields.space.dimension)

                def add(
                    words: Sequence[Choice], echelon: BallEchelon = echelon, span: Span = span
                ) -> tuple[IntArray, int]:
                    mid, rad, good = self._float_rows(words)
                    # Floats are quick to tell most dependent rows; the others are looked at precisely.
                    open_rows = np.flatnonzero(~(good & span.looks_dependent(mid, rad)))
                    if not len(open_rows):
                        return open_rows, int(good.sum())
                    rows, precise = self._ball_rows([word.select(open_rows) for word in words])
                    kept = [k for k in np.flatnonzero(precise).tolist() if echelon.add(rows[k])]
                    span.extend(_as_floats(rows[kept]))
                    good[open_rows] = precise
                    return open_rows[kept], int(good.sum())

                ranks, closed, witnesses = self._closed(add, lambda echelon=echelon: echelon.rank, guess)
            if not echelon.imprecise:
                break
        return RealGrowth(ranks, closed, self.vector, tuple(witnesses), echelon.columns)

    # The growth

    def _closed(
        self, add: Add, rank: Callable[[], int], guess: Growth | None = None
    ) -> tuple[tuple[int, ...], bool, list[Witness]]:
        """The ranks by depth, whether they have stopped growing, and the brackets that are independent."""
        full = self.fields.space.dimension
        ranks: list[int] = []
        witnesses: list[Witness] = []
        while len(ranks) < DEPTH_LIMIT and (len(ranks) < 2 or ranks[-1] > ranks[-2]):
            # Real brackets that have the rank of the guess need not be looked at any further.
            known = guess is not None and len(guess.ranks) > len(ranks)
            target = guess.ranks[len(ranks)] if guess is not None and known else full
            witnesses += self._extended(add, rank, len(ranks) + 1, target)
            ranks.append(rank())
            if guess is not None and guess.closed and ranks[-1] == guess.rank:
                return guess.ranks if tuple(ranks) == guess.ranks[: len(ranks)] else (*ranks, ranks[-1]), True, witnesses
            if ranks[-1] == full:
                ranks.append(full)
        return tuple(ranks), len(ranks) > 1 and ranks[-1] == ranks[-2], witnesses

    def _extended(self, add: Add, rank: Callable[[], int], depth: int, target: int) -> Iterator[Witness]:
        """Brackets of one depth, until they have the rank that is aimed at or bring nothing new."""
        generic, dependent, drawn = self._generic, 0, 0
        patience = _PATIENCE if generic else max(_PATTERN_PATIENCE, self._patterns)
        while dependent < patience and drawn < _MOST_DRAWN and rank() < target:
            words = self._words(depth, min(_CHUNK, target - rank() + (0 if generic else patience)))
            kept, seen = add(words)
            if len(kept):
                yield Witness(tuple(word.select(kept) for word in words))
            # Samples outside the domain of a function say nothing.
            dependent = (0 if len(kept) else dependent) + seen - len(kept)
            drawn = 0 if seen else drawn + words[0].count


Add = Callable[[Sequence[Choice]], tuple[IntArray, int]]
"""adds brackets to a span: which are new, and how many had values"""


class BallEchelon:
    """Rows of `arb` in reduced form: a pivot counts only if its ball excludes zero.

    imprecise : whether a row was taken for dependent whose balls are too wide to tell
    """

    def __init__(self) -> None:
        self._rows: list[ObjectArray] = []
        self._pivots: list[int] = []
        self.imprecise = False

    @property
    def rank(self) -> int:
        return len(self._rows)

    @property
    def columns(self) -> IntArray:
        return np.sort(np.array(self._pivots, dtype=np.int64))

    def add(self, row: ObjectArray) -> bool:
        """Whether the row is proved to be independent of those before."""
        largest = max(float(x.abs_upper()) for x in row)
        for known, pivot in zip(self._rows, self._pivots, strict=True):
            factor = row[pivot]
            if not factor.is_zero():
                row = row - known * factor
                row[pivot] = flint.arb(0)
        sizes = [float(x.abs_lower()) for x in row]
        pivot = int(np.argmax(sizes))
        if sizes[pivot] > 0:
            self._rows.append(row / row[pivot])
            self._pivots.append(pivot)
            return True
        self.imprecise |= max(float(x.abs_upper()) for x in row) > _WIDE * largest
        return False


def _as_balls(numerators: IntArray) -> ObjectArray:
    entries = np.empty(numerators.size, dtype=object)
    entries[:] = [flint.arb(number) / DENOMINATOR for number in numerators.ravel().tolist()]
    return entries.reshape(numerators.shape)


def _as_floats(rows: ObjectArray) -> FloatArray:
    return np.array([[float(entry.mid()) for entry in row] for row in rows], dtype=np.float64).reshape(rows.shape)


def _constant_balls(node: Node) -> ObjectArray:
    from lielaws.engine.arithmetic.enclosures import NUMBERS

    if not is_generic(node.static):
        entries = np.empty(node.size, dtype=object)
        entries[:] = [NUMBERS[node.static.name]()] * node.size
        return entries.reshape((1, 1, *node.shape))
    mid = constant_enclosure(node)[0]
    entries = np.empty(mid.size, dtype=object)
    entries[:] = [flint.arb(number) for number in mid.ravel().tolist()]
    return entries.reshape(mid.shape)


def generic_constants(fields: VectorFields) -> Mapping[str, IntArray]:
    """The numerators of the generic constants at the real point, by name."""
    return {
        node.static.name: np.asarray(np.rint(constant_enclosure(node)[0] * DENOMINATOR), dtype=np.int64).ravel()
        for node in fields.potential.constants
        if is_generic(node.static)
    }
