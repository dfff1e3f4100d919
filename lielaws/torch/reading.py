"""A captured program read over traced arrays: one table of operations, made of one file for each class of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lielaws.architectures.family import Array, Namespace, Operations
from lielaws.errors import LieLawsError, UnsupportedError
from lielaws.torch import convolutional, elementwise, matrices
from lielaws.torch.captured import Captured, Ref, Shape, Step
from lielaws.torch.movement import moved

TABLE: Mapping[str, Callable[..., Any]] = {**elementwise.TABLE, **matrices.TABLE, **convolutional.TABLE}
_DROPOUT = ("dropout.default", "native_dropout.default")


@dataclass(frozen=True)
class Reading:
    """The function of an architecture: what a captured program computes from parameters and data.

    free_masks : whether dropout in training has masks of 0 and 1 that are data; otherwise it changes nothing
    """

    captured: Captured
    free_masks: bool = False

    @property
    def data(self) -> dict[str, Shape]:
        """The inputs, and a piece of data for each mask of dropout: entries that are positive are kept."""
        return {**self.captured.data, **self._masks}

    @property
    def _masks(self) -> dict[str, Shape]:
        steps = [step for step in self.captured.steps if step.operation in _DROPOUT and _drops(step)]
        return {f"mask_{step.name}": tuple(step.options["shape"]) for step in steps} if self.free_masks else {}

    def __call__(self, p: Namespace, *arguments: Array | Operations) -> Array:
        *data, ops = arguments
        values = self.values(p, dict(zip(self.data, data, strict=True)), ops)  # type: ignore[arg-type]
        found = [values[name] for name in self.captured.outputs]
        return found[0] if len(found) == 1 else ops.concatenate([array.reshape(-1) for array in found])  # type: ignore[union-attr]

    def values(self, p: Namespace, data: Mapping[str, Array], ops: Operations) -> dict[str, Any]:
        """What all steps compute, by name in the program."""
        captured, found = self.captured, dict[str, Any]()
        for name, called in captured.names.items():
            if name in captured.parameters:
                found[called] = p[name]
            elif name in captured.frozen:
                found[called] = ops.frozen(name, captured.frozen[name], positive=name.endswith("running_var"))
            else:
                found[called] = data[name]
        found |= captured.constants
        for step in captured.steps:
            found[step.name] = self._step(step, found, data, ops)
        return found

    def _step(self, step: Step, known: Mapping[str, Any], data: Mapping[str, Array], ops: Operations) -> Any:
        inputs, options = _looked_up(step.inputs, known), _looked_up(dict(step.options), known)
        if step.operation == "move":
            *parts, places = inputs
            return moved([ops.array(part) for part in parts], places, ops)
        if step.operation == "getitem":
            return inputs[0][inputs[1]]
        if step.operation in _DROPOUT:
            found = self._dropped(step, inputs, data, ops)
            return (found,) if step.operation.startswith("native") else found
        if step.operation not in TABLE:
            remedy = (
                "this operation is not supported so far; write the network as plain array code, or leave this part out"
            )
            raise UnsupportedError(f"operation {step.operation}", step.source or step.name, remedy)
        try:
            return TABLE[step.operation](ops, *inputs, **options)
        except LieLawsError:
            raise
        except Exception as error:
            remedy = f"arguments of another kind than are supported so far ({type(error).__name__}: {error})"
            raise UnsupportedError(f"operation {step.operation}", step.source or step.name, remedy) from error

    def _dropped(self, step: Step, inputs: Any, data: Mapping[str, Array], ops: Operations) -> Array:
        array = ops.array(inputs[0])
        if not self.free_masks or not _drops(step):
            return array
        mask = data[f"mask_{step.name}"]
        # relu(m) / m is 1 where m is positive, and 0 elsewhere.
        return array * (ops.relu(mask) / mask) * (1 / (1 - ops.array(inputs[1])))


def _drops(step: Step) -> bool:
    rate, training = step.inputs[1], step.inputs[2]
    return bool(training) and rate > 0


def _looked_up(value: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(value, Ref):
        return known[value.name]
    if isinstance(value, tuple | list):
        return [_looked_up(entry, known) for entry in value]
    return {key: _looked_up(entry, known) for key, entry in value.items()} if isinstance(value, dict) else value
