"""The network as a user would run it: float64, batches, real gates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import FloatArray
from lielaws.checks import tensor
from lielaws.engine.arithmetic.floats import Floats
from lielaws.engine.graph.constants import constant_array, frozen_name
from lielaws.engine.graph.differentiate import pullback
from lielaws.engine.graph.node import Leaf, Node
from lielaws.engine.graph.program import Program
from lielaws.engine.potential.potentials import Potential
from lielaws.errors import InvalidArgumentError

Gates = Mapping[str, npt.NDArray[np.float64]]
"""activation patterns by gate name, each of shape (batch, *shape)"""

Patterns = Callable[[Mapping[str, Any], Any], FloatArray]
"""for a network whose traced output stacks one output for each discrete pattern: the real pattern of each sample, as
indicators of shape (batch, patterns)"""


@dataclass(frozen=True)
class Runner:
    """The programs of one architecture, made once: training calls them thousands of times."""

    potential: Potential
    patterns: Patterns | None = None

    @cached_property
    def _constants(self) -> dict[Leaf, FloatArray]:
        nodes = [
            node for node in self.potential.traced.graph.nodes if node.op == "leaf" and node.static.role == "constant"
        ]
        return {node.static: constant_array(node.static.name, node.shape)[None] for node in nodes}

    def _leaves(self, params: Mapping[str, Any], x: Any) -> tuple[dict[Leaf, FloatArray], int]:
        """Values of all leaves but the gates, and the number of samples."""
        values = dict(self._constants)
        for leaf, constant in self._constants.items():
            name = frozen_name(leaf.name)
            if name and name in params:
                values[leaf] = tensor("params", params, name, constant.shape[1:])[None]
        for name, node in self.potential.traced.parameters.items():
            values[node.static] = tensor("params", params, name, node.shape)[None]
        samples, batch = _samples(self.potential.traced.data, x)
        return values | samples, batch

    @cached_property
    def _network(self) -> Program:
        return Program.of([self.potential.traced.output])

    @cached_property
    def _gated_network(self) -> Program:
        return Program.of([self.potential.output])

    @cached_property
    def _arguments(self) -> Program:
        return Program.of([gate.argument for gate in self.potential.gates])

    @cached_property
    def _slopes(self) -> tuple[tuple[str, ...], Program]:
        """The program of the slopes that are not zero, and the names of their parameters."""
        leaves = self.potential.traced.parameters
        slopes = pullback(self.potential.output, self.potential.cotangent, list(leaves.values()))
        found = {name: slope for name, slope in zip(leaves, slopes, strict=True) if slope is not None}
        return tuple(found), Program.of(list(found.values()))

    def forward(self, params: Mapping[str, Any], x: Any, gates: Gates | None) -> FloatArray:
        values, batch = self._leaves(params, x)
        if gates is None:
            (result,) = self._network.run(Floats(), values)
        else:
            (result,) = self._gated_network.run(Floats(), values | self._given_gates(gates))
        outputs = np.array(np.broadcast_to(result, (batch, *self.potential.traced.output.shape)))
        return outputs if self.patterns is None else np.einsum("bs,bs...->b...", self.patterns(params, x), outputs)

    def gates(self, params: Mapping[str, Any], x: Any) -> dict[str, FloatArray]:
        return {leaf.name: gate for leaf, gate in self._real_gates(*self._leaves(params, x)).items()}

    def _real_gates(self, values: dict[Leaf, FloatArray], batch: int) -> dict[Leaf, FloatArray]:
        """Those that the data show at the values of the leaves, each of shape (batch, *shape)."""
        return {
            gate.leaf.static: np.array(np.broadcast_to(value >= 0, (batch, *gate.leaf.shape)), dtype=np.float64)
            for gate, value in zip(self.potential.gates, self._arguments.run(Floats(), values), strict=True)
        }

    def _given_gates(self, gates: Gates) -> dict[Leaf, FloatArray]:
        leaves = [gate.leaf.static for gate in self.potential.gates]
        for leaf in leaves:
            if leaf.name not in gates:
                raise InvalidArgumentError("gates", sorted(gates), f"'{leaf.name}' is missing; use Architecture.gates")
        return {leaf: np.asarray(gates[leaf.name], dtype=np.float64) for leaf in leaves}

    def pullback(self, params: Mapping[str, Any], x: Any, cotangent: Any, gates: Gates | None) -> dict[str, FloatArray]:
        values, batch = self._leaves(params, x)
        values |= self._real_gates(values, batch) if gates is None else self._given_gates(gates)
        weights = np.asarray(cotangent, dtype=np.float64)
        if self.patterns is not None:
            weights = np.einsum("bs,b...->bs...", self.patterns(params, x), weights)
        needed = (batch, *self.potential.output.shape)
        if weights.shape != needed:
            raise InvalidArgumentError("cotangent", weights.shape, f"an array of shape {needed} is needed")
        values[self.potential.cotangent.static] = weights
        names, program = self._slopes
        result = {name: np.zeros(leaf.shape) for name, leaf in self.potential.traced.parameters.items()}
        for name, slope in zip(names, program.run(Floats(), values), strict=True):
            result[name] = np.asarray(np.broadcast_to(slope, (batch, *result[name].shape)).sum(0))
        return result


def _samples(data: Mapping[str, Node], x: Any) -> tuple[dict[Leaf, FloatArray], int]:
    """The values of the data, and their number: without data one, whatever x is."""
    batch: int | None = None if data else 1
    values: dict[Leaf, FloatArray] = {}
    for name, leaf in data.items():
        if x is None and len(data) == 1 and len(leaf.shape) == 1:
            # All unit vectors: for a network that is linear in its data this is the network itself.
            x = np.eye(leaf.shape[0])
        samples = x if isinstance(x, Mapping) else {next(iter(data)): x}
        if name not in samples:
            needed = f"data '{name}' of shape (batch, *{leaf.shape}) are missing"
            raise InvalidArgumentError("x", sorted(samples), needed)
        array = np.asarray(samples[name], dtype=np.float64)
        if array.ndim != len(leaf.shape) + 1 or array.shape[1:] != leaf.shape or batch not in (None, array.shape[0]):
            remedy = f"shape (batch, {', '.join(map(str, leaf.shape))}) is needed, with one batch size for all data"
            raise InvalidArgumentError("x" if len(data) == 1 else f"x['{name}']", array.shape, remedy)
        batch = array.shape[0]
        values[leaf.static] = array
    return values, batch or 0
