"""Proven lower bounds of losses over all parameters, for the counting of modifications.

Never the best value seen: a loss may fall below that later.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.modification.data import Data

# What the float evaluation of an entropy or a variance can be off by, relative to 1 + the value; far on the safe side.
_ROUNDING = 1e-11


@dataclass(frozen=True, slots=True)
class LowerBound:
    """A number that the loss stays above, and why.

    given : stated by the caller, and so a hypothesis
    """

    value: Fraction
    reason: str
    given: bool = False


def entropy_bound(targets: FloatArray, data: Data, samplewise: bool) -> LowerBound:
    """Of the cross-entropy: the mean entropy of the targets, taken together where inputs are equal.

    -<q, log p> >= H(q) for all distributions p (Gibbs' inequality), and samples with equal inputs have one p.

    targets : distributions, (samples, classes)
    """
    together = _group_means(targets, data) if samplewise else targets
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(together > 0, -together * np.log(together), 0.0)
    reason = "Gibbs' inequality: the cross-entropy is at least the mean entropy of the targets"
    return _safe(float(terms.sum(axis=1).mean()), reason + _together(samplewise), "the cross-entropy is never negative")


def spread_bound(data: Data, samplewise: bool) -> LowerBound:
    """Of the mean of |f(x) - y|^2 / 2: the spread of the targets where inputs are equal, since these have one f(x)."""
    zero = "squares are never negative"
    if not samplewise:
        return LowerBound(Fraction(0), zero)
    y = np.asarray(data.y, dtype=np.float64).reshape(data.size, -1)
    spread = float(((y - _group_means(y, data)) ** 2).sum(axis=1).mean() / 2)
    # About a mean that is off by rounding, the spread is larger than it is, by half the square of that.
    off = (data.size + 2) * 2.0**-53 * float(np.abs(y).max())
    return _safe(spread, "the spread of the targets of equal inputs", zero, y.shape[1] * off**2)


def _group_means(values: FloatArray, data: Data) -> FloatArray:
    groups = data.groups
    sums = np.zeros((int(groups.max()) + 1, values.shape[1]))
    np.add.at(sums, groups, values)
    return np.asarray((sums / np.bincount(groups)[:, None])[groups])


def _together(samplewise: bool) -> str:
    return ", taken together where inputs are equal" if samplewise else ""


def _safe(value: float, reason: str, otherwise: str, rounding: float = 0.0) -> LowerBound:
    """The bound less its rounding; 0 if nothing is left of it."""
    safe = value - _ROUNDING * (1 + value) - rounding
    return LowerBound(Fraction(safe), reason) if safe > 0 else LowerBound(Fraction(0), otherwise)
