"""Which units of a network feed which, read from its steps again, with arrays of the size of activations.

A unit is an entry of the data or of a piecewise linear function. An argument of such a function, or the output, is a
sum of units, of parameters times units, and of parameters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.checker.networks.network import Network
from lielaws.checker.networks.steps import places
from lielaws.errors import CertificateError


def refused(reason: str) -> CertificateError:
    return CertificateError("upper.arithmetic", "units", f"the network is of another kind: {reason}")


@dataclass(frozen=True, eq=False)
class Pairs:
    """Which units an entry has: (row, unit) in the order of the rows, of which there are `size`."""

    rows: Any
    units: Any
    size: int

    @classmethod
    def of(cls, rows: Any, units: Any, size: int) -> Pairs:
        """Raises CertificateError if an entry has a unit twice."""
        order = np.lexsort((units, rows))
        rows, units = rows[order], units[order]
        if ((rows[1:] == rows[:-1]) & (units[1:] == units[:-1])).any():
            raise refused("a unit comes to an entry in two ways")
        return cls(rows, units, size)

    @classmethod
    def none(cls, size: int) -> Pairs:
        nothing = np.zeros(0, dtype=np.int64)
        return cls(nothing, nothing, size)

    def take(self, index: Any) -> Pairs:
        """The entries at some places."""
        counts = np.bincount(self.rows, minlength=self.size)
        chosen, starts = counts[index], (np.cumsum(counts) - counts)[index]
        within = np.arange(chosen.sum()) - np.repeat(np.cumsum(chosen) - chosen, chosen)
        return Pairs(
            np.repeat(np.arange(len(index)), chosen), self.units[np.repeat(starts, chosen) + within], len(index)
        )

    def put(self, index: Any, size: int) -> Pairs:
        """The entries added up at some places."""
        return Pairs.of(index[self.rows], self.units, size)

    def plus(self, other: Pairs) -> Pairs:
        rows, units = np.concatenate([self.rows, other.rows]), np.concatenate([self.units, other.units])
        return Pairs.of(rows, units, self.size)


@dataclass(frozen=True, eq=False)
class Block:
    """Parameters times units, or parameters that are added.

    Axes of an einsum: `a` of parameters and result, `b` of all, `k` that are summed, `g` of units and result. A cell
    is (a, b) of heads and (k, b) of tails; a group is (b, g).

    letters : of the axes of the tensor
    heads, tails : letters of their cells
    cell, group : of each entry of the result
    tail_cell, tail_group, unit : for each time that a unit comes in; none in a bias
    is_bias : whether parameters are added
    """

    name: str
    shape: tuple[int, ...]
    letters: str
    heads: str
    tails: str
    cell: Any
    group: Any
    tail_cell: Any
    tail_group: Any
    unit: Any
    is_bias: bool = False

    def sizes(self, letters: str) -> list[int]:
        return [self.shape[self.letters.index(x)] for x in letters]


@dataclass(frozen=True, eq=False)
class Sums:
    """parts : blocks, with the place in their result of each entry, -1 for none; units : those without parameter"""

    parts: tuple[tuple[Block, Any], ...]
    units: Pairs

    def take(self, index: Any) -> Sums:
        return Sums(tuple((block, place[index]) for block, place in self.parts), self.units.take(index))

    def put(self, index: Any, size: int) -> Sums:
        if self.parts and len(np.unique(index)) < len(index):
            raise refused("entries with parameters are added up")
        moved = []
        for block, place in self.parts:
            moved.append((block, np.full(size, -1)))
            moved[-1][1][index] = place
        return Sums(tuple(moved), self.units.put(index, size))


@dataclass(frozen=True, eq=False)
class Layer:
    """piece : the step of the piecewise linear function whose units begin with `start`; None for the output"""

    argument: Sums
    start: int
    piece: int | None

    @property
    def size(self) -> int:
        return self.argument.units.size


@dataclass(frozen=True, eq=False)
class Routes:
    """layers : in the order of evaluation; inputs : the first unit of each of the data; maxima : see `_maxima`"""

    layers: list[Layer]
    inputs: dict[str, int]
    units: int
    maxima: dict[int, tuple[int, int, int]]
    values: dict[int, Sums]

    @property
    def n_inputs(self) -> int:
        return self.layers[0].start


def read_routes(network: Network) -> Routes:
    """Raises CertificateError for networks of another kind."""
    steps, program = network.steps, network.program
    starts = np.cumsum([0, *map(math.prod, network.data.values())]).tolist()
    inputs = dict(zip(network.data, starts, strict=False))
    routes = Routes([], inputs, starts[-1], _maxima(network), {})
    hidden = {piece for piece, _, _ in routes.maxima.values()}
    start = starts[-1]
    for k in program.needed:
        step = steps[k]
        if step.op == "gated" and k not in hidden:
            argument = _value(network, routes, step.inputs[0])
            if not argument.parts:
                raise refused("a piecewise linear function has no parameters of its own")
            routes.layers.append(Layer(argument, start, k))
            numbers = np.arange(step.size)
            routes.values[k] = Sums((), Pairs(numbers, start + numbers, step.size))
            start += step.size
        elif step.op != "gate" and k not in hidden and (found := _read(network, routes, k)) is not None:
            routes.values[k] = found
    routes.layers.append(Layer(_value(network, routes, program.output), start, None))
    blocks = [block for layer in routes.layers for block, _ in layer.argument.parts]
    if sorted(block.name for block in blocks) != sorted(network.parameters):
        raise refused("a tensor of parameters is used twice, or not at all")
    return Routes(routes.layers, inputs, start, routes.maxima, routes.values)


def _read(network: Network, routes: Routes, k: int) -> Sums | None:
    step = network.steps[k]
    match step.op:
        case "leaf" if step.fixed[0] == "data":
            numbers = np.arange(step.size)
            return Sums((), Pairs(numbers, routes.inputs[step.fixed[1]] + numbers, step.size))
        case "leaf" if step.fixed[0] == "parameter":
            return None
        case "constant" if not any(step.fixed[0]):
            return Sums((), Pairs.none(step.size))
        case "add" if k in routes.maxima:
            _, a, b = routes.maxima[k]
            first, second = _value(network, routes, a), _value(network, routes, b)
            if first.parts or second.parts:
                raise refused("a maximum of what has parameters")
            return Sums((), first.units.plus(second.units))
        case "add":
            first, second = (_value(network, routes, source) for source in step.inputs)
            return Sums(first.parts + second.parts, first.units.plus(second.units))
        case "scale" if step.fixed:
            return _value(network, routes, step.inputs[0])
        case "gather":
            return _value(network, routes, step.inputs[0]).take(step.fixed.ravel())
        case "scatter":
            return _value(network, routes, step.inputs[0]).put(step.fixed.ravel(), step.size)
        case "contract":
            return _contracted(network, routes, k)
    raise refused(f"it has the operation {step.op!r}")


def _value(network: Network, routes: Routes, k: int) -> Sums:
    step = network.steps[k]
    if step.op == "leaf" and step.fixed[0] == "parameter":
        numbers, letters = np.arange(step.size), "abcdefghijklmnopqrstuvwx"[: len(step.shape)]
        none, zeros = np.zeros(0, dtype=np.int64), np.zeros_like(numbers)
        block = Block(step.fixed[1], step.shape, letters, letters, "", numbers, zeros, none, none, none, True)
        return Sums(((block, numbers),), Pairs.none(step.size))
    if k not in routes.values:
        raise refused("part of a maximum is used in another way")
    return routes.values[k]


def _contracted(network: Network, routes: Routes, k: int) -> Sums:
    steps, step = network.steps, network.steps[k]
    side = 0 if _tensor(network, step.inputs[0]) else 1
    tensor = _tensor(network, step.inputs[side])
    if tensor is None:
        raise refused("a product without a tensor of parameters")
    (leaf, axes), source = tensor, step.inputs[1 - side]
    written, units, output = step.fixed.terms[side], step.fixed.terms[1 - side], step.fixed.terms[2]
    letters = "".join(written[axes.index(axis)] for axis in range(len(axes)))
    value = _value(network, routes, source)
    if value.parts:
        raise refused("parameters are multiplied by what has parameters, without a gate between them")
    size = dict(zip(letters + units, steps.shape(leaf) + steps.shape(source), strict=True))
    a, b = ("".join(x for x in output if x in letters and (x in units) == both) for both in (False, True))
    summed = "".join(x for x in letters if x not in output)
    g = "".join(x for x in output if x not in letters)

    def numbers(along: str, within: str) -> Any:
        """For each index of `within` the number of its part along some letters."""
        total: Any = np.zeros([size[x] for x in within], dtype=np.int64)
        for x in along:
            line = np.arange(size[x]).reshape([-1 if x == y else 1 for y in within])
            total = total * size[x] + line
        return total.ravel()

    rows = value.units.rows
    block = Block(
        steps[leaf].fixed[1],
        steps.shape(leaf),
        letters,
        a + b,
        summed + b,
        numbers(a + b, output),
        numbers(b + g, output),
        numbers(summed + b, units)[rows],
        numbers(b + g, units)[rows],
        value.units.units,
    )
    return Sums(((block, np.arange(step.size)),), Pairs.none(step.size))


def _tensor(network: Network, k: int) -> tuple[int, tuple[int, ...]] | None:
    """The leaf of parameters that a step is, and its axes in the order that the step has."""
    steps, step = network.steps, network.steps[k]
    if step.op == "gather" and steps[step.inputs[0]].op == "leaf" and step.size == steps[step.inputs[0]].size:
        leaf, shape = step.inputs[0], steps.shape(step.inputs[0])
        strides = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
        moves = [int(step.fixed.take([n - 1], axis).ravel()[0]) // max(1, n - 1) for axis, n in enumerate(step.shape)]
        axes = tuple(strides.index(move) for move in moves if move in strides)
        is_permuted = sorted(axes) == list(range(len(shape))) and len(axes) == len(step.shape)
        if is_permuted and np.array_equal(step.fixed, places(shape).transpose(axes)):
            return (leaf, axes) if steps[leaf].fixed[0] == "parameter" else None
        return None
    is_parameter = step.op == "leaf" and step.fixed[0] == "parameter"
    return (k, tuple(range(len(step.shape)))) if is_parameter else None


def _maxima(network: Network) -> dict[int, tuple[int, int, int]]:
    """Sums b + relu(a - b): the step of the relu, a and b."""
    steps, found = network.steps, {}
    for k in network.program.needed:
        for piece, b in (steps[k].inputs, steps[k].inputs[::-1]) if steps[k].op == "add" else ():
            difference = steps[piece].inputs[0] if steps[piece].op == "gated" and steps[piece].fixed == (0, 1) else None
            if difference is not None and steps[difference].op == "add":
                for a, negative in (steps[difference].inputs, steps[difference].inputs[::-1]):
                    if steps.scale(Fraction(-1), b) == negative:
                        found[k] = (piece, a, b)
    return found
