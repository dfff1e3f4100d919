"""The models and the options of a lineage test, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.checks import integer, nonnegative, positive, positive_int
from lielaws.errors import InvalidArgumentError
from lielaws.lineage.followed import Followed

_LARGEST_SEED = 2**63 - 1
_LEAST_PERMUTATIONS = 99


@dataclass(frozen=True, slots=True)
class Options:
    wander: float
    most_moved: float
    significance: float
    permutations: int
    tolerance: float | None
    seed: int

    @classmethod
    def of(
        cls, wander: Any, most_moved: Any, significance: Any, permutations: Any, tolerance: Any, seed: Any
    ) -> Options:
        level = positive("significance", significance)
        if level >= 1:
            raise InvalidArgumentError("significance", significance, "a probability strictly between 0 and 1 is needed")
        count = positive_int("permutations", permutations)
        if count < _LEAST_PERMUTATIONS or (count + 1) * level < 1:
            least = max(_LEAST_PERMUTATIONS, math.ceil(1 / level))
            raise InvalidArgumentError(
                "permutations", permutations, f"at least {least} are needed for this significance"
            )
        return cls(
            wander=positive("wander", wander),
            most_moved=positive("most_moved", most_moved),
            significance=level,
            permutations=count,
            tolerance=None if tolerance is None else nonnegative("tolerance", tolerance),
            seed=integer("seed", seed, 0, _LARGEST_SEED, "an integer of at least 0 is needed"),
        )


@dataclass(frozen=True, eq=False)
class Models:
    """Both models as the laws see them.

    start, end : the entries that laws involve
    before, after : the laws, (laws,)
    scale : the larger sum of squares of the entries of each law
    tolerance : of rounding, by the type of the arrays
    """

    followed: Followed
    start: FloatArray
    end: FloatArray
    before: FloatArray
    after: FloatArray
    scale: FloatArray
    tolerance: float

    @classmethod
    def of(cls, followed: Followed, parent: Any, child: Any) -> Models:
        (start, first), (end, second) = followed.read("parent", parent), followed.read("child", child)
        before, after = followed.values(np.stack([start, end]))
        scale = np.maximum(followed.forms.scale(start), followed.forms.scale(end))
        return cls(followed, start, end, before, after, scale, max(first, second))
