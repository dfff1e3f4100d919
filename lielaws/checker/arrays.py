"""Arrays of wires with the operators that networks are written in; shapes follow numpy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from string import ascii_letters
from types import EllipsisType
from typing import Any

from lielaws.checker.tape import MOST_OPERATIONS, Tape, Wire, too_large
from lielaws.errors import CertificateError

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Array:
    """Wires in the order of rows, the last axis fastest."""

    tape: Tape = field(repr=False)
    shape: Shape
    wires: Sequence[Wire] = field(repr=False)

    def __post_init__(self) -> None:
        if math.prod(self.shape) != len(self.wires) or not self.wires:
            raise CertificateError("shape", self.shape, f"it must hold {len(self.wires)} entries, and at least one")
        self.tape.hold(len(self.wires))

    # Entries moved around

    def pick(self, places: Iterable[int], shape: Shape) -> Array:
        """The array of the entries at these places."""
        return Array(self.tape, shape, [self.wires[place] for place in places])

    def spread(self, shape: Shape, axes: Sequence[int | None]) -> Array:
        """The array of a larger shape whose entry at i is the one of this at i[axes]; None among the axes is 0."""
        kept = [(axis, step) for axis, step in zip(axes, strides(self.shape), strict=True) if axis is not None]
        return self.pick((sum(index[axis] * step for axis, step in kept) for index in indices(shape)), shape)

    def broadcast(self, shape: Shape) -> Array:
        missing = len(shape) - len(self.shape)
        if missing < 0 or any(n not in (1, m) for n, m in zip(self.shape, shape[missing:], strict=True)):
            raise CertificateError("shapes", (self.shape, shape), "they cannot be broadcast together")
        return self.spread(shape, [None if n == 1 else missing + k for k, n in enumerate(self.shape)])

    def reshape(self, shape: Shape) -> Array:
        return Array(self.tape, shape, self.wires)

    def transpose(self, *axes: int) -> Array:
        """Axis k of the result is axis axes[k]; without axes, their order is reversed."""
        order = axes or tuple(reversed(range(len(self.shape))))
        if sorted(order) != list(range(len(self.shape))):
            raise CertificateError("axes", order, f"a permutation of the axes of shape {self.shape} is needed")
        return self.spread(tuple(self.shape[axis] for axis in order), [order.index(k) for k in range(len(order))])

    @property
    def T(self) -> Array:
        return self.transpose()

    def __getitem__(self, key: Any) -> Array:
        entries = list(key) if isinstance(key, tuple) else [key]
        if (dots := [k for k, entry in enumerate(entries) if isinstance(entry, EllipsisType)])[1:]:
            raise CertificateError("index", key, "at most one ... is allowed")
        place, rest = dots[0] if dots else len(entries), len(self.shape) - len(entries) + len(dots)
        if rest < 0:
            raise CertificateError("index", key, f"too many for shape {self.shape}")
        entries[place : place + len(dots)] = [slice(None)] * rest
        chosen = [range(n)[entry] for n, entry in zip(self.shape, entries, strict=True)]
        ranges = [[entry] if isinstance(entry, int) else entry for entry in chosen]
        steps = strides(self.shape)
        places = (sum(i * step for i, step in zip(index, steps, strict=True)) for index in product(*ranges))
        return self.pick(places, tuple(len(entry) for entry in chosen if not isinstance(entry, int)))

    # Arithmetic

    def __neg__(self) -> Array:
        return self * -1

    def __add__(self, other: Any) -> Array:
        return self._binary(other, lambda a, b: self.tape.linear([(1, a), (1, b)]))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Array:
        return self + -self._lifted(other)

    def __rsub__(self, other: Any) -> Array:
        return -self + self._lifted(other)

    def __mul__(self, other: Any) -> Array:
        if isinstance(other, int | Fraction):
            return Array(self.tape, self.shape, [self.tape.linear([(other, wire)]) for wire in self.wires])
        return self._binary(other, lambda a, b: self.tape.dot([(a, b)]))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Array:
        if isinstance(other, int | Fraction):
            return self * (1 / Fraction(other))
        divisor: Array = self._lifted(other) ** -1
        return self * divisor

    def __rtruediv__(self, other: Any) -> Array:
        return self**-1 * self._lifted(other)

    def __pow__(self, exponent: Any) -> Array:
        if not isinstance(exponent, int):
            raise CertificateError("exponent", exponent, "an integer is needed")
        if exponent == 0:
            return constants(self.tape, [1] * len(self.wires), self.shape)
        wires = [self.tape.power(wire, abs(exponent)) for wire in self.wires]
        return Array(self.tape, self.shape, wires if exponent > 0 else [self.tape.inverse(wire) for wire in wires])

    def __matmul__(self, other: Any) -> Array:
        if not self.shape or not isinstance(other, Array) or not other.shape:
            raise CertificateError("operand of @", self.shape, "arrays with at least one axis are needed")
        left = self.reshape((1, *self.shape)) if len(self.shape) == 1 else self
        right = other.reshape((*other.shape, 1)) if len(other.shape) == 1 else other
        stack = common_shape(left.shape[:-2], right.shape[:-2])
        left, right = left.broadcast(stack + left.shape[-2:]), right.broadcast(stack + right.shape[-2:])
        letters = "".join(chr(ord("a") + k) for k in range(len(stack)))
        result = contract(f"{letters}xy,{letters}yz->{letters}xz", left, right)
        kept = stack + self.shape[-2:-1] + (other.shape[-1:] if len(other.shape) > 1 else ())
        return result.reshape(kept)

    def sum(self, axes: Sequence[int]) -> Array:
        """The sum over distinct axes from 0 on."""
        kept = [axis for axis in range(len(self.shape)) if axis not in axes]
        if len(kept) + len(axes) != len(self.shape):
            raise CertificateError("axes", axes, f"distinct axes of an array of shape {self.shape} are needed")
        ordered = self.transpose(*kept, *axes) if self.shape else self
        shape = tuple(self.shape[axis] for axis in kept)
        run = len(self.wires) // math.prod(shape)
        rows = (ordered.wires[start : start + run] for start in range(0, len(self.wires), run))
        return Array(self.tape, shape, [self.tape.linear([(1, wire) for wire in row]) for row in rows])

    def _lifted(self, other: Any) -> Array:
        if isinstance(other, Array):
            return other
        if isinstance(other, int | Fraction):
            return constants(self.tape, [other], ())
        raise CertificateError("operand", other, "an array or a number is needed")

    def _binary(self, other: Any, operation: Any) -> Array:
        right = self._lifted(other)
        shape = common_shape(self.shape, right.shape)
        pairs = zip(self.broadcast(shape).wires, right.broadcast(shape).wires, strict=True)
        return Array(self.tape, shape, [operation(a, b) for a, b in pairs])


def constants(tape: Tape, values: Iterable[Fraction | int], shape: Shape) -> Array:
    return Array(tape, shape, [tape.constant(value) for value in values])


def contract(subscripts: str, left: Array, right: Array) -> Array:
    """Einstein summation of two arrays, such as "ij,jk->ik"."""
    inputs, _, output = subscripts.partition("->")
    first, _, second = inputs.partition(",")
    sizes = dict(zip(first + second, left.shape + right.shape, strict=False))
    named = all(index in ascii_letters for index in sizes) and set(output) <= sizes.keys()
    fits = [len(first), len(second)] == [len(left.shape), len(right.shape)] and len(set(output)) == len(output)
    if not named or not fits or tuple(sizes[index] for index in first + second) != left.shape + right.shape:
        raise CertificateError("subscripts", subscripts, f"they do not fit shapes {left.shape} and {right.shape}")
    summed = [index for index in sizes if index not in output]
    left.tape.charge(math.prod(sizes.values()), dry=True)
    places = [_placing(term, array, [*output, *summed]) for term, array in ((first, left), (second, right))]
    inner = list(indices([sizes[index] for index in summed]))
    wires = []
    for outer in indices([sizes[index] for index in output]):
        at = [[sum(i * step for i, step in zip(outer + i, steps, strict=True)) for steps in places] for i in inner]
        wires.append(left.tape.dot((left.wires[a], right.wires[b]) for a, b in at))
    return Array(left.tape, tuple(sizes[index] for index in output), wires)


def _placing(term: str, array: Array, order: Sequence[str]) -> list[int]:
    """How far a step of each index moves in the array."""
    steps = list(zip(term, strides(array.shape), strict=True))
    return [sum(step for index, step in steps if index == wanted) for wanted in order]


def strides(shape: Shape) -> list[int]:
    return [math.prod(shape[k + 1 :]) for k in range(len(shape))]


def indices(shape: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """All multi-indices of a shape, the last axis fastest."""
    if math.prod(shape) > MOST_OPERATIONS:
        raise too_large("entries of an array", MOST_OPERATIONS)
    return product(*map(range, shape))


def common_shape(left: Shape, right: Shape) -> Shape:
    """The shape to which both are broadcast."""
    count = max(len(left), len(right))
    pairs = zip((1,) * (count - len(left)) + left, (1,) * (count - len(right)) + right, strict=True)
    return tuple(b if a == 1 else a for a, b in pairs)
