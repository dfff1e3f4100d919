"""A captured program as plain values: what a module computes, without torch, so that it can be stored and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ref:
    """The value of a step, a parameter, a piece of data or a constant, by its name in the program."""

    name: str


@dataclass(frozen=True, slots=True)
class Step:
    """One operation on what came before.

    operation : its name in ATen, or "move": the entries of all inputs one after the other, counted from 1 on, at the
        places that the last argument gives; 0 stands for zero
    source : the path of the module and the line of the program in which it was written, for messages
    """

    name: str
    operation: str
    inputs: tuple[Any, ...]
    options: Mapping[str, Any]
    source: str


@dataclass(frozen=True)
class Captured:
    """A program.

    parameters : of shapes by the name in the module; those that are trained
    frozen : the same for tensors with one generic value, buffers among them
    data : shapes of the inputs
    names : what the program calls these, by their own name
    constants : values that depend on no parameter and no data, by name in the program
    outputs : names of the steps that the module returns
    """

    parameters: Mapping[str, Shape]
    frozen: Mapping[str, Shape]
    data: Mapping[str, Shape]
    names: Mapping[str, str]
    constants: Mapping[str, npt.NDArray[Any]]
    steps: Sequence[Step]
    outputs: Sequence[str]

    def to_plain(self) -> dict[str, Any]:
        """As values that JSON has."""
        return {
            **{key: {name: list(shape) for name, shape in getattr(self, key).items()} for key in _SHAPES},
            "names": dict(self.names),
            "constants": {name: _plain(array) for name, array in self.constants.items()},
            "steps": [[s.name, s.operation, _plain(s.inputs), _plain(dict(s.options)), s.source] for s in self.steps],
            "outputs": list(self.outputs),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Captured:
        steps = [Step(n, op, tuple(_read(inputs)), _read(options), at) for n, op, inputs, options, at in plain["steps"]]
        return cls(
            **{key: {name: tuple(shape) for name, shape in plain[key].items()} for key in _SHAPES},
            names=plain["names"],
            constants={name: _read(array) for name, array in plain["constants"].items()},
            steps=steps,
            outputs=plain["outputs"],
        )


_SHAPES = ("parameters", "frozen", "data")


def _plain(value: Any) -> Any:
    if isinstance(value, Ref):
        return {"ref": value.name}
    if isinstance(value, np.ndarray):
        return {"array": value.ravel().tolist(), "shape": list(value.shape)}
    if isinstance(value, tuple | list):
        return [_plain(entry) for entry in value]
    return {key: _plain(entry) for key, entry in value.items()} if isinstance(value, dict) else value


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if "ref" in value:
        return Ref(value["ref"])
    if "array" in value:
        return np.array(value["array"]).reshape(value["shape"])
    return {key: _read(entry) for key, entry in value.items()}
