"""Which products of arguments of square roots are squares, from their symbols modulo a prime.

The symbols (q / p) of a square are the same at all points; those of anything else are not at about half of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lielaws.engine.graph.node import Node
from lielaws.engine.linalg import modular
from lielaws.engine.values.atoms import Entry
from lielaws.engine.values.basepoints import PatternSampler
from lielaws.engine.values.draws import Draw
from lielaws.engine.values.sources import SAMPLE
from lielaws.engine.values.trial import PRIMES, Pattern, Points, UndefinedPatternError, trials
from lielaws.errors import ExactnessError

IntArray = npt.NDArray[np.int64]
Bits = npt.NDArray[np.bool_]

_SPARE = 40
_CHOICES = 8
_SIGNED = 6


@dataclass(frozen=True, slots=True)
class Relation:
    """A product of arguments of roots that is a square, up to a factor that does not depend on data.

    pivot : the root whose sign is settled by it; members : all roots of the product
    everywhere : whether that factor is a number
    """

    pivot: int
    members: frozenset[int]
    everywhere: bool


def square_products(
    entries: Sequence[Entry], patterns: Sequence[Pattern], lower: Sequence[Node]
) -> list[list[Relation]]:
    """For each pattern the products of arguments of roots that are squares, up to a factor without data.

    lower : all roots of lower levels; arguments of these are squares, too

    Lower roots have one sign at all base points that are drawn, and so their products would seem to be squares. So some
    of them get the other sign.
    """
    arguments = list({root.serial: root.inputs[0] for root, _ in entries}.values())
    found: list[list[Relation]] = []
    of_data = _Trials(arguments, lower, len(entries) + _SPARE, True)
    anywhere = _Trials(arguments, lower, len(entries) + _SPARE, False)
    for number, values in enumerate(of_data.values(patterns)):
        changing = [k for k in range(len(entries)) if np.any(values[:, k] != values[0, k])]
        related = _constant_products(_symbols(values, number), changing)
        if len(changing) == len(entries) and not related:
            found.append([])
            continue
        # Roots without data come first, so that no sign of theirs is settled by data.
        order = sorted(range(len(entries)), key=lambda k: (k in changing, k))
        everywhere = _constant_products(_symbols(anywhere.of_pattern(patterns[number], number), number), order)
        relations = {k: Relation(k, members, False) for k, members in related.items()}
        relations |= {k: Relation(k, members, True) for k, members in everywhere.items()}
        found.append([relations[k] for k in order if k in relations])
    return found


@dataclass(frozen=True)
class _Trials:
    """Values of the arguments of roots, with several choices of signs for the roots of lower levels.

    common : at one state, with the signs of roots of the state as they are; else each sample at its own state
    """

    arguments: Sequence[Node]
    lower: Sequence[Node]
    count: int
    common: bool

    def values(self, patterns: Sequence[Pattern]) -> Iterator[IntArray]:
        """For each pattern the values, (samples, entries)."""
        first = [points for (points,) in self._points(patterns, self.count, 0, None)]
        parts = [[points.values] for points in first]
        for seed, negated in enumerate(self._choices(patterns[0]), start=1):
            chosen = [pattern.with_plan(pattern.plan.with_signs(negated)) for pattern in patterns]
            try:
                more = list(self._points(chosen, _SIGNED, seed, first[0].state if self.common else None))
            except (ExactnessError, UndefinedPatternError):
                # A root of a root with that sign does not exist.
                continue
            for part, (points,) in zip(parts, more, strict=True):
                part.append(points.values)
        width = sum(node.size for node in self.arguments)
        for part in parts:
            yield np.concatenate(part)[:, :width]

    def _points(self, patterns: Sequence[Pattern], count: int, seed: int, state: Draw | None) -> Iterator[list[Points]]:
        nodes, states = [*self.arguments, *self.lower], 1 if self.common else None
        return trials(nodes, patterns, PRIMES[0], count, states=states, seed=seed, state=state)

    def of_pattern(self, pattern: Pattern, number: int) -> IntArray:
        """The values for one pattern."""
        try:
            (values,) = self.values([pattern])
        except ExactnessError:
            if not number:
                raise
            raise UndefinedPatternError(number) from None
        return values

    def _choices(self, pattern: Pattern) -> Iterator[list[tuple[int, int]]]:
        """Random sets of lower roots, or of those of them that depend on data."""
        sources = PatternSampler([*self.arguments, *self.lower], pattern.plan, pattern.gates).sources
        roots = [
            (node.serial, k)
            for node, masks in sources.roots
            for k, mask in enumerate(masks)
            if not self.common or sources.in_scope(mask, SAMPLE)
        ]
        rng = np.random.default_rng(len(roots))
        for _ in range(_CHOICES if roots else 0):
            yield [root for root in roots if rng.integers(2)]


def _symbols(values: IntArray, number: int) -> Bits:
    """Where the arguments are no squares modulo p, (samples, entries), at samples at which none is zero."""
    if not values.any(axis=0).all():
        raise UndefinedPatternError(number)
    values = values[values.all(axis=1)]
    return np.asarray(modular.power(values, (PRIMES[0] - 1) // 2, PRIMES[0]) != 1)


def _constant_products(symbols: Bits, order: Sequence[int]) -> dict[int, frozenset[int]]:
    """The products with the same symbol at all samples: for each entry that closes one, itself and earlier ones.

    A product that is no square passes with a probability of 2^-40.
    """
    found = {}
    basis: dict[int, tuple[int, int]] = {}
    insert(basis, (1 << len(symbols)) - 1, 0)
    for k in order:
        members = insert(basis, mask(symbols[:, k]), 1 << k)
        if members is not None:
            found[k] = frozenset(j for j in range(symbols.shape[1]) if members >> j & 1)
    return found


def insert(basis: dict[int, tuple[int, int]], vector: int, members: int) -> int | None:
    """Add a vector over two elements to an echelon form by leading bits; for a dependent one, what cancels it."""
    while vector:
        lead = vector.bit_length()
        if lead not in basis:
            basis[lead] = (vector, members)
            return None
        vector, members = vector ^ basis[lead][0], members ^ basis[lead][1]
    return members


def mask(bits: npt.ArrayLike) -> int:
    return sum(1 << k for k in np.flatnonzero(bits).tolist())
