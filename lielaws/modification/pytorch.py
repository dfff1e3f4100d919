"""Models of PyTorch modules. PyTorch is imported only here, and only when a module is given."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from lielaws.architectures.activations import find_activation
from lielaws.arraytypes import FloatArray
from lielaws.errors import InvalidArgumentError, UnsupportedError
from lielaws.modification.model import Model
from lielaws.modification.structure import Feedforward, UnitLayer


def module_model(module: Any) -> Model:
    """A model of a module: its parameters by name, run in float64 and in evaluation mode on a copy.

    Its layers are the outputs of the modules inside without modules of their own, by their names, the last left out;
    buffers such as running means stay as they are. Units and the row of layers are known for a `Sequential` of `Linear`
    and activations. Raises UnsupportedError for a module without parameters.
    """
    inner = copy.deepcopy(module).cpu().double().eval()
    params = {name: value.detach().cpu().numpy() for name, value in inner.named_parameters()}
    if not params:
        raise UnsupportedError("model", type(module).__name__, "the module has no parameters")
    runner = _Runner(inner)
    units, row = _row(inner)
    name = type(module).__name__
    return Model(params, runner.forward, runner.layers, runner.pullback, units, row, row is not None, name, module)


def module_of(model: Model) -> Any:
    """A copy of the module that a model was read from, with the model's parameters in the module's own types.

    Raises UnsupportedError for a model that is of no module.
    """
    import torch

    if model.module is None:
        raise UnsupportedError("model", model.name, "it was not read from a PyTorch module; its arrays are in .params")
    made = copy.deepcopy(model.module)
    with torch.no_grad():
        for name, value in made.named_parameters():
            value.copy_(torch.as_tensor(model.params[name].copy()))
    return made


class _Runner:
    """Runs a module at given parameters."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.leaves = [name for name, inner in module.named_modules() if name and not list(inner.children())]

    def forward(self, params: Mapping[str, FloatArray], x: Any) -> FloatArray:
        import torch

        with torch.no_grad():
            return _array(self._run(_tensors(params), x))

    def layers(self, params: Mapping[str, FloatArray], x: Any) -> dict[str, FloatArray]:
        import torch

        found: dict[str, FloatArray] = {}
        hooks = []
        for name in self.leaves[:-1]:
            inner = self.module.get_submodule(name)
            hooks.append(inner.register_forward_hook(lambda _m, _i, out, key=name: _keep(found, key, out)))
        try:
            with torch.no_grad():
                self._run(_tensors(params), x)
        finally:
            for hook in hooks:
                hook.remove()
        return found

    def pullback(self, params: Mapping[str, FloatArray], x: Any, cotangent: FloatArray) -> dict[str, FloatArray]:
        import torch

        tensors = {name: value.requires_grad_() for name, value in _tensors(params).items()}
        outputs = self._run(tensors, x)
        slopes = torch.autograd.grad(
            outputs, list(tensors.values()), torch.as_tensor(cotangent.copy()), allow_unused=True
        )
        pairs = zip(tensors.items(), slopes, strict=True)
        return {name: np.zeros(value.shape) if slope is None else _array(slope) for (name, value), slope in pairs}

    def _run(self, tensors: Mapping[str, Any], x: Any) -> Any:
        import torch

        inputs = [x] if not isinstance(x, Mapping) else list(x.values())
        outputs = torch.func.functional_call(self.module, dict(tensors), tuple(_input(value) for value in inputs))
        if not isinstance(outputs, torch.Tensor):
            text = type(outputs).__name__
            raise InvalidArgumentError("model", text, "the module must return one tensor; wrap it in one that does")
        return outputs


def _tensors(params: Mapping[str, FloatArray]) -> dict[str, Any]:
    import torch

    return {name: torch.as_tensor(value.copy()) for name, value in params.items()}


def _input(value: Any) -> Any:
    import torch

    array = np.asarray(value)
    return torch.as_tensor(array.astype(np.int64 if array.dtype.kind in "iu" else np.float64))


def _array(tensor: Any) -> FloatArray:
    return np.asarray(tensor.detach().cpu().numpy(), dtype=np.float64)


def _keep(found: dict[str, FloatArray], name: str, out: Any) -> None:
    if hasattr(out, "detach") and out.is_floating_point():
        # Activations that work in place write over what they are given.
        found[name] = _array(out).copy()


def _row(module: Any) -> tuple[tuple[UnitLayer, ...], Feedforward | None]:
    """Units and the row of layers of a Sequential of Linear and one kind of activation; nothing for others."""
    import torch

    kinds = {
        torch.nn.ReLU: "relu",
        torch.nn.Tanh: "tanh",
        torch.nn.Sigmoid: "sigmoid",
        torch.nn.LeakyReLU: "leaky_relu",
    }
    if type(module) is not torch.nn.Sequential:
        return (), None
    inner = [(name, part) for name, part in module.named_children() if not isinstance(part, torch.nn.Dropout)]
    if inner and isinstance(inner[0][1], torch.nn.Flatten):
        inner = inner[1:]
    linear, acts = inner[::2], inner[1::2]
    found = {(kinds.get(type(part)), getattr(part, "negative_slope", 0.01)) for _, part in acts}
    if len(found) > 1 or len(linear) != len(acts) + 1 or not all(type(part) is torch.nn.Linear for _, part in linear):
        return (), None
    kind, slope = found.pop() if found else ("linear", 0.01)
    names = {id(value): name for name, value in module.named_parameters()}
    if kind is None or len({names[id(part.weight)] for _, part in linear}) != len(linear):
        return (), None
    weights = tuple(names[id(part.weight)] for _, part in linear)
    biases = tuple(None if part.bias is None else names[id(part.bias)] for _, part in linear)
    degree = find_activation(kind).degree
    units = []
    for number, (name, _) in enumerate(acts):
        incoming = [(weights[number], 0), *([(biases[number], 0)] if biases[number] is not None else [])]
        units.append(UnitLayer(name, tuple(incoming), ((weights[number + 1], 1),), degree))
    return tuple(units), Feedforward(weights, biases, kind, float(slope))
