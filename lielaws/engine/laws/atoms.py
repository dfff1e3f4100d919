"""Reads a polynomial as a person would write it: in norms, inner products and sums of slices of the tensors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from lielaws.engine.flows.state import StateSpace
from lielaws.engine.laws.polynomial import Polynomial

Index = tuple[int, ...]
Entry = tuple[str, Index]


@dataclass(frozen=True, slots=True)
class Slice:
    """A tensor with some axes fixed: W[2, :] has axes (0,) and index (2,)."""

    tensor: str
    ndim: int
    axes: Index
    index: Index

    def text(self, letter: str | None = None) -> str:
        """With `letter` in place of the index, for a statement about all of them."""
        if not self.ndim or not self.axes:
            return self.tensor
        fixed = dict(zip(self.axes, self.index, strict=True))
        entries = [(letter or str(fixed[axis])) if axis in fixed else ":" for axis in range(self.ndim)]
        return f"{self.tensor}[{','.join(entries)}]"

    @property
    def is_entry(self) -> bool:
        return len(self.axes) == self.ndim


@dataclass(frozen=True, slots=True)
class Atom:
    """coefficient times an inner product of two slices (`right` given), or times the sum of one slice."""

    coefficient: int
    left: Slice
    right: Slice | None

    def text(self, letters: tuple[str, str] | None = None) -> str:
        """Without the coefficient."""
        i, j = letters or (None, None)
        left = self.left.text(i)
        if self.right is None:
            return left if self.left.is_entry else f"sum {left}"
        right = self.right.text(j)
        if left == right:
            return f"{left}^2" if self.left.is_entry else f"|{left}|^2"
        return f"{left} {right}" if self.left.is_entry and self.right.is_entry else f"<{left}, {right}>"


@dataclass(frozen=True, slots=True)
class Reading:
    """Atoms and the monomials that are left over, which together are the polynomial."""

    atoms: tuple[Atom, ...]
    rest: tuple[tuple[tuple[Entry, ...], int], ...]

    def negated(self) -> Reading:
        """The reading of the polynomial times -1."""
        atoms = tuple(replace(atom, coefficient=-atom.coefficient) for atom in self.atoms)
        return Reading(atoms, tuple((entries, -coefficient) for entries, coefficient in self.rest))

    def text(self) -> str:
        parts = [(atom.coefficient, atom.text()) for atom in self.atoms]
        parts += [(coefficient, monomial_text(entries)) for entries, coefficient in self.rest]
        return join_terms(parts)


def read(polynomial: Polynomial, space: StateSpace) -> Reading:
    """Atoms with as few fixed axes as possible, in the order in which their tensors appear."""
    pairs: dict[tuple[str, ...], dict[tuple[Index, ...], int]] = {}
    rest = []
    for monomial, coefficient in polynomial.terms:
        entries = tuple(space.entry(coordinate) for coordinate in monomial)
        if 1 <= len(entries) <= 2:
            tensors, indices = tuple(name for name, _ in entries), tuple(index for _, index in entries)
            pairs.setdefault(tensors, {})[indices] = coefficient
        else:
            rest.append((entries, coefficient))
    atoms: list[Atom] = []
    for tensors, terms in pairs.items():
        shapes = [space.shapes[name] for name in tensors]
        if len(tensors) == 1:
            atoms += _sums(tensors[0], shapes[0], terms)
        else:
            atoms += _products(tensors, shapes, terms)
    return Reading(tuple(atoms), tuple(rest))


def _sums(tensor: str, shape: Index, terms: dict[tuple[Index, ...], int]) -> list[Atom]:
    # A single entry is called by its index, even if it is all there is.
    for axes in _axis_sets(len(shape)) if len(terms) > 1 else (tuple(range(len(shape))),):
        groups = _group({(index,): c for (index,), c in terms.items()}, (axes,))
        size = math.prod(length for axis, length in enumerate(shape) if axis not in axes)
        if found := _complete(groups, size):
            return [Atom(c, Slice(tensor, len(shape), axes, key[0]), None) for key, c in found]
    raise AssertionError("single entries always fit")


def _products(tensors: tuple[str, ...], shapes: list[Index], terms: dict[tuple[Index, ...], int]) -> list[Atom]:
    (a, b), (left, right) = shapes, tensors
    for first, second in _axis_pairs(left == right, a, b):
        groups = _group(terms, (first, second), matching=True)
        size = math.prod(length for axis, length in enumerate(a) if axis not in first)
        found = _complete(groups, size) if groups is not None else None
        if found:
            return [
                Atom(c, Slice(left, len(a), first, key[0]), Slice(right, len(b), second, key[1])) for key, c in found
            ]
    raise AssertionError("products of entries always fit")


def _axis_sets(ndim: int) -> Iterator[Index]:
    for size in range(ndim + 1):
        yield from combinations(range(ndim), size)


def _axis_pairs(same: bool, a: Index, b: Index) -> Iterator[tuple[Index, Index]]:
    for first in _axis_sets(len(a)):
        if same:
            yield first, first
            continue
        for second in _axis_sets(len(b)):
            if _without(a, first) == _without(b, second):
                yield first, second


def _without(index: Index, axes: Index) -> Index:
    return tuple(entry for axis, entry in enumerate(index) if axis not in axes)


_Groups = dict[tuple[Index, ...], list[tuple[Index, int]]]


def _group(terms: dict[tuple[Index, ...], int], axes: tuple[Index, ...], matching: bool = False) -> _Groups | None:
    """Terms by the indices along the fixed axes; None if two factors differ along the others."""
    groups: _Groups = {}
    for indices, coefficient in terms.items():
        rests = [_without(index, fixed) for index, fixed in zip(indices, axes, strict=True)]
        if matching and rests[0] != rests[1]:
            return None
        key = tuple(tuple(index[axis] for axis in fixed) for index, fixed in zip(indices, axes, strict=True))
        groups.setdefault(key, []).append((rests[0], coefficient))
    return groups


def _complete(groups: _Groups | None, size: int) -> list[tuple[tuple[Index, ...], int]] | None:
    """The groups with their coefficient if each has all `size` terms with one coefficient."""
    found = []
    for key, members in (groups or {}).items():
        if len(members) != size or len({coefficient for _, coefficient in members}) != 1:
            return None
        found.append((key, members[0][1]))
    return found


def monomial_text(entries: tuple[Entry, ...]) -> str:
    names = [f"{name}[{','.join(map(str, index))}]" if index else name for name, index in entries]
    counted = {name: names.count(name) for name in dict.fromkeys(names)}
    return " ".join(name if count == 1 else f"{name}^{count}" for name, count in counted.items()) or "1"


def join_terms(parts: list[tuple[int, str]]) -> str:
    """A sum with its signs, such as "a - 2 b"."""
    text = ""
    for coefficient, name in parts:
        sign = (" - " if coefficient < 0 else " + ") if text else ("-" if coefficient < 0 else "")
        size = "" if abs(coefficient) == 1 else f"{abs(coefficient)} "
        text += sign + size + name
    return text or "0"
