"""What an entry is made of, as a mask: entries that are added join theirs, and factors meet."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import numpy as np

from lielaws.engine.arithmetic.base import HasIndices, Shape, StructuralArithmetic
from lielaws.engine.arithmetic.polynomials import ObjectArray, each, objects


class Masks(StructuralArithmetic):
    """Object arrays of masks as Python integers.

    zero : the mask of an entry that is zero, which adds nothing to others
    """

    lead = 0
    zero: int

    @staticmethod
    @abstractmethod
    def join(a: int, b: int) -> int:
        """The mask of a sum."""

    @staticmethod
    @abstractmethod
    def meet(a: int, b: int) -> int:
        """The mask of a product."""

    def add(self, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        return each(self.join, a, b)

    def contract(self, plan: Any, a: ObjectArray, b: ObjectArray) -> ObjectArray:
        return self._contracted(plan, a, b, self.meet)

    def _contracted(self, plan: Any, a: ObjectArray, b: ObjectArray, product: Callable[[int, int], int]) -> ObjectArray:
        def matmul(x: ObjectArray, y: ObjectArray) -> ObjectArray:
            terms = (each(product, x[..., k : k + 1], y[..., k : k + 1, :]) for k in range(x.shape[-1]))
            return reduce(self.add, terms)

        return plan.apply(a, b, self.lead, partial(each, product), matmul)  # type: ignore[no-any-return]

    def sum(self, a: ObjectArray, axes: tuple[int, ...]) -> ObjectArray:
        kept = tuple(axis for axis in range(a.ndim) if axis not in axes)
        shape = tuple(a.shape[axis] for axis in kept)
        rows = a.transpose(kept + axes).reshape(int(np.prod(shape, dtype=np.int64)), -1).tolist()
        return objects([reduce(self.join, row, self.zero) for row in rows], shape)

    def scatter(self, a: ObjectArray, index: HasIndices, shape: Shape) -> ObjectArray:
        entries = [self.zero] * int(np.prod(shape, dtype=np.int64))
        for target, entry in zip(index.values.tolist(), a.ravel(), strict=True):
            entries[target] = self.join(entries[target], entry)
        return objects(entries, shape)
