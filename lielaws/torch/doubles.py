"""A module and an example of its inputs in float64, refused where they cannot be used."""

from __future__ import annotations

import copy
from typing import Any

from lielaws.errors import InvalidArgumentError


def in_double(module: Any, inputs: Any, keywords: Any) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """A copy in float64, and the example in float64. Raises InvalidArgumentError for what cannot be captured."""
    import torch

    if not isinstance(module, torch.nn.Module):
        raise InvalidArgumentError("module", type(module).__name__, "a torch.nn.Module is needed")
    listed = inputs if isinstance(inputs, tuple | list) else (inputs,)
    given = dict(keywords or {})
    if not all(isinstance(entry, torch.Tensor) for entry in listed):
        kinds = [type(entry).__name__ for entry in listed]
        raise InvalidArgumentError("example_inputs", kinds, "a tensor, or a tuple of tensors, is needed")
    tensors = dict(module.named_parameters())
    if not any(tensor.requires_grad for tensor in tensors.values()):
        raise InvalidArgumentError("module", type(module).__name__, "it has no parameter that is trained")
    for name, tensor in {**tensors, **dict(module.named_buffers())}.items():
        if tensor.is_meta:
            raise InvalidArgumentError(f"module.{name}", "a meta tensor", "give it values, as by module.to_empty")
        if tensor.is_complex():
            raise InvalidArgumentError(f"module.{name}", str(tensor.dtype), "complex numbers are not supported so far")
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise InvalidArgumentError(f"module.{name}", "not finite", "infinite values and NaN cannot be compared")
    double = copy.deepcopy(module).to(device="cpu", dtype=torch.float64)
    return double, tuple(map(_doubled, listed)), {key: _doubled(value) for key, value in given.items()}


def is_float(value: Any) -> bool:
    """Whether it is a tensor of floats."""
    import torch

    return isinstance(value, torch.Tensor) and value.is_floating_point()


def _doubled(value: Any) -> Any:
    import torch

    if not isinstance(value, torch.Tensor):
        return value
    return value.detach().cpu().double() if is_float(value) else value.detach().cpu()
