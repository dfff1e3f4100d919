"""What an import is compared with: the module itself, with dropout off, run by torch in float64.

The exported program alone would not do: export follows neither `no_grad` nor gradients that users write. It serves to
find where a difference begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.torch.captured import Captured
from lielaws.torch.doubles import is_float

Arrays = dict[str, npt.NDArray[np.float64]]

# As far as parameters are moved, relative to 1.
_DISTANCE = 0.3


@dataclass(frozen=True)
class Reference:
    """A module in float64, which is changed here, and what torch exports of it.

    inputs, keywords : of the example
    """

    module: Any
    exported: Any
    captured: Captured
    inputs: Sequence[Any]
    keywords: Mapping[str, Any]

    def moved(self, rng: np.random.Generator) -> Reference:
        """With other parameters and other data."""
        import torch

        def drawn(value: Any) -> Any:
            return torch.from_numpy(rng.standard_normal(value.shape)) if is_float(value) else value

        with torch.no_grad():
            for tensor in self._trained().values():
                tensor.add_(torch.from_numpy(rng.standard_normal(tensor.shape)), alpha=_DISTANCE)
        inputs, keywords = [drawn(x) for x in self.inputs], {key: drawn(x) for key, x in self.keywords.items()}
        return Reference(self.module, self.exported, self.captured, inputs, keywords)

    @property
    def tensors(self) -> Arrays:
        """Parameters and frozen tensors by name."""
        named = {**dict(self.exported.constants), **dict(self.module.named_buffers())}
        named |= dict(self.module.named_parameters())
        wanted = [*self.captured.parameters, *self.captured.frozen]
        return {name: named[name].detach().numpy().copy() for name in wanted if name in named}

    @property
    def data(self) -> Arrays:
        """The inputs by name."""
        own = {called: name for name, called in self.captured.names.items()}
        specs = self.exported.graph_signature.input_specs
        called = [spec.arg.name for spec in specs if spec.kind.name == "USER_INPUT"]
        pairs = zip(called, [*self.inputs, *self.keywords.values()], strict=False)
        return {own[name]: value.numpy() for name, value in pairs if name in own}

    def run(self, cotangent: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], Arrays]:
        """All outputs one after the other, and the gradient of <cotangent, outputs> by parameter."""
        import torch
        from torch.utils._pytree import tree_leaves

        with _without_dropout():
            leaves = tree_leaves(self.module(*self.inputs, **self.keywords))
        specs = [spec for spec in self.exported.graph_signature.output_specs if spec.kind.name == "USER_OUTPUT"]
        by_name = dict(zip([getattr(spec.arg, "name", None) for spec in specs], leaves, strict=True))
        flat = torch.cat([by_name[name].reshape(-1) for name in self.captured.outputs])
        trained, slopes = self._trained(), None
        if flat.requires_grad:
            total = flat @ torch.from_numpy(cotangent)
            slopes = torch.autograd.grad(total, list(trained.values()), allow_unused=True)
        found = zip(trained, slopes or [None] * len(trained), strict=True)
        zeros = {name: np.zeros(tuple(tensor.shape)) for name, tensor in trained.items()}
        return flat.detach().numpy(), {name: zeros[name] if s is None else s.numpy() for name, s in found}

    def values(self) -> Arrays:
        """What the steps of the exported program compute, by name."""
        import torch

        stored = {**dict(self.exported.state_dict), **dict(self.exported.constants)}
        current = {**stored, **dict(self.module.named_buffers()), **dict(self.module.named_parameters())}
        given = iter([*self.inputs, *self.keywords.values()])
        specs = self.exported.graph_signature.input_specs
        arguments = [next(given, None) if s.kind.name == "USER_INPUT" else current[s.target] for s in specs]
        interpreter = _interpreter(self.exported)
        with torch.no_grad():
            interpreter.run(*arguments, enable_io_processing=False)
        pairs = ((node.name, value) for node, value in interpreter.env.items())
        return {name: value.detach().numpy() for name, value in pairs if isinstance(value, torch.Tensor)}

    def _trained(self) -> dict[str, Any]:
        named = dict(self.module.named_parameters())
        return {name: named[name] for name in self.captured.parameters}


def executed(target: Any, arguments: Any, options: Any) -> Any:
    """What an operation returns in float64, whatever narrower types it names; None for checks of types and sizes."""
    import torch

    name = str(target)
    if name.startswith("aten._assert"):
        return None
    if name.startswith("aten.view."):
        # Other memory layouts than those of the export are met in float64.
        target = torch.ops.aten.reshape.default
    return _widened(target, arguments, options)


def _widened(function: Any, arguments: Any, options: Any) -> Any:
    """A call with float64 in place of every narrower type that it names."""
    import torch

    def wide(value: Any) -> Any:
        return torch.float64 if isinstance(value, torch.dtype) and value.is_floating_point else value

    return function(*map(wide, arguments), **{key: wide(value) for key, value in options.items()})


def _without_dropout() -> Any:
    """A context in which dropout returns its input, and narrower types of floats are float64."""
    import torch

    class Plain(torch.overrides.TorchFunctionMode):  # type: ignore[misc]
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            name, options = getattr(function, "__name__", ""), dict(kwargs or {})
            if name in ("dropout", "dropout_", "dropout1d", "dropout2d", "dropout3d"):
                return args[0] if args else options["input"]
            if name == "float":
                return args[0].double()
            return _widened(function, args, options)

    return Plain()


def _interpreter(exported: Any) -> Any:
    import torch

    class Plain(torch.fx.Interpreter):  # type: ignore[misc]
        def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
            name = str(target)
            if name.startswith("aten.native_dropout"):
                return args[0], torch.ones_like(args[0])
            return args[0] if name.startswith("aten.dropout") else executed(target, args, kwargs)

    return Plain(exported.graph_module, garbage_collect_values=False)
