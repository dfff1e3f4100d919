"""The trace dimension at a given rational point, where a stall of the growth proves nothing.

The rank of brackets at the point, modulo a prime, is a lower bound. It is the dimension if it equals an upper bound:
the generic one (dimension minus the number of laws proved), as ranks only fall at special points; or, if the brackets
span a finite-dimensional Lie algebra of polynomial fields, the rank over Q of a basis of that algebra at the point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.engine.arithmetic.modular import Modular, retried
from lielaws.engine.closure.algebra import lie_algebra, rank_at
from lielaws.engine.closure.brackets import brackets_at
from lielaws.engine.flows.fields import VectorFields
from lielaws.engine.graph.trace import as_rational
from lielaws.engine.linalg import Echelon, random_prime
from lielaws.errors import InvalidArgumentError

_DEPTH_LIMIT = 9
_ROWS = 6


@dataclass(frozen=True, slots=True)
class TraceDimension:
    """value : rank of brackets at the point, at most the dimension; proven : whether it is the dimension."""

    value: int
    proven: bool

    def __str__(self) -> str:
        return str(self.value) if self.proven else f"at least {self.value}"


def rational_point(shapes: Mapping[str, tuple[int, ...]], at: Mapping[str, Any]) -> list[Fraction]:
    """The state vector of a parameter mapping, exactly."""
    if not isinstance(at, Mapping):
        raise InvalidArgumentError("at", at, "a mapping of parameter names to arrays is needed")
    if unknown := sorted(set(map(str, at)) - set(shapes)):
        raise InvalidArgumentError("at", unknown, f"not among the parameters {', '.join(shapes)}")
    point: list[Fraction] = []
    for name, shape in shapes.items():
        if name not in at:
            raise InvalidArgumentError("at", sorted(at), f"parameter '{name}' of shape {shape} is missing")
        array = np.asarray(at[name], dtype=object)
        if array.shape != shape:
            raise InvalidArgumentError(f"at['{name}']", f"array of shape {array.shape}", f"shape {shape} is needed")
        for entry in array.ravel().tolist():
            number = as_rational(entry)
            if number is None:
                raise InvalidArgumentError(f"at['{name}']", entry, "rational numbers are needed")
            point.append(number)
    return point


def dimension_at(fields: VectorFields, point: list[Fraction], generic: int, rng: np.random.Generator) -> TraceDimension:
    """The trace dimension at a point, given an upper bound on the generic one."""
    message = "a denominator of the architecture vanishes at the given point"
    lower = retried(lambda: _rank_at(fields, point, generic, rng), message)
    if lower == generic:
        return TraceDimension(lower, True)
    algebra = lie_algebra(fields)
    if algebra is None:
        return TraceDimension(lower, False)
    return TraceDimension(rank_at(algebra, point), True)


def _rank_at(fields: VectorFields, point: list[Fraction], target: int, rng: np.random.Generator) -> int:
    """The rank of brackets at the point modulo a prime, over all depths: the growth may stall and go on."""
    prime = random_prime(rng, with_roots=True)
    residues = np.array(list(map(Modular(prime).residue, point)), dtype=np.int64)
    echelon, place = Echelon(fields.space.dimension, prime), fields.point_at(residues, prime)
    for depth in range(1, _DEPTH_LIMIT + 1):
        while echelon.rank < target:
            words = tuple(fields.choose(rng, _ROWS, place) for _ in range(depth))
            kept = echelon.extend(brackets_at(fields, words, place))
            if len(kept) < _ROWS:
                break
    return echelon.rank
