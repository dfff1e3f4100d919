"""Laws in groups, as a person writes them: one matrix identity, or one line for all units, instead of many scalars.

Laws of one group have the same atoms up to two indices i and j. They are the entries of a matrix: symmetric, such as
A A^T, where all atoms have them in one order; antisymmetric, such as A^T B - B^T A, where each comes in both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.engine.laws.atoms import Atom, Slice, join_terms, timed_sum
from lielaws.engine.laws.law import Law
from lielaws.engine.laws.polynomial import Polynomial

_MOST_ENTRIES = 6


@dataclass(frozen=True, slots=True)
class LawGroup:
    """Laws of one form.

    text : the common form
    scope : for which indices it holds, or how many independent entries it has; empty for a single law
    symmetry : the transformation behind it
    laws : the scalar laws, made when asked for if they are many
    """

    text: str
    scope: str
    symmetry: str
    laws: Sequence[Law]

    @property
    def name(self) -> str:
        return self.text

    @property
    def count(self) -> int:
        return len(self.laws)

    @property
    def support(self) -> tuple[str, ...]:
        """Names of the parameter tensors that the laws involve."""
        return self.laws[0].support

    def law(self, k: int) -> Law:
        """The scalar law number k of the group."""
        return self.laws[k]

    def evaluate(
        self, params: Mapping[str, Any], t: float = 0.0, velocity: Mapping[str, Any] | None = None
    ) -> FloatArray:
        """The values of all laws of the group, as `Law.evaluate` has them, shape (count,)."""
        together = getattr(self.laws, "evaluate", None)
        if together is not None:
            return np.asarray(together(params))
        return np.array([law.evaluate(params, t, velocity) for law in self.laws])

    def __str__(self) -> str:
        return f"{self.text}   {self.scope}" if self.scope else self.text


def group_laws(laws: Sequence[Law], verified: frozenset[Polynomial] = frozenset()) -> tuple[LawGroup, ...]:
    """Groups in the order of their first law.

    verified : polynomials known to be laws beside the given ones: a matrix identity needs all of its entries
    """
    members: dict[Any, list[Law]] = {}
    for number, law in enumerate(laws):
        members.setdefault(_form(law) or number, []).append(law)
    return tuple(_present(group, not isinstance(form, int) and form[1], verified) for form, group in members.items())


def _form(law: Law) -> tuple[Any, ...] | None:
    """What laws of one group share: the power of time, and the atoms without their indices; None if one stands alone.

    Each atom has its indices as the first one, or in the other order.
    """
    first, straight, swapped = law.atoms[0], [], []
    for atom in law.atoms:
        if atom.power != first.power or len(atom.factors) not in (1, 2) or any(len(f.axes) != 1 for f in atom.factors):
            return None
        sides = tuple((side.tensor, side.axes) for side in atom.factors)
        if _indices(atom) == _indices(first):
            straight.append((atom.coefficient, sides))
        elif _indices(atom) == _indices(first)[::-1]:
            swapped.append((-atom.coefficient, sides))
        else:
            return None
    if swapped and sorted(straight) != sorted(swapped):
        return None
    return first.power, bool(swapped), *straight


def _indices(atom: Atom) -> tuple[int, int]:
    """The index of each of two slices with one fixed axis; twice that of a single one."""
    return atom.factors[0].index[0], atom.factors[-1].index[0]


def _is_swapped(atom: Atom, law: Law) -> bool:
    return _indices(atom) != _indices(law.atoms[0])


def _present(laws: list[Law], antisymmetric: bool, verified: frozenset[Polynomial]) -> LawGroup:
    if len(laws) > 1 or antisymmetric:
        pairs = sorted(_indices(law.atoms[0]) for law in laws)
        if all(i == j for i, j in pairs):
            return _units(laws)
        if size := _size(laws, antisymmetric, verified):
            return matrix_group(tuple(laws), size, antisymmetric=antisymmetric)
        if len(laws) > 1:
            where = " ".join(f"({i},{j})" for i, j in pairs)
            return LawGroup(_text(laws[0], "i", "j"), f"for (i,j) = {where}", "", tuple(laws))
    return LawGroup(laws[0].name, "", _single_symmetry(laws[0]), tuple(laws))


def _units(laws: list[Law]) -> LawGroup:
    return unit_group(tuple(laws), sorted(_indices(law.atoms[0])[0] for law in laws))


def unit_group(laws: Sequence[Law], numbers: Sequence[int]) -> LawGroup:
    """Laws of one form, for each of some units."""
    law = laws[0]
    joins_layers = {side.axes for atom in law.atoms if (side := atom.factors[0]).ndim > 1} == {(0,), (1,)}
    scope = f"for each {'hidden unit k' if joins_layers else 'k'} in {unit_scope(numbers)}"
    return LawGroup(_text(law, "k", "k"), scope, _changes(law, "k") if _shows_symmetry(law) else "", laws)


def _text(law: Law, i: str, j: str) -> str:
    """The law with letters in place of its indices."""
    texts = ((atom, atom.text((j, i) if _is_swapped(atom, law) else (i, j))) for atom in law.atoms)
    return timed_sum(texts, law.space.clock)


def unit_scope(ordered: Sequence[int]) -> str:
    """The numbers of units as a person lists them."""
    if len(ordered) > 2 and list(ordered) == list(range(ordered[0], ordered[-1] + 1)):
        return f"{ordered[0]}..{ordered[-1]}"
    return ", ".join(map(str, ordered))


# Matrix identities


def symmetric_size(laws: Sequence[Law], verified: frozenset[Polynomial]) -> int | None:
    """The size of the symmetric matrix that laws of one form are entries of; None unless all its entries are laws."""
    form = _form(laws[0])
    return None if form is None or form[1] else _size(laws, False, verified)


def _size(laws: Sequence[Law], antisymmetric: bool, verified: frozenset[Polynomial]) -> int | None:
    law = laws[0]
    sides = [[(side.tensor, side.axes[0]) for side in atom.factors] for atom in law.atoms]
    sizes = {law.space.shapes[name][axis] for pair in sides for name, axis in pair}
    if len(sizes) > 1 or any(len(pair) != 2 or (pair[0] != pair[1] and not antisymmetric) for pair in sides):
        return None
    known, size = verified | {law.polynomial for law in laws}, sizes.pop()
    entries = ((i, j) for i in range(size) for j in range(i + 1 if antisymmetric else i, size))
    return size if all(entry_polynomial(law, i, j) in known for i, j in entries) else None


def entry_polynomial(law: Law, i: int, j: int) -> Polynomial:
    """The law with its two indices replaced: entry (i, j) of the matrix that it belongs to."""
    terms: dict[tuple[int, ...], int] = {}
    for atom in law.atoms:
        pair = (j, i) if _is_swapped(atom, law) else (i, j)
        left, right = (
            np.take(law.space.indices(side.tensor), index, axis=side.axes[0]).ravel().tolist()
            for side, index in zip(atom.factors, pair, strict=True)
        )
        for entries in zip(left, right, strict=True):
            monomial = (0,) * atom.power + tuple(sorted(entries))
            terms[monomial] = terms.get(monomial, 0) + atom.coefficient
    return Polynomial.of(terms).primitive()


def matrix_group(laws: Sequence[Law], size: int, *, antisymmetric: bool = False) -> LawGroup:
    """The independent entries of a matrix of that size that is symmetric, or antisymmetric."""
    law, count = laws[0], len(laws)
    entries = size * (size - 1) // 2 if antisymmetric else size * (size + 1) // 2
    share = f"{count} independent" + ("" if count == entries else f" of its {entries}")
    scope = f"{size} x {size}, {share} {'entry' if count == entries == 1 else 'entries'}"
    text = timed_sum(((atom, _matrix(atom, _is_swapped(atom, law))) for atom in law.atoms), law.space.clock)
    if antisymmetric:
        return LawGroup(text, f"antisymmetric {scope}", _rotation(law), laws)
    symmetry = ", ".join(_moved(atom.factors[0], atom.coefficient, "S") for atom in law.atoms) + ", S symmetric"
    return LawGroup(text, f"symmetric {scope}", symmetry if _shows_symmetry(law) else "", laws)


def _matrix(atom: Atom, swapped: bool) -> str:
    """The matrix of inner products of slices; a higher tensor is unfolded along their axis, written W(axis)."""
    left, right = reversed(atom.factors) if swapped else atom.factors
    rows = f"{_unfolded(left)}^T" if _are_columns(left) else _unfolded(left)
    return f"{rows} {_unfolded(right)}" if _are_columns(right) else f"{rows} {_unfolded(right)}^T"


def _are_columns(side: Slice) -> bool:
    return side.ndim == 2 and side.axes == (1,)


def _unfolded(side: Slice) -> str:
    return side.tensor if side.ndim <= 2 else f"{side.tensor}({side.axes[0]})"


# Symmetries


def _shows_symmetry(law: Law) -> bool:
    """Whether the gradient of the law is a symmetry of the potentials."""
    return law.space.euclidean and not law.space.velocities


def _single_symmetry(law: Law) -> str:
    if not _shows_symmetry(law) or law.atoms[-1].power > law.atoms[0].power:
        return ""
    if changes := _changes(law):
        return changes
    if len(law.polynomial.coordinates) > _MOST_ENTRIES:
        return "the flow of its gradient"
    parts = [f"{entry} -> {entry} + s ({change})" for entry, change in law.symmetry.items()]
    return ", ".join(parts) + ("" if law.degree == 2 else ", to first order in s")


def _changes(law: Law, letter: str | None = None) -> str:
    """Shifts of slices behind their sums, scalings behind their squared norms; empty for other laws."""
    names = [(atom.coefficient, atom.factors[0].text(letter)) for atom in law.atoms if atom.factors]
    if all(len(atom.factors) == 1 for atom in law.atoms):
        return ", ".join(f"{name} -> {join_terms([(1, name), (c, 's')])}" for c, name in names)
    if all(len(atom.factors) == 2 and atom.factors[0] == atom.factors[1] for atom in law.atoms):
        return ", ".join(f"{name} -> {_exponential(c)} {name}" for c, name in names)
    return ""


def _rotation(law: Law) -> str:
    """The rotations of parameters behind the law, where the right factors are the velocities of the left ones."""
    parts = []
    for atom in law.atoms:
        left, right = atom.factors
        are_momenta = law.space.velocities.get(right.tensor) == left.tensor and left.axes == right.axes
        if not are_momenta or not law.space.euclidean or abs(atom.coefficient) != 1 or left.ndim != 2:
            return ""
        if not _is_swapped(atom, law):
            parts.append(_moved(left, -atom.coefficient if _are_columns(left) else atom.coefficient, "A"))
    return ", ".join(parts) + ", A antisymmetric"


def _moved(side: Slice, coefficient: int, generator: str) -> str:
    """How a linear map moves the slices of a tensor."""
    name, factor = _unfolded(side), _exponential(coefficient, f" {generator}")
    return f"{name} -> {name} {factor}" if _are_columns(side) else f"{name} -> {factor} {name}"


def _exponential(coefficient: int, generator: str = "") -> str:
    return f"e^({join_terms([(coefficient, 's')])}{generator})"
