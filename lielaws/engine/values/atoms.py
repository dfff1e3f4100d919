"""Products of powers of polynomials over Q in atoms: values of entries of a graph that stand for themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from lielaws.engine.graph.node import Node

Entry = tuple[Node, int]
"""a node and the number of one of its entries"""

Term = tuple[tuple[tuple[int, int], ...], Fraction]
"""((atom, exponent), ..), coefficient"""


@dataclass(frozen=True, slots=True)
class Atom:
    """An entry of a node, or a generator of exponentials.

    scope : "" for an entry of a node; "sample" or "state" for a generator
    """

    node: Node | None
    entry: int
    scope: str = ""


@dataclass(frozen=True)
class Polynomial:
    """An irreducible polynomial in atoms, as a value to share; its leading coefficient is positive."""

    terms: tuple[Term, ...]

    @property
    def atoms(self) -> set[int]:
        return {atom for powers, _ in self.terms for atom, _ in powers}

    @property
    def is_atom(self) -> bool:
        return len(self.terms) == 1 and len(self.atoms) == 1


@dataclass(frozen=True, slots=True)
class Factored:
    """constant * product of polynomial ** exponent"""

    constant: Fraction
    factors: Mapping[Polynomial, int]


@dataclass(frozen=True)
class Cut:
    """The arguments of roots over some atoms.

    arguments : the factors of the wanted entries
    inner : the factors of the arguments of roots among the atoms, by the number of the atom
    """

    atoms: tuple[Atom, ...]
    arguments: Mapping[Entry, Factored]
    inner: Mapping[int, Factored] = field(default_factory=dict)
