"""Families of vector fields: what a flow makes of the potentials, and all that the closure and the law search see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lielaws.flows.exact import Expansion, FieldBounds
from lielaws.flows.state import StateSpace
from lielaws.graph.node import Leaf, Node
from lielaws.numbers.modular import Modular

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Members:
    """Some members of a family, each given by its values of z: leaf -> residues of shape (1, count, *shape)."""

    values: Mapping[Leaf, IntArray]
    count: int

    def select(self, chosen: Any) -> Members:
        picked = {leaf: array[:, chosen] for leaf, array in self.values.items()}
        return Members(picked, len(np.arange(self.count)[chosen]))


class VectorFields(Protocol):
    """A family W of vector fields on a state space."""

    @property
    def space(self) -> StateSpace: ...

    @property
    def generic(self) -> bool:
        """Whether members are drawn from all of an affine space, so that one random member meets every proper
        subspace with negligible probability."""
        ...

    @property
    def slopes(self) -> Sequence[Node | None]:
        """The components of a member as nodes, one for each tensor of the state; None for zero."""
        ...

    @property
    def bounds(self) -> FieldBounds:
        """Bounds on degrees and coefficients, for proofs by evaluation."""
        ...

    def expansion(self, law_terms: int) -> Expansion | None:
        """The fields expanded over Q; None if that is not affordable for laws with that many terms together."""
        ...

    def draw(self, rng: np.random.Generator, count: int, prime: int, *, free_gates: bool = False) -> Members:
        """Random members of the family; with `free_gates`, of the larger one in which gates are any numbers."""
        ...

    def evaluate(self, state: IntArray, members: Members, arithmetic: Modular) -> IntArray:
        """The fields at states of shape (jets, samples, dimension), in the same shape."""
        ...
