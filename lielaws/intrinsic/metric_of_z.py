"""The metric M(z) in closed form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import FloatArray
from lielaws.errors import InvalidArgumentError

_TOLERANCE = 1e-8
_MOST_SHOWN = 6


class Part(Protocol):
    """A block of z whose metric is closed; blocks without common parameters are orthogonal to each other."""

    @property
    def places(self) -> npt.NDArray[np.int64]:
        """Where the entries of the block stand in z."""
        ...

    def matrix(self, z: FloatArray, values: FloatArray) -> FloatArray:
        """M on the block, (n, n), for its entries of z in the order of `places` and the values of all laws.

        Raises InvalidArgumentError where M is not a function of z.
        """
        ...

    @property
    def block(self) -> str:
        """What z is in this block."""
        ...

    @property
    def formula(self) -> str:
        """M(z) as text; the same for blocks of one kind."""
        ...

    def latex(self) -> str:
        """The block and its formula."""
        ...


@dataclass(frozen=True)
class Metric:
    """M(z) with z' = -M(z) grad l(z), where z are the functions of `architecture.reparameterization()`.

    Attributes
    ----------
    size : the number of functions
    laws : names of the laws on whose values it depends, in the order of the report
    law_values : their values, where they were asked for; else None, and :meth:`evaluate` needs them
    parts : the blocks, which together are all of z
    error : largest relative deviation from d phi d phi^T at random parameters, which was measured
    """

    size: int
    laws: tuple[str, ...]
    law_values: tuple[Fraction, ...] | None
    parts: tuple[Part, ...]
    error: float = float("inf")

    @property
    def verified(self) -> bool:
        """Whether the formula agreed with d phi d phi^T at random parameters, to rounding."""
        return self.error < _TOLERANCE

    def evaluate(self, z: Any, law_values: Any = None) -> FloatArray:
        """The matrix M(z), shape (size, size).

        Parameters
        ----------
        z : values of the functions phi, shape (size,)
        law_values : values of the laws, a sequence in the order of `laws` or a mapping from their names

        Raises InvalidArgumentError for wrong shapes, values that are not finite, and where M is no function of z.
        """
        vector = _floats("z", z, self.size)
        values = self._values(law_values)
        result = np.zeros((self.size, self.size))
        for part in self.parts:
            places = part.places.ravel()
            result[np.ix_(places, places)] = part.matrix(vector[part.places], values)
        return result

    def _values(self, law_values: Any) -> FloatArray:
        if law_values is None:
            if self.law_values is None and self.laws:
                remedy = "the metric depends on the values of the laws; give them in the order of `laws`"
                raise InvalidArgumentError("law_values", None, remedy)
            return np.array([float(value) for value in self.law_values or ()])
        if isinstance(law_values, Mapping):
            if set(law_values) != set(self.laws):
                remedy = f"one value for each of the laws is needed: {', '.join(self.laws)}"
                raise InvalidArgumentError("law_values", sorted(map(str, law_values)), remedy)
            law_values = [law_values[name] for name in self.laws]
        return _floats("law_values", law_values, len(self.laws))

    @property
    def formulas(self) -> dict[str, list[str]]:
        """The formula of each kind of block, with the blocks that it holds for."""
        found: dict[str, list[str]] = {}
        for part in self.parts:
            found.setdefault(part.formula, []).append(part.block)
        return found

    def latex(self) -> str:
        return " \\\\\n".join(dict.fromkeys(part.latex() for part in self.parts))

    def __str__(self) -> str:
        lines = []
        for formula, blocks in self.formulas.items():
            more = f" and {len(blocks) - _MOST_SHOWN} more" if len(blocks) > _MOST_SHOWN else ""
            lines += [f"z = {', '.join(blocks[:_MOST_SHOWN])}{more}:", f"  {formula}"]
        return "\n".join(lines)


def _floats(argument: str, value: Any, size: int) -> FloatArray:
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidArgumentError(argument, value, f"{size} numbers are needed") from None
    if array.shape != (size,):
        raise InvalidArgumentError(argument, f"array of shape {array.shape}", f"shape ({size},) is needed")
    if not np.isfinite(array).all():
        raise InvalidArgumentError(argument, value, "finite numbers are needed")
    return array


def squares_of(offsets: FloatArray, powers: Sequence[int], target: float) -> FloatArray:
    """The numbers s + c_i >= 0 for which the product of (a_i (s + c_i))^a_i is the target, a number of at least zero.

    The product grows from zero to infinity above the largest -c_i, so there is exactly one such s.
    """
    gaps = offsets - offsets.min()
    if target <= 0.0:
        return np.asarray(gaps)
    if tuple(powers) == (1, 1):
        gap = float(gaps.max())
        # height (height + gap) = target, solved without cancellation.
        return np.asarray(gaps + 2.0 * target / (gap + float(np.hypot(gap, 2.0 * np.sqrt(target)))))
    from scipy.optimize import brentq

    weights = np.array(powers, dtype=np.float64)
    logs = float(np.log(target) - weights @ np.log(weights))

    def excess(log_height: float) -> float:
        return float(weights @ np.log(np.exp(log_height) + gaps)) - logs

    # Every factor is at least the height, so the root is no larger than if they were all equal to it.
    top = low = logs / float(weights.sum())
    while excess(low) > 0:
        low -= 2.0
    height = np.exp(low if low == top else brentq(excess, low, top + 1e-9, xtol=1e-15, rtol=8.9e-16))
    return np.asarray(gaps + height)
