"""How likely an unrelated model is to match a parent as well as the child does."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lielaws.arraytypes import FloatArray, IntArray
from lielaws.lineage.drift import AllowedDrift
from lielaws.lineage.units import Units

ORDERS = "orders of the units"
DENSITY = "a density"
NOTHING = "no units to compare"


@dataclass(frozen=True, slots=True)
class Chance:
    p_value: float
    how: str


def spread(values: FloatArray) -> float:
    """The median difference between two of the values; robust against single large ones."""
    if len(values) < 2:
        return 0.0
    first, second = np.triu_indices(len(values), 1)
    return float(np.median(np.abs(values[first] - values[second])))


def spreads(units: Units, values: FloatArray) -> FloatArray:
    """For each law the spread of the laws of its form; 0 for a law without units."""
    found = np.zeros(len(values))
    for numbers in forms(units):
        found[numbers] = spread(values[numbers])
    return found


def forms(units: Units) -> list[IntArray]:
    """Numbers of the laws of units, by form: those of the same tensors, and on or off the diagonal of a matrix law."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for number in units.laws.tolist():
        key = (units.followed.laws[number].support, is_diagonal(units, np.array([number])))
        groups.setdefault(key, []).append(number)
    return [np.array(numbers, dtype=np.int64) for numbers in groups.values()]


def chance(
    units: Units,
    expected: FloatArray,
    child: FloatArray,
    vector: FloatArray,
    significance: float,
    permutations: int,
    rng: np.random.Generator,
) -> Chance:
    """By the orders of the units if there are enough of them for this significance, by a density otherwise.

    vector : the child
    """
    if not len(units.laws):
        return Chance(1.0, NOTHING)
    if units.orders * significance < 1:
        return Chance(_by_density(units, expected, child), DENSITY)
    scales = _scales(units, expected, child)
    target = _bent(expected, scales, units)
    observed = float(((_bent(child, scales, units) - target) ** 2).sum())
    # Two orders that differ by rounding alone count as equal.
    limit = observed * (1 + 1e-9) + 1e-18
    as_good = sum(
        int(np.count_nonzero(((_bent(values, scales, units) - target) ** 2).sum(axis=-1) <= limit))
        for values in units.shuffled_values(vector, permutations, rng)
    )
    return Chance((1 + as_good) / (1 + permutations), ORDERS)


def _scales(units: Units, expected: FloatArray, child: FloatArray) -> FloatArray:
    """The median size of the laws of each form, in both models together."""
    scales = np.ones(len(expected))
    for numbers in forms(units):
        sizes = np.abs(np.concatenate([expected[numbers], child[numbers]]))
        scales[numbers] = max(float(np.median(sizes)), float(sizes.max()) * 1e-6, np.finfo(float).tiny)
    return scales


def _bent(values: FloatArray, scales: FloatArray, units: Units) -> FloatArray:
    """Large values count by their logarithm, so that no single unit decides."""
    chosen = units.laws
    return np.asarray(np.arcsinh(values[..., chosen] / scales[chosen]))


def _by_density(units: Units, expected: FloatArray, child: FloatArray) -> float:
    """(2 T)^n with T the largest difference in units of the spread, over the n laws on the diagonals.

    If the laws of an unrelated model are independent with densities of at most one over the spread, each comes as near
    with probability 2 T at most.
    """
    reach = np.minimum(spreads(units, expected), spreads(units, child))
    p = 1.0
    for numbers in forms(units):
        if is_diagonal(units, numbers) and reach[numbers[0]] > 0:
            largest = float(np.abs(child[numbers] - expected[numbers]).max() / reach[numbers[0]])
            p *= min(1.0, 2 * largest) ** len(numbers)
    return p


def is_diagonal(units: Units, numbers: IntArray) -> bool:
    """Whether laws of one form belong to single units, not to pairs of them."""
    atom = units.followed.laws[int(numbers[0])].atoms[0]
    return len({side.index for side in atom.factors}) == 1


def reordered_match(units: Units, drift: AllowedDrift, child: FloatArray) -> float | None:
    """The probability that laws of unrelated units match as well as these do in their best order; None if they do not.

    Only for laws of single units. An order is one of n!, so the probability of `_by_density` is that much larger.
    """
    from scipy.optimize import linear_sum_assignment

    reach = np.minimum(spreads(units, drift.expected), spreads(units, child))
    p = 1.0
    for numbers in forms(units):
        if not is_diagonal(units, numbers) or not reach[numbers[0]] > 0:
            return None
        cost = np.abs(drift.expected[numbers][:, None] - child[numbers])
        rows, columns = linear_sum_assignment(cost)
        left = cost[rows, columns]
        if np.any(left > drift.bound[numbers][rows]):
            return None
        ways = math.exp(min(700.0, math.lgamma(len(numbers) + 1)))
        p *= min(1.0, ways * (2 * float(left.max() / reach[numbers[0]])) ** len(numbers))
    return p
