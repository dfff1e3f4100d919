"""The network as a user would run it: float64, batches, real gates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.errors import InvalidArgumentError
from lielaws.graph.differentiate import pullback
from lielaws.graph.node import Leaf, Node
from lielaws.graph.potential import Potential, Traced
from lielaws.graph.program import Program
from lielaws.numbers.floats import FloatArray, Floats

Gates = Mapping[str, npt.NDArray[np.float64]]
"""activation patterns by gate name, each of shape (batch, *shape)"""


def evaluate_network(
    traced: Traced, params: Mapping[str, Any], x: Any, frozen: tuple[Potential, Gates] | None = None
) -> FloatArray:
    values, batch = _leaf_values(traced, params, x)
    output = traced.output
    if frozen is not None:
        potential, gates = frozen
        output = potential.output
        values |= {gate.leaf.static: _gate_values(gate.leaf, gates) for gate in potential.gates}
    (result,) = Program.of([output]).run(Floats(), values)
    return np.array(np.broadcast_to(result, (batch, *output.shape)))


def evaluate_gates(potential: Potential, params: Mapping[str, Any], x: Any) -> dict[str, FloatArray]:
    values, batch = _leaf_values(potential.traced, params, x)
    arguments = Program.of([gate.argument for gate in potential.gates]).run(Floats(), values)
    return {
        gate.leaf.static.name: np.array(np.broadcast_to(value >= 0, (batch, *gate.leaf.shape)), dtype=np.float64)
        for gate, value in zip(potential.gates, arguments, strict=True)
    }


def evaluate_pullback(
    potential: Potential, params: Mapping[str, Any], x: Any, cotangent: Any, gates: Gates | None
) -> dict[str, FloatArray]:
    traced = potential.traced
    values, batch = _leaf_values(traced, params, x)
    if gates is None:
        gates = evaluate_gates(potential, params, x)
    values |= {gate.leaf.static: _gate_values(gate.leaf, gates) for gate in potential.gates}
    weights = np.asarray(cotangent, dtype=np.float64)
    if weights.shape != (batch, *potential.output.shape):
        needed = (batch, *potential.output.shape)
        raise InvalidArgumentError("cotangent", weights.shape, f"an array of shape {needed} is needed")
    values[potential.cotangent.static] = weights
    leaves = list(traced.parameters.values())
    slopes = pullback(potential.output, potential.cotangent, leaves)
    computed = iter(Program.of([slope for slope in slopes if slope is not None]).run(Floats(), values))
    result = {}
    for (name, leaf), slope in zip(traced.parameters.items(), slopes, strict=True):
        gradient = np.zeros(leaf.shape) if slope is None else np.broadcast_to(next(computed), (batch, *leaf.shape)).sum(0)
        result[name] = np.asarray(gradient)
    return result


def parameter_array(name: str, shape: tuple[int, ...], params: Mapping[str, Any]) -> FloatArray:
    """One parameter as a float64 array of its declared shape."""
    if name not in params:
        raise InvalidArgumentError("params", sorted(params), f"parameter '{name}' of shape {shape} is missing")
    array = np.asarray(params[name], dtype=np.float64)
    if array.shape != shape:
        raise InvalidArgumentError(f"params['{name}']", f"array of shape {array.shape}", f"shape {shape} is needed")
    return array


def _gate_values(leaf: Node, gates: Gates) -> FloatArray:
    if leaf.static.name not in gates:
        raise InvalidArgumentError("gates", sorted(gates), f"'{leaf.static.name}' is missing; use Architecture.gates")
    return np.asarray(gates[leaf.static.name], dtype=np.float64)


def _leaf_values(traced: Traced, params: Mapping[str, Any], x: Any) -> tuple[dict[Leaf, FloatArray], int]:
    """Values of all leaves, and the number of samples."""
    values = {leaf.static: parameter_array(name, leaf.shape, params)[None] for name, leaf in traced.parameters.items()}
    samples = x if isinstance(x, Mapping) else {next(iter(traced.data)): x}
    batch: int | None = None
    for name, leaf in traced.data.items():
        if name not in samples:
            raise InvalidArgumentError("x", sorted(samples), f"data '{name}' of shape (batch, *{leaf.shape}) are missing")
        array = np.asarray(samples[name], dtype=np.float64)
        if array.ndim != len(leaf.shape) + 1 or array.shape[1:] != leaf.shape or batch not in (None, array.shape[0]):
            remedy = f"shape (batch, {', '.join(map(str, leaf.shape))}) is needed, with one batch size for all data"
            raise InvalidArgumentError("x" if len(traced.data) == 1 else f"x['{name}']", array.shape, remedy)
        batch = array.shape[0]
        values[leaf.static] = array
    return values, batch or 0
