"""Exponents and angles split into what they have in common: exp(a + b) and exp(a) through exp(a) and exp(b).

Each argument is a sum of monomials with rational coefficients. Monomials that always occur together, with the same
ratio, stay together; so an argument that shares nothing with others is left as it is. For u + v and 2 u + 2 v + w the
parts are (u + v) and w; for 2 u / 3 and u / 2 the one part is u / 6, four times and three times.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lielaws.engine.graph.node import Node
from lielaws.engine.graph.primitives import add, multiply, reciprocal, scale
from lielaws.engine.linalg import common_divisor
from lielaws.engine.values.readings import Reading

Readings = Callable[[Node], Sequence[Reading]]

_LARGEST_POWER = 64
"""above, degrees make proofs slow; below, multiples such as 1/10 and 3 of one argument are not seen as related"""
_MOST_PARTS = 12
"""above, values are products of too many others; below, sums of that many shared terms are not split"""


@dataclass(frozen=True, slots=True)
class Part:
    """A multiple of a part of an argument, or for an exponential of the logarithm of `power_of`."""

    node: Node
    multiple: Fraction
    power_of: Node | None = None


@dataclass(frozen=True, slots=True)
class _Term:
    """A monomial of an argument.

    key : what it is made of, wherever its entries were moved
    places : its atoms with their places
    """

    key: Hashable
    places: tuple[int, ...]
    coefficient: Fraction
    node: Node
    power_of: Node | None


def split_arguments(arguments: Sequence[Node], readings: Readings, *, powers: bool) -> dict[int, tuple[Part, ...]]:
    """The parts of each argument, by serial.

    powers : whether logarithms make powers, as in exponents
    """
    rows = [_terms(argument, readings(argument), powers) for argument in arguments]
    occurrences: dict[Hashable, list[tuple[int, _Term]]] = {}
    for row, terms in enumerate(rows):
        for term in terms:
            occurrences.setdefault(term.key, []).append((row, term))
    labels = {key: _label(key, found) for key, found in occurrences.items()}
    groups: dict[Hashable, dict[int, list[_Term]]] = {}
    for row, terms in enumerate(rows):
        for term in terms:
            groups.setdefault(labels[term.key], {}).setdefault(row, []).append(term)
    parts: list[list[Part]] = [[] for _ in rows]
    for label, members in groups.items():
        for row, part in _parts(label, members):
            parts[row].append(part)
    kept = {label[1] for label in groups if isinstance(label, tuple) and label[0] == "alone"}
    return {
        argument.serial: tuple(found)
        if len(found) <= _MOST_PARTS and not (len(found) == 1 and row in kept)
        else (Part(argument, Fraction(1)),)
        for row, (argument, found) in enumerate(zip(arguments, parts, strict=True))
    }


def _terms(argument: Node, readings: Sequence[Reading], powers: bool) -> list[_Term]:
    for reading in readings:
        if len(reading.value.above) <= _MOST_PARTS * 2:
            return [_term(reading, *term, logs=powers) for term in reading.terms(reading.value.above)]
    return [_Term(argument.serial, (), Fraction(1), argument, None)]


def _term(reading: Reading, powers: tuple[tuple[int, int], ...], coefficient: Fraction, *, logs: bool) -> _Term:
    """One term of the numerator over the denominator."""
    node = reading.monomial(powers)
    atoms = [reading.atoms[number] for number, _ in powers]
    below: Any = None
    if reading.value.below != 1:
        divisor = reading.build(reading.value.below)
        below, node = divisor.serial, multiply(node, reciprocal(divisor))
    key = tuple(sorted((atom.base.serial, exponent) for atom, (_, exponent) in zip(atoms, powers, strict=True)))
    alone = logs and len(atoms) == 1 and powers[0][1] == 1 and below is None and atoms[0].base.op == "log"
    power_of = reading.argument(atoms[0]) if alone and coefficient.denominator in (1, 2, 4) else None
    places = tuple(sorted(atom.node.serial for atom in atoms))
    return _Term((key, below), places, coefficient, node, power_of)


def _label(key: Hashable, found: list[tuple[int, _Term]]) -> Hashable:
    """Terms with one label stay together."""
    rows = [row for row, _ in found]
    if any(term.power_of is not None for _, term in found):
        return ("log", key)
    if len(set(rows)) == 1:
        return ("alone", rows[0])
    places = {(term.node.shape, term.places) for _, term in found}
    if len(set(rows)) < len(rows) or len(places) > 1:
        return ("apart", key)
    first = found[0][1].coefficient
    return ("together", found[0][1].node.shape, tuple((row, term.coefficient / first) for row, term in found))


def _parts(label: Any, members: dict[int, list[_Term]]) -> list[tuple[int, Part]]:
    if label[0] in ("log", "apart"):
        unit = _unit([term.coefficient for terms in members.values() for term in terms if term.power_of is None])
        return [(row, _of_one(term, unit)) for row, terms in members.items() for term in terms]
    unit = _unit([terms[0].coefficient for terms in members.values()]) if label[0] == "together" else None
    found = []
    for row, terms in members.items():
        multiple = terms[0].coefficient / unit if unit else Fraction(1)
        total: Node | None = None
        for term in terms:
            share = scale(term.coefficient / multiple, term.node)
            total = share if total is None else add(total, share)
        assert total is not None
        found.append((row, Part(total, multiple)))
    return found


def _of_one(term: _Term, unit: Fraction | None) -> Part:
    if term.power_of is not None:
        return Part(term.node, term.coefficient, term.power_of)
    divisor = unit or abs(term.coefficient)
    return Part(scale(divisor, term.node), term.coefficient / divisor)


def _unit(coefficients: Sequence[Fraction]) -> Fraction | None:
    """The largest number that all are integer multiples of; None if some multiple is too large."""
    if not coefficients:
        return None
    unit = common_divisor(coefficients)
    return unit if max(abs(c) for c in coefficients) <= _LARGEST_POWER * unit else None
