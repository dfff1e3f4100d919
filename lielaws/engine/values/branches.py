"""Square roots with r^2 = q modulo a prime: real roots of residues, of either sign.

Where roots are free values, what rests on r^2 = q is not seen, as the scale invariance of a norm without epsilon. With
true roots, points must be such that the roots exist, and an identity holds only if it does for all choices of signs:
the root of a square is one of two polynomials, so that a point with one sign says nothing about the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lielaws.arraytypes import BoolArray, IntArray
from lielaws.engine.linalg import modular
from lielaws.engine.values.free import FreeFunctions


@dataclass
class RootedFunctions:
    """Values of functions at points modulo a prime that is 3 modulo 4, with true values of some square roots.

    The roots of a network are numbered entry by entry in the order in which they are evaluated, in one evaluation.

    true : the numbers of the roots that are true ones; the others are free
    signs : (samples, len(true)), which of the two roots is taken; equal arguments have equal roots
    shifted : for each sample the number of a free root that is changed, or -1
    exists : for each true root that is not equal to an earlier one, the samples at which it exists, after an evaluation
    count : the number of roots met, after an evaluation
    """

    free: FreeFunctions
    true: Sequence[int] = ()
    signs: BoolArray = field(default_factory=lambda: np.zeros((1, 0), dtype=np.bool_))
    shifted: IntArray | None = None
    exists: list[BoolArray] = field(default_factory=list)
    count: int = 0
    _arguments: list[tuple[IntArray, BoolArray]] = field(default_factory=list)
    _nonzero: list[BoolArray] = field(default_factory=list)

    def circle(self, a: IntArray) -> tuple[IntArray, IntArray]:
        return self.free.circle(a)

    def value(self, kind: str, a: IntArray) -> IntArray:
        values = self.free.value(kind, a)
        if kind != "sqrt":
            return values
        shape, size = values.shape, int(np.prod(a.shape[2:], dtype=np.int64))
        first, self.count = self.count, self.count + size
        samples = max(shape[1], len(self.signs), 0 if self.shifted is None else len(self.shifted))
        flat = np.array(np.broadcast_to(values, (1, samples, *shape[2:]))).reshape(samples, size)
        arguments = np.broadcast_to(a, (1, samples, *shape[2:])).reshape(samples, size)
        places = [place for place, number in enumerate(self.true) if first <= number < self.count]
        columns = [self.true[place] - first for place in places]
        squares = np.ascontiguousarray(arguments[:, columns])
        roots = modular.power(squares, (self.free.prime + 1) // 4, self.free.prime)
        for k, place in enumerate(places):
            flat[:, columns[k]] = self._root(squares[:, k], roots[:, k], place)
        if self.shifted is not None:
            for sample in np.flatnonzero((self.shifted >= first) & (self.shifted < self.count)).tolist():
                column = int(self.shifted[sample]) - first
                flat[sample, column] = 1 + (int(flat[sample, column]) * 5 + 7) % (self.free.prime - 1)
        return flat.reshape(1, samples, *shape[2:])

    def _root(self, a: IntArray, root: IntArray, place: int) -> IntArray:
        """The root with its sign, where what may be one is a root; notes whether it is."""
        p = self.free.prime
        negative = np.broadcast_to(self.signs[:, place], a.shape).copy()
        repeated = False
        for other, sign in self._arguments:
            same = np.asarray(other == a, dtype=np.bool_)
            negative[same] = sign[same]
            repeated |= bool(same.all())
        self._arguments.append((a, negative))
        if not repeated:
            nonzero = np.asarray(a != 0, dtype=np.bool_)
            self.exists.append(np.asarray((root * root - a) % p == 0, dtype=np.bool_) & nonzero)
            self._nonzero.append(nonzero)
        return np.where(negative, p - root, root)

    @property
    def defined(self) -> BoolArray | None:
        """The samples at which all true roots exist; None for all."""
        return np.logical_and.reduce(self.exists) if self.exists else None

    def independent(self, known: int = 0) -> bool:
        """Whether each argument, after the first ones that are known, is shown to be no constant times a square in the
        field that the earlier roots generate.

        It would be a square at all points at which they exist and it is not zero, or at none. If none is, all signs are
        conjugate: r^2 = q have one irreducible set of solutions, and a point with any signs stands for all.
        """
        before: BoolArray | None = None
        for number, (exists, nonzero) in enumerate(zip(self.exists, self._nonzero, strict=True)):
            seen = exists[nonzero if before is None else before & nonzero]
            if number >= known and (seen.all() or not seen.any()):
                return False
            before = exists if before is None else before & exists
        return True
