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
from lielaws.engine.graph.constants import FROZEN, constant_array
from lielaws.engine.graph.differentiate import pullback
from lielaws.engine.graph.network import Traced
from lielaws.engine.graph.node import Leaf
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

    @property
    def traced(self) -> Traced:
        return self.potential.traced

    @cached_property
    def _constants(self) -> dict[Leaf, FloatArray]:
        nodes = [node for node in self.traced.graph.nodes if node.op == "leaf" and node.static.role == "constant"]
        return {node.static: constant_array(node.static.name, node.shape)[None] for node in nodes}

    @cached_property
    def _frozen(self) -> dict[str, Leaf]:
        """The constants that `params` may give, by their names there."""
        return {leaf.name.removeprefix(FROZEN): leaf for leaf in self._constants if leaf.name.startswith(FROZEN)}

    def _leaves(self, params: Mapping[str, Any], x: Any) -> tuple[dict[Leaf, FloatArray], int]:
        values, batch = _leaf_values(self.traced, params, x)
        given = {
            leaf: tensor("params", params, name, self._constants[leaf].shape[1:])[None]
            for name, leaf in self._frozen.items()
            if name in params
        }
        return self._constants | given | values, batch

    @cached_property
    def _network(self) -> Program:
        return Program.of([self.traced.output])

    @cached_property
    def _gated_network(self) -> Program:
        return Program.of([self.potential.output])

    @cached_property
    def _arguments(self) -> Program:
        return Program.of([gate.argument for gate in self.potential.gates])

    @cached_property
    def _slopes(self) -> tuple[tuple[bool, ...], Program]:
        slopes = pullback(self.potential.output, self.potential.cotangent, list(self.traced.parameters.values()))
        return tuple(slope is not None for slope in slopes), Program.of(
            [slope for slope in slopes if slope is not None]
        )

    def forward(self, params: Mapping[str, Any], x: Any, gates: Gates | None) -> FloatArray:
        values, batch = self._leaves(params, x)
        program = self._network if gates is None else self._gated_network
        (result,) = program.run(Floats(), values | ({} if gates is None else self._given_gates(gates)))
        outputs = np.array(np.broadcast_to(result, (batch, *self.traced.output.shape)))
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
        if weights.shape != (batch, *self.potential.output.shape):
            needed = (batch, *self.potential.output.shape)
            raise InvalidArgumentError("cotangent", weights.shape, f"an array of shape {needed} is needed")
        values[self.potential.cotangent.static] = weights
        present, program = self._slopes
        computed = iter(program.run(Floats(), values))
        result = {}
        for (name, leaf), there in zip(self.traced.parameters.items(), present, strict=True):
            slope = np.broadcast_to(next(computed), (batch, *leaf.shape)).sum(0) if there else np.zeros(leaf.shape)
            result[name] = np.asarray(slope)
        return result


def _leaf_values(traced: Traced, params: Mapping[str, Any], x: Any) -> tuple[dict[Leaf, FloatArray], int]:
    """Values of all leaves, and the number of samples."""
    values = {leaf.static: tensor("params", params, name, leaf.shape)[None] for name, leaf in traced.parameters.items()}
    if not traced.data:
        return values, 1  # one sample, whatever x is
    first, leaf = next(iter(traced.data.items()))
    if x is None and len(traced.data) == 1 and len(leaf.shape) == 1:
        # All unit vectors: for a network that is linear in its data this is the network itself.
        x = np.eye(leaf.shape[0])
    samples = x if isinstance(x, Mapping) else {first: x}
    batch: int | None = None
    for name, leaf in traced.data.items():
        if name not in samples:
            raise InvalidArgumentError(
                "x", sorted(samples), f"data '{name}' of shape (batch, *{leaf.shape}) are missing"
            )
        array = np.asarray(samples[name], dtype=np.float64)
        if array.ndim != len(leaf.shape) + 1 or array.shape[1:] != leaf.shape or batch not in (None, array.shape[0]):
            remedy = f"shape (batch, {', '.join(map(str, leaf.shape))}) is needed, with one batch size for all data"
            raise InvalidArgumentError("x" if len(traced.data) == 1 else f"x['{name}']", array.shape, remedy)
        batch = array.shape[0]
        values[leaf.static] = array
    return values, batch or 0
