"""Families of vector fields: what a flow makes of the potentials, and all that the closure and the law search see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lielaws.engine.arithmetic.modular import Bases, Modular
from lielaws.engine.flows.exact import Expansion, FieldBounds
from lielaws.engine.flows.patterns import Patterns
from lielaws.engine.flows.state import StateSpace
from lielaws.engine.graph.node import Leaf, Node
from lielaws.engine.potential.potentials import Potential
from lielaws.engine.values.sampling import Draw

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class State:
    """Points of the state space modulo a prime.

    vector : (1, count, dimension)
    draw : values of the leaves that belong to the state, and of generators that do not depend on data
    """

    prime: int
    vector: IntArray
    draw: Draw


@dataclass(frozen=True, slots=True)
class Members:
    """Some members of a family at a state.

    values : leaf -> residues of shape (1, count, *shape): z, and constants with one value for all
    bases : values of functions at the base point by the serial of their node
    """

    values: Mapping[Leaf, IntArray]
    count: int
    bases: Bases = field(default_factory=dict)

    def select(self, chosen: Any) -> Members:
        count = len(np.arange(self.count)[chosen])
        return Members({leaf: _pick(array, chosen) for leaf, array in self.values.items()}, count, self._picked(chosen))

    def _picked(self, chosen: Any) -> Bases:
        return {
            serial: tuple(_pick(part, chosen) for part in base) if isinstance(base, tuple) else _pick(base, chosen)
            for serial, base in self.bases.items()
        }


def _pick(array: IntArray, chosen: Any) -> IntArray:
    """Arrays of one sample stand for all."""
    return array if array.shape[1] == 1 else array[:, chosen]


class VectorFields(Protocol):
    """A family W of vector fields on a state space."""

    @property
    def potential(self) -> Potential: ...

    @property
    def patterns(self) -> Patterns | None:
        """The activation patterns that the family is restricted to."""
        ...

    @property
    def space(self) -> StateSpace: ...

    @property
    def generic(self) -> bool:
        """Whether members are drawn from all of an affine space, so that one random member meets every proper
        subspace with negligible probability."""
        ...

    @property
    def proof_rows(self) -> int:
        """How many members, drawn with `free_gates`, prove an identity that vanishes on them."""
        ...

    @property
    def slopes(self) -> Sequence[Node | None]:
        """The components of a member as nodes, one for each tensor of the state; None for zero."""
        ...

    @property
    def leaves(self) -> Sequence[Node]:
        """The leaf of each tensor of the state."""
        ...

    @property
    def outside(self) -> Sequence[Node]:
        """All other leaves: data, cotangent, gates, constants, and the factor of the drift."""
        ...

    @property
    def bounds(self) -> FieldBounds:
        """Bounds on degrees and coefficients, for proofs by evaluation."""
        ...

    def expansion(self, law_terms: int) -> Expansion | None:
        """The fields expanded over Q; None if that is not affordable for laws with that many terms together."""
        ...

    @property
    def proved_free(self) -> bool:
        """Whether laws are proved for gates of any value alone, as not all activation patterns are resolved."""
        ...

    def prime(self, rng: np.random.Generator | None = None, bits: int = 31) -> int:
        """A random prime of that size modulo which the roots of all numbers exist; without `rng` a fixed one."""
        ...

    def draw_state(self, rng: np.random.Generator, count: int, prime: int, *, of_many: bool = False) -> State:
        """Random states; with `of_many`, one of several at which many activation patterns have members."""
        ...

    def state_at(self, point: IntArray, prime: int) -> State:
        """The state at a given point. UnsupportedError if functions have no residues there."""
        ...

    @property
    def by_patterns(self) -> VectorFields | None:
        """The same family with activation patterns one by one, if functions of gates are resolved for all of them."""
        ...

    def draw(
        self, rng: np.random.Generator, count: int, state: State, *, free_gates: bool = False, first: int = 0
    ) -> Members:
        """Random members, at one state or each at its own.

        free_gates : gates are any numbers; but the activation patterns of a family that has them follow each other
        first : the number of the pattern with which they begin
        """
        ...

    def evaluate(self, state: IntArray, members: Members, arithmetic: Modular) -> IntArray:
        """The fields at states of shape (jets, samples, dimension), in the same shape."""
        ...
