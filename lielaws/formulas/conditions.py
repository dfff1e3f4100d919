"""Conditions that separate the pieces of a formula: inequalities in the sizes with small integer coefficients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product
from math import gcd

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.formulas.cases import AFTER, BEFORE, DEPTH, FIRST, HERE, HIDDEN, LAST, LAYERS, Cases, Derived, Form, Name
from lielaws.formulas.consensus import Mask

_LARGEST_COEFFICIENT = 2
_LARGEST_SUM = 4
_MOST_STATISTICS = 4000


@dataclass(frozen=True, slots=True)
class Statistic:
    """An integer function of a case: a form in its columns, or the largest value of one over the hidden layers."""

    form: Form
    layered: bool = False

    @property
    def cost(self) -> int:
        """Conditions on the depth, and those that change when a chain is read backwards, are less natural."""
        weights = {str(name): value for name, value in self.form.coefficients}
        mirrored = all(weights.get(one) == weights.get(other) for one, other in ((BEFORE, AFTER), (FIRST, LAST)))
        return self.form.cost + (0 if mirrored else 2) + (4 if DEPTH in weights else 0)

    def values(self, cases: Cases) -> IntArray:
        """(n,)"""
        return cases.largest(self.form) if self.layered else cases.form(self.form)


@dataclass(frozen=True, slots=True)
class Condition:
    """statistic <= bound"""

    statistic: Statistic
    bound: int

    @property
    def cost(self) -> int:
        return self.statistic.cost + min(abs(self.bound), 6)

    @property
    def bits(self) -> int:
        return 2 + 3 * self.statistic.cost + abs(self.bound).bit_length()

    def holds(self, cases: Cases) -> Mask:
        """(n,)"""
        return np.asarray(self.statistic.values(cases) <= self.bound)


Conjunction = tuple[Condition, ...]


def all_hold(conditions: Conjunction, cases: Cases) -> Mask:
    result = np.ones(len(cases), dtype=bool)
    for condition in conditions:
        result &= condition.holds(cases)
    return result


@dataclass(frozen=True)
class Pool:
    """Statistics with their values on some cases, the simple ones first."""

    statistics: tuple[Statistic, ...]
    values: IntArray  # (n, statistics)

    @cached_property
    def costs(self) -> IntArray:
        return np.array([statistic.cost for statistic in self.statistics], dtype=np.int64)

    def take(self, rows: IntArray | Mask) -> Pool:
        return Pool(self.statistics, self.values[rows])

    def separators(self, inside: Mask, outside: Mask) -> list[tuple[Condition, int, int]]:
        """Conditions that hold for all cases inside and for none outside, with the smallest and the largest bound."""
        if not len(self.statistics) or not outside.any():
            return []
        low = self.values[inside].max(axis=0) if inside.any() else np.full(self.values.shape[1], -(2**40))
        high = self.values[outside].min(axis=0) - 1
        found = []
        for index in np.flatnonzero(low <= high):
            least, most = int(low[index]), int(high[index])
            if most >= -(2**39):
                found.append((Condition(self.statistics[index], nearest_bound(least, most)), least, most))
        return sorted(found, key=lambda entry: entry[0].cost)


def nearest_bound(least: int, most: int) -> int:
    """The bound in an interval that is closest to zero."""
    return min(max(least, 0), most)


def pool(cases: Cases, varying: Sequence[str], symmetric: bool = False) -> Pool:
    """All statistics of small cost, of the sizes that vary.

    symmetric : only those that stay the same when the chains are read backwards
    """
    names = [name for name in varying if name in cases.scalars]
    found = dict.fromkeys(_statistics(cases, names))
    if symmetric:
        found = {statistic: None for statistic in found if _is_symmetric(statistic, cases.widths)}
    ordered = sorted(found, key=lambda statistic: (statistic.cost, statistic.layered, len(statistic.form.names)))
    kept = tuple(ordered[:_MOST_STATISTICS])
    columns = [statistic.values(cases) for statistic in kept]
    values = np.stack(columns, axis=1) if columns else np.zeros((len(cases), 0), dtype=np.int64)
    return Pool(kept, values)


def _is_symmetric(statistic: Statistic, widths: Sequence[str]) -> bool:
    mirror = {
        BEFORE: AFTER,
        AFTER: BEFORE,
        FIRST: LAST,
        LAST: FIRST,
        **dict(zip(widths, reversed(widths), strict=True)),
    }

    def reflected(name: Name) -> object:
        if isinstance(name, Derived):
            return name.kind, frozenset(mirror.get(part, part) for part in name.names)
        return mirror.get(name, name)

    weights = {(n.kind, frozenset(n.names)) if isinstance(n, Derived) else n: v for n, v in statistic.form.coefficients}
    return weights == {reflected(name): value for name, value in statistic.form.coefficients}


def _statistics(cases: Cases, names: Sequence[str]) -> Iterator[Statistic]:
    if cases.chains is not None:
        for form in _forms((BEFORE, HERE, AFTER), 3):
            if HERE in form.names or len(form.names) > 1:
                yield Statistic(form, layered=True)
        for kind, frame in product(("least", "largest"), (HIDDEN, LAYERS)):
            for sign in (1, -1):
                yield Statistic(Form(((Derived(kind, (frame,)), sign),)))
        yield Statistic(Form(((Derived("second", (LAYERS,)), -1),)))
    ends = {FIRST, LAST, DEPTH}
    for form in _forms(names, _LARGEST_SUM):
        # Between the ends of chains of varying length, only the plainest conditions are natural.
        if ends.isdisjoint(form.names) or len(form.names) == 1 or (form.cost == 2 and DEPTH not in form.names):
            yield Statistic(form)
    yield from (Statistic(form) for form in _with_derived([name for name in names if name not in ends]))
    if FIRST in names and LAST in names:
        for kind, sign in product(("min", "max"), (1, -1)):
            yield Statistic(Form(((Derived(kind, (FIRST, LAST)), sign),)))


def _forms(names: Sequence[Name], largest_sum: int) -> Iterator[Form]:
    """Primitive forms of at most four columns."""
    steps = [value for value in range(-_LARGEST_COEFFICIENT, _LARGEST_COEFFICIENT + 1) if value]
    most = 4 if len(names) <= 6 else 3 if len(names) <= 10 else 2
    for size in range(1, min(most, len(names)) + 1):
        for values in product(steps, repeat=size):
            if sum(map(abs, values)) > largest_sum + (size == 3) or gcd(*values) > 1:
                continue
            for chosen in combinations(names, size):
                yield Form(tuple(zip(chosen, values, strict=True)))


def _with_derived(names: Sequence[str]) -> Iterator[Form]:
    """Minima, maxima and products of two columns, alone or against a third."""
    groups: list[tuple[str, ...]] = list(combinations(names, 2))
    if len(names) > 2:
        groups.append(tuple(names))
    for group in groups:
        for kind in ("min", "max") if len(group) > 2 else ("min", "max", "product"):
            derived = Derived(kind, group)
            for sign in (1, -1):
                yield Form(((derived, sign),))
                for other in (name for name in names if name not in group):
                    for weight in (1, 2) if kind != "product" else (1,):
                        yield Form(((other, weight * sign), (derived, -sign)))
