"""From the steps in a file to a network. All shapes are derived again and compared with those that are stated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.checker import reading
from lielaws.checker.networks.flows import Flow, read_flow
from lielaws.checker.networks.program import Gates, Leaves, Program, Values
from lielaws.checker.networks.steps import FOR_BRACKETS, FROZEN, FUNCTIONS, Budget, Limits, Steps, places
from lielaws.checker.numbers.balls import TRUE_CONSTANTS, Balls, PreciseBalls
from lielaws.checker.numbers.jets import Jets
from lielaws.checker.numbers.residues import Residues
from lielaws.checker.reading import Shape
from lielaws.errors import CertificateError

_MOST_DATA = 100_000
"""entries of the data of one sample; a batch of images has fewer"""
_MOST_STEPS = 100_000
"""a network of a hundred blocks has some thousand, one of thousands of tensors a few for each"""
_MOST_BYTES = 2 * 10**8
"""of the values of all steps at once: about a gigabyte with all that is made from them"""
_PLACE = 10
"""the place of an entry takes as long to find as so many products of float64 numbers"""
_NOTHING_FIXED = ("add", "reciprocal", "reshape", *FUNCTIONS)


@dataclass(frozen=True)
class Network:
    """A network <parameters, data> -> output, its flow, and what the loss allows as cotangents.

    parameters, data : shapes by name; coordinates have the order of the parameters
    program : the steps
    generic : shapes of the constants that may have any value, by name in the order of the steps
    true_constants : the same for those that have one value, such as sqrt(2)
    row : with cross-entropy the length of the last axis of the output, over which cotangents sum to zero; otherwise 0
    """

    name: str
    parameters: Mapping[str, Shape]
    data: Mapping[str, Shape]
    program: Program
    flow: Flow
    row: int
    generic: Mapping[str, Shape]
    true_constants: Mapping[str, Shape]

    @property
    def steps(self) -> Steps:
        return self.program.steps

    @property
    def pieces(self) -> list[Shape]:
        """The shapes of the gates of each piecewise linear function."""
        return [self.steps.shape(gate) for gate in self.program.gates]

    @property
    def output_shape(self) -> Shape:
        return self.steps.shape(self.program.output)

    @property
    def is_rational(self) -> bool:
        """Whether nothing but field operations, and no constant such as sqrt(2), occurs."""
        return not self.program.functions and not self.true_constants

    def values(self, ring: Jets, state: Sequence[Any], leaves: Leaves, gates: Gates) -> Values:
        """The values of all steps at a state, for data and constants."""
        return self.program.forward(ring, leaves | self.named(self.flow.parameters(state)), gates)

    def named(self, arrays: Sequence[Any]) -> Leaves:
        """Values of all parameters, as leaves."""
        return {("parameter", name): array for name, array in zip(self.parameters, arrays, strict=True)}

    def field(self, ring: Jets, state: Sequence[Any], values: Values, cotangent: Any, drift: Any) -> list[Any]:
        """Vector fields at a state with these values, array by array."""
        slopes = self.program.gradient(ring, values, cotangent)
        gradient = [slopes.get(self.program.parameter_steps.get(name, -1)) for name in self.parameters]
        return self.flow.field(ring, state, drift, gradient)

    def true_values(self, ring: Any) -> Leaves:
        """The constants that have one value, in a ring of balls."""
        return {("constant", name): ring.named(name, shape) for name, shape in self.true_constants.items()}

    def batches(self, ring: Any, count: int, where: str, level: int = 0) -> Iterator[slice]:
        """So many samples, as many at a time as memory allows. Raises CertificateError if it does not allow one.

        level : the nilpotents of jets
        """
        size = _MOST_BYTES // ((self.steps.entries + self.dimension) * _bytes(ring) << level)
        if not size:
            raise CertificateError(where, "all values at once", f"more than {_MOST_BYTES:,} bytes are not checked")
        return (slice(start, min(start + size, count)) for start in range(0, count, size))

    @property
    def count(self) -> int:
        """Of parameters."""
        return sum(map(math.prod, self.parameters.values()))

    @property
    def dimension(self) -> int:
        return self.flow.dimension


def _bytes(ring: Any) -> int:
    """About the memory of one number."""
    if isinstance(ring, PreciseBalls):
        return 100 + ring.bits // 8
    return 16 if isinstance(ring, Balls) or ring.weight == Residues.fast else 56


def read_network(spec: Any, flow: Any, loss: str, budget: Budget, limits: Limits = FOR_BRACKETS) -> Network:
    """The network of a certificate. Raises CertificateError."""
    reading.table(spec, "architecture", {"name", "parameters", "data", "steps"})
    name = reading.text(spec["name"], "architecture.name")
    parameters, data = (_shapes(spec[key], f"architecture.{key}") for key in ("parameters", "data"))
    if sum(map(math.prod, data.values())) > _MOST_DATA:
        raise CertificateError("architecture.data", "its entries", f"at most {_MOST_DATA:,} are checked")
    listed = reading.items(spec["steps"], "architecture.steps")
    if not 0 < len(listed) <= _MOST_STEPS:
        raise CertificateError("architecture.steps", f"{len(listed)} steps", f"from 1 to {_MOST_STEPS:,} are checked")
    parameters = _ordered(parameters, listed)
    if sum(map(math.prod, parameters.values())) > limits.parameters:
        raise CertificateError("architecture", "parameters", f"at most {limits.parameters:,} are checked")
    reader = _Reader(parameters, data, budget, limits)
    for step in listed:
        reader.read(step)
    program = Program(reader.steps, reader.numbers[-1])
    if sum(reader.steps[gate].size for gate in program.gates) > limits.gates:
        raise CertificateError("architecture.steps", "its gates", f"at most {limits.gates:,} are checked")
    budget.charge(program.work, "architecture", "its steps")
    shape = reader.steps.shape(program.output)
    if loss == "cross_entropy" and (not shape or shape[-1] < 2):
        raise CertificateError("setting.loss", loss, f"an output of shape {shape} has no classes")
    row = shape[-1] if loss == "cross_entropy" else 0
    generic = {name: shape for name, shape in reader.constants.items() if name not in TRUE_CONSTANTS}
    true = {name: shape for name, shape in reader.constants.items() if name in TRUE_CONSTANTS}
    return Network(name, parameters, data, program, read_flow(flow, parameters), row, generic, true)


def _shapes(value: Any, where: str) -> dict[str, Shape]:
    return {name: reading.shape(entry, f"{where}.{name}") for name, entry in reading.table(value, where).items()}


def _ordered(parameters: dict[str, Shape], steps: list[Any]) -> dict[str, Shape]:
    """In the order of coordinates: that of the table, or that of the steps if sorting its keys has lost it."""
    leaves = [step[2] for step in steps if isinstance(step, list) and step[:1] == ["leaf"] and len(step) == 4]
    order = [leaf[1] for leaf in leaves if isinstance(leaf, list) and leaf[:1] == ["parameter"] and len(leaf) == 2]
    known = {name for name in order if isinstance(name, str) and name in parameters}
    if len(known) < len(order):
        raise CertificateError("architecture.steps", order, "at most one leaf for each of the parameters is needed")
    if [name for name in parameters if name in known] == order:
        return parameters
    return {name: parameters[name] for name in [*order, *sorted(parameters.keys() - known)]}


class _Reader:
    """Reads steps one after the other.

    numbers : for each step in the file what it has become
    """

    def __init__(
        self, parameters: Mapping[str, Shape], data: Mapping[str, Shape], budget: Budget, limits: Limits
    ) -> None:
        self.steps, self._budget = Steps(limits.entries), budget
        self.numbers: list[int] = []
        self.constants: dict[str, Shape] = {}
        self._leaves = {"parameter": parameters, "data": data}

    def read(self, step: Any) -> None:
        """One step: operation, numbers of the inputs, what is fixed, shape."""
        where = f"architecture.steps[{len(self.numbers)}]"
        operation, inputs, fixed, lengths = reading.items(step, where, 4)
        reading.integers(inputs, where, 0, len(self.numbers) - 1)
        shape = reading.shape(lengths, where)
        if operation in _NOTHING_FIXED and fixed is not None:
            raise CertificateError(where, fixed, f"nothing is fixed in the operation {operation}")
        number = self._step(operation, [self.numbers[k] for k in inputs], fixed, shape, where)
        if self.steps.shape(number) != shape:
            raise CertificateError(where, lengths, f"the result has shape {self.steps.shape(number)}")
        self.numbers.append(number)

    def _step(self, operation: Any, inputs: list[int], fixed: Any, shape: Shape, where: str) -> int:
        steps = self.steps
        match operation, inputs:
            case "leaf", []:
                return self._leaf(fixed, shape, where)
            case "constant", []:
                return self._constant(fixed, shape, where)
            case "scale", [a]:
                return steps.scale(reading.rational(fixed, where), a)
            case "power", [a]:
                return steps.power(a, reading.integer(fixed, where, 1))
            case "piecewise", [a]:
                return self._piecewise(a, fixed, where)
            case "reciprocal" | "exp" | "log" | "cos" | "sin" | "sqrt", [a]:
                return steps.put(operation, [a], None, steps.shape(a))
            case "add" | "gauss", [a, b]:
                return self._of_two(operation, a, b, where)
            case "contract", [a, b]:
                return steps.contract(reading.text(fixed, where), a, b)
            case _, [a]:
                return self._moved(operation, a, fixed, shape, where)
        raise CertificateError(where, operation, f"no step with {len(inputs)} inputs has this name")

    def _of_two(self, operation: str, a: int, b: int, where: str) -> int:
        steps, shape = self.steps, self.steps.shape(a)
        if operation == "add":
            if steps.shape(b) != shape:
                raise CertificateError(where, operation, f"{shape} and {steps.shape(b)} differ")
            return steps.put("add", [min(a, b), max(a, b)], None, shape)
        # What is written twice is one step.
        if b != steps.put("exp", [steps.scale(Fraction(-1, 2), steps.power(a, 2))], None, shape):
            raise CertificateError(where, operation, "its second input must be exp(-a^2 / 2)")
        return steps.put("gauss", [a, b], None, shape)

    def _piecewise(self, a: int, fixed: Any, where: str) -> int:
        below, above = (reading.rational(slope, where) for slope in reading.items(fixed, where, 2))
        if below == above:
            return self.steps.scale(above, a)
        gate = self.steps.put("gate", [a], len(self.numbers), self.steps.shape(a))
        return self.steps.gated(a, gate, below, above)

    def _constant(self, fixed: Any, shape: Shape, where: str) -> int:
        numerators, denominator = reading.items(fixed, where, 2)
        # Each entry may keep a denominator of its own.
        self.steps.check(math.prod(shape) * (1 + reading.integer(denominator, where, 1).bit_length() // 64))
        values = [reading.integer(value, where) for value in reading.items(numerators, where, math.prod(shape))]
        return self.steps.put("constant", [], (tuple(values), denominator), shape)

    def _leaf(self, fixed: Any, shape: Shape, where: str) -> int:
        role, name = reading.items(fixed, where, 2)
        if reading.choice(role, where, [*self._leaves, "constant"]) == "constant":
            known = reading.text(name, where) in TRUE_CONSTANTS or name == "epsilon" or name.startswith(FROZEN)
            if not known:
                raise CertificateError(where, name, "no constant with this name is known")
            if self.constants.setdefault(name, shape) != shape:
                raise CertificateError(where, name, "it has two shapes")
            return self.steps.put("leaf", [], (role, name), shape)
        shapes = self._leaves[role]
        if reading.text(name, where) not in shapes:
            reading.choice(name, where, shapes)
        return self.steps.put("leaf", [], (role, name), shapes[name])

    def _moved(self, operation: Any, a: int, fixed: Any, shape: Shape, where: str) -> int:
        """Steps that move entries around, or add them up."""
        steps, old = self.steps, self.steps.shape(a)
        self.steps.check(math.prod(shape))
        self._budget.charge(_PLACE * (math.prod(shape) + math.prod(old)), "architecture", "its steps")
        match operation:
            case "reshape":
                if math.prod(shape) != math.prod(old):
                    raise CertificateError(where, list(shape), f"{math.prod(old)} entries do not fill it")
                return steps.gather(a, places(shape))
            case "permute":
                axes = _axes(fixed, where)
                if sorted(axes) != list(range(len(old))):
                    raise CertificateError(where, fixed, f"no permutation of the axes of shape {old}")
                return steps.gather(a, places(old).transpose(axes))
            case "broadcast":
                new = _axes(fixed, where)
                kept = tuple(size for axis, size in enumerate(shape) if axis not in new)
                if kept != old or len(set(new)) != len(new) or len(kept) + len(new) != len(shape):
                    raise CertificateError(where, fixed, f"shape {old} is not {shape} without these axes")
                return steps.gather(a, np.broadcast_to(np.expand_dims(places(old), new), shape))
            case "sum":
                axes = _axes(fixed, where)
                if len(set(axes)) != len(axes) or any(axis >= len(old) for axis in axes):
                    raise CertificateError(where, fixed, f"distinct axes of shape {old} are needed")
                return steps.sum(a, axes)
            case "gather":
                return steps.gather(a, _index(fixed, where, shape, math.prod(old)))
            case "scatter":
                return steps.scatter(a, _index(fixed, where, old, math.prod(shape)), shape)
        raise CertificateError(where, operation, "no step with one input has this name")


def _index(fixed: Any, where: str, shape: Shape, size: int) -> Any:
    """The places, below some size, of the entries of an array: one by one, or the first one with the strides."""
    if isinstance(fixed, list) and len(fixed) == 2 and isinstance(fixed[1], list):
        first = reading.integer(fixed[0], where, 0, size - 1)
        strides = reading.integers(fixed[1], where, 1 - size, size - 1, len(shape))
        ends = [stride * (n - 1) for stride, n in zip(strides, shape, strict=True)]
        least, largest = (first + sum(side(end, 0) for end in ends) for side in (min, max))
        if least < 0 or largest >= size:
            raise CertificateError(where, fixed, f"places between 0 and {size - 1} are needed")
        index = np.full(shape, first)
        for axis, (n, stride) in enumerate(zip(shape, strides, strict=True)):
            index += stride * np.arange(n).reshape([-1 if k == axis else 1 for k in range(len(shape))])
        return index
    found = reading.integers(fixed, where, 0, size - 1, math.prod(shape))
    return np.array(found, dtype=np.int64).reshape(shape)


def _axes(fixed: Any, where: str) -> tuple[int, ...]:
    return tuple(reading.integers(fixed, where, 0, 100))
