"""`from_torch`: a module as an architecture, and the proof that it is the same function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lielaws.architectures.base import Architecture
from lielaws.checks import choice
from lielaws.engine.arithmetic.floats import Floats
from lielaws.engine.graph.constants import constant_array, frozen_name
from lielaws.engine.graph.network import Namespace
from lielaws.engine.graph.node import Graph
from lielaws.engine.graph.operations import Operations
from lielaws.engine.graph.program import Program
from lielaws.engine.graph.trace import Array
from lielaws.errors import ExactnessError, InvalidArgumentError
from lielaws.torch.captured import Captured
from lielaws.torch.reading import Reading
from lielaws.torch.reference import Reference

if TYPE_CHECKING:
    import torch

_DROPOUT = ("off", "free")
# Of float64 arithmetic in another order, relative to the largest number.
_TOLERANCE = 1e-8
# Parameters as they are, and moved.
_TRIALS = 2


def from_torch(
    module: torch.nn.Module,
    example_inputs: Any,
    *,
    kwargs: Mapping[str, Any] | None = None,
    outputs: int | Sequence[int] | None = None,
    dropout: str = "off",
    name: str | None = None,
) -> Architecture:
    """A PyTorch module as an architecture, with parameters of the module's own names and shapes.

    Parameters
    ----------
    module : in its own mode, `train()` or `eval()`; buffers and what has `requires_grad=False` are frozen
    example_inputs : a tensor, or a tuple of tensors, with the batch axis. Float tensors become data, all of their
        entries free; others, such as token numbers, stay as they are
    kwargs : further arguments of the module by name, as tensors or settings
    outputs : the numbers of the float tensors that the module returns which count; all by default
    dropout : "off", or "free" for any mask where the module drops units

    Laws are those of training with any data of these shapes and any loss of the outputs. The import is compared with
    the module in float64, on the example and with other parameters, values and gradients. Raises InvalidArgumentError
    for a module or an example that cannot be used, UnsupportedError for operations that are not supported, and
    ExactnessError if the comparison fails.
    """
    from lielaws.torch.capture import capture
    from lielaws.torch.doubles import in_double

    choice("dropout", dropout, _DROPOUT)
    double, inputs, keywords = in_double(module, example_inputs, kwargs)
    captured, exported = capture(double, inputs, keywords)
    if outputs is not None:
        captured = _with_outputs(captured, outputs)
    reading = Reading(captured)
    made = _architecture(reading, name or type(module).__name__)
    _compare(made, reading, Reference(double, exported, captured, inputs, keywords))
    if dropout == "free":
        made = _architecture(Reading(captured, free_masks=True), made.name)
    return made


def _with_outputs(captured: Captured, outputs: int | Sequence[int]) -> Captured:
    """The program with some of its outputs."""
    chosen = [outputs] if isinstance(outputs, int) else list(outputs)
    count = len(captured.outputs)
    if not chosen or any(not isinstance(k, int) or not 0 <= k < count for k in chosen):
        raise InvalidArgumentError("outputs", outputs, f"numbers from 0 to {count - 1} are needed")
    return replace(captured, outputs=[captured.outputs[k] for k in chosen])


def _architecture(reading: Reading, name: str) -> Architecture:
    captured = reading.captured
    made = Architecture(name, dict(captured.parameters), reading.data, reading)
    made.traced  # noqa: B018  what is not supported is said here
    return made


def _compare(made: Architecture, reading: Reading, reference: Reference) -> None:
    """Raises ExactnessError where the architecture and the module part."""
    rng = np.random.default_rng(0)
    for trial in range(_TRIALS):
        reference = reference if trial == 0 else reference.moved(rng)
        x = {key: array[None] for key, array in reference.data.items()}
        value = made.forward(reference.tensors, x or None)[0]
        cotangent = rng.standard_normal(value.size)
        slopes = made.pullback(reference.tensors, x or None, cotangent.reshape(1, *value.shape))
        expected, gradient = reference.run(cotangent)
        pairs = [(value.ravel(), expected), *((slopes[key], array) for key, array in gradient.items())]
        if not all(map(_close, *zip(*pairs, strict=True))):
            where = _first_difference(reading, reference, x)
            remedy = f"it differs from the module, first at {where}; nothing can be said of this module"
            raise ExactnessError(f"the import of '{made.name}' failed: {remedy}")


def _close(a: Any, b: Any) -> bool:
    return bool(np.abs(a - b).max(initial=0) <= _TOLERANCE * (1 + np.abs(b).max(initial=0)))


def _first_difference(reading: Reading, reference: Reference, x: Mapping[str, Any]) -> str:
    """The first step whose values differ, with its place in the module."""
    graph, captured, tensors, known = Graph(), reading.captured, reference.tensors, reference.values()
    leaves = {key: graph.leaf("parameter", key, shape) for key, shape in captured.parameters.items()}
    data = {key: graph.leaf("data", key, shape) for key, shape in captured.data.items()}
    parameters, given = ({key: Array(leaf) for key, leaf in some.items()} for some in (leaves, data))
    found = reading.values(Namespace(parameters), given, Operations(graph))
    values = {leaf.static: tensors[key][None] for key, leaf in leaves.items()}
    values |= {leaf.static: x[key] for key, leaf in data.items()}
    for node in graph.nodes:
        if node.op == "leaf" and node.static.role == "constant":
            name = frozen_name(node.static.name)
            values[node.static] = (tensors[name] if name else constant_array(node.static.name, node.shape))[None]
    for step in captured.steps:
        if isinstance(found[step.name], Array) and step.name in known:
            (value,) = Program.of([found[step.name].node]).run(Floats(), values)
            if not _close(value.ravel(), known[step.name].ravel()):
                return f"{step.operation} ({step.source})"
    return "a gradient: no_grad, a function with a gradient of its own, or a value that is detached"
