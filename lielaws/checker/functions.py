"""The functions that a network written as expressions may call."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from lielaws.checker.arrays import Array, constants, contract, indices, strides
from lielaws.checker.blocks import Reader
from lielaws.checker.tape import Wire
from lielaws.errors import CertificateError

Number = int | Fraction


class Functions:
    """One table for one network: two calls that are written alike share their gates, as they are one function."""

    def __init__(self, reader: Reader) -> None:
        self.reader, self.tape = reader, reader.tape
        self._known: dict[Any, Array] = {}

    def table(self) -> dict[str, Callable[..., Any]]:
        """Functions by name."""
        own: list[Any] = [self.relu, self.leaky_relu, self.abs, self.piecewise, self.maximum, self.minimum, self.array]
        own += [self.identity, self.square, self.power, self.reciprocal, self.matmul, self.dot, self.outer, self.sum]
        own += [self.mean, self.transpose, self.concatenate, self.stack, self.broadcast_to, self.patches]
        own += [self.eye, self.zeros, self.ones]
        return {function.__name__: function for function in own}

    def piecewise(self, a: Any, below: Number, above: Number) -> Array:
        array, slopes = self.array(a), (Fraction(below), Fraction(above))
        key = (array.shape, tuple(array.wires), slopes)
        if key not in self._known:
            self._known[key] = self.reader.piecewise(array, *slopes)
        return self._known[key]

    def relu(self, a: Any) -> Array:
        return self.piecewise(a, 0, 1)

    def leaky_relu(self, a: Any, slope: Number = Fraction(1, 100)) -> Array:
        return self.piecewise(a, slope, 1)

    def abs(self, a: Any) -> Array:
        return self.piecewise(a, -1, 1)

    def maximum(self, a: Any, b: Any) -> Array:
        return self.array(b) + self.relu(self.array(a) - self.array(b))

    def minimum(self, a: Any, b: Any) -> Array:
        return self.array(b) - self.relu(self.array(b) - self.array(a))

    def identity(self, a: Any) -> Array:
        return self.array(a)

    def square(self, a: Any) -> Array:
        return self.array(a) ** 2

    def power(self, a: Any, exponent: int) -> Array:
        return self.array(a) ** exponent

    def reciprocal(self, a: Any) -> Array:
        return self.array(a) ** -1

    def matmul(self, a: Any, b: Any) -> Array:
        return self.array(a) @ self.array(b)

    def dot(self, a: Any, b: Any) -> Array:
        return self.sum(self.array(a) * self.array(b))

    def outer(self, a: Any, b: Any) -> Array:
        a, b = self.array(a), self.array(b)
        return contract("i,j->ij", a, b)

    def sum(self, a: Any, axis: Any = None) -> Array:
        array = self.array(a)
        return array.sum(_axes(axis, len(array.shape)))

    def mean(self, a: Any, axis: Any = None) -> Array:
        array = self.array(a)
        return self.sum(array, axis) * Fraction(1, math.prod(array.shape[k] for k in _axes(axis, len(array.shape))))

    def transpose(self, a: Any, *axes: int) -> Array:
        return self.array(a).transpose(*axes)

    def concatenate(self, arrays: Sequence[Any], axis: int = 0) -> Array:
        parts = [self.array(a) for a in arrays]
        (axis,) = _axes(axis, len(parts[0].shape))
        first, *others = (part.shape for part in parts)
        if any((*shape[:axis], first[axis], *shape[axis + 1 :]) != first for shape in others):
            raise _misfit("concatenate", first, *others)
        # Blocks of entries that stay together, one after the other for each index before the axis.
        before = math.prod(first[:axis])
        wires: list[Wire] = []
        for block in range(before):
            for part in parts:
                run = len(part.wires) // before
                wires += part.wires[block * run : (block + 1) * run]
        length = sum(part.shape[axis] for part in parts)
        return Array(self.tape, (*first[:axis], length, *first[axis + 1 :]), wires)

    def stack(self, arrays: Sequence[Any], axis: int = 0) -> Array:
        parts = [self.array(a) for a in arrays]
        (axis,) = _axes(axis, len(parts[0].shape) + 1)
        return self.concatenate([part.reshape((*part.shape[:axis], 1, *part.shape[axis:])) for part in parts], axis)

    def broadcast_to(self, a: Any, shape: Any) -> Array:
        return self.array(a).broadcast(tuple(shape))

    def patches(self, a: Any, kernel: int, stride: int = 1) -> Array:
        """Windows over all axes after the first: (channels, positions, .., offsets, ..)."""
        array = self.array(a)
        if len(array.shape) < 2 or not 1 <= kernel <= min(array.shape[1:]) or stride < 1:
            raise _misfit("patches", array.shape, kernel, stride)
        counts = tuple((n - kernel) // stride + 1 for n in array.shape[1:])
        shape = (array.shape[0], *counts, *((kernel,) * len(counts)))
        steps = strides(array.shape)

        def place(channel: int, *where: int) -> int:
            pairs = zip(where[: len(counts)], where[len(counts) :], strict=True)
            inside = [stride * position + offset for position, offset in pairs]
            return sum(i * step for i, step in zip((channel, *inside), steps, strict=True))

        return array.pick((place(*index) for index in indices(shape)), shape)

    def array(self, value: Any) -> Array:
        """Arrays as they are; numbers, and lists of numbers, as constants."""
        if isinstance(value, Array):
            return value
        if isinstance(value, int | Fraction):
            return constants(self.tape, [value], ())
        if isinstance(value, list | tuple) and value:
            return self.stack([self.array(entry) for entry in value])
        raise _misfit("array", value)

    def eye(self, n: int) -> Array:
        return constants(self.tape, [int(i == j) for i, j in indices((n, n))], (n, n))

    def zeros(self, shape: Any) -> Array:
        return self._filled(0, shape)

    def ones(self, shape: Any) -> Array:
        return self._filled(1, shape)

    def _filled(self, value: int, shape: Any) -> Array:
        sizes = (shape,) if isinstance(shape, int) else tuple(shape)
        return constants(self.tape, [value for _ in indices(sizes)], sizes)


def _axes(axis: Any, count: int) -> tuple[int, ...]:
    """Axes from 0 on; None stands for all."""
    axes = tuple(range(count)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    if any(not -count <= k < count for k in axes):
        raise _misfit("axis", axis)
    return tuple(k % count for k in axes)


def _misfit(function: str, *values: Any) -> CertificateError:
    return CertificateError(function, values, "the arguments do not fit this function")
