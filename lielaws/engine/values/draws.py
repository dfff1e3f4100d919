"""What is drawn at random for base points: values of leaves, and free values of functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.engine.arithmetic.modular import BadPrimeError
from lielaws.engine.graph.node import Leaf
from lielaws.engine.linalg import modular
from lielaws.engine.values.plan import Plan

IntArray = npt.NDArray[np.int64]


class StuckError(BadPrimeError):
    """A root does not exist at the state of some samples, whatever is drawn for these."""

    def __init__(self, message: str, samples: IntArray) -> None:
        super().__init__(message)
        self.samples = samples


@dataclass(frozen=True, slots=True)
class FreeValues:
    """Residues for the generators: kind -> (1, count, generators); an angle is a parameter of the circle."""

    values: Mapping[str, IntArray]

    @classmethod
    def draw(cls, plan: Plan, scope: int, rng: np.random.Generator, count: int, prime: int) -> FreeValues:
        """scope : 0 for a sample, 1 for a state"""
        sizes = {kind: numbers[scope] for kind, numbers in plan.free_values.items()}
        # Exponentials are invertible, so zero is left out; for the others one residue less does no harm.
        return cls({kind: modular.residues(rng, prime, (1, count, size), 1) for kind, size in sizes.items()})

    def select(self, chosen: Any) -> FreeValues:
        return FreeValues({kind: array[:, chosen] for kind, array in self.values.items()})


@dataclass(frozen=True, slots=True)
class Draw:
    """Values of the leaves and generators of one scope, (1, count, ...).

    closed : of a state, the numbers of activation patterns that were seen to have no samples there
    """

    leaves: Mapping[Leaf, IntArray]
    free: FreeValues
    count: int
    closed: set[int] = field(default_factory=set, compare=False)

    def select(self, chosen: Any) -> Draw:
        picked = {leaf: array[:, chosen] for leaf, array in self.leaves.items()}
        return Draw(picked, self.free.select(chosen), len(chosen))

    def replace(self, chosen: Any, other: Draw) -> None:
        """Put the samples of another draw in place of the chosen ones."""
        for leaf, array in other.leaves.items():
            self.leaves[leaf][:, chosen] = array
        for kind, array in other.free.values.items():
            self.free.values[kind][:, chosen] = array
