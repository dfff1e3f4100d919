"""Signs of polynomials in entries of nodes, the same at all real points where they are not zero, by proof.

The signs of the entries follow from the operations that made them. A polynomial has a sign if all its terms have it, or
if it has degree two and its quadratic form is a sum of squares.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from lielaws.engine.arithmetic.polynomials import ObjectArray, objects
from lielaws.engine.arithmetic.signmasks import ANY, NEGATIVE, POSITIVE, ZERO, SignMasks
from lielaws.engine.graph.constants import FROZEN
from lielaws.engine.graph.node import Node, ancestors
from lielaws.engine.graph.program import Program
from lielaws.engine.values.atoms import Atom, Polynomial
from lielaws.engine.values.basepoints import GateValues

_LARGEST_FORM = 60


def atom_signs(atoms: Sequence[Atom], gates: GateValues) -> list[int]:
    """1 or -1 for atoms that are nowhere of the other sign, else 0. Free values of exponentials are positive."""
    nodes = {atom.node.serial: atom.node for atom in atoms if atom.node is not None}
    masks = dict(zip(nodes, sign_masks(list(nodes.values()), gates), strict=True))
    signs = {POSITIVE: 1, NEGATIVE: -1}
    return [1 if atom.node is None else signs.get(masks[atom.node.serial].ravel()[atom.entry], 0) for atom in atoms]


def sign_masks(nodes: Sequence[Node], gates: GateValues | None = None) -> list[ObjectArray]:
    """The signs that the entries of nodes can have, as far as their operations tell."""
    leaves = {node.static: _leaf_masks(node, gates or {}) for node in ancestors(nodes) if node.op == "leaf"}
    return Program.of(nodes).run(SignMasks(), leaves)


def _leaf_masks(leaf: Node, gates: GateValues) -> Any:
    if leaf.static in gates:
        return objects([POSITIVE if gate else ZERO for gate in gates[leaf.static].ravel().tolist()], leaf.shape)
    # Gates are 0 or 1, and all named constants are positive numbers.
    named = leaf.static.role == "constant" and not leaf.static.name.startswith(FROZEN)
    return objects([POSITIVE if named or leaf.static.role == "gate" else ANY] * leaf.size, leaf.shape)


def definite_sign(polynomial: Polynomial, signs: Sequence[int]) -> int:
    """1 or -1 for a polynomial with that sign wherever it is not zero; 0 if that was not seen.

    signs : of the atoms, 0 where they are not known
    """
    terms = {_sign_of_term(powers, coefficient, signs) for powers, coefficient in polynomial.terms}
    if terms in ({1}, {-1}):
        return terms.pop()
    return next((sign for sign in (1, -1) if _is_sum_of_squares(polynomial, sign)), 0)


def _sign_of_term(powers: tuple[tuple[int, int], ...], coefficient: Fraction, signs: Sequence[int]) -> int:
    sign = 1 if coefficient > 0 else -1
    for atom, power in powers:
        sign *= signs[atom] if power % 2 else 1
    return sign


def _is_sum_of_squares(polynomial: Polynomial, sign: int) -> bool:
    """Whether a polynomial of degree two, times the sign, is one; by completing squares over Q."""
    if any(sum(power for _, power in powers) > 2 for powers, _ in polynomial.terms):
        return False
    number = {atom: k for k, atom in enumerate(sorted(polynomial.atoms), start=1)}
    size = len(number) + 1
    if size > _LARGEST_FORM:
        return False
    form = [[Fraction(0)] * size for _ in range(size)]
    for powers, coefficient in polynomial.terms:
        row, column = ([0, 0] + [number[atom] for atom, power in powers for _ in range(power)])[-2:]
        form[row][column] += coefficient * sign / 2
        form[column][row] += coefficient * sign / 2
    return _is_semidefinite(form)


def _is_semidefinite(form: list[list[Fraction]]) -> bool:
    """Whether a symmetric matrix over Q has no negative value."""
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
