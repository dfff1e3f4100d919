"""Reads a polynomial as a person would write it: in norms, inner products and sums of slices of the tensors."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby, product

from lielaws.engine.flows.state import Clock, StateSpace
from lielaws.engine.laws.polynomial import Polynomial

Index = tuple[int, ...]
Terms = dict[tuple[Index, ...], int]
"""coefficients of products of entries, by the index of each factor"""


@dataclass(frozen=True, slots=True)
class Slice:
    """A tensor with some axes fixed: W[2, :] has axes (0,) and index (2,)."""

    tensor: str
    ndim: int
    axes: Index
    index: Index

    def text(self, letter: str | None = None) -> str:
        """With `letter` in place of the index, for a statement about all of them."""
        if not self.axes:
            return self.tensor
        fixed = dict(zip(self.axes, self.index, strict=True))
        entries = [(letter or str(fixed[axis])) if axis in fixed else ":" for axis in range(self.ndim)]
        return f"{self.tensor}[{','.join(entries)}]"


@dataclass(frozen=True, slots=True)
class Atom:
    """coefficient times the sum of one slice, the inner product of two, or a product of any number of entries.

    power : of the time coordinate that stands before it
    """

    coefficient: int
    factors: tuple[Slice, ...]
    power: int = 0

    def text(self, letters: Sequence[str | None] | None = None) -> str:
        """Without the coefficient.

        letters : in place of the index of each factor
        """
        names = [factor.text(k) for factor, k in zip(self.factors, letters or [None] * len(self.factors), strict=False)]
        if all(len(factor.axes) == factor.ndim for factor in self.factors):
            powers = Counter(names)
            return " ".join(name if count == 1 else f"{name}^{count}" for name, count in powers.items()) or "1"
        if len(names) == 1:
            return f"sum {names[0]}"
        return f"|{names[0]}|^2" if names[0] == names[1] else f"<{', '.join(names)}>"


def read(polynomial: Polynomial, space: StateSpace) -> tuple[Atom, ...]:
    """Atoms with as few fixed axes as possible, by their powers of time, in the order in which their tensors appear.

    Monomials of more than two factors come last, as they are.
    """
    parts: dict[tuple[int, tuple[str, ...]], Terms] = {}
    others = []
    for monomial, coefficient in polynomial.terms:
        entries = [space.entry(coordinate) for coordinate in monomial if coordinate >= space.start]
        power = len(monomial) - len(entries)
        if 1 <= len(entries) <= 2:
            tensors, indices = zip(*entries, strict=True)
            parts.setdefault((power, tensors), {})[indices] = coefficient
        else:
            others.append(Atom(coefficient, tuple(_entry(*entry) for entry in entries), power))
    found = [atom for (power, names), terms in parts.items() for atom in _contracted(power, names, terms, space)]
    return tuple(sorted([*found, *others], key=lambda atom: atom.power))


def _entry(name: str, index: Index) -> Slice:
    return Slice(name, len(index), tuple(range(len(index))), index)


def _contracted(power: int, names: tuple[str, ...], terms: Terms, space: StateSpace) -> Iterator[Atom]:
    """Products of entries of one or two tensors as sums of slices, or as inner products."""
    if len(names) == len(terms) == 1:
        # A single entry is called by its index, even if it is all there is.
        ((index,), coefficient) = next(iter(terms.items()))
        yield Atom(coefficient, (_entry(names[0], index),), power)
        return
    shapes = [space.shapes[name] for name in names]
    for axes in _fixed_axes(names, shapes):
        if found := _complete(terms, axes, math.prod(_without(shapes[0], axes[0]))):
            parts = [(name, len(shape), fixed) for name, shape, fixed in zip(names, shapes, axes, strict=True)]
            for indices, coefficient in found.items():
                slices = (Slice(*part, index) for part, index in zip(parts, indices, strict=True))
                yield Atom(coefficient, tuple(slices), power)
            return


def _fixed_axes(names: tuple[str, ...], shapes: Sequence[Index]) -> Iterator[tuple[Index, ...]]:
    """For each factor the axes to fix, few first, such that the others have the same shape; all of them at last."""
    dims = [range(len(shape)) for shape in shapes]
    for axes in product(*([some for size in (*d, len(d)) for some in combinations(d, size)] for d in dims)):
        rests = {_without(shape, fixed) for shape, fixed in zip(shapes, axes, strict=True)}
        if len(rests) == 1 and (len(set(names)) == len(names) or len(set(axes)) == 1):
            yield axes


def _without(index: Index, axes: Index) -> Index:
    return tuple(entry for axis, entry in enumerate(index) if axis not in axes)


def _complete(terms: Terms, axes: tuple[Index, ...], size: int) -> Terms | None:
    """The coefficient for each choice of indices along the fixed axes.

    None unless each has all `size` terms, with one coefficient, and factors agree along the other axes.
    """
    groups: dict[tuple[Index, ...], list[int]] = {}
    for indices, coefficient in terms.items():
        if len({_without(index, fixed) for index, fixed in zip(indices, axes, strict=True)}) > 1:
            return None
        key = tuple(tuple(index[axis] for axis in fixed) for index, fixed in zip(indices, axes, strict=True))
        groups.setdefault(key, []).append(coefficient)
    if any(len(found) != size or len(set(found)) > 1 for found in groups.values()):
        return None
    return {key: found[0] for key, found in groups.items()}


def join_terms(parts: Iterable[tuple[int, str]]) -> str:
    """A sum with its signs, such as "a - 2 b"."""
    text = ""
    for coefficient, name in parts:
        sign = (" - " if coefficient < 0 else " + ") if text else ("-" if coefficient < 0 else "")
        size = "" if abs(coefficient) == 1 else f"{abs(coefficient)} "
        text += sign + size + name
    return text or "0"


def timed_sum(parts: Iterable[tuple[Atom, str]], clock: Clock | None) -> str:
    """A sum of atoms with their texts, those of each power of time in brackets after it."""
    terms: list[tuple[int, str]] = []
    for power, part in groupby(parts, key=lambda pair: pair[0].power):
        inside, factor = [(atom.coefficient, text) for atom, text in part], clock.text(power) if clock else ""
        # Of "-a + b" the sign comes out of the brackets.
        sign = -1 if terms and factor and inside[0][0] < 0 else 1
        bracket = join_terms((sign * coefficient, text) for coefficient, text in inside)
        terms += [(sign, f"{factor} ({bracket})")] if factor else inside
    return join_terms(terms)
