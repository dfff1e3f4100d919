"""Derivatives of a network along single parameters, as lists: few where data and gates have few entries."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.checker.networks.steps import Budget, Contraction
from lielaws.checker.numbers.jets import Jets
from lielaws.checker.numbers.residues import Residues
from lielaws.checker.reading import Shape
from lielaws.errors import CertificateError

_Lists = tuple[Any, Any, Any]
"""entry, along, slope"""
_MOST = 2 * 10**7
"""derivatives at once: half a gigabyte"""
_EACH = 30
"""to make one takes as long as so many products of float64 numbers"""


@dataclass(frozen=True)
class Listed:
    """An array (samples, *shape) of residues, and the derivatives of its entries.

    entry : the flat number of the entry, sample by sample; several derivatives of one along one parameter add up
    along : the parameter; slope : the derivative
    """

    value: Any
    entry: Any
    along: Any
    slope: Any

    @classmethod
    def constant(cls, value: Any) -> Listed:
        none = np.zeros(0, dtype=np.int64)
        return cls(value, none, none, none)

    @classmethod
    def variable(cls, value: Any, first: int) -> Listed:
        """A tensor of parameters, whose entries are numbered from `first` on."""
        entry = np.arange(value.size)
        return cls(value, entry, first + entry % (value.size // len(value)), np.ones_like(entry))


class ListedRing:
    """What a program needs of a ring, for arrays of so many samples."""

    def __init__(self, prime: int, samples: int, budget: Budget) -> None:
        self.prime, self.samples = prime, samples
        self._ring, self._jets, self._budget = Residues(prime), Jets(Residues(prime)), budget

    def lift(self, value: Any) -> Listed:
        """Values for all samples, or for each."""
        return Listed.constant(np.broadcast_to(value, (self.samples, *value.shape[1:])))

    def constant(self, numerators: Sequence[int], denominator: int, shape: Shape) -> Listed:
        return self.lift(self._ring.constant(numerators, denominator, shape))

    def add(self, a: Listed, b: Listed) -> Listed:
        return self._checked(Listed((a.value + b.value) % self.prime, *_joined(_lists(a), _lists(b))))

    def scale(self, factor: Fraction, a: Listed) -> Listed:
        residue = self._ring.residue(factor)
        return self._checked(Listed(a.value * residue % self.prime, a.entry, a.along, a.slope * residue % self.prime))

    def multiply(self, a: Listed, b: Listed) -> Listed:
        """The elementwise product of arrays of one shape."""
        first, second = self._times(a, b.value), self._times(b, a.value)
        return Listed(first.value, *_joined(_lists(first), _lists(second)))

    def power(self, a: Listed, exponent: int) -> Listed:
        lower = self._jets.power(a.value, exponent - 1) if exponent > 1 else np.ones_like(a.value)
        inner = self._times(a, lower * (exponent % self.prime) % self.prime)
        return Listed(a.value * lower % self.prime, *_lists(inner))

    def inverse(self, a: Listed) -> Listed:
        value = self._ring.inverse(a.value)
        return Listed(value, *_lists(self._times(a, -value * value % self.prime)))

    def gather(self, a: Listed, index: Any) -> Listed:
        flat = a.value.reshape(self.samples, -1)
        size = flat.shape[1]
        order = np.argsort(index, axis=None, kind="stable")
        starts = np.searchsorted(index.ravel()[order], np.arange(size + 1))
        sample, entry = np.divmod(a.entry, size)
        counts = starts[entry + 1] - starts[entry]
        self._charge(int(counts.sum()))
        which = np.repeat(np.arange(len(entry)), counts)
        # The copies of each derivative are numbered from 0 on.
        copy = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        target = sample[which] * index.size + order[starts[entry[which]] + copy]
        return Listed(flat[:, index], target, a.along[which], a.slope[which])

    def scatter(self, a: Listed, index: Any, shape: Shape) -> Listed:
        sample, entry = np.divmod(a.entry, max(1, index.size))
        target = sample * math.prod(shape) + index.ravel()[entry]
        return self._checked(Listed(self._ring.scatter(a.value, index, shape), target, a.along, a.slope))

    def contract(self, plan: Contraction, a: Listed, b: Listed) -> Listed:
        left, right, output = plan.terms
        first = self._met(a, left, b.value, right, output, plan.shape)
        second = self._met(b, right, a.value, left, output, plan.shape)
        value = self._jets.contract(plan, a.value, b.value)
        return Listed(value, *_joined(first, second))

    def _met(self, a: Listed, mine: str, other: Any, theirs: str, output: str, shape: Shape) -> _Lists:
        """Each derivative times the entries of the other array that its entry meets in a sum of products."""
        lengths = dict(zip(theirs, other.shape[1:], strict=True))
        free = [letter for letter in theirs if letter not in mine]
        grid_shape = [lengths[letter] for letter in free]
        count, copies = len(a.entry), math.prod(grid_shape)
        self._charge(count * copies)
        sample, *axes = np.unravel_index(a.entry, a.value.shape)
        numbers = {letter: axis[:, None] for letter, axis in zip(mine, axes, strict=True)}
        grid = np.unravel_index(np.arange(copies), grid_shape) if free else ()
        numbers |= {letter: axis[None, :] for letter, axis in zip(free, grid, strict=True)}

        def flat(letters: str, shape: Shape) -> Any:
            """The numbers of entries, (derivatives, copies)."""
            total: Any = sample[:, None]
            for letter, length in zip(letters, shape, strict=True):
                total = total * length + numbers[letter]
            return np.broadcast_to(total, (count, copies))

        factor = other.ravel()[flat(theirs, other.shape[1:])]
        which, place = np.nonzero(factor)
        return flat(output, shape)[which, place], a.along[which], a.slope[which] * factor[which, place] % self.prime

    def _times(self, a: Listed, factor: Any) -> Listed:
        """Derivatives times a factor for each entry; the values as well."""
        wide = np.broadcast_to(factor, a.value.shape)
        slope = a.slope * wide.ravel()[a.entry] % self.prime
        return self._checked(Listed(a.value * wide % self.prime, a.entry, a.along, slope))

    def _checked(self, a: Listed) -> Listed:
        self._charge(len(a.entry))
        return a

    def _charge(self, count: int) -> None:
        if count > _MOST:
            raise CertificateError("upper.sparse", f"{count:,} derivatives", f"at most {_MOST:,} are listed at once")
        self._budget.charge(_EACH * count, "upper.sparse", "its derivatives")


def _lists(a: Listed) -> _Lists:
    return a.entry, a.along, a.slope


def _joined(a: _Lists, b: _Lists) -> Iterator[Any]:
    return (np.concatenate(pair) for pair in zip(a, b, strict=True))
