"""Vector fields at real points: rational numbers that float64 holds, drawn and brought into enclosures.

Points, data, cotangents and gates are multiples of 1/1024, kept as numerators. Listed activation patterns
are gone through in turn. Where square roots hide kinks, as sqrt(u^2) does, data are chosen on all their sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from lielaws.arraytypes import BoolArray, FloatArray, IntArray
from lielaws.engine.arithmetic.balls import Balls
from lielaws.engine.arithmetic.enclosures import Enclosures
from lielaws.engine.arithmetic.jets import Values
from lielaws.engine.flows.continuation import AT_THE_POINT, UNCERTAIN, continued, needs_continuation
from lielaws.engine.flows.fields import Choice, VectorFields
from lielaws.engine.graph.constants import is_generic
from lielaws.engine.graph.node import Leaf, ancestors
from lielaws.engine.potential.patterns import (
    DENOMINATOR,
    constant_value,
    generic_numerators,
    patterns_at,
    signed,
    varied_data,
)

# Numerators: larger numbers lose bits in exponentials and norms, smaller ones make functions nearly linear.
_LEAST, _LARGEST = 192, 1280
# For a second look: functions of few numbers need more of their curvature.
WIDE = 3
# Points to try: where roots or logarithms have no value, another point may have them.
_POINTS = 12


def real_points(fields: VectorFields, rng: np.random.Generator, width: int = 1) -> Iterator[IntArray]:
    """Random points, as numerators, so many times wider than usual.

    Every other one has positive numbers, as logarithms and roots may ask for.
    """
    for attempt in range(_POINTS):
        shapes = fields.space.shapes.values()
        parts = [width * _numerators(rng, shape, shape[-1] if len(shape) > 1 else 1) for shape in shapes]
        vector = np.concatenate([part.ravel() for part in parts])
        # Time is positive.
        vector[: fields.space.start] = np.abs(vector[: fields.space.start])
        yield np.abs(vector) if attempt % 2 else vector


def _numerators(rng: np.random.Generator, shape: tuple[int, ...], terms: int = 1) -> IntArray:
    """Random numerators; smaller for weights that sum many terms, so that layers keep the size of numbers."""
    largest = max(_LEAST, round(_LARGEST / terms**0.5))
    return signed(rng, largest // 8, largest, shape)


class RealFields:
    """The vector fields of a family at one real point.

    thorough : whether data are chosen on all sides of hidden kinks, which takes a search, and patterns that data show
        elsewhere are continued to the point, where else those that data show at the point itself have to do
    generic : one random vector field meets every proper subspace with negligible probability
    turns : how many choices show all activation patterns that are known
    """

    def __init__(self, fields: VectorFields, vector: IntArray, rng: np.random.Generator, *, thorough: bool) -> None:
        self.fields, self.vector, self._rng = fields, vector, rng
        self._drawn = 0
        self._thorough = thorough
        self._varied = _varied_data(fields, vector, rng) if thorough else []
        self.generic = fields.generic and not self._varied
        listed = fields.listed.count if fields.listed is not None else 0
        self.turns = listed + (len(next(iter(self._varied[-1].values()))) if self._varied else 0)

    def words(self, depth: int, count: int) -> tuple[Choice, ...]:
        """X_1, .., X_depth for some brackets: what each belongs to, as numerators."""
        return tuple(self._choose(count, in_turn=not k) for k in range(depth))

    def _choose(self, count: int, *, in_turn: bool) -> Choice:
        listed, numbers = self.fields.listed, None
        if listed is not None and in_turn:
            numbers = (self._drawn + np.arange(count)) % listed.count
            self._drawn += count
        draw = partial(_numerators, self._rng)
        chosen = self.fields.choose(self._rng, count, draw, unit=DENOMINATOR, numbers=numbers)
        for k, group in enumerate(self._varied):
            # Of four choices three are of those that differ in the signs of arguments of roots.
            for leaf, array in group.items():
                some = chosen.values[leaf][0, k::4]
                some[...] = array[self._rng.integers(0, len(array), len(some))]
        return self._of_the_point(chosen) if needs_continuation(self.fields) else chosen

    def _of_the_point(self, chosen: Choice) -> Choice:
        """Every other pattern, or each, is the one that data show at the point, where nothing has to be continued."""
        fields, count, numbers = self.fields, chosen.count, chosen.patterns
        assert numbers is not None
        point = fields.space.values(self.vector.reshape(1, 1, -1))
        own, certain = patterns_at(fields.potential.gates, {**point, **chosen.values}, count)
        here = np.arange(count) % 2 == 1 if self._thorough else np.ones(count, dtype=np.bool_)
        values = dict(chosen.values)
        for leaf, array in own.items():
            mask = here.reshape((1, count) + (1,) * (array.ndim - 1))
            values[leaf] = np.where(mask, array[None] * DENOMINATOR, values[leaf])
        return Choice(values, count, np.where(here, np.where(certain, AT_THE_POINT, UNCERTAIN), numbers))

    def brackets(self, words: Sequence[Choice], arithmetic: Enclosures | Balls) -> tuple[Values, BoolArray]:
        """Brackets, (.., count, dimension), and which have values, unless these are not finite."""
        point = arithmetic.exact(self.vector.reshape(1, 1, -1) / DENOMINATOR)
        constants = {node.static: constant_value(node, arithmetic) for node in self.fields.potential.constants}
        numbers = [{leaf: arithmetic.exact(a / DENOMINATOR) for leaf, a in word.values.items()} for word in words]
        lifted = [Choice(values | constants, word.count) for values, word in zip(numbers, words, strict=True)]
        rows = arithmetic.part(self.fields.bracket(point, lifted, arithmetic), 0)
        rows = np.broadcast_to(rows, (*rows.shape[:-2], words[0].count, rows.shape[-1]))
        return rows, self.have_values(words, arithmetic)

    def have_values(self, words: Sequence[Choice], arithmetic: Enclosures | Balls) -> BoolArray:
        """Which brackets have values, once they are evaluated: all functions do, and patterns continue to the point."""
        good = np.logical_and.reduce([continued(self.fields, self.vector, word) for word in words])
        return np.asarray(good & arithmetic.defined(len(good)))

    def enclosed(self, words: Sequence[Choice]) -> tuple[FloatArray, BoolArray]:
        """Brackets in enclosures, (2, count, dimension), and which have values."""
        with np.errstate(all="ignore"):
            rows, good = self.brackets(words, Enclosures())
        return rows, good & np.isfinite(rows).all(axis=(0, 2))

    def sample(self, count: int) -> tuple[FloatArray, BoolArray]:
        """Random vector fields in enclosures, (2, count, dimension), and which have values."""
        return self.enclosed(self.words(1, count))


def _varied_data(fields: VectorFields, vector: IntArray, rng: np.random.Generator) -> list[dict[Leaf, IntArray]]:
    """Data on both sides of hidden kinks, as of sqrt(u^2), found where the network shows them when it is rewritten."""
    if not any(node.op == "sqrt" for node in ancestors(fields.slopes)):
        return []
    gates = fields.rewritten.potential.gates
    return varied_data(gates, fields.space.values(vector[None]), rng) if gates else []


def generic_constants(fields: VectorFields) -> Mapping[str, IntArray]:
    """The numerators of the generic constants at the real point, by name."""
    generic = (node for node in fields.potential.constants if is_generic(node.static))
    return {node.static.name: generic_numerators(node).ravel() for node in generic}
