"""The rank of the gradients of a module, by autograd in float64, which shares no code with the library."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch

import lielaws


def check_against_autograd(module: Any, example: Any) -> lielaws.Report:
    """Asserts that gradients of random combinations of the outputs, for random inputs, have the rank that is counted
    at depth one, and that no law changes along any of them; returns the report."""
    arch = lielaws.from_torch(module, example)
    report = lielaws.discover_laws(arch)
    # An import freezes nothing in the module itself; other parameters are as good.
    double = copy.deepcopy(module).double()
    with torch.no_grad():
        for tensor in double.parameters():
            tensor.copy_(torch.randn(tensor.shape))
    rows = _gradients(double, example if isinstance(example, tuple) else (example,), 4 * arch.dimension)
    sizes = torch.linalg.svdvals(rows)
    rank = int((sizes > 1e-9 * sizes[0]).sum())
    # At one point not all activation patterns occur.
    assert rank == report.growth[0] or (arch.potential.gates and rank < report.growth[0])
    params = {key: tensor.detach().numpy() for key, tensor in double.named_parameters()}
    for law in report.laws:
        slope = torch.cat([torch.from_numpy(np.ravel(part)) for part in law.gradient(params).values()])
        assert float((rows @ slope).abs().max()) < 1e-8 * float(slope.norm())
    return report


def _gradients(module: Any, example: tuple[Any, ...], count: int) -> Any:
    rng, rows = np.random.default_rng(0), []
    for _ in range(count):
        inputs = [torch.from_numpy(rng.standard_normal(x.shape)) if x.is_floating_point() else x for x in example]
        total = sum((y * torch.from_numpy(rng.standard_normal(y.shape))).sum() for y in _tensors(module(*inputs)))
        slopes = torch.autograd.grad(total, list(module.parameters()), materialize_grads=True)
        row = torch.cat([slope.ravel() for slope in slopes])
        rows.append(row / row.norm())
    return torch.stack(rows)


def _tensors(value: Any) -> list[Any]:
    return [tensor for entry in value for tensor in _tensors(entry)] if isinstance(value, tuple) else [value]
