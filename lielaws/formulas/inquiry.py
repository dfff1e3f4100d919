"""What is known about a family at a time: its cases, the formula for them, and what has refuted earlier ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lielaws.arraytypes import ObjectArray
from lielaws.formulas.ambiguity import Alternative, alternatives, untested
from lielaws.formulas.case_counts import Data
from lielaws.formulas.cases import Cases
from lielaws.formulas.cells import in_pieces
from lielaws.formulas.conditions import Condition
from lielaws.formulas.explain import polynomials_of, total_bits
from lielaws.formulas.finding import Found, find, is_right
from lielaws.formulas.regimes import Model, Piece
from lielaws.formulas.sizes import Chain, Shape
from lielaws.formulas.support import Narrow, narrow_forms
from lielaws.formulas.universe import from_columns, universe

_FEWEST_COVERED = 8  # one case in so many
_MOST_REGIMES = 2
_SEARCHES = 3

Case = tuple[dict[str, int], Chain | None]


@dataclass
class Inquiry:
    """All that was found out.

    cases, counts : the rows, and the fresh cases that were added to them
    given : how many of them are rows
    found : the last result of the search; `model` is the same formula in pieces
    fresh : fresh cases that were computed after it was found, where it is not open
    refuted : (formula, case, count) of earlier ones
    """

    shape: Shape
    cases: Cases
    counts: ObjectArray
    given: int
    rng: np.random.Generator
    universe: Cases
    found: Found
    model: Model
    fresh: list[Computed] = field(default_factory=list)
    refuted: list[tuple[Model, Case, int]] = field(default_factory=list)
    unchecked: bool = False

    def alternatives(self) -> list[Alternative]:
        """What else fits all that is known by now."""
        if not self.model.pieces:
            return []
        others = [other for other in self.found.others if is_right(other, self.cases, self.counts)]
        data = Data(self.cases, self.counts, self.rng)
        drafts = [in_pieces(other, self.universe) for other in others]
        found = alternatives(self.model, drafts, data, self.universe, self.model == self.found.model)
        return [*untested(self.found.model, data, self.universe), *found]

    def narrow(self) -> tuple[Narrow, ...]:
        """Forms whose influence on the value no case has tested, in the pieces of the formula as it was found."""
        data = Data(self.cases, self.counts, self.rng)
        return tuple(narrow for narrow in narrow_forms(self.found.model, data) if narrow.weak)

    def simple_regimes(self) -> list[Model]:
        """For a formula that leaves cases open: its first polynomial under one condition, the simplest first."""
        if self.model.complete or not self.found.model.pieces:
            return []
        polynomial = self.found.model.pieces[0].polynomial
        agrees = polynomial.agrees(self.cases, self.counts)
        data = Data(self.cases, self.counts, self.rng)
        found: dict[bytes, Condition] = {}
        for condition, _, most in data.pool.separators(np.zeros(len(agrees), dtype=bool), ~agrees):
            widest = Condition(condition.statistic, most)
            covered = widest.holds(self.cases)
            if _FEWEST_COVERED * covered.sum() >= len(covered):
                found.setdefault(covered.tobytes(), widest)
        simplest = sorted(found.values(), key=lambda condition: condition.bits)[:_MOST_REGIMES]
        return [in_pieces(Model((Piece((condition,), polynomial),)), self.universe) for condition in simplest]

    def search(self) -> None:
        """Find the formula for all the counts."""
        self.universe = universe(self.shape, self.cases, self.rng)
        hints = polynomials_of(self.found.model.pieces)
        self.adopt(find(self.cases, self.counts, self.rng, hints))

    def search_afresh(self) -> bool:
        """Search without what was found before, which may mislead; whether a shorter formula was found."""
        data = Data(self.cases, self.counts, self.rng)
        for _ in range(_SEARCHES):
            found = find(self.cases, self.counts, self.rng)
            if total_bits(found.model, data) < total_bits(self.found.model, data):
                self.adopt(found)
                return True
        return False

    def adopt(self, found: Found) -> None:
        self.found = found
        self.model = in_pieces(found.model, self.universe)
        self.fresh = []

    def add(self, found: Sequence[Computed]) -> None:
        """Add fresh cases to the data."""
        if not found:
            return
        columns = {
            name: np.concatenate(
                [self.cases.column(name), np.array([each.row[name] for each in found], dtype=np.int64)]
            )
            for name in self.shape.columns
        }
        chains = None
        if self.shape.varying and self.cases.chains is not None:
            chains = (*self.cases.chains, *(each.widths or () for each in found))
        self.cases = from_columns(self.shape, columns, chains)
        self.counts = np.concatenate([self.counts, np.array([each.count for each in found], dtype=object)])


@dataclass(frozen=True)
class Computed:
    """A fresh case, its count, and what the formula says: None where it is open."""

    row: dict[str, int]
    widths: Chain | None
    value: int | None
    count: int

    @property
    def case(self) -> Case:
        return self.row, self.widths

    @property
    def refutes(self) -> bool:
        return self.value is not None and self.value != self.count
