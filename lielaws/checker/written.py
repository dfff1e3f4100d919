"""Networks that are written down: as expressions in a small language, or as the steps of a traced computation."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from lielaws.checker import reading
from lielaws.checker.arrays import Array, Shape, constants, contract
from lielaws.checker.blocks import Block, Reader, Shapes
from lielaws.checker.functions import Functions
from lielaws.errors import CertificateError
from lielaws.spec.language import evaluate, parse

_ENTRY = re.compile(r"([^\[\]]+)\[([0-9]{1,9}(?:, ?[0-9]{1,9})*)\]")


def read_phi(reader: Reader, spec: Any, where: str) -> Block:
    """<x, phi(theta)> for functions phi of scalar parameters."""
    reading.table(spec, where, {"family", "symbols", "expressions"})
    names = [reading.text(name, f"{where}.symbols") for name in reading.items(spec["symbols"], f"{where}.symbols")]
    texts = [reading.text(text, f"{where}.expressions") for text in reading.items(spec["expressions"], where)]
    if len(set(names)) < len(names) or not texts:
        raise CertificateError(where, names, "distinct symbols and at least one expression are needed")
    parsed = [parse(text, where=f"{where}.expressions") for text in texts]

    def apply(p: Mapping[str, Array], data: Sequence[Array]) -> Array:
        environment = _environment(p)
        lifted = Functions(reader).array
        values = [lifted(evaluate(expression, environment, {}, _exact)) for expression in parsed]
        if any(value.shape for value in values):
            raise CertificateError(f"{where}.expressions", texts, "scalars are needed")
        pairs = zip(data[0].wires, (value.wires[0] for value in values), strict=True)
        return Array(reader.tape, (), [reader.tape.dot(pairs)])

    return Block(dict.fromkeys(names, ()), {"x": (len(texts),)}, apply)


class _Entries(dict[tuple[int, ...], Array]):
    """The declared entries of a tensor, by index."""

    def __getitem__(self, key: Any) -> Array:
        return super().__getitem__(key if isinstance(key, tuple) else (key,))


def _environment(parameters: Mapping[str, Array]) -> dict[str, Any]:
    """What names stand for: scalars, and tensors of which entries such as W[0, 1] are declared."""
    environment: dict[str, Any] = {}
    for name, value in parameters.items():
        if match := _ENTRY.fullmatch(name):
            index = tuple(map(int, match[2].split(",")))
            environment.setdefault(match[1], _Entries())[index] = value
        elif name in environment:
            raise CertificateError("symbols", name, "it is used twice")
        else:
            environment[name] = value
    return environment


def _pairs(value: Any, where: str) -> dict[str, Any]:
    """Values by name, from a table or a list of pairs."""
    if isinstance(value, dict):
        return value
    pairs = [reading.items(pair, where, 2) for pair in reading.items(value, where)]
    found = {reading.text(name, where): entry for name, entry in pairs}
    if len(found) < len(pairs):
        raise CertificateError(where, sorted(found), "a name is given twice")
    return found


def _shapes(value: Any, where: str) -> Shapes:
    return {name: reading.shape(entry, f"{where}.{name}") for name, entry in _pairs(value, where).items()}


def read_network(reader: Reader, spec: Any, where: str) -> Block:
    """Array expressions in parameters, data and earlier expressions."""
    reading.table(spec, where, {"family", "parameters", "data", "output"}, {"let", "name"})
    parameters, data = (_shapes(spec[key], f"{where}.{key}") for key in ("parameters", "data"))
    reading.text(spec.get("name") or "", f"{where}.name")
    steps = _pairs(spec.get("let") or {}, f"{where}.let")
    names = [*parameters, *data, *steps]
    if len(set(names)) < len(names):
        raise CertificateError(where, sorted(names), "a name is given twice")
    parsed = {name: parse(reading.text(text, where), where=f"{where}.let.{name}") for name, text in steps.items()}
    output = parse(reading.text(spec["output"], where), where=f"{where}.output")

    def apply(p: Mapping[str, Array], inputs: Sequence[Array]) -> Array:
        functions = Functions(reader)
        table, environment = functions.table(), dict(p) | dict(zip(data, inputs, strict=True))
        waiting = dict(parsed)
        # The order of keys in a file means nothing, so each step is taken once its names are known.
        while waiting:
            ready = [name for name, step in waiting.items() if environment.keys() >= set(step.names)]
            if not ready:
                raise CertificateError(f"{where}.let", sorted(waiting), "these use names that are not known")
            environment[ready[0]] = evaluate(waiting.pop(ready[0]), environment, table, _exact)
        return functions.array(evaluate(output, environment, table, _exact))

    return Block(parameters, data, apply)


def _exact(value: Fraction) -> int | Fraction:
    return int(value) if value.denominator == 1 else value


def read_graph(reader: Reader, spec: Any, where: str) -> Block:
    """Steps [operation, numbers of the inputs, what is fixed, shape]; the last one is the output."""
    reading.table(spec, where, {"family", "name", "parameters", "data", "steps"})
    reading.text(spec["name"], f"{where}.name")
    parameters, data = (_shapes(spec[key], f"{where}.{key}") for key in ("parameters", "data"))
    steps = reading.items(spec["steps"], f"{where}.steps")
    # Coordinates have the order of the table, unless sorting its keys has lost it: then they have that of the steps.
    leaves = [step[2] for step in steps if isinstance(step, list) and step[:1] == ["leaf"] and len(step) == 4]
    order = [reading.items(leaf, f"{where}.steps", 2)[1] for leaf in leaves if leaf[:1] == ["parameter"]]
    if not steps or any(order.count(name) > 1 or name not in parameters for name in order):
        raise CertificateError(f"{where}.steps", order, "steps are needed, with one leaf for each parameter")
    declared = list(parameters)
    if [name for name in declared if name in order] != order:
        declared = [*order, *sorted(parameters.keys() - set(order))]

    def apply(p: Mapping[str, Array], inputs: Sequence[Array]) -> Array:
        leaves = {"parameter": p, "data": dict(zip(data, inputs, strict=True))}
        values: list[Array] = []
        for k, step in enumerate(steps):
            values.append(_step(reader, step, values, leaves, f"{where}.steps[{k}]"))
        return values[-1]

    return Block({name: parameters[name] for name in declared}, data, apply)


def _step(
    reader: Reader, step: Any, values: list[Array], leaves: Mapping[str, Mapping[str, Array]], where: str
) -> Array:
    operation, numbers, fixed, lengths = reading.items(step, where, 4)
    inputs = [values[number] for number in reading.integers(numbers, where, 0, len(values) - 1)]
    shape = reading.shape(lengths, where)
    if operation == "leaf":
        role = reading.choice(reading.items(fixed, where, 2)[0], where, [*leaves, "constant"])
        if role == "constant":
            result = reader.constant(reading.text(fixed[1], where), shape)
        else:
            result = leaves[role][reading.choice(fixed[1], where, leaves[role])]
    else:
        result = _computed(reader, operation, inputs, fixed, shape, where)
    if result.shape != shape:
        raise CertificateError(where, lengths, f"the result has shape {result.shape}")
    return result


def _computed(reader: Reader, operation: Any, inputs: list[Array], fixed: Any, shape: Shape, where: str) -> Array:
    """The value of a step; shapes other than the given one are noticed by the caller."""
    match operation, inputs:
        case "constant", []:
            numerators, denominator = reading.items(fixed, where, 2)
            divisor = reading.integer(denominator, where, 1)
            values = [Fraction(reading.integer(value, where), divisor) for value in reading.items(numerators, where)]
            return constants(reader.tape, values, shape)
        case "add", [a, b]:
            return a + b
        case "scale", [a]:
            return a * reading.rational(fixed, where)
        case "contract", [a, b]:
            return contract(reading.text(fixed, where), a, b)
        case "power", [a]:
            return a ** reading.integer(fixed, where, 1)
        case "reciprocal", [a]:
            return a**-1
        case "piecewise", [a]:
            below, above = (reading.rational(slope, where) for slope in reading.items(fixed, where, 2))
            return reader.piecewise(a, below, above)
        case "gauss", [a, density]:
            # The second input is a step of its own, and must be what the derivative of the first function is.
            squares = (a**2 * Fraction(-1, 2)).wires
            if [reader.tape.steps[wire] for wire in density.wires] != [("function", "exp", wire) for wire in squares]:
                raise CertificateError(where, operation, "its second input must be exp(-a^2 / 2)")
            return reader.function("gauss", a, density.wires)
        case "exp" | "log" | "cos" | "sin" | "sqrt", [a]:
            return reader.function(operation, a)
        case _, [a]:
            return _moved(operation, a, fixed, shape, where)
    raise CertificateError(where, operation, f"no step with {len(inputs)} inputs has this name")


def _moved(operation: Any, a: Array, fixed: Any, shape: Shape, where: str) -> Array:
    """The value of a step that moves entries around, or adds them up."""
    match operation:
        case "reshape":
            return a.reshape(shape)
        case "permute":
            return a.transpose(*_axes(fixed, where))
        case "broadcast":
            new = _axes(fixed, where)
            kept = [axis for axis in range(len(shape)) if axis not in new]
            if tuple(shape[axis] for axis in kept) != a.shape or len(kept) + len(new) != len(shape):
                raise CertificateError(where, fixed, f"shape {a.shape} is not {shape} without these axes")
            return a.spread(shape, kept)
        case "sum":
            return a.sum(_axes(fixed, where))
        case "gather":
            return a.pick(reading.integers(fixed, where, 0, len(a.wires) - 1), shape)
        case "scatter":
            return _scattered(a, fixed, shape, where)
    raise CertificateError(where, operation, "no step with one input has this name")


def _axes(fixed: Any, where: str) -> list[int]:
    return reading.integers(fixed, where, 0, 100)


def _scattered(a: Array, fixed: Any, shape: Shape, where: str) -> Array:
    """Entry k of `a` is added to entry fixed[k] of the result."""
    a.tape.charge(math.prod(shape), dry=True)
    places = reading.integers(fixed, where, 0, math.prod(shape) - 1, len(a.wires))
    terms: list[list[tuple[int, int]]] = [[] for _ in range(math.prod(shape))]
    for place, wire in zip(places, a.wires, strict=True):
        terms[place].append((1, wire))
    return Array(a.tape, shape, [a.tape.linear(entry) for entry in terms])
