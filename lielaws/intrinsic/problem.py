"""What every decision starts from: the architecture, its laws, and phi where it is small enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lielaws.architectures.base import Architecture
from lielaws.arraytypes import IntArray
from lielaws.discover import discover_laws
from lielaws.engine.flows.fields import Choice, Point
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.terms import TermTable
from lielaws.engine.linalg import Echelon, rank
from lielaws.errors import SizeError, UnsupportedError
from lielaws.intrinsic.curve import ranks_along
from lielaws.intrinsic.phi_derivatives import Functions, PolynomialFunctions, functions_of
from lielaws.intrinsic.ranks import Ranks
from lielaws.progress import Progress
from lielaws.questions import as_architecture
from lielaws.report.report import Report

_SPARE_ROWS = 6
_MOST_ENTRIES = 200_000


@dataclass(frozen=True)
class Problem:
    """An architecture, with its laws once they are asked for.

    functions : phi; None if it would not fit
    max_degree, seed, progress : for the search of the laws
    """

    architecture: Architecture
    functions: Functions | None
    max_degree: int
    seed: int
    progress: Progress | None

    @classmethod
    def of(cls, arch: Any, max_degree: int, seed: int, progress: Progress | None) -> Problem:
        """Raises UnsupportedError for architectures without a finite phi."""
        architecture = as_architecture(arch)
        if not architecture.potential.is_rational:
            remedy = (
                "its potentials are not polynomial in the data, so it has no finite reparameterization phi; networks "
                "without functions such as exp, tanh, GELU or roots are supported"
            )
            raise UnsupportedError("arch", architecture.name, remedy)
        try:
            functions: Functions | None = functions_of(architecture)
        except SizeError:
            functions = None
        return cls(architecture, functions, max_degree, seed, progress)

    @cached_property
    def report(self) -> Report:
        return discover_laws(self.architecture, max_degree=self.max_degree, seed=self.seed, progress=self.progress)

    @property
    def dimension(self) -> int:
        return self.architecture.dimension

    @cached_property
    def laws(self) -> tuple[Polynomial, ...]:
        return tuple(law.polynomial for law in self.report.laws)

    @property
    def polynomials(self) -> PolynomialFunctions | None:
        return self.functions if isinstance(self.functions, PolynomialFunctions) else None

    def law_rows(self, point: IntArray, prime: int) -> IntArray:
        """The gradients of the laws found at a point (D,) modulo a prime."""
        if not self.laws:
            return np.zeros((0, self.dimension), dtype=np.int64)
        return TermTable.of(self.laws, self.dimension).gradients(point, prime)

    def ranks_at_point(self, point: IntArray, prime: int, rng: np.random.Generator) -> Ranks:
        """The ranks at residues (D,), with the gradients of the laws found."""
        functions = self.polynomials
        if functions is not None and functions.count * self.dimension <= _MOST_ENTRIES:
            return ranks_along(functions.table, self.laws, point[:, None], prime, rng)
        place = self.report.fields.point_at(point, prime)
        return self.ranks_at(place, self.law_rows(point, prime), rng)

    def ranks_at(self, point: Point, law_rows: IntArray, rng: np.random.Generator) -> Ranks:
        """The ranks at a point modulo its prime: none is larger than the true one."""
        fields = self.report.fields
        if not fields.generic and self.polynomials is not None:
            # Gates of 0 and 1 are merged in phi, while random vector fields hardly meet the rare patterns.
            table = self.polynomials.table
            return ranks_along(table, self.laws, point.vector[0, 0][:, None], point.prime, rng)
        count = self.dimension + _SPARE_ROWS
        choice = fields.choose(rng, count, point)
        slopes = self._values(choice, point)
        span = Echelon(self.dimension, point.prime)
        span.extend(slopes)
        phi = span.rank
        span.extend(law_rows)
        joint = span.rank
        if hidden := self.dimension - joint:
            chosen = rng.permutation(count)[: hidden + _SPARE_ROWS]
            others = fields.choose(rng, len(chosen), point)
            span.extend(self._metric_slopes(choice.select(chosen), others, point))
        return Ranks(self.dimension, phi, rank(law_rows, point.prime), joint, span.rank)

    def _values(self, chosen: Choice, point: Point) -> IntArray:
        return np.asarray(self.report.fields.evaluate(point.vector, chosen, point.arithmetic)[0])

    def _metric_slopes(self, left: Choice, right: Choice, point: Point) -> IntArray:
        """The gradients of <X, Y> for pairs of vector fields: DX.Y + DY.X, as Jacobians of gradients are symmetric."""
        return (self._derivative(left, right, point) + self._derivative(right, left, point)) % point.prime

    def _derivative(self, chosen: Choice, along: Choice, point: Point) -> IntArray:
        fields, arithmetic = self.report.fields, point.arithmetic
        direction = fields.evaluate(point.vector, along, arithmetic)
        moved = np.concatenate([np.broadcast_to(point.vector, direction.shape), direction])
        return np.asarray(fields.evaluate(moved, chosen, arithmetic)[1])


def law_names(problem: Problem) -> Sequence[str]:
    return [law.name for law in problem.report.laws]
