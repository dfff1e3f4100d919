"""Sign symmetries of the vector fields, which split an ansatz into small blocks.

Flip the signs of some coordinates of the state, and with them those of some data, cotangents and gates. If each
component of a vector field changes its sign as its coordinate does, up to one sign for all of them, the family W is
mapped to itself, hence laws to laws, and every law is a sum of laws that are even or odd under it. So monomials of
different character never share a linear system.

A character is a subset of the leaf entries (a bit mask), taken modulo the relations that sums impose: all terms of one
sum have the same character.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import reduce
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import ObjectArray
from lielaws.engine.arithmetic.base import Shape
from lielaws.engine.arithmetic.polynomials import EntryArithmetic, each, objects
from lielaws.engine.flows.fields import VectorFields

Character = int | None
"""bit mask of leaf entries; None for an entry that is identically zero"""

_MOST_ENTRIES = 30_000
# Splitting saves no time below. Where patterns are listed, a root may hide a kink, as sqrt(x^2) does, across which a
# change of sign is no symmetry: labels may be too fine then, and cost a law.
_LARGEST_WHOLE = 30


class _Signs(EntryArithmetic):
    """Propagates characters and collects the relations between them."""

    def __init__(self) -> None:
        self.relations: list[int] = []

    def total(self, entries: Iterable[Character]) -> Character:
        return reduce(self._same, entries, None)

    def _same(self, a: Character, b: Character) -> Character:
        if a is None or b is None:
            return b if a is None else a
        if a != b:
            self.relations.append(a ^ b)
        return a

    @staticmethod
    def times(a: Character, b: Character) -> Character:
        return None if a is None or b is None else a ^ b

    def constant(self, constant: Any, shape: Shape) -> ObjectArray:
        return objects([0 if number else None for number in constant.numerators], shape)

    def scale(self, factor: Fraction, a: ObjectArray) -> ObjectArray:
        return a if factor else objects([None] * a.size, a.shape)

    def contract(self, plan: Any, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        return self.contracted(plan, a, b, self.times)

    def power(self, a: ObjectArray, exponent: int) -> ObjectArray:
        return a if exponent % 2 else objects([None if entry is None else 0 for entry in a.ravel()], a.shape)

    def _even(self, a: ObjectArray, *_: Any) -> ObjectArray:
        """A function without parity: its argument may not change sign, and its value does not."""
        self.relations += [entry for entry in a.ravel() if entry]
        return objects([0] * a.size, a.shape)

    exp = log = sqrt = _even

    def cos(self, a: ObjectArray, node: Any) -> ObjectArray:
        return objects([0] * a.size, a.shape)

    def reciprocal(self, a: ObjectArray, *_: Any) -> ObjectArray:
        """An odd function."""
        return a

    sin = gauss = reciprocal


def sign_characters(fields: VectorFields) -> npt.NDArray[np.uint64]:
    """A 64-bit label for each coordinate; the label of a monomial is the exclusive or of those of its factors.

    Monomials of different label have different characters. Labels are random codes of characters, so different
    characters may share one by accident, which costs time and nothing else. Very large networks get one label.
    """
    leaves = [*fields.leaves, *fields.outside]
    bits = sum(leaf.size for leaf in leaves)
    small = fields.listed is not None and fields.space.dimension <= _LARGEST_WHOLE
    if bits > _MOST_ENTRIES or small:
        return np.zeros(fields.space.dimension, dtype=np.uint64)
    # Bit k is that of coordinate k.
    entries = iter(range(bits))
    values = {leaf.static: objects([1 << k for k in islice(entries, leaf.size)], leaf.shape) for leaf in leaves}
    signs = _Signs()
    components = fields.program.run(signs, values)
    # All components change with their coordinates, up to one common sign.
    pairs = zip(components, fields.leaves, strict=True)
    changes = [each(signs.times, component, values[leaf.static]) for component, leaf in pairs]
    signs.total(entry for array in changes for entry in array.ravel())
    # Where only some patterns occur, no gate changes its sign.
    fixed = [gate.leaf for gate in fields.potential.gates if fields.listed is not None or not gate.affine]
    for leaf in (*fixed, *fields.potential.constants):
        signs.relations += values[leaf.static].ravel().tolist()
    return _labels(_reduce(signs.relations), bits)[: fields.space.dimension]


def _reduce(relations: list[int]) -> dict[int, int]:
    """An echelon form over F_2: pivot bit -> row with that highest bit."""
    rows: dict[int, int] = {}
    for relation in relations:
        rest = relation
        while rest and (pivot := rest.bit_length() - 1) in rows:
            rest ^= rows[pivot]
        if rest:
            rows[rest.bit_length() - 1] = rest
    return rows


def _labels(rows: dict[int, int], bits: int) -> npt.NDArray[np.uint64]:
    """Random codes for the free bits; a pivot bit equals the sum of the other bits of its row."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2**63, bits, dtype=np.uint64)
    for pivot in sorted(rows):
        rest = rows[pivot] ^ (1 << pivot)
        codes[pivot] = 0
        while rest:
            bit = rest & -rest
            codes[pivot] ^= codes[bit.bit_length() - 1]
            rest ^= bit
    return codes
