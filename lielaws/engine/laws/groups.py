"""Matrix identities among laws: how they are written, and the antisymmetric ones that momentum keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lielaws.engine.laws.atoms import Atom, Index, Slice, join_terms
from lielaws.engine.laws.law import Law
from lielaws.engine.laws.polynomial import Polynomial


@dataclass(frozen=True, slots=True)
class LawGroup:
    """Laws of one form.

    text : the common form
    scope : for which indices it holds, or how many independent entries it has; empty for a single law
    symmetry : the transformation behind it
    laws : the scalar laws
    """

    text: str
    scope: str
    symmetry: str
    laws: tuple[Law, ...]

    def __str__(self) -> str:
        return f"{self.text}   {self.scope}" if self.scope else self.text


def with_time(law: Law, text: str) -> str:
    """The text times the power of time that the law has."""
    factor = law.space.clock.text(next(iter(law.parts))) if law.space.clock else ""
    return f"{factor} ({text})" if factor else text


def atom_form(atom: Atom) -> tuple[int, str, int, Index, str, Index]:
    """An atom without its indices."""
    left, right = atom.left, atom.right
    return atom.coefficient, left.tensor, left.ndim, left.axes, *((right.tensor, right.axes) if right else ("", ()))


def matrix(atom: Atom) -> str:
    """The Gram matrix of a tensor along an axis; a higher tensor is unfolded along it, written W(axis)."""
    assert atom.right is not None
    left, right = (factor_text(side) for side in (atom.left, atom.right))
    if atom.left.ndim == 2 and atom.left.axes == (1,):
        return f"{left}^T {right}" if atom.right.axes == (1,) else f"{left}^T {right}^T"
    return f"{left} {right}" if atom.right.ndim == 2 and atom.right.axes == (1,) else f"{left} {right}^T"


def factor_text(side: Slice) -> str:
    return side.tensor if side.ndim <= 2 else f"{side.tensor}({side.axes[0]})"


# Antisymmetric identities: A^T B - B^T A


def _pair(atom: Atom) -> Index:
    assert atom.right is not None
    return (*atom.left.index, *atom.right.index)


def _halves(atoms: Sequence[Atom]) -> tuple[list[Atom], list[Atom]]:
    """The atoms with their indices in ascending order, and the others."""
    return [a for a in atoms if _pair(a)[0] < _pair(a)[1]], [a for a in atoms if _pair(a)[0] > _pair(a)[1]]


def is_skew(atoms: Sequence[Atom]) -> bool:
    """Whether the atoms are an entry (i, j) of a matrix minus its entry (j, i)."""
    if any(a.right is None or len(a.left.axes) != 1 or len(a.right.axes) != 1 for a in atoms):
        return False
    up, down = _halves(atoms)
    if not up or len(up) + len(down) < len(atoms) or len({tuple(sorted(_pair(a))) for a in atoms}) != 1:
        return False
    opposite = {(-c, *rest) for c, *rest in map(atom_form, down)}
    return len(up) == len(down) and {tuple(form) for form in map(atom_form, up)} == opposite


def skew_form(atoms: Sequence[Atom]) -> tuple[tuple[int, str, int, Index, str, Index], ...]:
    return tuple(map(atom_form, _halves(atoms)[0]))


def skew_group(laws: list[Law], verified: frozenset[Polynomial]) -> LawGroup:
    """The laws as the entries of an antisymmetric matrix; by their indices if some of its entries are no laws."""
    law, count = laws[0], len(laws)
    atoms = _halves(law.reading.atoms)[0]
    size = law.space.shapes[atoms[0].left.tensor][atoms[0].left.axes[0]]
    known = verified | {other.polynomial for other in laws}
    if any(_skew_polynomial(law, i, j) not in known for i in range(size) for j in range(i + 1, size)):
        if count == 1:
            return LawGroup(law.name, "", "", (law,))
        text = with_time(law, join_terms([(a.coefficient, a.text(("i", "j"))) for a in law.reading.atoms]))
        pairs = sorted(tuple(sorted(_pair(other.reading.atoms[0]))) for other in laws)
        return LawGroup(text, "for (i,j) = " + " ".join(f"({i},{j})" for i, j in pairs), "", tuple(laws))
    parts = [part for a in atoms for part in ((a.coefficient, matrix(a)), (-a.coefficient, matrix(_swapped(a))))]
    entries = size * (size - 1) // 2
    share = f"{count} independent" + ("" if count == entries else f" of its {entries}")
    scope = f"antisymmetric {size} x {size}, {share} {'entry' if count == entries == 1 else 'entries'}"
    return LawGroup(with_time(law, join_terms(parts)), scope, _rotation(atoms, law), tuple(laws))


def _swapped(atom: Atom) -> Atom:
    assert atom.right is not None
    return Atom(atom.coefficient, atom.right, atom.left)


def _skew_polynomial(law: Law, i: int, j: int) -> Polynomial:
    """Entry (i, j) of the antisymmetric matrix that a law belongs to."""
    terms: dict[tuple[int, ...], int] = {}
    power = next(iter(law.parts))
    for atom in _halves(law.reading.atoms)[0]:
        assert atom.right is not None
        for first, second, sign in ((i, j, 1), (j, i, -1)):
            left, right = (
                np.take(law.space.indices(side.tensor), index, axis=side.axes[0]).ravel().tolist()
                for side, index in ((atom.left, first), (atom.right, second))
            )
            for pair in zip(left, right, strict=True):
                monomial = (0,) * power + tuple(sorted(pair))
                terms[monomial] = terms.get(monomial, 0) + sign * atom.coefficient
    return Polynomial.of(terms).primitive()


def _rotation(atoms: Sequence[Atom], law: Law) -> str:
    """The rotations of the parameters behind the law, where the right factors are the velocities of the left ones."""
    parts = []
    for atom in atoms:
        assert atom.right is not None
        if (
            not law.space.euclidean
            or law.space.velocities.get(atom.right.tensor) != atom.left.tensor
            or abs(atom.coefficient) != 1
            or atom.left.ndim != 2
            or atom.left.axes != atom.right.axes
        ):
            return ""
        rows = atom.left.axes == (0,)
        factor = "e^(s A)" if (atom.coefficient > 0) == rows else "e^(-s A)"
        name = atom.left.tensor
        parts.append(f"{name} -> {factor} {name}" if rows else f"{name} -> {name} {factor}")
    return ", ".join(parts) + ", A antisymmetric"
