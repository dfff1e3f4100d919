"""Signs that follow from structure: what is nowhere negative, or nowhere positive, where the network is defined."""

from __future__ import annotations

import math
import zlib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.engine.graph.constants import is_positive
from lielaws.engine.graph.contraction import parse_subscripts
from lielaws.engine.graph.node import Node
from lielaws.engine.values.readings import LONG_SUMS, Atom, Reading, readings
from lielaws.engine.values.views import IntArray, look_through, whole

_LARGEST_FORM = 24
"""above, completing squares takes longer than what is gained; below, sums of some ten squares are not recognized"""


@dataclass(slots=True)
class Signs:
    """1 for what is nowhere negative, -1 for what is nowhere positive, 0 for what is not known.

    assumed : signs of entries that follow from where the network is defined: (node, entry) -> 1 or -1
    read : readings that are already known, by node
    first : for each polynomial in atoms, the first node of a turn that is read as it
    """

    assumed: Mapping[tuple[int, int], int] = field(default_factory=dict)
    read: dict[int, list[Reading]] = field(default_factory=dict)
    first: dict[Hashable, Node] = field(default_factory=dict)
    _known: dict[int, int] = field(default_factory=dict)

    def readings(self, node: Node) -> list[Reading]:
        if node.serial not in self.read:
            self.read[node.serial] = readings(node)
        return self.read[node.serial]

    def canonical(self, node: Node) -> Node:
        """One node for all that are the same polynomial in the same atoms."""
        found = self.readings(node)[:1]
        if not found:
            return node
        parts = (found[0].value.above, found[0].value.below)
        key = tuple(tuple(found[0].named_terms(part)) for part in parts)
        return self.first.setdefault((node.shape, key), node)

    def of(self, node: Node) -> int:
        return self.of_view(*look_through(node, whole(node)))

    def of_view(self, base: Node, index: IntArray) -> int:
        assumed = (
            {self.assumed.get((base.serial, int(entry)), 0) for entry in np.unique(index)} if self.assumed else {0}
        )
        if len(assumed) == 1 and (sign := assumed.pop()):
            return sign
        if base.serial not in self._known:
            self._known[base.serial] = self._by_structure(base)
        return self._known[base.serial]

    def _by_structure(self, node: Node) -> int:
        match node.op:
            case "constant":
                numbers = node.static.numerators
                return 1 if min(numbers, default=0) >= 0 else -1 if max(numbers) <= 0 else 0
            case "leaf":
                return int(is_positive(node.static))
            case "exp" | "sqrt":
                return 1
            case "gauss" | "reciprocal" | "sum" | "scatter" | "reshape" | "permute" | "broadcast" | "gather":
                return self.of(node.inputs[0])
            case "scale":
                return self.of(node.inputs[0]) * (1 if node.static > 0 else -1) if node.static else 1
            case "power":
                return 1 if node.static % 2 == 0 else self.of(node.inputs[0])
            case "contract":
                left, right, _ = parse_subscripts(node.static)
                alike = left == right and node.inputs[0] is node.inputs[1]
                return 1 if alike else self.of(node.inputs[0]) * self.of(node.inputs[1])
            case "piecewise":
                return self._of_piecewise(node.inputs[0], *node.static)
            case "add":
                first, second = map(self.of, node.inputs)
                return first if first == second and first else self._of_sum(node)
            case "log":
                # log(1 + v) has the sign of v.
                return self._of_sum(node.inputs[0], Fraction(-1))
        return 0

    def _of_piecewise(self, argument: Node, below: Fraction, above: Fraction) -> int:
        sign = self.of(argument)
        values = [above] if sign > 0 else [-below] if sign < 0 else [above, -below]
        return 1 if min(values) >= 0 else -1 if max(values) <= 0 else 0

    def _of_sum(self, node: Node, shift: Fraction = Fraction(0)) -> int:
        """By reading it as a polynomial."""
        for reading in self.readings(node):
            if reading.detail <= LONG_SUMS:
                value = reading.value + reading.number(shift)
                if sign := self.of_polynomial(reading, value.above) * self.of_polynomial(reading, value.below):
                    return sign
        return 0

    def of_polynomial(self, reading: Reading, polynomial: Any) -> int:
        """The sign of a polynomial in the atoms of a reading."""
        terms = reading.terms(polynomial)
        if self.assumed and len(terms) > 1:
            # Assumptions are kept by nodes as they are built from polynomials.
            built = reading.build(polynomial)
            if sign := min((self.assumed.get((built.serial, k), 0) for k in range(built.size)), default=0):
                return sign
        signs = {self._of_term(reading, *term) for term in terms}
        if signs in ({1}, {-1}):
            return signs.pop()
        return next((sign for sign in (1, -1) if self._is_sum_of_squares(reading, terms, sign)), 0)

    def may_vanish(self, reading: Reading, polynomial: Any) -> bool:
        """Whether it may be zero on an open set, as gates are, and differences of equal functions."""
        terms = reading.terms(polynomial)
        if all(atom.base.op == "leaf" and atom.base.static.role != "constant" for atom in _atoms(reading, terms)):
            # A polynomial that is not zero at one point is zero on no open set.
            return not all(_at_a_point(reading, terms))
        if len(terms) > 1 and {self._of_term(reading, *term) for term in terms} not in ({1}, {-1}):
            return True
        return all(any(self._atom_may_vanish(atom) for atom in _atoms(reading, [term])) for term in terms)

    def _atom_may_vanish(self, atom: Atom) -> bool:
        base = atom.base
        if base.op == "sqrt":
            found = self.readings(base.inputs[0])[:1]
            return not found or any(self.may_vanish(found[0], f) for f, _ in found[0].factors(found[0].value)[1])
        return base.op not in ("leaf", "exp")

    def _of_term(self, reading: Reading, powers: tuple[tuple[int, int], ...], coefficient: Fraction) -> int:
        sign = 1 if coefficient > 0 else -1
        for number, exponent in powers:
            atom = reading.atoms[number]
            sign *= self.of_view(*look_through(atom.base, atom.index)) if exponent % 2 else 1
        return sign

    def _is_sum_of_squares(self, reading: Reading, terms: list[Any], sign: int) -> bool:
        """Whether a polynomial, times the sign, is a sum of squares by one quadratic form in monomials.

        Of v^4 - v^2 + 1, with the monomials 1 and v^2, it has the rows (1, -1/2) and (-1/2, 1).
        """
        coefficients = {powers: coefficient * sign for powers, coefficient in terms}
        squares = [powers for powers, c in coefficients.items() if c > 0 and all(e % 2 == 0 for _, e in powers)]
        halves = [tuple((k, e // 2) for k, e in powers) for powers in squares]
        if len(halves) > _LARGEST_FORM:
            return False
        form = [[Fraction(0)] * len(halves) for _ in halves]
        for row, powers in enumerate(squares):
            form[row][row] = coefficients.pop(powers)
        for row, first in enumerate(halves):
            for column, second in enumerate(halves[:row]):
                value = coefficients.pop(_product(first, second), Fraction(0)) / 2
                form[row][column] = form[column][row] = value
        # What is left over may be terms that have the sign by themselves.
        rest = all(self._of_term(reading, *term) == 1 for term in coefficients.items())
        return rest and _is_semidefinite(form)


def _atoms(reading: Reading, terms: Sequence[Any]) -> list[Atom]:
    return [reading.atoms[number] for powers, _ in terms for number, _ in powers]


def _at_a_point(reading: Reading, terms: Sequence[Any]) -> list[Fraction]:
    """A polynomial in entries of leaves at one point with small integers, for each entry."""
    size = reading.atoms[0].node.size if reading.atoms else 1
    values = [
        [zlib.crc32(f"{atom.base.serial} {entry}".encode()) % 1009 for entry in atom.index] for atom in reading.atoms
    ]
    return [
        sum((c * math.prod(values[k][entry] ** e for k, e in powers) for powers, c in terms), start=Fraction(0))
        for entry in range(size)
    ]


def _product(first: Any, second: Any) -> tuple[tuple[int, int], ...]:
    powers = dict(first)
    for number, exponent in second:
        powers[number] = powers.get(number, 0) + exponent
    return tuple(sorted(powers.items()))


def _is_semidefinite(form: list[list[Fraction]]) -> bool:
    """Whether a symmetric matrix over Q has no negative value; by completing squares."""
    size = len(form)
    for k in range(size):
        pivot = form[k][k]
        if pivot < 0 or (pivot == 0 and any(form[k][k + 1 :])):
            return False
        for i in range(k + 1, size if pivot else 0):
            factor = form[i][k] / pivot
            for j in range(k + 1, size):
                form[i][j] -= factor * form[k][j]
    return True
