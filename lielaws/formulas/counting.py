"""Counts of cases that the results do not hold, from specs learnt from the rows or from a function of the caller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lielaws.architectures.base import Architecture
from lielaws.errors import InvalidArgumentError, LieLawsError
from lielaws.formulas.cases import Cases
from lielaws.formulas.rows import Row, Rows
from lielaws.formulas.sizes import Chain, Shape
from lielaws.formulas.template import learn

Make = Callable[[Any], Any]

_FEWEST_PARAMETERS = 100
_CHECKED = 3


@dataclass
class Counter:
    """Counts of architectures by their sizes, up to a number of parameters."""

    make: Make
    shape: Shape
    settings: Mapping[str, Any]
    largest: int
    seed: int = 0
    _known: dict[Any, int | None] = field(default_factory=dict, repr=False)

    def count(self, row: Mapping[str, int], widths: Chain | None) -> int | None:
        """The number of laws; None if there is no such architecture, if it is too large, or did not close."""
        key = (tuple(row.items()), widths)
        if key not in self._known:
            self._known[key] = self._count(self.shape.outward(row, widths))
        return self._known[key]

    def _count(self, sizes: Any) -> int | None:
        from lielaws.discover import discover_laws
        from lielaws.questions import Settings, as_question

        try:
            made = self.make(sizes)
        except LieLawsError:
            return None
        if isinstance(made, bool) or made is None:
            raise InvalidArgumentError("make", made, "it must return a count, a report, an architecture or a spec")
        if isinstance(made, int | np.integer):
            return int(made)
        if hasattr(made, "n_laws") and hasattr(made, "closed"):
            return int(made.n_laws) if made.closed else None
        try:
            architecture: Architecture = as_question(made, Settings(**self.settings, seed=self.seed))[0]
            if architecture.dimension > self.largest:
                return None
            report = discover_laws(made, **self.settings, find_laws=False, seed=self.seed)
        except LieLawsError:
            return None
        return report.n_laws if report.closed else None

    def cases(self, cases: Cases, number: int) -> int | None:
        """The count of one of many cases."""
        return self.count(*case_of(cases, self.shape, number))


def case_of(cases: Cases, shape: Shape, number: int) -> tuple[dict[str, int], Chain | None]:
    """The columns and the chain of one of many cases."""
    row = {name: int(cases.column(name)[number]) for name in shape.columns}
    return row, cases.chains[number] if shape.varying and cases.chains is not None else None


def counter(rows: Rows, make: Make | None, settings: Mapping[str, Any], seed: int) -> Counter | str:
    """What counts fresh cases, or why that is not possible.

    Specs are trusted only if they give the counts of the rows again: rows may have settings that they do not tell.
    """
    if make is not None and not callable(make):
        raise InvalidArgumentError(
            "make", make, "a function from sizes to an architecture, a spec or a count is needed"
        )
    known = [row.n_parameters for row in rows.rows if row.n_parameters is not None]
    largest = max(_FEWEST_PARAMETERS, 3 * max(known, default=0) // 2)
    chosen = dict(rows.settings) | dict(settings)
    if make is not None:
        found = Counter(make, rows.shape, chosen, largest, seed)
        for row, again in _again(found, rows):
            if again not in (None, row.count):
                remedy = (
                    f"it gives {again} laws where the results have {row.count}; both must be about the same networks"
                )
                raise InvalidArgumentError("make", dict(row.sizes), remedy)
        return found
    if any(row.spec is None for row in rows.rows):
        return "the rows have no specs"
    shape, alike = rows.shape, _alike(rows.rows)
    table = [shape.row(row.sizes) for row in alike]
    chains = [shape.widths(row.sizes) for row in alike] if shape.chain is not None else None
    template = learn([row.spec for row in alike], table, chains, shape)
    if template is None:
        return "the specs of the rows are no function of their sizes"

    def from_spec(sizes: Any) -> Any:
        read = shape.check(sizes)
        return template.fill(shape.row(read), shape.widths(read) if shape.chain is not None else None)

    found = Counter(from_spec, shape, chosen, largest, seed)
    for row, again in _again(found, rows):
        if again != row.count:
            return f"the spec {row.spec} gives {again} laws, the row has {row.count}; name its settings"
    return found


def _alike(rows: tuple[Row, ...]) -> list[Row]:
    """The largest group of rows that have the same options; fresh cases have them, too."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(str(sorted((name, str(value)) for name, value in row.columns.items())), []).append(row)
    return max(groups.values(), key=len)


def _again(counts: Counter, rows: Rows) -> list[tuple[Row, int | None]]:
    """The counts of the smallest rows, one for each of the smallest counts, computed again."""
    shape = rows.shape
    by_count = {row.count: row for row in sorted(rows.rows, key=lambda row: -row.count)}
    found = []
    for row in list(by_count.values())[-_CHECKED:]:
        columns = shape.row(row.sizes)
        widths = shape.widths(row.sizes) if shape.varying else None
        found.append((row, counts.count({name: columns[name] for name in shape.columns}, widths)))
    return found
