"""Networks that are written down: as expressions in a small language, or as the steps of a traced computation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

from lielaws.certificate import reading
from lielaws.certificate.arrays import Array, constants, contract
from lielaws.certificate.blocks import Block, Reader, Shapes
from lielaws.certificate.functions import Functions
from lielaws.certificate.tape import MOST_OPERATIONS
from lielaws.errors import CertificateError
from lielaws.spec.language import evaluate, parse

_ENTRY = re.compile(r"([^\[\]]+)\[([0-9]{1,9}(?:, ?[0-9]{1,9})*)\]")
_NO_FUNCTIONS: dict[str, Callable[..., Any]] = {}


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
        number = partial(_number, reader)
        values = [evaluate(expression, environment, _NO_FUNCTIONS, number) for expression in parsed]
        if not all(isinstance(value, Array) and value.shape == () for value in values):
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


def _number(reader: Reader, value: Fraction) -> Array:
    return constants(reader.tape, [value], ())


def _shapes(value: Any, where: str) -> Shapes:
    """Shapes by name: a table, or a list of pairs."""
    pairs = value.items() if isinstance(value, dict) else [reading.items(pair, where, 2) for pair in reading.items(value, where)]
    shapes: Shapes = {}
    for name, entry in pairs:
        if reading.text(name, where) in shapes:
            raise CertificateError(where, name, "this name is given twice")
        shapes[name] = reading.shape(entry, f"{where}.{name}")
    return shapes


def read_network(reader: Reader, spec: Any, where: str) -> Block:
    """Array expressions in parameters, data and earlier expressions."""
    reading.table(spec, where, {"family", "parameters", "data", "output"}, {"let", "name"})
    parameters, data = (_shapes(spec[key], f"{where}.{key}") for key in ("parameters", "data"))
    reading.text(spec.get("name") or "", f"{where}.name")
    steps = dict(reading.table(spec.get("let") or {}, f"{where}.let"))
    names = [*parameters, *data, *steps]
    if len(set(names)) < len(names):
        raise CertificateError(where, sorted(names), "a name is given twice")
    parsed = {name: parse(reading.text(text, where), where=f"{where}.let.{name}") for name, text in steps.items()}
    output = parse(reading.text(spec["output"], where), where=f"{where}.output")

    def apply(p: Mapping[str, Array], inputs: Sequence[Array]) -> Array:
        functions = Functions(reader.tape, reader.gates)
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
    # Tables have no order in a file; that of the coordinates is the one in which the steps name the parameters.
    order = [step[2][1] for step in steps if type(step) is list and len(step) == 4 and _is_leaf(step, "parameter")]
    rest = sorted(parameters.keys() - set(order))
    if not set(order) <= parameters.keys() or len(set(order)) < len(order) or not steps:
        raise CertificateError(f"{where}.steps", order, "each parameter is declared, and is the leaf of one step")

    def apply(p: Mapping[str, Array], inputs: Sequence[Array]) -> Array:
        leaves = {"parameter": p, "data": dict(zip(data, inputs, strict=True))}
        values: list[Array] = []
        for k, step in enumerate(steps):
            values.append(_step(reader, step, values, leaves, f"{where}.steps[{k}]"))
        return values[-1]

    return Block({name: parameters[name] for name in (*order, *rest)}, data, apply)


def _is_leaf(step: list[Any], role: str) -> bool:
    fixed = step[2]
    return step[0] == "leaf" and isinstance(fixed, list) and len(fixed) == 2 and fixed[0] == role and isinstance(fixed[1], str)


def _step(reader: Reader, step: Any, values: list[Array], leaves: Mapping[str, Mapping[str, Array]], where: str) -> Array:
    operation, numbers, fixed, shape = reading.items(step, where, 4)
    known = _STEPS[reading.choice(operation, where, _STEPS)]
    inputs = [values[number] for number in reading.integers(numbers, where, 0, len(values) - 1)]
    if operation == "leaf":
        role = reading.choice(reading.items(fixed, where, 2)[0], where, leaves)
        result = leaves[role][reading.choice(fixed[1], where, leaves[role])]
    else:
        result = known(reader, fixed, reading.shape(shape, where), where, *inputs)
    if list(result.shape) != shape:
        raise CertificateError(where, shape, f"the result has shape {result.shape}")
    return result


def _axes(fixed: Any, where: str) -> list[int]:
    return reading.integers(fixed, where, 0, 100)


def _constant(reader: Reader, fixed: Any, shape: Any, where: str) -> Array:
    numerators, denominator = reading.items(fixed, where, 2)
    reading.integer(denominator, where, 1)
    values = [Fraction(reading.integer(value, where), denominator) for value in reading.items(numerators, where)]
    return constants(reader.tape, values, shape)


def _add(reader: Reader, fixed: Any, shape: Any, where: str, a: Array, b: Array) -> Array:
    return a + b


def _scale(reader: Reader, fixed: Any, shape: Any, where: str, a: Array) -> Array:
    return a * reading.rational(fixed, where)


def _contract(reader: Reader, fixed: Any, shape: Any, where: str, a: Array, b: Array) -> Array:
    return contract(reading.text(fixed, where), a, b)


def _power(reader: Reader, fixed: Any, shape: Any, where: str, a: Array) -> Array:
    return a ** reading.integer(fixed, where, 1)


def _reciprocal(reader: Reader, fixed: Any, shape: Any, where: str, a: Array) -> Array:
    return a**-1


def _reshape(reader: Reader, fixed: Any, shape: Any, where: str, a: Array) -> Array:
    return a.reshape(shape)


def _permute(reader: Reader, fixed: Any, shape: Any, where: str, a: Array) -> Array:
    return a.transpose(*_axes(fixed, where))


def _broadcast(reader: Reader, fixed: Any, shape: Any, where: str, a: Array) -> Array:
    """New axes stand at the fixed positions of the result."""
    new = _axes(fixed, where)
    kept = [axis for axis in range(len(shape)) if axis not in new]
    if tuple(shape[axis] for axis in kept) != a.shape:
        raise CertificateError(where, fixed, f"shape {a.shape} is not {shape} without these axes")
    return a.spread(shape, kept)


def _sum(reader: Reader, fixed: Any, shape: Any, where: str, a: Array) -> Array:
    return a.sum(_axes(fixed, where))


def _gather(reader: Reader, fixed: Any, shape: Any, where: str, a: Array) -> Array:
    return a.pick(reading.integers(fixed, where, 0, len(a.wires) - 1), shape)


def _scatter(reader: Reader, fixed: Any, shape: Any, where: str, a: Array) -> Array:
    """Entry k of `a` is added to entry fixed[k] of the result."""
    size = 1
    for length in shape:
        size *= length
    if size > MOST_OPERATIONS:
        raise CertificateError(where, shape, "too large for this checker")
    places = reading.integers(fixed, where, 0, size - 1, len(a.wires))
    terms: list[list[tuple[int, int]]] = [[] for _ in range(size)]
    for place, wire in zip(places, a.wires, strict=True):
        terms[place].append((1, wire))
    return Array(reader.tape, shape, [reader.tape.linear(entry) for entry in terms])


def _piecewise(reader: Reader, fixed: Any, shape: Any, where: str, a: Array) -> Array:
    below, above = (reading.rational(slope, where) for slope in reading.items(fixed, where, 2))
    return Array(reader.tape, a.shape, reader.gates.piecewise(a.wires, below, above))


def _leaf(reader: Reader, fixed: Any, shape: Any, where: str) -> Array:
    raise AssertionError("leaves are looked up")


_STEPS: dict[str, Callable[..., Array]] = {
    "leaf": _leaf,
    "constant": _constant,
    "add": _add,
    "scale": _scale,
    "contract": _contract,
    "power": _power,
    "reciprocal": _reciprocal,
    "reshape": _reshape,
    "permute": _permute,
    "broadcast": _broadcast,
    "sum": _sum,
    "gather": _gather,
    "scatter": _scatter,
    "piecewise": _piecewise,
}
