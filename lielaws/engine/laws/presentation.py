"""Laws in groups, as a person writes them: one matrix identity, or one line for all units, instead of many scalars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lielaws.engine.laws.atoms import Atom, Index, join_terms
from lielaws.engine.laws.groups import (
    LawGroup,
    atom_form,
    factor_text,
    is_skew,
    matrix,
    skew_form,
    skew_group,
    with_time,
)
from lielaws.engine.laws.law import Law
from lielaws.engine.laws.polynomial import Polynomial

_MOST_ENTRIES = 6


@dataclass(frozen=True, slots=True)
class _Form:
    """What laws of one group share: the power of time, and the atoms without their indices."""

    kind: str
    power: int
    atoms: tuple[tuple[int, str, int, Index, str, Index], ...]


def group_laws(laws: Sequence[Law], verified: frozenset[Polynomial] = frozenset()) -> tuple[LawGroup, ...]:
    """Groups in the order of their first law.

    verified : polynomials known to be laws beside the given ones: a matrix identity needs all of its entries
    """
    members: dict[_Form | int, list[Law]] = {}
    for number, law in enumerate(laws):
        members.setdefault(_form(law) or number, []).append(law)
    return tuple(_grouped(form, group, verified) for form, group in members.items())


def _grouped(form: _Form | int, laws: list[Law], verified: frozenset[Polynomial]) -> LawGroup:
    if isinstance(form, _Form) and form.kind == "skew":
        return skew_group(laws, verified)
    return _present(laws, verified) if isinstance(form, _Form) and len(laws) > 1 else _single(laws[0])


def _shows_symmetry(law: Law) -> bool:
    """Whether the gradient of the law is a symmetry of the potentials."""
    return law.space.euclidean and not law.space.velocities


def _form(law: Law) -> _Form | None:
    """The form of a law whose atoms all have the same one or two indices, one axis each."""
    if len(law.parts) != 1:
        return None
    (power, reading), atoms = next(iter(law.parts.items())), law.reading.atoms
    if reading.rest or not atoms or any(len(atom.left.axes) != 1 for atom in atoms):
        return None
    if is_skew(atoms):
        return _Form("skew", power, skew_form(atoms))
    if any(_indices(atom) != _indices(atoms[0]) for atom in atoms):
        return None
    kind = "sum" if any(atom.right is None for atom in atoms) else "product"
    return _Form(kind, power, tuple(map(atom_form, atoms)))


def _indices(atom: Atom) -> tuple[int, ...]:
    right = atom.right.index if atom.right else atom.left.index
    return (*atom.left.index, *right)


def _present(laws: list[Law], verified: frozenset[Polynomial]) -> LawGroup:
    atoms = laws[0].reading.atoms
    pairs = [_indices(law.reading.atoms[0]) for law in laws]
    count = len(laws)
    if all(i == j for i, j in pairs):
        text = with_time(laws[0], join_terms([(atom.coefficient, atom.text(("k", "k"))) for atom in atoms]))
        unit = "hidden unit k" if _joins_layers(atoms) else "k"
        scope = f"for each {unit} in {_range([i for i, _ in pairs])}"
        return LawGroup(text, scope, _unit_symmetry(atoms) if _shows_symmetry(laws[0]) else "", tuple(laws))
    size = laws[0].space.shapes[atoms[0].left.tensor][atoms[0].left.axes[0]]
    known = verified | {law.polynomial for law in laws}
    if any(entry_polynomial(laws[0], i, j) not in known for i in range(size) for j in range(i, size)):
        text = with_time(laws[0], join_terms([(atom.coefficient, atom.text(("i", "j"))) for atom in atoms]))
        return LawGroup(text, "for (i,j) = " + " ".join(f"({i},{j})" for i, j in sorted(pairs)), "", tuple(laws))
    entries = size * (size + 1) // 2
    text = with_time(laws[0], join_terms([(atom.coefficient, matrix(atom)) for atom in atoms]))
    share = f"{count} independent entries" if count == entries else f"{count} independent of its {entries} entries"
    symmetry = _matrix_symmetry(atoms) if _shows_symmetry(laws[0]) else ""
    return LawGroup(text, f"symmetric {size} x {size}, {share}", symmetry, tuple(laws))


def entry_polynomial(law: Law, i: int, j: int) -> Polynomial:
    """The law with its two indices replaced: entry (i, j) of the matrix that it belongs to."""
    terms: dict[tuple[int, ...], int] = {}
    for atom in law.reading.atoms:
        assert atom.right is not None
        left, right = (
            np.take(law.space.indices(side.tensor), index, axis=side.axes[0]).ravel().tolist()
            for side, index in ((atom.left, i), (atom.right, j))
        )
        for pair in zip(left, right, strict=True):
            monomial = (0,) * next(iter(law.parts)) + tuple(sorted(pair))
            terms[monomial] = terms.get(monomial, 0) + atom.coefficient
    return Polynomial.of(terms).primitive()


def _joins_layers(atoms: tuple[Atom, ...]) -> bool:
    axes = {atom.left.axes for atom in atoms if atom.left.ndim > 1}
    return axes == {(0,), (1,)}


def _range(numbers: list[int]) -> str:
    ordered = sorted(numbers)
    if len(ordered) > 2 and ordered == list(range(ordered[0], ordered[-1] + 1)):
        return f"{ordered[0]}..{ordered[-1]}"
    return ", ".join(map(str, ordered))


def _unit_symmetry(atoms: tuple[Atom, ...]) -> str:
    if any(atom.right is None for atom in atoms):
        return ", ".join(f"{a.left.text('k')} -> {a.left.text('k')} {_signed(a.coefficient)} s" for a in atoms)
    if any(atom.right is None or atom.left.tensor != atom.right.tensor for atom in atoms):
        return ""
    return ", ".join(f"{a.left.text('k')} -> {_exponential(a.coefficient)} {a.left.text('k')}" for a in atoms)


def _matrix_symmetry(atoms: tuple[Atom, ...]) -> str:
    if any(atom.right is None or atom.left.tensor != atom.right.tensor for atom in atoms):
        return ""
    parts = []
    for atom in atoms:
        factor = _exponential(atom.coefficient, " S")
        name = factor_text(atom.left)
        moved = f"{name} {factor}" if atom.left.ndim == 2 and atom.left.axes == (1,) else f"{factor} {name}"
        parts.append(f"{name} -> {moved}")
    return ", ".join(parts) + ", S symmetric"


def _exponential(coefficient: int, generator: str = "") -> str:
    size = {1: "s", -1: "-s"}.get(coefficient, f"{coefficient} s")
    return f"e^({size}{generator})"


def _signed(coefficient: int) -> str:
    return ("+" if coefficient > 0 else "-") + ("" if abs(coefficient) == 1 else f" {abs(coefficient)}")


def _single(law: Law) -> LawGroup:
    return LawGroup(law.name, "", _single_symmetry(law), (law,))


def _single_symmetry(law: Law) -> str:
    reading = law.reading
    if not _shows_symmetry(law) or len(law.parts) > 1:
        return ""
    if law.degree == 2 and not reading.rest and all(a.right is not None and a.left == a.right for a in reading.atoms):
        return ", ".join(f"{a.left.text()} -> {_exponential(a.coefficient)} {a.left.text()}" for a in reading.atoms)
    if law.degree == 1:
        parts = [f"{a.left.text()} -> {a.left.text()} {_signed(a.coefficient)} s" for a in reading.atoms]
        return ", ".join(parts)
    if len(law.polynomial.coordinates) > _MOST_ENTRIES:
        return "the flow of its gradient"
    changes = [f"{entry} -> {entry} + s ({change})" for entry, change in law.symmetry.items()]
    return ", ".join(changes) + ("" if law.degree == 2 else ", to first order in s")
