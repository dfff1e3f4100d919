"""The exported program itself, run by torch in float64 on given parameters: what an import is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.torch.captured import Captured

# As far as parameters are moved, relative to 1.
_DISTANCE = 0.3


@dataclass(frozen=True)
class Run:
    """What the module computes with dropout off.

    tensors : parameters and frozen tensors by name; data : the inputs by name
    values : of all steps, by name in the program
    outputs : those that are returned
    """

    tensors: dict[str, npt.NDArray[np.float64]]
    data: dict[str, npt.NDArray[np.float64]]
    values: dict[str, npt.NDArray[np.float64]]
    outputs: list[npt.NDArray[np.float64]]
    _leaves: dict[str, Any]
    _returned: list[Any]

    @classmethod
    def of(cls, exported: Any, captured: Captured, inputs: Sequence[Any], rng: np.random.Generator | None) -> Run:
        """rng : what moves the parameters and draws the data, if they are not those of the example."""
        import torch

        own = {called: name for name, called in captured.names.items()}
        stored = {**dict(exported.state_dict), **dict(exported.constants)}
        given, leaves, data = iter(inputs), dict[str, Any](), dict[str, npt.NDArray[np.float64]]()
        arguments = []
        for spec in exported.graph_signature.input_specs:
            called = spec.arg.name
            if spec.kind.name == "USER_INPUT":
                value: Any = next(given, None)
                if called in own:
                    value = value if rng is None else torch.from_numpy(rng.standard_normal(value.shape))
                    data[own[called]] = value.numpy()
                arguments.append(value)
                continue
            tensor = stored[spec.target].detach().clone()
            if own.get(called) in captured.parameters:
                if rng is not None:
                    tensor += _DISTANCE * torch.from_numpy(rng.standard_normal(tensor.shape))
                leaves[own[called]] = tensor.requires_grad_()
            elif called in own:
                leaves[own[called]] = tensor
            arguments.append(tensor)
        interpreter = _without_dropout(exported)
        interpreter.run(*arguments, enable_io_processing=False)
        by_name = {node.name: value for node, value in interpreter.env.items()}
        tensors = {name: tensor for name, tensor in by_name.items() if isinstance(tensor, torch.Tensor)}
        returned = [tensors[name] for name in captured.outputs]
        arrays = {name: tensor.detach().numpy() for name, tensor in leaves.items()}
        values = {step.name: tensors[step.name].detach().numpy() for step in captured.steps if step.name in tensors}
        return cls(arrays, data, values, [tensor.detach().numpy() for tensor in returned], leaves, returned)

    def gradient(self, cotangent: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.float64]]:
        """Of <cotangent, outputs> by parameter; zero where nothing depends on one."""
        import torch

        trained = {name: leaf for name, leaf in self._leaves.items() if leaf.requires_grad}
        total = torch.cat([tensor.reshape(-1) for tensor in self._returned]) @ torch.from_numpy(cotangent)
        slopes = torch.autograd.grad(total, list(trained.values()), allow_unused=True)
        pairs = zip(trained, slopes, strict=True)
        return {name: np.zeros(self.tensors[name].shape) if s is None else s.numpy() for name, s in pairs}


def executed(target: Any, arguments: Any, options: Any) -> Any:
    """What an operation returns in float64, whatever narrower types it names; None for checks of types and sizes."""
    import torch

    def wide(value: Any) -> Any:
        return torch.float64 if isinstance(value, torch.dtype) and value.is_floating_point else value

    name = str(target)
    if name.startswith("aten._assert"):
        return None
    if name.startswith("aten.view."):
        # Other memory layouts than those of the export are met in float64.
        target = torch.ops.aten.reshape.default
    return target(*map(wide, arguments), **{key: wide(value) for key, value in options.items()})


def _without_dropout(exported: Any) -> Any:
    import torch

    class Plain(torch.fx.Interpreter):  # type: ignore[misc]
        def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
            name = str(target)
            if name.startswith("aten.native_dropout"):
                return args[0], torch.ones_like(args[0])
            if name.startswith("aten.dropout"):
                return args[0]
            return executed(target, args, kwargs)

    return Plain(exported.graph_module, garbage_collect_values=False)
