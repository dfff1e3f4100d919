"""Values of the laws, as a caller gives them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.arraytypes import ObjectArray
from lielaws.engine.graph.trace import as_rational
from lielaws.engine.laws.law import Law
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.presentation import LawGroup, entry_polynomial, symmetric_size
from lielaws.errors import InvalidArgumentError, nearest
from lielaws.report.report import Report

BALANCED = "balanced"


@dataclass(frozen=True)
class Level:
    """The parameters at which some laws have given values.

    values : polynomial -> value
    text : how it was asked for
    is_balanced : whether all laws that there are were asked to be zero
    """

    values: Mapping[Polynomial, Fraction]
    text: str
    is_balanced: bool = False

    def of_laws(self, laws: Sequence[Law]) -> list[Fraction] | None:
        """The values of these laws; None if one of them is free."""
        if any(law.polynomial not in self.values for law in laws):
            return None
        return [self.values[law.polynomial] for law in laws]


def value_at(polynomial: Polynomial, point: Sequence[Fraction]) -> Fraction:
    total = Fraction(0)
    for monomial, coefficient in polynomial.terms:
        term = Fraction(coefficient)
        for coordinate in monomial:
            term *= point[coordinate]
        total += term
    return total


@dataclass(frozen=True)
class GramLaw:
    """A group of laws that are the entries of a symmetric matrix, such as W1 W1^T - W2^T W2.

    template : one of its laws, which two indices are read off and replaced
    """

    template: Law
    size: int

    def entry(self, i: int, j: int) -> Polynomial:
        return entry_polynomial(self.template, i, j)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        return [(i, j) for i in range(self.size) for j in range(i, self.size)]

    @classmethod
    def of(cls, group: LawGroup, verified: frozenset[Polynomial]) -> GramLaw | None:
        """The matrix that a group is, if all of its entries are laws."""
        size = symmetric_size(group.laws, verified)
        return None if size is None else cls(group.laws[0], size)


def gram_laws(report: Report) -> dict[str, GramLaw]:
    """The groups that are matrices, by their text."""
    found = {group.text: GramLaw.of(group, report.search.verified) for group in report.groups}
    return {text: gram for text, gram in found.items() if gram is not None}


def level_at(report: Report, point: Sequence[Fraction]) -> Level:
    """The level of a point."""
    entries = {gram.entry(i, j) for gram in gram_laws(report).values() for i, j in gram.pairs}
    laws = entries | {law.polynomial for law in report.laws}
    return Level({law: value_at(law, point) for law in laws}, "the values of the laws at the given point")


def read_level(report: Report, law_values: Any) -> Level:
    """The level that `law_values` asks for.

    Parameters
    ----------
    law_values : 0 or "balanced" for all laws; a sequence with one value for each of `report.laws`; or a mapping from
        the name of a law or the text of a group to its value: a number, which stands for a multiple of the identity
        where the group is a matrix, an array of one number for each unit, or a symmetric matrix

    Raises InvalidArgumentError for unknown names, wrong shapes, and values that are not numbers.
    """
    if not report.laws:
        raise InvalidArgumentError("law_values", law_values, f"{report.name} has no laws that were found; leave it out")
    if isinstance(law_values, Mapping):
        return _named(report, law_values)
    if isinstance(law_values, Sequence | np.ndarray) and not isinstance(law_values, str):
        return _listed(report, law_values)
    return _balanced(report, law_values)


def _balanced(report: Report, law_values: Any) -> Level:
    number = Fraction(0) if law_values == BALANCED else _number(law_values) if not isinstance(law_values, str) else None
    if number is None or number:
        remedy = "only 'balanced' or 0 stands for all laws; else give a mapping of names, or one value for each law"
        raise InvalidArgumentError("law_values", law_values, remedy)
    grams = gram_laws(report)
    values = {law.polynomial: number for law in report.laws}
    values |= {gram.entry(i, j): number for gram in grams.values() for i, j in gram.pairs}
    return Level(values, "all laws zero", is_balanced=True)


def _listed(report: Report, law_values: Any) -> Level:
    entries = _array("law_values", law_values)
    if entries.shape != (len(report.laws),):
        remedy = f"one value for each of the {len(report.laws)} laws is needed, in the order of the report"
        raise InvalidArgumentError("law_values", f"shape {entries.shape}", remedy)
    values = {law.polynomial: number for law, number in zip(report.laws, entries.tolist(), strict=True)}
    return Level(values, ", ".join(f"{law.name} = {number}" for law, number in zip(report.laws, entries, strict=True)))


def _named(report: Report, law_values: Mapping[Any, Any]) -> Level:
    if not law_values:
        raise InvalidArgumentError("law_values", law_values, "at least one law is needed")
    names = {law.name: law for law in report.laws}
    groups = {group.text: group for group in report.groups if len(group.laws) > 1}
    grams = gram_laws(report)
    values: dict[Polynomial, Fraction] = {}
    for name, value in law_values.items():
        if name in groups:
            pairs = list(_grouped(str(name), groups[name], grams.get(name), value))
        elif name in names:
            pairs = [(names[name].polynomial, _number(value, f"law_values[{name!r}]"))]
        else:
            raise InvalidArgumentError("law_values", name, nearest(str(name), [*names, *groups]))
        for polynomial, number in pairs:
            if values.setdefault(polynomial, number) != number:
                remedy = f"a law is given twice, as {values[polynomial]} and as {number}"
                raise InvalidArgumentError("law_values", name, remedy)
    return Level(values, ", ".join(f"{name} = {_shown(value)}" for name, value in law_values.items()))


def _shown(value: Any) -> str:
    return str(value) if np.ndim(value) == 0 else str(np.asarray(value).tolist())


def _grouped(name: str, group: LawGroup, gram: GramLaw | None, value: Any) -> Iterator[tuple[Polynomial, Fraction]]:
    argument = f"law_values[{name!r}]"
    entries = _array(argument, value)
    if gram is not None:
        matrix = _matrix(argument, entries, gram.size)
        yield from ((gram.entry(i, j), matrix[i, j]) for i, j in gram.pairs)
        return
    if entries.shape not in ((), (len(group.laws),)):
        remedy = f"one number, or one for each of its {len(group.laws)} laws, is needed"
        raise InvalidArgumentError(argument, f"shape {entries.shape}", remedy)
    numbers = np.broadcast_to(entries, (len(group.laws),))
    yield from zip((law.polynomial for law in group.laws), numbers.tolist(), strict=True)


def _matrix(argument: str, entries: ObjectArray, size: int) -> ObjectArray:
    if entries.shape == ():
        scalar = entries.item()
        return np.array([[scalar if i == j else Fraction(0) for j in range(size)] for i in range(size)], dtype=object)
    if entries.shape != (size, size) or (entries != entries.T).any():
        remedy = f"a number or a symmetric matrix of shape ({size}, {size}) is needed"
        raise InvalidArgumentError(argument, f"array of shape {entries.shape}", remedy)
    return entries


def _array(argument: str, value: Any) -> ObjectArray:
    """An array of fractions."""
    try:
        raw = np.asarray(value, dtype=object)
    except ValueError:
        raise InvalidArgumentError(argument, value, "rows of one length are needed") from None
    numbers = np.empty(raw.size, dtype=object)
    numbers[:] = [_number(entry, argument) for entry in raw.ravel().tolist()]
    return numbers.reshape(raw.shape)


def _number(value: Any, argument: str = "law_values") -> Fraction:
    try:
        number = as_rational(value)
    except InvalidArgumentError:
        number = None
    if number is None:
        raise InvalidArgumentError(argument, value, "finite rational numbers are needed")
    return number
